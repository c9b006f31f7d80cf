//! What Salesforce refuses when an org is connected, and what the administrator is told: each produced by the simulated org, in French and
//! in English.

use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use passerelle_core::{
    app::{
        connect::{self, Refused},
        tokens,
    },
    domain::ids::ConnectionId,
    ports::{BoxFuture, Ports, Transport, TransportError},
};
use passerelle_local::{Switch, browser};
use passerelle_scenarios::{Scene, settled};
use salesforce_sim::{
    Effect, Matcher, Seed, doubts,
    org::Org,
    seed::{AppSeed, Permissions},
};
use serde_json::{Value, json};

const USER: &str = "integration@kayo.fr";
const SECRET: &str = "8F2D0C1B7A6E5943-demo-consumer-secret";
const LANGUAGES: [&str; 2] = ["fr", "en"];

/// A scene whose connection signs in by itself, with a key whose certificate the app has.
async fn signing(language: &str) -> (Scene, ConnectionId) {
    let scene = Scene::new().await;
    let kayo: ConnectionId = "kayo".parse().unwrap();
    let mut app = scene.org().control().apps().remove(0);
    let auth = json!({"jwt_bearer": {"client_id": app.client_id, "username": USER}});
    let document = scene.document("kayo", |document| {
        document["connection"]["language"] = json!(language);
        document["salesforce"]["auth"] = auth.clone();
    });
    scene.apply(&document).await;
    let made = passerelle_certificate::make("Passerelle", "2026-09-01T08:00:00Z".parse().unwrap()).unwrap();
    app.certificate_pem = Some(made.certificate.clone());
    app.flows.jwt_bearer = true;
    app.pre_authorized = vec![USER.to_owned()];
    scene.org().control().register_app(app);
    let key = tokens::SigningKey::new(made.private_key, made.certificate, made.expires_at);
    tokens::add_key(scene.stack.ports(), &kayo, key).await.unwrap();
    (scene, kayo)
}

fn change_app(scene: &Scene, change: impl FnOnce(&mut AppSeed)) {
    let mut app = scene.org().control().apps().remove(0);
    change(&mut app);
    scene.org().control().register_app(app);
}

fn user(org: &mut Org, change: impl FnOnce(&mut Org, &salesforce_sim::Id)) {
    let id = org.user_by_name(USER).unwrap().id;
    change(org, &id);
}

/// The next token request is refused so.
fn refuse(scene: &Scene, code: &str, text: &str) {
    let effect = Effect::Status { status: 400, code: code.to_owned(), message: text.to_owned(), retry_after: None };
    scene.org().control().fault(Matcher::route("oauth.token").times(1), effect);
}

type Spoil = fn(&Scene);

/// What is out of order, and the code and two words of the English and the French sentence that tell it.
const SIGNING: [(&str, Spoil, &str, [&str; 2]); 17] = [
    (
        "a consumer key that is not known",
        |s| change_app(s, |app| app.known_from = Some("2027-01-01T00:00:00Z".parse().unwrap())),
        "invalid_client_id",
        ["consumer key", "clé client"],
    ),
    ("another certificate", |s| change_app(s, |app| app.certificate_pem = None), "assertion_refused", ["certificate", "certificat"]),
    ("a flow that is off", |s| change_app(s, |app| app.flows.jwt_bearer = false), "assertion_refused", ["JWT bearer flow", "flux JWT"]),
    ("a user whom nobody approved", |s| change_app(s, |app| app.pre_authorized.clear()), "user_not_approved", ["pre-authorized", "préautorisés"]),
    (
        "others are pre-authorized",
        |s| change_app(s, |app| app.pre_authorized = vec!["technique@kayo.fr".to_owned()]),
        "user_not_approved",
        ["permission set", "ensemble d'autorisations"],
    ),
    ("an app that is not installed", |s| change_app(s, |app| app.installed = false), "app_not_installed", ["installs it", "l'installe"]),
    ("a blocked app", |s| change_app(s, |app| app.blocked = true), "app_blocked", ["unblocks it", "la débloque"]),
    ("an address that is not allowed", |s| change_app(s, |app| app.ip_restricted = true), "ip_restricted", ["IP address", "adresse IP"]),
    ("an inactive user", |s| s.org().with_org(|org| user(org, |org, id| org.set_user_active(id, false))), "inactive_user", ["inactive", "désactivé"]),
    ("a locked org", |s| s.org().with_org(|org| org.organization_mut().locked = true), "inactive_org", ["suspended", "suspendue"]),
    ("an edition without API", |s| s.org().with_org(|org| org.organization_mut().api_enabled = false), "api_disabled", ["edition", "édition"]),
    (
        "a profile without API",
        |s| {
            let permissions = Permissions { api_enabled: false, ..Permissions::default() };
            s.org().with_org(|org| user(org, |org, id| org.set_user_permissions(id, permissions)));
        },
        "INVALID_SESSION_ID",
        ["API Enabled", "API activée"],
    ),
    (
        "no calls left",
        |s| assert!(s.org().control().fault(Matcher::route("query"), Effect::Quota) > 0),
        "REQUEST_LIMIT_EXCEEDED",
        ["API calls", "appels d'API"],
    ),
    ("a clock that is late", |s| s.org().control().advance(SignedDuration::from_mins(4)), "assertion_expired", ["clock", "horloge"]),
    ("a clock that is early", |s| s.org().control().advance(SignedDuration::from_mins(-4)), "assertion_expired", ["clock", "horloge"]),
    (
        "a user who may not",
        |s| refuse(s, "invalid_grant", "authentication failure - Invalid Password"),
        "authentication_failure",
        ["login history", "historique"],
    ),
    ("Salesforce is down", |s| refuse(s, "server_error", ""), "server_error", ["not available", "indisponible"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_refused_tells_cause_and_cure_in_both_languages() {
    for (name, spoil, code, words) in SIGNING {
        for (language, words) in LANGUAGES.into_iter().zip(words.into_iter().rev()) {
            let (scene, kayo) = signing(language).await;
            spoil(&scene);
            let refused = connect::sign_in(scene.stack.ports(), &kayo).await.unwrap_err();
            assert_eq!(refused.code, code, "{name}");
            assert!(format!("{} {}", refused.cause, refused.cure).contains(words), "{name}, {language}: {refused:?}");
            let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
            assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("draft"), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_not_known_everywhere_yet_is_in_ten_minutes() {
    let (scene, kayo) = signing("en").await;
    let soon = "2026-09-01T08:10:00Z".parse().unwrap();
    change_app(&scene, |app| app.known_from = Some(soon));
    let refused = connect::sign_in(scene.stack.ports(), &kayo).await.unwrap_err();
    assert!(refused.code == "invalid_client_id" && refused.cure.contains("ten minutes"), "{refused:?}");
    scene.clock.advance(SignedDuration::from_mins(10));
    connect::sign_in(scene.stack.ports(), &kayo).await.unwrap();
}

/// Salesforce takes a signature that is meant for its own hosts. This one is meant for the name that the org had before it was moved.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_for_another_host_is_told_with_the_cure() {
    for (language, word) in [("en", "Correct the host"), ("fr", "Corrigez l'hôte")] {
        let (scene, kayo) = signing(language).await;
        let instance = scene.stack.addresses().salesforce.instance.clone().unwrap();
        let signed = scene.document("kayo", |document| {
            let client_id = document["salesforce"]["auth"]["web_server"]["client_id"].clone();
            document["connection"]["language"] = json!(language);
            document["salesforce"]["host"] = json!({"url": instance});
            document["salesforce"]["auth"] = json!({"jwt_bearer": {"client_id": client_id, "username": USER}});
        });
        scene.apply(&signed).await;
        scene.org().control().move_instance("https://renamed.my.salesforce.com");
        let refused = connect::sign_in(scene.stack.ports(), &kayo).await.unwrap_err();
        assert!(refused.code == "audience_wrong" && refused.cure.contains(word), "{refused:?}");
    }
}

/// Whoever rewrites answers on their way may name another org; nothing signs the answer to an assertion.
struct Forger<'a>(&'a dyn Transport, Forge);

type Forge = fn(&mut Value);

impl Transport for Forger<'_> {
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let is_token = request.uri().path().ends_with("/oauth2/token");
        Box::pin(async move {
            let answer = self.0.send(request, timeout).await?;
            if !is_token {
                return Ok(answer);
            }
            let (parts, body) = answer.into_parts();
            let mut body: Value = serde_json::from_slice(&body).unwrap();
            self.1(&mut body);
            Ok(http::Response::from_parts(parts, body.to_string().into()))
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_none_of_salesforce_is_refused_and_nothing_is_stored() {
    fn at(body: &mut Value, origin: &str) {
        let path = body["id"].as_str().unwrap().split_once("/id/").unwrap().1.to_owned();
        body["id"] = json!(format!("{origin}/id/{path}"));
    }
    fn swapped(body: &mut Value) {
        let parts: Vec<String> = body["id"].as_str().unwrap().split('/').map(str::to_owned).collect();
        let [before @ .., organization, user] = parts.as_slice() else { panic!("{parts:?}") };
        body["id"] = json!(format!("{}/{user}/{organization}", before.join("/")));
    }
    let forgeries: [(&str, Forge); 4] = [
        ("another host", |body| at(body, "https://evil.example")),
        ("Salesforce without TLS", |body| at(body, "http://login.salesforce.com")),
        ("a private address", |body| at(body, "https://10.0.0.1")),
        ("a user in the place of the org", swapped),
    ];
    for (language, word) in [("en", "no proxy rewrites"), ("fr", "aucun proxy ne récrit")] {
        let (scene, kayo) = signing(language).await;
        let ports = scene.stack.ports();
        for (name, forge) in forgeries {
            let forger = Forger(ports.transport, forge);
            let refused = connect::sign_in(Ports { transport: &forger, ..ports }, &kayo).await.unwrap_err();
            assert!(refused.code == "identity_wrong" && refused.cure.contains(word), "{name}: {refused:?}");
            assert!(tokens::load_credentials(ports, &kayo).await.unwrap().unwrap().access_token.is_none(), "{name}");
        }
        // What Salesforce itself says passes, also through the same way.
        let honest = Forger(ports.transport, |_| ());
        connect::sign_in(Ports { transport: &honest, ..ports }, &kayo).await.unwrap();
    }
}

/// The client credentials flow has refusals of its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_signs_in_by_itself_is_told_what_it_lacks() {
    type Change = fn(&mut AppSeed);
    let table: [(Change, &str, bool, &str); 4] = [
        (|app| app.run_as = None, "secret", false, "no_run_as_user"),
        (|app| app.flows.client_credentials = false, "secret", false, "no_run_as_user"),
        (|_| (), "another", false, "invalid_client"),
        (|_| (), "secret", true, "wrong_domain"),
    ];
    for ((change, secret, login_host, code), language) in table.into_iter().flat_map(|row| LANGUAGES.map(|language| (row, language))) {
        let scene = Scene::new().await;
        let kayo: ConnectionId = "kayo".parse().unwrap();
        change_app(&scene, |app| {
            app.secret = Some("secret".to_owned());
            app.flows.client_credentials = true;
            app.run_as = Some(USER.to_owned());
            change(app);
        });
        let addresses = scene.stack.addresses().salesforce.clone();
        let document = scene.document("kayo", |document| {
            let client_id = document["salesforce"]["auth"]["web_server"]["client_id"].clone();
            document["connection"]["language"] = json!(language);
            document["salesforce"]["auth"] = json!({"client_credentials": {"client_id": client_id}});
            document["salesforce"]["host"] = json!({"url": if login_host { &addresses.login } else { addresses.instance.as_ref().unwrap() }});
        });
        scene.apply(&document).await;
        tokens::set_client_secret(scene.stack.ports(), &kayo, secret.into()).await.unwrap();
        let refused = connect::sign_in(scene.stack.ports(), &kayo).await.unwrap_err();
        assert_eq!(refused.code, code);
        told_in(language, &refused);
    }
}

fn told_in(language: &str, refused: &Refused) {
    let french = refused.cause.starts_with("L'") || refused.cause.starts_with("Le ") || refused.cause.starts_with("Salesforce n'");
    assert_eq!(french, language == "fr", "{refused:?}");
    assert!(!refused.cause.contains("refused the connection") && !refused.cause.contains("a refusé la connexion"), "{refused:?}");
}

/// The web server flow: what the link's page shows, before or after Salesforce.
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
    let scene = Scene::new().await;
    let kayo: ConnectionId = "kayo".parse().unwrap();
    scene.apply(&scene.document("kayo", |document| document["salesforce"]["auth"]["web_server"]["client_id"] = json!("3MVG9.Mistyped"))).await;
    let (status, page) = page_of(&scene, &kayo, "secret").await;
    assert!(status == 403 && page.contains("<code>invalid_client_id</code>") && page.contains("clé client"), "{status} {page}");
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
        let (asked, cookie) = pressed(&scene, &kayo).await;
        let user = Seed::demo().users.remove(0);
        let (_, callback) = browser::authorize(with(&asked, "code_challenge", None).as_str(), &user.username, &user.password).await.unwrap();
        says(&returns(callback, &cookie).await, language, "pkce_required");
    }
}

/// Salesforce holds the verifier against the challenge that it was sent, under either code that it may refuse with.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_does_not_fit_is_told_by_the_page() {
    for (mismatch, language) in [doubts::PkceMismatch::InvalidRequest, doubts::PkceMismatch::InvalidGrant].into_iter().zip(LANGUAGES) {
        let scene = Scene::with(settled(|doubts| doubts.pkce_mismatch = mismatch), Switch::Off).await;
        let kayo = applied(&scene, language).await;
        let (asked, cookie) = pressed(&scene, &kayo).await;
        let user = Seed::demo().users.remove(0);
        let other = with(&asked, "code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        let (_, callback) = browser::authorize(other.as_str(), &user.username, &user.password).await.unwrap();
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
        let (asked, cookie) = pressed(&scene, &kayo).await;
        let user = Seed::demo().users.remove(0);
        let (_, callback) = browser::authorize(asked.as_str(), &user.username, &user.password).await.unwrap();
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
        let (asked, cookie) = pressed(&scene, &kayo).await;
        let user = Seed::demo().users.remove(0);
        let (_, callback) = browser::authorize(asked.as_str(), &user.username, &user.password).await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn the_test_of_a_connection_tells_why_it_is_broken() {
    let rotated: Spoil = |s| assert!(s.org().control().revoke_refresh_tokens(None) > 0);
    let inactive: Spoil = |s| {
        s.org().with_org(|org| {
            let id = org.users().next().unwrap().id;
            org.set_user_active(&id, false);
        });
    };
    for (spoil, code) in [
        (rotated, "token_expired"),
        (inactive, "inactive_user"),
        (|s| s.org().with_org(|org| org.organization_mut().locked = true), "inactive_org"),
        (|s| change_app(s, |app| app.ip_restricted = true), "ip_restricted"),
        (|s| change_app(s, |app| app.blocked = true), "app_blocked"),
    ] {
        for refusal in [doubts::InactiveUser::InactiveUser, doubts::InactiveUser::InvalidGrant] {
            let scene = Scene::with(settled(|doubts| doubts.inactive_user = refusal), Switch::Off).await;
            let kayo = scene.active("kayo").await;
            let tested = connect::test(scene.stack.ports(), &kayo).await.unwrap();
            assert!(tested.usage.is_some() && tested.organization.starts_with("00D"), "{tested:?}");
            spoil(&scene);
            assert_eq!(connect::test(scene.stack.ports(), &kayo).await.unwrap_err().code, code, "{refusal:?}");
            // What the functions meet has the same name.
            scene.org().control().expire_access_tokens();
            scene.accept("kayo", &passerelle_scenarios::capture("e1", passerelle_scenarios::person(1))).await;
            scene.sweep().await;
            let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
            assert_eq!((serde_json::to_value(meta.status).unwrap(), meta.cause.as_deref()), (json!("broken"), Some(code)));
        }
    }
}

/// The refusal that comes with the years: a token that was revoked or replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_is_told_in_both_languages() {
    for (language, [cause, cure]) in [("fr", ["révoqué", "Reconnectez"]), ("en", ["was revoked", "Connect again"])] {
        let scene = Scene::new().await;
        let kayo = scene.active("kayo").await;
        scene.apply(&scene.document("kayo", |document| document["connection"]["language"] = json!(language))).await;
        assert!(scene.org().control().revoke_refresh_tokens(None) > 0);
        let refused = connect::test(scene.stack.ports(), &kayo).await.unwrap_err();
        assert!(refused.cause.contains(cause) && refused.cure.contains(cure), "{refused:?}");
    }
}

/// Nothing that Salesforce says of a refusal is in what we tell but its code.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_nobody_knows_is_told_by_its_code() {
    let (scene, kayo) = signing("en").await;
    refuse(&scene, "something_new", "<b>secret words</b>");
    let refused: Value = serde_json::to_value(connect::sign_in(scene.stack.ports(), &kayo).await.unwrap_err()).unwrap();
    assert_eq!(refused["code"], "something_new");
    assert!(!refused.to_string().contains("secret words"), "{refused}");
}

/// Where nothing rotates there is no token that could be dead: a refusal that nobody knows is no reason to ask no more.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_refusal_ends_no_connection_that_signs_in_by_itself() {
    let (scene, kayo) = signing("en").await;
    let ports = scene.stack.ports();
    connect::sign_in(ports, &kayo).await.unwrap();
    refuse(&scene, "invalid_grant", "something that nobody knows");
    assert_eq!(connect::test(ports, &kayo).await.unwrap_err().code, "invalid_grant");
    connect::test(ports, &kayo).await.unwrap();
}

/// A host that is none of Salesforce is refused when it is written, and again when an org answers with one.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_none_of_salesforce_is_refused_wherever_it_comes_from() {
    let scene = Scene::new().await;
    for host in [
        "https://evil.example",
        "http://login.salesforce.com",
        "http://127.0.0.1:1",
        "https://169.254.169.254",
        "https://login.salesforce.com.evil.org",
    ] {
        let document = scene.document("kayo", |document| document["salesforce"]["host"] = json!({"url": host}));
        let refused = passerelle_core::app::configure::apply(scene.stack.ports(), &document).await.unwrap_err();
        let passerelle_core::app::configure::ConfigureError::Invalid(faults) = refused else { panic!("{host}: {refused:?}") };
        assert_eq!(faults[0].place, "salesforce.host", "{host}");
    }
    let kayo = scene.active("kayo").await;
    for host in ["https://evil.example", "https://10.0.0.1", "https://[::ffff:169.254.169.254]", "http://acme.my.salesforce.com"] {
        let own = scene.stack.addresses().salesforce.instance.clone().unwrap();
        scene.org().control().move_instance(host);
        assert_eq!(connect::test(scene.stack.ports(), &kayo).await.unwrap_err().code, "host_refused", "{host}");
        scene.org().control().move_instance(&own);
        // The tokens that came with it are lost; the former one is dead, is tried once, and that is told.
        let asked = || scene.org().control().journal().iter().filter(|entry| entry.route == "oauth.token").count();
        let before = asked();
        for _ in 0..3 {
            assert_eq!(connect::test(scene.stack.ports(), &kayo).await.unwrap_err().code, "rotation_lost", "{host}");
        }
        assert_eq!(asked() - before, 1, "{host}");
        scene.authorise("kayo").await;
        connect::test(scene.stack.ports(), &kayo).await.unwrap();
    }
}
