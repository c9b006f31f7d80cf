//! The codec as tables, and its round trips as laws.
#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, civil, tz::TimeZone};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::*;
use crate::domain::mapping::{
    FieldType,
    compat::{self, Compatibility},
};

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn field(kind: FieldType) -> Field {
    Field { kind, length: 255, precision: 18, scale: 4, nillable: true, createable: true, updateable: true, ..Field::default() }
}

#[test]
fn platform_values_in_every_type_of_field() {
    use FieldType as F;
    let table = [
        (F::String, json!("  Ö😀 "), json!("Ö😀")),
        (F::String, json!(12.50), json!("12.5")),
        (F::String, json!(true), json!("true")),
        (F::String, json!(["a", "", "b"]), json!("a;b")),
        (F::TextArea, json!("one\ntwo"), json!("one\ntwo")),
        (F::Email, json!(" A@b.fr"), json!("A@b.fr")),
        (F::Phone, json!(33_612_345_678_i64), json!("33612345678")),
        (F::Url, json!("https://kayo.fr"), json!("https://kayo.fr")),
        (F::Combobox, json!("Call"), json!("Call")),
        (F::Picklist, json!(["Hot"]), json!("Hot")),
        (F::MultiPicklist, json!(["a", "b", "a"]), json!("a;b")),
        (F::MultiPicklist, json!("a; b;"), json!("a;b")),
        (F::Boolean, json!("Oui"), json!(true)),
        (F::Boolean, json!(0), json!(false)),
        (F::Int, json!("12"), json!(12)),
        (F::Int, json!(12.0), json!(12)),
        (F::Long, json!(9_000_000_000_i64), json!(9_000_000_000_i64)),
        (F::Double, json!("1.00005"), json!(1.0001)),
        (F::Currency, json!("12345678901234.5678"), json!("12345678901234.5678")),
        (F::Percent, json!(19.6), json!(19.6)),
        (F::Date, json!("2026-03-01"), json!("2026-03-01")),
        (F::Date, json!("2026-03-01T23:30:00-08:00"), json!("2026-03-01")),
        (F::DateTime, json!("2026-03-01T14:05:00+01:00"), json!("2026-03-01T13:05:00.000+0000")),
        (F::DateTime, json!("2026-07-01T14:05:00"), json!("2026-07-01T12:05:00.000+0000")),
        (F::DateTime, json!("2026-07-01"), json!("2026-06-30T22:00:00.000+0000")),
        (F::DateTime, json!("2012-07-12T17:49:01.987+0000"), json!("2012-07-12T17:49:01.000+0000")),
        (F::Time, json!("14:05"), json!("14:05:00.000Z")),
        (F::Time, json!("14:05:06.789Z"), json!("14:05:06.789Z")),
        (F::Reference, json!("005B0000005Bk90"), json!("005B0000005Bk90IAC")),
    ];
    for (kind, value, want) in table {
        assert_eq!(encode(&value, None, &field(kind.clone()), &paris()), Ok(Some(want)), "{kind:?} {value}");
    }
}

#[test]
fn values_without_a_form_are_refused_with_the_reason() {
    use CodecError as E;
    use FieldType as F;
    let table = [
        (F::String, json!({"a": 1}), E::Structure),
        (F::String, json!([["a"]]), E::Structure),
        (F::Picklist, json!(["a", "b"]), E::Several),
        (F::MultiPicklist, json!(["a;b"]), E::Separator),
        (F::Boolean, json!("peut-être"), E::NotBoolean),
        (F::Boolean, json!(2), E::NotBoolean),
        (F::Int, json!(1.5), E::NotWhole),
        (F::Double, json!("1,5"), E::NotNumber),
        (F::Date, json!("01/03/2026"), E::NotDate),
        (F::Date, json!("2025-02-29"), E::NotDate),
        (F::Date, json!("20260301"), E::NotDate),
        (F::Date, json!("1650-01-01"), E::YearOutOfRange),
        (F::DateTime, json!("tomorrow"), E::NotDateTime),
        (F::DateTime, json!(1_767_225_600), E::NotDateTime),
        (F::DateTime, json!("4000-12-31T23:30:00-08:00"), E::YearOutOfRange),
        (F::Time, json!("2 pm"), E::NotTime),
        (F::Reference, json!("nobody"), E::NotRecord),
        (F::Base64, json!("AAAA"), E::Closed),
        (F::EncryptedString, json!("x"), E::Closed),
        (F::Address, json!("x"), E::Closed),
        (F::Location, json!("x"), E::Closed),
    ];
    for (kind, value, want) in table {
        assert_eq!(encode(&value, None, &field(kind.clone()), &paris()), Err(want), "{kind:?} {value}");
    }
    assert_eq!(encode(&json!("a.pdf"), Some(AttributeType::File), &field(F::String), &paris()), Err(E::Closed));
    assert_eq!(encode(&json!("a.png"), Some(AttributeType::Picture), &field(F::Url), &paris()), Err(E::Closed));
}

/// inwink's "nullable boolean": what is not known is not written, and never as false.
#[test]
fn an_unknown_boolean_is_never_false() {
    for unknown in [json!(null), json!(""), json!([]), json!("  ")] {
        assert_eq!(encode(&unknown, Some(AttributeType::Boolean), &field(FieldType::Boolean), &paris()), Ok(None), "{unknown}");
    }
    assert!(encode(&json!("unknown"), Some(AttributeType::Boolean), &field(FieldType::Boolean), &paris()).is_err());
}

#[test]
fn only_declared_moments_are_read_in_the_connections_zone() {
    let late = json!("2026-03-01T23:30:00Z");
    assert_eq!(encode(&late, Some(AttributeType::Date), &field(FieldType::Date), &paris()), Ok(Some(json!("2026-03-01"))));
    assert_eq!(encode(&late, Some(AttributeType::Datetime), &field(FieldType::Date), &paris()), Ok(Some(json!("2026-03-02"))));
}

#[test]
fn values_of_a_field_that_say_the_same() {
    use FieldType as F;
    for (kind, a, b, want) in [
        (F::String, json!("A"), json!(" A "), true),
        (F::String, json!(""), json!(null), true),
        (F::String, json!("a"), json!("A"), false),
        (F::Email, json!("J@K.fr"), json!("j@k.fr"), true),
        (F::MultiPicklist, json!("a;b"), json!("b;a"), true),
        (F::MultiPicklist, json!("a;b"), json!("a"), false),
        (F::Currency, json!(1000), json!(1000.0), true),
        (F::Double, json!("1.00001"), json!(1.0), true),
        (F::Double, json!("1.0001"), json!(1.0), false),
        (F::DateTime, json!("2026-03-01T13:05:00.000+0000"), json!("2026-03-01T14:05:00.900+01:00"), true),
        (F::Time, json!("14:05:00.000Z"), json!("14:05:00"), true),
        (F::Reference, json!("005B0000005Bk90"), json!("005B0000005Bk90IAC"), true),
        (F::Boolean, json!(false), json!(null), false),
    ] {
        assert_eq!(same(Some(&field(kind.clone())), &a, &b), want, "{kind:?} {a} {b}");
    }
    assert!(same(None, &json!(5), &json!(5.0)) && !same(None, &json!("5"), &json!(5)));
}

/// A value of an attribute as the platform writes it: the form that comes back.
fn canonical(kind: AttributeType) -> BoxedStrategy<Value> {
    use AttributeType as A;
    let word = "[A-Za-zÀ-ÿ😀0-9]{1,12}";
    match kind {
        A::Text | A::LongText | A::Select => "[A-Za-zÀ-ÿ😀0-9][A-Za-zÀ-ÿ😀0-9 .,-]{0,30}[A-Za-zÀ-ÿ0-9]".prop_map(Value::from).boxed(),
        A::Email => "[a-z]{1,9}@[a-z]{1,9}\\.fr".prop_map(Value::from).boxed(),
        A::Phone => "\\+33[1-9][0-9]{8}".prop_map(Value::from).boxed(),
        A::Url => "https://[a-z]{1,9}\\.fr/[a-z0-9]{0,9}".prop_map(Value::from).boxed(),
        A::Integer => (-99_999_999_i64..=99_999_999).prop_map(Value::from).boxed(),
        A::Number => (-999_999_999_999_999_999_i64..=999_999_999_999_999_999, 0_u32..=4)
            .prop_map(|(mantissa, scale)| number::write(Decimal::new(mantissa, scale)))
            .boxed(),
        A::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        A::Date => day().prop_map(|day| Value::from(day.to_string())).boxed(),
        A::Datetime => moment().prop_map(|moment| Value::from(moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())).boxed(),
        A::Time => (0_i8..24, 0_i8..60, 0_i8..60).prop_map(|(h, m, s)| Value::from(format!("{h:02}:{m:02}:{s:02}"))).boxed(),
        A::MultiSelect => proptest::collection::btree_set(word, 1..5).prop_map(|parts| Value::from(Vec::from_iter(parts))).boxed(),
        A::File | A::Picture => Just(Value::Null).boxed(),
    }
}

fn day() -> impl Strategy<Value = civil::Date> {
    (1701_i16..=3999, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| civil::date(year, month, day))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (-8_000_000_000_i64..64_000_000_000).prop_map(|second| Timestamp::from_second(second).unwrap())
}

/// Every pair of types between which nothing of these values is lost: those that the table calls exact both ways, and of the
/// conversions those that read what they wrote.
fn lossless() -> Vec<(AttributeType, FieldType)> {
    use AttributeType as A;
    use FieldType as F;
    let exact = |kind: A, to: &F| {
        let field = field(to.clone());
        compat::to_salesforce(kind, &field) == Compatibility::Exact && compat::to_platform(&field, kind) == Compatibility::Exact
    };
    let mut pairs: Vec<(A, F)> = A::ALL.into_iter().flat_map(|kind| F::all().filter(move |to| exact(kind, to)).map(move |to| (kind, to))).collect();
    assert!(pairs.contains(&(A::Integer, F::Long)) && pairs.contains(&(A::MultiSelect, F::MultiPicklist)), "{pairs:?}");
    for kind in [A::Text, A::LongText, A::Email, A::Phone, A::Url, A::Integer, A::Number, A::Boolean, A::Date, A::Datetime, A::Time] {
        pairs.extend([F::String, F::TextArea, F::Combobox].map(|text| (kind, text)));
    }
    pairs.extend([
        // At the field's scale, and to the second.
        (A::Number, F::Double),
        (A::Number, F::Currency),
        (A::Number, F::Percent),
        (A::Date, F::DateTime),
        (A::Datetime, F::DateTime),
        (A::Time, F::Time),
        (A::Text, F::Picklist),
    ]);
    pairs
}

/// Every pair of which the table says that the field's values are the attribute's too, with values of the field.
fn told_exactly() -> Vec<(FieldType, AttributeType)> {
    let exact = |from: &FieldType, to: AttributeType| compat::to_platform(&field(from.clone()), to) == Compatibility::Exact;
    let every = FieldType::all().flat_map(|from| AttributeType::ALL.map(|to| (from.clone(), to)));
    every.filter(|(from, to)| exact(from, *to)).collect()
}

fn zone() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(vec!["Europe/Paris", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia", "UTC"])
        .prop_map(|name| TimeZone::get(name).unwrap())
}

proptest! {
    #[test]
    fn what_goes_to_salesforce_comes_back(
        ((kind, to), value, zone) in prop::sample::select(lossless())
            .prop_flat_map(|(kind, to)| (Just((kind, to)), canonical(kind), zone())),
    ) {
        let field = field(to);
        let there = encode(&value, Some(kind), &field, &zone).unwrap().unwrap();
        prop_assert_eq!(decode(&there, &field, kind, &zone), Ok(Some(value)));
        // And what is written is written alike a second time: a value never looks changed for having been sent.
        prop_assert_eq!(encode(&there, None, &field, &zone), Ok(Some(there.clone())));
        prop_assert!(same(Some(&field), &there, &there));
    }

    /// The other direction: a value of the field is the attribute's, and goes back as the same value.
    #[test]
    fn what_comes_from_salesforce_goes_back(
        ((from, to), value, zone) in prop::sample::select(told_exactly())
            .prop_flat_map(|(from, to)| {
                // Whole numbers are numbers too, but not every number is one.
                let values = canonical(if from.family() == Family::Whole { AttributeType::Integer } else { to });
                (Just((from, to)), values, zone())
            }),
    ) {
        let field = field(from);
        let Ok(Some(seen)) = encode(&value, Some(to), &field, &zone) else { return Err(TestCaseError::fail(format!("{value} is no value of {:?}", field.kind))) };
        let told = decode(&seen, &field, to, &zone).unwrap().unwrap();
        prop_assert_eq!(&told, &value);
        let back = encode(&told, Some(to), &field, &zone).unwrap().unwrap();
        prop_assert!(same(Some(&field), &back, &seen), "{} became {}", seen, back);
    }

    #[test]
    fn days_are_the_same_in_every_zone(day in day(), a in zone(), b in zone()) {
        let text = Value::from(day.to_string());
        let there = encode(&text, Some(AttributeType::Date), &field(FieldType::Date), &a).unwrap().unwrap();
        prop_assert_eq!(decode(&there, &field(FieldType::Date), AttributeType::Date, &b), Ok(Some(text)));
    }

    #[test]
    fn nothing_breaks_the_codec(text in any::<String>(), number in any::<f64>(), kind in prop::sample::select(FieldType::all().collect::<Vec<_>>())) {
        for value in [json!(text), json!(number), json!([text, number]), json!({"a": text})] {
            if let Ok(Some(written)) = encode(&value, None, &field(kind.clone()), &TimeZone::UTC) {
                prop_assert!(encode(&written, None, &field(kind.clone()), &TimeZone::UTC).is_ok());
                prop_assert!(AttributeType::ALL.into_iter().all(|to| decode(&written, &field(kind.clone()), to, &TimeZone::UTC) != Ok(None)));
            }
        }
    }
}
