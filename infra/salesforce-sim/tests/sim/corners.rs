//! Requests off the beaten track, of the kinds that clients make.

use std::io::Write;

use bytes::Bytes;
use http::Request;
use salesforce_sim::Id;
use serde_json::{Value, json};

use crate::common::*;

fn lead(fields: Value) -> Value {
    let mut record = json!({"attributes": {"type": "Lead"}});
    record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    record
}

/// An id of the right shape that no record has.
const NOBODY: &str = "00Q000000000999EAA";

/// A path can name nothing; a record of a list refers to nothing.
#[tokio::test]
async fn an_absent_record_is_not_found_by_path_and_a_bad_reference_in_a_list() {
    let world = world();
    let client = world.client();
    for (method, body) in [("PATCH", json!({"Title": "x"})), ("DELETE", Value::Null)] {
        let answer = client.send(method, &format!("/sobjects/Lead/{NOBODY}"), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"), "{method}");
    }
    let want = json!([{"statusCode": "INVALID_CROSS_REFERENCE_KEY", "message": "invalid cross reference id", "fields": []}]);
    let items = client.patch("/composite/sobjects", json!({"records": [lead(json!({"id": NOBODY, "Title": "x"}))]})).await.json();
    assert_eq!(items[0]["errors"], want);
    let items = client.delete(&format!("/composite/sobjects?ids={NOBODY}")).await.json();
    assert_eq!(items[0]["errors"], want);
}

#[tokio::test]
async fn all_or_none_written_as_a_text_counts() {
    let world = world();
    let client = world.client();
    let records = json!([lead(json!({"LastName": "A", "Company": "B"})), lead(json!({"LastName": "A"}))]);
    client.post("/composite/sobjects", json!({"allOrNone": "true", "records": records})).await;
    assert!(client.query("SELECT Id FROM Lead").await.is_empty());
    client.post("/composite/sobjects", json!({"allOrNone": "false", "records": records})).await;
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 1);
}

/// A value that cannot be taken is said once, not again as missing.
#[tokio::test]
async fn a_reference_that_leads_nowhere_is_not_also_missing() {
    let world = world();
    let client = world.client();
    let person = client.lead("A").await;
    let answer = client.post("/sobjects/CampaignMember", json!({"CampaignId": Id::parse("701000000000999").unwrap(), "LeadId": person})).await;
    let codes: Vec<Value> = answer.json().as_array().unwrap().iter().map(|error| error["errorCode"].clone()).collect();
    assert_eq!(codes, ["INVALID_CROSS_REFERENCE_KEY"]);
}

#[tokio::test]
async fn history_is_replicated_by_the_time_of_its_making() {
    let world = world();
    world.control("POST", "rules", json!({"tracked_fields": ["Lead.Title"]})).await;
    let client = world.client();
    let id = client.lead("A").await;
    client.patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "x"})).await;
    let changes = client.query("SELECT Id FROM LeadHistory").await;
    let window = "start=2026-11-23T07:30:00Z&end=2026-11-23T08:05:00Z";
    let found = client.get(&format!("/sobjects/LeadHistory/updated?{window}")).await.json();
    assert_eq!(found["ids"].as_array().unwrap().len(), changes.len());
    assert!(!changes.is_empty());
    assert_eq!(client.get(&format!("/sobjects/LeadHistory/deleted?{window}")).await.json()["deletedRecords"], json!([]));
}

/// Source: `getDeleted` asks for more than a minute, `getUpdated` for a start before the end.
#[tokio::test]
async fn windows_of_replication_have_a_shortest_and_a_farthest() {
    let world = world();
    let client = world.client();
    for (resource, start, end, status) in [
        ("updated", "2026-11-23T07:59:30Z", "2026-11-23T08:00:10Z", 200),
        ("updated", "2026-11-23T07:59:10Z", "2026-11-23T07:59:50Z", 400),
        ("deleted", "2026-11-23T07:58:00Z", "2026-11-23T08:00:00Z", 200),
        ("deleted", "2026-11-23T07:59:00Z", "2026-11-23T08:00:59Z", 400),
        ("updated", "2026-10-24T08:00:00Z", "2026-11-23T08:00:00Z", 200),
        ("updated", "2026-10-24T07:59:00Z", "2026-11-23T08:00:00Z", 400),
        ("deleted", "2026-11-08T08:00:00Z", "2026-11-23T08:00:00Z", 200),
        ("deleted", "2026-11-08T07:59:00Z", "2026-11-23T08:00:00Z", 400),
        ("updated", "2026-11-23", "2026-11-24", 400),
        ("updated", "2026-11-23T08:00:00", "2026-11-23T09:00:00", 400),
    ] {
        let answer = client.get(&format!("/sobjects/Lead/{resource}?start={start}&end={end}")).await;
        assert_eq!(answer.status, status, "{resource} {start} {end}: {}", answer.text);
        if status == 400 {
            assert_eq!(answer.code(), "INVALID_REPLICATION_DATE");
        }
    }
}

#[tokio::test]
async fn a_write_bound_to_a_date_that_is_none_is_refused() {
    let world = world();
    let client = world.client().with("if-unmodified-since", "yesterday");
    assert_eq!(client.post("/sobjects/Lead", json!({"LastName": "A", "Company": "B"})).await.status, 400);
    let id = world.client().lead("A").await;
    assert_eq!(client.patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "x"})).await.status, 400);
    assert_eq!(client.get(&format!("/sobjects/Lead/{id}")).await.status, 200, "a read goes on without it");
    assert_eq!(client.delete(&format!("/sobjects/Lead/{id}")).await.status, 204, "conditions on deletes are not supported");
}

/// `deflate` means the framed form; some clients send the bare one.
#[tokio::test]
async fn bodies_come_packed_in_any_of_three_ways() {
    let world = world();
    let client = world.client();
    let body = json!({"LastName": "Packed", "Company": "B"}).to_string();
    let gzip = || {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zlib = || {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let bare = || {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    for (encoding, bytes, status) in [
        ("gzip", gzip(), 201),
        ("GZIP", gzip(), 201),
        ("deflate", zlib(), 201),
        ("deflate", bare(), 201),
        ("identity", body.clone().into_bytes(), 201),
        ("gzip", body.clone().into_bytes(), 400),
        ("deflate", gzip(), 400),
        ("br", body.clone().into_bytes(), 415),
    ] {
        let request = Request::post(format!("{INSTANCE}/services/data/v66.0/sobjects/Lead"))
            .header("authorization", format!("Bearer {}", client.token))
            .header("content-type", "application/json")
            .header("content-encoding", encoding);
        let answer = world.send(request.body(Bytes::from(bytes)).unwrap()).await;
        assert_eq!(answer.status, status, "{encoding}: {}", answer.text);
    }
    assert_eq!(client.query("SELECT Id FROM Lead WHERE LastName = 'Packed'").await.len(), 5);
}

/// Flows that a real org has are owned up to; a grant that nobody has is refused as Salesforce refuses it.
#[tokio::test]
async fn grants_of_a_real_org_are_not_built_and_others_do_not_exist() {
    let world = world();
    for (grant, status) in [
        ("password", 501),
        ("urn:ietf:params:oauth:grant-type:token-exchange", 501),
        ("urn:ietf:params:oauth:grant-type:saml2-bearer", 501),
        ("foo", 400),
        ("", 400),
    ] {
        let answer = world.token(&[("grant_type", grant), ("client_id", "a1"), ("client_secret", "a1-secret")]).await;
        assert_eq!(answer.status, status, "{grant}: {}", answer.text);
    }
    for (flow, status) in [("token", 501), ("hybrid_auth_code", 501), ("foo", 302), ("code", 200)] {
        let callback = encode(CALLBACK);
        let url =
            format!("{LOGIN}/services/oauth2/authorize?client_id=a1&redirect_uri={callback}&response_type={flow}&code_challenge={}", challenge());
        assert_eq!(world.get(&url).await.status, status, "{flow}");
    }
}

#[tokio::test]
async fn what_every_record_needs_is_granted_to_nobody() {
    let world = world();
    let client = world.client();
    let set = client.post("/sobjects/PermissionSet", json!({"Name": "Set", "Label": "Set"})).await.json()["id"].clone();
    for (field, status) in [("Lead.LastName", 400), ("Lead.Id", 400), ("Lead.Nope__c", 400), ("Lead.Title", 201), ("Lead.Ext__c", 201)] {
        let grant = json!({"ParentId": set, "SobjectType": "Lead", "Field": field, "PermissionsRead": true});
        assert_eq!(client.post("/sobjects/FieldPermissions", grant).await.status, status, "{field}");
    }
    let field = json!({"FullName": "Case.X__c", "Metadata": {"label": "X", "type": "Text", "length": 5}});
    assert_eq!(client.post("/tooling/sobjects/CustomField", field).await.status, 501);
}

#[tokio::test]
async fn bulk_jobs_that_cannot_be_are_refused_and_those_that_cannot_be_read_fail() {
    let world = world();
    let client = world.client();
    for (job, code) in [
        (json!({"object": "Lead", "operation": "insert", "lineEnding": "CR"}), "INVALIDJOB"),
        (json!({"object": "LeadHistory", "operation": "insert"}), "INVALIDENTITY"),
        (json!({"object": "User", "operation": "delete"}), "INVALIDENTITY"),
    ] {
        let answer = client.post("/jobs/ingest", job.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{job}");
    }
    for (csv, failed) in [
        ("LastName,Company,Nope__c\nA,B,c\n", Some("InvalidBatch : Field name not found : Nope__c")),
        ("LastName,Company,Nobody.Ext__c\nA,B,c\n", Some("InvalidBatch : Field name not found : Nobody.Ext__c")),
        ("lastname,COMPANY\nA,B\n", None),
    ] {
        let job = client.post("/jobs/ingest", json!({"object": "Lead", "operation": "insert"})).await.json();
        let path = format!("/jobs/ingest/{}", job["id"].as_str().unwrap());
        let upload = Request::put(format!("{INSTANCE}/{}", job["contentUrl"].as_str().unwrap()))
            .header("authorization", format!("Bearer {}", client.token))
            .header("content-type", "text/csv");
        assert_eq!(world.send(upload.body(Bytes::from(csv)).unwrap()).await.status, 201);
        client.patch(&path, json!({"state": "UploadComplete"})).await;
        let states = [client.get(&path).await.json(), client.get(&path).await.json()];
        assert_eq!(states[0]["state"], "InProgress");
        match failed {
            Some(message) => {
                assert_eq!((states[1]["state"].as_str(), states[1]["errorMessage"].as_str()), (Some("Failed"), Some(message)));
                assert_eq!(client.get(&format!("{path}/unprocessedrecords")).await.text, csv);
            }
            None => assert_eq!((states[1]["state"].as_str(), states[1]["numberRecordsProcessed"].as_u64()), (Some("JobComplete"), Some(1))),
        }
    }
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 1);
}

#[tokio::test]
async fn duplicates_are_looked_for_in_what_the_user_sees_where_the_header_says_so() {
    const INTEGRATION: &str = "integration@org.example";
    let world = world();
    let rule = json!({"name": "Same", "sobject": "Contact", "match_fields": ["Email"], "action": "alert"});
    world.control("POST", "rules", json!({"duplicate_rules": [rule]})).await;
    let contact = json!({"LastName": "A", "Email": "a@b.example"});
    let hidden = world.client().post("/sobjects/Contact", contact.clone()).await.json()["id"].as_str().unwrap().to_owned();
    world.control("POST", &format!("hidden/{hidden}"), json!({"from": [INTEGRATION]})).await;
    let name = "sforce-duplicate-rule-header";
    for (header, status) in
        [("allowSave=false", 400), ("allowSave=false; runAsCurrentUser=false", 400), ("runAsCurrentUser=TRUE", 201), ("allowSave=true", 201)]
    {
        let answer = world.client_of(INTEGRATION).with(name, header).post("/sobjects/Contact", contact.clone()).await;
        assert_eq!(answer.status, status, "{header}: {}", answer.text);
        if let Some(id) = answer.json()["id"].as_str() {
            world.client().delete(&format!("/sobjects/Contact/{id}")).await;
        }
    }
    for (header, shown) in [("includeRecordDetails=true", json!("A")), ("includeRecordDetails=false", Value::Null)] {
        let answer = world.client().with(name, header).post("/sobjects/Contact", contact.clone()).await.json();
        assert_eq!(answer[0]["duplicateResut"]["matchResults"][0]["matchRecords"][0]["record"]["LastName"], shown, "{header}");
    }
}

/// The active assignment rule chooses the owner on creates and on changes, unless the header says otherwise.
#[tokio::test]
async fn the_auto_assign_header_counts_for_changes_too_in_any_letter_case() {
    let queue = salesforce_sim::seed::QueueSeed { name: "New".into(), developer_name: "New_Leads".into(), id: None };
    let world = world_with(salesforce_sim::Seed { queues: vec![queue], ..seed() }, salesforce_sim::Doubts::default());
    world.control("POST", "rules", json!({"assignment_rules": [{"sobject": "Lead", "owner": "New_Leads"}]})).await;
    let owner =
        async |id: &str| world.client().get(&format!("/sobjects/Lead/{id}?fields=OwnerId")).await.json()["OwnerId"].as_str().unwrap()[..3].to_owned();
    for (header, kept) in [(None, false), (Some("TRUE"), false), (Some("FALSE"), true), (Some("false"), true), (Some("False"), true)] {
        let client = || header.map_or_else(|| world.client(), |value| world.client().with("sforce-auto-assign", value));
        let id = client().lead("A").await;
        assert_eq!(owner(&id).await, if kept { "005" } else { "00G" }, "{header:?} on create");
        let me = world.client().query("SELECT Id FROM User WHERE Username = 'admin@org.example'").await[0]["Id"].clone();
        world.client().with("sforce-auto-assign", "FALSE").patch(&format!("/sobjects/Lead/{id}"), json!({"OwnerId": me})).await;
        client().patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "x"})).await;
        assert_eq!(owner(&id).await, if kept { "005" } else { "00G" }, "{header:?} on change");
    }
}
