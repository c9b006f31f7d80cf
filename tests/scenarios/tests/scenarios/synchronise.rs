//! A synchronisation that somebody asks for: of everybody, of a project, of a list.

use jiff::{SignedDuration, Timestamp};
use passerelle_core::{
    adapters::state::people::Whom,
    app::{
        reconcile,
        sync::{self, SyncError},
        upsert::{Stopped, Workbench},
    },
    domain::{
        event::{Event, PERSON_UPSERTED, read_events},
        ids::{ConnectionId, EventId, ProjectId},
        place::Place,
        run::Run,
    },
    ports::Clock,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person, settled};
use salesforce_sim::{Effect, Matcher};
use serde_json::{Value, json};

/// An active connection without hourly runs, where the platform's values stand.
async fn scene() -> (Scene, ConnectionId) {
    let scene = Scene::with(settled(|doubts| doubts.references_into_collections = true), Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene
        .apply(&scene.document("kayo", |document| {
            document["people"]["overwrite"] = json!("on");
            document["projects"]["list"]["other"] = json!({"name": "Other"});
        }))
        .await;
    (scene, kayo)
}

fn of(id: &str, n: usize, project: &str) -> Value {
    let mut event = capture(id, person(n));
    event["project"]["id"] = json!(project);
    event
}

/// So many people are met, each once.
async fn meet(scene: &Scene, people: usize) {
    let events: Vec<Value> = (0..people).map(|n| of(&format!("e{n}"), n, "salon-du-bourget")).collect();
    scene.accept("kayo", &json!({"events": events})).await;
    scene.sweep().await;
}

/// Makes the steps of what was asked for; the run that ended.
pub(crate) async fn carry(scene: &Scene, c: &ConnectionId, bench: &Workbench, project: Option<&str>) -> Run {
    // Who was changed in this very second counts as changed meanwhile.
    scene.clock.advance(SignedDuration::from_secs(1));
    sync::ask(scene.stack.ports(), c, project.map(|id| id.parse::<ProjectId>().unwrap())).await.unwrap();
    for _ in 0..50 {
        let step = reconcile::step(scene.stack.ports(), bench, c, scene.clock.now() + SignedDuration::from_secs(60)).await.unwrap();
        assert_eq!(step.stopped, None);
        if let Some(run) = step.ended {
            assert!(run.sheet.balances(), "{run:?}");
            return run;
        }
    }
    panic!("no end");
}

fn titles(scene: &Scene) -> Vec<Value> {
    scene
        .records("Lead")
        .iter()
        .filter(|lead| lead["Email"].as_str().is_some_and(|e| e.starts_with('p')))
        .map(|lead| lead["LastName"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_put_right_page_by_page_without_hourly_runs() {
    let (scene, kayo) = scene().await;
    meet(&scene, 7).await;
    // A colleague has changed what the platform is to say; no event comes.
    let before = titles(&scene);
    for lead in scene.records("Lead") {
        scene.edit("Lead", &lead, &json!({"LastName": "Changed"}));
    }
    let run = carry(&scene, &kayo, &Workbench::with_pages_of(3), None).await;
    assert_eq!((run.sheet.asked, run.sheet.to_salesforce, run.sheet.read), (7, 7, 0), "{run:?}");
    assert_eq!(titles(&scene), before);
    assert!(run.everybody.unwrap().done);
    // Once more there is nothing to do, and a page costs the look only.
    let calls = scene.api_calls();
    let run = carry(&scene, &kayo, &Workbench::default(), None).await;
    assert_eq!((run.sheet.asked, run.sheet.unchanged, scene.api_calls() - calls), (7, 7, 1), "{run:?}");
    // Nothing is due any more, since the document has no hourly runs.
    let step = reconcile::step(scene.stack.ports(), &Workbench::default(), &kayo, scene.clock.now() + SignedDuration::from_secs(60)).await.unwrap();
    assert!(step.done && step.ended.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_its_people_and_one_that_is_unknown_is_refused() {
    let (scene, kayo) = scene().await;
    scene.accept("kayo", &json!({"events": [of("a", 1, "salon-du-bourget"), of("b", 2, "other"), of("c", 3, "other")]})).await;
    scene.sweep().await;
    // One of them comes to the first project later, and stays one of the second.
    scene.accept("kayo", &of("d", 2, "salon-du-bourget")).await;
    scene.sweep().await;
    let run = carry(&scene, &kayo, &Workbench::default(), Some("other")).await;
    assert_eq!(run.sheet.asked, 2, "{run:?}");
    let refused = sync::ask(scene.stack.ports(), &kayo, Some("nowhere".parse().unwrap())).await.unwrap_err();
    assert!(matches!(refused, SyncError::NoProject { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_while_a_run_is_under_way_is_served_after_it() {
    let (scene, kayo) = scene().await;
    meet(&scene, 4).await;
    let (bench, ports) = (Workbench::with_pages_of(1), scene.stack.ports());
    scene.clock.advance(SignedDuration::from_secs(1));
    sync::ask(ports, &kayo, None).await.unwrap();
    let deadline = scene.clock.now() + SignedDuration::from_secs(60);
    reconcile::step(ports, &bench, &kayo, deadline).await.unwrap();
    scene.clock.advance(SignedDuration::from_secs(2));
    sync::ask(ports, &kayo, Some("salon-du-bourget".parse().unwrap())).await.unwrap();
    let mut asked = Vec::new();
    for _ in 0..2 {
        let deadline = scene.clock.now() + SignedDuration::from_secs(600);
        let ended = reconcile::run_due(ports, &bench, &kayo, deadline).await.unwrap();
        asked.extend(ended.iter().map(|run| run.sheet.asked));
        scene.clock.advance(SignedDuration::from_secs(1));
    }
    assert_eq!(asked, [4, 4]);
}

fn listed(n: usize, at: Timestamp) -> Event {
    let mut row = json!({"id": format!("file:x:{n}"), "type": PERSON_UPSERTED, "occurred_at": at.to_string(), "person": person(n)});
    row["project"] = json!({"id": "salon-du-bourget"});
    read_events(row).unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_a_thousand_costs_four_calls_and_its_repeat_none() {
    let (scene, kayo) = scene().await;
    scene.work(&kayo, &capture("first", person(5_000))).await;
    scene.clock.advance(SignedDuration::from_secs(1));
    let (bench, ports, at) = (Workbench::default(), scene.stack.ports(), scene.clock.now());
    let events: Vec<Event> = (0..1_000).map(|n| listed(n, at)).collect();
    let ids: Vec<EventId> = events.iter().map(|event| event.id.clone()).collect();
    let (calls, deadline) = (scene.api_calls(), at + SignedDuration::from_secs(600));
    sync::store(ports, &kayo, &events).await.unwrap();
    let sent = sync::work(ports, &bench, &kayo, &ids, deadline).await.unwrap();
    assert_eq!((sent.settled, sent.stopped), (1_000, None));
    assert!(scene.api_calls() - calls <= 4, "{}", scene.api_calls() - calls);
    assert_eq!(scene.records("Lead").len(), 1_001);
    let (calls, place) = (scene.api_calls(), |at| Place::at(at));
    sync::store(ports, &kayo, &events).await.unwrap();
    let sent = sync::work(ports, &bench, &kayo, &ids, deadline).await.unwrap();
    assert_eq!((sent.settled, scene.api_calls() - calls), (1_000, 0));
    // They are counted as synchronised, since when they are.
    let (start, end) = (place(Timestamp::UNIX_EPOCH), place(scene.clock.now() + SignedDuration::from_secs(5)));
    assert_eq!(ports.table.count_people(&kayo, Whom::Linked, &start, &end).await.unwrap(), 1_001);
    assert_eq!(ports.table.count_people(&kayo, Whom::Linked, &place(at), &end).await.unwrap(), 1_000);
    // A row that says something else under the same name is refused.
    let other = listed(3, at + SignedDuration::from_secs(1));
    assert!(matches!(sync::store(ports, &kayo, &[other]).await, Err(SyncError::Contradicted(ids)) if ids.len() == 1));
}

/// What counts is when both sides were brought together, not when something was stored of somebody.
#[tokio::test(flavor = "multi_thread")]
async fn people_are_counted_by_when_they_were_synchronised_last() {
    let (scene, kayo) = scene().await;
    let table = &scene.stack.ports().table;
    let start = scene.clock.now();
    let hour = |n: i64| start + SignedDuration::from_hours(n);
    let between = async |since: i64, until: i64| table.count_synchronised(&kayo, hour(since), hour(until)).await.unwrap();
    let later = || scene.clock.advance(SignedDuration::from_hours(1));
    let stated = |id: &str, n: usize, more: Value| {
        let mut event = of(id, n, "salon-du-bourget");
        event["occurred_at"] = json!(scene.clock.now());
        event["person"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    meet(&scene, 3).await;
    assert_eq!((between(0, 1).await, between(1, 9).await), (3, 0));

    // One is written anew, one is told of what no workflow takes up, and one says what Salesforce refuses.
    later();
    scene.work(&kayo, &stated("w", 0, json!({"job": "CTO"}))).await;
    let mut told = stated("t", 1, json!({"job": "CTO"}));
    told["type"] = json!("nobody_listens");
    scene.org().control().fault(Matcher::default(), Effect::Lock { sobject: None, contains: Some("Engineer".to_owned()) });
    for event in [told, stated("r", 2, json!({"job": "Engineer"}))] {
        scene.accept("kayo", &event).await;
        scene.sweep().await;
    }
    let stored = table.count_people(&kayo, Whom::Linked, &Place::at(hour(1)), &Place::at(hour(9))).await.unwrap();
    assert!(stored >= 2, "the others were stored as well: {stored}");
    assert_eq!((between(0, 1).await, between(1, 9).await), (2, 1));

    // A colleague has typed what the platform says then: there is nothing to write, and both say the same.
    later();
    let second = scene.records("Lead").into_iter().find(|lead| lead["Email"] == "p1@example.org").unwrap();
    scene.edit("Lead", &second, &json!({"Title": "CEO"}));
    scene.work(&kayo, &stated("s", 1, json!({"job": "CEO"}))).await;
    assert_eq!((between(0, 1).await, between(1, 2).await, between(2, 9).await), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronisation_leaves_the_reserve_to_events() {
    let (scene, kayo) = scene().await;
    scene.work(&kayo, &of("e1", 1, "salon-du-bourget")).await;
    let spent = scene.stack.ports().table.load_spent(&kayo, scene.clock.now()).await.unwrap().calls;
    scene
        .apply(&scene.document("kayo", |document| {
            document["salesforce"]["api_calls"] = json!({"per_day": spent * 2, "reserve_percent": 50});
        }))
        .await;
    let ports = scene.stack.ports();
    scene.clock.advance(SignedDuration::from_secs(1));
    assert!(sync::waits(ports, &kayo).await.unwrap().is_some());
    sync::ask(ports, &kayo, None).await.unwrap();
    let deadline = scene.clock.now() + SignedDuration::from_secs(60);
    let mut stopped = None;
    for _ in 0..3 {
        stopped = reconcile::step(ports, &Workbench::default(), &kayo, deadline).await.unwrap().stopped.or(stopped);
    }
    assert_eq!(stopped, Some(Stopped::Budget));
    // The next day it goes on by itself.
    scene.clock.advance(SignedDuration::from_hours(24));
    let deadline = scene.clock.now() + SignedDuration::from_secs(60);
    let step = reconcile::step(ports, &Workbench::default(), &kayo, deadline).await.unwrap();
    assert_eq!(step.ended.as_ref().map(|run| run.sheet.asked), Some(1), "{step:?}");
}
