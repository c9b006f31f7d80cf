use cirrus::{CirrusError, UpsertOptions};
use passerelle_clients_cirrus::{Org, count, refusal};
use serde_json::json;

#[tokio::test]
async fn the_org_and_an_object_are_described() {
    let org = Org::start().await;
    let client = org.client();
    let global = client.sobjects().describe_global().await.unwrap();
    assert!(global.sobjects.iter().any(|sobject| sobject.name == "Lead" && sobject.key_prefix.as_deref() == Some("00Q")));
    let lead = client.sobject("Lead").describe().await.unwrap();
    let field = |name: &str| lead["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).cloned().unwrap();
    assert!(field("Ext__c")["externalId"] == true && field("LastName")["length"] == 80);
    assert!(client.versions().await.unwrap().iter().any(|version| version.version == "66.0"));
}

#[tokio::test]
async fn an_unchanged_description_is_not_sent_again() {
    let org = Org::start().await;
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    assert!(org.client().sobject("Lead").describe_if_modified_since(later).await.unwrap().is_none());
}

#[tokio::test]
async fn a_record_is_created_read_updated_and_deleted() {
    let org = Org::start().await;
    let client = org.client();
    let leads = client.sobject("Lead");
    let made = leads.create(&json!({"LastName": "Onze", "Company": "Clients"})).await.unwrap();
    assert!(made.success && made.id.len() == 18);
    leads.update(&made.id, &json!({"Title": "CTO"})).await.unwrap();
    let read = leads.retrieve_with_fields(&made.id, &["LastName", "Title"]).await.unwrap();
    assert!(read["LastName"] == "Onze" && read["Title"] == "CTO" && read["attributes"]["type"] == "Lead", "{read}");
    leads.delete(&made.id).await.unwrap();
    assert_eq!(refusal(leads.retrieve(&made.id).await.unwrap_err()), (404, "ENTITY_IS_DELETED".to_owned()));
}

#[tokio::test]
async fn an_update_yields_to_one_that_came_first() {
    let org = Org::start().await;
    let client = org.client();
    let leads = client.sobject("Lead");
    let made = leads.create(&json!({"LastName": "Onze", "Company": "Clients"})).await.unwrap();
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let error = leads.update_if_unmodified_since(&made.id, &json!({"Title": "late"}), before).await.unwrap_err();
    assert!(matches!(error, CirrusError::Api { status: 412, .. }), "{error:?}");
}

#[tokio::test]
async fn an_upsert_creates_then_updates() {
    let org = Org::start().await;
    let client = org.client();
    let leads = client.sobject("Lead");
    let key = "cirrus/1 é"; // encoded on the way, and back
    let body = json!({"LastName": "Douze", "Company": "Clients"});
    let missing = leads.upsert_with("Ext__c", key, &body, UpsertOptions { update_only: true }).await.unwrap_err();
    assert_eq!(refusal(missing).0, 404);
    let first = leads.upsert("Ext__c", key, &body).await.unwrap();
    let second = leads.upsert("Ext__c", key, &json!({"Title": "CFO"})).await.unwrap();
    assert_eq!((first.created, second.created, &first.id), (Some(true), Some(false), &second.id));
    assert_eq!(leads.retrieve_by_external_id("Ext__c", key).await.unwrap()["Title"], "CFO");
    leads.delete_by_external_id("Ext__c", key).await.unwrap();
    assert_eq!(count(&client, "SELECT Id FROM Lead").await, 0);
}

#[tokio::test]
async fn several_records_for_one_external_id_are_listed() {
    let org = Org::start().await;
    let client = org.client();
    let leads = client.sobject("Lead");
    for name in ["Treize", "Quatorze"] {
        leads.create(&json!({"LastName": name, "Company": "Clients", "Group__c": "many"})).await.unwrap();
    }
    match leads.upsert("Group__c", "many", &json!({"Title": "nobody"})).await {
        Err(CirrusError::MultipleMatches { records, .. }) => assert_eq!(records.len(), 2),
        other => panic!("{other:?}"),
    }
}
