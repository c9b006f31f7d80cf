//! Custom fields through the Tooling API.

use salesforce_sim::Seed;
use salesforce_sim::seed::ValidationRule;
use serde_json::{Value, json};

use crate::common::*;

const FIELDS: &str = "/tooling/sobjects/CustomField";

#[tokio::test]
async fn fields_made_through_the_api_are_hidden_until_granted() {
    let world = world();
    let client = world.client();
    let spec = json!({"FullName": "Lead.X__c", "Metadata": {"label": "X", "type": "Text", "length": 64, "externalId": true, "unique": true, "caseSensitive": false}});
    let made = client.post(FIELDS, spec.clone()).await;
    assert!(made.status == 201 && made.json()["id"].as_str().unwrap().starts_with("00N"), "{made:?}");
    let again = client.post(FIELDS, spec).await;
    assert_eq!((again.status, again.code().as_str()), (400, "DUPLICATE_DEVELOPER_NAME"));
    let visible = async || client.get("/sobjects/Lead/describe").await.text.contains("\"X__c\"");
    assert!(!visible().await);
    let make = async |sobject: &str, body: Value| {
        let answer = client.post(&format!("/sobjects/{sobject}"), body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let set = make("PermissionSet", json!({"Name": "Sync", "Label": "Sync"})).await;
    let user = world.sim.with_org(|org| org.user_by_name("admin@org.example").unwrap().id);
    make("PermissionSetAssignment", json!({"AssigneeId": user, "PermissionSetId": set})).await;
    let grant = json!({"ParentId": set, "SobjectType": "Lead", "Field": "Lead.X__c", "PermissionsRead": true, "PermissionsEdit": true});
    make("FieldPermissions", grant).await;
    assert!(visible().await);
}

async fn make(client: &Client<'_>, full_name: &str, metadata: Value) -> String {
    let answer = client.post(FIELDS, json!({"FullName": full_name, "Metadata": metadata})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn ask(client: &Client<'_>, soql: &str) -> Value {
    client.get(&format!("/tooling/query?q={}", encode(soql))).await.json()
}

#[tokio::test]
async fn a_field_is_read_as_it_was_made() {
    let world = world();
    let client = world.client();
    let texts = json!({"label": "Grade", "type": "Picklist", "inlineHelpText": "How warm", "required": false,
                       "valueSet": {"restricted": true, "valueSetDefinition": {"sorted": false, "value": [
                           {"valueName": "Hot", "label": "Hot", "isActive": true, "default": false}]}}});
    let id = make(&client, "Lead.Grade__c", texts.clone()).await;
    let row = client.get(&format!("{FIELDS}/{id}")).await.json();
    let url = format!("/services/data/v66.0/tooling/sobjects/CustomField/{id}");
    assert_eq!(row["attributes"], json!({"type": "CustomField", "url": url}));
    for (key, want) in [("Id", id.as_str()), ("TableEnumOrId", "Lead"), ("DeveloperName", "Grade"), ("FullName", "Lead.Grade__c")] {
        assert_eq!(row[key], want, "{key}");
    }
    for (key, want) in texts.as_object().unwrap() {
        assert_eq!(&row["Metadata"][key], want, "{key}");
    }
    let some = client.get(&format!("{FIELDS}/{id}?fields=DeveloperName")).await.json();
    assert_eq!(some.as_object().unwrap().keys().collect::<Vec<_>>(), ["DeveloperName", "attributes"]);
    assert_eq!(client.get(&format!("{FIELDS}/{id}?fields=Nope")).await.code(), "INVALID_FIELD");
    assert_eq!(client.get(&format!("{FIELDS}/00N000000000999AAA")).await.status, 404);
    // What a field says of itself makes the same field elsewhere.
    let twin = make(&client, "Contact.Grade__c", row["Metadata"].clone()).await;
    assert_eq!(client.get(&format!("{FIELDS}/{twin}")).await.json()["Metadata"], row["Metadata"]);
}

#[tokio::test]
async fn fields_of_the_seed_and_of_the_api_are_queried_together() {
    let world = world();
    let client = world.client();
    make(&client, "Contact.Size__c", json!({"label": "Size", "type": "Number", "precision": 5, "scale": 1})).await;
    let all = ask(&client, "SELECT Id, DeveloperName, TableEnumOrId FROM CustomField ORDER BY DeveloperName DESC").await;
    let names: Vec<&str> = all["records"].as_array().unwrap().iter().map(|row| row["DeveloperName"].as_str().unwrap()).collect();
    assert_eq!((names, &all["totalSize"], &all["entityTypeName"]), (vec!["Size", "Ext"], &json!(2), &json!("CustomField")));
    for (condition, found) in [
        ("DeveloperName = 'ext' AND TableEnumOrId = 'Lead'", 1),
        ("DeveloperName LIKE 'S%'", 1),
        ("DeveloperName IN ('Ext', 'Size') AND (NOT Length = 64)", 1),
        ("TableEnumOrId NOT IN ('Lead') OR Length = 64", 2),
        ("NamespacePrefix != null", 0),
    ] {
        let soql = format!("SELECT Id FROM CustomField WHERE {condition}");
        assert_eq!(ask(&client, &soql).await["size"], found, "{condition}");
    }
    let one = ask(&client, "SELECT FullName, Metadata FROM CustomField WHERE DeveloperName = 'Size'").await;
    assert_eq!((&one["records"][0]["FullName"], &one["records"][0]["Metadata"]["scale"]), (&json!("Contact.Size__c"), &json!(1)));
    for (soql, status, code) in [
        ("SELECT Metadata FROM CustomField", 400, "MALFORMED_QUERY"),
        ("SELECT Nope FROM CustomField", 400, "INVALID_FIELD"),
        ("SELECT Id FROM CustomField WHERE", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM ApexClass", 501, "NOT_IMPLEMENTED"),
        ("SELECT COUNT() FROM CustomField", 501, "NOT_IMPLEMENTED"),
    ] {
        let answer = client.get(&format!("/tooling/query?q={}", encode(soql))).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{soql}");
    }
}

#[tokio::test]
async fn a_field_is_changed_where_no_record_must_be_looked_at() {
    let world = world();
    let client = world.client();
    let id = ask(&client, "SELECT Id FROM CustomField").await["records"][0]["Id"].as_str().unwrap().to_owned();
    let path = format!("{FIELDS}/{id}");
    let mut metadata = client.get(&path).await.json()["Metadata"].clone();
    (metadata["label"], metadata["length"]) = (json!("Badge"), json!(80));
    let change = async |metadata: &Value| client.patch(&path, json!({"Metadata": metadata})).await;
    assert_eq!(change(&metadata).await.status, 204);
    let fields = client.get("/sobjects/Lead/describe").await.json()["fields"].clone();
    let shown = fields.as_array().unwrap().iter().find(|field| field["name"] == "Ext__c").unwrap();
    assert_eq!((&shown["label"], &shown["length"], &shown["unique"]), (&json!("Badge"), &json!(80), &json!(true)));
    for (key, value, status) in
        [("length", json!(10), 501), ("unique", json!(false), 501), ("type", json!("Url"), 501), ("label", json!("x".repeat(41)), 400)]
    {
        let mut other = metadata.clone();
        other[key] = value;
        assert_eq!(change(&other).await.status, status, "{key}");
    }
    world.control("PATCH", "users/integration@org.example", json!({"permissions": {"customize_application": false}})).await;
    let others = world.client_of("integration@org.example");
    assert_eq!(others.patch(&path, json!({"Metadata": metadata})).await.status, 403);
    assert_eq!(others.delete(&path).await.status, 403);
}

#[tokio::test]
async fn a_deleted_field_is_gone_with_its_rights_and_its_name_is_free() {
    let rule =
        |field: &str| ValidationRule { sobject: "Lead".to_owned(), condition: format!("{field} = 'no'"), message: "No.".to_owned(), field: None };
    let world = world_with(Seed { validation_rules: vec![rule("Ext__c")], ..seed() }, Default::default());
    let client = world.client();
    let of_rule = ask(&client, "SELECT Id FROM CustomField").await["records"][0]["Id"].as_str().unwrap().to_owned();
    assert_eq!(client.delete(&format!("{FIELDS}/{of_rule}")).await.code(), "DEPENDENCY_EXISTS");

    let text = json!({"label": "New", "type": "Text", "length": 20, "unique": true});
    let id = make(&client, "Lead.New__c", text.clone()).await;
    let set = client.post("/sobjects/PermissionSet", json!({"Name": "Sync", "Label": "Sync"})).await.json()["id"].clone();
    let user = world.sim.with_org(|org| org.user_by_name("admin@org.example").unwrap().id);
    client.post("/sobjects/PermissionSetAssignment", json!({"AssigneeId": user, "PermissionSetId": set})).await;
    let grant = json!({"ParentId": set, "SobjectType": "Lead", "Field": "Lead.New__c", "PermissionsRead": true, "PermissionsEdit": true});
    client.post("/sobjects/FieldPermissions", grant.clone()).await;
    let lead = json!({"LastName": "A", "Company": "B", "New__c": "x"});
    assert_eq!(client.post("/sobjects/Lead", lead.clone()).await.status, 201);

    assert_eq!(client.delete(&format!("{FIELDS}/{id}")).await.status, 204);
    assert_eq!(client.get(&format!("{FIELDS}/{id}")).await.status, 404);
    assert_eq!(client.post("/sobjects/Lead", lead.clone()).await.code(), "INVALID_FIELD");
    assert!(!client.get("/sobjects/Lead/describe").await.text.contains("New__c"));
    assert!(client.query("SELECT Id FROM FieldPermissions").await.is_empty());

    // The org can be saved without it, and the name used again: with rights of its own, and without the old values.
    let mut image = Vec::new();
    world.sim.save(&mut image).unwrap();
    world.sim.control().restore(&image).unwrap();
    let client = world.client();
    let again = make(&client, "Lead.New__c", text).await;
    assert_ne!(again, id, "an id is given once");
    assert_eq!(client.post("/sobjects/Lead", lead.clone()).await.code(), "INVALID_FIELD");
    client.post("/sobjects/FieldPermissions", grant).await;
    assert_eq!(client.post("/sobjects/Lead", lead).await.status, 201, "the value is not taken");
    assert_eq!(client.query("SELECT Id FROM Lead WHERE New__c = 'x'").await.len(), 1);
}

#[tokio::test]
async fn a_field_that_is_refused_leaves_an_org_that_can_be_saved() {
    let world = world();
    let client = world.client();
    let answer = client.post(FIELDS, json!({"FullName": "Lead.Ext__c", "Metadata": {"label": "X", "type": "Text", "length": 20}})).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "DUPLICATE_DEVELOPER_NAME"));
    let mut image = Vec::new();
    world.sim.save(&mut image).unwrap();
    world.sim.control().restore(&image).unwrap();
}
