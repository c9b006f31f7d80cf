//! What is not a delivery gets a clear answer, and nothing is stored.

use passerelle_core::{
    adapters::{http, secrets::Secrets},
    app::intake::{Readers, accept},
    ports::Ports,
};
use passerelle_local::clients;
use passerelle_scenarios::{Scene, capture, logs, person};
use secrecy::ExposeSecret;
use serde_json::json;
use standardwebhooks::Webhook;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_bad_delivery_has_its_answer() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let keys = passerelle_core::app::configure::webhook_keys(scene.stack.ports(), &kayo).await.unwrap();
    let now = scene.clock.now_s();
    let sign = |at: i64, body: &str| Webhook::new(keys[0].expose_secret()).unwrap().sign("m", at, body.as_bytes()).unwrap();
    let good = capture("e1", person(1)).to_string();
    let (most, big) = ("x".repeat(256 * 1024), "x".repeat(256 * 1024 + 1));
    let table = [
        ("unknown source", "nobody", now, sign(now, &good), good.as_str(), 404, "unknown_source"),
        ("impossible source", "No%20body", now, sign(now, &good), &good, 404, "unknown_source"),
        ("wrong signature", "kayo", now, sign(now, "another body"), &good, 401, "not_signed"),
        ("no version", "kayo", now, "nonsense".to_owned(), &good, 401, "not_signed"),
        ("too old", "kayo", now - 301, sign(now - 301, &good), &good, 401, "not_signed"),
        ("too new", "kayo", now + 301, sign(now + 301, &good), &good, 401, "not_signed"),
        ("too large", "kayo", now, sign(now, &big), &big, 413, "body_too_large"),
        ("as large as may be", "kayo", now, sign(now, &most), &most, 400, "invalid_events"),
        ("no JSON", "kayo", now, sign(now, "{"), "{", 400, "invalid_events"),
        ("no event", "kayo", now, sign(now, "{}"), "{}", 400, "invalid_events"),
    ];
    for (name, source, at, signature, body, status, code) in table {
        let headers = [("webhook-id", "m"), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &signature)];
        let answer = scene.post(source, &headers, body.to_owned()).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (status, Some(code)), "{name}");
        assert_eq!(answer.media_type, "application/problem+json", "{name}");
    }
    let unsigned = scene.post("kayo", &[], good.clone()).await;
    assert_eq!((unsigned.status, unsigned.media_type.as_str()), (401, "application/problem+json"));
    // Within the tolerance it is taken, which shows that the table above failed for its reasons.
    let at = now - 299;
    let headers = [("webhook-id", "m"), ("webhook-timestamp", &at.to_string()), ("webhook-signature", &sign(at, &good))];
    let taken = scene.post("kayo", &headers, good.clone()).await;
    assert_eq!((taken.status, taken.body), (202, json!({"received": 1, "repeated": 0})), "nothing of it was stored before");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_a_delivery_are_listed_and_none_of_it_is_stored() {
    let scene = Scene::new().await;
    scene.active("kayo").await;
    let body = json!({"events": [capture("good", person(1)), {"id": 3, "type": "t", "person": {}}]});
    let answer = scene.send("kayo", &body).await;
    assert_eq!(answer.status, 400);
    let places: Vec<&str> = answer.body["faults"].as_array().unwrap().iter().map(|fault| fault["place"].as_str().unwrap()).collect();
    assert_eq!(places, ["events[1].id", "events[1].occurred_at", "events[1].person"]);
    let answer = scene.send("kayo", &capture("good", person(1))).await;
    assert_eq!(answer.body["received"], json!(1), "it had not been stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_source_is_refused_before_any_secret_is_read() {
    let scene = Scene::new().await;
    scene.active("kayo").await;
    // Nobody answers here: whoever asks for a secret fails.
    let (_, deaf) = clients::connect(&http::client(&[]).unwrap(), "http://127.0.0.1:9", "http://127.0.0.1:9");
    let secrets = Secrets::new(deaf, "passerelle");
    let ports = Ports { secrets: &secrets, ..scene.stack.ports() };
    let now = scene.clock.now_s().to_string();
    let headers = [("webhook-id", "m"), ("webhook-timestamp", now.as_str()), ("webhook-signature", "v1,AAAA")];
    let headers = headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    for (source, status) in [("nobody", 404), ("kayo", 503)] {
        assert_eq!(accept(ports, &Readers::default(), source, &headers, b"{}").await.unwrap_err().status, status, "{source}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_no_trace_of_anybody_in_table_or_log() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let somebody = json!({"id": "p-trace", "email": "greta.garbo@example.org", "last_name": "Garbo-Trace", "company": "Trace"});
    let good = capture("traced", somebody);
    let mut bad = good.clone();
    bad["occurred_at"] = json!("Garbo-Trace o'clock");
    assert_eq!(scene.send("kayo", &bad).await.status, 400);
    assert_eq!(scene.post("kayo", &[("webhook-id", "m")], good.to_string()).await.status, 401);
    assert_eq!(scene.post("nobody", &[], good.to_string()).await.status, 404);
    let stored = scene.stack.ports().table.load_events(&kayo, &["traced".parse().unwrap()]).await.unwrap();
    assert!(stored.is_empty(), "{stored:?}");
    scene.accept("kayo", &good).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "traced").await.status, "applied");
    // Two further refusals, and one of Salesforce's own, whose text repeats the value.
    let mut other = good.clone();
    other["type"] = json!("document_viewed");
    assert_eq!(scene.send("kayo", &other).await.status, 409);
    assert_eq!(scene.send("kayo", &capture("large", json!({"id": "Garbo-Trace".repeat(30_000)}))).await.status, 413);
    let long = json!({"email": "long@example.org", "last_name": "Garbo-Trace".repeat(10), "company": "Trace"});
    scene.accept("kayo", &capture("long", long)).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "long").await.status, "parked");

    let lines = logs::kept();
    for code in ["unknown_source", "not_signed", "body_too_large", "invalid_events", "event_id_reused"] {
        assert!(lines.contains(&format!("\"code\":\"{code}\"")), "the log has no refusal with {code}");
    }
    for seen in ["request refused", "delivery accepted", "\"event.id\":\"traced\"", "org connected"] {
        assert!(lines.contains(seen), "the log has no line with {seen}");
    }
    for secret in ["greta.garbo", "Garbo-Trace", "whsec_"] {
        assert!(!lines.contains(secret), "the log shows {secret}");
    }
}
