//! Every kind of change, as a table.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::domain::{config::parse_document, mapping::FieldMaps, uses::uses};

fn document() -> Document {
    parse_document(&json!({
        "connection": {"id": "c", "name": "C", "time_zone": "Europe/Paris"},
        "source": {"id": "s"},
        "platform": {"name": "P", "attributes": [
            {"name": "person.last_name", "type": "text", "required": true}, {"name": "person.company", "type": "text"},
            {"name": "person.grade", "type": "select"}, {"name": "person.mood", "type": "select"}, {"name": "person.score", "type": "number"}]},
        "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "k"}}},
        "people": {"lead_mapping": "lead"},
        "mappings": {"lead": {"object": "Lead", "fields": [
            {"from": "person.last_name", "to": "LastName"},
            {"from": "person.company", "to": "Company"},
            {"from": "person.grade", "to": "Grade__c", "values": {"1": "Hot", "2": "Cold"}},
            {"from": "person.score", "to": "Score__c"},
            {"from": "person.mood", "to": "Mood__c"}]}},
        "workflows": []
    }))
    .unwrap()
}

fn field(kind: FieldType) -> Field {
    Field { kind, length: 80, precision: 9, scale: 2, createable: true, updateable: true, nillable: true, ..Field::default() }
}

fn lead() -> ObjectSchema {
    let grade = Field { restricted: true, picklist: vec!["Hot".to_owned(), "Cold".to_owned()], ..field(FieldType::Picklist) };
    let fields = [
        ("LastName", Field { required: true, nillable: false, ..field(FieldType::String) }),
        ("Company", Field { required: true, nillable: false, ..field(FieldType::String) }),
        ("Mood__c", grade.clone()),
        ("Grade__c", grade),
        ("Score__c", field(FieldType::Double)),
        ("Other__c", field(FieldType::String)),
    ];
    ObjectSchema { object: ObjectName::known("Lead"), fields: fields.map(|(name, field)| (FieldName::known(name), field)).into() }
}

fn told(change: impl Fn(&mut Schemas)) -> Vec<(String, String)> {
    let document = document();
    let uses = uses(&document, &FieldMaps::compile(&document).unwrap());
    let mut schemas = Schemas([(ObjectName::known("Lead"), lead())].into());
    let lock = Lock::take(&document, &uses, &schemas);
    let lock: Lock = serde_json::from_str(&serde_json::to_string(&lock).unwrap()).unwrap();
    change(&mut schemas);
    lock.compare(&document, &uses, &schemas).into_iter().map(|finding| (finding.code.into_owned(), finding.place)).collect()
}

fn altered(name: &'static str, change: impl Fn(&mut Field)) -> Vec<(String, String)> {
    told(|schemas| change(schemas.0.values_mut().next().unwrap().fields.get_mut(&FieldName::known(name)).unwrap()))
}

#[test]
fn what_stays_or_becomes_better_is_no_problem() {
    assert!(told(|_| {}).is_empty());
    assert!(altered("Score__c", |field| field.precision = 18).is_empty());
    assert!(altered("LastName", |field| field.length = 255).is_empty());
    assert!(altered("Other__c", |field| field.kind = FieldType::Date).is_empty(), "no rule writes it");
    assert!(altered("Grade__c", |field| field.picklist.push("New".to_owned())).is_empty());
    let open = altered("Grade__c", |field| {
        field.restricted = false;
        field.picklist.clear();
    });
    assert!(open.is_empty(), "an open picklist takes everything");
    assert!(altered("LastName", |field| field.required = false).is_empty());
    assert!(altered("LastName", |field| field.createable = true).is_empty());
}

#[test]
fn every_change_for_the_worse_has_its_problem() {
    type Case = (&'static str, fn(&mut Field), &'static str, &'static str);
    let table: [Case; 11] = [
        ("Score__c", |f| f.kind = FieldType::String, "field_type_changed", "mappings.lead.fields[3].to"),
        ("Score__c", |f| f.computed = true, "field_type_changed", "mappings.lead.fields[3].to"),
        ("LastName", |f| f.length = 79, "field_shrunk", "mappings.lead.fields[0].to"),
        ("Score__c", |f| f.precision = 8, "field_shrunk", "mappings.lead.fields[3].to"),
        ("Score__c", |f| f.scale = 1, "field_shrunk", "mappings.lead.fields[3].to"),
        ("Grade__c", |f| f.picklist.retain(|value| value != "Cold"), "picklist_value_removed", "mappings.lead.fields[2].to"),
        // Nobody names its values here, but the platform may send any of them.
        ("Mood__c", |f| f.picklist.retain(|value| value != "Cold"), "picklist_value_removed", "mappings.lead.fields[4].to"),
        ("Company", |f| f.createable = false, "permission_lost", "mappings.lead.fields[1].to"),
        ("Company", |f| f.updateable = false, "permission_lost", "mappings.lead.fields[1].to"),
        ("Score__c", |f| f.required = true, "field_became_required", "mappings.lead.fields[3].from"),
        ("Other__c", |f| f.required = true, "field_became_required", "mappings.lead"),
    ];
    for (name, change, code, place) in table {
        assert_eq!(altered(name, change), [(code.to_owned(), place.to_owned())], "{name} {code}");
    }
    let gone = told(|schemas| drop(schemas.0.values_mut().next().unwrap().fields.remove(&FieldName::known("Company"))));
    assert_eq!(gone, [("field_vanished".to_owned(), "mappings.lead.fields[1].to".to_owned())]);
    let hidden = told(|schemas| schemas.0.clear());
    assert_eq!(hidden, [("object_vanished".to_owned(), "people.when_unknown".to_owned())]);
}
