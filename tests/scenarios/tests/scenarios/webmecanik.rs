//! Webmecanik Automation: its own webhooks, the arrows of its plugin, blanks, and who is not to be contacted.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use passerelle_core::app::configure;
use passerelle_scenarios::{Scene, custom_field, record};
use salesforce_sim::seed::{CustomField, CustomFieldKind};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;

const PRESET: &str = include_str!("../../../../infra/presets/webmecanik.yaml");

fn fields() -> Vec<CustomField> {
    let of = |object: &str| {
        [
            custom_field(object, "webmecanik_id__c", CustomFieldKind::Text { length: 255 }),
            custom_field(object, "webmecanik_url__c", CustomFieldKind::Url),
        ]
    };
    ["Lead", "Contact"].into_iter().flat_map(of).collect()
}

/// A delivery as Automation sends it, signed with the webhook's key.
async fn deliver(scene: &Scene, trigger: &str, fields: Value, more: Value) {
    let keys = configure::webhook_keys(scene.stack.ports(), &"kayo".parse().unwrap()).await.unwrap();
    let core: Value = fields.as_object().unwrap().iter().map(|(alias, value)| (alias.clone(), json!({"alias": alias, "value": value}))).collect();
    let mut item = json!({"contact": {"id": 47, "fields": {"core": core}, "tags": []}, "timestamp": "2026-08-30T08:00:00+00:00"});
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let body = json!({format!("mautic.{trigger}"): [item]}).to_string();
    let code = Hmac::<Sha256>::new_from_slice(keys[0].expose_secret().as_bytes()).unwrap().chain_update(&body).finalize().into_bytes();
    let answer = scene.post("kayo", &[("webhook-signature", &STANDARD.encode(code))], body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    scene.sweep().await;
}

fn jeanne() -> Value {
    json!({"email": "jeanne@example.org", "firstname": "Jeanne", "lastname": "Moreau", "lead_company": "Client SA", "position": "DSI"})
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_in_salesforce_becomes_a_lead_with_automations_id() {
    let (scene, _) = Scene::of_preset(PRESET, fields(), vec![]).await;
    deliver(&scene, "lead_post_save_new", jeanne(), json!({})).await;
    let leads = scene.records("Lead");
    assert_eq!((leads.len(), scene.records("Contact").len(), scene.records("Account").len()), (1, 0, 0));
    let want = [("Name", "Jeanne Moreau"), ("Company", "Client SA"), ("Title", "DSI"), ("webmecanik_id__c", "47")];
    assert!(want.iter().all(|(field, value)| leads[0][*field] == json!(value)), "{leads:?}");
    assert_eq!(leads[0]["webmecanik_url__c"], json!("https://automation.example.com/s/contacts/view/47"));
}

/// "With the priority on Salesforce, a value of Automation cannot change the field", but it fills a blank.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_there_keeps_the_format_and_the_arrows_decide() {
    let known = json!({"LastName": "M.", "Email": "jeanne@example.org"});
    let mut lead = known.clone();
    lead["Company"] = json!("Other SA");
    for (object, fields_of) in [("Contact", known), ("Lead", lead)] {
        let (scene, _) = Scene::of_preset(PRESET, fields(), vec![record(object, fields_of)]).await;
        deliver(&scene, "form_on_submit", jeanne(), json!({})).await;
        assert_eq!(scene.records("Lead").len() + scene.records("Contact").len(), 1, "{object}");
        let found = scene.records(object).remove(0);
        let want = [("LastName", "M."), ("FirstName", "Jeanne"), ("Title", "DSI"), ("webmecanik_id__c", "47")];
        for (field, value) in want {
            assert_eq!(found[field], json!(value), "{object}.{field}");
        }
        if object == "Lead" {
            assert_eq!(found["Company"], json!("Other SA"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_unsubscribes_is_not_contacted_from_salesforce_either() {
    let known = record("Contact", json!({"LastName": "Moreau", "Email": "jeanne@example.org"}));
    let (scene, _) = Scene::of_preset(PRESET, fields(), vec![known]).await;
    let change = json!({"channel": "email", "old_status": "contactable", "new_status": "unsubscribed"});
    deliver(&scene, "lead_channel_subscription_changed", jeanne(), change).await;
    assert_eq!(scene.records("Contact")[0]["HasOptedOutOfEmail"], json!(true));
}
