//! Edits in the moment of a write: the look that goes with the write notices them, and they are put back.

use std::time::Duration;

use passerelle_core::ports::Clock;
use passerelle_scenarios::{Scene, states};
use salesforce_sim::{Effect, Matcher, Moment, Seed};
use serde_json::json;

use crate::reconcile::{hour, job, lead, person, scene_with};

/// The next call that makes somebody a CTO takes its time.
fn slow_write(scene: &Scene) {
    let writes = Matcher { body_contains: Some("\"Title\":\"CTO\"".to_owned()), count: Some(1), ..Matcher::default() };
    scene.org().control().fault(writes, Effect::Delay { ms: 1_500, moment: Moment::Before });
}

/// Waits until a fault of the org strikes.
pub(crate) async fn until_struck(scene: &Scene) {
    let struck = async {
        while scene.org().control().faults().iter().all(|fault| fault.fired == 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), struck).await.expect("no fault has struck");
}

/// What is due is worked, and a colleague makes her a Chief while it is written.
async fn edited_meanwhile(scene: &Scene) {
    let colleague = async {
        until_struck(scene).await;
        scene.edit("Lead", &lead(scene), &json!({"Title": "Chief"}));
    };
    tokio::join!(scene.sweep(), colleague);
}

/// Somebody edits a field between our look and our write: the look that goes with the write notices, and their value is put back.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_the_moment_of_a_write_is_given_back_and_told() {
    for (strategy, theirs) in [("most_recent", "Chief"), ("fill_if_blank", "Chief"), ("always_platform", "CTO")] {
        let rules = json!([{"from": "person.job", "to": "Title", "strategy": strategy, "direction": "both"}]);
        let (scene, kayo) = scene_with(Seed::demo(), rules, json!({})).await;
        let first = if strategy == "fill_if_blank" { json!({}) } else { json!({"job": "Engineer"}) };
        scene.work(&kayo, &states("e1", scene.clock.now(), &first)).await;
        scene.accept("kayo", &states("e2", scene.clock.now(), &json!({"job": "CTO"}))).await;
        slow_write(&scene);
        let calls = scene.api_calls();
        edited_meanwhile(&scene).await;
        assert_eq!(scene.event(&kayo, "e2").await.status, "applied");
        assert_eq!(lead(&scene)["Title"], theirs, "{strategy}");
        let notes = scene.notes(&kayo, "e2").await;
        let told = notes.iter().any(|note| note["note"] == "covered" && note["theirs"] == "Chief" && note["given_back"] == true);
        assert_eq!(told, theirs == "Chief", "{strategy}: {notes:?}");
        assert_eq!(scene.api_calls() - calls, 2 + u64::from(told), "{strategy}: the witness costs no call");

        hour(&scene, &kayo).await;
        let job = person(&scene, &kayo, "p1").await.value("person.job").cloned();
        assert_eq!(
            (lead(&scene)["Title"].as_str(), job),
            (Some(theirs), Some(json!(if strategy == "fill_if_blank" { "CTO" } else { theirs }))),
            "{strategy}"
        );
    }
}

/// What was covered is given back though somebody else has the record in hand at first; where that lasts, both values are told.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_given_back_at_once_is_tried_again() {
    for (refusals, stays, given_back) in [(2, "Chief", true), (100, "CTO", false)] {
        let (scene, kayo) = scene_with(Seed::demo(), job(), json!({})).await;
        scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
        scene.accept("kayo", &states("e2", scene.clock.now(), &json!({"job": "CTO"}))).await;
        slow_write(&scene);
        let back = Matcher { body_contains: Some("\"Title\":\"Chief\"".to_owned()), count: Some(refusals), ..Matcher::default() };
        scene.org().control().fault(back, Effect::Lock { sobject: Some("Lead".to_owned()), contains: None });
        edited_meanwhile(&scene).await;
        assert_eq!(scene.event(&kayo, "e2").await.status, "applied");
        assert_eq!(lead(&scene)["Title"], stays);
        let notes = scene.notes(&kayo, "e2").await;
        let told = notes.iter().any(|note| note["note"] == "covered" && note["theirs"] == "Chief" && note["given_back"] == given_back);
        assert!(told, "{notes:?}");
    }
}
