//! The checks as tables; the simulated org's verdicts are compared with in the scenarios.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::{fit::shortened, *};
use crate::domain::mapping::{
    Reason,
    transform::{TransformError, TransformFault},
};

fn field(kind: FieldType) -> Field {
    Field { kind, length: 10, precision: 6, scale: 2, createable: true, updateable: true, nillable: true, ..Field::default() }
}

fn grade() -> Field {
    Field { restricted: true, picklist: vec!["Hot".to_owned(), "Cold".to_owned()], ..field(FieldType::Picklist) }
}

#[test]
fn a_misfit_is_told_in_the_customers_language() {
    let fault = TransformFault { step: 1, error: TransformError::Phone };
    let every = [
        Misfit::NoField,
        Misfit::NotWritable,
        Misfit::Needed,
        Misfit::TooLong { length: 81, limit: 80 },
        Misfit::NotListed,
        Misfit::NotEmail,
        Misfit::OutOfRange { digits: 4 },
        Misfit::OutOfBounds { bound: 90 },
        Misfit::OtherRecord,
        CodecError::NotBoolean.into(),
        fault.into(),
    ];
    for misfit in &every {
        let words = misfit.words();
        assert_eq!(misfit.to_string(), words.en);
        assert!(words.fr != words.en && words.fr.ends_with('.') && words.en.ends_with('.'), "{misfit:?}");
    }
    assert_eq!(every[3].words().fr, "La valeur a 81 caractères, et le champ en accepte 80.");
    assert_eq!(every[10].words().fr, "Transformation 2 : Ce n'est pas un numéro de téléphone de ce pays.");
}

#[test]
fn values_that_fit_and_values_that_do_not() {
    use FieldType as F;
    let grades = Field { kind: F::MultiPicklist, ..grade() };
    let name = Field { nillable: false, required: true, ..field(F::String) };
    let owner = Field { references: vec!["User".to_owned(), "Group".to_owned()], ..field(F::Reference) };
    let table = [
        (field(F::String), json!("x".repeat(10)), None),
        (field(F::String), json!("x".repeat(11)), Some("STRING_TOO_LONG")),
        // Ten units: an emoji is two.
        (field(F::String), json!("😀😀😀😀😀"), None),
        (field(F::String), json!("😀😀😀😀😀a"), Some("STRING_TOO_LONG")),
        (field(F::String), json!(format!("  {}  ", "x".repeat(10))), None),
        (field(F::String), json!(null), None),
        (name, json!(null), Some("REQUIRED_FIELD_MISSING")),
        (field(F::Email), json!("a@b.fr"), None),
        (field(F::Email), json!("a@b"), Some("INVALID_EMAIL_ADDRESS")),
        (grade(), json!("Hot"), None),
        (grade(), json!("hot"), Some("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")),
        (Field { restricted: false, ..grade() }, json!("hot"), None),
        (grades.clone(), json!("Hot;Cold"), None),
        (grades, json!("Hot;Warm"), Some("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")),
        (Field { bound: Some(90), ..field(F::Double) }, json!(-90.004), None),
        (Field { bound: Some(90), ..field(F::Double) }, json!(-90.005), Some("NUMBER_OUTSIDE_VALID_RANGE")),
        (field(F::Double), json!(9999.994), None),
        (field(F::Double), json!(9999.995), Some("NUMBER_OUTSIDE_VALID_RANGE")),
        (field(F::Currency), json!(-10_000), Some("NUMBER_OUTSIDE_VALID_RANGE")),
        (field(F::Double), json!(1e300), Some("NUMBER_OUTSIDE_VALID_RANGE")),
        (field(F::Double), json!("many"), Some("JSON_PARSER_ERROR")),
        (Field { scale: 0, ..field(F::Int) }, json!(1.5), Some("JSON_PARSER_ERROR")),
        (field(F::Boolean), json!(null), Some("REQUIRED_FIELD_MISSING")),
        (owner.clone(), json!("005B0000005Bk90IAC"), None),
        (owner.clone(), json!("001B0000005Bk90IAC"), Some("MALFORMED_ID")),
        (owner, json!("nobody"), Some("MALFORMED_ID")),
        (Field { updateable: false, ..field(F::String) }, json!("x"), Some("INVALID_FIELD_FOR_INSERT_UPDATE")),
    ];
    for (field, value, want) in table {
        let verdict = check(&field, &value, Operation::Update).err();
        assert_eq!(verdict.as_ref().map(Misfit::salesforce_code), want, "{field:?} {value}");
    }
    let once = Field { updateable: false, ..field(F::String) };
    assert_eq!(check(&once, &json!("x"), Operation::Create), Ok(()));
    let defaulted = Field { nillable: false, ..field(F::String) };
    assert_eq!(check(&defaulted, &json!(null), Operation::Create), Ok(()));
}

#[test]
fn what_is_done_with_values_that_do_not_fit() {
    let title = field(FieldType::String);
    let long = || json!("Directrice générale");
    let too_long = Misfit::TooLong { length: 19, limit: 10 };
    let bad = || json!("Warm");
    for (overflow, field, value, want) in [
        (Overflow::Park, &title, long(), Fitted::Park(too_long.clone())),
        (Overflow::Truncate, &title, long(), Fitted::Send(json!("Directrice"), Some(Reason::Truncated))),
        (Overflow::Drop, &title, long(), Fitted::Drop(too_long.clone())),
        (Overflow::Default(json!("?")), &title, long(), Fitted::Send(json!("?"), Some(Reason::Replaced))),
        (Overflow::Default(long()), &title, long(), Fitted::Park(too_long)),
        (Overflow::Truncate, &grade(), bad(), Fitted::Park(Misfit::NotListed)),
        (Overflow::Default(json!("Cold")), &grade(), bad(), Fitted::Send(json!("Cold"), Some(Reason::Replaced))),
        (Overflow::Drop, &grade(), json!("Hot"), Fitted::Send(json!("Hot"), None)),
    ] {
        assert_eq!(fit(&overflow, field, value, Operation::Update, &TimeZone::UTC), want, "{overflow:?}");
    }
}

/// A default is written by people: it takes the form of its field like any value of the platform.
#[test]
fn a_default_takes_the_form_of_the_field() {
    use FieldType as F;
    let paris = TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC);
    let grades = Field { kind: F::MultiPicklist, ..grade() };
    for (field, default, want) in [
        (field(F::DateTime), json!("2026-07-01T14:05:00"), Some(json!("2026-07-01T12:05:00.000+0000"))),
        (field(F::DateTime), json!("2026-07-01"), Some(json!("2026-06-30T22:00:00.000+0000"))),
        (field(F::String), json!(12), Some(json!("12"))),
        (grades, json!(["Hot", "Cold"]), Some(json!("Hot;Cold"))),
        (field(F::Boolean), json!("oui"), Some(json!(true))),
        (field(F::Double), json!("12.505"), Some(json!(12.51))),
        (field(F::Time), json!("14:05"), Some(json!("14:05:00.000Z"))),
        (field(F::Date), json!("soon"), None),
        (field(F::Boolean), json!("maybe"), None),
    ] {
        let overflow = Overflow::Default(default.clone());
        let fitted = refit(&overflow, &field, None, Misfit::NotListed, Operation::Update, &paris);
        let want = want.map_or(Fitted::Park(Misfit::NotListed), |value| Fitted::Send(value, Some(Reason::Replaced)));
        assert_eq!(fitted, want, "{:?} {default}", field.kind);
    }
}

#[test]
fn texts_are_cut_between_characters() {
    for (text, limit, family, want) in [
        ("abc", 2, Family::Text, "ab"),
        ("ab cd", 3, Family::Text, "ab"),
        ("a😀b", 2, Family::Text, "a"),
        ("e\u{301}e\u{301}", 3, Family::Text, "e\u{301}"),
        ("👨‍👩‍👧x", 7, Family::Text, ""),
        ("red;green;blue", 9, Family::Choices, "red;green"),
        ("red;green;blue", 8, Family::Choices, "red"),
    ] {
        assert_eq!(shortened(text, limit, family), want, "{text} {limit}");
    }
}

#[test]
fn what_a_new_record_lacks() {
    let schema = ObjectSchema {
        object: "Lead".parse().unwrap_or_else(|_| unreachable!()),
        fields: [("Grade__c", true), ("OwnerId", true), ("Title", false)]
            .map(|(name, required)| (FieldName::known(name), Field { required, ..field(FieldType::String) }))
            .into(),
    };
    let names = |missing: Vec<FieldName>| missing.iter().map(FieldName::to_string).collect::<Vec<_>>();
    assert_eq!(names(missing("Lead", Some(&schema), &|name| name == "LastName")), ["Company", "Grade__c"]);
    assert_eq!(names(missing("Contact", None, &|_| false)), ["LastName"]);
    assert!(missing("Badge__c", None, &|_| false).is_empty());
}

proptest! {
    #[test]
    fn what_was_shortened_fits_and_is_a_beginning(text in "[a-zé😀 \u{301};]{0,40}", limit in 1_u32..30, choices in any::<bool>()) {
        let family = if choices { Family::Choices } else { Family::Text };
        let short = shortened(&text, limit, family);
        prop_assert!(length(&short) <= limit as usize);
        prop_assert!(text.trim().starts_with(&short));
        prop_assert_eq!(shortened(&short, limit, family), short);
    }
}
