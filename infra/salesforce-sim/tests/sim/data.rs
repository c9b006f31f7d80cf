//! The data API's gate, records, queries.

use std::io::{Read, Write};

use bytes::Bytes;
use http::Request;
use salesforce_sim::Seed;
use serde_json::{Value, json};

use crate::common::*;

#[tokio::test]
async fn versions_are_open_and_resources_are_listed() {
    let world = world();
    let versions = world.get(&format!("{INSTANCE}/services/data/")).await;
    assert!(versions.headers.get("sforce-limit-info").is_none());
    let list = versions.json();
    assert_eq!(list[0], json!({"label": "Summer '14", "url": "/services/data/v31.0", "version": "31.0"}));
    assert!(list.as_array().unwrap().contains(&json!({"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"})));
    let resources = world.client().get("/").await.json();
    assert_eq!(resources["sobjects"], "/services/data/v66.0/sobjects");
}

#[tokio::test]
async fn the_gate_refuses_in_the_servers_words() {
    let world = world();
    let client = world.client();
    let cases = [
        ("GET", "/services/data/v999.0/sobjects", Value::Null, 404, "NOT_FOUND"),
        ("GET", "/services/data/v30.0/sobjects", Value::Null, 410, "GONE"),
        ("GET", "/nope", Value::Null, 404, "NOT_FOUND"),
        ("PUT", "/sobjects/Lead", json!({}), 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/sobjects/Lead", Value::Null, 400, "JSON_PARSER_ERROR"),
        ("POST", "/sobjects/Leadz", json!({}), 404, "NOT_FOUND"),
        ("GET", "/tooling/sobjects/CustomField", Value::Null, 501, "NOT_IMPLEMENTED"),
        ("GET", "/jobs/query/750000000000001AAA/resultPages", Value::Null, 501, "NOT_IMPLEMENTED"),
        ("POST", "/services/async/66.0/job", Value::Null, 501, "NOT_IMPLEMENTED"),
        ("POST", "/services/Soap/u/66.0", Value::Null, 501, "NOT_IMPLEMENTED"),
        ("POST", "/services/oauth2/singleaccess", Value::Null, 501, "NOT_IMPLEMENTED"),
        ("POST", "/graphql", json!({"query": "{ uiapi { query { Lead { totalCount } } } }"}), 501, "NOT_IMPLEMENTED"),
        ("GET", "/limits.xml", Value::Null, 501, "NOT_IMPLEMENTED"),
        ("GET", "/limits/nope", Value::Null, 404, "NOT_FOUND"),
        ("GET", "/services/nope", Value::Null, 404, "NOT_FOUND"),
    ];
    for (method, path, body, status, code) in cases {
        let answer = client.send(method, path, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}: {}", answer.text);
    }
    let put = client.send("PUT", "/sobjects/Lead", json!({})).await;
    assert_eq!(put.json()[0]["message"], "HTTP Method 'PUT' not allowed. Allowed are GET,HEAD,POST");
    let long = client.get(&format!("/query?q={}", "x".repeat(17_000))).await;
    assert_eq!(long.status, 414);
}

#[tokio::test]
async fn every_call_is_metered_until_the_day_is_used_up() {
    let world = world_with(
        Seed { organization: salesforce_sim::seed::OrganizationSeed { daily_api_limit: 2, ..Default::default() }, ..seed() },
        Default::default(),
    );
    let client = world.client().with("sforce-call-options", "client=acme");
    assert_eq!(client.get("/limits").await.header("sforce-limit-info"), "api-usage=1/2");
    assert_eq!(client.get("/limits").await.json()["DailyApiRequests"], json!({"Max": 2, "Remaining": 0}));
    let refused = client.get("/limits").await;
    assert_eq!((refused.status, refused.json()), (403, json!([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}])));
    let counters = world.sim.control().counters();
    assert_eq!((counters.api_calls, counters.by_client["acme"], counters.by_route["limits"]), (2, 2, 3));
    world.clock.advance(jiff::SignedDuration::from_hours(24));
    assert_eq!(world.client().get("/limits").await.status, 200);
}

#[tokio::test]
async fn sessions_end_and_old_schemes_work() {
    let world = world();
    let client = world.client();
    let request = Request::get(format!("{INSTANCE}/services/data/v66.0/limits"));
    let oauth = request.header("authorization", format!("OAuth {}", client.token)).body(Bytes::new()).unwrap();
    assert_eq!(world.send(oauth).await.status, 200);
    assert_eq!(world.get(&format!("{INSTANCE}/services/data/v66.0/limits")).await.status, 401);
    assert_eq!(world.sim.control().expire_access_tokens(), 1);
    assert_eq!(client.get("/limits").await.code(), "INVALID_SESSION_ID");
}

#[tokio::test]
async fn bodies_are_packed_both_ways() {
    let world = world();
    let client = world.client().with("accept-encoding", "gzip").with("content-encoding", "gzip");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(br#"{"LastName":"Zip","Company":"ACME"}"#).unwrap();
    let mut request = client.request("POST", "/sobjects/Lead", &json!({}));
    *request.body_mut() = packer.finish().unwrap().into();
    let response = world.sim.call(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["content-encoding"].as_bytes()), (201, &b"gzip"[..]));
    let mut text = String::new();
    flate2::read::GzDecoder::new(response.body().as_ref()).read_to_string(&mut text).unwrap();
    assert!(text.contains("\"success\":true"), "{text}");
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = world();
    let client = world.client();
    let mut request = client.request("POST", "/sobjects/Lead", &json!({"LastName": "X"}));
    request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(world.send(request).await.status, 415);
}

#[tokio::test]
async fn a_record_lives_from_post_to_delete() {
    let world = world();
    let client = world.client();
    let made = client.post("/sobjects/Lead/", json!({"FirstName": "Ann", "LastName": "Lee", "Company": "ACME"})).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/services/data/v66.0/sobjects/Lead/{id}"));
    assert_eq!(made.json(), json!({"id": id, "success": true, "errors": []}));
    let path = format!("/sobjects/Lead/{id}");
    assert_eq!(client.patch(&path, json!({"Title": "CEO"})).await.status, 204);
    assert_eq!(client.post(&format!("{path}?_HttpMethod=PATCH"), json!({"Title": "CTO"})).await.status, 204);
    let read = client.get(&format!("{path}?fields=Id,Title")).await.json();
    assert_eq!(read, json!({"attributes": {"type": "Lead", "url": format!("/services/data/v66.0/sobjects/Lead/{id}")}, "Id": id, "Title": "CTO"}));
    assert_eq!(client.get(&format!("/sobjects/Lead/{}", &id[..15])).await.json()["Name"], "Ann Lee");
    assert_eq!(client.send("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(client.get(&path).await.code(), "ENTITY_IS_DELETED");
}

#[tokio::test]
async fn upserts_say_what_they_did_by_version() {
    let world = world();
    let client = world.client();
    let path = "/sobjects/Lead/Ext__c/a%2Fb%20%C3%A9";
    let made = client.patch(path, json!({"LastName": "Lee", "Company": "ACME"})).await;
    assert_eq!((made.status, made.json()["created"].clone()), (201, json!(true)));
    let again = client.patch(path, json!({"Title": "x"})).await;
    assert_eq!((again.status, again.json()["created"].clone()), (200, json!(false)));
    let old = client.patch(&format!("/services/data/v45.0{path}"), json!({"Title": "y"})).await;
    assert_eq!((old.status, old.text.as_str()), (204, ""));
    assert_eq!(client.get(path).await.json()["Ext__c"], "a/b é");
    assert_eq!(client.patch("/sobjects/Lead/Ext__c/none?updateOnly=true", json!({"Title": "y"})).await.status, 404);
    let unknown = client.patch("/sobjects/Lead/Title/x", json!({})).await;
    assert_eq!(unknown.json()[0]["message"], "Provided external ID field does not exist or is not accessible: Title");
    assert_eq!(client.post("/sobjects/Lead/Id", json!({"LastName": "N", "Company": "C"})).await.status, 201);
    assert_eq!(client.send("DELETE", path, Value::Null).await.status, 204);
}

#[tokio::test]
async fn pages_follow_one_another() {
    let world = world();
    let client = world.client().with("sforce-query-options", "batchSize=200");
    for chunk in 0..3 {
        let records: Vec<Value> =
            (0..150).map(|n| json!({"attributes": {"type": "Lead"}, "LastName": format!("L{chunk}-{n}"), "Company": "C"})).collect();
        client.post("/composite/sobjects", json!({"records": records})).await;
    }
    let first = client.get("/query/?q=SELECT+Id+FROM+Lead").await.json();
    assert_eq!((first["totalSize"].clone(), first["done"].clone(), first["records"].as_array().unwrap().len()), (json!(450), json!(false), 200));
    let next = first["nextRecordsUrl"].as_str().unwrap();
    assert!(next.starts_with("/services/data/v66.0/query/01g") && next.ends_with("-200"), "{next}");
    let second = client.get(next).await.json();
    let third = client.get(second["nextRecordsUrl"].as_str().unwrap()).await.json();
    assert_eq!((third["records"].as_array().unwrap().len(), third["done"].clone()), (50, json!(true)));
    assert!(third.get("nextRecordsUrl").is_none());
    let next = next.to_owned();
    world.sim.control().expire_cursors();
    assert_eq!(client.get(&next).await.code(), "INVALID_QUERY_LOCATOR");
}

#[tokio::test]
async fn conditions_are_honoured() {
    let world = world();
    let client = world.client();
    let id = client.lead("Lee").await;
    let account = client.post("/sobjects/Account", json!({"Name": "ACME"})).await.json()["id"].as_str().unwrap().to_owned();
    let at = |header: &'static str, value: &str| world.client().with(header, value);
    let (before, after) = ("Mon, 23 Nov 2026 07:00:00 GMT", "Mon, 23 Nov 2026 09:00:00 GMT");
    for (path, since, want) in [
        ("/sobjects/Lead/describe".to_owned(), after, 304),
        ("/sobjects/Lead/describe".to_owned(), before, 200),
        ("/sobjects".to_owned(), after, 304),
        (format!("/sobjects/Lead/{id}"), after, 304),
        (format!("/sobjects/Lead/{id}"), before, 200),
    ] {
        let answer = at("if-modified-since", since).get(&path).await;
        assert_eq!(answer.status, want, "{path} {since}");
        assert_eq!(answer.text.is_empty(), want == 304);
    }
    let stale = at("if-unmodified-since", before).patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "x"})).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "PRECONDITION_FAILED"));
    let path = format!("/sobjects/Account/{account}");
    let etag = client.get(&path).await.header("etag").to_owned();
    assert!(!etag.is_empty() && client.get(&format!("/sobjects/Lead/{id}")).await.header("etag").is_empty());
    assert_eq!(at("if-match", "\"other\"").patch(&path, json!({"Name": "B"})).await.status, 412);
    assert_eq!(at("if-match", &etag).patch(&path, json!({"Name": "B"})).await.status, 204);
}

#[tokio::test]
async fn changes_are_found_by_time_and_open_transactions_hold_them_back() {
    let world = world();
    let client = world.client();
    let gone = client.lead("Gone").await;
    let kept = client.lead("Kept").await;
    client.send("DELETE", &format!("/sobjects/Lead/{gone}"), Value::Null).await;
    world.clock.advance(jiff::SignedDuration::from_mins(10));
    let window = "start=2026-11-23T07:30:15%2B00:00&end=2026-11-23T08:09:59%2B00:00";
    let updated = client.get(&format!("/sobjects/Lead/updated/?{window}")).await.json();
    assert_eq!(updated, json!({"ids": [kept], "latestDateCovered": "2026-11-23T08:09:00.000+0000"}));
    let deleted = client.get(&format!("/sobjects/Lead/deleted/?{window}")).await.json();
    assert_eq!(deleted["deletedRecords"][0]["id"], gone);
    let backwards = client.get("/sobjects/Lead/updated?start=2026-11-23T08:00:00Z&end=2026-11-23T07:00:00Z").await;
    assert_eq!(backwards.code(), "INVALID_REPLICATION_DATE");
}
