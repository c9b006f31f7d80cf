use cirrus::{BatchRequest, BatchSubrequest, Cirrus, CompositeGraph, CompositeGraphRequest, CompositeRequest, CompositeSubrequest};
use passerelle_clients_cirrus::{Org, count};
use serde_json::{Value, json};

fn post(client: &Cirrus, sobject: &str, reference_id: &str, body: Value) -> CompositeSubrequest {
    CompositeSubrequest {
        method: "POST".to_owned(),
        url: format!("/services/data/{}/sobjects/{sobject}", client.api_version()),
        reference_id: reference_id.to_owned(),
        body: Some(body),
        http_headers: None,
    }
}

#[tokio::test]
async fn a_composite_request_follows_references() {
    let org = Org::start().await;
    let client = org.client();
    let read = CompositeSubrequest {
        method: "GET".to_owned(),
        url: format!("/services/data/{}/sobjects/Contact/@{{person.id}}?fields=AccountId", client.api_version()),
        reference_id: "read".to_owned(),
        body: None,
        http_headers: None,
    };
    let firm = post(&client, "Account", "firm", json!({"Name": "Cirrus SA"}));
    let person = post(&client, "Contact", "person", json!({"LastName": "Quinze", "AccountId": "@{firm.id}"}));
    let request = CompositeRequest { composite_request: vec![firm, person, read], all_or_none: Some(true), ..Default::default() };
    let parts = client.composite().execute(&request).await.unwrap().composite_response;
    assert!(parts.iter().all(|part| part.is_success()), "{parts:?}");
    assert_eq!(parts[2].body["AccountId"], parts[0].body["id"]);
}

#[tokio::test]
async fn a_failing_part_undoes_the_others() {
    let org = Org::start().await;
    let client = org.client();
    let firm = post(&client, "Account", "firm", json!({"Name": "Undone SA"}));
    let person = post(&client, "Contact", "person", json!({"AccountId": "@{firm.id}"}));
    let request = CompositeRequest { composite_request: vec![firm, person], all_or_none: Some(true), ..Default::default() };
    let parts = client.composite().execute(&request).await.unwrap().composite_response;
    let codes: Vec<&Value> = parts.iter().map(|part| &part.body[0]["errorCode"]).collect();
    assert_eq!(codes, ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]);
    assert_eq!(count(&client, "SELECT Id FROM Account").await, 0);
}

#[tokio::test]
async fn graphs_succeed_and_fail_on_their_own() {
    let org = Org::start().await;
    let client = org.client();
    let graph = |graph_id: &str, name: &str| CompositeGraph {
        graph_id: graph_id.to_owned(),
        composite_request: vec![post(&client, "Account", "one", json!({"Name": name}))],
    };
    let request = CompositeGraphRequest { graphs: vec![graph("good", "Graph SA"), graph("bad", "")] };
    let graphs = client.composite().graph(&request).await.unwrap().graphs;
    let fates: Vec<(&str, bool)> = graphs.iter().map(|graph| (graph.graph_id.as_str(), graph.is_successful)).collect();
    assert_eq!(fates, [("good", true), ("bad", false)]);
}

#[tokio::test]
async fn a_batch_has_a_result_for_each_part() {
    let org = Org::start().await;
    let client = org.client();
    let get = |path: &str| BatchSubrequest { method: "GET".to_owned(), url: format!("{}/{path}", client.api_version()), rich_input: None };
    let request = BatchRequest { batch_requests: vec![get("limits"), get("sobjects/Lead/00Q000000000000AAA")], halt_on_error: None };
    let answer = client.composite().batch(&request).await.unwrap();
    let statuses: Vec<u16> = answer.results.iter().map(|part| part.status_code).collect();
    assert!(answer.has_errors && statuses == [200, 404], "{answer:?}");
}

#[tokio::test]
async fn a_tree_grows_whole_or_not_at_all() {
    let org = Org::start().await;
    let client = org.client();
    let tree = |leaf: Value| json!({"records": [{"attributes": {"type": "Account", "referenceId": "root"}, "Name": "Tree SA", "Contacts": {"records": [leaf]}}]});
    let attributes = json!({"type": "Contact", "referenceId": "leaf"});
    let refused = client.composite().tree("Account", &tree(json!({"attributes": attributes}))).await.unwrap();
    let errors = refused.results.iter().find(|row| row.reference_id == "leaf").and_then(|row| row.errors.clone()).unwrap();
    assert!(refused.has_errors && errors[0].status_code == "REQUIRED_FIELD_MISSING", "{refused:?}");
    assert_eq!(count(&client, "SELECT Id FROM Account").await, 0);
    let grown = client.composite().tree("Account", &tree(json!({"attributes": attributes, "LastName": "Seize"}))).await.unwrap();
    assert!(!grown.has_errors && grown.results.iter().all(|row| row.is_success()), "{grown:?}");
    assert_eq!(count(&client, "SELECT Id FROM Contact WHERE Account.Name = 'Tree SA'").await, 1);
}

#[tokio::test]
async fn collections_are_created_upserted_read_updated_and_deleted() {
    let org = Org::start().await;
    let client = org.client();
    let composite = client.composite();
    let sets = composite.sobjects();
    let mut leads: Vec<Value> =
        (0..200).map(|n| json!({"LastName": format!("Set {n}"), "Company": "Clients", "Ext__c": format!("set-{n}")})).collect();
    leads[7]["LastName"] = Value::Null;
    let made = sets.create_records("Lead", &leads, false).await.unwrap();
    let failed: Vec<usize> = (0..made.len()).filter(|&n| !made[n].success).collect();
    assert_eq!((made.len(), failed), (200, vec![7]));
    assert_eq!(made[7].errors[0].status_code, "REQUIRED_FIELD_MISSING");

    let keyed: Vec<Value> = [7, 8].map(|n| json!({"LastName": "Keyed", "Company": "Clients", "Ext__c": format!("set-{n}")})).into();
    let upserted = sets.upsert_records("Lead", "Ext__c", &keyed, true).await.unwrap();
    assert_eq!((upserted[0].created, upserted[1].created), (Some(true), Some(false)));
    let ids: Vec<String> = upserted.into_iter().filter_map(|item| item.id).collect();
    let asked = [ids[0].as_str(), ids[1].as_str(), "00Q000000000000AAA"];
    for read in [sets.retrieve("Lead", &asked, &["Ext__c"]).await.unwrap(), sets.retrieve_with_body("Lead", &asked, &["Ext__c"]).await.unwrap()] {
        assert!(read[0]["Ext__c"] == "set-7" && read[1]["Ext__c"] == "set-8" && read[2].is_null(), "{read:?}");
    }

    let changes = [json!({"id": ids[0], "Title": "COO"}), json!({"id": ids[1], "Title": "x".repeat(200)})];
    let undone = sets.update_records("Lead", &changes, true).await.unwrap();
    let codes: Vec<&str> = undone.iter().map(|item| item.errors[0].status_code.as_str()).collect();
    assert_eq!(codes, ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"]);
    assert!(sets.delete(&ids, true).await.unwrap().iter().all(|item| item.success));
    assert_eq!(count(&client, "SELECT Id FROM Lead").await, 198);
}
