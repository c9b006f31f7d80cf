//! What is known of everybody without being stated: the person's page, and when they were written last.

use passerelle_core::{app::configure::ConfigureError, domain::ids::ConnectionId, ports::Clock};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, custom_field, set_rule, states};
use salesforce_sim::{Seed, seed::CustomFieldKind};
use serde_json::{Value, json};

use crate::reconcile::{hour, lead, scene_with};

const PAGE: &str = "https://platform.example/people/{{ person.id }}";

fn seed() -> Seed {
    let mut seed = Seed::demo();
    for object in ["Lead", "Contact"] {
        seed.custom_fields.push(custom_field(object, "page__c", CustomFieldKind::Url));
        seed.custom_fields.push(custom_field(object, "synced__c", CustomFieldKind::DateTime));
    }
    seed
}

fn rules() -> [Value; 2] {
    [
        json!({"from": "platform.person_page", "to": "page__c", "strategy": "always_platform"}),
        json!({"from": "salesforce.synced_at", "to": "synced__c"}),
    ]
}

async fn scene() -> (Scene, ConnectionId) {
    let job = json!([{"from": "person.job", "to": "Title", "strategy": "most_recent", "direction": "both"}]);
    let (scene, kayo) = scene_with(seed(), job.clone(), json!({})).await;
    let mut document = scene.document("kayo", |document| {
        document["platform"]["person_page"] = json!(PAGE);
        document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.id", "type": "text"}));
        document["people"]["update_contacts"] = json!("on");
        document["reconciliation"] = json!({"push": "on", "pull": "on"});
    });
    for rule in rules().iter().chain(job.as_array().unwrap()) {
        ["lead", "contact"].into_iter().for_each(|mapping| set_rule(&mut document, mapping, rule));
    }
    scene.apply(&document).await;
    (scene, kayo)
}

fn second(scene: &Scene) -> String {
    scene.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_moment_go_along_and_write_nothing_by_themselves() {
    let (scene, kayo) = scene().await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    assert_eq!(
        (lead(&scene)["page__c"].clone(), lead(&scene)["synced__c"].clone()),
        (json!("https://platform.example/people/p1"), json!(second(&scene)))
    );

    // Nothing else has changed: neither an event nor a run writes.
    let before = lead(&scene);
    scene.work(&kayo, &states("e2", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    hour(&scene, &kayo).await;
    assert_eq!(hour(&scene, &kayo).await.sheet.applied, 0);
    assert_eq!(lead(&scene), before);

    scene.work(&kayo, &states("e3", scene.clock.now(), &json!({"job": "CTO"}))).await;
    assert_eq!((lead(&scene)["Title"].clone(), lead(&scene)["synced__c"].clone()), (json!("CTO"), json!(second(&scene))));
    // Our own write of it is no change of Salesforce's.
    hour(&scene, &kayo).await;
    assert_eq!(hour(&scene, &kayo).await.sheet.applied, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_nobody_has_is_refused_and_somebody_without_an_id_has_none() {
    let scene = Scene::with(seed(), Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let mut document = scene.document("kayo", |_| {});
    set_rule(&mut document, "lead", &rules()[0]);
    let refused = passerelle_core::app::configure::apply(scene.stack.ports(), &document).await.unwrap_err();
    let ConfigureError::Invalid(faults) = refused else { panic!("{refused}") };
    assert!(faults.iter().any(|fault| fault.message.contains("platform.person_page")), "{faults:?}");

    document["platform"]["person_page"] = json!(PAGE);
    document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.id", "type": "text"}));
    scene.apply(&document).await;
    let mut event = states("e1", scene.clock.now(), &json!({}));
    event["person"].as_object_mut().unwrap().remove("id");
    scene.work(&kayo, &event).await;
    assert_eq!(lead(&scene)["page__c"], Value::Null);
}
