//! Collections: each record its own fate, or all one.

use serde_json::{Value, json};

use crate::common::*;

fn lead(fields: Value) -> Value {
    let mut record = json!({"attributes": {"type": "Lead"}});
    record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    record
}

fn good(name: &str) -> Value {
    lead(json!({"LastName": name, "Company": "ACME"}))
}

#[tokio::test]
async fn one_bad_record_costs_itself() {
    let world = world();
    let client = world.client();
    let body = json!({"allOrNone": false, "records": [good("A"), lead(json!({"LastName": "B"})), good("C")]});
    let answer = client.post("/composite/sobjects", body).await;
    assert_eq!((answer.status, answer.header("sforce-limit-info")), (200, "api-usage=1/100000"));
    let items = answer.json();
    assert!(items[0]["success"] == true && items[0]["id"].as_str().unwrap().starts_with("00Q") && items[2]["success"] == true);
    assert_eq!(
        items[1],
        json!({"success": false, "errors": [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [Company]", "fields": ["Company"]}]})
    );
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 2);
}

#[tokio::test]
async fn all_or_none_keeps_nothing() {
    let world = world();
    let client = world.client();
    let body = json!({"allOrNone": true, "records": [good("A"), lead(json!({"LastName": "B"}))]});
    let items = client.post("/composite/sobjects", body).await.json();
    assert_eq!(items[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(items[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert!(items[0].get("id").is_none());
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 0);
}

#[tokio::test]
async fn too_many_or_too_mixed_fail_as_a_whole() {
    let world = world();
    let client = world.client();
    let many: Vec<Value> = (0..201).map(|n| good(&n.to_string())).collect();
    let refused = client.post("/composite/sobjects", json!({"records": many})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json(),
        json!([{"errorCode": "EXCEEDED_ID_LIMIT", "message": "record limit reached. cannot submit more than 200 records into this call"}])
    );
    let mixed: Vec<Value> = (0..11).map(|n| json!({"attributes": {"type": if n % 2 == 0 { "Account" } else { "Contact" }}})).collect();
    assert_eq!(client.post("/composite/sobjects", json!({"records": mixed})).await.status, 400);
    assert_eq!(client.post("/composite/sobjects", json!({"records": [{"LastName": "X"}]})).await.status, 400);
}

#[tokio::test]
async fn updates_answer_in_order_and_refuse_an_id_twice() {
    let world = world();
    let client = world.client();
    let (a, b) = (client.lead("A").await, client.lead("B").await);
    let records = json!([
        lead(json!({"id": b, "Title": "b"})),
        lead(json!({"Id": a, "Title": "a"})),
        lead(json!({"id": &a[..15], "Title": "again"})),
        lead(json!({"id": "nope", "Title": "x"})),
        lead(json!({"Title": "no id"})),
    ]);
    let items = client.patch("/composite/sobjects", json!({"records": records})).await.json();
    assert_eq!((items[0]["id"].as_str().unwrap(), items[1]["id"].as_str().unwrap()), (b.as_str(), a.as_str()));
    let codes: Vec<&str> = (2..5).map(|n| items[n]["errors"][0]["statusCode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["DUPLICATE_VALUE", "MALFORMED_ID", "MISSING_ARGUMENT"]);
}

#[tokio::test]
async fn upserts_refuse_a_key_twice_for_both() {
    let world = world();
    let client = world.client();
    let keyed = |key: &str| lead(json!({"Ext__c": key, "LastName": key, "Company": "ACME"}));
    let records = json!([keyed("e1"), keyed("e2"), keyed("E1"), good("no key")]);
    let items = client.patch("/composite/sobjects/Lead/Ext__c", json!({"records": records})).await.json();
    assert_eq!(
        items[0]["errors"][0],
        json!({"statusCode": "DUPLICATE_VALUE", "message": "Duplicate external id specified: e1", "fields": ["Ext__c"]})
    );
    assert_eq!(items[2]["errors"][0]["message"], "Duplicate external id specified: E1");
    assert_eq!((&items[1]["created"], &items[1]["success"]), (&json!(true), &json!(true)));
    assert_eq!(items[3]["success"], false);
    let again = client.patch("/composite/sobjects/Lead/Ext__c", json!({"records": [keyed("e2")]})).await.json();
    assert_eq!((&again[0]["created"], &again[0]["id"]), (&json!(false), &items[1]["id"]));
}

#[tokio::test]
async fn deletes_and_reads_keep_the_order_of_the_ids() {
    let world = world();
    let client = world.client();
    let (a, b) = (client.lead("A").await, client.lead("B").await);
    let path = format!("/composite/sobjects/Lead?ids={b},00Q000000000999EAA,{a}&fields=Id,LastName");
    let read = client.get(&path).await.json();
    assert!(read[0]["LastName"] == "B" && read[1].is_null() && read[2]["LastName"] == "A", "{read}");
    let posted = client.post("/composite/sobjects/Lead", json!({"ids": [a, b], "fields": ["LastName"]})).await.json();
    assert_eq!(posted[0]["LastName"], "A");
    let gone = client.send("DELETE", &format!("/composite/sobjects?ids={a},bad&allOrNone=false"), Value::Null).await.json();
    assert_eq!(
        (gone[0].clone(), gone[1]["errors"][0]["statusCode"].clone()),
        (json!({"id": a, "success": true, "errors": []}), json!("MALFORMED_ID"))
    );
    let kept = client.send("DELETE", &format!("/composite/sobjects?ids={b},bad&allOrNone=true"), Value::Null).await.json();
    assert_eq!(kept[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 1);
}
