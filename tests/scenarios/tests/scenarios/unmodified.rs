//! Records that somebody is at, in an org that is known to heed `If-Unmodified-Since`.

use jiff::SignedDuration;
use passerelle_core::{domain::ids::ConnectionId, ports::Clock};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, set_rule, states};
use salesforce_sim::{Effect, Matcher, Moment, Seed};
use serde_json::json;

use crate::{covered::until_struck, reconcile::lead};

async fn scene(switch: &str) -> (Scene, ConnectionId) {
    let scene = Scene::with(Seed::demo(), Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene
        .apply(&scene.document("kayo", |document| {
            document["salesforce"]["if_unmodified_since"] = json!(switch);
            set_rule(document, "lead", &json!({"from": "person.job", "to": "Title", "strategy": "most_recent"}));
        }))
        .await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    scene.clock.advance(SignedDuration::from_mins(10));
    (scene, kayo)
}

/// Works what is due now.
async fn sweep(scene: &Scene) {
    scene.stack.invoke_upsert(json!({"sweep": {"from": 0, "to": 255}})).await.unwrap();
}

/// A colleague edits a record, and ten seconds later an event about it is worked; while it is written, the colleague goes on. What they do
/// then is not covered for a moment, and the event is planned again by what is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_look_and_write_is_not_covered() {
    let (scene, kayo) = scene("on").await;
    scene.accept("kayo", &states("e2", scene.clock.now(), &json!({"job": "CTO", "phone": "0102030405"}))).await;
    scene.clock.advance(SignedDuration::from_secs(125));
    scene.edit("Lead", &lead(&scene), &json!({"City": "Lyon"}));
    scene.clock.advance(SignedDuration::from_secs(10));
    let writes = Matcher { route: Some("sobject.row".to_owned()), method: Some("PATCH".to_owned()), count: Some(1), ..Matcher::default() };
    scene.org().control().fault(writes, Effect::Delay { ms: 1_500, moment: Moment::Before });
    let colleague = async {
        until_struck(&scene).await;
        scene.clock.advance(SignedDuration::from_secs(2));
        scene.edit("Lead", &lead(&scene), &json!({"Title": "Chief"}));
    };
    tokio::join!(sweep(&scene), colleague);
    let after = lead(&scene);
    assert_eq!((after["Title"].as_str(), after["Phone"].as_str()), (Some("Chief"), None), "nothing was written");
    assert_ne!(scene.event(&kayo, "e2").await.status, "applied");

    scene.clock.advance(SignedDuration::from_mins(30));
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e2").await.status, "applied");
    let after = lead(&scene);
    assert_eq!((after["Title"].as_str(), after["Phone"].as_str()), (Some("Chief"), Some("0102030405")));
    let notes = scene.notes(&kayo, "e2").await;
    assert!(notes.iter().all(|note| note["note"] != "covered"), "{notes:?}");
}

/// Only what somebody else has edited a moment ago is written by itself, and only where the document says that the org heeds the header.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_its_own_is_for_records_that_somebody_is_at() {
    for (switch, edited, age, rows) in [("on", true, 10, 1), ("on", true, 1, 0), ("on", true, 61, 0), ("on", false, 10, 0), ("off", true, 10, 0)] {
        let (scene, kayo) = scene(switch).await;
        scene.accept("kayo", &states("e2", scene.clock.now(), &json!({"job": "CTO"}))).await;
        scene.clock.advance(SignedDuration::from_secs(125));
        if edited {
            scene.edit("Lead", &lead(&scene), &json!({"City": "Lyon"}));
        }
        scene.clock.advance(SignedDuration::from_secs(age));
        let before = scene.api_calls();
        let alone = scene
            .org()
            .control()
            .fault(Matcher { route: Some("sobject.row".to_owned()), ..Matcher::default() }, Effect::Delay { ms: 0, moment: Moment::Before });
        sweep(&scene).await;
        assert_eq!(scene.event(&kayo, "e2").await.status, "applied");
        let faults = scene.org().control().faults();
        let fired = faults.iter().find(|fault| fault.id == alone).map(|fault| fault.fired);
        assert_eq!(
            (lead(&scene)["Title"].as_str(), fired, scene.api_calls() - before),
            (Some("CTO"), Some(rows), 2 + rows),
            "{switch} {edited} {age}"
        );
    }
}
