//! What a batch costs in API calls.

use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person, settled};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_new_people_with_an_activity_costs_two_calls_or_three_without_references() {
    // An org that halts at a reference costs no more than not trying it. Four hundred people are two collections of leads and
    // two of activities, which one call takes.
    for (people, references, resolves, calls) in
        [(100, "on", true, 2), (100, "off", true, 3), (100, "off", false, 3), (100, "on", false, 3), (400, "on", true, 2)]
    {
        let scene = Scene::with(settled(|doubts| doubts.references_into_collections = resolves), Switch::Off).await;
        scene.active("kayo").await;
        scene.apply(&scene.document("kayo", |document| document["salesforce"]["references_into_collections"] = json!(references))).await;
        // The first batch of all also describes the org's objects, once a day.
        scene.accept("kayo", &capture("first", person(1000))).await;
        scene.sweep().await;
        let before = scene.api_calls();
        let events: Vec<_> = (0..people).map(|n| capture(&format!("e{n}"), person(n))).collect();
        scene.accept("kayo", &json!({"events": events})).await;
        scene.sweep().await;
        assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (people + 1, people + 1));
        assert_eq!(scene.api_calls() - before, calls, "{people} people, references {references}, resolved {resolves}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_parent_costs_its_own_child_and_no_other() {
    for resolves in [true, false] {
        let scene = Scene::with(settled(|doubts| doubts.references_into_collections = resolves), Switch::Off).await;
        let kayo = scene.active("kayo").await;
        let mut events: Vec<_> = (0..20).map(|n| capture(&format!("e{n}"), person(n))).collect();
        events[7]["person"]["last_name"] = json!("x".repeat(200));
        scene.accept("kayo", &json!({"events": events})).await;
        scene.sweep().await;
        assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (19, 19));
        assert_eq!(scene.event(&kayo, "e7").await.status, "parked");
    }
}
