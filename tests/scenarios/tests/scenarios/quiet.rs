//! Connections that nothing happens on: their grants are kept alive.

use jiff::SignedDuration;
use passerelle_core::{
    app::{connect, connections, tokens::QUIET},
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
