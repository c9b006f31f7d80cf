//! Places on the earth: written by their parts, read as a whole too, and given and taken away together.

use super::*;
use crate::seed::FieldAccess;

fn place(access: FieldAccess) -> Seed {
    let mut seed = seed();
    seed.custom_fields.push(CustomField {
        sobject: "Lead".to_owned(),
        name: "Place__c".to_owned(),
        kind: CustomFieldKind::Location { scale: 4 },
        access,
        ..CustomField::default()
    });
    seed
}

#[test]
fn a_place_is_written_by_its_parts_and_read_as_a_whole() {
    let mut bench = Bench::with(&place(FieldAccess::Edit));
    let id = bench.lead("A");
    assert_eq!(bench.get("Lead", id)["Place__c"], Value::Null);
    bench.update("Lead", id, json!({"Place__Latitude__s": 48.858_37, "Place__Longitude__s": "-2.2945"})).unwrap();
    let lead = bench.get("Lead", id);
    assert_eq!(lead["Place__c"], json!({"latitude": 48.8584, "longitude": -2.2945}));
    assert_eq!((&lead["Place__Latitude__s"], &lead["Place__Longitude__s"]), (&json!(48.8584), &json!(-2.2945)));
    for (part, value, code) in [
        ("Place__Latitude__s", json!(90.0001), "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Place__Longitude__s", json!(-181), "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Place__c", json!({"latitude": 1, "longitude": 1}), "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ] {
        let mut fields = json!({});
        fields[part] = value;
        assert_eq!(codes(bench.update("Lead", id, fields)), [code], "{part}");
    }
}

#[test]
fn the_parts_of_a_place_are_open_to_whom_it_is_and_go_with_it() {
    let named = |lead: &Value| lead.as_object().unwrap().keys().filter(|name| name.starts_with("Place__")).count();
    for (access, seen) in [(FieldAccess::Edit, 3), (FieldAccess::ReadOnly, 3), (FieldAccess::Hidden, 0)] {
        let mut bench = Bench::with(&place(access));
        let id = bench.lead("A");
        assert_eq!(named(&bench.get("Lead", id)), seen, "{access:?}");
        let written = bench.update("Lead", id, json!({"Place__Latitude__s": 1})).is_ok();
        assert_eq!(written, access == FieldAccess::Edit, "{access:?}");
        bench.org.delete_custom_field("Lead", "Place__c").unwrap();
        assert_eq!(named(&bench.get("Lead", id)), 0, "{access:?}");
    }
}
