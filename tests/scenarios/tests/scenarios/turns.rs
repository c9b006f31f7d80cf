//! Runs and events take turns at a connection's writer: neither waits longer than for the part that the other is at.

use std::time::Duration;

use jiff::SignedDuration;
use passerelle_core::{
    adapters::state::writer::Turn,
    app::{
        reconcile::{self, Step},
        upsert::{self, Stopped, Workbench, Worked},
    },
    domain::ids::{ConnectionId, EventId},
    ports::Clock,
};
use passerelle_scenarios::{Scene, states};
use salesforce_sim::{Effect, Matcher, Seed};
use serde_json::json;

use crate::reconcile::{engineers, scene_with};

/// A connection with so many engineers whom a colleague has made chiefs: the next run makes all of them engineers again.
async fn with_chiefs(people: usize) -> (Scene, ConnectionId) {
    let rules = json!([{"from": "person.job", "to": "Title", "strategy": "always_platform", "direction": "both"}]);
    let (scene, kayo) = scene_with(Seed::demo(), rules, json!({})).await;
    engineers(&scene, people).await;
    for _ in 0..2 {
        scene.clock.advance(SignedDuration::from_mins(61));
        scene.stack.invoke_reconcile(json!({"due": true})).await.unwrap();
    }
    for lead in titled(&scene, "Engineer") {
        scene.edit("Lead", &lead, &json!({"Title": "Chief"}));
    }
    scene.clock.advance(SignedDuration::from_mins(61));
    (scene, kayo)
}

fn titled(scene: &Scene, title: &str) -> Vec<serde_json::Value> {
    scene.records("Lead").into_iter().filter(|lead| lead["Title"] == title).collect()
}

/// The next call that writes this title is held in Salesforce until it is let go.
fn hold(scene: &Scene, title: &str) {
    let writes = Matcher { body_contains: Some(format!("\"Title\":\"{title}\"")), count: Some(1), ..Matcher::default() };
    scene.org().control().fault(writes, Effect::Hold { cut: false });
}

async fn until_held(scene: &Scene) {
    let held = async {
        while scene.org().control().held() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), held).await.expect("no call was held");
}

async fn step(scene: &Scene, bench: &Workbench, c: &ConnectionId) -> Step {
    reconcile::step(scene.stack.ports(), bench, c, scene.clock.now() + SignedDuration::from_secs(90)).await.unwrap()
}

/// The stream brings an event.
async fn bring(scene: &Scene, bench: &Workbench, c: &ConnectionId, event: &str) -> Worked {
    let hint: Vec<EventId> = vec![event.parse().unwrap()];
    upsert::work(scene.stack.ports(), bench, c, &hint, scene.clock.now() + SignedDuration::from_secs(90)).await.unwrap()
}

/// A page of four is carried in two parts. Whoever comes while the first is written is worked before the second.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_waits_for_no_more_than_the_part_of_a_run_that_is_under_way() {
    let (scene, kayo) = with_chiefs(4).await;
    let bench = Workbench::with_pages_of(4);
    hold(&scene, "Engineer");
    let meanwhile = async {
        until_held(&scene).await;
        scene.accept("kayo", &states("news", scene.clock.now(), &json!({"phone": "0102030405"}))).await;
        let brought = bring(&scene, &bench, &kayo, "news").await;
        assert_eq!(brought.stopped, Some(Stopped::Busy));
        scene.org().control().commit_held();
    };
    let (first, ()) = tokio::join!(step(&scene, &bench, &kayo), meanwhile);
    assert!(!first.done, "{first:?}");
    assert_eq!((titled(&scene, "Engineer").len(), titled(&scene, "Chief").len()), (2, 2), "the second part waits");
    assert_eq!(scene.event(&kayo, "news").await.status, "applied");

    let mut ended = None;
    for _ in 0..10 {
        ended = ended.or(step(&scene, &bench, &kayo).await.ended);
    }
    let run = ended.unwrap();
    assert!(run.sheet.balances(), "{run:?}");
    assert_eq!((run.sheet.to_salesforce, titled(&scene, "Chief").len()), (4, 0), "{run:?}");
}

/// Nobody comes: a page is read once and carried whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_interrupts_is_carried_by_one_step() {
    let (scene, kayo) = with_chiefs(4).await;
    let before = scene.api_calls();
    let first = step(&scene, &Workbench::with_pages_of(4), &kayo).await;
    assert_eq!((first.done, titled(&scene, "Chief").len(), scene.api_calls() - before), (false, 0, 1 + 2));
}

/// While an event is written, a run comes, and after it another event. The holder makes room; the run has its part, and works what came.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_no_more_than_the_batch_of_events_that_is_under_way() {
    let (scene, kayo) = with_chiefs(2).await;
    let bench = Workbench::with_pages_of(4);
    scene.accept("kayo", &states("first", scene.clock.now(), &json!({"job": "CTO"}))).await;
    hold(&scene, "CTO");
    let events = async { bring(&scene, &bench, &kayo, "first").await };
    let run = async {
        until_held(&scene).await;
        step(&scene, &bench, &kayo).await
    };
    let meanwhile = async {
        until_held(&scene).await;
        // The run has come, and keeps the writer for itself.
        let table = &scene.stack.ports().table;
        let kept = async {
            while table.load_writer(&kayo).await.unwrap().kept_until_ms == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), kept).await.expect("the run did not say that it waits");
        scene.accept("kayo", &states("second", scene.clock.now(), &json!({"phone": "0102030405"}))).await;
        assert_eq!(bring(&scene, &bench, &kayo, "second").await.stopped, Some(Stopped::Busy));
        scene.org().control().commit_held();
    };
    let (worked, first, ()) = tokio::join!(events, run, meanwhile);
    assert_eq!((worked.stopped, worked.outcomes.get("applied")), (Some(Stopped::Busy), Some(&1)), "it did not go on to the second event");
    assert_eq!((first.stopped, titled(&scene, "Chief").len()), (None, 0), "the run has done its part");
    assert_eq!(scene.event(&kayo, "second").await.status, "applied", "and the event that came meanwhile");
}

/// Nobody but a run takes the writer while one waits for it; if it never comes again, that ends by itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_for_a_run_that_does_not_come_again_is_free_after_a_moment() {
    let (scene, kayo) = with_chiefs(0).await;
    let bench = Workbench::default();
    scene.accept("kayo", &states("news", scene.clock.now(), &json!({"job": "CTO"}))).await;
    let (table, now) = (&scene.stack.ports().table, scene.clock.now());
    let holder = table.acquire_writer(&kayo, "events", Turn::Events, now).await.unwrap().unwrap();
    assert_eq!(table.acquire_writer(&kayo, "run", Turn::Run, now).await.unwrap(), None);
    table.abandon_writer(&kayo, &holder, false).await.unwrap();
    assert_eq!(bring(&scene, &bench, &kayo, "news").await.stopped, Some(Stopped::Busy));
    scene.clock.advance(SignedDuration::from_secs(6));
    let worked = bring(&scene, &bench, &kayo, "news").await;
    assert_eq!((worked.stopped, worked.outcomes.get("applied")), (None, Some(&1)));
}
