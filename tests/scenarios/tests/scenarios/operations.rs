//! What a support person needs: why events wait, how they go on, and that none is unaccounted for.

use jiff::{SignedDuration, ToSpan, civil::date};
use passerelle_core::{
    adapters::state::Key,
    app::{
        check,
        fields::{self, Reload},
        problems::{self, Replayed},
        tokens::SessionCache,
    },
    domain::{budget::day, ids::ConnectionId, plan::Outcome},
    ports::Clock,
};
use passerelle_scenarios::{Scene, capture, custom_field, person};
use salesforce_sim::{Effect, Matcher, Seed, seed::CustomFieldKind};
use serde_json::{Value, json};

fn without_company(n: usize) -> Value {
    let mut person = person(n);
    person.as_object_mut().unwrap().remove("company");
    person
}

async fn status(scene: &Scene, kayo: &ConnectionId, id: &str) -> String {
    scene.event(kayo, id).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_grouped_by_cause_and_resumed_by_hand() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let mut elsewhere = capture("far", person(4));
    elsewhere["project"]["id"] = json!("nowhere");
    let delivery = json!([capture("a", without_company(1)), capture("b", without_company(2)), capture("fine", person(3)), elsewhere]);
    scene.accept("kayo", &delivery).await;
    scene.sweep().await;

    let ports = scene.stack.ports();
    let found = problems::list(ports, &kayo).await.unwrap();
    let told: Vec<_> = found.groups.iter().map(|group| (group.code.as_str(), group.count, group.status.as_str(), group.fields.clone())).collect();
    assert_eq!(told, [("missing_required", 2, "parked", vec!["Company".to_owned()]), ("unknown_project", 1, "parked", vec![])]);
    assert!(found.groups[0].message.as_deref().unwrap().contains("Company"), "{found:?}");
    assert!(found.groups.iter().all(|group| group.cure.is_some() && !group.examples.is_empty()), "{found:?}");
    // That there are more is said only where there are.
    for (most, listed, more) in [(4, 3, false), (3, 3, false), (2, 2, true)] {
        let stopped = ports.table.stopped_events(&kayo, most).await.unwrap();
        assert_eq!((stopped.ids.len(), stopped.more), (listed, more), "{most}");
    }

    assert_eq!(problems::resume(ports, &kayo, Some("STRING_TOO_LONG")).await.unwrap(), 0);
    assert_eq!(problems::resume(ports, &kayo, Some("missing_required")).await.unwrap(), 2);
    scene.sweep().await;
    // Nothing has changed, so they wait for the same again; the others were left alone.
    assert_eq!((scene.event(&kayo, "a").await.attempts, scene.event(&kayo, "far").await.attempts), (2, 1));
    assert_eq!(problems::list(ports, &kayo).await.unwrap().groups.len(), 2);
}

/// An administrator makes the field that was missing, and nobody tells Passerelle.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_parked_for_the_orgs_schema_goes_on_within_a_day_of_its_change() {
    const FIELD: &str = "kayo_last_audio_duration__c";
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.org().with_org(|org| org.delete_custom_field("Lead", FIELD).unwrap());
    let mut event = capture("e1", person(1));
    event["data"]["last_audio_duration"] = json!(12);
    scene.accept("kayo", &event).await;
    scene.sweep().await;
    assert_eq!(status(&scene, &kayo, "e1").await, "parked");

    // What Salesforce refused showed that the org has changed, so it is tried once more.
    scene.sweep().await;
    let before = scene.api_calls();
    for _ in 0..5 {
        scene.sweep().await;
    }
    assert_eq!(scene.api_calls(), before, "waiting costs nothing");
    let seed = Seed::demo();
    let field = seed.custom_fields.iter().find(|field| field.sobject == "Lead" && field.name == FIELD).unwrap();
    scene.org().with_org(|org| org.add_custom_field(field).unwrap());
    scene.clock.advance(SignedDuration::from_hours(24));
    scene.sweep().await;
    assert_eq!(scene.api_calls(), before + 1, "one description a day");
    scene.sweep().await;
    assert_eq!(status(&scene, &kayo, "e1").await, "applied");
    assert_eq!(scene.records("Lead")[0][FIELD], json!("12"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_kept_whole_and_replayed_by_hand() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let locked = Effect::Lock { sobject: Some("Lead".to_owned()), contains: None };
    scene.org().control().fault(Matcher::default(), locked);
    scene.accept("kayo", &capture("e1", person(1))).await;
    let mut tries = 0;
    while status(&scene, &kayo, "e1").await != "dead" {
        scene.clock.advance(SignedDuration::from_mins(80));
        scene.sweep().await;
        tries += 1;
        assert!(tries <= 60, "{:?}", scene.event(&kayo, "e1").await);
    }
    let dead = scene.event(&kayo, "e1").await;
    assert!(matches!(&dead.outcome, Some(Outcome::Dead { problem }) if problem.code == "UNABLE_TO_LOCK_ROW"), "{dead:?}");
    let ports = scene.stack.ports();
    let found = problems::list(ports, &kayo).await.unwrap();
    assert_eq!((found.groups[0].status.as_str(), found.groups[0].count), ("dead", 1));

    scene.org().control().clear_faults();
    let id = "e1".parse().unwrap();
    assert_eq!(problems::replay(ports, &kayo, &id).await.unwrap(), Replayed::Due);
    assert_eq!(problems::replay(ports, &kayo, &id).await.unwrap(), Replayed::UnderWay);
    assert_eq!(problems::replay(ports, &kayo, &"absent".parse().unwrap()).await.unwrap(), Replayed::Unknown);
    scene.sweep().await;
    assert_eq!(status(&scene, &kayo, "e1").await, "applied");
    assert!(problems::list(ports, &kayo).await.unwrap().groups.is_empty());

    // Replayed once more, it finds its work done: neither a second lead nor a second activity.
    assert_eq!(problems::replay(ports, &kayo, &id).await.unwrap(), Replayed::Due);
    scene.sweep().await;
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (1, 1));
    assert_eq!(status(&scene, &kayo, "e1").await, "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_in_the_days_ledger_and_what_is_missing_is_told() {
    let scene = Scene::new().await;
    let (kayo, _) = (scene.active("kayo").await, scene.active("other").await);
    let mut unheard = capture("unheard", person(5));
    unheard["type"] = json!("nothing_known");
    let delivery = json!([capture("a", person(1)), capture("b", without_company(2)), unheard]);
    scene.accept("kayo", &delivery).await;
    scene.accept("kayo", &delivery).await;
    scene.accept("other", &capture("a", person(1))).await;
    scene.sweep().await;
    scene.accept("kayo", &capture("late", person(3))).await;
    let table = scene.stack.ports().table;
    let today = day(scene.clock.now());
    let day = table.load_ledger(&kayo, today).await.unwrap();
    let of = |status: &str| day.events.get(status).copied().unwrap_or_default();
    assert_eq!((day.received, of("applied"), of("parked"), of("unchanged"), day.in_flight()), (4, 1, 1, 1, 1));
    assert_eq!((day.standing(), day.missing()), (4, 0));
    let codes = |report: check::Report| report.findings.into_iter().map(|finding| finding.code.into_owned()).collect::<Vec<_>>();
    let sessions = SessionCache::default();
    let verify = || check::verify(scene.stack.ports(), &sessions, &kayo);
    assert!(!codes(verify().await.unwrap()).contains(&"events_missing".to_owned()));

    // An event that somebody takes out of the table is missed, and the day before is as it was.
    assert!(table.delete(&Key::event(&kayo, &"b".parse().unwrap()), None).await.unwrap());
    assert_eq!(table.load_ledger(&kayo, today).await.unwrap().missing(), 1);
    assert!(codes(verify().await.unwrap()).contains(&"events_missing".to_owned()));
    assert_eq!(table.load_ledger(&kayo, today.saturating_sub(1.day())).await.unwrap().received, 0);
    assert_eq!(today, date(2026, 9, 1));
}

/// A field of another kind on the same object, so that nothing but its presence differs.
#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_shows_nothing_new_resumes_nothing() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("a", without_company(1))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "a").await.attempts, 1);
    for (changes, attempts) in [(false, 1), (true, 2)] {
        if changes {
            scene.org().with_org(|org| org.add_custom_field(&custom_field("Lead", "Other__c", CustomFieldKind::Text { length: 9 })).unwrap());
        }
        fields::list(scene.stack.ports(), &SessionCache::default(), &kayo, Reload::Yes).await.unwrap();
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "a").await.attempts, attempts, "{changes}");
    }
}
