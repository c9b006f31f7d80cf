//! Who has no link is found by the key that records are made with, before the e-mail address is asked: by it alone a record is found
//! whose address somebody has changed since it was made, and whatever stands in it is merged by rule and not overwritten.

use std::time::Duration;

use jiff::SignedDuration;
use passerelle_core::{
    adapters::state::Key,
    domain::{
        ids::{PersonKey, RecordId},
        person::id_alias,
    },
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, record};
use salesforce_sim::{Effect, Matcher, Moment, Seed};
use serde_json::{Value, json};

fn ada() -> Value {
    json!({"id": "p1", "email": "ada@example.org", "first_name": "Ada", "last_name": "Martin", "company": "ACME", "job": "Engineer"})
}

/// A colleague gives the lead another address and another title.
fn edit(scene: &Scene) {
    scene.edit("Lead", &scene.records("Lead")[0], &json!({"Email": "ada@home.example", "Title": "CTO"}));
}

/// Whether there is one lead, with the title that stands in it.
fn only_title(scene: &Scene) -> Value {
    let leads = scene.records("Lead");
    assert_eq!(leads.len(), 1, "{leads:?}");
    leads[0]["Title"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_made_unseen_is_found_by_its_key_and_what_was_edited_meanwhile_stays() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("e1", ada())).await;
    let people = Matcher { body_contains: Some("\"Company\":".to_owned()), count: Some(1), ..Matcher::default() };
    scene.org().control().fault(people, Effect::CutAfter);
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "retry");
    edit(&scene);
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    assert_eq!(only_title(&scene), "CTO");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_found_by_its_key_though_all_that_was_stored_of_its_person_is_lost() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("e1", ada())).await;
    scene.sweep().await;
    let first = scene.records("Lead")[0]["Id"].clone();
    let table = scene.stack.ports().table;
    let person = PersonKey::of(&kayo, &id_alias("p1"));
    for key in
        [Key::person(&kayo, &person), Key::alias(&kayo, &id_alias("p1")), Key::record(&kayo, &RecordId::parse(first.as_str().unwrap()).unwrap())]
    {
        assert!(table.delete(&key, None).await.unwrap(), "{key}");
    }
    edit(&scene);
    let mut event = capture("e2", json!({"id": "p1", "last_name": "Martin", "company": "ACME", "job": "Engineer", "phone": "0102030405"}));
    // Somebody who has not been asked for yet, so that there is a look in which it finds place.
    event["collaborator"]["email"] = json!("new@example.org");
    scene.accept("kayo", &event).await;
    let before = scene.api_calls();
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e2").await.status, "applied");
    assert_eq!((only_title(&scene), &scene.records("Lead")[0]["Phone"]), (json!("CTO"), &json!("0102030405")));
    assert_eq!(scene.api_calls() - before, 2, "the look costs no call of its own");
}

/// Without an address nothing but the key leads to what was made, and nothing but the identity leads to the key.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_an_address_is_made_once_though_the_writer_died() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("e1", json!({"id": "p1", "last_name": "Martin", "company": "ACME"}))).await;
    let people = Matcher { body_contains: Some("\"Company\":".to_owned()), count: Some(1), ..Matcher::default() };
    scene.org().control().fault(people, Effect::Delay { ms: 60_000, moment: Moment::After });
    scene.clock.advance(SignedDuration::from_secs(125));
    let dying = scene.stack.invoke_upsert(json!({"sweep": {}}));
    assert!(tokio::time::timeout(Duration::from_secs(2), dying).await.is_err());
    assert_eq!(scene.records("Lead").len(), 1);
    scene.sweep().await;
    assert_eq!((scene.event(&kayo, "e1").await.status.as_str(), scene.records("Lead").len()), ("applied", 1));
}

/// Of a record with the key and one with the address the one with the key is the person's.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_comes_before_the_address() {
    let mut seed = Seed::demo();
    let key = PersonKey::of(&"kayo".parse().unwrap(), &id_alias("p1"));
    let lead = |fields: Value| record("Lead", fields);
    seed.records.push(lead(json!({"LastName": "Other", "Company": "C", "Email": "ada@example.org", "CreatedDate": "2020-01-01T00:00:00Z"})));
    seed.records.push(lead(json!({"LastName": "Own", "Company": "C", "Passerelle_Id__c": key.as_str()})));
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("e1", ada())).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    let leads = scene.records("Lead");
    let own = leads.iter().find(|lead| lead["LastName"] == "Own").unwrap();
    assert_eq!((leads.len(), &own["Title"], &scene.records("Event")[0]["WhoId"]), (2, &json!("Engineer"), &own["Id"]));
    assert_eq!(scene.notes(&kayo, "e1").await, Vec::<Value>::new(), "nothing is ambiguous about it");
}
