//! The groups as tables: one change to a document or an org that are fine, and the finding that it gives.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use super::*;
use crate::domain::{
    config::{OwnerFallback, parse_document},
    ids::{ObjectName, RecordId},
    mapping::{FieldType, OPT_OUT},
    schema::ObjectSchema,
};

const OTHER_TYPE: &str = "012B0000000TfcRIAS";

fn document() -> Value {
    json!({
        "connection": {"id": "c", "name": "C", "time_zone": "Europe/Paris", "events_per_day": 1000},
        "source": {"id": "s"},
        "platform": {"name": "P", "attributes": [
            {"name": "person.last_name", "type": "text", "required": true}, {"name": "person.company", "type": "text", "required": true},
            {"name": "person.name", "type": "text"}, {"name": "person.bio", "type": "long_text"}, {"name": "person.grade", "type": "select"},
            {"name": "person.opt_out", "type": "boolean"}]},
        "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "k"}}, "references_into_collections": "on"},
        "people": {"lead_mapping": "lead", "contact_mapping": "contact", "owner": "integration"},
        "mappings": {
            "lead": {"object": "Lead", "fields": [
                {"from": "person.last_name", "to": "LastName"}, {"from": "person.company", "to": "Company"},
                {"from": "person.grade", "to": "Grade__c", "values": {"1": "Hot"}},
                {"from": "person.opt_out", "to": "HasOptedOutOfEmail"}]},
            "contact": {"object": "Contact", "fields": [
                {"from": "person.last_name", "to": "LastName"}, {"from": "person.opt_out", "to": "HasOptedOutOfEmail"}]}},
        "workflows": [{"name": "w", "trigger": "t", "actions": [{"activity": {"object": "Event", "subject": "{{ event.id }}", "kind": "Meeting"}}]}],
        "projects": {"unlisted": "accept"}
    })
}

fn field(kind: FieldType) -> Field {
    Field { kind, length: 80, createable: true, updateable: true, nillable: true, ..Field::default() }
}

fn object(name: &'static str, fields: Vec<(&'static str, Field)>) -> (ObjectName, ObjectFacts) {
    let key = Field { external_id: true, unique: true, ..field(FieldType::String) };
    let fields = fields.into_iter().chain([("Passerelle_Id__c", key)]).map(|(name, field)| (FieldName::known(name), field)).collect();
    let schema = ObjectSchema { object: ObjectName::known(name), fields };
    (ObjectName::known(name), ObjectFacts { schema, createable: true, updateable: true, record_types: Vec::new() })
}

fn facts() -> Facts {
    let last_name = || Field { required: true, nillable: false, ..field(FieldType::String) };
    let grade = Field { restricted: true, picklist: vec!["Hot".to_owned()], ..field(FieldType::Picklist) };
    let lead = vec![
        ("LastName", last_name()),
        ("Company", last_name()),
        ("Grade__c", grade),
        ("HasOptedOutOfEmail", field(FieldType::Boolean)),
        ("RecordTypeId", field(FieldType::Reference)),
        ("Title", Field { length: 20, ..field(FieldType::String) }),
    ];
    let event = ["Subject", "Type", "Description"].map(|name| (name, field(FieldType::String))).into();
    let definitions = ["Lead", "Contact"].map(|object| ((object.to_owned(), OPT_OUT.to_owned()), true));
    Facts {
        campaigns: None,
        substitutes: None,
        objects: [
            object("Lead", lead),
            object("Contact", vec![("LastName", last_name()), ("HasOptedOutOfEmail", field(FieldType::Boolean))]),
            object("Account", vec![("Name", last_name())]),
            object("Event", event),
        ]
        .into(),
        usage: Some((10, 15_000)),
        organization: Some(Organization::default()),
        rights: Some(Rights::default()),
        view_all: Some([].into()),
        duplicate_rules: Some(Vec::new()),
        definitions: Some(definitions.into()),
    }
}

fn check(document: &Value, facts: &Facts) -> Vec<(Severity, String, String)> {
    let document = parse_document(document).unwrap();
    let found = evaluate(&document, &FieldMaps::compile(&document).unwrap(), facts);
    for finding in &found {
        for text in [&finding.words.fr, &finding.words.en, &finding.cure.fr, &finding.cure.en] {
            assert!(text.len() > 10, "{finding:?}");
        }
        assert_ne!(finding.words.fr, finding.words.en);
        assert!(CODES.contains(&finding.code.as_ref()) || finding.code.starts_with("value_"), "{}", finding.code);
    }
    found.into_iter().map(|finding| (finding.severity, finding.code.into_owned(), finding.place)).collect()
}

#[test]
fn a_good_document_and_a_good_org_have_nothing_but_notes() {
    let found = check(&document(), &facts());
    let told: Vec<(Severity, &str)> = found.iter().map(|(severity, code, _)| (*severity, code.as_str())).collect();
    assert_eq!(told, [(Severity::Info, "volume"), (Severity::Info, "quota")]);
}

/// Every finding that the change adds must be the one that is wanted.
fn only(change_document: &dyn Fn(&mut Value), change_facts: &dyn Fn(&mut Facts), severity: Severity, code: &str, place: &str) {
    let (mut document, mut facts) = (document(), facts());
    change_document(&mut document);
    change_facts(&mut facts);
    let mut found = check(&document, &facts);
    found.retain(|(severity, code, _)| !(*severity == Severity::Info && (code == "quota" || code == "volume")));
    assert_eq!(found, [(severity, code.to_owned(), place.to_owned())], "{code}");
}

#[test]
fn what_the_org_is_like() {
    use Severity::{Error, Info, Warning};
    type Change = fn(&mut Facts);
    fn fields<'f>(facts: &'f mut Facts, object: &'static str) -> &'f mut std::collections::BTreeMap<FieldName, Field> {
        &mut facts.objects.get_mut(&ObjectName::known(object)).unwrap().schema.fields
    }
    fn known(facts: &mut Facts, object: &str, field: &str) {
        facts.definitions.as_mut().unwrap().insert((object.to_owned(), field.to_owned()), false);
    }
    let types = |facts: &mut Facts, default: bool| {
        let id = |text: &str| RecordId::parse(text).unwrap();
        let of = |id, name: &str, default| RecordType { id, name: name.to_owned(), available: true, default };
        facts.objects.get_mut(&ObjectName::known("Lead")).unwrap().record_types =
            vec![of(id("012B0000000TfcQIAS"), "Fair", default), of(id(OTHER_TYPE), "Web", false)];
    };
    let table: [(Change, Severity, &str, &str); 22] = [
        (|f| f.usage = Some((12_000, 15_000)), Warning, "quota_nearly_used", "salesforce"),
        (|f| drop(f.objects.remove(&ObjectName::known("Event"))), Error, "object_hidden", "workflows[0].actions[0].activity.object"),
        (|f| f.objects.get_mut(&ObjectName::known("Lead")).unwrap().createable = false, Error, "object_not_createable", "people.when_unknown"),
        (|f| f.objects.get_mut(&ObjectName::known("Lead")).unwrap().updateable = false, Error, "object_not_updateable", "people.when_unknown"),
        (|f| drop(fields(f, "Account").insert(FieldName::known("IsPersonAccount"), Field::default())), Error, "person_accounts", "salesforce"),
        (
            |f| {
                f.organization.as_mut().unwrap().private.insert("Lead".to_owned());
            },
            Warning,
            "view_all_missing",
            "people.when_unknown",
        ),
        (|f| f.duplicate_rules = None, Info, "duplicate_rules_unknown", "salesforce.duplicates"),
        (|f| drop(fields(f, "Lead").remove(&FieldName::known("Grade__c"))), Error, "field_missing", "mappings.lead.fields[2].to"),
        (
            |f| {
                fields(f, "Lead").remove(&FieldName::known("Grade__c"));
                known(f, "Lead", "Grade__c");
            },
            Error,
            "field_hidden",
            "mappings.lead.fields[2].to",
        ),
        (|f| drop(fields(f, "Event").remove(&FieldName::known("Type"))), Error, "field_missing", "workflows[0].actions[0].activity.kind"),
        (
            |f| fields(f, "Event").get_mut(&FieldName::known("Type")).unwrap().length = 3,
            Error,
            "value_too_long",
            "workflows[0].actions[0].activity.kind",
        ),
        (
            |f| fields(f, "Lead").get_mut(&FieldName::known("Grade__c")).unwrap().picklist.clear(),
            Error,
            "value_not_in_picklist",
            "mappings.lead.fields[2]",
        ),
        (
            |f| fields(f, "Lead").get_mut(&FieldName::known("Grade__c")).unwrap().kind = FieldType::Date,
            Error,
            "type_impossible",
            "mappings.lead.fields[2].to",
        ),
        (
            |f| fields(f, "Lead").get_mut(&FieldName::known("Grade__c")).unwrap().updateable = false,
            Warning,
            "field_partly_writable",
            "mappings.lead.fields[2].to",
        ),
        (|f| fields(f, "Lead").get_mut(&FieldName::known("Title")).unwrap().required = true, Error, "required_unfilled", "mappings.lead"),
        (
            |f| fields(f, "Lead").get_mut(&FieldName::known("Grade__c")).unwrap().required = true,
            Warning,
            "required_from_optional",
            "mappings.lead.fields[2].from",
        ),
        (|f| drop(fields(f, "Lead").remove(&FieldName::known("Passerelle_Id__c"))), Info, "key_field_missing", "people.when_unknown"),
        (
            |f| fields(f, "Lead").get_mut(&FieldName::known("Passerelle_Id__c")).unwrap().unique = false,
            Warning,
            "key_field_wrong",
            "people.when_unknown",
        ),
        (
            |f| f.duplicate_rules.as_mut().unwrap().push(DuplicateRule { object: "Lead".to_owned(), name: "Same".to_owned() }),
            Warning,
            "duplicate_rule",
            "salesforce.duplicates",
        ),
        (|f| f.rights.as_mut().unwrap().modify_all_data = true, Warning, "too_many_rights", "salesforce.auth"),
        (|f| drop(fields(f, "Contact").remove(&FieldName::known(OPT_OUT))), Error, "opt_out_hidden", "mappings.contact.fields[1].to"),
        (|f| known(f, "Lead", OPT_OUT), Warning, "opt_out_untracked", "mappings.lead.fields[3].to"),
    ];
    for (change, severity, code, place) in table {
        only(&|_| {}, &change, severity, code, place);
    }
    only(&|_| {}, &|f| types(f, true), Info, "record_type_default", "mappings.lead");
    // A rule for an object that nobody writes, a private object that is seen whole, rules that do not matter: nothing fails.
    let quiet: [Change; 3] = [
        |f| {
            f.organization.as_mut().unwrap().private.insert("Lead".to_owned());
            f.view_all.as_mut().unwrap().insert("Lead".to_owned());
        },
        |f| {
            f.organization.as_mut().unwrap().private.insert("Contact".to_owned());
            f.rights.as_mut().unwrap().view_all_data = true;
        },
        |f| f.duplicate_rules.as_mut().unwrap().push(DuplicateRule { object: "Account".to_owned(), name: "Same".to_owned() }),
    ];
    for change in quiet {
        let mut facts = facts();
        change(&mut facts);
        assert_eq!(check(&document(), &facts).len(), 2);
    }
}

#[test]
fn what_the_document_says() {
    use Severity::{Error, Info, Warning};
    type Change = fn(&mut Value);
    let table: [(Change, Severity, &str, &str); 18] = [
        (|d| d["salesforce"]["auth"] = json!({"device": {"client_id": "x", "enabled": "on"}}), Warning, "device_flow", "salesforce.auth.device"),
        (|d| drop(d["mappings"]["lead"]["fields"].as_array_mut().unwrap().remove(1)), Error, "required_unfilled", "mappings.lead"),
        (|d| d["platform"]["attributes"][1]["required"] = json!(false), Warning, "required_from_optional", "mappings.lead.fields[1].from"),
        (
            |d| d["projects"]["list"] = json!({"fair": {"name": "F", "mappings": {"lead": {"unmapped": ["Company"]}}}}),
            Error,
            "required_unmapped",
            "projects.list.fair.mappings.lead.unmapped",
        ),
        (
            |d| d["mappings"]["account"] = json!({"object": "Account", "fields": [{"from": "person.company", "to": "Name"}]}),
            Warning,
            "company_is_account",
            "mappings.lead.fields[1].from",
        ),
        (|d| d["mappings"]["lead"]["static"] = json!({"Title": "x".repeat(21)}), Error, "value_too_long", "mappings.lead.static.Title"),
        (|d| d["mappings"]["lead"]["static"] = json!({"Title": ["a", {}]}), Error, "value_is_structure", "mappings.lead.static.Title"),
        (|d| d["mappings"]["lead"]["fields"][2]["overflow"] = json!({"default": "Warm"}), Error, "value_not_in_picklist", "mappings.lead.fields[2]"),
        (|d| d["mappings"]["lead"]["fields"][3]["overflow"] = json!({"default": "perhaps"}), Error, "value_not_boolean", "mappings.lead.fields[3]"),
        (|d| d["mappings"]["lead"]["static"] = json!({"Nope__c": "x"}), Error, "field_missing", "mappings.lead.static.Nope__c.to"),
        (
            |d| d["mappings"]["lead"]["static"] = json!({"RecordTypeId": OTHER_TYPE}),
            Error,
            "record_type_unknown",
            "mappings.lead.static.RecordTypeId",
        ),
        (|d| d["mappings"]["lead"]["fields"][2] = json!({"from": "person.bio", "to": "Title"}), Warning, "type_lossy", "mappings.lead.fields[2].to"),
        (
            |d| d["mappings"]["lead"]["fields"][2] = json!({"from": "person.opt_out", "to": "Title"}),
            Info,
            "type_converted",
            "mappings.lead.fields[2].to",
        ),
        (|d| d["people"]["owner"] = json!("collaborator"), Info, "owner_fallback", "people.owner"),
        (
            |d| {
                d["people"]["owner"] = json!("collaborator");
                d["salesforce"]["assignment_rules"] = json!("on");
            },
            Warning,
            "owner_overruled",
            "salesforce.assignment_rules",
        ),
        (|d| drop(d["mappings"]["contact"]["fields"].as_array_mut().unwrap().remove(1)), Warning, "opt_out_one_sided", "mappings.contact"),
        (|d| d["connection"]["events_per_day"] = json!(7_000), Warning, "volume_high", "connection.events_per_day"),
        (|d| d["connection"]["events_per_day"] = json!(8_000_000), Error, "volume_too_high", "connection.events_per_day"),
    ];
    for (change, severity, code, place) in table {
        only(&change, &|_| {}, severity, code, place);
    }
    only(&|d| drop(d["connection"].as_object_mut().unwrap().remove("events_per_day")), &|_| {}, Info, "volume_unknown", "connection.events_per_day");
    let mut undeclared = document();
    undeclared["platform"] = json!({"name": "P"});
    assert!(check(&undeclared, &facts()).iter().any(|(_, code, _)| code == "attributes_undeclared"));
    let mut silent = document();
    for mapping in ["lead", "contact"] {
        silent["mappings"][mapping]["fields"].as_array_mut().unwrap().retain(|rule| rule["to"] != OPT_OUT);
    }
    assert!(check(&silent, &facts()).iter().any(|(_, code, _)| code == "opt_out_unmapped"));
}

/// A mapping that only changes records needs nothing of new ones, and one that only makes them changes none.
#[test]
fn the_check_heeds_what_the_mapping_does() {
    let found = |operation: &str, change: &dyn Fn(&mut Field)| {
        let (mut document, mut facts) = (document(), facts());
        document["mappings"]["lead"]["operation"] = json!(operation);
        document["mappings"]["lead"]["fields"].as_array_mut().unwrap().remove(1);
        let lead = facts.objects.get_mut(&ObjectName::known("Lead")).unwrap();
        change(lead.schema.fields.get_mut(&FieldName::known("Grade__c")).unwrap());
        if operation != "update" {
            lead.updateable = operation != "create";
        } else {
            lead.createable = false;
        }
        let mut found: Vec<String> = check(&document, &facts).into_iter().map(|(_, code, _)| code).collect();
        found.retain(|code| !code.starts_with("volume") && !code.starts_with("quota"));
        found
    };
    let only_created = |field: &mut Field| field.updateable = false;
    let only_changed = |field: &mut Field| field.createable = false;
    let needed = |field: &mut Field| field.required = true;
    for (operation, change, want) in [
        ("create_or_update", &needed as &dyn Fn(&mut Field), vec!["required_unfilled", "required_from_optional"]),
        ("create", &needed, vec!["required_unfilled", "required_from_optional"]),
        ("update", &needed, vec![]),
        ("create_or_update", &only_created, vec!["required_unfilled", "field_partly_writable"]),
        ("create", &only_created, vec!["required_unfilled"]),
        ("update", &only_created, vec!["field_not_writable"]),
        ("create", &only_changed, vec!["field_not_writable", "required_unfilled"]),
        ("update", &only_changed, vec![]),
    ] {
        let (mut told, mut want) = (found(operation, change), want);
        told.sort_unstable();
        want.sort_unstable();
        assert_eq!(told, want, "{operation}");
    }
}

#[test]
fn an_org_that_tells_little_gives_notes_instead_of_guesses() {
    let facts = Facts { organization: None, rights: None, view_all: None, duplicate_rules: None, definitions: None, usage: None, ..facts() };
    let found = check(&document(), &facts);
    assert!(found.iter().all(|(severity, ..)| *severity == Severity::Info), "{found:?}");
    let codes: Vec<&str> = found.iter().map(|(_, code, _)| code.as_str()).collect();
    for code in ["sharing_unknown", "duplicate_rules_unknown", "opt_out_history_unknown"] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
}

#[test]
fn why_an_org_was_not_reached() {
    for (code, reauthorise, want) in [
        ("not_connected", true, "not_connected"),
        ("invalid_grant", true, "grant_gone"),
        ("API_DISABLED_FOR_ORG", false, "api_disabled"),
        ("REQUEST_LIMIT_EXCEEDED", false, "quota_used_up"),
        ("salesforce_silent", false, "org_unreachable"),
    ] {
        let found = unreached(&Unreached { code: code.to_owned(), reauthorise });
        assert_eq!((found.code.as_ref(), found.severity), (want, Severity::Error));
    }
}

/// A workflow that makes members of a campaign, in an org with these campaigns.
fn with_campaign(campaign: Value, status: &str) -> impl Fn(&mut Value) {
    let action = json!({"campaign_member": {"campaign": campaign, "status": status}});
    move |document: &mut Value| document["workflows"][0]["actions"] = json!([action])
}

#[test]
fn campaigns_and_the_statuses_of_their_members() {
    use Severity::{Error, Warning};
    let id = |n: u8| RecordId::parse(&format!("70100000000000{n}")).unwrap();
    let fact = |n: u8, name: &str, active| CampaignFact {
        id: id(n),
        name: name.to_owned(),
        active,
        statuses: vec!["Sent".to_owned(), "Attended".to_owned()],
    };
    let known = |facts: &mut Facts| {
        let member = Field { required: true, nillable: false, ..field(FieldType::Reference) };
        facts.objects.extend([object("CampaignMember", vec![("CampaignId", member), ("Status", field(FieldType::Picklist))])]);
        facts.campaigns = Some(vec![fact(1, "Fair", true), fact(2, "Old fair", false), fact(3, "Twin", true), fact(4, "twin", true)]);
    };
    let place = "workflows[0].actions[0].campaign_member.campaign";
    for (campaign, status, want) in [
        (json!({"name": " fair "}), "attended", None),
        (json!({"id": id(1)}), "Sent", None),
        (json!({"name": "Fare"}), "Sent", Some((Error, "campaign_not_found"))),
        (json!({"id": id(9)}), "Sent", Some((Error, "campaign_not_found"))),
        (json!({"name": "Twin"}), "Sent", Some((Error, "campaign_ambiguous"))),
        (json!({"name": "Fair"}), "Registered", Some((Error, "campaign_status_unknown"))),
        (json!({"name": "Old fair"}), "Sent", Some((Warning, "campaign_inactive"))),
    ] {
        let change = with_campaign(campaign.clone(), status);
        match want {
            Some((severity, code)) => only(&change, &known, severity, code, place),
            None => {
                let (mut document, mut facts) = (document(), facts());
                change(&mut document);
                known(&mut facts);
                let found = check(&document, &facts);
                assert!(found.iter().all(|(severity, ..)| *severity == Severity::Info), "{campaign}: {found:?}");
            }
        }
    }
    // The projects' campaigns need the statuses of all workflows that name none.
    let (mut document, mut facts) = (document(), facts());
    document["workflows"][0]["actions"] = json!([{"campaign_member": {"status": "Attended"}}, {"campaign_member": {"status": "No show"}}]);
    document["projects"]["list"] = json!({"p1": {"name": "P", "campaign": {"name": "Fair"}}});
    known(&mut facts);
    let found = check(&document, &facts);
    assert!(found.contains(&(Error, "campaign_status_unknown".to_owned(), "projects.list.p1.campaign".to_owned())), "{found:?}");
}

#[test]
fn substitutes_for_owners_that_are_not_there_are_told() {
    let list = json!([{"queue": "Fair"}, {"queue": "Nowhere"}, {"user": "A@b.fr"}, {"user": "gone@b.fr"}, "integration"]);
    let (mut document, mut facts) = (document(), facts());
    document["people"]["owner"] = json!("collaborator");
    document["people"]["owner_fallback"] = list;
    facts.substitutes = Some([OwnerFallback::Queue("Fair".to_owned()), OwnerFallback::User("a@b.fr".to_owned())].into());
    let found = check(&document, &facts);
    let told: Vec<&str> = found.iter().filter(|(_, code, _)| code == "owner_fallback_unknown").map(|(.., place)| place.as_str()).collect();
    assert_eq!(told, ["people.owner_fallback[1]", "people.owner_fallback[3]"]);
}

#[test]
fn accounts_that_sharing_hides_are_told_where_accounts_are_looked_for() {
    for (mode, told) in [("off", false), ("find", true), ("find_or_create", true)] {
        let (mut document, mut facts) = (document(), facts());
        document["people"]["account"] = json!({"mode": mode});
        facts.organization.as_mut().unwrap().private.insert("Account".to_owned());
        let found = check(&document, &facts);
        let wanted = (Severity::Warning, "view_all_missing".to_owned(), "people.account.mode".to_owned());
        assert_eq!(found.contains(&wanted), told, "{mode}: {found:?}");
    }
}
