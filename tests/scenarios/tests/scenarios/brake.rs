//! The brake of runs: whoever deletes very many records at once may not have meant to.

use jiff::SignedDuration;
use passerelle_core::{
    app::{reconcile, upsert::Workbench},
    ports::Clock,
};
use passerelle_scenarios::Scene;
use salesforce_sim::Seed;
use serde_json::{Value, json};

use crate::reconcile::{engineers, hour, job, person, scene_with};

/// The leads of the engineers.
fn leads(scene: &Scene) -> Vec<Value> {
    let is_theirs = |lead: &Value| lead["Email"].as_str().is_some_and(|email| email.starts_with("ada"));
    scene.records("Lead").into_iter().filter(is_theirs).collect()
}

fn delete(scene: &Scene, leads: &[Value]) {
    for lead in leads {
        scene.as_colleague(|org, session| org.delete(session, "Lead", lead["Id"].as_str().unwrap()).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_would_mark_too_many_as_deleted_stops() {
    let (scene, kayo) = scene_with(Seed::demo(), job(), json!({})).await;
    engineers(&scene, 30).await;
    hour(&scene, &kayo).await;
    let leads = leads(&scene);
    assert_eq!(leads.len(), 30);
    delete(&scene, &leads);
    let run = hour(&scene, &kayo).await;
    assert_eq!(run.stopped.as_deref(), Some("too_many_deletions"));
    assert_eq!(person(&scene, &kayo, "p3").await.value("person.gone"), None);
    // It is the document that lets it pass.
    let mut document = scene.document("kayo", |_| {});
    document["reconciliation"] = json!({"pull": "on", "deleted": "person.gone", "brake_percent": 100});
    document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.gone", "type": "boolean"}));
    scene.apply(&document).await;
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.stopped, run.sheet.deleted), (None, 30));
    assert_eq!(person(&scene, &kayo, "p3").await.value("person.gone"), Some(&json!(true)));
}

/// What is marked already is no news: an overlap that brings it again stops nothing.
#[tokio::test(flavor = "multi_thread")]
async fn deletions_that_were_let_pass_do_not_stop_the_next_run() {
    let (scene, kayo) = scene_with(Seed::demo(), job(), json!({"overlap_minutes": 70})).await;
    engineers(&scene, 150).await;
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    let leads = leads(&scene);
    let (deleted, edited) = leads.split_at(25);
    edited.iter().for_each(|lead| scene.edit("Lead", lead, &json!({"Title": "Chief"})));
    scene.clock.advance(SignedDuration::from_mins(50));
    delete(&scene, deleted);
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.stopped, run.sheet.marked), (None, 25), "one in six");
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.stopped.as_deref(), run.sheet.deleted, run.sheet.marked), (None, 25, 0), "they alone come again");
}

/// Few at a time, and many in all: the brake counts over the parts of a run.
#[tokio::test(flavor = "multi_thread")]
async fn deletions_that_come_by_the_dozen_stop_a_run_as_well() {
    let (scene, kayo) = scene_with(Seed::demo(), job(), json!({})).await;
    engineers(&scene, 30).await;
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    delete(&scene, &leads(&scene));
    scene.clock.advance(SignedDuration::from_mins(61));
    let bench = Workbench::with_pages_of(16);
    let deadline = scene.clock.now() + SignedDuration::from_hours(1);
    let run = reconcile::run_due(scene.stack.ports(), &bench, &kayo, deadline).await.unwrap().remove(0);
    assert_eq!((run.stopped.as_deref(), run.sheet.deleted), (Some("too_many_deletions"), 16), "{run:?}");
    assert!(run.sheet.balances(), "{run:?}");
}
