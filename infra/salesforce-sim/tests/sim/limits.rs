//! How much one call of the composite family may hold. Source: REST API Developer Guide, "Composite Resources".

use serde_json::{Value, json};

use crate::common::*;

fn node(method: &str, path: &str, reference: &str, body: Value) -> Value {
    json!({"method": method, "url": format!("/services/data/v66.0{path}"), "referenceId": reference, "body": body})
}

fn account(reference: &str) -> Value {
    node("POST", "/sobjects/Account", reference, json!({"Name": reference}))
}

/// Accounts each of which is the parent of the next.
fn chain(length: usize) -> Vec<Value> {
    let child = |n: usize| node("POST", "/sobjects/Account", &format!("a{n}"), json!({"Name": "A", "ParentId": format!("@{{a{}.id}}", n - 1)}));
    std::iter::once(account("a0")).chain((1..length).map(child)).collect()
}

/// Reads and writes of so many kinds, the first fifteen of different objects.
fn kinds(count: usize) -> Vec<Value> {
    const OBJECTS: [&str; 16] = [
        "Account",
        "Campaign",
        "CampaignMember",
        "CampaignMemberStatus",
        "Contact",
        "Event",
        "FieldPermissions",
        "Group",
        "Lead",
        "Opportunity",
        "PermissionSet",
        "PermissionSetAssignment",
        "RecordType",
        "Task",
        "User",
        "ObjectPermissions",
    ];
    OBJECTS.iter().take(count).enumerate().map(|(n, object)| node("POST", &format!("/sobjects/{object}"), &format!("k{n}"), json!({}))).collect()
}

fn graphs(sizes: &[Vec<Value>]) -> Value {
    let all: Vec<Value> = sizes.iter().enumerate().map(|(n, nodes)| json!({"graphId": format!("g{n}"), "compositeRequest": nodes})).collect();
    json!({"graphs": all})
}

fn flat(count: usize) -> Vec<Value> {
    (0..count).map(|n| account(&format!("a{n}"))).collect()
}

#[tokio::test]
async fn graphs_have_so_many_nodes_so_deep_and_of_so_many_kinds() {
    let cases = [
        ("75 graphs", vec![flat(1); 75], 200),
        ("76 graphs", vec![flat(1); 76], 400),
        ("500 nodes", vec![flat(250); 2], 200),
        ("501 nodes", vec![flat(250), flat(251)], 400),
        ("15 deep", vec![chain(15)], 200),
        ("16 deep", vec![chain(16)], 400),
        ("15 kinds", vec![kinds(15)], 200),
        ("16 kinds", vec![kinds(16)], 400),
    ];
    for (what, graphs_of, status) in cases {
        let world = world();
        let client = world.client();
        let answer = client.post("/composite/graph", graphs(&graphs_of)).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text.chars().take(300).collect::<String>());
        let made = client.query("SELECT COUNT(Id) n FROM Account").await[0]["n"].as_u64().unwrap();
        if status == 400 {
            assert_eq!((answer.code().as_str(), made), ("LIMIT_EXCEEDED", 0), "{what}");
        } else if !what.contains("kinds") {
            assert_eq!(made as usize, graphs_of.iter().map(Vec::len).sum::<usize>(), "{what}");
        }
    }
}

#[tokio::test]
async fn after_fifteen_failed_graphs_the_others_are_not_tried() {
    let world = world();
    let client = world.client();
    let bad = || vec![node("POST", "/sobjects/Contact", "c", json!({}))];
    let mut all = vec![flat(1)];
    all.extend((0..15).map(|_| bad()));
    all.push(flat(1));
    let body = client.post("/composite/graph", graphs(&all)).await.json();
    let codes: Vec<&str> =
        (1..17).map(|n| body["graphs"][n]["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"].as_str().unwrap_or_default()).collect();
    assert_eq!(codes, [["REQUIRED_FIELD_MISSING"; 15].as_slice(), &["PROCESSING_HALTED"]].concat());
    assert_eq!((&body["graphs"][0]["isSuccessful"], &body["graphs"][16]["isSuccessful"]), (&json!(true), &json!(false)));
    assert_eq!(client.query("SELECT Id FROM Account").await.len(), 1, "the last was not tried");
    // Fourteen failures stop nothing.
    all.remove(1);
    let body = client.post("/composite/graph", graphs(&all)).await.json();
    assert_eq!(body["graphs"][15]["isSuccessful"], true);
}

#[tokio::test]
async fn a_batch_has_twenty_five_requests_at_most() {
    let world = world();
    let client = world.client();
    let of =
        |count: usize| json!({"batchRequests": vec![json!({"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "A"}}); count]});
    let refused = client.post("/composite/batch", of(26)).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "LIMIT_EXCEEDED"));
    assert_eq!(client.query("SELECT Id FROM Account").await.len(), 0, "none of them is done");
    let done = client.post("/composite/batch", of(25)).await.json();
    assert_eq!((&done["hasErrors"], done["results"].as_array().unwrap().len()), (&json!(false), 25));
    assert_eq!(client.query("SELECT Id FROM Account").await.len(), 25);
}

/// A line of accounts, each the parent of the next.
fn deep(levels: usize) -> Value {
    (1..=levels).rev().fold(Value::Null, |below, level| {
        let mut record = json!({"attributes": {"type": "Account", "referenceId": format!("r{level}")}, "Name": "A"});
        if !below.is_null() {
            record["ChildAccounts"] = json!({"records": [below]});
        }
        record
    })
}

#[tokio::test]
async fn a_tree_has_so_many_records_and_levels() {
    let wide = |count: usize| {
        let record = |n: usize| json!({"attributes": {"type": "Account", "referenceId": format!("r{n}")}, "Name": "A"});
        (0..count).map(record).collect::<Vec<Value>>()
    };
    for (what, records, status, made) in [
        ("200 records", wide(200), 201, 200),
        ("201 records", wide(201), 400, 0),
        ("5 levels", vec![deep(5)], 201, 5),
        ("6 levels", vec![deep(6)], 400, 0),
    ] {
        let world = world();
        let client = world.client();
        let answer = client.post("/composite/tree/Account", json!({"records": records})).await;
        assert_eq!((answer.status, answer.json()["hasErrors"].clone()), (status, json!(status == 400)), "{what}: {}", answer.text);
        if status == 400 {
            assert_eq!(answer.json()["results"][0]["errors"][0]["statusCode"], "LIMIT_EXCEEDED", "{what}");
        }
        assert_eq!(client.query("SELECT Id FROM Account").await.len(), made, "{what}");
    }
}
