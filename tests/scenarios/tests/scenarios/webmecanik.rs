//! Webmecanik Automation: its own webhooks, the arrows of its plugin, blanks, and who is not to be contacted.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use passerelle_core::app::configure;
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, custom_field, record};
use salesforce_sim::{
    Effect, Matcher,
    seed::{CustomField, CustomFieldKind},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::timeline;

pub const PRESET: &str = include_str!("../../../../infra/presets/webmecanik.yaml");

pub fn fields() -> Vec<CustomField> {
    let of = |object: &str| {
        [
            custom_field(object, "webmecanik_id__c", CustomFieldKind::Text { length: 255 }),
            custom_field(object, "webmecanik_url__c", CustomFieldKind::Url),
        ]
    };
    ["Lead", "Contact"].into_iter().flat_map(of).collect()
}

/// A delivery as Automation sends it, signed with the webhook's key.
pub async fn deliver(scene: &Scene, trigger: &str, fields: Value, more: Value) {
    let core: Value = fields.as_object().unwrap().iter().map(|(alias, value)| (alias.clone(), json!({"alias": alias, "value": value}))).collect();
    let mut item = json!({"contact": {"id": 47, "fields": {"core": core}, "tags": []}, "timestamp": "2026-08-30T08:00:00+00:00"});
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(scene, trigger, item).await;
}

/// The same, whatever it tells of.
pub async fn send(scene: &Scene, trigger: &str, item: Value) {
    let keys = configure::webhook_keys(scene.stack.ports(), &"kayo".parse().unwrap()).await.unwrap();
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

fn with_timeline(document: &mut Value) {
    document["platform"]["attributes"] = json!([]);
    document["mappings"]["timeline"] = json!({"object": "mautic_timeline__c", "fields": [
        {"from": "event.occurred_at", "to": "ActivityDate__c"},
        {"from": "event.type", "to": "Name"},
        {"from": "person.id", "to": "MauticLead__c"},
        {"from": "data.submission.form.name", "to": "Description__c", "transform": [{"template": "Form: {{ value }}"}]}]});
    document["workflows"] = json!([{"name": "form", "trigger": "form_on_submit", "actions": [{"person": {}}, {"record": {
        "mapping": "timeline", "key": {"field": "ReferenceId__c", "value": "{{ event.id }}"},
        "person": {"lead": "WhoId__c", "contact": "contact_id__c"}}}]}]);
}

/// Activities go to a custom object of the org, once each, on the lead or the contact, also where the first answer never came.
#[tokio::test(flavor = "multi_thread")]
async fn activities_go_to_the_timeline_object_once() {
    for (external, known) in [(false, "Lead"), (true, "Lead"), (false, "Contact")] {
        let name = format!("{known}, external id: {external}");
        let mut seed = timeline::seed("", external);
        seed.custom_fields.extend(fields());
        if known == "Contact" {
            seed.records.push(record("Contact", json!({"LastName": "Moreau", "Email": "jeanne@example.org"})));
        }
        let scene = Scene::with(seed, Switch::Off).await;
        scene.active("kayo").await;
        scene.apply(&scene.document_of(PRESET, "kayo", with_timeline)).await;
        let cut = Matcher { body_contains: Some("\"ActivityDate__c\":".to_owned()), count: Some(1), ..Matcher::default() };
        scene.org().control().fault(cut, Effect::CutAfter);
        let submission = json!({"submission": {"form": {"name": "Contact us"}}});
        deliver(&scene, "form_on_submit", jeanne(), submission.clone()).await;
        assert_eq!(scene.records("mautic_timeline__c").len(), 1, "{name}: made, and nobody was told");
        for _ in 0..3 {
            scene.sweep().await;
        }
        // The same delivery once more is no other event.
        deliver(&scene, "form_on_submit", jeanne(), submission).await;
        let entries = scene.records("mautic_timeline__c");
        assert_eq!(entries.len(), 1, "{name}");
        let whose = scene.records(known).remove(0)["Id"].clone();
        let (lead, contact) = if known == "Lead" { (whose, Value::Null) } else { (Value::Null, whose) };
        assert_eq!((&entries[0]["WhoId__c"], &entries[0]["contact_id__c"]), (&lead, &contact), "{name}");
        let want = [("Name", json!("form_on_submit")), ("Description__c", json!("Form: Contact us")), ("MauticLead__c", json!(47.0))];
        assert!(want.iter().all(|(field, value)| entries[0][*field] == *value), "{name}: {entries:?}");
        // Another form is another entry.
        deliver(&scene, "form_on_submit", jeanne(), json!({"submission": {"form": {"name": "Newsletter"}}})).await;
        assert_eq!(scene.records("mautic_timeline__c").len(), 2, "{name}");
        let parked = scene.stack.ports().table.stopped_events(&"kayo".parse().unwrap(), 10).await.unwrap().ids;
        assert_eq!(parked, [], "{name}");
    }
}
