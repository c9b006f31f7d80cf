//! Digital business cards: whoever exchanges contacts on a card appears in Salesforce as a contact.

use passerelle_scenarios::{Scene, record};
use serde_json::{Value, json};

const PRESET: &str = include_str!("../../../../infra/presets/business-card.yaml");

/// Somebody fills in the form of a card.
fn exchange(id: &str, card: &str, email: &str) -> Value {
    json!({"id": id, "type": "card_shared", "occurred_at": "2026-08-30T10:00:00+02:00",
           "person": {"id": id, "email": email, "first_name": "John", "last_name": "Doe", "job": "Buyer"}, "data": {"card": card}})
}

#[tokio::test(flavor = "multi_thread")]
async fn john_doe_appears_as_a_contact_a_few_seconds_later() {
    let (scene, qr) = Scene::of_preset(PRESET, vec![], vec![]).await;
    scene.accept("kayo", &exchange("e1", "sales", "john.doe@example.org")).await;
    scene.sweep().await;
    assert_eq!(scene.event(&qr, "e1").await.status, "applied");
    let contacts = scene.records("Contact");
    assert_eq!((contacts.len(), scene.records("Lead").len(), scene.records("Event").len()), (1, 0, 0));
    let want = [("Name", "John Doe"), ("Email", "john.doe@example.org"), ("Title", "Buyer")];
    assert!(want.iter().all(|(field, value)| contacts[0][*field] == json!(value)), "{contacts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_there_already_stays_as_they_are() {
    let known = record("Contact", json!({"LastName": "D.", "Email": "john.doe@example.org"}));
    let (scene, qr) = Scene::of_preset(PRESET, vec![], vec![known]).await;
    let before = scene.records("Contact");
    scene.accept("kayo", &exchange("e1", "sales", "John.Doe@example.org")).await;
    scene.sweep().await;
    assert_eq!(scene.event(&qr, "e1").await.status, "unchanged");
    assert_eq!(scene.records("Contact"), before);
}

/// "One card to Salesforce and another card to another Salesforce account": two connections, each with its own filter.
#[tokio::test(flavor = "multi_thread")]
async fn each_card_goes_to_the_org_of_its_connection() {
    let scene = Scene::new().await;
    let (sales, fair) = (scene.active("kayo").await, scene.active("other").await);
    for (connection, card) in [("kayo", "sales"), ("other", "fair")] {
        let document = scene.document_of(PRESET, connection, |document| {
            document["source"]["id"] = json!("cards");
            document["workflows"][0]["filter"] = json!(format!("data.card in ['{card}']"));
        });
        scene.apply(&document).await;
    }
    // One key verifies what both are fed with.
    let keys = passerelle_core::app::configure::webhook_keys(scene.stack.ports(), &sales).await.unwrap();
    let key = secrecy::ExposeSecret::expose_secret(&keys[0]).to_owned();
    passerelle_core::app::configure::set_webhook_key(scene.stack.ports(), &fair, &key.into()).await.unwrap();
    let body = json!([exchange("e1", "sales", "a@example.org"), exchange("e2", "fair", "b@example.org")]);
    assert_eq!(scene.send_with_key_of("kayo", "cards", &body).await.status, 202);
    scene.sweep().await;
    for (connection, applied, left) in [(&sales, "e1", "e2"), (&fair, "e2", "e1")] {
        let outcomes = scene.outcomes(connection, &[applied, left]).await;
        assert_eq!((outcomes[applied].as_str(), outcomes[left].as_str()), ("applied", "unchanged"), "{connection}");
    }
    assert_eq!(scene.records("Contact").len(), 2);
}
