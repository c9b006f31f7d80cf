//! In runs, too, the later statement is told by the histories that the org keeps, asked for once a page.

use jiff::SignedDuration;
use passerelle_core::{domain::ids::ConnectionId, ports::Clock};
use passerelle_scenarios::{Scene, record, set_rule, states};
use salesforce_sim::Seed;
use serde_json::{Value, json};

use crate::{
    dated::{edit, tracking},
    reconcile::{hour, lead, person, scene_with},
};

const OPT_OUT: &str = "HasOptedOutOfEmail";

/// Titles and wishes to get no e-mails go both ways, and the later one stays.
fn rules() -> Value {
    json!([
        {"from": "person.job", "to": "Title", "strategy": "most_recent", "direction": "both"},
        {"from": "person.unsubscribed", "to": OPT_OUT, "direction": "both"},
    ])
}

async fn scene(seed: Seed) -> (Scene, ConnectionId) {
    let (scene, kayo) = scene_with(seed, rules(), json!({})).await;
    let mut document = scene.document("kayo", |document| {
        document["people"]["update_contacts"] = json!("on");
        document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.unsubscribed", "type": "boolean"}));
        // Tells something of people and writes nothing, which leaves it to the next run.
        let met = json!({"name": "met", "trigger": "met", "actions": [{"activity": {"object": "Task", "subject": "Met again"}}]});
        document["workflows"].as_array_mut().unwrap().push(met);
        document["reconciliation"] = json!({"push": "on", "pull": "on", "unknown_records": "person"});
    });
    for (mapping, rule) in
        ["lead", "contact"].into_iter().flat_map(|mapping| rules().as_array().unwrap().clone().into_iter().map(move |r| (mapping, r)))
    {
        set_rule(&mut document, mapping, &rule);
    }
    scene.apply(&document).await;
    (scene, kayo)
}

const fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// The platform says something after the colleague, who then edits another field, and perhaps the same once more.
async fn after_both(seed: Seed, field: &str, first: Value, theirs: Value, ours: Value, last: Option<Value>) -> (Value, Value) {
    let (scene, kayo) = scene(seed).await;
    let attribute = if field == "Title" { "job" } else { "unsubscribed" };
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({attribute: first}))).await;
    hour(&scene, &kayo).await;
    edit(&scene, "Lead", &lead(&scene), &json!({field: theirs}));
    scene.clock.advance(minutes(10));
    let mut event = states("e2", scene.clock.now(), &json!({attribute: ours}));
    event["type"] = json!("met");
    scene.clock.advance(minutes(10));
    edit(&scene, "Lead", &lead(&scene), &json!({"City": "Lyon"}));
    if let Some(last) = last {
        edit(&scene, "Lead", &lead(&scene), &json!({field: last}));
    }
    scene.work(&kayo, &event).await;
    hour(&scene, &kayo).await;
    (lead(&scene)[field].clone(), person(&scene, &kayo, "p1").await.value(&format!("person.{attribute}")).cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_by_the_history_of_the_field() {
    let both = |value: &str| (json!(value), json!(value));
    for (seed, last, stands) in [(tracking(), None, "CTO"), (tracking(), Some(json!("CEO")), "CEO"), (Seed::demo(), None, "Head")] {
        let outcome = after_both(seed, "Title", json!("Engineer"), json!("Head"), json!("CTO"), last).await;
        assert_eq!(outcome, both(stands));
    }
}

/// Dated by its history, the later wish counts, whichever it is; where nobody can tell, the opt-out stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_takes_the_later_wish_to_get_no_e_mails_and_in_doubt_the_opt_out() {
    let both = |value: bool| (json!(value), json!(value));
    for (seed, ours, theirs, later, stands) in [
        (tracking(), false, true, false, false),
        (tracking(), true, false, false, true),
        (tracking(), true, true, true, false),
        (Seed::demo(), false, true, false, true),
    ] {
        let (first, last) = if later { (false, Some(json!(false))) } else { (!theirs, None) };
        let outcome = after_both(seed, OPT_OUT, json!(first), json!(theirs), json!(ours), last).await;
        assert_eq!(outcome, both(stands), "ours {ours}, theirs {theirs}, edited later: {later}");
    }
}

/// What differs on a whole page costs one question more, not one for each person.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_wishes_cost_six_calls_at_most() {
    let mut seed = tracking();
    let fields = |n: usize| json!({"LastName": format!("Person {n}"), "Email": format!("p{n}@example.org"), OPT_OUT: true});
    seed.records = (0..1_000).map(|n| record("Contact", fields(n))).collect();
    let (scene, kayo) = scene(seed).await;
    hour(&scene, &kayo).await;
    scene.clock.advance(minutes(10));
    for contact in scene.records("Contact") {
        edit(&scene, "Contact", &contact, &json!({OPT_OUT: false}));
        edit(&scene, "Contact", &contact, &json!({"MailingCity": "Lyon"}));
    }
    let calls = scene.api_calls();
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.applied, run.sheet.to_platform), (1_000, 1_000), "{run:?}");
    let spent = scene.api_calls() - calls;
    assert!(spent <= 6, "{spent} calls");
    // All that a quiet hour costs; nothing is asked of those who say the same.
    hour(&scene, &kayo).await;
    let calls = scene.api_calls();
    assert_eq!(hour(&scene, &kayo).await.sheet.applied, 0);
    assert_eq!(scene.api_calls() - calls, 1);
}
