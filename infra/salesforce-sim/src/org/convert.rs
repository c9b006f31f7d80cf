//! Reads the JSON value of a field and checks it against the field's type, length and list.
//!
//! Two kinds of failure: a value of the wrong JSON type stops the whole request while it is read
//! (`JSON_PARSER_ERROR`), a value that breaks a rule is one of several errors of the record.
//! Source of the texts: recorded answers and the REST API Developer Guide.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde_json::Value;

use super::cell::{Cell, OwnedCell};
use super::decimal::Decimal;
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::{FieldDef, FieldType, Flag};

/// Why a value cannot be taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum BadValue {
    /// The request cannot be read.
    Unreadable(ApiError),
    /// The record cannot be saved.
    Invalid(ApiError),
}

type Converted = Result<OwnedCell, BadValue>;

/// Reads a value for a field. References are read here and looked up elsewhere.
pub(super) fn convert(field: &FieldDef, value: &Value) -> Converted {
    if value.is_null() {
        return if field.kind == FieldType::Boolean {
            Err(BadValue::Invalid(
                ApiError::new(400, "INVALID_TYPE_ON_FIELD_IN_RECORD", format!("{}: value not of required type: null", field.label))
                    .about([&*field.name]),
            ))
        } else {
            Ok(Cell::Null)
        };
    }
    match field.kind {
        FieldType::Boolean => boolean(value),
        FieldType::Int => number(field, value, "int"),
        FieldType::Double | FieldType::Currency | FieldType::Percent => number(field, value, "double"),
        FieldType::Date => date(value),
        FieldType::DateTime => instant(value),
        FieldType::Time => time_of_day(value),
        FieldType::Id | FieldType::Reference => reference(field, value),
        _ => text(field, value),
    }
}

/// The error for a JSON value that the field's type cannot be read from. The place is the
/// beginning of the line: the request's own text is not known here.
fn unreadable(kind: &str, value: &Value) -> BadValue {
    let token = match value {
        Value::Null => "VALUE_NULL".to_owned(),
        Value::Bool(true) => "VALUE_TRUE value true".to_owned(),
        Value::Bool(false) => "VALUE_FALSE value false".to_owned(),
        Value::Number(number) if number.is_f64() => format!("VALUE_NUMBER_FLOAT value {number}"),
        Value::Number(number) => format!("VALUE_NUMBER_INT value {number}"),
        Value::String(text) => format!("VALUE_STRING value {text}"),
        Value::Array(_) => "START_ARRAY value [".to_owned(),
        Value::Object(_) => "START_OBJECT value {".to_owned(),
    };
    BadValue::Unreadable(ApiError::new(
        400,
        "JSON_PARSER_ERROR",
        format!(
            "Cannot deserialize instance of {kind} from {token} or request may be missing a \
             required field at [line:1, column:1]"
        ),
    ))
}

fn boolean(value: &Value) -> Converted {
    match value {
        Value::Bool(value) => Ok(Cell::Bool(*value)),
        Value::String(text) if text == "true" => Ok(Cell::Bool(true)),
        Value::String(text) if text == "false" => Ok(Cell::Bool(false)),
        other => Err(unreadable("boolean", other)),
    }
}

fn number(field: &FieldDef, value: &Value, kind: &str) -> Converted {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        other => return Err(unreadable(kind, other)),
    };
    let parsed: Decimal = text.parse().map_err(|_| unreadable(kind, value))?;
    let whole_digits = if kind == "int" {
        if parsed.has_fraction() {
            return Err(unreadable(kind, value));
        }
        u32::from(field.digits)
    } else {
        u32::from(field.precision.saturating_sub(field.scale))
    };
    let rounded = parsed.rounded(field.scale);
    let beyond = |limit: i64| rounded > Decimal::whole(limit) || rounded < Decimal::whole(-limit);
    // The code for a place that is not on the earth is not recorded: it is taken to be that of any number out of range.
    if rounded.integer_digits() > whole_digits || field.coordinate_limit().is_some_and(beyond) {
        return Err(BadValue::Invalid(
            ApiError::new(400, "NUMBER_OUTSIDE_VALID_RANGE", format!("{}: value outside of valid range on numeric field: {text}", field.label))
                .about([&*field.name]),
        ));
    }
    Ok(Cell::Num(rounded))
}

fn date(value: &Value) -> Converted {
    value.as_str().and_then(parse_date).map(Cell::day).ok_or_else(|| unreadable("date", value))
}

fn instant(value: &Value) -> Converted {
    value.as_str().and_then(parse_instant).map(Cell::instant).ok_or_else(|| unreadable("datetime", value))
}

fn time_of_day(value: &Value) -> Converted {
    let text = value.as_str().ok_or_else(|| unreadable("time", value))?;
    let shown = |millis: u32| {
        let seconds = millis / 1_000;
        Cell::text(format!("{:02}:{:02}:{:02}.{:03}Z", seconds / 3_600, seconds / 60 % 60, seconds % 60, millis % 1_000))
    };
    if text.is_empty() { Ok(Cell::Null) } else { parse_time(text).map(shown).ok_or_else(|| unreadable("time", value)) }
}

/// `HH:mm:ss[.SSS]` with or without a `Z`, in milliseconds since midnight.
///
/// Source: SOAP API Developer Guide, "Primitive Data Types". No other form is said to be read.
fn parse_time(text: &str) -> Option<u32> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let &[hour, minute, second] = parts.as_slice() else {
        return None;
    };
    let below = |text: &str, limit: u32| {
        let number = (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<u32>().ok()).flatten();
        number.filter(|number| *number < limit)
    };
    let digits = (1..=3).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u32 = format!("{fraction:0<3}").parse().ok().filter(|_| digits)?;
    Some(((below(hour, 24)? * 60 + below(minute, 60)?) * 60 + below(second, 60)?) * 1_000 + thousandths)
}

/// `yyyy-MM-dd` in the years Salesforce knows.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let &[year, month, day] = parts.as_slice() else {
        return None;
    };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    (1700..=4000).contains(&date.year()).then_some(date)
}

/// `yyyy-MM-ddTHH:mm:ss[.SSS]` with `Z`, `±HH:mm` or `±HHmm`.
pub(crate) fn parse_instant(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once('T')?;
    let date = parse_date(date)?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(zone)?;
    let seconds = offset_seconds(zone)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_empty() || !digits {
        return None;
    }
    let parts: Vec<&str> = time.split(':').collect();
    let &[hour, minute, second] = parts.as_slice() else {
        return None;
    };
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<i8>().ok()).flatten();
    let civil = DateTime::new(date.year(), date.month(), date.day(), two(hour)?, two(minute)?, two(second)?, 0);
    let offset = Offset::from_seconds(seconds).ok()?;
    offset.to_timestamp(civil.ok()?).ok()
}

fn offset_seconds(zone: &str) -> Option<i32> {
    if zone.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.get(1..)?.split(':').collect();
    if digits.len() != 4 {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..)?.parse().ok()?;
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn reference(field: &FieldDef, value: &Value) -> Converted {
    let Value::String(text) = value else {
        return Err(unreadable("ID", value));
    };
    if text.is_empty() {
        return Ok(Cell::Null);
    }
    Id::parse(text).map(Cell::Id).map_err(|_| BadValue::Invalid(wrong_id(field, text)))
}

/// The error for a text that is no id, or the id of another kind of record.
pub(super) fn wrong_id(field: &FieldDef, text: &str) -> ApiError {
    ApiError::new(400, "MALFORMED_ID", format!("{}: id value of incorrect type: {text}", field.label)).about([&*field.name])
}

fn text(field: &FieldDef, value: &Value) -> Converted {
    let Value::String(text) = value else {
        return Err(unreadable("string", value));
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(Cell::Null);
    }
    // Lengths count as Java counts them: in UTF-16 units.
    if field.length > 0 && text.encode_utf16().count() > field.length as usize {
        return Err(BadValue::Invalid(
            ApiError::new(400, "STRING_TOO_LONG", format!("{}: data value too large: {text} (max length={})", field.label, field.length))
                .about([&*field.name]),
        ));
    }
    check_text(field, text).map_err(BadValue::Invalid)?;
    Ok(Cell::Text(text.to_owned().into()))
}

fn check_text(field: &FieldDef, text: &str) -> Result<(), ApiError> {
    match field.kind {
        FieldType::Email if !is_email(text) => {
            Err(ApiError::new(400, "INVALID_EMAIL_ADDRESS", format!("{}: invalid email address: {text}", field.label)).about([&*field.name]))
        }
        FieldType::Picklist | FieldType::MultiPicklist if field.has(Flag::RESTRICTED) => {
            let several = field.kind == FieldType::MultiPicklist;
            let mut parts = text.split(move |c| several && c == ';').map(str::trim);
            match parts.find(|part| !is_choice(field, part)) {
                Some(bad) => Err(bad_choice(field, bad)),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn is_choice(field: &FieldDef, text: &str) -> bool {
    field.picklist.iter().any(|choice| choice.active && *choice.value == *text)
}

/// The error for a value that a restricted picklist does not have.
pub(super) fn bad_choice(field: &FieldDef, text: &str) -> ApiError {
    ApiError::new(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", format!("{}: bad value for restricted picklist field: {text}", field.label))
        .about([&*field.name])
}

/// Whether a text is an e-mail address as Salesforce accepts it: ASCII, one `@`, a dot in the
/// domain. Source: Salesforce help, "Guidelines for Valid Email Addresses".
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte));
    let label_ok = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    local_ok && domain.contains('.') && domain.split('.').all(label_ok)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::schema::Schema;
    use serde_json::json;

    fn on_lead(field: &str, value: &Value) -> Converted {
        let schema = Schema::standard(Timestamp::UNIX_EPOCH);
        let (_, lead) = schema.object_named("Lead").unwrap();
        convert(lead.field_named(field).unwrap().1, value)
    }

    #[test]
    fn values_that_are_taken() {
        let cases = [
            ("LastName", json!("  Ö😀 "), json!("Ö😀")),
            ("LastName", json!("   "), json!(null)),
            ("Title", json!(null), json!(null)),
            ("DoNotCall", json!(true), json!(true)),
            ("DoNotCall", json!("false"), json!(false)),
            ("NumberOfEmployees", json!("12"), json!(12)),
            ("NumberOfEmployees", json!(12.0), json!(12)),
            ("AnnualRevenue", json!(1000.5), json!(1001.0)),
            ("Latitude", json!(48.85), json!(48.85)),
            ("EmailBouncedDate", json!("2026-01-02T03:04:05.678+0130"), json!("2026-01-02T01:34:05.000+0000")),
            ("EmailBouncedDate", json!("2026-01-02T03:04:05-05:00"), json!("2026-01-02T08:04:05.000+0000")),
            ("ConvertedDate", json!("2024-02-29"), json!("2024-02-29")),
            ("LeadSource", json!("Never heard of"), json!("Never heard of")),
            ("OwnerId", json!("005D00000000001"), json!("005D00000000001IAA")),
        ];
        let schema = Schema::standard(Timestamp::UNIX_EPOCH);
        let (_, lead) = schema.object_named("Lead").unwrap();
        for (field, value, want) in cases {
            let cell = on_lead(field, &value).unwrap_or_else(|bad| panic!("{field}: {bad:?}"));
            let kind = lead.field_named(field).unwrap().1.kind;
            assert_eq!(cell.to_json(kind), want, "{field} {value}");
        }
    }

    #[test]
    fn values_that_break_a_rule() {
        let long = "x".repeat(129);
        let cases = [
            ("Title", json!(long), "STRING_TOO_LONG"),
            ("Email", json!("123"), "INVALID_EMAIL_ADDRESS"),
            ("CleanStatus", json!("Nope"), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
            ("NumberOfEmployees", json!(1_431_655_766), "NUMBER_OUTSIDE_VALID_RANGE"),
            ("Latitude", json!(1234.5), "NUMBER_OUTSIDE_VALID_RANGE"),
            ("Latitude", json!(90.5), "NUMBER_OUTSIDE_VALID_RANGE"),
            ("Longitude", json!(-180.000_001), "NUMBER_OUTSIDE_VALID_RANGE"),
            ("OwnerId", json!("nobody"), "MALFORMED_ID"),
            ("DoNotCall", json!(null), "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ];
        for (field, value, want) in cases {
            let Err(BadValue::Invalid(error)) = on_lead(field, &value) else {
                panic!("{field} takes {value}");
            };
            assert_eq!(error.code, want);
            assert_eq!(error.fields, Some(vec![field.to_owned()]));
        }
        let Err(BadValue::Invalid(error)) = on_lead("NumberOfEmployees", &json!(1_431_655_766)) else {
            panic!("the number is too large");
        };
        assert_eq!(error.message, "Employees: value outside of valid range on numeric field: 1431655766");
    }

    #[test]
    fn values_of_the_wrong_type_cannot_be_read() {
        let cases = [
            ("AnnualRevenue", json!("abc"), "double from VALUE_STRING value abc"),
            ("NumberOfEmployees", json!(1.5), "int from VALUE_NUMBER_FLOAT value 1.5"),
            ("LastName", json!(7), "string from VALUE_NUMBER_INT value 7"),
            ("LastName", json!(["a"]), "string from START_ARRAY"),
            ("DoNotCall", json!("yes"), "boolean from VALUE_STRING value yes"),
            ("EmailBouncedDate", json!("tomorrow"), "datetime from VALUE_STRING value tomorrow"),
            ("EmailBouncedDate", json!("2026-01-02"), "datetime from VALUE_STRING"),
            ("ConvertedDate", json!("2025-02-29"), "date from VALUE_STRING"),
            ("ConvertedDate", json!("02/03/2025"), "date from VALUE_STRING"),
            ("OwnerId", json!(5), "ID from VALUE_NUMBER_INT"),
        ];
        for (field, value, want) in cases {
            let Err(BadValue::Unreadable(error)) = on_lead(field, &value) else {
                panic!("{field} takes {value}");
            };
            assert_eq!(error.code, "JSON_PARSER_ERROR");
            assert!(error.message.contains(want), "{}", error.message);
        }
    }

    #[test]
    fn times_of_day() {
        for (text, want) in [
            ("10:30:00.000Z", Some("10:30:00.000Z")),
            ("10:30:00.5Z", Some("10:30:00.500Z")),
            ("23:59:59", Some("23:59:59.000Z")),
            ("10:30", None),
            ("24:00:00Z", None),
            ("10:30:00+02:00", None),
            ("T10:30:00Z", None),
            ("10:30:00.1234Z", None),
        ] {
            let cell = time_of_day(&json!(text)).ok();
            assert_eq!(cell.as_ref().and_then(Cell::as_text), want, "{text}");
        }
    }

    #[test]
    fn email_addresses() {
        for good in ["a@b.example", "x.y+z@sub.domain.example", "o'neil@x.example", "a@xn--caf.fr"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "@b.example",
            "a@@b.example",
            "a b@c.example",
            "é@b.example",
            "a..b@c.example",
            "a@-b.example",
            "a@b..example",
            "a@b.example.",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
