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
    assert!(first.contains("60 records") && first.contains("Page 1 of 2") && first.contains("page=2"));
    let second = world.get(&format!("{INSTANCE}/o/Lead?page=2")).await.text;
    assert_eq!(second.matches("href=\"/r/Lead/").count(), 10);
}

#[tokio::test]
async fn a_record_shows_its_fields_by_section_and_what_happened_newest_first() {
    let world = world();
    world.control("POST", "rules", json!({"tracked_fields": ["Lead.Title"]})).await;
    let client = world.client();
    let lead =
        json!({"LastName": "Martin", "FirstName": "Camille", "Company": "ACME", "City": "Lyon", "Description": "Met at the fair", "Ext__c": "k1"});
    let id = client.post("/sobjects/Lead", lead).await.json()["id"].as_str().unwrap().to_owned();
    world.clock.advance(jiff::SignedDuration::from_mins(1));
    client.patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "Chief"})).await;
    client.post("/sobjects/Event", json!({"Subject": "Visit", "WhoId": id, "StartDateTime": "2026-09-01T09:00:00Z", "DurationInMinutes": 30})).await;
    client.post("/sobjects/Task", json!({"Subject": "Call back", "WhoId": id, "ActivityDate": "2026-12-24"})).await;
    let campaign = client.post("/sobjects/Campaign", json!({"Name": "Fair"})).await.json()["id"].clone();
    client.post("/sobjects/CampaignMember", json!({"LeadId": id, "CampaignId": campaign})).await;
    let page = world.get(&format!("{INSTANCE}/r/Lead/{id}")).await.text;
    let places = |texts: &[&str]| texts.iter().map(|text| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"))).collect::<Vec<_>>();
    let order = |texts: &[&str]| {
        let places = places(texts);
        assert!(places.is_sorted(), "{texts:?}: {places:?}");
    };
    order(&[
        "<h1>Camille Martin",
        "<h2>Lead information",
        "<h2>Custom fields",
        "<h2>Address",
        "<h2>Description",
        "<h2>System information",
        "<h2>Activity",
    ]);
    order(&[
        "<h3>Upcoming",
        "Call back",
        "<h3>November 2026",
        "Title</span>: nothing → <span class=\"text\">Chief",
        "<div>Created</div>",
        "<h3>September 2026",
        "Visit",
        "30 min",
    ]);
    order(&["Custom fields", "k1", "Lyon", "Met at the fair", "fields without a value"]);
    assert!(page.contains("Member of <a href=\"/r/Campaign/") && page.contains(">Fair</a>"), "{page}");
    let campaign = world.get(&format!("{INSTANCE}/r/Campaign/{}", campaign.as_str().unwrap())).await.text;
    assert!(campaign.contains("Campaign Members <span class=\"soft\">(1)</span>") && campaign.contains("Camille Martin"), "{campaign}");
    assert!(campaign.contains("Camille Martin</a></td><td><span class=\"text\">Sent<"), "beside the name stands what is not the name: {campaign}");
}

#[tokio::test]
async fn lists_show_the_last_changed_first_and_can_be_searched_and_the_recycle_bin_is_one() {
    let world = world();
    let client = world.client();
    let (old, _) = (client.lead("Old").await, client.lead("Young").await);
    let page = world.get(&format!("{INSTANCE}/o/Lead")).await.text;
    assert!(page.find(">Young<") < page.find(">Old<"), "{page}");
    world.clock.advance(jiff::SignedDuration::from_mins(1));
    client.patch(&format!("/sobjects/Lead/{old}"), json!({"Title": "x"})).await;
    let page = world.get(&format!("{INSTANCE}/o/Lead")).await.text;
    assert!(page.find(">Old<") < page.find(">Young<"), "{page}");
    let page = world.get(&format!("{INSTANCE}/o/Lead?q=yOUn")).await.text;
    assert!(page.contains(">Young<") && !page.contains(">Old<") && page.contains("value=\"yOUn\""), "{page}");
    client.delete(&format!("/sobjects/Lead/{old}")).await;
    let bin = world.get(&format!("{INSTANCE}/o/Lead?bin=1")).await.text;
    assert!(bin.contains(">Old<") && !bin.contains(">Young<"), "{bin}");
    let gone = world.get(&format!("{INSTANCE}/r/Lead/{old}")).await.text;
    assert!(gone.contains("in the recycle bin"), "{gone}");
    let home = world.get(&format!("{INSTANCE}/")).await.text;
    assert!(home.contains(">Young</a>") && !home.contains(">Old</a>"), "{home}");
}
