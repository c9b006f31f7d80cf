//! Pages of queries: how many records, and what counts as one.

use salesforce_sim::seed::{CustomField, CustomFieldKind};
use salesforce_sim::{Doubts, Seed};
use serde_json::{Value, json};

use crate::common::*;

/// As many accounts as the list is long, each with so many contacts.
async fn families(client: &Client<'_>, contacts: &[usize]) {
    for (number, count) in contacts.iter().enumerate() {
        let account = client.post("/sobjects/Account", json!({"Name": format!("A{number}")})).await.json()["id"].clone();
        let record = |n: usize| json!({"attributes": {"type": "Contact"}, "LastName": format!("C{number}-{n:03}"), "AccountId": account});
        let all: Vec<Value> = (0..*count).map(record).collect();
        for chunk in all.chunks(200) {
            assert_eq!(client.post("/composite/sobjects", json!({"records": chunk})).await.status, 200);
        }
    }
}

fn children(record: &Value) -> usize {
    record["Contacts"]["records"].as_array().map_or(0, Vec::len)
}

const FAMILIES: &str = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account ORDER BY Name";

#[tokio::test]
async fn the_records_of_sub_queries_count_towards_the_page() {
    let world = world();
    let client = world.client().with("sforce-query-options", "batchSize=200");
    families(&client, &[120, 60, 30, 0, 169, 1]).await;
    let mut pages = Vec::new();
    let mut next = Some(format!("/query?q={}", encode(FAMILIES)));
    while let Some(url) = next {
        let page = client.get(&url).await.json();
        assert_eq!(page["totalSize"], 6, "records alone are counted in all");
        let records = page["records"].as_array().unwrap();
        assert!(records.iter().all(|record| record["Contacts"].is_null() || record["Contacts"]["done"] == true));
        pages.push(records.iter().map(children).collect::<Vec<_>>());
        next = page["nextRecordsUrl"].as_str().map(str::to_owned);
        assert_eq!(page["done"], next.is_none());
    }
    assert_eq!(pages, [vec![120, 60], vec![30, 0], vec![169, 1]].map(|page| page.to_vec()), "182, 32 and 172 records; the third would not fit");
}

#[tokio::test]
async fn children_that_do_not_fit_on_a_page_go_on_by_themselves() {
    let world = world();
    let client = world.client().with("sforce-query-options", "batchSize=200");
    families(&client, &[450, 3]).await;
    let first = client.get(&format!("/query?q={}", encode(FAMILIES))).await.json();
    assert_eq!((first["records"].as_array().unwrap().len(), first["done"].clone()), (1, json!(false)));
    let contacts = &first["records"][0]["Contacts"];
    assert_eq!((children(&first["records"][0]), &contacts["totalSize"], &contacts["done"]), (199, &json!(450), &json!(false)));
    let mut names: Vec<String> = Vec::new();
    let mut page = contacts.clone();
    loop {
        names.extend(page["records"].as_array().unwrap().iter().map(|record| record["LastName"].as_str().unwrap().to_owned()));
        match page["nextRecordsUrl"].as_str() {
            Some(next) => page = client.get(next).await.json(),
            None => break,
        }
    }
    assert_eq!(names, (0..450).map(|n| format!("C0-{n:03}")).collect::<Vec<_>>());
    let second = client.get(first["nextRecordsUrl"].as_str().unwrap()).await.json();
    assert_eq!((second["records"][0]["Name"].as_str(), children(&second["records"][0]), &second["done"]), (Some("A1"), 3, &json!(true)));
}

#[tokio::test]
async fn several_long_texts_make_small_pages() {
    let field = |name: &str, kind| CustomField { sobject: "Lead".to_owned(), name: name.to_owned(), kind, ..CustomField::default() };
    let mut seed: Seed = seed();
    seed.custom_fields.push(field("Story__c", CustomFieldKind::LongTextArea { length: 5_000 }));
    seed.custom_fields.push(field("Note__c", CustomFieldKind::TextArea));
    let world = world_with(seed, Doubts::default());
    let client = world.client();
    for chunk in 0..2 {
        let record = |n: usize| json!({"attributes": {"type": "Lead"}, "LastName": format!("L{chunk}-{n}"), "Company": "C"});
        client.post("/composite/sobjects", json!({"records": (0..150).map(record).collect::<Vec<_>>()})).await;
    }
    for (columns, want) in [("Id", 300), ("Id, Description", 300), ("Id, Description, Note__c", 300), ("Id, Description, Story__c", 200)] {
        let page = client.get(&format!("/query?q={}", encode(&format!("SELECT {columns} FROM Lead")))).await.json();
        assert_eq!(page["records"].as_array().unwrap().len(), want, "{columns}");
    }
}
