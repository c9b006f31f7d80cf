//! The org for people.

use serde_json::json;

use crate::common::*;

#[tokio::test]
async fn people_can_look_at_the_org_and_values_stay_text() {
    let world = world();
    let client = world.client();
    let made = client.post("/sobjects/Lead", json!({"LastName": "<script>x</script>", "Company": "A&B"})).await.json();
    let id = made["id"].as_str().unwrap();
    client.post("/sobjects/Task", json!({"Subject": "Call \"them\"", "WhoId": id})).await;
    let home = world.get(&format!("{INSTANCE}/")).await;
    assert!(home.status == 200 && home.text.contains("href=\"/o/Lead\""), "{}", home.text);
    let list = world.get(&format!("{INSTANCE}/o/Lead")).await.text;
    assert!(list.contains("&lt;script&gt;x") && !list.contains("<script>x"), "{list}");
    let jump = world.get(&format!("{INSTANCE}/{id}")).await;
    assert_eq!(jump.header("location"), format!("/r/Lead/{id}"));
    let record = world.get(&format!("{INSTANCE}/r/Lead/{id}")).await.text;
    assert!(record.contains("A&amp;B") && record.contains("Call &quot;them&quot;") && record.contains("Activity"), "{record}");
    assert_eq!(world.get(&format!("{INSTANCE}/o/Nope")).await.status, 404);
}

#[tokio::test]
async fn lists_are_paged() {
    let world = world();
    let client = world.client();
    let records: Vec<_> = (0..60).map(|n| json!({"attributes": {"type": "Lead"}, "LastName": format!("N{n}"), "Company": "C"})).collect();
    client.post("/composite/sobjects", json!({"records": records})).await;
    let first = world.get(&format!("{INSTANCE}/o/Lead")).await.text;
    assert!(first.contains("60 records, page 1 of 2") && first.contains("page=2"));
    let second = world.get(&format!("{INSTANCE}/o/Lead?page=2")).await.text;
    assert_eq!(second.matches("href=\"/r/Lead/").count(), 10);
}
