//! Connections that nothing happens on: their grants are kept alive.

use jiff::SignedDuration;
use passerelle_core::{
    app::{
        connect, connections,
        tokens::{self, QUIET},
    },
    domain::ids::ConnectionId,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person};
use salesforce_sim::Seed;
use serde_json::{Value, json};

/// A refresh token dies in this org when it was not used for thirty days.
async fn scene() -> (Scene, ConnectionId) {
    let mut seed = Seed::demo();
    seed.apps[0].refresh_idle_seconds = Some(30 * 86_400);
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    (scene, kayo)
}

/// The sweeps of an hour, with none in the days before.
async fn an_hour_after(scene: &Scene, quiet: SignedDuration) {
    scene.clock.advance(quiet);
    for _ in 0..60 {
        scene.clock.advance(SignedDuration::from_mins(1));
        scene.stack.invoke_upsert(json!({"sweep": {"from": 0, "to": 255}})).await.unwrap();
    }
}

fn token_requests(scene: &Scene) -> usize {
    scene.org().control().journal().into_iter().filter(|entry| entry.route == "oauth.token").count()
}

async fn state(scene: &Scene, c: &ConnectionId) -> (Value, Option<String>) {
    let meta = scene.stack.ports().table.load_meta(c).await.unwrap().unwrap();
    (serde_json::to_value(meta.status).unwrap(), meta.cause)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_grant_outlives_the_orgs_idle_limit() {
    for paused in [false, true] {
        let (scene, kayo) = scene().await;
        if paused {
            connections::pause(scene.stack.ports(), &kayo).await.unwrap();
        }
        let before = token_requests(&scene);
        an_hour_after(&scene, QUIET - SignedDuration::from_hours(2)).await;
        assert_eq!(token_requests(&scene), before, "it is not quiet for long yet");
        for week in 1..=6 {
            an_hour_after(&scene, QUIET).await;
            assert_eq!(token_requests(&scene), before + week, "once each time");
        }
        if paused {
            connections::activate(scene.stack.ports(), &kayo).await.unwrap();
        }
        scene.work(&kayo, &capture("e1", person(1))).await;
    }
}

/// The witness of the test above: an org like this one does take the grant away.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_sweep_for_a_month_the_grant_is_gone_and_is_tried_once() {
    for (paused, status) in [(false, "broken"), (true, "paused")] {
        let (scene, kayo) = scene().await;
        if paused {
            connections::pause(scene.stack.ports(), &kayo).await.unwrap();
        }
        let before = token_requests(&scene);
        for _ in 0..2 {
            an_hour_after(&scene, SignedDuration::from_hours(31 * 24)).await;
            assert_eq!(state(&scene, &kayo).await, (json!(status), Some("token_expired".to_owned())));
            assert_eq!(token_requests(&scene), before + 1);
        }
        scene.authorise("kayo").await;
        assert_eq!(state(&scene, &kayo).await.1, None);
        connect::test(scene.stack.ports(), &kayo).await.unwrap();
    }
}

/// A consumer secret or a key that is stored makes a new version of the secret, and uses no refresh token.
#[tokio::test(flavor = "multi_thread")]
async fn storing_a_secret_or_a_key_is_no_use_of_the_grant() {
    for stored_thing in [Stored::Secret, Stored::Key] {
        let (scene, kayo) = scene().await;
        let ports = scene.stack.ports();
        let before = token_requests(&scene);
        let pointer = ports.table.load_token(&kayo).await.unwrap();
        scene.clock.advance(QUIET - SignedDuration::from_hours(2));
        stored_thing.does(&scene, &kayo).await;
        let stored = ports.table.load_token(&kayo).await.unwrap();
        assert_eq!((stored.generation, stored.last_used_ms()), (pointer.generation + 1, pointer.last_used_ms()));
        assert!(stored.stored_at_ms > pointer.stored_at_ms);
        an_hour_after(&scene, SignedDuration::from_hours(2)).await;
        assert_eq!(token_requests(&scene), before + 1, "a week after its last use");
        an_hour_after(&scene, SignedDuration::from_hours(24)).await;
        assert_eq!(token_requests(&scene), before + 1);
    }
}

#[derive(Clone, Copy)]
enum Stored {
    Secret,
    Key,
}

impl Stored {
    async fn does(self, scene: &Scene, kayo: &ConnectionId) {
        let ports = scene.stack.ports();
        match self {
            Self::Secret => tokens::set_client_secret(ports, kayo, Seed::demo().apps[0].secret.clone().unwrap().into()).await.unwrap(),
            Self::Key => {
                let made = passerelle_certificate::make("Passerelle", ports.clock.now()).unwrap();
                let key = tokens::SigningKey::new(made.private_key, made.certificate, made.expires_at);
                tokens::add_key(ports, kayo, key).await.unwrap();
            }
        }
    }
}

/// What a look at a quiet grant met, and somebody mended, is forgotten once a test has worked.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_works_clears_the_cause_of_a_connection_that_is_not_at_work() {
    for paused in [false, true] {
        let scene = Scene::new().await;
        let kayo = scene.connect("kayo").await;
        let ports = scene.stack.ports();
        if paused {
            connections::activate(ports, &kayo).await.unwrap();
            connections::pause(ports, &kayo).await.unwrap();
        }
        let restricted = |restricted| {
            let mut app = scene.org().control().apps().remove(0);
            app.ip_restricted = restricted;
            scene.org().control().register_app(app);
        };
        restricted(true);
        an_hour_after(&scene, QUIET).await;
        let status = if paused { "paused" } else { "ready" };
        assert_eq!(state(&scene, &kayo).await, (json!(status), Some("ip_restricted".to_owned())));
        assert_eq!(connect::test(ports, &kayo).await.unwrap_err().code, "ip_restricted");
        restricted(false);
        connect::test(ports, &kayo).await.unwrap();
        assert_eq!(state(&scene, &kayo).await, (json!(status), None));
    }
}
