//! What an org does of its own accord, from the outside: rights, sharing, rules, history, recycle bin, merging, time.

use jiff::SignedDuration;
use salesforce_sim::seed::{FieldAccess, FieldRule, OrganizationSeed, Permissions, RecordSeed, RecordTypeSeed, Who};
use salesforce_sim::{Doubts, Seed};
use serde_json::{Value, json};

use crate::common::*;

const INTEGRATION: &str = "integration@org.example";

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["Id"].as_str().unwrap()).collect()
}

async fn read(client: &Client<'_>, sobject: &str, id: &str) -> Value {
    let answer = client.get(&format!("/sobjects/{sobject}/{id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

async fn make(client: &Client<'_>, sobject: &str, fields: Value) -> String {
    let answer = client.post(&format!("/sobjects/{sobject}"), fields).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Adds rules to the org as a control call.
async fn rules(world: &World, rules: Value) {
    let answer = world.control("POST", "rules", rules).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}

#[tokio::test]
async fn a_field_is_there_for_those_who_may_see_it() {
    let rule =
        |field: &str, access| FieldRule { sobject: "Lead".to_owned(), field: field.to_owned(), who: Who::User(INTEGRATION.to_owned()), access };
    let world = world_with(
        Seed { field_security: vec![rule("Phone", FieldAccess::Hidden), rule("Title", FieldAccess::ReadOnly)], ..seed() },
        Doubts::default(),
    );
    let (admin, integration) = (world.client(), world.client_of(INTEGRATION));
    let id = make(&admin, "Lead", json!({"LastName": "A", "Company": "B", "Phone": "1", "Title": "T"})).await;
    let lead = read(&integration, "Lead", &id).await;
    assert!(lead.get("Phone").is_none() && lead["Title"] == "T");
    let describe = integration.get("/sobjects/Lead/describe").await.json();
    let field = |name: &str| describe["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).cloned();
    assert_eq!((field("Phone"), field("Title").unwrap()["updateable"].clone()), (None, json!(false)));
    assert_eq!(integration.get(&format!("/query?q={}", encode("SELECT Phone FROM Lead"))).await.code(), "INVALID_FIELD");
    assert_eq!(integration.patch(&format!("/sobjects/Lead/{id}"), json!({"Phone": "2"})).await.code(), "INVALID_FIELD");
    assert_eq!(integration.patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "2"})).await.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");
    assert_eq!(read(&admin, "Lead", &id).await["Phone"], "1");
}

#[tokio::test]
async fn a_new_field_is_invisible_until_permitted_and_its_label_has_forty_characters_at_most() {
    let world = world_with(
        Seed { users: vec![salesforce_sim::seed::UserSeed { permission_sets: vec!["Sync".into()], ..seed().users[0].clone() }], ..seed() },
        Doubts::default(),
    );
    let client = world.client();
    let field = |label: String| json!({"FullName": "Lead.New__c", "Metadata": {"label": label, "type": "Text", "length": 20}});
    let long = client.post("/tooling/sobjects/CustomField", field("é".repeat(41))).await;
    assert_eq!((long.status, long.code().as_str()), (400, "FIELD_INTEGRITY_EXCEPTION"));
    assert_eq!(client.post("/tooling/sobjects/CustomField", field("é".repeat(40))).await.status, 201);
    let body = json!({"LastName": "A", "Company": "B", "New__c": "x"});
    assert_eq!(client.post("/sobjects/Lead", body.clone()).await.code(), "INVALID_FIELD");
    let set = client.query("SELECT Id FROM PermissionSet").await[0]["Id"].clone();
    make(
        &client,
        "FieldPermissions",
        json!({"ParentId": set, "SobjectType": "Lead", "Field": "Lead.New__c", "PermissionsRead": true, "PermissionsEdit": true}),
    )
    .await;
    assert_eq!(client.post("/sobjects/Lead", body).await.status, 201);
}

#[tokio::test]
async fn sharing_hides_a_record_and_all_that_would_show_it() {
    let record = |last: &str, key: &str, from: &[&str]| RecordSeed {
        sobject: "Lead".to_owned(),
        fields: json!({"LastName": last, "Company": "C", "Ext__c": key, "Email": "same@x.example"}).as_object().unwrap().clone(),
        label: None,
        by: None,
        hidden_from: from.iter().map(|name| (*name).to_owned()).collect(),
    };
    let world = world_with(Seed { records: vec![record("Secret", "s", &[INTEGRATION]), record("Open", "o", &[])], ..seed() }, Doubts::default());
    let (admin, integration) = (world.client(), world.client_of(INTEGRATION));
    let all = admin.query("SELECT Id FROM Lead ORDER BY LastName").await;
    let (open, secret) = (all[0]["Id"].as_str().unwrap(), all[1]["Id"].as_str().unwrap());
    make(&admin, "Task", json!({"Subject": "Call", "WhoId": secret})).await;
    assert_eq!(integration.get(&format!("/sobjects/Lead/{secret}")).await.code(), "NOT_FOUND");
    assert_eq!(integration.get("/sobjects/Lead/Ext__c/s").await.code(), "NOT_FOUND");
    for soql in ["SELECT Id FROM Lead", "SELECT Id FROM Lead WHERE Email = 'same@x.example'"] {
        assert_eq!(ids(&integration.query(soql).await), [open], "{soql}");
    }
    let count = integration.get(&format!("/query?q={}", encode("SELECT COUNT() FROM Lead"))).await.json();
    assert_eq!(count["totalSize"], 1);
    assert_eq!(integration.query("SELECT Who.Name FROM Task").await[0]["Who"], Value::Null);
    assert_eq!(integration.get(&format!("/composite/sobjects/Lead?ids={secret},{open}&fields=Id")).await.json()[0], Value::Null);
    let window = "start=2026-11-23T07:00:00Z&end=2026-11-23T09:00:00Z";
    assert_eq!(integration.get(&format!("/sobjects/Lead/updated?{window}")).await.json()["ids"], json!([open]));
    let reached = "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY";
    assert_eq!(integration.patch(&format!("/sobjects/Lead/{secret}"), json!({"Title": "x"})).await.code(), reached);
    assert_eq!(integration.delete(&format!("/sobjects/Lead/{secret}")).await.code(), reached);
    assert_eq!(integration.post("/sobjects/Task", json!({"Subject": "x", "WhoId": secret})).await.code(), reached);
    // A unique key finds what the user does not see; one that is not unique makes a second record.
    assert_eq!(integration.patch("/sobjects/Lead/Ext__c/s", json!({"Title": "x"})).await.code(), reached);
    world.control("POST", &format!("hidden/{open}"), json!({"from": [INTEGRATION]})).await;
    let made = integration.patch("/sobjects/Lead/Email/same@x.example", json!({"LastName": "Twin", "Company": "C"})).await;
    assert_eq!((made.status, made.json()["created"].clone()), (201, json!(true)));
    assert_eq!(world.control("DELETE", &format!("hidden/{secret}"), Value::Null).await.status, 204);
    assert_eq!(integration.get(&format!("/sobjects/Lead/{secret}")).await.status, 200);
    assert_eq!(world.control("POST", &format!("hidden/{secret}"), json!({"from": ["nobody"]})).await.status, 404);
    assert_eq!(world.control("POST", &format!("hidden/{secret}"), json!({})).await.status, 400);
}

#[tokio::test]
async fn the_orgs_automation_rewrites_values_before_they_are_stored() {
    let world = world();
    let rewrite = |field: &str, kind: &str| json!({"sobject": "Lead", "field": field, "kind": kind});
    rules(
        &world,
        json!({"rewrites": [rewrite("Title", "trim"), rewrite("LastName", "upper"), rewrite("Phone", "phone_fr"), rewrite("AnnualRevenue", "round"),
                            rewrite("Company", "trim"), rewrite("Company", "title")]}),
    )
    .await;
    let client = world.client();
    let given = json!({"LastName": "Dupont", "Title": "a   b", "Phone": "06 12 34 56 78", "AnnualRevenue": 10.5, "Company": "les  trois ours"});
    let id = make(&client, "Lead", given).await;
    let lead = read(&client, "Lead", &id).await;
    let stored = ["LastName", "Title", "Phone", "AnnualRevenue", "Company"].map(|name| lead[name].clone());
    assert_eq!(stored, [json!("DUPONT"), json!("a b"), json!("+33 6 12 34 56 78"), json!(11.0), json!("Les Trois Ours")]);
    let refused = world.control("POST", "rules", json!({"rewrites": [rewrite("Nope", "trim")]})).await;
    assert!(refused.status == 400 && refused.text.contains("Lead.Nope"), "{}", refused.text);
}

#[tokio::test]
async fn rules_of_the_org_refuse_hold_up_and_hand_over() {
    let queue = salesforce_sim::seed::QueueSeed { name: "New".into(), developer_name: "New_Leads".into(), id: None };
    let world = world_with(Seed { queues: vec![queue], ..seed() }, Doubts::default());
    rules(
        &world,
        json!({
            "validation_rules": [{"sobject": "Lead", "condition": "NumberOfEmployees > 1000", "message": "Too big.", "field": "NumberOfEmployees"}],
            "duplicate_rules": [{"name": "Same", "sobject": "Contact", "match_fields": ["Email", "LastName"], "action": "alert"}],
            "assignment_rules": [{"sobject": "Lead", "condition": "City = 'Lyon'", "owner": "New_Leads"}],
        }),
    )
    .await;
    let client = world.client();
    let refused = client.post("/sobjects/Lead", json!({"LastName": "A", "Company": "B", "NumberOfEmployees": 1001})).await;
    assert_eq!(refused.json(), json!([{"message": "Too big.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["NumberOfEmployees"]}]));
    let contact = json!({"LastName": "A", "Email": "a@x.example"});
    make(&client, "Contact", contact.clone()).await;
    let held = client.post("/sobjects/Contact", contact.clone()).await;
    assert_eq!((held.status, held.code().as_str()), (400, "DUPLICATES_DETECTED"));
    let bold = world.client().with("sforce-duplicate-rule-header", "allowSave=true");
    make(&bold, "Contact", contact).await;
    let lead = json!({"LastName": "A", "Company": "B", "City": "Lyon"});
    let id = make(&client, "Lead", lead.clone()).await;
    assert!(read(&client, "Lead", &id).await["OwnerId"].as_str().unwrap().starts_with("00G"));
    let keeping = world.client().with("sforce-auto-assign", "FALSE");
    let id = make(&keeping, "Lead", lead).await;
    assert!(read(&client, "Lead", &id).await["OwnerId"].as_str().unwrap().starts_with("005"));
}

#[tokio::test]
async fn record_types_are_given_and_checked() {
    let own = |name: &str, default| RecordTypeSeed {
        sobject: "Lead".into(),
        developer_name: name.into(),
        name: name.into(),
        id: None,
        default,
        active: name != "Old",
    };
    let world = world_with(Seed { record_types: vec![own("Fair", true), own("Web", false), own("Old", false)], ..seed() }, Doubts::default());
    let client = world.client();
    let types = client.query("SELECT Id, DeveloperName FROM RecordType ORDER BY DeveloperName").await;
    let [fair, old, web] = ids(&types).try_into().unwrap();
    let id = client.lead("A").await;
    assert_eq!(read(&client, "Lead", &id).await["RecordTypeId"], fair);
    let id = make(&client, "Lead", json!({"LastName": "A", "Company": "B", "RecordTypeId": web})).await;
    let refused = client.patch(&format!("/sobjects/Lead/{id}"), json!({"RecordTypeId": old})).await;
    assert_eq!(refused.code(), "INVALID_CROSS_REFERENCE_KEY");
}

#[tokio::test]
async fn tracked_changes_can_be_queried_as_history() {
    let world = world();
    rules(&world, json!({"tracked_fields": ["Lead.Title", "Contact.Phone"]})).await;
    let client = world.client();
    let id = client.lead("A").await;
    world.clock.advance(SignedDuration::from_mins(1));
    client.patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "T", "City": "not tracked"})).await;
    let rows =
        client.query(&format!("SELECT Field, OldValue, NewValue, CreatedDate FROM LeadHistory WHERE LeadId = '{id}' ORDER BY CreatedDate, Id")).await;
    let rows: Vec<_> = rows.iter().map(|row| (&row["Field"], &row["OldValue"], &row["NewValue"])).collect();
    assert_eq!(rows, [(&json!("created"), &Value::Null, &Value::Null), (&json!("Title"), &Value::Null, &json!("T"))]);
    let contact = make(&client, "Contact", json!({"LastName": "A"})).await;
    client.patch(&format!("/sobjects/Contact/{contact}"), json!({"Phone": "1"})).await;
    assert_eq!(client.query("SELECT NewValue FROM ContactHistory WHERE Field = 'Phone'").await[0]["NewValue"], "1");
    assert_eq!(client.post("/sobjects/LeadHistory", json!({"LeadId": id})).await.code(), "INVALID_TYPE_FOR_OPERATION");
}

#[tokio::test]
async fn the_recycle_bin_gives_back_what_went_there_together_for_fifteen_days() {
    let world = world();
    let client = world.client();
    let lead = client.lead("A").await;
    let campaign = make(&client, "Campaign", json!({"Name": "C"})).await;
    let member = |lead: &str| json!({"CampaignId": campaign, "LeadId": lead});
    let before = make(&client, "CampaignMember", member(&lead)).await;
    client.delete(&format!("/sobjects/CampaignMember/{before}")).await;
    world.clock.advance(SignedDuration::from_mins(5));
    let with = make(&client, "CampaignMember", member(&lead)).await;
    client.delete(&format!("/sobjects/Lead/{lead}")).await;
    assert!(client.query("SELECT Id FROM CampaignMember").await.is_empty());
    assert_eq!(world.control("POST", &format!("records/{lead}/undelete"), Value::Null).await.status, 204);
    assert_eq!(ids(&client.query("SELECT Id FROM CampaignMember").await), [with.as_str()]);
    assert_eq!(world.control("POST", &format!("records/{lead}/undelete"), Value::Null).await.status, 404);
    client.delete(&format!("/sobjects/Lead/{lead}")).await;
    let all = format!("/queryAll?q={}", encode("SELECT Id FROM Lead"));
    world.clock.advance(SignedDuration::from_hours(15 * 24));
    let client = world.client();
    assert_eq!(client.get(&all).await.json()["totalSize"], 1);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(client.get(&all).await.json()["totalSize"], 0);
    assert_eq!(world.control("POST", &format!("records/{lead}/undelete"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_merge_is_followed_by_the_master_record_id() {
    let world = world();
    let client = world.client();
    let (a, b) = (client.lead("A").await, client.lead("B").await);
    let task = make(&client, "Task", json!({"Subject": "x", "WhoId": b})).await;
    let path = format!("records/{a}/merge");
    assert_eq!(world.control("POST", &path, json!({"losers": [b], "by": INTEGRATION})).await.status, 204);
    assert_eq!(read(&client, "Task", &task).await["WhoId"], json!(a));
    let rows = client.get(&format!("/queryAll?q={}", encode("SELECT Id, MasterRecordId FROM Lead WHERE IsDeleted = true"))).await.json();
    assert_eq!((&rows["records"][0]["Id"], &rows["records"][0]["MasterRecordId"]), (&json!(b), &json!(a)));
    let by = client.query("SELECT LastModifiedBy.Username FROM Lead").await;
    assert_eq!(by[0]["LastModifiedBy"]["Username"], INTEGRATION);
    assert_eq!(client.get(&format!("/sobjects/Lead/{b}")).await.code(), "ENTITY_IS_DELETED");
    for (body, status) in
        [(json!({"losers": [b]}), 404), (json!({"losers": []}), 400), (json!({"loosers": [b]}), 400), (json!({"by": "nobody"}), 404)]
    {
        assert_eq!(world.control("POST", &path, body.clone()).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn a_lead_is_converted_by_a_control_call_alone() {
    let world = world();
    let client = world.client();
    let lead = client.lead("A").await;
    let refused = client.patch(&format!("/sobjects/Lead/{lead}"), json!({"Status": "Closed - Converted"})).await;
    assert_eq!(refused.status, 400);
    let done = world.control("POST", &format!("records/{lead}/convert"), json!({"opportunity": "Deal"})).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let done = done.json();
    let converted = read(&client, "Lead", &lead).await;
    assert_eq!((&converted["IsConverted"], &converted["ConvertedContactId"]), (&json!(true), &done["contact"]));
    assert_eq!(client.query("SELECT Name FROM Opportunity").await[0]["Name"], "Deal");
    assert_eq!(client.patch(&format!("/sobjects/Lead/{lead}"), json!({"Title": "x"})).await.code(), "CANNOT_UPDATE_CONVERTED_LEAD");
    assert_eq!(world.control("POST", &format!("records/{lead}/convert"), json!({})).await.status, 400);
    let other = client.lead("B").await;
    let into =
        world.control("POST", &format!("records/{other}/convert"), json!({"account": done["account"], "contact": done["contact"]})).await.json();
    assert_eq!(into["contact"], done["contact"]);
    assert_eq!(client.query("SELECT Id FROM Contact").await.len(), 1);
}

#[tokio::test]
async fn members_have_the_statuses_of_their_campaign() {
    let world = world();
    let client = world.client();
    let campaign = make(&client, "Campaign", json!({"Name": "C"})).await;
    make(&client, "CampaignMemberStatus", json!({"CampaignId": campaign, "Label": "Visited", "HasResponded": true, "SortOrder": 9})).await;
    let labels = client.query(&format!("SELECT Label FROM CampaignMemberStatus WHERE CampaignId = '{campaign}' ORDER BY SortOrder")).await;
    assert_eq!(labels.iter().map(|row| row["Label"].as_str().unwrap()).collect::<Vec<_>>(), ["Sent", "Responded", "Visited"]);
    let lead = client.lead("A").await;
    let id = make(&client, "CampaignMember", json!({"CampaignId": campaign, "LeadId": lead})).await;
    assert_eq!(read(&client, "CampaignMember", &id).await["Status"], "Sent");
    client.patch(&format!("/sobjects/CampaignMember/{id}"), json!({"Status": "Visited"})).await;
    let member = read(&client, "CampaignMember", &id).await;
    assert_eq!((&member["HasResponded"], &member["FirstRespondedDate"]), (&json!(true), &json!("2026-11-23")));
    let twice = client.post("/sobjects/CampaignMember", json!({"CampaignId": campaign, "LeadId": lead})).await.json();
    assert_eq!((&twice[0]["errorCode"], &twice[0]["message"]), (&json!("DUPLICATE_VALUE"), &json!("Already a campaign member.")));
    assert_eq!(read(&client, "Campaign", &campaign).await["NumberOfResponses"], 1);
}

#[tokio::test]
async fn activities_agree_with_themselves_and_show_on_their_person() {
    let world = world();
    let client = world.client();
    let lead = client.lead("A").await;
    let event = json!({"Subject": "Visit", "WhoId": lead, "StartDateTime": "2026-11-20T09:00:00Z", "DurationInMinutes": 45});
    let id = make(&client, "Event", event.clone()).await;
    assert_eq!(read(&client, "Event", &id).await["EndDateTime"], "2026-11-20T09:45:00.000+0000");
    let mut wrong = event;
    wrong["EndDateTime"] = json!("2026-11-20T12:00:00Z");
    assert_eq!(client.post("/sobjects/Event", wrong).await.code(), "FIELD_INTEGRITY_EXCEPTION");
    let task = make(&client, "Task", json!({"Subject": "Call", "WhoId": lead})).await;
    let task = read(&client, "Task", &task).await;
    assert_eq!((&task["Status"], &task["Priority"], &task["IsClosed"]), (&json!("Not Started"), &json!("Normal"), &json!(false)));
    assert_eq!(read(&client, "Lead", &lead).await["LastActivityDate"], "2026-11-20");
}

#[tokio::test]
async fn the_day_has_so_many_calls_and_the_clock_begins_a_new_one() {
    let world =
        world_with(Seed { organization: OrganizationSeed { daily_api_limit: 100, ..OrganizationSeed::default() }, ..seed() }, Doubts::default());
    let client = world.client();
    world.control("POST", "api-usage", json!({"used": 99})).await;
    assert_eq!(client.get("/limits").await.header("sforce-limit-info"), "api-usage=100/100");
    let refused = client.get("/limits").await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "REQUEST_LIMIT_EXCEEDED"));
    assert_eq!(world.control("PATCH", "organization", json!({"daily_api_limit": 101})).await.status, 200);
    assert_eq!(client.get("/limits").await.status, 200);
    assert_eq!(world.control("POST", "clock", json!({"advance_seconds": 86_400})).await.status, 204);
    let tomorrow = world.client().get("/limits").await;
    assert_eq!((tomorrow.header("sforce-limit-info"), tomorrow.status), ("api-usage=1/101", 200));
}

#[tokio::test]
async fn a_held_record_keeps_its_writers_out_and_those_of_its_children() {
    let world = world();
    let client = world.client();
    let (held, free) = (client.lead("A").await, client.lead("B").await);
    assert_eq!(world.control("POST", &format!("locks/{held}"), Value::Null).await.status, 204);
    let body = json!({"records": [
        {"attributes": {"type": "Lead"}, "id": held, "Title": "x"},
        {"attributes": {"type": "Lead"}, "id": free, "Title": "x"},
    ]});
    let items = client.patch("/composite/sobjects", body).await.json();
    assert_eq!((&items[0]["errors"][0]["statusCode"], &items[1]["success"]), (&json!("UNABLE_TO_LOCK_ROW"), &json!(true)));
    assert_eq!(client.post("/sobjects/Task", json!({"Subject": "x", "WhoId": held})).await.code(), "UNABLE_TO_LOCK_ROW");
    assert_eq!(world.control("DELETE", &format!("locks/{held}"), Value::Null).await.status, 204);
    assert_eq!(client.patch(&format!("/sobjects/Lead/{held}"), json!({"Title": "x"})).await.status, 204);
}

#[tokio::test]
async fn a_user_without_the_right_changes_nothing_of_others() {
    let mut org = seed();
    org.users[1].permissions = Permissions { modify_all_data: false, customize_application: false, ..Permissions::default() };
    let world = world_with(org, Doubts::default());
    let id = world.client().lead("A").await;
    let integration = world.client_of(INTEGRATION);
    let refused = integration.patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "x"})).await;
    assert_eq!(refused.code(), "INSUFFICIENT_ACCESS_OR_READONLY");
    let field = json!({"FullName": "Lead.X__c", "Metadata": {"label": "X", "type": "Checkbox"}});
    assert_eq!(integration.post("/tooling/sobjects/CustomField", field).await.status, 403);
}
