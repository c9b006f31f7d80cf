//! "Most recent" goes by a field's own history where the org keeps it: who edits another field of the record makes nothing look newer.

use jiff::SignedDuration;
use passerelle_core::{domain::ids::ConnectionId, ports::Clock};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, record, set_rule, states};
use salesforce_sim::{
    Seed,
    seed::{FieldAccess, FieldRule, Who},
};
use serde_json::{Value, json};

const ADDRESS: &str = "ada@example.org";

/// An org that keeps the history of titles and of wishes to get no e-mails.
pub(crate) fn tracking() -> Seed {
    let tracked_fields = ["Lead", "Contact"].into_iter().flat_map(|object| ["Title", "HasOptedOutOfEmail"].map(|field| format!("{object}.{field}")));
    Seed { tracked_fields: tracked_fields.collect(), ..Seed::demo() }
}

/// The same, in which nobody sees this field.
fn hiding(object: &str, field: &str) -> Seed {
    let hidden = FieldRule { sobject: object.to_owned(), field: field.to_owned(), who: Who::Everyone, access: FieldAccess::Hidden };
    let mut seed = tracking();
    seed.field_security.push(hidden);
    seed
}

/// An active connection whose leads and contacts get titles and wishes by the most recent statement.
async fn scene(seed: Seed) -> (Scene, ConnectionId) {
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let document = scene.document("kayo", |document| {
        document["people"]["update_contacts"] = json!("on");
        document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.unsubscribed", "type": "boolean"}));
        for mapping in ["lead", "contact"] {
            set_rule(document, mapping, &json!({"from": "person.job", "to": "Title", "strategy": "most_recent"}));
            set_rule(document, mapping, &json!({"from": "person.unsubscribed", "to": "HasOptedOutOfEmail"}));
        }
    });
    scene.apply(&document).await;
    (scene, kayo)
}

pub(crate) fn edit(scene: &Scene, object: &str, record: &Value, fields: &Value) {
    let id = record["Id"].as_str().unwrap();
    scene.as_colleague(|org, session| org.update(session, object, id, fields.as_object().unwrap()).unwrap());
}

const fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// The title in the end, where a colleague edits it, then the platform states another, and then the colleague makes the last edit.
/// With it comes what dated Salesforce's title: `field`, its history, or `record`.
async fn title_after(seed: Seed, object: &str, known_before: bool, last_edit: Value) -> (String, String) {
    let people = [("Lead", json!({"Company": "ACME"})), ("Contact", json!({}))];
    let mut there = people.into_iter().find(|(name, _)| *name == object).unwrap().1;
    there.as_object_mut().unwrap().extend(json!({"LastName": "Martin", "Email": ADDRESS}).as_object().unwrap().clone());
    let mut seed = seed;
    if !known_before || object == "Contact" {
        seed.records.push(record(object, there));
    }
    let (scene, kayo) = scene(seed).await;
    if known_before {
        scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    }
    let ours = || scene.records(object).into_iter().find(|found| found["Email"] == ADDRESS).unwrap();
    scene.clock.advance(minutes(10));
    edit(&scene, object, &ours(), &json!({"Title": "Chief Engineer"}));
    scene.clock.advance(minutes(10));
    let stated = scene.clock.now();
    scene.clock.advance(minutes(10));
    edit(&scene, object, &ours(), &last_edit);
    scene.work(&kayo, &states("e2", stated, &json!({"job": "CTO"}))).await;
    let why = scene.stack.ports().table.load_why(&scene.event(&kayo, "e2").await, 10).await.unwrap().pop().unwrap();
    let told = ["changes", "kept"].into_iter().filter_map(|list| why[list].as_array()).flatten();
    let dated = told.filter(|told| told["field"] == "Title").flat_map(|told| told["seen_at"].as_object().unwrap().keys()).cloned().collect();
    (ours()["Title"].as_str().unwrap().to_owned(), dated)
}

fn city(object: &str) -> Value {
    if object == "Lead" { json!({"City": "Lyon"}) } else { json!({"MailingCity": "Lyon"}) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_who_edits_another_field_makes_no_title_look_newer() {
    let by_history = |title: &str| (title.to_owned(), "field".to_owned());
    for object in ["Lead", "Contact"] {
        for known_before in [true, false] {
            let later_elsewhere = title_after(tracking(), object, known_before, city(object)).await;
            assert_eq!(later_elsewhere, by_history("CTO"), "{object}, known before: {known_before}");
            let later_itself = title_after(tracking(), object, known_before, json!({"Title": "CEO"})).await;
            assert_eq!(later_itself, by_history("CEO"), "{object}, known before: {known_before}");
        }
    }
}

/// Nothing is kept, or nothing may be read, and nothing stops for it.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_history_the_record_is_as_late_as_its_last_change() {
    for seed in [Seed::demo(), hiding("LeadHistory", "Field"), hiding("FieldDefinition", "IsFieldHistoryTracked")] {
        for known_before in [true, false] {
            let title = title_after(seed.clone(), "Lead", known_before, city("Lead")).await;
            assert_eq!(title, ("Chief Engineer".to_owned(), "record".to_owned()), "{:?}, known before: {known_before}", seed.field_security);
        }
    }
}

/// The latest wish counts. What the record's time alone could not tell, the history does.
#[tokio::test(flavor = "multi_thread")]
async fn a_wish_to_get_no_e_mails_is_dated_by_its_history() {
    for (seed, still_out) in [(tracking(), false), (Seed::demo(), true)] {
        let (scene, kayo) = scene(seed).await;
        scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"unsubscribed": false}))).await;
        let lead = || scene.records("Lead").remove(0);
        scene.clock.advance(minutes(10));
        edit(&scene, "Lead", &lead(), &json!({"HasOptedOutOfEmail": true}));
        scene.clock.advance(minutes(10));
        let again = scene.clock.now();
        scene.clock.advance(minutes(10));
        edit(&scene, "Lead", &lead(), &city("Lead"));
        scene.work(&kayo, &states("e2", again, &json!({"unsubscribed": false}))).await;
        assert_eq!(lead()["HasOptedOutOfEmail"], json!(still_out));
    }
}

/// A record has its first values since it was made, though no row of its history says so; those that we gave it are no statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_record_is_as_late_as_its_making_unless_we_made_it() {
    let (scene, kayo) = scene(tracking()).await;
    let stated = scene.clock.now();
    scene.clock.advance(minutes(10));
    let fields = json!({"LastName": "Martin", "Email": ADDRESS, "Company": "ACME", "Title": "CEO"});
    scene.as_colleague(|org, session| org.create(session, "Lead", fields.as_object().unwrap()).unwrap());
    scene.work(&kayo, &states("e1", stated, &json!({"job": "CTO"}))).await;
    assert_eq!(scene.records("Lead")[0]["Title"], "CEO");

    let (scene, kayo) = self::scene(tracking()).await;
    let start = scene.clock.now();
    scene.work(&kayo, &states("e1", start, &json!({}))).await;
    scene.work(&kayo, &states("e2", start + minutes(1), &json!({"unsubscribed": true}))).await;
    assert_eq!(scene.records("Lead")[0]["HasOptedOutOfEmail"], true);
}

/// The histories are part of the look-up's call, and a description tells once a day which there are.
#[tokio::test(flavor = "multi_thread")]
async fn reading_histories_costs_no_call() {
    let mut costs = Vec::new();
    for seed in [Seed::demo(), tracking()] {
        let (scene, kayo) = scene(seed).await;
        let start = scene.clock.now();
        let mut spent = Vec::new();
        for (id, job) in [("e1", "Engineer"), ("e2", "CTO"), ("e3", "CEO")] {
            let before = scene.api_calls();
            scene.work(&kayo, &states(id, start, &json!({"job": job}))).await;
            spent.push(scene.api_calls() - before);
        }
        costs.push(spent);
    }
    assert_eq!(costs[0], costs[1]);
}
