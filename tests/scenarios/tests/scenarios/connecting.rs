//! Connecting an org by the web server flow.

use passerelle_core::{
    app::{configure, connect, connections, tokens},
    domain::ids::ConnectionId,
};
use passerelle_local::{SalesforceTarget, Stack, StackOptions, Switch, browser, functions};
use passerelle_scenarios::Scene;
use salesforce_sim::{Options, Seed, Sim};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_link_works_once() {
    let scene = Scene::new().await;
    let kayo = scene.connect("kayo").await;
    let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("ready"));
    assert!(meta.organization.is_some());

    let path = connect::issue_link(scene.stack.ports(), &kayo).await.unwrap();
    let link = format!("{}{path}", scene.stack.addresses().gateway);
    let client = plain();
    // Whoever only looks, as scanners of mail and previews do, uses nothing up and gets no cookie; the button is posted.
    for _ in 0..3 {
        let looked = client.get(&link).send().await.unwrap();
        assert!(looked.status() == 200 && !looked.headers().contains_key("set-cookie"), "{looked:?}");
        let page = looked.text().await.unwrap();
        let form = browser::Form::read(&page).unwrap().filled("", "").0;
        assert!(page.contains("KAYO") && page.contains("method=\"post\"") && form.starts_with("start?ticket="), "{page}");
    }
    let button = link.replace("/connect?", "/start?");
    assert_eq!(client.get(&button).send().await.unwrap().status(), 404, "the button is not for looking");
    let first = client.post(&button).send().await.unwrap();
    assert_eq!(first.status(), 303, "{first:?}");
    let second = client.post(&button).send().await.unwrap();
    assert!(second.status().is_client_error(), "{second:?}");
    assert_eq!(client.get(&link).send().await.unwrap().status(), 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_link_speaks_the_language_of_its_connection() {
    let scene = Scene::new().await;
    for (language, words) in [("fr", "Vous allez vous identifier chez Salesforce"), ("en", "You will sign in at Salesforce")] {
        scene.apply(&scene.document("kayo", |document| document["connection"]["language"] = json!(language))).await;
        let path = connect::issue_link(scene.stack.ports(), &"kayo".parse().unwrap()).await.unwrap();
        let page = reqwest::get(format!("{}{path}", scene.stack.addresses().gateway)).await.unwrap().text().await.unwrap();
        assert!(page.contains(&format!("<html lang=\"{language}\">")) && page.contains(words), "{page}");
    }
}

/// A browser that goes nowhere by itself.
fn plain() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A browser that has been sent to Salesforce and signed in there, with the address that it was sent back to and its cookie.
async fn begun(scene: &Scene, kayo: &ConnectionId) -> (reqwest::Url, String) {
    let path = connect::issue_link(scene.stack.ports(), kayo).await.unwrap().replace("/connect?", "/start?");
    let (link, user) = (format!("{}{path}", scene.stack.addresses().gateway), &Seed::demo().users[0]);
    let begun = plain().post(&link).send().await.unwrap();
    let cookie = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let location = begun.headers()["location"].to_str().unwrap().to_owned();
    let (_, callback) = browser::authorize(&location, &user.username, &user.password).await.unwrap();
    (callback, cookie)
}

async fn returns(callback: reqwest::Url, cookie: Option<&str>) -> (u16, String) {
    let mut request = reqwest::Client::new().get(callback);
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What the browser brings back belongs to the browser that was sent, to one connection, and to ten minutes.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_who_was_sent_and_within_ten_minutes() {
    let scene = Scene::new().await;
    let (kayo, _) = (scene.connect("kayo").await, scene.connect("other").await);
    let before = scene.org().control().counters().by_route.get("oauth.token").copied();
    let with = |url: &reqwest::Url, path: Option<&str>, drop: &str| {
        let mut changed = url.clone();
        let kept: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(name, _)| name != drop).collect();
        changed.query_pairs_mut().clear().extend_pairs(kept);
        if let Some(path) = path {
            changed.set_path(path);
        }
        changed
    };
    for (name, path, drop, cookie, minutes, code) in [
        ("without a cookie", None, "", Some(None), 0, "other_browser"),
        ("with an invented one", None, "", Some(Some("passerelle=AAAA")), 0, "other_browser"),
        ("for another connection", Some("/oauth/other/callback"), "", None, 0, "state_expired"),
        ("for none", Some("/oauth/nobody/callback"), "", None, 0, "state_expired"),
        ("without a state", None, "state", None, 0, "state_expired"),
        ("without a code", None, "code", None, 0, "callback_incomplete"),
        ("after ten minutes", None, "", None, 10, "state_expired"),
    ] {
        let (callback, own) = begun(&scene, &kayo).await;
        scene.clock.advance(jiff::SignedDuration::from_mins(minutes));
        let cookie = cookie.unwrap_or(Some(own.as_str()));
        let (status, page) = returns(with(&callback, path, drop), cookie).await;
        assert!((400..500).contains(&status) && page.contains(code), "{name}: {status} {page}");
    }
    // Another browser's cookie, which is as good as any for its own way.
    let ((callback, _), (theirs, cookie)) = (begun(&scene, &kayo).await, begun(&scene, &kayo).await);
    let (status, page) = returns(callback, Some(&cookie)).await;
    assert!((400..500).contains(&status) && page.contains("other_browser"), "{status} {page}");
    assert_eq!(scene.org().control().counters().by_route.get("oauth.token").copied(), before, "no code was shown to Salesforce");
    assert_eq!(returns(theirs.clone(), Some(&cookie)).await.0, 200);
    assert!(returns(theirs, Some(&cookie)).await.1.contains("state_expired"), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_for_one_connection_and_ten_minutes_and_who_has_none_learns_nothing() {
    let scene = Scene::new().await;
    let (kayo, _) = (scene.connect("kayo").await, scene.connect("other").await);
    let gateway = scene.stack.addresses().gateway.clone();
    let open = async |path: &str| {
        let seen = plain().get(format!("{gateway}{}", path.replace("/start", "/connect"))).send().await.unwrap();
        let pressed = plain().post(format!("{gateway}{path}")).send().await.unwrap();
        let told = async |answer: reqwest::Response| (answer.status().as_u16(), answer.text().await.unwrap().contains("ticket_expired"));
        [told(seen).await, told(pressed).await]
    };
    let ticket = async || connect::issue_link(scene.stack.ports(), &kayo).await.unwrap().replace("/connect?", "/start?");
    let strange = ticket().await.replace("/kayo/", "/other/");
    for path in [&strange, "/oauth/kayo/start", "/oauth/kayo/start?ticket=AAAA", "/oauth/nobody/start?ticket=AAAA"] {
        assert_eq!(open(path).await, [(410, true); 2], "{path}");
    }
    // Not even the language tells whether there is such a connection.
    scene.apply(&scene.document("kayo", |document| document["connection"]["language"] = json!("en"))).await;
    let page = async |path: String| plain().post(format!("{gateway}{path}")).send().await.unwrap().text().await.unwrap();
    assert_eq!(page("/oauth/kayo/start?ticket=AAAA".to_owned()).await, page("/oauth/nobody/start?ticket=AAAA".to_owned()).await);
    let late = ticket().await;
    scene.clock.advance(jiff::SignedDuration::from_mins(10));
    assert_eq!(open(&late).await, [(410, true); 2]);
    assert_eq!(open(&ticket().await).await, [(200, false), (303, false)]);
}

/// The org is somebody else's: the stack knows its address only, and what the administrator types in.
#[tokio::test(flavor = "multi_thread")]
async fn an_org_outside_the_stack_is_connected_by_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (login_url, instance_url) = (format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}"));
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut seed = Seed::demo();
    seed.apps[0].callback_urls.push(format!("http://localhost:{gateway}/oauth/kayo/callback"));
    let (app, user) = (seed.apps[0].clone(), seed.users[0].clone());
    let org = Sim::new(seed, Options { login_url: login_url.clone(), instance_url, ..Options::default() }).unwrap();
    let serving = tokio::spawn({
        let org = org.clone();
        async move { org.serve(listener).await }
    });

    let salesforce = SalesforceTarget::Real(login_url.clone());
    let options = StackOptions { gateway_port: gateway, salesforce, stream: Switch::Off, sweep_interval: None, ..StackOptions::default() };
    let stack = Stack::start(options, functions::wire).await.unwrap();
    let mut document: Value = serde_norway::from_str(passerelle_scenarios::KAYO).unwrap();
    document["salesforce"]["host"] = json!({"url": login_url});
    document["salesforce"]["auth"]["web_server"]["client_id"] = json!(app.client_id);
    let kayo: ConnectionId = "kayo".parse().unwrap();
    configure::apply(stack.ports(), &document).await.unwrap();
    tokens::set_client_secret(stack.ports(), &kayo, app.secret.unwrap().into()).await.unwrap();
    let path = connect::issue_link(stack.ports(), &kayo).await.unwrap();
    browser::approve(&format!("{}{path}", stack.addresses().gateway), &user.username, &user.password).await.unwrap();
    connections::activate(stack.ports(), &kayo).await.unwrap();
    let meta = stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("active"));
    assert!(org.control().counters().api_calls > 0, "the first call went to the org outside");
    stack.shutdown().await;
    serving.abort();
}
