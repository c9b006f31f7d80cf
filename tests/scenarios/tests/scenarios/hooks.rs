//! Products that know nothing of Passerelle send what they send.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use passerelle_core::app::configure::{self, ConfigureError};
use passerelle_scenarios::Scene;
use serde_json::{Value, json};
use sha2::Sha256;

const KEY: &str = "a key that the product made";

/// KAYO's preset behind another product's hook.
async fn scene(source: Value, trigger: &str) -> Scene {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let document = scene.document("kayo", |document| {
        document["source"] = source.clone();
        document["workflows"][0]["trigger"] = json!(trigger);
        document["projects"]["unlisted"] = json!("accept");
    });
    scene.apply(&document).await;
    configure::set_webhook_key(scene.stack.ports(), &kayo, &KEY.to_owned().into()).await.unwrap();
    scene
}

fn code(body: &str) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap().chain_update(body).finalize().into_bytes().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn mautic_sends_its_webhook_with_its_signature() {
    let scene = scene(json!({"id": "kayo", "format": "mautic"}), "lead_post_save_new").await;
    let field = |value: &str| json!({"id": 1, "type": "text", "value": value});
    let fields = json!({"core": {"email": field("jeanne@client.example"), "last_name": field("Moreau"), "company": field("Client SA")}});
    let body = json!({"mautic.lead_post_save_new": [{"contact": {"id": 47, "fields": fields}, "timestamp": "2026-08-30T15:54:35+00:00"}]});
    // PHP escapes slashes, so the signature covers the bytes and not the JSON.
    let body = body.to_string().replace('/', "\\/");
    let refused = scene.post("kayo", &[("webhook-signature", &STANDARD.encode(code("another body")))], body.clone()).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (401, Some("not_signed")));
    for (received, repeated) in [(1, 0), (0, 1)] {
        let answer = scene.post("kayo", &[("webhook-signature", &STANDARD.encode(code(&body)))], body.clone()).await;
        assert_eq!((answer.status, answer.body), (202, json!({"received": received, "repeated": repeated})));
    }
    scene.sweep().await;
    let leads = scene.records("Lead");
    assert_eq!((leads.len(), &leads[0]["LastName"], &leads[0]["Email"]), (1, &json!("Moreau"), &json!("jeanne@client.example")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_can_send_a_webhook_is_connected_without_code() {
    let extraction = json!({"each": "body.leads", "id": "item.ref", "type": "'scan'", "occurred_at": "item.scanned",
                            "person": {"id": "item.ref", "email": "item.contact.mail", "last_name": "item.contact.name", "company": "item.contact.firm"}});
    let body = json!({"leads": [{"ref": 1, "scanned": 1_788_000_000, "contact": {"mail": "a@example.org", "name": "A", "firm": "F"}},
                                {"ref": 2, "scanned": 1_788_000_001, "contact": {"mail": "b@example.org", "name": "B", "firm": "F"}}]});
    let hex = passerelle_core::domain::event::hex(&code(&body.to_string()));
    let bearer = format!("Bearer {KEY}");
    let table = [
        (json!({"hmac": {"header": "X-Signature", "prefix": "sha256="}}), "x-signature", format!("sha256={hex}")),
        (json!("bearer"), "authorization", bearer),
        (json!({"api_key": {"header": "X-Api-Key"}}), "x-api-key", KEY.to_owned()),
    ];
    for (signature, header, value) in table {
        let scene = scene(json!({"id": "kayo", "format": {"extract": extraction}, "signature": signature}), "scan").await;
        let wrong = scene.post("kayo", &[(header, &value.replace('a', "b"))], body.to_string()).await;
        assert_eq!(wrong.status, 401, "{header}");
        let answer = scene.post("kayo", &[(header, &value)], body.to_string()).await;
        assert_eq!((answer.status, answer.body), (202, json!({"received": 2, "repeated": 0})), "{header}");
        scene.sweep().await;
        assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (2, 2), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_share_a_source_say_the_same_of_it() {
    let scene = Scene::new().await;
    scene.apply(&scene.document("kayo", |document| document["source"] = json!({"id": "shared"}))).await;
    scene.apply(&scene.document("other", |document| document["source"] = json!({"id": "shared"}))).await;
    let differs = scene.document("other", |document| document["source"] = json!({"id": "shared", "format": "mautic"}));
    let refused = configure::apply(scene.stack.ports(), &differs).await;
    assert!(
        matches!(&refused, Err(ConfigureError::Invalid(faults)) if faults[0].place == "source" && faults[0].message.contains("kayo")),
        "{refused:?}"
    );
    let broken = scene.document("kayo", |document| {
        document["source"]["format"] = json!({"extract": {"type": "'t'", "occurred_at": "item.", "person": "item"}});
    });
    let refused = configure::apply(scene.stack.ports(), &broken).await;
    assert!(matches!(&refused, Err(ConfigureError::Invalid(faults)) if faults[0].place == "source.format.extract.occurred_at"), "{refused:?}");
}
