//! Saving an org and starting from it again.

use std::sync::Arc;

use salesforce_sim::seed::{
    AssignmentRule, CustomField, CustomFieldKind, CustomObject, FieldAccess, FieldRule, RecordSeed, RecordTypeSeed, Rewrite, RewriteKind,
    ValidationRule, Who,
};
use salesforce_sim::{Doubts, ImageError, Options, Seed, Sim};
use serde_json::{Value, json};

use crate::common::*;
use crate::refresh::{first_refresh_token, refresh};

fn rich_seed() -> Seed {
    let mut seed = seed();
    seed.users[1].permission_sets = vec!["Sync".to_owned()];
    seed.tracked_fields = vec!["Lead.Title".to_owned(), "Lead.OwnerId".to_owned()];
    seed.rewrites = vec![Rewrite { sobject: "Lead".to_owned(), field: "Company".to_owned(), kind: RewriteKind::Upper }];
    let rule =
        |condition: &str| ValidationRule { sobject: "Lead".to_owned(), condition: condition.to_owned(), message: "no".to_owned(), field: None };
    seed.validation_rules = vec![rule("Title = 'Forbidden'")];
    seed.assignment_rules =
        vec![AssignmentRule { sobject: "Lead".to_owned(), condition: Some("City = 'Lyon'".to_owned()), owner: "integration@org.example".to_owned() }];
    seed.field_security = vec![FieldRule {
        sobject: "Lead".to_owned(),
        field: "Fax".to_owned(),
        who: Who::User("integration@org.example".to_owned()),
        access: FieldAccess::Hidden,
    }];
    let timeline = "mautic_timeline__c".to_owned();
    seed.custom_objects = vec![CustomObject { name: timeline.clone(), label: "Timeline".to_owned(), ..CustomObject::default() }];
    let to = CustomFieldKind::Lookup { to: "Lead".to_owned(), relationship: None };
    seed.custom_fields.push(CustomField { sobject: timeline.clone(), name: "WhoId__c".to_owned(), kind: to, ..CustomField::default() });
    seed.records.push(RecordSeed { sobject: timeline, fields: Default::default(), label: None, by: None, hidden_from: Vec::new() });
    seed.record_types = vec![RecordTypeSeed {
        sobject: "Lead".to_owned(),
        developer_name: "Fair".to_owned(),
        name: "Fair".to_owned(),
        id: None,
        default: true,
        active: true,
    }];
    seed
}

fn options(world: &World) -> Options {
    Options { clock: Arc::new(world.clock.clone()), login_url: LOGIN.to_owned(), instance_url: INSTANCE.to_owned(), ..Options::default() }
}

fn saved(world: &World) -> String {
    let mut text = Vec::new();
    world.sim.save(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The same org in another life.
fn reborn(world: &World) -> World {
    World { sim: Sim::load(saved(world).into_bytes(), options(world)).unwrap(), clock: world.clock.clone() }
}

/// Does to an org whatever leaves a trace in it.
async fn live(world: &World) -> (String, String) {
    let client = world.client();
    let field = json!({"FullName": "Lead.Late__c", "Metadata": {"label": "Late", "type": "Number", "precision": 18, "scale": 3}});
    assert_eq!(client.post("/tooling/sobjects/CustomField", field).await.status, 201);
    let set = client.query("SELECT Id FROM PermissionSet").await[0]["Id"].clone();
    let grant = json!({"ParentId": set, "SobjectType": "Lead", "Field": "Lead.Late__c", "PermissionsRead": true, "PermissionsEdit": true});
    assert_eq!(client.post("/sobjects/FieldPermissions", grant).await.status, 201);
    let (kept, gone) = (client.lead("Kept").await, client.lead("Gone").await);
    let integration = world.client_of("integration@org.example");
    let late = json!({"Late__c": 123_456_789.125, "Title": "Chief 😀", "City": "Lyon"});
    assert_eq!(integration.patch(&format!("/sobjects/Lead/{kept}"), late).await.status, 204);
    client.post("/sobjects/Task", json!({"Subject": "Call", "WhoId": kept, "ActivityDate": "2026-11-24"})).await;
    assert_eq!(client.delete(&format!("/sobjects/Lead/{gone}")).await.status, 204);
    let hidden = client.lead("Hidden").await;
    assert_eq!(world.control("POST", &format!("hidden/{hidden}"), json!({"from": ["integration@org.example"]})).await.status, 204);
    assert_eq!(world.control("POST", &format!("locks/{hidden}"), Value::Null).await.status, 204);
    assert_eq!(world.control("PATCH", "doubts", json!({"references_into_collections": true})).await.status, 200);
    assert_eq!(world.control("PATCH", "organization", json!({"daily_api_limit": 5000})).await.status, 200);
    (kept, gone)
}

#[tokio::test]
async fn an_org_that_was_saved_is_the_same_org() {
    let world = world_with(rich_seed(), Doubts::default());
    let (kept, gone) = live(&world).await;
    let again = reborn(&world);
    assert_eq!(saved(&again), saved(&world));
    assert!(saved(&world).lines().any(|line| line.starts_with("{\"sobject\":\"LeadHistory\"")));
    let client = again.client();
    let (before, after) = (world.client().get(&format!("/sobjects/Lead/{kept}")).await, client.get(&format!("/sobjects/Lead/{kept}")).await);
    assert_eq!(before.json(), after.json());
    let deleted = client.get(&format!("/queryAll?q={}", encode("SELECT Id FROM Lead WHERE IsDeleted = true"))).await.json();
    assert_eq!(deleted["records"][0]["Id"], json!(gone));
    let late = again.client_of("integration@org.example").query(&format!("SELECT Late__c FROM Lead WHERE Id = '{kept}'")).await;
    assert_eq!(late[0]["Late__c"], json!(123_456_789.125));
    assert_eq!(client.get("/limits").await.json()["DailyApiRequests"]["Max"], 5000);
    assert_eq!(again.control("GET", "doubts", Value::Null).await.json()["references_into_collections"], true);
}

#[tokio::test]
async fn rules_rights_and_locks_are_in_force_again() {
    let world = world_with(rich_seed(), Doubts::default());
    live(&world).await;
    // People may have got other names since the rules were made.
    let integration = world.sim.with_org(|org| org.user_by_name("integration@org.example").unwrap().id);
    world.client().patch(&format!("/sobjects/User/{integration}"), json!({"Username": "renamed@org.example"})).await;
    let again = reborn(&world);
    let client = again.client();
    assert_eq!(
        client.post("/sobjects/Lead", json!({"LastName": "A", "Company": "B", "Title": "Forbidden"})).await.code(),
        "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    );
    let made = client.post("/sobjects/Lead", json!({"LastName": "A", "Company": "b", "City": "Lyon"})).await.json()["id"].clone();
    let lead = client.get(&format!("/sobjects/Lead/{}", made.as_str().unwrap())).await.json();
    assert_eq!((&lead["Company"], &lead["OwnerId"]), (&json!("B"), &json!(integration)));
    assert!(lead["RecordTypeId"].is_string());
    let hidden = client.query("SELECT Id FROM Lead WHERE LastName = 'Hidden'").await[0]["Id"].as_str().unwrap().to_owned();
    assert_eq!(client.patch(&format!("/sobjects/Lead/{hidden}"), json!({"Title": "x"})).await.code(), "UNABLE_TO_LOCK_ROW");
    let other = again.client_of("renamed@org.example");
    assert_eq!(other.get(&format!("/sobjects/Lead/{hidden}")).await.status, 404);
    let fields = other.get("/sobjects/Lead/describe").await.json();
    let names: Vec<&str> = fields["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"Late__c") && !names.contains(&"Fax"));
}

#[tokio::test]
async fn grants_outlive_a_restart_and_new_tokens_are_new() {
    let world = world();
    let first = first_refresh_token(&world, "a1").await;
    let again = reborn(&world);
    let body = again.token(&refresh("a1", "a1-secret", &first)).await.json();
    let second = body["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    // The rotated token is still known for what it was, in a third life too.
    let third = reborn(&again);
    assert_eq!(third.client().get("/limits").await.status, 200);
    assert_eq!(third.token(&refresh("a1", "a1-secret", &second)).await.status, 200);
    assert_eq!(third.token(&refresh("a1", "a1-secret", &first)).await.status, 400);
    let tokens = (world.client().token, again.client().token);
    assert_ne!(tokens.0, tokens.1);
}

#[tokio::test]
async fn ids_are_never_given_twice_and_a_reset_goes_back_to_what_was_loaded() {
    let world = world();
    let id = world.client().lead("A").await;
    let again = reborn(&world);
    let next = again.client().lead("B").await;
    assert_ne!(id, next);
    assert_eq!(again.control("POST", "reset", Value::Null).await.status, 204);
    let rows = again.client().query("SELECT LastName FROM Lead").await;
    assert_eq!(rows.iter().map(|row| row["LastName"].clone()).collect::<Vec<_>>(), [json!("A")]);
}

#[tokio::test]
async fn an_image_goes_over_http_into_a_running_org() {
    let world = world();
    world.client().lead("A").await;
    let image = world.control("GET", "image", Value::Null).await.text;
    let other = self::world_with(Seed { custom_fields: Vec::new(), ..seed() }, Doubts::default());
    let put = |text: String| http::Request::put(format!("{INSTANCE}/__control/image")).body(text.into()).unwrap();
    assert_eq!(other.send(put(image.clone())).await.status, 204);
    assert_eq!(saved(&other), image);
    let broken = image.replacen("\"LastName\"", "\"Nonsense\"", 1);
    let refused = other.send(put(broken)).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("there is no field ") && refused.text.contains("Nonsense"), "{}", refused.text);
    assert_eq!(saved(&other), image, "a refused image leaves the org as it was");
}

#[test]
fn what_is_no_saved_org_is_named() {
    let world = world();
    let cases = [
        ("", "This is no org that this version can start from: its format is not 1."),
        ("{\"format\":2}", "This is no org that this version can start from: its format is not 1."),
        ("users: []", "This is no org that this version can start from: its format is not 1."),
    ];
    for (text, want) in cases {
        let Err(error) = Sim::load(text.as_bytes().to_vec(), options(&world)) else { panic!("{text}") };
        assert_eq!(error.to_string(), want, "{text}");
    }
    let text = saved(&world) + "{\"sobject\":\"Lead\",\"fields\":{}}\n";
    let line = text.lines().count();
    let Err(ImageError::Line { line: found, why }) = Sim::load(text.into_bytes(), options(&world)) else { panic!("no id") };
    assert_eq!((found, why.as_str()), (line, "the record has no Id"));
}

#[tokio::test]
async fn a_kept_org_is_saved_after_each_change_and_only_its_owner_reads_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("org.jsonl");
    let world = world();
    tokio::time::pause();
    let keeper = {
        let (sim, path) = (world.sim.clone(), path.clone());
        tokio::spawn(async move { sim.keep(&path).await })
    };
    world.client().lead("A").await;
    for _ in 0..20 {
        if path.exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    keeper.abort();
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    let again = World { sim: Sim::load_from(&path, options(&world)).unwrap(), clock: world.clock.clone() };
    assert_eq!(again.client().query("SELECT Id FROM Lead").await.len(), 1);
    let absent = Sim::load_from(&directory.path().join("absent"), options(&world)).err().unwrap();
    assert!(absent.to_string().ends_with("absent cannot be read."), "{absent}");
}

#[tokio::test]
async fn what_administrators_did_lives_on() {
    let world = world();
    let client = world.client();
    let lead = client.lead("Kept").await;
    assert_eq!(client.patch(&format!("/sobjects/Lead/{lead}"), json!({"Ext__c": "e1"})).await.status, 204);
    world.sim.with_org(|org| {
        org.delete_custom_field("Lead", "Ext__c").unwrap();
        org.enable_person_accounts();
    });
    let again = reborn(&world);
    let client = again.client();
    let has = |described: Value, name: &str| described["fields"].as_array().unwrap().iter().any(|field| field["name"] == name);
    assert!(!has(client.get("/sobjects/Lead/describe").await.json(), "Ext__c"));
    assert!(has(client.get("/sobjects/Account/describe").await.json(), "IsPersonAccount"));
    assert_eq!(client.get(&format!("/sobjects/Lead/{lead}")).await.json()["Name"], "Kept");
}
