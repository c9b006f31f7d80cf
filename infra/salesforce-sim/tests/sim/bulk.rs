//! Bulk API 2.0.

use http::Request;
use serde_json::{Value, json};

use crate::common::*;

async fn put(client: &Client<'_>, url: &str, csv: &str) -> Answer {
    let request =
        Request::put(format!("{INSTANCE}/{url}")).header("authorization", format!("Bearer {}", client.token)).header("content-type", "text/csv");
    client.world.send(request.body(csv.to_owned().into()).unwrap()).await
}

async fn states(client: &Client<'_>, path: &str) -> Vec<String> {
    let mut states = Vec::new();
    for _ in 0..3 {
        let state = client.get(path).await.json()["state"].as_str().unwrap().to_owned();
        states.push(state);
    }
    states
}

#[tokio::test]
async fn rows_are_written_each_with_its_own_fate() {
    let world = world();
    let client = world.client();
    let spec = json!({"object": "Lead", "operation": "upsert", "externalIdFieldName": "Ext__c", "contentType": "CSV", "lineEnding": "LF"});
    let job = client.post("/jobs/ingest", spec).await.json();
    assert_eq!((&job["state"], &job["apiVersion"], &job["concurrencyMode"]), (&json!("Open"), &json!(66.0), &json!("Parallel")));
    let id = job["id"].as_str().unwrap();
    assert!(id.starts_with("750"));
    let url = job["contentUrl"].as_str().unwrap();
    assert_eq!(url, format!("services/data/v66.0/jobs/ingest/{id}/batches"));
    let csv = "Ext__c,LastName,Company,Title,NumberOfEmployees\ne1,\"Lee, Ann\",ACME,CEO,12\ne2,Bo,,,\n";
    assert_eq!(put(&client, url, csv).await.status, 201);
    let path = format!("/jobs/ingest/{id}");
    let closed = client.patch(&path, json!({"state": "UploadComplete"})).await.json();
    assert_eq!(closed["state"], "UploadComplete");
    assert_eq!(states(&client, &path).await, ["InProgress", "JobComplete", "JobComplete"]);
    let done = client.get(&path).await.json();
    assert_eq!((&done["numberRecordsProcessed"], &done["numberRecordsFailed"]), (&json!(2), &json!(1)));
    let successes = client.get(&format!("{path}/successfulResults/")).await;
    assert!(successes.header("content-type").starts_with("text/csv"));
    let mut lines = successes.text.lines();
    assert_eq!(lines.next().unwrap(), "\"sf__Id\",\"sf__Created\",\"Ext__c\",\"LastName\",\"Company\",\"Title\",\"NumberOfEmployees\"");
    assert!(lines.next().unwrap().ends_with(",\"true\",\"e1\",\"Lee, Ann\",\"ACME\",\"CEO\",\"12\""), "{}", successes.text);
    let failures = client.get(&format!("{path}/failedResults/")).await.text;
    assert!(failures.contains("REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --"), "{failures}");
    let clear = "Ext__c,Title,Company\ne1,#N/A,\n";
    let spec = json!({"object": "Lead", "operation": "upsert", "externalIdFieldName": "Ext__c"});
    let job = client.post("/jobs/ingest", spec).await.json();
    put(&client, job["contentUrl"].as_str().unwrap(), clear).await;
    client.patch(&format!("/jobs/ingest/{}", job["id"].as_str().unwrap()), json!({"state": "UploadComplete"})).await;
    let row = &client.query("SELECT Title, Company, NumberOfEmployees FROM Lead").await[0];
    assert_eq!((&row["Title"], &row["Company"], &row["NumberOfEmployees"]), (&Value::Null, &json!("ACME"), &json!(12)));
}

#[tokio::test]
async fn rows_are_read_in_pages() {
    let world = world();
    let client = world.client();
    for name in ["A", "B", "C"] {
        client.lead(name).await;
    }
    let spec = json!({"operation": "query", "query": "SELECT LastName, Owner.Name FROM Lead ORDER BY LastName"});
    let id = client.post("/jobs/query", spec).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/jobs/query/{id}");
    assert_eq!(client.get(&format!("{path}/results")).await.status, 400);
    assert_eq!(states(&client, &path).await.last().unwrap(), "JobComplete");
    let first = client.get(&format!("{path}/results?maxRecords=2")).await;
    assert_eq!((first.header("sforce-locator"), first.header("sforce-numberofrecords")), ("2", "2"));
    assert_eq!(first.text, "\"LastName\",\"Owner.Name\"\n\"A\",\"Ada Admin\"\n\"B\",\"Ada Admin\"\n");
    let last = client.get(&format!("{path}/results?maxRecords=2&locator=2")).await;
    assert_eq!((last.header("sforce-locator"), last.header("sforce-numberofrecords")), ("null", "1"));
}

#[tokio::test]
async fn states_that_do_not_follow_are_refused() {
    let world = world();
    let client = world.client();
    let spec = json!({"object": "Lead", "operation": "insert"});
    let id = client.post("/jobs/ingest", spec).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/jobs/ingest/{id}");
    assert_eq!(client.patch(&path, json!({"state": "Aborted"})).await.json()["state"], "Aborted");
    assert_eq!(client.patch(&path, json!({"state": "UploadComplete"})).await.code(), "INVALIDJOBSTATE");
    assert_eq!(client.send("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    assert_eq!(client.post("/jobs/ingest", json!({"object": "Lead", "operation": "upsert"})).await.status, 400);
}
