//! Events arrive in any order. What they say holds in the order in which it happened.

use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture};
use salesforce_sim::Seed;
use serde_json::{Value, json};

/// Three events of one person. Each states a job; a phone number is stated once, a mobile number twice.
fn events() -> [Value; 3] {
    let told = [
        ("2026-08-28T10:00:00Z", json!({"job": "Engineer", "phone": "0100000001", "mobile_phone": "0600000001"})),
        ("2026-08-29T10:00:00Z", json!({"job": "CTO", "mobile_phone": "0600000002"})),
        ("2026-08-30T10:00:00Z", json!({"job": "CEO"})),
    ];
    let mut n = 0;
    told.map(|(at, news)| {
        n += 1;
        let mut person = json!({"id": "p1", "email": "ada@example.org", "last_name": "Martin", "company": "ACME"});
        person.as_object_mut().unwrap().extend(news.as_object().unwrap().clone());
        let mut event = capture(&format!("e{n}"), person);
        event["occurred_at"] = json!(at);
        event
    })
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_never_overwrites_a_newer_value_whatever_the_order_of_arrival() {
    for strategy in ["always_platform", "most_recent"] {
        let scene = Scene::with(Seed::demo(), Switch::Off).await;
        let kayo = scene.active("kayo").await;
        let document = scene.document("kayo", |document| {
            for rule in document["mappings"]["lead"]["fields"].as_array_mut().unwrap() {
                rule["strategy"] = json!(strategy);
            }
        });
        scene.apply(&document).await;
        for order in ORDERS {
            // Each event is worked before the next arrives, or all come with one delivery.
            for together in [false, true] {
                let name = format!("{strategy}, {order:?}, together: {together}");
                let who = format!("{}-{together}", order.map(|n| n.to_string()).concat());
                let arriving = order.map(|n| {
                    let mut event = events()[n].clone();
                    event["id"] = json!(format!("{who}-e{n}"));
                    event["person"]["id"] = json!(who);
                    event["person"]["email"] = json!(format!("{who}@example.org"));
                    event
                });
                if together {
                    scene.accept("kayo", &json!({"events": arriving})).await;
                    scene.sweep().await;
                } else {
                    for event in &arriving {
                        scene.accept("kayo", event).await;
                        scene.sweep().await;
                    }
                }
                for event in &arriving {
                    let stored = scene.event(&kayo, event["id"].as_str().unwrap()).await;
                    assert_eq!((stored.status.as_str(), stored.attempts), ("applied", 1), "{name}: {}", event["id"]);
                }
                let mut leads = scene.records("Lead");
                leads.retain(|lead| lead["Email"] == json!(format!("{who}@example.org")));
                assert_eq!(leads.len(), 1, "{name}");
                let values = ["Title", "Phone", "MobilePhone"].map(|field| leads[0][field].clone());
                assert_eq!(values, ["CEO", "0100000001", "0600000002"].map(|value| json!(value)), "{name}");
                let told = scene.records("Event").iter().filter(|event| event["WhoId"] == leads[0]["Id"]).count();
                assert_eq!(told, 3, "{name}: every event has its activity");
            }
        }
    }
}
