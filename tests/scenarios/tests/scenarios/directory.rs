//! The directory of people: the platform says what somebody is like, reads what is known of them, and lists who has changed.

use jiff::SignedDuration;
use passerelle_core::{app::configure, domain::ids::ConnectionId};
use passerelle_scenarios::Scene;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

async fn key(scene: &Scene, c: &ConnectionId) -> String {
    configure::webhook_keys(scene.stack.ports(), c).await.unwrap()[0].expose_secret().to_owned()
}

/// One request with the key, and its answer.
async fn ask(scene: &Scene, key: &str, path: &str) -> (u16, Value) {
    let url = format!("{}/v1/hooks/kayo/people{path}", scene.stack.addresses().gateway);
    let answer = reqwest::Client::new().get(url).bearer_auth(key).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn put(scene: &Scene, key: &str, person: &str, once: Option<&str>, body: &Value) -> (u16, Value) {
    let url = format!("{}/v1/hooks/kayo/people/{person}", scene.stack.addresses().gateway);
    let mut request = reqwest::Client::new().put(url).bearer_auth(key).body(body.to_string());
    if let Some(once) = once {
        request = request.header("idempotency-key", once);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

fn ada(job: &str) -> Value {
    json!({"person": {"email": "ada@example.org", "last_name": "Lovelace", "company": "Engines", "job": job}})
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_put_becomes_a_record_and_is_read_back() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let key = key(&scene, &kayo).await;
    assert_eq!(ask(&scene, &key, "/p1").await.0, 404);
    let (status, put_once) = put(&scene, &key, "p1", None, &ada("Engineer")).await;
    assert_eq!((status, &put_once["received"]), (202, &json!(1)), "{put_once}");
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, put_once["event"].as_str().unwrap()).await.status, "applied");
    let (status, read) = ask(&scene, &key, "/p1").await;
    let lead = scene.records("Lead").into_iter().find(|lead| lead["Email"] == "ada@example.org").unwrap();
    assert_eq!((status, &read[0]["salesforce"]), (200, &json!({"object": "Lead", "id": lead["Id"]})), "{read}");
    assert_eq!((&read[0]["attributes"]["person.job"]["value"], &read[0]["connection"]), (&json!("Engineer"), &json!("kayo")));
    assert_eq!(read[0]["attributes"]["person.job"]["from"], "platform");
    // The same person again, otherwise.
    put(&scene, &key, "p1", None, &ada("Analyst")).await;
    scene.sweep().await;
    assert_eq!(ask(&scene, &key, "/p1").await.1[0]["attributes"]["person.job"]["value"], "Analyst");
    assert_eq!(scene.records("Lead").iter().filter(|lead| lead["Email"] == "ada@example.org").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_is_repeated_without_harm_and_refused_with_its_cure() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let key = key(&scene, &kayo).await;
    let mut dated = ada("Engineer");
    dated["occurred_at"] = json!("2026-08-30T10:00:00Z");
    let (_, first) = put(&scene, &key, "p1", Some("k1"), &dated).await;
    let (status, again) = put(&scene, &key, "p1", Some("k1"), &dated).await;
    assert_eq!((status, &again["repeated"], &again["event"]), (202, &json!(1), &first["event"]), "{again}");
    for (person, once, body, place) in [
        ("p1", Some("k2"), ada("x"), "occurred_at"),
        ("p1", None, json!({"person": {"id": "p2"}}), "person.id"),
        ("p1", None, json!({"type": "t", "person": {}}), "type"),
        ("p1", None, json!([1]), "body"),
        ("p1", None, json!({"person": {"email": 5}}), "person.email"),
    ] {
        let (status, refused) = put(&scene, &key, person, once, &body).await;
        assert_eq!((status, &refused["faults"][0]["place"]), (400, &json!(place)), "{refused}");
    }
    assert_eq!(put(&scene, "bm8=", "p1", None, &ada("x")).await.0, 401);
    assert_eq!(ask(&scene, "bm8=", "/p1").await.0, 401);
    assert_eq!(ask(&scene, "bm8=", "").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_changed_is_listed_page_by_page_and_each_once() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let key = key(&scene, &kayo).await;
    for n in 0..7 {
        let body = json!({"person": {"email": format!("p{n}@example.org"), "last_name": "L", "company": "C"}});
        put(&scene, &key, &format!("p{n}"), None, &body).await;
    }
    scene.sweep().await;
    // What has just been changed is told a moment later.
    assert_eq!(ask(&scene, &key, "").await.1["people"], json!([]));
    scene.clock.advance(SignedDuration::from_secs(15));
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = if after.is_empty() { "?limit=3".to_owned() } else { format!("?limit=3&after={}", after.replace('#', "%23")) };
        let (status, page) = ask(&scene, &key, &path).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(page["people"].as_array().unwrap().iter().map(|person| person["attributes"]["person.id"]["value"].as_str().unwrap().to_owned()));
        after = page["next"].as_str().unwrap().to_owned();
        if page["more"] == false {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    assert_eq!(sorted, (0..7).map(|n| format!("p{n}")).collect::<Vec<_>>());
    // From there on only who changes, with the time.
    scene.clock.advance(SignedDuration::from_mins(5));
    put(&scene, &key, "p4", None, &json!({"person": {"email": "p4@example.org", "job": "CTO"}})).await;
    scene.sweep().await;
    scene.clock.advance(SignedDuration::from_secs(15));
    let (_, page) = ask(&scene, &key, &format!("?after={}", after.replace('#', "%23"))).await;
    assert_eq!(page["people"].as_array().unwrap().len(), 1, "{page}");
    let changed_at = page["people"][0]["changed_at"].as_str().unwrap();
    assert_eq!(ask(&scene, &key, &format!("?since={changed_at}")).await.1["people"].as_array().unwrap().len(), 1);
    for (path, place) in [("?limit=0", "limit"), ("?after=x", "after"), ("?since=x", "since"), ("?connection=other", "connection")] {
        let (status, refused) = ask(&scene, &key, path).await;
        assert_eq!((status, &refused["faults"][0]["place"]), (400, &json!(place)), "{refused}");
    }
}
