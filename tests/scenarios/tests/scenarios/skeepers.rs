//! Skeepers: whoever answers a survey is created or updated as a contact, and unhappy customers become a task.

use passerelle_scenarios::{Scene, custom_field, record};
use salesforce_sim::seed::{CustomField, CustomFieldKind};
use serde_json::{Value, json};

const PRESET: &str = include_str!("../../../../infra/presets/skeepers.yaml");

/// The customer's own fields, as an administrator makes them.
fn fields() -> Vec<CustomField> {
    let kinds = [
        ("skeepers_last_score__c", CustomFieldKind::Number { precision: 3, scale: 0 }),
        ("skeepers_last_answer__c", CustomFieldKind::Date),
        ("skeepers_tags__c", CustomFieldKind::Text { length: 255 }),
        ("skeepers_detractor__c", CustomFieldKind::Checkbox),
    ];
    kinds.map(|(name, kind)| custom_field("Contact", name, kind)).into()
}

fn answer(id: &str, score: u32, on: &str) -> Value {
    json!({"id": id, "type": "survey_answered", "occurred_at": format!("{on}T10:00:00+02:00"),
           "person": {"id": "c7", "email": "claire@example.org", "first_name": "Claire", "last_name": "Petit", "mobile_phone": "+33612345678",
                      "tags": ["web", "vip"], "detractor": score <= 6},
           "data": {"score": score, "answered_on": on, "comment": "Trop long"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_feeds_the_contact_and_a_detractor_becomes_a_task() {
    let (scene, skeepers) = Scene::of_preset(PRESET, fields(), vec![]).await;
    scene.accept("kayo", &answer("a1", 9, "2026-08-20")).await;
    scene.sweep().await;
    assert_eq!(scene.event(&skeepers, "a1").await.status, "applied");
    let contact = scene.records("Contact").remove(0);
    // +336XXXXXXXX becomes 06XXXXXXXX.
    assert_eq!(contact["MobilePhone"].as_str().map(|phone| phone.replace(' ', "")).as_deref(), Some("0612345678"));
    let want = [
        ("FirstName", json!("Claire")),
        ("skeepers_last_score__c", json!(9.0)),
        ("skeepers_last_answer__c", json!("2026-08-20")),
        ("skeepers_tags__c", json!("web;vip")),
        ("skeepers_detractor__c", json!(false)),
    ];
    for (field, value) in want {
        assert_eq!(contact[field], value, "{field}");
    }
    assert_eq!(scene.records("Task").len(), 0, "a happy customer is nobody's task");

    // Two workflows match, and are planned together: one call to look, one to write.
    let before = scene.api_calls();
    scene.accept("kayo", &answer("a2", 3, "2026-08-30")).await;
    scene.sweep().await;
    assert_eq!(scene.api_calls() - before, 2);
    let (contacts, tasks) = (scene.records("Contact"), scene.records("Task"));
    assert_eq!((contacts.len(), &contacts[0]["skeepers_last_score__c"], &contacts[0]["skeepers_detractor__c"]), (1, &json!(3.0), &json!(true)));
    assert_eq!((tasks.len(), &tasks[0]["WhoId"]), (1, &contacts[0]["Id"]));
    assert_eq!((&tasks[0]["Subject"], &tasks[0]["Description"]), (&json!("[Skeepers] Client détracteur (3/10)"), &json!("Trop long")));
}

/// The field "Opération": creation, update, or both.
#[tokio::test(flavor = "multi_thread")]
async fn the_operation_decides_who_is_made_and_who_is_changed() {
    let known = || record("Contact", json!({"LastName": "Petit", "Email": "claire@example.org"}));
    let table = [
        ("create", false, "applied", 1, true),
        ("create", true, "unchanged", 1, false),
        ("update", false, "unchanged", 0, false),
        ("update", true, "applied", 1, true),
        ("create_or_update", false, "applied", 1, true),
        ("create_or_update", true, "applied", 1, true),
    ];
    for (operation, exists, outcome, contacts, written) in table {
        let (scene, skeepers) = Scene::of_preset(PRESET, fields(), if exists { vec![known()] } else { vec![] }).await;
        scene.apply(&scene.document_of(PRESET, "kayo", |document| document["mappings"]["answers"]["operation"] = json!(operation))).await;
        scene.accept("kayo", &answer("a1", 9, "2026-08-20")).await;
        scene.sweep().await;
        let found = scene.records("Contact");
        let score = found.first().is_some_and(|contact| contact["skeepers_last_score__c"] == json!(9.0));
        let status = scene.event(&skeepers, "a1").await.status;
        assert_eq!((status.as_str(), found.len(), score), (outcome, contacts, written), "{operation}, exists: {exists}");
    }
}
