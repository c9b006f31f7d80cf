//! Who owns a person goes both ways, by the user's e-mail address, like any other field.

use passerelle_core::{domain::ids::ConnectionId, ports::Clock};
use passerelle_scenarios::{Scene, states};
use salesforce_sim::{
    Seed,
    seed::{QueueSeed, UserSeed},
};
use serde_json::{Value, json};

use crate::{
    dated::edit,
    reconcile::{hour, lead, person, scene_with},
};

pub const ANNE: &str = "anne@kayo.fr";
pub const PAUL: &str = "paul@kayo.fr";

pub fn seed() -> Seed {
    let mut seed = Seed::demo();
    seed.users.extend([ANNE, PAUL].map(|email| UserSeed {
        username: email.to_owned(),
        email: email.to_owned(),
        last_name: email.to_owned(),
        ..seed.users[0].clone()
    }));
    seed.queues.push(QueueSeed { name: "Waiting".to_owned(), developer_name: "Waiting".to_owned(), id: None });
    seed
}

async fn scene(strategy: &str, direction: &str) -> (Scene, ConnectionId) {
    let rules = json!([{"from": "person.owner", "to": "OwnerId", "by": "Email", "strategy": strategy, "direction": direction}]);
    let (scene, kayo) = scene_with(seed(), rules, json!({})).await;
    (scene, kayo)
}

pub fn user(scene: &Scene, email: &str) -> Value {
    scene.org().with_org(|org| json!(org.users().find(|user| user.username == email).unwrap().id.to_string()))
}

async fn owners(scene: &Scene, c: &ConnectionId) -> (String, Value) {
    let id = lead(scene)["OwnerId"].clone();
    let name = [ANNE, PAUL].into_iter().find(|email| user(scene, email) == id).unwrap_or("somebody else");
    (name.to_owned(), person(scene, c, "p1").await.value("person.owner").cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_follows_the_later_side() {
    let (scene, kayo) = scene("most_recent", "both").await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"owner": ANNE}))).await;
    assert_eq!(owners(&scene, &kayo).await, (ANNE.to_owned(), json!(ANNE)));
    hour(&scene, &kayo).await;

    edit(&scene, "Lead", &lead(&scene), &json!({"OwnerId": user(&scene, PAUL)}));
    let calls = scene.api_calls();
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.to_platform, run.sheet.to_salesforce), (1, 0), "{run:?}");
    assert_eq!(scene.api_calls() - calls, 1, "the owner's address comes with the page");
    assert_eq!(owners(&scene, &kayo).await, (PAUL.to_owned(), json!(PAUL)));
    let run = hour(&scene, &kayo).await;
    assert_eq!(run.sheet.applied, 0, "{run:?}");

    scene.work(&kayo, &states("e2", scene.clock.now(), &json!({"owner": " Anne@Kayo.fr"}))).await;
    assert_eq!(owners(&scene, &kayo).await.0, ANNE);
    hour(&scene, &kayo).await;
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.applied, owners(&scene, &kayo).await.0), (0, ANNE.to_owned()), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_goes_only_where_the_rule_lets_it() {
    for (direction, stands) in [("to_platform", (PAUL, PAUL)), ("to_salesforce", (ANNE, ANNE))] {
        let (scene, kayo) = scene(if direction == "to_platform" { "always_salesforce" } else { "always_platform" }, direction).await;
        scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"owner": ANNE}))).await;
        hour(&scene, &kayo).await;
        edit(&scene, "Lead", &lead(&scene), &json!({"OwnerId": user(&scene, PAUL)}));
        hour(&scene, &kayo).await;
        assert_eq!(owners(&scene, &kayo).await, (stands.0.to_owned(), json!(stands.1)), "{direction}");
    }
}

/// Somebody who is no active user stops nobody: a new record goes to a substitute, one that is there stays with its owner.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_own_anything_is_passed_over() {
    for gone in ["commercial@kayo.fr", "nobody@example.org"] {
        let (scene, kayo) = scene("most_recent", "both").await;
        scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"owner": gone}))).await;
        assert_eq!(owners(&scene, &kayo).await.0, "somebody else", "{gone}: the collaborator");
        scene.work(&kayo, &states("e2", scene.clock.now(), &json!({"owner": PAUL}))).await;
        assert_eq!(owners(&scene, &kayo).await.0, PAUL);
        scene.work(&kayo, &states("e3", scene.clock.now(), &json!({"owner": gone, "job": "CTO"}))).await;
        assert_eq!((owners(&scene, &kayo).await.0.as_str(), lead(&scene)["Title"].clone()), (PAUL, json!("CTO")), "{gone}");
        let notes = scene.notes(&kayo, "e3").await;
        assert!(notes.iter().any(|note| note["note"] == "dropped" && note["code"] == "owner_not_active"), "{notes:?}");
    }
}

/// A queue has no address: what waits in one is left to the org, and the platform keeps what it says.
#[tokio::test(flavor = "multi_thread")]
async fn queues_are_left_alone() {
    let (scene, kayo) = scene("most_recent", "both").await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"owner": ANNE}))).await;
    hour(&scene, &kayo).await;
    let queue = scene.records("Group").into_iter().find(|group| group["DeveloperName"] == "Waiting").unwrap()["Id"].clone();
    edit(&scene, "Lead", &lead(&scene), &json!({"OwnerId": queue}));
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.applied, run.sheet.parked, lead(&scene)["OwnerId"].clone()), (0, 0, queue), "{run:?}");
    assert_eq!(owners(&scene, &kayo).await.1, json!(ANNE));
    scene.work(&kayo, &states("e2", scene.clock.now(), &json!({"owner": PAUL}))).await;
    assert_eq!(owners(&scene, &kayo).await.0, "somebody else");
}

/// Whoever is compared without having been modified is read by id: their owner's address is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_record_that_becomes_somebodys_is_taken_over() {
    let mut seed = seed();
    let there = json!({"LastName": "Martin", "Company": "ACME", "Email": "ada@example.org"});
    seed.records.push(passerelle_scenarios::record("Lead", there));
    let rules = json!([{"from": "person.owner", "to": "OwnerId", "by": "Email", "strategy": "most_recent", "direction": "both"}]);
    let (scene, kayo) = scene_with(seed, rules, json!({})).await;
    edit(&scene, "Lead", &lead(&scene), &json!({"OwnerId": user(&scene, PAUL)}));
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({}))).await;
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.waited, run.sheet.to_platform), (1, 1), "{run:?}");
    assert_eq!(owners(&scene, &kayo).await, (PAUL.to_owned(), json!(PAUL)));
}
