//! `same_email: park`: an address is one person's at a time. Whoever comes with it meanwhile waits, and goes on when it is given up.

use passerelle_core::{app::problems, domain::ids::ConnectionId};
use passerelle_scenarios::{Scene, capture};
use salesforce_sim::Id;
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

/// Nobody tells us that a record was deleted: whoever waits learns it when they are looked at again.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_address_goes_on_by_hand_once_the_others_record_is_gone() {
    for object in ["Lead", "Contact"] {
        let (scene, kayo) = scene().await;
        scene
            .apply(&scene.document("kayo", |document| {
                document["people"]["same_email"] = json!("park");
                document["people"]["when_unknown"] = json!(object.to_lowercase());
            }))
            .await;
        let resumed = async || {
            let resumed = problems::resume(scene.stack.ports(), &kayo, Some("same_email")).await.unwrap();
            scene.sweep().await;
            resumed
        };
        let names = || scene.records(object).iter().map(|record| record["LastName"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        scene.accept("kayo", &met("a1", 1, "ann", "info@example.org")).await;
        scene.sweep().await;
        scene.accept("kayo", &json!([met("b1", 2, "bob", "info@example.org"), met("c1", 3, "cid", "info@example.org")])).await;
        scene.sweep().await;
        // Ann's record is there, and then it is merged into another one, which is hers.
        assert_eq!((resumed().await, outcomes(&scene, &kayo, &["b1", "c1"]).await), (2, vec!["parked".to_owned(); 2]), "{object}");
        let ann = Id::parse(scene.records(object)[0]["Id"].as_str().unwrap()).unwrap();
        let other = scene.administer(|org, session| {
            let mut fields = json!({"LastName": "Ann"}).as_object().unwrap().clone();
            if object == "Lead" {
                fields.insert("Company".to_owned(), json!("ACME"));
            }
            let other = org.create(session, object, &fields).unwrap();
            org.merge(session, object, other, &[ann]).unwrap();
            other
        });
        assert_eq!((resumed().await, outcomes(&scene, &kayo, &["b1", "c1"]).await), (2, vec!["parked".to_owned(); 2]), "{object}");
        // Her next event leads to that one. When it is deleted, the address is Bob's, who came first.
        scene.accept("kayo", &met("a2", 4, "ann", "info@example.org")).await;
        scene.sweep().await;
        scene.sweep().await;
        scene.administer(|org, session| org.delete(session, object, other.as_str()).unwrap());
        assert_eq!(
            (resumed().await, outcomes(&scene, &kayo, &["a2", "b1", "c1"]).await),
            (2, ["applied", "applied", "parked"].map(str::to_owned).to_vec()),
            "{object}"
        );
        assert_eq!(names(), ["bob"], "{object}");
        // Ann waits for him now, and Cid still does: who came first is first again.
        scene.accept("kayo", &met("a3", 5, "ann", "info@example.org")).await;
        scene.sweep().await;
        assert_eq!(outcomes(&scene, &kayo, &["a3", "c1"]).await, ["parked", "parked"], "{object}");
        scene.accept("kayo", &met("b2", 6, "bob", "bob@example.org")).await;
        for _ in 0..3 {
            scene.sweep().await;
        }
        assert_eq!(outcomes(&scene, &kayo, &["a3", "b2", "c1"]).await, ["parked", "applied", "applied"], "{object}");
        assert_eq!(names(), ["bob", "cid"], "{object}");
    }
}

/// Ann has a lead and Bob has come with her address: the scene, and her lead's id.
async fn bob_waits_for_anns_address() -> (Scene, ConnectionId, String) {
    let (scene, kayo) = scene().await;
    scene.accept("kayo", &met("a1", 1, "ann", "info@example.org")).await;
    scene.sweep().await;
    scene.accept("kayo", &met("b1", 2, "bob", "info@example.org")).await;
    scene.sweep().await;
    let id = scene.records("Lead")[0]["Id"].as_str().unwrap().to_owned();
    (scene, kayo, id)
}

/// Where a colleague has replaced the deleted lead by a contact, that is Ann's, as her next event will find.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_another_record_has_is_not_free() {
    let (scene, kayo, id) = bob_waits_for_anns_address().await;
    let contact = scene.administer(|org, session| {
        org.delete(session, "Lead", &id).unwrap();
        let fields = json!({"LastName": "Ann", "Email": "info@example.org"});
        org.create(session, "Contact", fields.as_object().unwrap()).unwrap()
    });
    problems::resume(scene.stack.ports(), &kayo, None).await.unwrap();
    scene.sweep().await;
    assert_eq!(outcomes(&scene, &kayo, &["b1"]).await, ["parked"]);
    scene.accept("kayo", &met("a2", 3, "ann", "info@example.org")).await;
    scene.sweep().await;
    assert_eq!(outcomes(&scene, &kayo, &["a2", "b1"]).await, ["applied", "parked"]);
    assert_eq!((scene.records("Lead").len(), &scene.records("Event")[0]["WhoId"]), (0, &json!(contact.to_string())));
}

/// Whose record is gone and who has something new to say keeps the address.
#[tokio::test(flavor = "multi_thread")]
async fn who_lost_their_record_and_comes_again_keeps_the_address() {
    let (scene, kayo, id) = bob_waits_for_anns_address().await;
    scene.administer(|org, session| org.delete(session, "Lead", &id).unwrap());
    scene.accept("kayo", &met("a2", 3, "ann", "info@example.org")).await;
    problems::resume(scene.stack.ports(), &kayo, None).await.unwrap();
    scene.sweep().await;
    assert_eq!(outcomes(&scene, &kayo, &["a2", "b1"]).await, ["applied", "parked"]);
    assert_eq!(scene.records("Lead").len(), 1);
}
