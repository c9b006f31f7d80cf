//! inwink: people who register for an event and come to it. Campaigns and their members are not part of documents yet.

use passerelle_scenarios::{Scene, record};
use serde_json::{Value, json};

const PRESET: &str = include_str!("../../../../infra/presets/inwink.yaml");

fn registration(id: &str) -> Value {
    json!({"id": id, "type": "registered", "occurred_at": "2026-08-30T10:00:00+02:00",
           "person": {"id": "p1", "email": "lea@example.org", "first_name": "Léa", "last_name": "Roux", "company": "Roux SA", "job": "Achats"}})
}

/// By default first name, last name, e-mail, job and, on leads alone, company.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_registers_becomes_a_lead_or_a_contact_as_the_switch_says() {
    for (when_unknown, object) in [("lead", "Lead"), ("contact", "Contact")] {
        let (scene, inwink) = Scene::of_preset(PRESET, vec![], vec![]).await;
        scene.apply(&scene.document_of(PRESET, "kayo", |document| document["people"]["when_unknown"] = json!(when_unknown))).await;
        scene.accept("kayo", &registration("r1")).await;
        scene.sweep().await;
        assert_eq!(scene.event(&inwink, "r1").await.status, "applied", "{when_unknown}");
        let found = scene.records(object);
        let mut want = vec![("Name", "Léa Roux"), ("Email", "lea@example.org"), ("Title", "Achats")];
        want.extend((object == "Lead").then_some(("Company", "Roux SA")));
        assert!(want.iter().all(|(field, value)| found[0][*field] == json!(value)), "{found:?}");
        assert_eq!(scene.records("Lead").len() + scene.records("Contact").len(), 1);
        // No account comes of a company, and nothing is written beside the person.
        assert_eq!((scene.records("Account").len(), scene.records("Event").len()), (0, 0));
    }
}

/// The check is on the e-mail address; the switch says whether what is there is brought up to date.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_known_is_updated_only_where_that_is_allowed() {
    for (allowed, title) in [("on", "Achats"), ("off", "Old title")] {
        let known = record("Contact", json!({"LastName": "Roux", "Email": "LEA@example.org", "Title": "Old title"}));
        let (scene, _) = Scene::of_preset(PRESET, vec![], vec![known]).await;
        scene.apply(&scene.document_of(PRESET, "kayo", |document| document["people"]["update_contacts"] = json!(allowed))).await;
        scene.accept("kayo", &registration("r1")).await;
        scene.sweep().await;
        let contacts = scene.records("Contact");
        assert_eq!((contacts.len(), &contacts[0]["Title"], scene.records("Lead").len()), (1, &json!(title), 0), "{allowed}");
    }
}
