//! The web server flow: what is refused, told by the pages of connecting.

use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use passerelle_core::{
    app::{connect, tokens},
    domain::ids::ConnectionId,
    ports::{BoxFuture, Ports, Transport, TransportError},
};
use passerelle_local::{Switch, browser};
use passerelle_scenarios::{Scene, settled};
use salesforce_sim::{Seed, doubts, seed::AppSeed};
use serde_json::json;

use super::{LANGUAGES, SECRET, change_app};

/// What the link's page shows, before or after Salesforce.
async fn page(scene: &Scene, language: &str) -> (u16, String) {
    let kayo: ConnectionId = "kayo".parse().unwrap();
    let document = scene.document("kayo", |document| document["connection"]["language"] = json!(language));
    scene.apply(&document).await;
    page_of(scene, &kayo, SECRET).await
}

async fn page_of(scene: &Scene, kayo: &ConnectionId, secret: &str) -> (u16, String) {
    tokens::set_client_secret(scene.stack.ports(), kayo, secret.to_owned().into()).await.unwrap();
    let path = connect::issue_link(scene.stack.ports(), kayo).await.unwrap().replace("/connect?", "/start?");
    let button = format!("{}{path}", scene.stack.addresses().gateway);
    let first = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap().post(&button).send().await.unwrap();
    if !first.status().is_redirection() {
        return (first.status().as_u16(), first.text().await.unwrap());
    }
    let user = Seed::demo().users.remove(0);
    let (browser, callback) = browser::authorize(&link(scene, kayo).await, &user.username, &user.password).await.unwrap();
    told(browser.get(callback).send().await.unwrap()).await
}

/// A link of the connection.
async fn link(scene: &Scene, kayo: &ConnectionId) -> String {
    let path = connect::issue_link(scene.stack.ports(), kayo).await.unwrap();
    format!("{}{path}", scene.stack.addresses().gateway)
}

async fn told(answer: reqwest::Response) -> (u16, String) {
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_connecting_tells_what_salesforce_would_show_on_a_page_of_its_own() {
    type Change = fn(&mut AppSeed);
    let table: [(Change, &str, [&str; 2]); 5] = [
        (|app| app.known_from = Some("2026-09-01T08:10:00Z".parse().unwrap()), "invalid_client_id", ["dizaine de minutes", "ten minutes"]),
        (|app| app.callback_urls.clear(), "redirect_uri_mismatch", ["/oauth/kayo/callback", "/oauth/kayo/callback"]),
        (|app| app.flows.web_server = false, "oauth_flow_disabled", ["paramètres OAuth", "OAuth settings"]),
        (|app| app.scopes = vec!["api".to_owned()], "invalid_scope", ["étendues", "scopes"]),
        (|app| app.ip_restricted = true, "ip_restricted", ["adresse IP", "IP address"]),
    ];
    for (change, code, words) in table {
        for (language, words) in LANGUAGES.into_iter().zip(words) {
            let scene = Scene::new().await;
            change_app(&scene, change);
            let (status, page) = page(&scene, language).await;
            assert!(status == 403 && page.contains(&format!("<code>{code}</code>")) && page.contains(words), "{code} {language}: {status} {page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_consumer_key_is_told_before_anybody_signs_in() {
    for (language, words) in LANGUAGES.into_iter().zip(["clé client", "consumer key"]) {
        let scene = Scene::new().await;
        let kayo: ConnectionId = "kayo".parse().unwrap();
        let mistyped = |document: &mut serde_json::Value| {
            document["connection"]["language"] = json!(language);
            document["salesforce"]["auth"]["web_server"]["client_id"] = json!("3MVG9.Mistyped");
        };
        scene.apply(&scene.document("kayo", mistyped)).await;
        let (status, page) = page_of(&scene, &kayo, "secret").await;
        assert!(status == 403 && page.contains("<code>invalid_client_id</code>") && page.contains(words), "{language}: {status} {page}");
    }
}

/// A link that met what has to be mended first is not used up by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_outlives_what_is_mended_meanwhile() {
    let scene = Scene::new().await;
    let kayo: ConnectionId = "kayo".parse().unwrap();
    scene.apply(&scene.document("kayo", |_| {})).await;
    let app = scene.org().control().apps().remove(0);
    tokens::set_client_secret(scene.stack.ports(), &kayo, app.secret.clone().unwrap().into()).await.unwrap();
    change_app(&scene, |app| app.callback_urls.clear());
    let link = link(&scene, &kayo).await;
    let pressed = reqwest::Client::new().post(link.replace("/connect?", "/start?")).send().await.unwrap();
    assert_eq!(pressed.status(), 403);
    scene.org().control().register_app(app);
    let user = Seed::demo().users.remove(0);
    browser::approve(&link, &user.username, &user.password).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_told_by_the_page() {
    for language in LANGUAGES {
        let scene = Scene::new().await;
        let kayo = applied(&scene, language).await;
        says(&page_of(&scene, &kayo, "another").await, language, "invalid_client");
    }
}

/// Applies the document in this language.
async fn applied(scene: &Scene, language: &str) -> ConnectionId {
    scene.apply(&scene.document("kayo", |document| document["connection"]["language"] = json!(language))).await;
    let kayo: ConnectionId = "kayo".parse().unwrap();
    tokens::set_client_secret(scene.stack.ports(), &kayo, SECRET.into()).await.unwrap();
    kayo
}

fn says((status, page): &(u16, String), language: &str, code: &str) {
    assert!(*status == 403 && page.contains(&format!("<code>{code}</code>")), "{code} {language}: {status} {page}");
    assert!(page.contains(&format!("<html lang=\"{language}\">")), "{page}");
}

/// Presses the link's button; answers where Salesforce would be asked, and the cookie.
async fn pressed(scene: &Scene, kayo: &ConnectionId) -> (reqwest::Url, String) {
    let button = link(scene, kayo).await.replace("/connect?", "/start?");
    let begun = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap().post(button).send().await.unwrap();
    let header = |name: &str| begun.headers()[name].to_str().unwrap().to_owned();
    (header("location").parse().unwrap(), header("set-cookie").split(';').next().unwrap().to_owned())
}

/// Goes on as a user who signs in and allows, after what stands in between has had the address; answers where they are sent back, and the cookie.
async fn authorized(scene: &Scene, kayo: &ConnectionId, between: impl FnOnce(reqwest::Url) -> reqwest::Url) -> (reqwest::Url, String) {
    let (asked, cookie) = pressed(scene, kayo).await;
    let user = Seed::demo().users.remove(0);
    let (_, callback) = browser::authorize(between(asked).as_str(), &user.username, &user.password).await.unwrap();
    (callback, cookie)
}

async fn returns(callback: reqwest::Url, cookie: &str) -> (u16, String) {
    told(reqwest::Client::new().get(callback).header("cookie", cookie).send().await.unwrap()).await
}

/// The address with other parameters; one without a value is left out.
fn with(url: &reqwest::Url, name: &str, value: Option<&str>) -> reqwest::Url {
    let mut changed = url.clone();
    let kept: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    changed.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(value.map(|value| (name, value)));
    changed
}

/// Who presses "Deny" on Salesforce's page is sent back with its code for that.
#[tokio::test(flavor = "multi_thread")]
async fn who_denies_is_told_how_to_allow() {
    for (language, word) in [("en", "choose “Allow”"), ("fr", "choisissez « Autoriser »")] {
        let scene = Scene::new().await;
        let kayo = applied(&scene, language).await;
        let (asked, cookie) = pressed(&scene, &kayo).await;
        let user = Seed::demo().users.remove(0);
        let (_, callback) = browser::deny(asked.as_str(), &user.username, &user.password).await.unwrap();
        let query: std::collections::BTreeMap<String, String> = callback.query_pairs().into_owned().collect();
        assert_eq!((query["error"].as_str(), query["error_description"].as_str()), ("access_denied", "end-user denied authorization"));
        let page = returns(callback.clone(), &cookie).await;
        says(&page, language, "access_denied");
        assert!(page.1.contains(word), "{}", page.1);
        assert_eq!(returns(callback, &cookie).await.0, 410, "the state is used up");
        let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
        assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("draft"));
    }
}

/// The app asks for PKCE, and what stands between the browser and Salesforce takes it away.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_asks_for_pkce_and_gets_none_is_told_by_the_page() {
    for language in LANGUAGES {
        let scene = Scene::new().await;
        change_app(&scene, |app| app.pkce_required = true);
        let kayo = applied(&scene, language).await;
        let (callback, cookie) = authorized(&scene, &kayo, |asked| with(&asked, "code_challenge", None)).await;
        says(&returns(callback, &cookie).await, language, "pkce_required");
    }
}

/// Salesforce holds the verifier against the challenge that it was sent, under either code that it may refuse with.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_does_not_fit_is_told_by_the_page() {
    for (mismatch, language) in [doubts::PkceMismatch::InvalidRequest, doubts::PkceMismatch::InvalidGrant].into_iter().zip(LANGUAGES) {
        let scene = Scene::with(settled(|doubts| doubts.pkce_mismatch = mismatch), Switch::Off).await;
        let kayo = applied(&scene, language).await;
        let other = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (callback, cookie) = authorized(&scene, &kayo, |asked| with(&asked, "code_challenge", other)).await;
        says(&returns(callback, &cookie).await, language, "pkce_refused");
    }
}

/// The verifier gets lost on its way.
struct WithoutVerifier<'a>(&'a dyn Transport);

impl Transport for WithoutVerifier<'_> {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let (parts, body) = request.into_parts();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let kept: Vec<&str> = body.split('&').filter(|pair| !pair.starts_with("code_verifier=")).collect();
        self.0.send(http::Request::from_parts(parts, kept.join("&").into()), timeout)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_without_its_proof_is_told_by_the_page() {
    for language in LANGUAGES {
        let scene = Scene::new().await;
        let kayo = applied(&scene, language).await;
        let (callback, cookie) = authorized(&scene, &kayo, |asked| asked).await;
        let value = |name: &str| callback.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let query = connect::CallbackQuery { state: value("state"), code: value("code"), ..connect::CallbackQuery::default() };
        let lossy = WithoutVerifier(scene.stack.ports().transport);
        let reply = connect::callback(Ports { transport: &lossy, ..scene.stack.ports() }, &kayo, &query, &[cookie]).await;
        says(&(reply.status, reply.html), language, "pkce_required");
    }
}

/// The org's clock tells how old a code is.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_too_old_is_told_by_the_page() {
    for language in LANGUAGES {
        let scene = Scene::new().await;
        let kayo = applied(&scene, language).await;
        let (callback, cookie) = authorized(&scene, &kayo, |asked| asked).await;
        scene.org().control().advance(SignedDuration::from_mins(16));
        says(&returns(callback, &cookie).await, language, "code_expired");
    }
}

/// PKCE is asked for by the app; an authorization without it ends before anybody signs in.
#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_asks_for_pkce_gets_it() {
    let scene = Scene::new().await;
    change_app(&scene, |app| app.pkce_required = true);
    let (status, page) = page(&scene, "en").await;
    assert_eq!(status, 200, "{page}");
}
