//! Transformations as tables.
#![allow(clippy::unwrap_used)]

use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::mapping::AttributeType;

fn chain(steps: Value, input: Option<AttributeType>) -> Chain {
    let steps: Vec<Transformation> = serde_json::from_value(steps).unwrap();
    Chain::compile(&steps, "transform", input, Some("FR")).unwrap()
}

fn run(steps: Value, value: Value) -> Result<Value, TransformError> {
    let person = [("person.last_name", json!("Dumontier")), ("person.company", json!("KAYO")), ("data.tags", json!(["a", "b"]))];
    let other = |path: &str| person.iter().find(|(own, _)| *own == path).map(|(_, value)| value);
    let zone = TimeZone::get("Europe/Paris").unwrap();
    let ran = chain(steps, None).run(&value, &other, &zone).map(|value| value.into_owned());
    ran.map_err(|fault| fault.error)
}

#[test]
fn every_transformation() {
    let table = [
        (json!(["trim"]), json!("  a  b\n"), json!("a b")),
        (json!(["upper"]), json!("été"), json!("ÉTÉ")),
        (json!(["lower"]), json!("ÉTÉ"), json!("été")),
        (json!(["capitalize"]), json!("JEAN-MARC d'ORNANO"), json!("Jean-Marc D'ornano")),
        (json!([{"phone": {"form": "national"}}]), json!("+33612345678"), json!("0612345678")),
        (json!([{"phone": {"form": "national_spaced"}}]), json!("+33612345678"), json!("06 12 34 56 78")),
        (json!([{"phone": {"form": "e164"}}]), json!("06.12.34.56.78"), json!("+33612345678")),
        (json!([{"phone": {"form": "e164"}}]), json!("0033 6 12 34 56 78"), json!("+33612345678")),
        (json!([{"phone": {"form": "international"}}]), json!("0612345678"), json!("+33 6 12 34 56 78")),
        (json!([{"phone": {"form": "national"}}]), json!("+44 20 7031 3000"), json!("+442070313000")),
        (json!([{"phone": {"form": "e164", "country": "GB"}}]), json!("020 7031 3000"), json!("+442070313000")),
        (json!([{"replace": {"pattern": "^\\+33\\s*", "with": "0"}}]), json!("+33 612345678"), json!("0612345678")),
        (json!([{"replace": {"pattern": "(\\w+) (\\w+)", "with": "$2 $1"}}]), json!("Éva Noël"), json!("Noël Éva")),
        (json!([{"concat": {"with": ["person.last_name", "person.nothing"]}}]), json!("Valentin"), json!("Valentin Dumontier")),
        (json!([{"concat": {"with": ["data.tags"], "separator": "/"}}]), json!(null), json!("a/b")),
        (json!([{"template": "{{ value }} ({{ person.company }}{{ person.nothing }})"}]), json!("CTO"), json!("CTO (KAYO)")),
        (json!([{"substring": {"start": 1, "length": 2}}]), json!("a👨‍👩‍👧é\u{301}b"), json!("👨‍👩‍👧é\u{301}")),
        (json!([{"date_format": {"from": "%d/%m/%Y"}}]), json!("01/03/2026"), json!("2026-03-01")),
        (json!([{"date_format": {"from": "%d/%m/%Y %H:%M"}}]), json!("01/03/2026 14:05"), json!("2026-03-01T14:05:00")),
        (json!([{"date_format": {"to": "%d/%m/%Y"}}]), json!("2026-03-01"), json!("01/03/2026")),
        (json!([{"date_format": {"to": "%d/%m/%Y %H:%M"}}]), json!("2026-03-01T23:30:00Z"), json!("02/03/2026 00:30")),
        (json!([{"values": {"map": {"M": "Mr."}}}]), json!("M"), json!("Mr.")),
        (json!([{"values": {"map": {"M": "Mr."}}}]), json!("Dr"), json!("Dr")),
        (json!([{"values": {"map": {"M": "Mr."}, "otherwise": "Other"}}]), json!("Dr"), json!("Other")),
        (json!([{"values": {"map": {"1": "One", "true": "Yes"}}}]), json!([1, true]), json!(["One", "Yes"])),
        (json!([{"default": "none"}]), json!(" "), json!("none")),
        (json!([{"default": "none"}]), json!("some"), json!("some")),
        (json!([{"split": ","}]), json!("a, b,,c"), json!(["a", "b", "c"])),
        (json!([{"join": " | "}]), json!(["a", "", "b"]), json!("a | b")),
        (json!([{"number_format": {"decimals": 2, "point": ",", "thousands": " "}}]), json!(1_234_567.895), json!("1 234 567,90")),
        (json!([{"number_format": {}}]), json!("-0.4"), json!("0")),
        (json!([{"hash": "sha256"}]), json!("abc"), json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
        // Chains, and lists value by value.
        (json!([{"split": ";"}, "trim", "upper", {"join": "-"}]), json!("a ;b"), json!("A-B")),
        (json!(["lower", {"values": {"map": {"monsieur": "Mr."}}}, {"default": "?"}]), json!("Monsieur"), json!("Mr.")),
    ];
    for (steps, value, want) in table {
        assert_eq!(run(steps.clone(), value.clone()), Ok(want), "{steps} {value}");
    }
}

/// The case that Skeepers' own document gives.
#[test]
fn a_french_mobile_number_in_its_national_form() {
    assert_eq!(run(json!([{"phone": {"form": "national", "country": "FR"}}]), json!("+33698765432")), Ok(json!("0698765432")));
}

#[test]
fn blanks_pass_through() {
    for step in
        [json!("trim"), json!("upper"), json!({"phone": {"form": "e164"}}), json!({"hash": "sha256"}), json!({"split": ","}), json!({"join": ","})]
    {
        assert_eq!(run(json!([step]), json!(null)), Ok(json!(null)), "{step}");
    }
}

#[test]
fn values_that_cannot_be_transformed() {
    for (steps, value, want) in [
        (json!([{"phone": {"form": "e164"}}]), json!("none"), TransformError::Phone),
        (json!([{"phone": {"form": "e164"}}]), json!("12"), TransformError::Phone),
        (json!([{"date_format": {"from": "%d/%m/%Y"}}]), json!("2026-03-01"), TransformError::DateFormat),
        (json!([{"date_format": {"from": "%d/%m/%Y"}}]), json!("31/02/2026"), TransformError::DateFormat),
        (json!([{"number_format": {}}]), json!("a lot"), TransformError::Value(crate::domain::mapping::codec::CodecError::NotNumber)),
        (json!(["upper"]), json!({"a": 1}), TransformError::Value(crate::domain::mapping::codec::CodecError::Structure)),
    ] {
        assert_eq!(run(steps.clone(), value.clone()), Err(want), "{steps} {value}");
    }
    let fault = chain(json!(["trim", {"phone": {"form": "e164"}}]), None).run(&json!("x"), &|_| None, &TimeZone::UTC).unwrap_err();
    assert_eq!(fault.to_string(), "Transformation 2: This is not a phone number of that country.");
}

#[test]
fn broken_chains_are_refused_with_their_place() {
    use AttributeType as A;
    for (steps, input, place) in [
        (json!(["trim", {"replace": {"pattern": "(", "with": ""}}]), None, "t[1].replace"),
        (json!([{"template": "{{ a"}]), None, "t[0].template"),
        (json!([{"template": "{{ secrets.key }}"}]), None, "t[0].template"),
        (json!([{"concat": {"with": ["email"]}}]), None, "t[0].concat"),
        (json!([{"phone": {"form": "e164", "country": "Frankreich"}}]), None, "t[0].phone"),
        (json!([{"date_format": {"to": "%Q%"}}]), None, "t[0].date_format"),
        (json!([{"date_format": {"to": "day"}}]), None, "t[0].date_format"),
        (json!([{"substring": {"length": 0}}]), None, "t[0].substring"),
        (json!([{"default": {"a": 1}}]), None, "t[0].default"),
        (json!([{"split": ""}]), None, "t[0].split"),
        (json!([{"number_format": {"decimals": 19}}]), None, "t[0].number_format"),
        // Types.
        (json!([{"join": ","}]), Some(A::Text), "t[0].join"),
        (json!(["upper"]), Some(A::Boolean), "t[0].upper"),
        (json!([{"number_format": {}}]), Some(A::Date), "t[0].number_format"),
        (json!([{"date_format": {}}]), Some(A::Boolean), "t[0].date_format"),
        (json!([{"split": ","}, {"number_format": {}}]), Some(A::Text), "t[1].number_format"),
        (json!([{"template": "x"}]), Some(A::File), "t[0].template"),
    ] {
        let steps: Vec<Transformation> = serde_json::from_value(steps).unwrap();
        let faults = Chain::compile(&steps, "t", input, Some("FR")).unwrap_err();
        assert_eq!(faults.first().unwrap().place, place, "{faults:?}");
    }
}

#[test]
fn what_comes_back_is_told_and_read_backwards() {
    let salutation = json!(["trim", {"values": {"map": {"M": "Mr.", "Mme": "Ms."}}}]);
    assert!(chain(salutation.clone(), None).goes_back());
    assert_eq!(chain(salutation, None).back(json!("Ms.")), json!("Mme"));
    for one_way in [json!([{"hash": "sha256"}]), json!([{"template": "{{ value }}!"}]), json!([{"values": {"map": {"a": "x", "b": "x"}}}])] {
        assert!(!chain(one_way.clone(), None).goes_back(), "{one_way}");
    }
}

proptest! {
    /// Whatever goes back and forth must come to rest: what is sent a second time is what was sent the first.
    #[test]
    fn chains_that_go_back_are_steady(text in "[a-zé '-]{0,12}|\\+?[0-9 .]{3,14}", steps in prop::sample::subsequence(vec!["trim", "upper", "lower", "capitalize"], 0..4)) {
        let chain = chain(json!(steps), None);
        let once = chain.run(&json!(text), &|_| None, &TimeZone::UTC).unwrap().into_owned();
        let twice = chain.run(&once, &|_| None, &TimeZone::UTC).unwrap().into_owned();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn no_text_breaks_a_phone_number(text in any::<String>()) {
        for form in [PhoneForm::E164, PhoneForm::International, PhoneForm::National, PhoneForm::NationalSpaced] {
            let once = phone::write(&text, form, Some(phonenumber::country::FR));
            if let Some(number) = once {
                prop_assert_eq!(phone::write(&number, form, Some(phonenumber::country::FR)), Some(number));
            }
        }
    }
}
