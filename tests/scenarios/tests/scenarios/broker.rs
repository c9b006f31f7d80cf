//! The token broker, by several processes at once and by processes that die at the worst moment.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use passerelle_core::{
    adapters::{secrets::SecretKind, state::tokens::Leased},
    app::{
        configure, connect, problems,
        tokens::{self, SessionCache, TokenError, load_session, refresh},
    },
    domain::ids::ConnectionId,
    ports::{BoxFuture, Ports, Transport, TransportError},
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person};
use salesforce_sim::Seed;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const PROCESSES: usize = 4;
const CALLS: usize = 250;

/// How many requests for a token the org has had.
fn token_requests(scene: &Scene) -> u64 {
    scene.org().control().counters().by_route.get("oauth.token").copied().unwrap_or_default()
}

/// Starts processes that call the org, each so often at once.
fn callers(scene: &Scene, calls: usize) -> Vec<tokio::process::Child> {
    let addresses = scene.stack.addresses();
    let hosts = [Some(&addresses.salesforce.login), addresses.salesforce.instance.as_ref()];
    let org = hosts.into_iter().flatten().map(|host| host.trim_start_matches("http://")).collect::<Vec<_>>().join(",");
    let start = |_| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_caller"));
        command.args([&addresses.dynamodb, &addresses.secrets, &org, "kayo", &calls.to_string()]);
        command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
    };
    (0..PROCESSES).map(start).collect()
}

/// What became of their calls, once all have ended.
async fn ended(callers: Vec<tokio::process::Child>) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for caller in callers {
        let output = caller.wait_with_output().await.unwrap();
        assert!(output.status.success());
        let told: BTreeMap<String, usize> = serde_json::from_slice(&output.stdout).unwrap();
        told.into_iter().for_each(|(how, calls)| *all.entry(how).or_default() += calls);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_of_four_processes_cost_one_refresh_for_each_token_that_runs_out() {
    let scene = Scene::live(Seed::demo()).await;
    scene.active("kayo").await;
    // Of three reads of the secret one is answered by who has not heard of the last version yet.
    scene.stack.secrets_manager().be_stale(3);
    let (before, refused) = (token_requests(&scene), scene.org().control().counters().by_status.get(&400).copied());
    let started = scene.api_calls();
    let (mut expired, mut next) = (0, 0);
    let mut calling = std::pin::pin!(ended(callers(&scene, CALLS)));
    let told = loop {
        tokio::select! {
            told = &mut calling => break told,
            () = tokio::time::sleep(Duration::from_millis(2)) => {}
        }
        // Tokens run out after every eightieth call, as long as there are calls left that will notice.
        let calls = scene.api_calls() - started;
        if (next..900).contains(&calls) {
            expired += u64::try_from(scene.org().control().expire_access_tokens()).unwrap();
            next += 80;
        }
    };
    assert_eq!(told, BTreeMap::from([("done".to_owned(), PROCESSES * CALLS)]));
    assert!(expired > 5, "{expired}");
    let stale = scene.stack.secrets_manager().stale_reads();
    assert!(stale > expired, "stale reads of the newest version: {stale}");
    assert_eq!(token_requests(&scene) - before, expired, "one refresh for each token that has run out");
    assert_eq!(scene.org().control().counters().by_status.get(&400).copied(), refused, "no grant was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_grant_is_tried_once_by_however_many_and_connecting_again_resumes_the_work() {
    let scene = Scene::live(Seed::demo()).await;
    let kayo = scene.active("kayo").await;
    scene.org().control().revoke_refresh_tokens(None);
    scene.org().control().expire_access_tokens();
    let before = token_requests(&scene);
    let told = ended(callers(&scene, 20)).await;
    assert_eq!(told.values().sum::<usize>(), PROCESSES * 20);
    assert_eq!(told.keys().collect::<Vec<_>>(), ["token_expired"], "{told:?}");
    assert_eq!(token_requests(&scene) - before, 1, "the dead grant is tried once");

    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.stack.invoke_upsert(json!({"sweep": {}})).await.unwrap();
    let broken = async {
        while !matches!(scene.stack.ports().table.load_meta(&kayo).await, Ok(Some(meta)) if json!(meta.status) == "broken") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), broken).await.unwrap();
    assert_eq!(token_requests(&scene) - before, 1, "nor is it by who comes later");
    scene.authorise("kayo").await;
    assert_eq!(ended(callers(&scene, 20)).await, BTreeMap::from([("done".to_owned(), PROCESSES * 20)]), "connecting again resumes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_a_cause_that_can_be_mended_works_once_it_is() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let user = Seed::demo().users.remove(0).username;
    let activate = |active| {
        scene.org().with_org(|org| {
            let id = org.user_by_name(&user).unwrap().id;
            org.set_user_active(&id, active);
        });
    };
    activate(false);
    scene.org().control().expire_access_tokens();
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    let ports = scene.stack.ports();
    let listed = problems::list(ports, &kayo).await.unwrap().broken.unwrap();
    assert_eq!(listed.code, "inactive_user");
    assert!(connect::test(ports, &kayo).await.is_err());
    activate(true);
    connect::test(ports, &kayo).await.unwrap();
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    assert!(problems::list(ports, &kayo).await.unwrap().broken.is_none());
}

/// The way to the org of a process that dies when it has the answer to its request for tokens.
struct Deadly<'a>(&'a dyn Transport);

impl Transport for Deadly<'_> {
    fn send(&self, request: http::Request<bytes::Bytes>, timeout: Duration) -> BoxFuture<'_, Result<http::Response<bytes::Bytes>, TransportError>> {
        let is_token = request.uri().path().ends_with("/oauth2/token");
        Box::pin(async move {
            let answer = self.0.send(request, timeout).await;
            if is_token {
                std::future::pending::<()>().await;
            }
            answer
        })
    }
}

/// A session of the connection, renewed by a process of its own over these ports.
pub async fn renew(ports: Ports<'_>, kayo: &ConnectionId) -> Result<(), TokenError> {
    let (_, document) = configure::load_current(ports, kayo).await.unwrap().unwrap();
    let cache = SessionCache::default();
    let session = load_session(ports, &cache, &document, kayo).await?;
    refresh(ports, &cache, &document, kayo, &session).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_between_refresh_and_store_costs_a_rotating_org_its_grant_and_another_nothing() {
    for rotation in [true, false] {
        let mut seed = Seed::demo();
        seed.apps.iter_mut().for_each(|app| app.rotation = rotation);
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        scene.apply(&scene.document("kayo", |document| document["connection"]["contacts"] = json!(["admin@customer.example"]))).await;
        scene.org().control().expire_access_tokens();
        let (before, ports) = (token_requests(&scene), scene.stack.ports());
        let deadly = Deadly(ports.transport);
        let dying = renew(Ports { transport: &deadly, ..ports }, &kayo);
        assert!(tokio::time::timeout(Duration::from_secs(2), dying).await.is_err());
        assert_eq!(token_requests(&scene) - before, 1);

        scene.accept("kayo", &capture("e1", person(1))).await;
        for _ in 0..4 {
            scene.sweep().await;
        }
        let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
        if !rotation {
            assert_eq!((json!(meta.status), scene.event(&kayo, "e1").await.status.as_str()), (json!("active"), "applied"));
            continue;
        }
        assert_eq!((json!(meta.status), meta.cause.as_deref()), (json!("broken"), Some("rotation_lost")));
        assert_eq!(token_requests(&scene) - before, 2, "the old token is tried once");
        // Each connection is looked at in one minute of five, and a sweep of the test takes two.
        for _ in 0..5 {
            scene.sweep().await;
        }
        let [letter] = scene.stack.mailbox().letters().try_into().unwrap();
        assert!(letter.text.contains("rotation_lost"), "{}", letter.text);
        scene.authorise("kayo").await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    }
}

/// The consumer secret is replaced after a rotation was lost, and before anybody has noticed: the tokens in the new version are the former ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_stored_after_a_lost_rotation_does_not_make_it_forgotten() {
    for secrets in 0..3 {
        let scene = Scene::new().await;
        let kayo = scene.active("kayo").await;
        let (ports, control) = (scene.stack.ports(), scene.org().control());
        control.expire_access_tokens();
        let deadly = Deadly(ports.transport);
        let dying = renew(Ports { transport: &deadly, ..ports }, &kayo);
        assert!(tokio::time::timeout(Duration::from_secs(2), dying).await.is_err());
        scene.clock.advance(jiff::SignedDuration::from_mins(5));
        for _ in 0..secrets {
            tokens::set_client_secret(ports, &kayo, Seed::demo().apps[0].secret.clone().unwrap().into()).await.unwrap();
        }
        let before = token_requests(&scene);
        assert_eq!(renew(ports, &kayo).await.unwrap_err().code(), "rotation_lost", "{secrets}");
        assert_eq!(token_requests(&scene) - before, 1);
        // Nor does one that is stored after the refusal have the dead token tried again.
        tokens::set_client_secret(ports, &kayo, Seed::demo().apps[0].secret.clone().unwrap().into()).await.unwrap();
        assert_eq!(renew(ports, &kayo).await.unwrap_err().code(), "rotation_lost", "{secrets}");
        assert_eq!(token_requests(&scene) - before, 1);
        // New tokens settle it.
        scene.authorise("kayo").await;
        renew(ports, &kayo).await.unwrap();
        let pointer = ports.table.load_token(&kayo).await.unwrap();
        assert_eq!((pointer.doubts(), pointer.refused), (false, None));
    }
}

/// Whoever stored the consumer secret died before it counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_found_half_stored_is_taken_up_and_renews_nothing() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let ports = scene.stack.ports();
    let pointer = ports.table.load_token(&kayo).await.unwrap();
    assert!(matches!(ports.table.lease_token(&kayo, pointer.generation, "dead", ports.clock.now()).await.unwrap(), Leased::Ours(_)));
    let version = "e".repeat(64);
    assert!(ports.table.announce_token(&kayo, "dead", &version, ports.clock.now()).await.unwrap());
    let stored = ports.secrets.read_version(&kayo, SecretKind::Salesforce, pointer.version.as_deref().unwrap()).await.unwrap();
    let mut secret: Value = serde_json::from_str(stored.text.expose_secret()).unwrap();
    let mut app = scene.org().control().apps().remove(0);
    app.secret = Some("rolled".to_owned());
    scene.org().control().register_app(app);
    secret["client_secret"] = json!("rolled");
    ports.secrets.store(&kayo, SecretKind::Salesforce, &version, &SecretString::from(secret.to_string())).await.unwrap();

    scene.clock.advance(jiff::SignedDuration::from_mins(5));
    scene.org().control().expire_access_tokens();
    let before = token_requests(&scene);
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    let event = scene.event(&kayo, "e1").await;
    assert_eq!((event.status.as_str(), event.attempts), ("applied", 1));
    assert_eq!(token_requests(&scene) - before, 1, "with the new consumer secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_between_store_and_release_leaves_tokens_that_the_next_one_finds() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let (ports, control) = (scene.stack.ports(), scene.org().control());
    control.expire_access_tokens();
    // What a process does until its secret is stored: lease, announcement, new tokens, a version with them.
    let pointer = ports.table.load_token(&kayo).await.unwrap();
    let leased = ports.table.lease_token(&kayo, pointer.generation, "dead", ports.clock.now()).await.unwrap();
    assert!(matches!(leased, Leased::Ours(_)));
    let version = "f".repeat(64);
    assert!(ports.table.announce_token(&kayo, "dead", &version, ports.clock.now()).await.unwrap());
    let stored = ports.secrets.read_version(&kayo, SecretKind::Salesforce, pointer.version.as_deref().unwrap()).await.unwrap();
    let mut secret: Value = serde_json::from_str(stored.text.expose_secret()).unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", &Seed::demo().apps[0].client_id),
        ("client_secret", secret["client_secret"].as_str().unwrap()),
        ("refresh_token", secret["refresh_token"].as_str().unwrap()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let login = &scene.stack.addresses().salesforce.login;
    let answer = reqwest::Client::new().post(format!("{login}/services/oauth2/token")).form(&form).send().await.unwrap();
    let granted: Value = answer.json().await.unwrap();
    for name in ["access_token", "refresh_token"] {
        assert_ne!(secret[name], granted[name]);
        secret[name] = granted[name].clone();
    }
    ports.secrets.store(&kayo, SecretKind::Salesforce, &version, &SecretString::from(secret.to_string())).await.unwrap();

    let before = token_requests(&scene);
    // The dead one's lease runs out first.
    scene.clock.advance(jiff::SignedDuration::from_mins(5));
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    assert_eq!(token_requests(&scene), before, "nobody has to ask for tokens again");
    assert_eq!(ports.table.load_token(&kayo).await.unwrap().version.as_deref(), Some(version.as_str()));
}
