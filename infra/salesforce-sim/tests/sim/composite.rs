//! Composite, graph, batch and tree.

use salesforce_sim::Doubts;
use serde_json::{Value, json};

use crate::common::*;

const BASE: &str = "/services/data/v66.0";

fn sub(method: &str, path: &str, reference: &str, body: Value) -> Value {
    let mut sub = json!({"method": method, "url": format!("{BASE}{path}"), "referenceId": reference});
    if !body.is_null() {
        sub["body"] = body;
    }
    sub
}

async fn composite(client: &Client<'_>, all_or_none: bool, subs: Value) -> Vec<Value> {
    let answer = client.post("/composite", json!({"allOrNone": all_or_none, "compositeRequest": subs})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["compositeResponse"].as_array().unwrap().clone()
}

#[tokio::test]
async fn later_requests_use_earlier_answers() {
    let world = world();
    let client = world.client();
    let answers = composite(
        &client,
        false,
        json!([
            sub("POST", "/sobjects/Account", "ref1", json!({"Name": "ACME"})),
            sub("POST", "/sobjects/Contact", "ref2", json!({"LastName": "Lee", "AccountId": "@{ref1.id}"})),
            sub("GET", "/sobjects/Contact/@{ref2.id}", "ref3", Value::Null),
            sub("GET", "/query?q=SELECT+Id+FROM+Contact", "q", Value::Null),
            sub("PATCH", "/sobjects/Contact/@{q.records[0].Id}", "ref4", json!({"Title": "CEO"})),
            sub("PATCH", "/sobjects/Contact/@{ref2.Id}", "wrong_case", json!({"Title": "CTO"})),
        ]),
    )
    .await;
    let statuses: Vec<u64> = answers.iter().map(|answer| answer["httpStatusCode"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 201, 200, 200, 204, 400]);
    assert!(answers[0]["httpHeaders"]["Location"].as_str().unwrap().starts_with("/services/data/v66.0/sobjects/Account/001"));
    assert_eq!(answers[2]["body"]["AccountId"], answers[0]["body"]["id"]);
    assert!(answers[4]["body"].is_null() && answers[4]["referenceId"] == "ref4");
    assert_eq!(
        answers[5]["body"],
        json!([{"errorCode": "PROCESSING_HALTED", "message": "Invalid reference specified. No value for ref2.Id found in ref2"}])
    );
    assert_eq!(world.sim.control().counters().api_calls, 1);
}

#[tokio::test]
async fn all_or_none_halts_all_but_the_failed_one() {
    let world = world();
    let client = world.client();
    let answers = composite(
        &client,
        true,
        json!([
            sub("POST", "/sobjects/Account", "a", json!({"Name": "ACME"})),
            sub("POST", "/sobjects/Contact", "b", json!({})),
            sub("POST", "/sobjects/Account", "c", json!({"Name": "Other"})),
        ]),
    )
    .await;
    assert_eq!(answers[1]["body"][0]["errorCode"], "REQUIRED_FIELD_MISSING");
    for place in [0, 2] {
        assert_eq!(answers[place]["httpStatusCode"], 400);
        assert_eq!(
            answers[place]["body"],
            json!([{"errorCode": "PROCESSING_HALTED", "message": "The transaction was rolled back since another operation in the same transaction failed."}])
        );
    }
    assert_eq!(client.query("SELECT Id FROM Account").await.len(), 0);
}

#[tokio::test]
async fn a_dependent_of_a_failed_one_is_halted_and_the_rest_goes_on() {
    let world = world();
    let client = world.client();
    let answers = composite(
        &client,
        false,
        json!([
            sub("POST", "/sobjects/Account", "r1", json!({})),
            sub("POST", "/sobjects/Contact", "r2", json!({"LastName": "Lee", "AccountId": "@{r1.id}"})),
            sub("POST", "/sobjects/Contact", "r3", json!({"LastName": "Free"})),
        ]),
    )
    .await;
    assert_eq!(answers[1]["body"][0]["message"], "Invalid reference specified. No value for r1.id found in r1");
    assert_eq!(answers[2]["httpStatusCode"], 201);
}

fn collection_then_event() -> Value {
    json!([
        sub(
            "POST",
            "/composite/sobjects",
            "people",
            json!({"records": [
                {"attributes": {"type": "Lead"}, "LastName": "Lee", "Company": "ACME"},
                {"attributes": {"type": "Lead"}, "LastName": "No company"},
            ]})
        ),
        sub(
            "POST",
            "/composite/sobjects",
            "tasks",
            json!({"records": [
                {"attributes": {"type": "Task"}, "Subject": "Call", "WhoId": "@{people[0].id}"},
            ]})
        ),
        sub("POST", "/sobjects/Task", "lost", json!({"Subject": "Call", "WhoId": "@{people[1].id}"})),
    ])
}

#[tokio::test]
async fn references_into_collections_resolve_where_the_org_allows_them() {
    let world = world_with(seed(), Doubts { references_into_collections: true, ..Doubts::default() });
    let client = world.client();
    let answers = composite(&client, false, collection_then_event()).await;
    assert_eq!(answers[1]["body"][0]["success"], true, "{answers:?}");
    assert_eq!(answers[2]["body"][0]["message"], "Invalid reference specified. No value for people[1].id found in people");
    let tasks = client.query("SELECT WhoId FROM Task").await;
    assert_eq!(tasks[0]["WhoId"], answers[0]["body"][0]["id"]);
}

#[tokio::test]
async fn references_into_collections_halt_where_it_does_not() {
    let world = world();
    let client = world.client();
    let answers = composite(&client, false, collection_then_event()).await;
    assert_eq!(answers[0]["body"][0]["success"], true);
    assert_eq!(answers[1]["httpStatusCode"], 400);
    assert_eq!(answers[1]["body"][0]["errorCode"], "PROCESSING_HALTED");
}

#[tokio::test]
async fn an_outer_all_or_none_overrides_the_inner_one() {
    let world = world();
    let client = world.client();
    let answers = composite(
        &client,
        true,
        json!([
            sub("POST", "/sobjects/Account", "a", json!({"Name": "ACME"})),
            sub(
                "POST",
                "/composite/sobjects",
                "people",
                json!({"allOrNone": false, "records": [
                    {"attributes": {"type": "Lead"}, "LastName": "Lee", "Company": "ACME"},
                    {"attributes": {"type": "Lead"}, "LastName": "No company"},
                ]})
            ),
        ]),
    )
    .await;
    assert_eq!(answers[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(answers[1]["body"][0]["success"], true);
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 0);
}

#[tokio::test]
async fn collated_requests_run_out_of_order_unless_told_otherwise() {
    let world = world();
    let client = world.client();
    let subs = || {
        json!([
            sub("POST", "/sobjects/Account", "a", json!({"Name": "One"})),
            sub("GET", "/query?q=SELECT+Id+FROM+Account", "q", Value::Null),
            sub("POST", "/sobjects/Account", "b", json!({"Name": "Two"})),
        ])
    };
    let seen = |answers: &[Value]| answers[1]["body"]["totalSize"].as_u64().unwrap();
    assert_eq!(seen(&composite(&client, false, subs()).await), 2);
    let ordered = client.post("/composite", json!({"collateSubrequests": false, "compositeRequest": subs()})).await.json();
    assert_eq!(seen(ordered["compositeResponse"].as_array().unwrap()), 3);
}

#[tokio::test]
async fn sub_requests_have_their_own_headers() {
    let world = world();
    let client = world.client();
    let mut describe = sub("GET", "/sobjects/Lead/describe", "d", Value::Null);
    describe["httpHeaders"] = json!({"If-Modified-Since": "Mon, 23 Nov 2026 09:00:00 GMT"});
    let answers = composite(&client, false, json!([describe])).await;
    assert_eq!((&answers[0]["httpStatusCode"], &answers[0]["body"]), (&json!(304), &Value::Null));
}

#[tokio::test]
async fn a_dead_session_fails_the_whole() {
    let world = world();
    let client = world.client();
    world.sim.control().expire_access_tokens();
    let answer = client.post("/composite", json!({"compositeRequest": [sub("GET", "/sobjects", "d", Value::Null)]})).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "INVALID_SESSION_ID"));
}

#[tokio::test]
async fn a_batch_answers_each_and_can_halt() {
    let world = world();
    let client = world.client();
    let account = client.post("/sobjects/Account", json!({"Name": "ACME"})).await.json()["id"].as_str().unwrap().to_owned();
    let requests = json!([
        {"method": "PATCH", "url": format!("v66.0/sobjects/Account/{account}"), "richInput": {"Name": "New"}},
        {"method": "GET", "url": format!("/services/data/v66.0/sobjects/Account/{account}?fields=Name")},
    ]);
    let body = client.post("/composite/batch", json!({"batchRequests": requests})).await.json();
    assert_eq!(body["hasErrors"], false);
    assert_eq!((&body["results"][0]["statusCode"], &body["results"][0]["result"]), (&json!(204), &Value::Null));
    assert_eq!(body["results"][1]["result"]["Name"], "New");
    let requests = json!([
        {"method": "GET", "url": "v66.0/sobjects/Account/001000000000999AAA"},
        {"method": "GET", "url": "v66.0/limits"},
    ]);
    let halted = client.post("/composite/batch", json!({"haltOnError": true, "batchRequests": requests})).await.json();
    assert_eq!((&halted["hasErrors"], &halted["results"][1]["statusCode"]), (&json!(true), &json!(412)));
    assert_eq!(halted["results"][1]["result"][0]["errorCode"], "BATCH_PROCESSING_HALTED");
}

fn tree(email: &str) -> Value {
    json!({"records": [{
        "attributes": {"type": "Account", "referenceId": "ref1"}, "Name": "ACME",
        "Contacts": {"records": [
            {"attributes": {"type": "Contact", "referenceId": "ref2"}, "LastName": "A", "Email": email},
            {"attributes": {"type": "Contact", "referenceId": "ref3"}, "LastName": "B"},
        ]},
    }]})
}

#[tokio::test]
async fn a_tree_grows_whole_or_not_at_all() {
    let world = world();
    let client = world.client();
    let bad = client.post("/composite/tree/Account", tree("nonsense")).await;
    assert_eq!(bad.status, 400);
    assert_eq!(bad.json()["results"][0]["referenceId"], "ref2");
    assert_eq!(bad.json()["results"][0]["errors"][0]["statusCode"], "INVALID_EMAIL_ADDRESS");
    assert_eq!(client.query("SELECT Id FROM Account").await.len(), 0);
    let good = client.post("/composite/tree/Account", tree("a@b.example")).await;
    assert_eq!((good.status, good.json()["hasErrors"].clone()), (201, json!(false)));
    assert_eq!(good.json()["results"].as_array().unwrap().len(), 3);
    let contacts = client.query("SELECT AccountId FROM Contact").await;
    assert_eq!(contacts[0]["AccountId"], good.json()["results"][0]["id"]);
}

#[tokio::test]
async fn graphs_fail_one_by_one() {
    let world = world();
    let client = world.client();
    let graph = |id: &str, name: Value| {
        json!({"graphId": id, "compositeRequest": [
            sub("POST", "/sobjects/Account", "a", json!({"Name": "ACME"})),
            sub("POST", "/sobjects/Contact", "c", json!({"LastName": name, "AccountId": "@{a.id}"})),
        ]})
    };
    let body = client.post("/composite/graph", json!({"graphs": [graph("g1", json!("Lee")), graph("g2", Value::Null)]})).await.json();
    assert_eq!((&body["graphs"][0]["isSuccessful"], &body["graphs"][1]["isSuccessful"]), (&json!(true), &json!(false)));
    assert_eq!(body["graphs"][1]["graphResponse"]["compositeResponse"][0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(client.query("SELECT Id FROM Account").await.len(), 1);
}
