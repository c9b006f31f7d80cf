//! What Salesforce refuses when an org is connected, and what the administrator is told: each produced by the simulated org, in French and
//! in English.

mod pages;

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
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, settled};
use salesforce_sim::{
    Effect, Matcher, doubts,
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
