#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::seed::{CustomField, CustomFieldKind, FieldAccess};

pub(super) fn standard() -> Schema {
    Schema::standard(Timestamp::UNIX_EPOCH)
}

pub(super) fn describe(schema: &Schema, name: &str) -> Value {
    let (_, object) = schema.object_named(name).unwrap();
    let context = DescribeContext { version: 66, instance_url: "https://org.my.salesforce.com", access: &|_, field| field.access };
    describe_object(schema, object, &context)
}

#[test]
fn every_standard_object_can_be_read() {
    let all = Schema::read_all(Timestamp::UNIX_EPOCH);
    for object in &all {
        let object = object.as_ref().unwrap_or_else(|bad| panic!("{bad}"));
        assert_eq!(&*object.fields[0].name, "Id", "{}", object.name);
    }
    assert_eq!(all.len(), standard().numbered().count());
}

#[test]
fn names_are_found_in_any_letter_case() {
    let schema = standard();
    let (_, lead) = schema.object_named("lEAD").unwrap();
    assert_eq!(&*lead.name, "Lead");
    assert_eq!(&*lead.field_named("lastname").unwrap().1.name, "LastName");
    assert_eq!(&*lead.relationship("owner").unwrap().1.name, "OwnerId");
    assert!(lead.field_named("Nope").is_none());
}

#[test]
fn the_name_field_is_known_for_each_object() {
    let schema = standard();
    for (object, want) in [("Lead", "Name"), ("Event", "Subject"), ("Task", "Subject"), ("CampaignMemberStatus", "Label")] {
        let (_, object) = schema.object_named(object).unwrap();
        let name = object.field(object.known.name.unwrap()).unwrap();
        assert_eq!(&*name.name, want);
    }
}

#[test]
fn required_fields_follow_from_the_flags() {
    let schema = standard();
    let required = |name: &str| -> Vec<String> {
        let (_, object) = schema.object_named(name).unwrap();
        let fields = object.fields.iter().filter(|field| field.is_required());
        fields.map(|field| field.name.to_string()).collect()
    };
    assert_eq!(required("Lead"), ["LastName", "Company"]);
    assert_eq!(required("Contact"), ["LastName"]);
    assert_eq!(required("Account"), ["Name"]);
    assert_eq!(required("Campaign"), ["Name"]);
    assert_eq!(required("CampaignMember"), ["CampaignId"]);
    assert_eq!(required("Task"), Vec::<String>::new());
    assert_eq!(required("Event"), Vec::<String>::new());
}

#[test]
fn a_custom_external_id_describes_itself() {
    let mut schema = standard();
    let fields = fields_of(&CustomField {
        sobject: "Lead".to_owned(),
        name: "Ext__c".to_owned(),
        kind: CustomFieldKind::Text { length: 64 },
        external_id: true,
        unique: true,
        ..CustomField::default()
    });
    let no = schema.object_no("Lead").unwrap();
    schema.object_mut(no).unwrap().add(fields.unwrap().remove(0)).unwrap();
    let lead = describe(&schema, "Lead");
    let fields = lead["fields"].as_array().unwrap();
    let ext = fields.iter().find(|field| field["name"] == "Ext__c").unwrap();
    for (key, want) in [
        ("externalId", Value::from(true)),
        ("unique", true.into()),
        ("idLookup", true.into()),
        ("caseSensitive", false.into()),
        ("length", 64.into()),
        ("byteLength", 192.into()),
        ("nillable", true.into()),
        ("custom", true.into()),
        ("label", "Ext".into()),
    ] {
        assert_eq!(ext[key], want, "{key}");
    }
}

#[test]
fn custom_fields_with_impossible_settings_are_refused() {
    let text = |length| CustomFieldKind::Text { length };
    let cases = [
        ("X", text(10), false),
        ("1__c", text(10), false),
        ("X___c", text(10), false),
        ("X__c", text(256), false),
        ("X__c", text(0), false),
        ("X__c", CustomFieldKind::LongTextArea { length: 255 }, false),
        ("X__c", CustomFieldKind::Number { precision: 19, scale: 0 }, false),
        ("X__c", CustomFieldKind::Number { precision: 4, scale: 5 }, false),
        ("X__c", CustomFieldKind::Checkbox, true),
        ("X__c", CustomFieldKind::Time, true),
        ("X__c", CustomFieldKind::Location { scale: 16 }, false),
        ("X__c", CustomFieldKind::Location { scale: 6 }, true),
    ];
    for (name, kind, external_id) in cases {
        let custom = CustomField { sobject: "Lead".to_owned(), name: name.to_owned(), kind: kind.clone(), external_id, ..CustomField::default() };
        assert!(fields_of(&custom).is_err(), "{name} {kind:?}");
    }
}

#[test]
fn children_are_the_references_of_other_objects() {
    let schema = standard();
    let lead = describe(&schema, "Lead");
    let links: Vec<_> = lead["childRelationships"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|link| !link["relationshipName"].is_null())
        .map(|link| (link["childSObject"].as_str().unwrap(), link["relationshipName"].as_str().unwrap()))
        .collect();
    assert_eq!(links, [("CampaignMember", "CampaignMembers"), ("Event", "Events"), ("LeadHistory", "Histories"), ("Task", "Tasks"),]);
}

#[test]
fn a_field_without_access_is_absent_and_a_read_only_one_is_not_writable() {
    let schema = standard();
    let (_, lead) = schema.object_named("Lead").unwrap();
    let context = DescribeContext {
        version: 66,
        instance_url: "",
        access: &|_, field| match &*field.name {
            "Phone" => FieldAccess::Hidden,
            "Title" => FieldAccess::ReadOnly,
            _ => FieldAccess::Edit,
        },
    };
    let document = describe_object(&schema, lead, &context);
    let fields = document["fields"].as_array().unwrap();
    assert!(fields.iter().all(|field| field["name"] != "Phone"));
    let title = fields.iter().find(|field| field["name"] == "Title").unwrap();
    assert_eq!(title["createable"], false);
    assert_eq!(title["updateable"], false);
}
