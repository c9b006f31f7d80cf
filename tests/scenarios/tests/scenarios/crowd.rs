//! Many people at once: what is wrong with some harms nobody else, nothing is written twice, and an org that cannot keep up is
//! asked for less.

use std::{collections::BTreeMap, time::Duration};

use passerelle_core::domain::ids::ConnectionId;
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person, settled};
use salesforce_sim::{Effect, Matcher, Seed, seed::ValidationRule};
use serde_json::{Value, json};

/// How many of these events ended how.
async fn tally(scene: &Scene, kayo: &ConnectionId, events: &[Value]) -> BTreeMap<String, usize> {
    let ids: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    let mut tally = BTreeMap::new();
    for outcome in scene.outcomes(kayo, &ids).await.into_values() {
        *tally.entry(outcome).or_default() += 1;
    }
    tally
}

fn told<const N: usize>(wanted: [(&str, usize); N]) -> BTreeMap<String, usize> {
    wanted.map(|(outcome, count)| (outcome.to_owned(), count)).into()
}

fn made(scene: &Scene) -> (usize, usize) {
    scene.org().with_org(|org| (org.count("Lead").unwrap(), org.count("Event").unwrap()))
}

fn captures(people: usize) -> Vec<Value> {
    (0..people).map(|n| capture(&format!("e{n}"), person(n))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_people_the_three_invalid_ones_wait_and_all_others_are_written() {
    for references in [true, false] {
        let mut seed = settled(|doubts| doubts.references_into_collections = references);
        seed.validation_rules.push(ValidationRule {
            sobject: "Lead".to_owned(),
            condition: "Company = 'Refused'".to_owned(),
            message: "Refused by the org.".to_owned(),
            field: Some("Company".to_owned()),
        });
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        let mut events = captures(200);
        // One is refused by the org, one would not fit, one lacks what Salesforce needs.
        events[3]["person"]["company"] = json!("Refused");
        events[77]["person"]["last_name"] = json!("x".repeat(81));
        events[199]["person"].as_object_mut().unwrap().remove("company");
        scene.accept("kayo", &json!({"events": events})).await;
        scene.sweep().await;
        assert_eq!(tally(&scene, &kayo, &events).await, told([("applied", 197), ("parked", 3)]), "references: {references}");
        assert_eq!(made(&scene), (197, 197), "references: {references}");
        for (n, code, field) in
            [(3, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Company"), (77, "value_too_long", "LastName"), (199, "missing_required", "Company")]
        {
            let outcome = json!(scene.event(&kayo, &format!("e{n}")).await.outcome);
            let wanted = (&json!(code), &json!([field]));
            assert_eq!((&outcome["problem"]["code"], &outcome["problem"]["fields"]), wanted, "references: {references}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_five_times_in_parallel_is_one() {
    for stream in [Switch::Off, Switch::On] {
        let scene = Scene::with(Seed::demo(), stream).await;
        let kayo = scene.active("kayo").await;
        let events = captures(20);
        let delivery = json!({"events": events});
        let answers = tokio::join!(
            scene.send("kayo", &delivery),
            scene.send("kayo", &delivery),
            scene.send("kayo", &delivery),
            scene.send("kayo", &delivery),
            scene.send("kayo", &delivery),
        );
        let statuses = [answers.0.status, answers.1.status, answers.2.status, answers.3.status, answers.4.status];
        assert_eq!(statuses, [202; 5]);
        // Two schedules may come at once, too.
        tokio::join!(scene.sweep(), scene.sweep());
        scene.sweep().await;
        // A sweep that finds the stream at work leaves it to that, which ends a moment later.
        let ended = async {
            while tally(&scene, &kayo, &events).await.contains_key("open") {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        _ = tokio::time::timeout(Duration::from_secs(10), ended).await;
        assert_eq!(tally(&scene, &kayo, &events).await, told([("applied", 20)]));
        assert_eq!(made(&scene), (20, 20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_locked_three_times_is_written_the_fourth_and_keeps_nobody_waiting() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let events = captures(3);
    let locked = Effect::Lock { sobject: Some("Lead".to_owned()), contains: Some("p1@example.org".to_owned()) };
    let making =
        Matcher { route: Some("composite".to_owned()), body_contains: Some("\"Company\":".to_owned()), count: Some(3), ..Matcher::default() };
    scene.org().control().fault(making, locked);
    scene.accept("kayo", &json!({"events": events})).await;
    for tries in 1..=3 {
        scene.sweep().await;
        let event = scene.event(&kayo, "e1").await;
        assert_eq!((event.status.as_str(), event.attempts), ("retry", tries));
        assert_eq!(json!(event.outcome)["problem"]["code"], "UNABLE_TO_LOCK_ROW");
        assert_eq!(made(&scene), (2, 2));
        // Waits grow: two minutes, then four.
        scene.clock.advance(jiff::SignedDuration::from_mins(i64::from(tries) * 2));
    }
    scene.sweep().await;
    assert_eq!(tally(&scene, &kayo, &events).await, told([("applied", 3)]));
    assert_eq!((made(&scene), scene.event(&kayo, "e1").await.attempts), ((3, 3), 4));
}

/// A flow of the org that cannot do two hundred leads in the time that one transaction has, and twenty-five it can. Salesforce
/// undoes all of them and says so, or it goes on while nobody listens any more, or it never began.
#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_times_out_on_two_hundred_people_and_not_on_twenty_five_gets_fewer_at_a_time() {
    let failed = Effect::RecordError {
        sobject: Some("Lead".to_owned()),
        contains: None,
        status: 400,
        code: "CANNOT_EXECUTE_FLOW_TRIGGER".to_owned(),
        message: "Apex CPU time limit exceeded".to_owned(),
    };
    for (effect, most_sweeps, strikes) in [(failed, 1, 0), (Effect::CutAfter, 4, 2), (Effect::CutBefore, 6, 1)] {
        for keys in [true, false] {
            let seed = if keys { Seed::demo() } else { Seed::demo().without_external_ids() };
            let scene = Scene::with(seed, Switch::Off).await;
            let kayo = scene.active("kayo").await;
            let events = captures(200);
            let flow = Matcher { body_contains: Some("\"Company\":".to_owned()), more_records_than: Some(25), ..Matcher::default() };
            scene.org().control().fault(flow, effect.clone());
            work(&scene, &kayo, &events, most_sweeps).await;
            assert_eq!(made(&scene), (200, 200), "{effect:?}, keys: {keys}");

            // What was learnt holds: the next are sent by twenty-five, and now and then by a few more, to see whether the flow
            // has become quicker. Where the org did what nobody waited for, the first failure was the last, and less was learnt.
            let struck = || scene.org().control().faults()[0].fired;
            let before = struck();
            let more: Vec<Value> = (200..400).map(|n| capture(&format!("e{n}"), person(n))).collect();
            work(&scene, &kayo, &more, most_sweeps).await;
            assert_eq!(made(&scene), (400, 400), "{effect:?}, keys: {keys}");
            assert!(struck() - before <= strikes, "{effect:?}, keys: {keys}: {}", struck() - before);
        }
    }
}

/// Sends events and works them, with waits between, until all are applied.
async fn work(scene: &Scene, kayo: &ConnectionId, events: &[Value], most_sweeps: usize) {
    scene.accept("kayo", &json!({"events": events})).await;
    for _ in 0..most_sweeps {
        scene.sweep().await;
        scene.clock.advance(jiff::SignedDuration::from_mins(10));
    }
    assert_eq!(tally(scene, kayo, events).await, told([("applied", events.len())]), "{:?}", scene.org().control().faults());
}
