//! Runs over very many changed records: Salesforce lists them by a job, and what is listed is held against what is there.

use jiff::SignedDuration;
use passerelle_core::{
    app::{
        reconcile::{self, Step},
        upsert::{Stopped, Workbench},
    },
    domain::{ids::ConnectionId, run::Run},
    ports::Clock,
};
use passerelle_scenarios::{Scene, states};
use salesforce_sim::{Effect, Matcher, Seed};
use serde_json::{Value, json};

use crate::reconcile::{engineers, hour, person, scene_with};

/// A job has names that CSV has to quote.
const TITLE: &str = "Head, \"R&D\"\nParis";

/// An hour after a colleague has changed everybody's title; pages have two records, and after four a job lists the rest.
async fn changed(bulk: &str) -> (Scene, ConnectionId) {
    let rules = json!([{"from": "person.job", "to": "Title", "strategy": "always_salesforce", "direction": "both"}]);
    let (scene, kayo) = scene_with(Seed::demo(), rules, json!({"overlap_minutes": 0, "bulk": bulk, "bulk_above": 4})).await;
    engineers(&scene, 12).await;
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    for lead in leads(&scene) {
        scene.edit("Lead", &lead, &json!({"Title": TITLE}));
    }
    scene.clock.advance(SignedDuration::from_mins(61));
    (scene, kayo)
}

fn leads(scene: &Scene) -> Vec<Value> {
    let mut leads = scene.records("Lead");
    leads.retain(|lead| lead["Email"].as_str().is_some_and(|email| email.starts_with("ada")));
    leads.sort_by_key(|lead| lead["Id"].as_str().unwrap().to_owned());
    leads
}

async fn step(scene: &Scene, bench: &Workbench, c: &ConnectionId) -> Step {
    reconcile::step(scene.stack.ports(), bench, c, scene.clock.now() + SignedDuration::from_secs(600)).await.unwrap()
}

/// Makes steps until the run is at its end.
async fn carry(scene: &Scene, bench: &Workbench, c: &ConnectionId) -> Run {
    for _ in 0..20 {
        if let Some(run) = step(scene, bench, c).await.ended {
            assert!(run.sheet.balances(), "{run:?}");
            return run;
        }
    }
    panic!("no end");
}

async fn titled(scene: &Scene, c: &ConnectionId, title: &str) -> usize {
    let mut found = 0;
    for n in 0..12 {
        found += usize::from(person(scene, c, &format!("p{n}")).await.value("person.job") == Some(&json!(title)));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_very_many_is_listed_by_a_job() {
    let (scene, kayo) = changed("on").await;
    let gone = leads(&scene)[11].clone();
    scene.as_colleague(|org, session| org.delete(session, "Lead", gone["Id"].as_str().unwrap()).unwrap());
    let bench = Workbench::with_pages_of(2);
    assert_eq!(step(&scene, &bench, &kayo).await.stopped, None);
    assert_eq!(step(&scene, &bench, &kayo).await.stopped, None);
    // The job is made, and asked for twice until it is done: each time the machine comes by.
    for _ in 0..2 {
        let step = step(&scene, &bench, &kayo).await;
        assert_eq!((step.stopped, step.done), (Some(Stopped::Listing), true));
    }
    // Meanwhile a listed record is changed, and somebody says something of another one.
    scene.clock.advance(SignedDuration::from_secs(300));
    scene.edit("Lead", &leads(&scene)[6], &json!({"Title": "CTO"}));
    let mut event = states("later", scene.clock.now(), &json!({"phone": "0102030405"}));
    event["person"]["email"] = leads(&scene)[8]["Email"].clone();
    event["person"].as_object_mut().unwrap().remove("id");
    scene.work(&kayo, &event).await;
    let ended = carry(&scene, &bench, &kayo).await;
    let sheet = &ended.sheet;
    assert_eq!((sheet.read, sheet.to_platform, sheet.deleted, sheet.later), (12, 10, 1, 2), "{ended:?}");
    // Two pages, a job, two questions, its results, and a look at what they are now.
    assert_eq!((ended.api_calls, ended.bulk_refused.as_deref()), (7, None), "{ended:?}");
    assert_eq!((titled(&scene, &kayo, TITLE).await, titled(&scene, &kayo, "CTO").await), (9, 0));

    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.to_platform, titled(&scene, &kayo, TITLE).await, titled(&scene, &kayo, "CTO").await), (2, 10, 1), "{run:?}");
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.read, run.api_calls), (0, 1), "{run:?}");
}

/// A job that is refused, one that fails and results that nobody can read are a longer way round, and no more.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_bulk_api_refuses_the_run_goes_on_page_by_page() {
    let status = |status: u16, code: &str| Effect::Status { status, code: code.to_owned(), message: String::new(), retry_after: None };
    for (method, path, effect, code) in [
        ("POST", "/jobs/query", status(403, "FEATURENOTENABLED"), "FEATURENOTENABLED"),
        ("GET", "/jobs/query/", status(404, "NOT_FOUND"), "NOT_FOUND"),
        ("GET", "/results", Effect::CutAfter, "salesforce_silent"),
    ] {
        let (scene, kayo) = changed("on").await;
        let matcher = Matcher { method: Some(method.to_owned()), path_contains: Some(path.to_owned()), ..Matcher::default() };
        scene.org().control().fault(matcher, effect);
        let run = carry(&scene, &Workbench::with_pages_of(2), &kayo).await;
        assert!(run.bulk_refused.as_deref().is_some_and(|refused| refused == code), "{code}: {run:?}");
        assert_eq!((titled(&scene, &kayo, TITLE).await, run.sheet.read), (12, 12), "{code}: {run:?}");
    }
}

/// A page of results has five pages, so there are two of these.
#[tokio::test(flavor = "multi_thread")]
async fn results_come_page_by_page() {
    let (scene, kayo) = changed("on").await;
    let (bench, before) = (Workbench::with_pages_of(1), scene.api_calls());
    let run = carry(&scene, &bench, &kayo).await;
    assert_eq!((run.sheet.read, run.sheet.to_platform, titled(&scene, &kayo, TITLE).await), (12, 12, 12), "{run:?}");
    // Four pages, a job, two questions, and twice results with a look.
    assert_eq!(scene.api_calls() - before, 4 + 1 + 2 + 2 * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_switch_there_is_no_job() {
    let (scene, kayo) = changed("off").await;
    let before = scene.api_calls();
    let run = carry(&scene, &Workbench::with_pages_of(2), &kayo).await;
    assert_eq!((run.sheet.read, scene.api_calls() - before), (12, 6), "{run:?}");
}
