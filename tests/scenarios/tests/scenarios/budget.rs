//! API calls are spent as far as the connection's cap and the org's limit go, and not one further; what is left waits and tells until when.

use jiff::SignedDuration;
use passerelle_core::{
    app::{
        configure,
        fields::{self, Reload},
        problems,
        tokens::SessionCache,
    },
    domain::{
        budget::{Limit, Verdict, Wait},
        ids::ConnectionId,
    },
    ports::Clock,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person};
use salesforce_sim::Seed;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

async fn status(scene: &Scene, kayo: &ConnectionId, id: &str) -> String {
    scene.event(kayo, id).await.status
}

/// The org's daily calls run out between the people and their activities.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_orgs_limit_work_waits_without_a_call_and_without_a_try() {
    let mut seed = Seed::demo();
    seed.organization.daily_api_limit = 1_000;
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("first", person(1))).await;
    scene.sweep().await;
    scene.accept("kayo", &json!([capture("e1", person(2)), capture("e2", person(3))])).await;
    // The look-up and the people's call are the last two.
    scene.org().control().set_api_usage(998);
    scene.sweep().await;
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (3, 1));
    assert_eq!(status(&scene, &kayo, "e1").await, "retry");

    let refused = scene.org().control().counters().requests;
    for _ in 0..5 {
        scene.sweep().await;
    }
    assert_eq!(scene.org().control().counters().requests, refused, "nothing is sent while the window has not moved");
    // Configuring goes on from what is known of the org.
    fields::list(scene.stack.ports(), &SessionCache::default(), &kayo, Reload::No).await.unwrap();
    assert_eq!(scene.org().control().counters().requests, refused);

    scene.org().control().set_api_usage(0);
    scene.clock.advance(SignedDuration::from_mins(15));
    scene.sweep().await;
    assert_eq!((status(&scene, &kayo, "e1").await.as_str(), status(&scene, &kayo, "e2").await.as_str()), ("applied", "applied"));
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connections_own_cap_holds_until_the_next_day() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    // Describing the org when the connection was activated counts, too.
    let described = scene.stack.ports().table.load_spent(&kayo, scene.clock.now()).await.unwrap().calls;
    assert_eq!(described, 1);
    scene.apply(&scene.document("kayo", |document| document["salesforce"]["api_calls"] = json!({"per_day": described + 3}))).await;
    let mut calls = Vec::new();
    for id in ["e1", "e2", "e3"] {
        let before = scene.api_calls();
        scene.accept("kayo", &capture(id, person(calls.len()))).await;
        scene.sweep().await;
        calls.push(scene.api_calls() - before);
    }
    // Look-up, person, activity; then nothing more today, though two events are due.
    assert_eq!(calls, [3, 0, 0]);
    let spent = scene.stack.ports().table.load_spent(&kayo, scene.clock.now()).await.unwrap();
    assert_eq!(spent.calls, described + 3);
    assert!(spent.org.is_some_and(|org| org.max == 100_000), "{spent:?}");
    assert_eq!((status(&scene, &kayo, "e2").await.as_str(), scene.event(&kayo, "e2").await.attempts), ("open", 0));
    let told = problems::budget(scene.stack.ports(), &kayo).await.unwrap().unwrap();
    assert_eq!(told.verdict, Verdict::Wait(Wait { until: "2026-09-02T00:00:00Z".parse().unwrap(), code: Limit::DailyCap }));

    scene.clock.advance(SignedDuration::from_hours(16));
    scene.sweep().await;
    assert_eq!((status(&scene, &kayo, "e2").await.as_str(), status(&scene, &kayo, "e3").await.as_str()), ("applied", "applied"));
}

/// What the platform is told of an event.
async fn told(scene: &Scene, kayo: &ConnectionId, id: &str) -> Value {
    let key = configure::webhook_keys(scene.stack.ports(), kayo).await.unwrap().remove(0);
    let address = format!("{}/v1/hooks/kayo/events/{id}", scene.stack.addresses().gateway);
    let request = reqwest::Client::new().get(address).bearer_auth(key.expose_secret());
    request.send().await.unwrap().json::<Value>().await.unwrap()["connections"][0].take()
}

/// Wherever the cap comes in a batch, the batch is cut there: after the look-up, or between the people and their activities.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_cut_where_the_cap_is_reached_and_goes_on_there_the_next_day() {
    for (calls, cut, tries, leads) in [(1, "open", 0, 0), (2, "retry", 1, 1)] {
        let scene = Scene::new().await;
        let kayo = scene.active("kayo").await;
        let spent = || async { scene.stack.ports().table.load_spent(&kayo, scene.clock.now()).await.unwrap().calls };
        let cap = spent().await + calls;
        scene.apply(&scene.document("kayo", |document| document["salesforce"]["api_calls"] = json!({"per_day": cap}))).await;
        scene.accept("kayo", &capture("e1", person(1))).await;
        assert_eq!(told(&scene, &kayo, "e1").await["waits"], Value::Null);
        for _ in 0..3 {
            scene.sweep().await;
        }
        assert_eq!((spent().await, scene.event(&kayo, "e1").await.attempts), (cap, tries), "{calls}");
        assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (leads, 0), "{calls}");
        let event = told(&scene, &kayo, "e1").await;
        assert_eq!((&event["status"], &event["waits"]["code"]), (&json!(cut), &json!("daily_cap")), "{calls}");
        assert_eq!(event["waits"]["until"], "2026-09-02T00:00:00Z", "{calls}");
        assert!(event["waits"]["words"]["en"].as_str().unwrap().contains("until 2026-09-02 00:00 UTC"), "{event}");
        assert!(event["waits"]["words"]["fr"].as_str().unwrap().contains("jusqu'au 2026-09-02 00:00 UTC"), "{event}");
        let listed = problems::list(scene.stack.ports(), &kayo).await.unwrap();
        assert!(listed.waits.is_some_and(|words| words.en.contains("2026-09-02 00:00 UTC")), "{calls}");
        if cut == "retry" {
            assert_eq!(scene.event(&kayo, "e1").await.due_at.unwrap(), "2026-09-02T00:00:00Z");
        }
        // The next day, or with a higher cap at once.
        if calls == 2 {
            scene.clock.advance(SignedDuration::from_hours(16));
        } else {
            scene.apply(&scene.document("kayo", |_| {})).await;
        }
        scene.sweep().await;
        let event = told(&scene, &kayo, "e1").await;
        assert_eq!((&event["status"], &event["waits"]), (&json!("applied"), &Value::Null), "{calls}");
        assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (1, 1), "{calls}");
    }
}

/// Configuring asks the org for nothing where no calls are left, however old what is known of it.
#[tokio::test(flavor = "multi_thread")]
async fn configuring_goes_on_from_the_cache_where_no_calls_are_left() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let capped = |document: &mut Value| document["salesforce"]["api_calls"] = json!({"per_day": 0});
    scene.apply(&scene.document("kayo", capped)).await;
    scene.clock.advance(SignedDuration::from_hours(25));
    let before = scene.org().control().counters().requests;
    let found = fields::list(scene.stack.ports(), &SessionCache::default(), &kayo, Reload::No).await.unwrap();
    assert!(!found.needed.is_empty());
    scene
        .apply(&scene.document("kayo", |document| {
            capped(document);
            document["people"]["overwrite"] = json!("on");
        }))
        .await;
    assert_eq!(scene.org().control().counters().requests, before);
    // With calls left it asks.
    scene.apply(&scene.document("kayo", |_| {})).await;
    fields::list(scene.stack.ports(), &SessionCache::default(), &kayo, Reload::No).await.unwrap();
    assert!(scene.org().control().counters().requests > before);
}
