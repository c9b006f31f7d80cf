use super::*;
use crate::seed::{FieldAccess, FieldRule, Permissions, QueueSeed, Who};

fn rule(field: &str, who: Who, access: FieldAccess) -> FieldRule {
    FieldRule { sobject: "Lead".to_owned(), field: field.to_owned(), who, access }
}

fn described(bench: &mut Bench, user: &str) -> Vec<String> {
    let user = bench.org.user_by_name(user).unwrap().id;
    let s = bench.org.edit_as(user);
    let lead = bench.org.describe(&s, "Lead").unwrap();
    let fields = lead["fields"].as_array().unwrap().iter();
    fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_hidden_field_does_not_exist_and_a_read_only_one_is_not_written() {
    let mut seed = seed();
    seed.field_security = vec![
        rule("Phone", Who::Everyone, FieldAccess::Hidden),
        rule("Title", Who::User("admin@org.example".to_owned()), FieldAccess::ReadOnly),
        rule("Fax", Who::Profile("System Administrator".to_owned()), FieldAccess::Hidden),
    ];
    let mut bench = Bench::with(&seed);
    let fields = described(&mut bench, "admin@org.example");
    assert!(!fields.contains(&"Phone".to_owned()) && !fields.contains(&"Fax".to_owned()));
    assert!(fields.contains(&"Title".to_owned()));
    let id = bench.lead("A");
    assert_eq!(bench.get("Lead", id).get("Phone"), None);
    assert_eq!(codes(bench.update("Lead", id, json!({"Phone": "1"}))), ["INVALID_FIELD"]);
    let errors = bench.update("Lead", id, json!({"Title": "1"})).unwrap_err();
    assert_eq!(errors[0].code, "INVALID_FIELD_FOR_INSERT_UPDATE");
    assert!(errors[0].message.starts_with("Unable to create/update fields: Title. Please check"));
    assert_eq!(errors[0].fields, Some(vec!["Title".to_owned()]));
}

#[test]
fn a_permission_set_adds_rights_and_follows_its_records() {
    let mut seed = seed();
    seed.custom_fields.push(CustomField {
        sobject: "Lead".to_owned(),
        name: "X__c".to_owned(),
        access: FieldAccess::Hidden,
        ..CustomField::default()
    });
    let mut bench = Bench::with(&seed);
    let admin = "admin@org.example";
    assert!(!described(&mut bench, admin).contains(&"X__c".to_owned()));
    let set = bench.make("PermissionSet", json!({"Name": "Sync", "Label": "Sync"}));
    let user = bench.user;
    bench.make("PermissionSetAssignment", json!({"PermissionSetId": set, "AssigneeId": user}));
    let grant = json!({"ParentId": set, "SobjectType": "Lead", "Field": "Lead.X__c", "PermissionsEdit": true});
    assert_eq!(codes(bench.create("FieldPermissions", grant.clone())), ["FIELD_INTEGRITY_EXCEPTION"]);
    let mut grant = grant;
    grant["PermissionsRead"] = json!(true);
    let sp = bench.org.savepoint();
    bench.make("FieldPermissions", grant.clone());
    assert!(described(&mut bench, admin).contains(&"X__c".to_owned()));
    bench.org.rollback(sp);
    assert!(!described(&mut bench, admin).contains(&"X__c".to_owned()));
    let grant = bench.make("FieldPermissions", grant);
    let lead = bench.make("Lead", json!({"LastName": "A", "Company": "B", "X__c": "v"}));
    assert_eq!(bench.get("Lead", lead)["X__c"], "v");
    let s = bench.session();
    bench.org.delete(&s, "FieldPermissions", grant.as_str()).unwrap();
    assert!(!described(&mut bench, admin).contains(&"X__c".to_owned()));
}

#[test]
fn a_user_changes_only_what_the_user_or_a_queue_owns() {
    let mut seed = seed();
    seed.queues = vec![QueueSeed { name: "New leads".to_owned(), developer_name: "New_Leads".to_owned(), id: None }];
    seed.users[1].active = true;
    seed.users[1].permissions = Permissions { modify_all_data: false, marketing_user: false, ..Permissions::default() };
    let mut bench = Bench::with(&seed);
    let other = bench.org.user_by_name("gone@org.example").unwrap().id;
    let queue = bench.org.seed_owner("New_Leads").unwrap();
    let cases = [(bench.user, false), (other, true), (queue, true)];
    for (owner, allowed) in cases {
        let id = bench.make("Lead", json!({"LastName": "A", "Company": "B", "OwnerId": owner}));
        let s = bench.org.edit_as(other);
        let changed = bench.org.update(&s, "Lead", id.as_str(), json!({"Title": "x"}).as_object().unwrap());
        let want: &[&str] = if allowed { &[] } else { &["INSUFFICIENT_ACCESS_OR_READONLY"] };
        assert_eq!(codes(changed), want);
    }
    let s = bench.org.edit_as(other);
    let campaign = bench.org.create(&s, "Campaign", json!({"Name": "x"}).as_object().unwrap());
    assert_eq!(codes(campaign), ["INSUFFICIENT_ACCESS_OR_READONLY"]);
}

#[test]
fn converted_leads_are_read_only_without_the_permission() {
    let mut bench = Bench::new();
    let s = bench.session();
    let fields = json!({"LastName": "A", "Company": "B", "IsConverted": true});
    let id = bench.org.force(&s, "Lead", fields.as_object().unwrap()).unwrap();
    let errors = bench.update("Lead", id, json!({"Title": "x"})).unwrap_err();
    assert_eq!(errors[0].to_json(), json!({"message": "cannot reference converted lead", "errorCode": "CANNOT_UPDATE_CONVERTED_LEAD", "fields": []}));
    let permissions = Permissions { edit_converted_leads: true, ..Permissions::default() };
    bench.org.set_user_permissions(&s.user, permissions);
    bench.update("Lead", id, json!({"Title": "x"})).unwrap();
}

#[test]
fn users_follow_their_records() {
    let mut bench = Bench::new();
    let user = bench.user;
    bench.update("User", user, json!({"IsActive": false, "LastName": "New", "LanguageLocaleKey": "es"})).unwrap();
    let known = bench.org.user(&user).unwrap();
    assert!(!known.active);
    assert_eq!((known.name.as_str(), known.profile.as_str()), ("Ada New", "System Administrator"));
    bench.org.set_user_active(&user, true);
    assert!(bench.org.user(&user).unwrap().active);
    assert_eq!(bench.get("User", user)["IsActive"], true);
    let errors = bench.create("Lead", json!({"Company": "B"})).unwrap_err();
    assert_eq!(errors[0].message, "Faltan campos obligatorios: [LastName]");
}

#[test]
fn record_types_are_those_of_the_object() {
    let mut seed = seed();
    let own = |sobject: &str, name: &str, default| crate::seed::RecordTypeSeed {
        sobject: sobject.to_owned(),
        developer_name: name.to_owned(),
        name: name.to_owned(),
        id: None,
        default,
        active: true,
    };
    seed.record_types = vec![own("Lead", "Fair", true), own("Lead", "Web", false), own("Contact", "VIP", false)];
    let mut bench = Bench::with(&seed);
    let s = bench.session();
    let lead = bench.org.describe(&s, "Lead").unwrap();
    let infos = lead["recordTypeInfos"].as_array().unwrap();
    let names: Vec<_> = infos.iter().map(|info| info["developerName"].as_str().unwrap()).collect();
    assert_eq!(names, ["Fair", "Web", "Master"]);
    let contact = bench.org.describe(&s, "Contact").unwrap();
    let vip = contact["recordTypeInfos"][0]["recordTypeId"].clone();
    let id = bench.lead("A");
    assert_eq!(bench.get("Lead", id)["RecordTypeId"], infos[0]["recordTypeId"]);
    bench.update("Lead", id, json!({"RecordTypeId": infos[1]["recordTypeId"]})).unwrap();
    assert_eq!(codes(bench.update("Lead", id, json!({"RecordTypeId": vip}))), ["INVALID_CROSS_REFERENCE_KEY"]);
}

#[test]
fn administrators_change_and_delete_fields() {
    let admin = "admin@org.example";
    let field = |length| CustomField {
        sobject: "Lead".to_owned(),
        name: "X__c".to_owned(),
        kind: CustomFieldKind::Text { length },
        ..CustomField::default()
    };
    let mut seed = seed();
    seed.custom_fields.push(field(100));
    let mut bench = Bench::with(&seed);
    let id = bench.lead("A");
    bench.update("Lead", id, json!({"X__c": "twelve chars"})).unwrap();
    bench.org.change_custom_field(&field(5)).unwrap();
    assert_eq!(codes(bench.update("Lead", id, json!({"X__c": "twelve"}))), ["STRING_TOO_LONG"]);
    assert_eq!(bench.get("Lead", id)["X__c"], "twelve chars");

    bench.org.delete_custom_field("Lead", "X__c").unwrap();
    assert!(!described(&mut bench, admin).contains(&"X__c".to_owned()));
    assert_eq!(bench.get("Lead", id).get("X__c"), None);
    assert_eq!(codes(bench.update("Lead", id, json!({"X__c": "a"}))), ["INVALID_FIELD"]);
    assert!(bench.org.delete_custom_field("Lead", "X__c").is_err() && bench.org.change_custom_field(&field(5)).is_err());
    assert!(bench.org.delete_custom_field("Lead", "Title").is_err(), "standard fields stay");
    // The name is free again.
    bench.org.add_custom_field(&field(9)).unwrap();
    assert_eq!(bench.get("Lead", id)["X__c"], Value::Null);
}

#[test]
fn person_accounts_show_in_the_description_of_accounts() {
    let mut bench = Bench::with(&seed());
    let has = |bench: &mut Bench| {
        let s = bench.org.edit_as(bench.user);
        bench.org.describe(&s, "Account").unwrap()["fields"].as_array().unwrap().iter().any(|field| field["name"] == "IsPersonAccount")
    };
    assert!(!has(&mut bench));
    bench.org.enable_person_accounts();
    assert!(has(&mut bench));
}
