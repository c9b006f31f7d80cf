//! Connecting an org without a browser that comes back: by a signature, by the app's own secret, by a code that somebody types in.

use jiff::SignedDuration;
use passerelle_core::{
    adapters::state::tokens::Leased,
    app::{
        connect, connections,
        tokens::{self, KeyError, SigningKey},
    },
    domain::ids::ConnectionId,
    ports::{Clock, Ports},
};
use passerelle_scenarios::{Scene, capture, person};
use salesforce_sim::seed::{AppSeed, Flows};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const KEY: &str = "3MVG9.Flows";
const SECRET: &str = "the-secret-of-the-flows";
const USER: &str = "integration@kayo.fr";

/// A scene whose document signs in by this section, with an app of this kind in the org.
async fn scene(auth: Value, app: impl FnOnce(&mut AppSeed)) -> (Scene, ConnectionId) {
    let scene = Scene::new().await;
    let none = Flows { web_server: false, ..Flows::default() };
    let mut seed = AppSeed { client_id: KEY.to_owned(), secret: Some(SECRET.to_owned()), flows: none, ..AppSeed::default() };
    app(&mut seed);
    scene.org().control().register_app(seed);
    let instance = scene.stack.addresses().salesforce.instance.clone().unwrap();
    let document = scene.document("kayo", |document| {
        if auth.get("client_credentials").is_some() {
            document["salesforce"]["host"] = json!({"url": instance});
        }
        document["salesforce"]["auth"] = auth.clone();
    });
    scene.apply(&document).await;
    (scene, "kayo".parse().unwrap())
}

fn jwt() -> Value {
    json!({"jwt_bearer": {"client_id": KEY, "username": USER}})
}

/// Makes a key, and answers its id and its certificate.
async fn make_key(ports: Ports<'_>, c: &ConnectionId) -> Result<(String, String), KeyError> {
    let made = passerelle_certificate::make("Passerelle", ports.clock.now()).unwrap();
    let key = SigningKey::new(made.private_key, made.certificate, made.expires_at);
    let made = (key.id.clone(), key.certificate.clone());
    tokens::add_key(ports, c, key).await.map(|()| made)
}

/// What an administrator does: uploads a certificate to the app, in the place of the one that there was.
fn upload(scene: &Scene, certificate: &str) {
    let mut app = scene.org().control().apps().into_iter().find(|app| app.client_id == KEY).unwrap();
    app.certificate_pem = Some(certificate.to_owned());
    scene.org().control().register_app(app);
}

/// As the command does it: asks for a code, shows it, and asks until it was typed in.
async fn by_device(ports: Ports<'_>, c: &ConnectionId, tell: impl FnOnce(&connect::DeviceCode)) -> Result<connect::Connected, connect::Refused> {
    let code = connect::begin_device(ports, c).await?;
    tell(&code);
    connect::wait_for_device(ports.clock, &code, async |code| connect::poll_device(ports, c, code).await).await
}

fn jwt_app(app: &mut AppSeed) {
    app.flows.jwt_bearer = true;
    app.pre_authorized = vec![USER.to_owned()];
}

async fn status(scene: &Scene, c: &ConnectionId) -> Value {
    let meta = scene.stack.ports().table.load_meta(c).await.unwrap().unwrap();
    serde_json::to_value(meta.status).unwrap()
}

/// Works an event with a session that has run out.
async fn works_after_expiry(scene: &Scene, c: &ConnectionId, n: usize) {
    assert!(scene.org().control().expire_access_tokens() > 0);
    scene.work(c, &capture(&format!("e{n}"), person(n))).await;
    assert_eq!(scene.event(c, &format!("e{n}")).await.attempts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_connects_at_once_and_renews_itself() {
    let (scene, kayo) = scene(jwt(), jwt_app).await;
    let ports = scene.stack.ports();
    assert_eq!(connect::sign_in(ports, &kayo).await.unwrap_err().code, "no_certificate");
    let (_, certificate) = make_key(ports, &kayo).await.unwrap();
    assert_eq!(connect::sign_in(ports, &kayo).await.unwrap_err().code, "assertion_refused");

    upload(&scene, &certificate);
    let connected = connect::sign_in(ports, &kayo).await.unwrap();
    assert_eq!((connected.user.as_deref(), connected.usage.is_some(), connected.certificate_not_accepted), (Some(USER), true, None));
    assert_eq!(status(&scene, &kayo).await, "ready");
    connections::activate(ports, &kayo).await.unwrap();
    works_after_expiry(&scene, &kayo, 1).await;
    // No refresh token was ever given, so none can be lost.
    assert!(tokens::load_credentials(ports, &kayo).await.unwrap().unwrap().refresh_token.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_takes_the_old_ones_place_without_a_gap() {
    let (scene, kayo) = scene(jwt(), jwt_app).await;
    let ports = scene.stack.ports();
    let (old, certificate) = make_key(ports, &kayo).await.unwrap();
    upload(&scene, &certificate);
    connect::sign_in(ports, &kayo).await.unwrap();
    connections::activate(ports, &kayo).await.unwrap();
    assert!(matches!(tokens::retire_key(ports, &kayo).await, Err(KeyError::OneOnly)));

    // The new key is there, its certificate is not: the old one goes on.
    let (new, next) = make_key(ports, &kayo).await.unwrap();
    works_after_expiry(&scene, &kayo, 1).await;
    assert_eq!(connect::sign_in(ports, &kayo).await.unwrap().certificate_not_accepted, Some(new.clone()));
    assert!(matches!(tokens::retire_key(ports, &kayo).await, Err(KeyError::NotAccepted)));
    assert!(matches!(make_key(ports, &kayo).await, Err(KeyError::TwoAlready)));

    // With the upload the old one is refused, and the new one signs with the same call.
    upload(&scene, &next);
    works_after_expiry(&scene, &kayo, 2).await;
    let held = tokens::load_credentials(ports, &kayo).await.unwrap().unwrap();
    assert_eq!(held.accepted_key, Some(new));
    assert_eq!(tokens::retire_key(ports, &kayo).await.unwrap(), old);
    works_after_expiry(&scene, &kayo, 3).await;

    // A certificate that nobody has a key to breaks the connection, and says why.
    upload(&scene, &certificate);
    scene.org().control().expire_access_tokens();
    scene.accept("kayo", &capture("e4", person(4))).await;
    scene.sweep().await;
    let meta = ports.table.load_meta(&kayo).await.unwrap().unwrap();
    assert_eq!((status(&scene, &kayo).await, meta.cause.as_deref()), (json!("broken"), Some("assertion_refused")));
    upload(&scene, &next);
    connect::sign_in(ports, &kayo).await.unwrap();
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e4").await.status, "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apps_own_secret_connects_at_once_and_renews_itself() {
    let (scene, kayo) = scene(json!({"client_credentials": {"client_id": KEY}}), |app| {
        app.flows.client_credentials = true;
        app.run_as = Some(USER.to_owned());
    })
    .await;
    let ports = scene.stack.ports();
    assert_eq!(connect::sign_in(ports, &kayo).await.unwrap_err().code, "no_consumer_secret");
    tokens::set_client_secret(ports, &kayo, SECRET.into()).await.unwrap();
    assert_eq!(connect::sign_in(ports, &kayo).await.unwrap().user.as_deref(), Some(USER));
    connections::activate(ports, &kayo).await.unwrap();
    works_after_expiry(&scene, &kayo, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_somebody_types_in_connects() {
    let device = json!({"device": {"client_id": KEY, "enabled": "on"}});
    let (scene, kayo) = scene(device, |app| app.flows.device = true).await;
    let ports = scene.stack.ports();
    tokens::set_client_secret(ports, &kayo, SECRET.into()).await.unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let typing = async {
        let (page, code): (String, String) = receiver.await.unwrap();
        let form = [("user_code", code.as_str()), ("username", USER), ("password", "integration-2026"), ("decision", "allow")];
        let said = reqwest::Client::new().post(page).form(&form).send().await.unwrap().text().await.unwrap();
        assert!(said.contains("connected"), "{said}");
    };
    let tell = |code: &connect::DeviceCode| sender.send((code.verification_url.clone(), code.user_code.clone())).unwrap();
    // The clock stands still, so a question that came too soon waits until it is moved on.
    let moving = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            scene.clock.advance(SignedDuration::from_secs(5));
        }
    };
    let connected = tokio::select! {
        (connected, ()) = async { tokio::join!(by_device(ports, &kayo, tell), typing) } => connected.unwrap(),
        () = moving => unreachable!(),
    };
    assert_eq!(connected.user.as_deref(), Some(USER));
    connections::activate(ports, &kayo).await.unwrap();
    works_after_expiry(&scene, &kayo, 1).await;
    assert!(tokens::load_credentials(ports, &kayo).await.unwrap().unwrap().refresh_token.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_denies_on_the_page_of_the_code_is_told_how_to_allow() {
    let device = json!({"device": {"client_id": KEY, "enabled": "on"}});
    let (scene, kayo) = scene(device, |app| app.flows.device = true).await;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let typing = async {
        let (page, code): (String, String) = receiver.await.unwrap();
        let form = [("user_code", code.as_str()), ("username", USER), ("password", "integration-2026"), ("decision", "deny")];
        reqwest::Client::new().post(page).form(&form).send().await.unwrap();
    };
    let tell = |code: &connect::DeviceCode| sender.send((code.verification_url.clone(), code.user_code.clone())).unwrap();
    let moving = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            scene.clock.advance(SignedDuration::from_secs(5));
        }
    };
    let refused = tokio::select! {
        (refused, ()) = async { tokio::join!(by_device(scene.stack.ports(), &kayo, tell), typing) } => refused.unwrap_err(),
        () = moving => unreachable!(),
    };
    assert!(refused.code == "access_denied" && refused.cure.contains("choisissez « Autoriser »"), "{refused:?}");
    assert_eq!(status(&scene, &kayo).await, "draft");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_nobody_types_in_ends() {
    let device = json!({"device": {"client_id": KEY, "enabled": "on"}});
    let (scene, kayo) = scene(device, |app| app.flows.device = true).await;
    let moving = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            scene.clock.advance(SignedDuration::from_secs(30));
        }
    };
    let refused = tokio::select! {
        connected = by_device(scene.stack.ports(), &kayo, |_| ()) => connected.unwrap_err(),
        () = moving => unreachable!(),
    };
    // Whoever looks first says it: Salesforce, which has forgotten the code, or we.
    assert!(["device_expired", "code_expired"].contains(&refused.code.as_str()), "{refused:?}");
    assert_eq!(status(&scene, &kayo).await, "draft");
}

/// The flows that have no grant, and sign in anew each time.
fn without_grant() -> [Value; 2] {
    [jwt(), json!({"client_credentials": {"client_id": KEY}})]
}

/// A connection that has signed in by one of them.
async fn signed_in(auth: &Value) -> (Scene, ConnectionId) {
    let (scene, kayo) = scene(auth.clone(), |app| {
        jwt_app(app);
        app.flows.client_credentials = true;
        app.run_as = Some(USER.to_owned());
    })
    .await;
    let ports = scene.stack.ports();
    let (_, certificate) = make_key(ports, &kayo).await.unwrap();
    upload(&scene, &certificate);
    tokens::set_client_secret(ports, &kayo, SECRET.into()).await.unwrap();
    connect::sign_in(ports, &kayo).await.unwrap();
    (scene, kayo)
}

/// A function that dies between asking and storing leaves an announced version that never comes.
#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_rotates_a_function_that_died_after_asking_leaves_nothing_to_mend() {
    for auth in without_grant() {
        let (scene, kayo) = signed_in(&auth).await;
        let ports = scene.stack.ports();
        connections::activate(ports, &kayo).await.unwrap();

        let generation = ports.table.load_token(&kayo).await.unwrap().generation;
        let leased = ports.table.lease_token(&kayo, generation, "dead", scene.clock.now()).await.unwrap();
        assert!(matches!(leased, Leased::Ours(_)));
        assert!(ports.table.announce_token(&kayo, "dead", &"0".repeat(64), scene.clock.now()).await.unwrap());
        scene.clock.advance(SignedDuration::from_secs(46));
        works_after_expiry(&scene, &kayo, 1).await;
        assert_eq!(status(&scene, &kayo).await, "active", "{auth}");
        // The access token alone is stored every ten minutes at most.
        let stored = |version: Option<String>| version.unwrap();
        let before = stored(ports.table.load_token(&kayo).await.unwrap().version);
        works_after_expiry(&scene, &kayo, 2).await;
        assert_eq!(stored(ports.table.load_token(&kayo).await.unwrap().version), before, "{auth}");
        scene.clock.advance(SignedDuration::from_mins(11));
        works_after_expiry(&scene, &kayo, 3).await;
        assert_ne!(stored(ports.table.load_token(&kayo).await.unwrap().version), before, "{auth}");
    }
}

/// Of the sessions of these flows the stored one alone can be ended, and that is what is said.
#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_a_flow_without_a_grant_ends_the_stored_session_alone() {
    for auth in without_grant() {
        let (scene, kayo) = signed_in(&auth).await;
        let ports = scene.stack.ports();
        // Another session, so soon after the first that it is not stored.
        connect::test(ports, &kayo).await.unwrap();
        assert_eq!(connect::disconnect(ports, &kayo).await.unwrap(), connect::Revoked::Session, "{auth}");
        assert_eq!(scene.org().control().expire_access_tokens(), 1, "that other one: {auth}");
        assert!(tokens::load_credentials(ports, &kayo).await.unwrap().is_none());
        assert_eq!(connect::disconnect(ports, &kayo).await.unwrap(), connect::Revoked::Nothing);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_a_browser_is_none_of_another_flow() {
    let (scene, kayo) = scene(jwt(), jwt_app).await;
    let path = connect::issue_link(scene.stack.ports(), &kayo).await.unwrap().replace("/connect?", "/start?");
    let button = format!("{}{path}", scene.stack.addresses().gateway);
    let answer = reqwest::Client::new().post(button).send().await.unwrap();
    let (status, page) = (answer.status(), answer.text().await.unwrap());
    assert!(status == 409 && page.contains("<code>other_flow</code>"), "{status} {page}");
    // And the other way round.
    let web = scene.connect("other").await;
    assert_eq!(connect::sign_in(scene.stack.ports(), &web).await.unwrap_err().code, "other_flow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_secret_is_replaced_without_connecting_again() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let ports = scene.stack.ports();
    let before = tokens::load_credentials(ports, &kayo).await.unwrap().unwrap();
    let mut app = scene.org().control().apps().remove(0);
    app.secret = Some("rolled".to_owned());
    scene.org().control().register_app(app);
    // The new one is not applied yet: the test says so, and what happens breaks the connection.
    assert_eq!(connect::test(ports, &kayo).await.unwrap_err().code, "invalid_client");
    scene.org().control().expire_access_tokens();
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    assert_eq!(status(&scene, &kayo).await, "broken");

    tokens::set_client_secret(ports, &kayo, "rolled".into()).await.unwrap();
    let held = tokens::load_credentials(ports, &kayo).await.unwrap().unwrap();
    let refresh = |held: &tokens::Credentials| held.refresh_token.clone().unwrap().expose_secret().to_owned();
    assert_eq!(refresh(&held), refresh(&before), "nobody had to approve again");
    let tested = connect::test(ports, &kayo).await.unwrap();
    assert_eq!((tested.user.as_deref(), status(&scene, &kayo).await), (Some("technique@kayo.fr"), json!("active")));
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
}
