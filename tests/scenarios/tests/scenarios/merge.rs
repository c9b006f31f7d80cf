//! Whose value stays after our own writes: what we wrote is no change by Salesforce, and what somebody else did is.

use jiff::SignedDuration;
use passerelle_core::{domain::ids::ConnectionId, ports::Clock};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, set_rule, states};
use salesforce_sim::{
    Seed,
    seed::{Rewrite, RewriteKind},
};
use serde_json::{Value, json};

/// An active connection whose rule for a lead's field is this one.
async fn scene(seed: Seed, rule: Value) -> (Scene, ConnectionId) {
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let document = scene.document("kayo", |document| {
        document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.unsubscribed", "type": "boolean"}));
        set_rule(document, "lead", &rule);
    });
    scene.apply(&document).await;
    (scene, kayo)
}

fn lead(scene: &Scene) -> Value {
    scene.records("Lead").remove(0)
}

/// Changes the lead as somebody who is not our user.
fn edit(scene: &Scene, fields: Value) {
    scene.edit("Lead", &lead(scene), &fields);
}

const fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// The second event occurred before the first was written, and says something newer: our own write is no later statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_value_is_written_though_we_wrote_the_record_after_it_was_stated() {
    for (name, field, strategy, first, second) in [
        ("job", "Title", "most_recent", json!("Engineer"), json!("CTO")),
        ("job", "Status", "most_recent", json!(""), json!("Working - Contacted")),
        ("unsubscribed", "HasOptedOutOfEmail", "always_platform", json!(true), json!(false)),
    ] {
        // As our user left it, and after somebody edited another field. An org's default (the status) is told from an edit only
        // where nobody else came in between.
        let cases: &[bool] = if field == "Status" { &[false] } else { &[false, true] };
        for &edited in cases {
            let rule = json!({"from": format!("person.{name}"), "to": field, "strategy": strategy});
            let (scene, kayo) = scene(Seed::demo(), rule).await;
            let start = scene.clock.now();
            scene.work(&kayo, &states("e1", start, &json!({name: first}))).await;
            if edited {
                edit(&scene, json!({"City": "Lyon"}));
            }
            scene.work(&kayo, &states("e2", start + minutes(1), &json!({name: second}))).await;
            assert_eq!(lead(&scene)[field], second, "{field}, edited: {edited}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changed_after_us_is_salesforces() {
    let rule = json!({"from": "person.job", "to": "Title", "strategy": "most_recent"});
    let (scene, kayo) = scene(Seed::demo(), rule).await;
    let start = scene.clock.now();
    scene.work(&kayo, &states("e1", start, &json!({"job": "Engineer"}))).await;
    scene.clock.advance(minutes(10));
    edit(&scene, json!({"Title": "Chief Engineer"}));
    scene.work(&kayo, &states("e2", start + minutes(5), &json!({"job": "CTO"}))).await;
    assert_eq!(lead(&scene)["Title"], json!("Chief Engineer"), "edited later than stated");
    scene.work(&kayo, &states("e3", start + minutes(15), &json!({"job": "CEO"}))).await;
    assert_eq!(lead(&scene)["Title"], json!("CEO"), "only the platform has changed since");
}

/// The org's automation writes the number its own way. That is nobody's statement, and sending it again changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_the_org_rewrites_is_not_written_at_every_event() {
    for strategy in ["always_platform", "most_recent"] {
        let rewrites = vec![Rewrite { sobject: "Lead".to_owned(), field: "Phone".to_owned(), kind: RewriteKind::PhoneFr }];
        let rule = json!({"from": "person.phone", "to": "Phone", "strategy": strategy});
        let (scene, kayo) = scene(Seed { rewrites, ..Seed::demo() }, rule).await;
        let start = scene.clock.now();
        scene.work(&kayo, &states("e1", start, &json!({"phone": "0612345678"}))).await;
        let written = lead(&scene);
        assert_eq!(written["Phone"], json!("+33 6 12 34 56 78"));
        for (id, at) in [("e2", minutes(1)), ("e3", minutes(5))] {
            scene.work(&kayo, &states(id, start + at, &json!({"phone": "0612345678"}))).await;
            assert_eq!(lead(&scene)["SystemModstamp"], written["SystemModstamp"], "{strategy} {id}: the lead is not written");
        }
        scene.work(&kayo, &states("e4", start + minutes(6), &json!({"phone": "0687654321"}))).await;
        assert_eq!(lead(&scene)["Phone"], json!("+33 6 87 65 43 21"), "{strategy}");
        let told = |notes: Vec<Value>| notes.into_iter().filter(|note| note["note"] == "org_rewrites_field").collect::<Vec<_>>();
        if strategy == "most_recent" {
            // The look at the record after the second time says so, once.
            assert_eq!(told(scene.notes(&kayo, "e1").await), Vec::<Value>::new());
            for (id, at) in [("e5", minutes(7)), ("e6", minutes(8))] {
                scene.work(&kayo, &states(id, start + at, &json!({"phone": "0687654321"}))).await;
                let rewritten = json!({"note": "org_rewrites_field", "field": "Phone", "sent": "0687654321", "became": "+33 6 87 65 43 21"});
                assert_eq!(told(scene.notes(&kayo, id).await), [rewritten], "{id}");
            }
        }
    }
}
