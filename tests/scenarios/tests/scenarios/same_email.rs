//! `same_email: park`: an address is one person's at a time. Whoever comes with it meanwhile waits, and goes on when it is given up.

use passerelle_core::domain::ids::ConnectionId;
use passerelle_scenarios::{Scene, capture};
use serde_json::{Value, json};

async fn scene() -> (Scene, ConnectionId) {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.apply(&scene.document("kayo", |document| document["people"]["same_email"] = json!("park"))).await;
    (scene, kayo)
}

/// What somebody with this badge says on that day.
fn met(id: &str, day: u8, badge: &str, email: &str) -> Value {
    let mut event = capture(id, json!({"id": badge, "email": email, "last_name": badge, "company": "ACME"}));
    event["occurred_at"] = json!(format!("2026-08-{day:02}T10:00:00Z"));
    event
}

async fn outcomes(scene: &Scene, kayo: &ConnectionId, ids: &[&str]) -> Vec<String> {
    scene.outcomes(kayo, ids).await.into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_address_goes_on_when_it_is_given_up() {
    // Leads get the new address; contacts are not updated, so that the old one stays with the first person's record.
    for object in ["lead", "contact"] {
        let (scene, kayo) = scene().await;
        scene
            .apply(&scene.document("kayo", |document| {
                document["people"]["same_email"] = json!("park");
                document["people"]["when_unknown"] = json!(object);
            }))
            .await;
        scene.accept("kayo", &met("a1", 1, "ann", "info@example.org")).await;
        scene.sweep().await;
        scene.accept("kayo", &json!([met("b1", 2, "bob", "info@example.org"), met("c1", 3, "cid", "Info@example.org")])).await;
        scene.sweep().await;
        assert_eq!(outcomes(&scene, &kayo, &["a1", "b1", "c1"]).await, ["applied", "parked", "parked"], "{object}");
        // Ann gets an address of her own. Bob came first, so the other one is his now, and Cid waits for him.
        scene.accept("kayo", &met("a2", 4, "ann", "ann@example.org")).await;
        for _ in 0..3 {
            scene.sweep().await;
        }
        assert_eq!(outcomes(&scene, &kayo, &["a2", "b1", "c1"]).await, ["applied", "applied", "parked"], "{object}");
        // What Ann said before does not take it back.
        scene.accept("kayo", &met("a0", 1, "ann", "info@example.org")).await;
        scene.accept("kayo", &met("b2", 5, "bob", "info@example.org")).await;
        scene.sweep().await;
        assert_eq!(outcomes(&scene, &kayo, &["a0", "b2", "c1"]).await, ["applied", "applied", "parked"], "{object}");
        scene.accept("kayo", &met("b3", 6, "bob", "bob@example.org")).await;
        for _ in 0..3 {
            scene.sweep().await;
        }
        assert_eq!(outcomes(&scene, &kayo, &["b3", "c1"]).await, ["applied", "applied"], "{object}");
        let records = scene.records(if object == "lead" { "Lead" } else { "Contact" });
        let names: Vec<&str> = records.iter().map(|record| record["LastName"].as_str().unwrap()).collect();
        assert_eq!(names, ["ann", "bob", "cid"], "{object}");
        // Who comes with the address alone is the one who has it now.
        scene.accept("kayo", &capture("n1", json!({"email": "info@example.org", "last_name": "N", "company": "ACME"}))).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "n1").await.person_pk, scene.event(&kayo, "c1").await.person_pk, "{object}");
    }
}

/// The one gives the address up in the same delivery in which another one comes with it: nobody waits.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_changes_hands_within_a_batch() {
    let (scene, kayo) = scene().await;
    scene.accept("kayo", &met("a1", 1, "ann", "info@example.org")).await;
    scene.sweep().await;
    scene.accept("kayo", &json!([met("b1", 3, "bob", "info@example.org"), met("a2", 2, "ann", "ann@example.org")])).await;
    scene.sweep().await;
    assert_eq!(outcomes(&scene, &kayo, &["a2", "b1"]).await, ["applied", "applied"]);
    let mut emails: Vec<Value> = scene.records("Lead").iter().map(|lead| lead["Email"].clone()).collect();
    emails.sort_by_key(Value::to_string);
    assert_eq!(emails, ["ann@example.org", "info@example.org"].map(|email| json!(email)));
}
