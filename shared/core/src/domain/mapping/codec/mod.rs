//! One codec between the platform's values and every type of Salesforce field, both ways.
//!
//! Lossless where a lossless form exists: decimals stay decimals, days pass through no time zone, ids keep their case. A
//! value that has no form in the other type is an error that says why, and never a guess: above all, an unknown yes-or-no
//! is never written as no.

mod error;
pub(super) mod number;
mod time;

#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use serde_json::Value;

pub use error::CodecError;
pub use time::salesforce_datetime;

use super::{AttributeType, Family};
use crate::domain::{event::is_blank, ids::RecordId, schema::Field};

/// The value of an attribute as the field's type writes it; `None` for a blank, which says nothing.
///
/// `from` is the attribute's declared type, or `None` for one that is not declared: then the value speaks for itself.
/// `zone` is the connection's, for moments without an offset.
///
/// # Errors
/// A value that has no form in the field's type.
pub fn encode(value: &Value, from: Option<AttributeType>, field: &Field, zone: &TimeZone) -> Result<Option<Value>, CodecError> {
    if is_blank(value) {
        return Ok(None);
    }
    if matches!(from, Some(AttributeType::File | AttributeType::Picture)) {
        return Err(CodecError::Closed);
    }
    let encoded = match field.kind.family() {
        Family::Text => Value::String(joined(value)?),
        Family::Choice => Value::String(single(value)?),
        Family::Choices => Value::String(choices(value)?),
        Family::Boolean => Value::Bool(boolean(value)?),
        Family::Whole => whole(value)?,
        Family::Number => number::write(number::round(number::parse(only(value)?)?, field.scale)),
        Family::Date => Value::String(date(only(value)?, from, zone)?),
        Family::DateTime => Value::String(time::salesforce_datetime(time::parse_datetime(text(value, CodecError::NotDateTime)?, zone)?)),
        Family::Time => Value::String(time::salesforce_time(time::parse_time(text(value, CodecError::NotTime)?)?)),
        Family::Record => Value::String(record(only(value)?)?),
        Family::Closed => return Err(CodecError::Closed),
    };
    Ok((!is_blank(&encoded)).then_some(encoded))
}

/// Salesforce's value as the platform's attribute takes it; `None` for a blank.
///
/// # Errors
/// A value that has no form in the attribute's type.
pub fn decode(value: &Value, field: &Field, to: AttributeType, zone: &TimeZone) -> Result<Option<Value>, CodecError> {
    if is_blank(value) {
        return Ok(None);
    }
    let family = field.kind.family();
    if family == Family::Closed {
        return Err(CodecError::Closed);
    }
    use AttributeType as A;
    let decoded = match to {
        A::Text | A::LongText | A::Email | A::Phone | A::Url | A::Select => Value::String(as_text(value, family)?),
        A::MultiSelect => Value::from(match family {
            Family::Choices => split(&as_text(value, family)?),
            _ => vec![as_text(value, family)?],
        }),
        A::Boolean => Value::Bool(boolean(value)?),
        A::Integer => whole(value)?,
        A::Number => number::write(number::parse(value)?),
        A::Date if family == Family::DateTime => {
            let moment = time::parse_datetime(text(value, CodecError::NotDateTime)?, zone)?;
            Value::String(moment.to_zoned(zone.clone()).date().to_string())
        }
        A::Date => Value::String(time::parse_date(text(value, CodecError::NotDate)?)?.to_string()),
        A::Datetime => Value::String(time::platform_datetime(time::parse_datetime(text(value, CodecError::NotDateTime)?, zone)?)),
        A::Time => Value::String(time::platform_time(time::parse_time(text(value, CodecError::NotTime)?)?)),
        A::File | A::Picture => return Err(CodecError::Closed),
    };
    Ok(Some(decoded))
}

/// Whether two values of a field say the same: texts after trimming, e-mail addresses without regard to case (Salesforce
/// keeps them in lower case), numbers by value at the field's scale, moments to the second, choices in any order.
/// `field` is `None` where the org's description is not known.
#[must_use]
pub fn same(field: Option<&Field>, a: &Value, b: &Value) -> bool {
    if is_blank(a) || is_blank(b) {
        return is_blank(a) && is_blank(b);
    }
    if a == b {
        return true;
    }
    let family = field.map(|field| field.kind.family());
    match (family, a, b) {
        (Some(Family::Choices), Value::String(a), Value::String(b)) => {
            let sorted = |text: &str| {
                let mut parts = split(text);
                parts.sort();
                parts
            };
            sorted(a) == sorted(b)
        }
        (Some(Family::DateTime), Value::String(a), Value::String(b)) => {
            let second = |text: &str| time::parse_datetime(text, &TimeZone::UTC).map(|moment| moment.as_second());
            second(a).is_ok_and(|a| second(b) == Ok(a))
        }
        (Some(Family::Time), Value::String(a), Value::String(b)) => time::parse_time(a).is_ok_and(|a| time::parse_time(b) == Ok(a)),
        (Some(Family::Record), Value::String(a), Value::String(b)) => RecordId::parse(a).is_ok_and(|a| RecordId::parse(b) == Ok(a)),
        (Some(Family::Number | Family::Whole), a, b) => same_number(a, b, field.map(|field| field.scale)),
        (_, Value::Number(_), Value::Number(_)) => same_number(a, b, None),
        (_, Value::String(a), Value::String(b)) => {
            let (a, b) = (a.trim(), b.trim());
            a == b || (a.contains('@') && b.contains('@') && a.to_lowercase() == b.to_lowercase())
        }
        _ => false,
    }
}

fn same_number(a: &Value, b: &Value, scale: Option<u32>) -> bool {
    let at_scale = |value: &Value| number::parse(value).map(|number| scale.map_or(number, |scale| number::round(number, scale)));
    at_scale(a).is_ok_and(|a| at_scale(b) == Ok(a))
}

/// The one value that there is: a list of one is as good as the one.
fn only(value: &Value) -> Result<&Value, CodecError> {
    match value {
        Value::Array(items) => {
            let mut told = items.iter().filter(|item| !is_blank(item));
            match (told.next(), told.next()) {
                (Some(item), None) => only(item),
                _ => Err(CodecError::Several),
            }
        }
        Value::Object(_) => Err(CodecError::Structure),
        other => Ok(other),
    }
}

fn text(value: &Value, otherwise: CodecError) -> Result<&str, CodecError> {
    only(value)?.as_str().ok_or(otherwise)
}

fn scalar(value: &Value) -> Result<String, CodecError> {
    match value {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Bool(value) => Ok(value.to_string()),
        // A number that no field takes is still a text.
        Value::Number(own) => Ok(number::parse(value).map_or_else(|_| own.to_string(), |number| number.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(CodecError::Structure),
    }
}

fn single(value: &Value) -> Result<String, CodecError> {
    scalar(only(value)?)
}

/// A text; several values are joined as Salesforce joins them.
fn joined(value: &Value) -> Result<String, CodecError> {
    match value {
        Value::Array(items) => {
            let parts: Result<Vec<String>, CodecError> = items.iter().filter(|item| !is_blank(item)).map(scalar).collect();
            Ok(parts?.join(";"))
        }
        other => scalar(other),
    }
}

/// The choices of a multi-select picklist, each once, in their order.
fn choices(value: &Value) -> Result<String, CodecError> {
    let parts = match value {
        Value::Array(items) => {
            let parts: Result<Vec<String>, CodecError> = items.iter().filter(|item| !is_blank(item)).map(scalar).collect();
            let parts = parts?;
            if parts.iter().any(|part| part.contains(';')) {
                return Err(CodecError::Separator);
            }
            parts
        }
        other => split(&scalar(other)?),
    };
    let mut once: Vec<String> = Vec::with_capacity(parts.len());
    for part in parts {
        if !once.contains(&part) {
            once.push(part);
        }
    }
    Ok(once.join(";"))
}

fn split(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Yes or no, in the words of JSON, English and French, or as 1 and 0.
fn boolean(value: &Value) -> Result<bool, CodecError> {
    match only(value)? {
        Value::Bool(value) => Ok(*value),
        Value::Number(number) => match number.as_i64() {
            Some(1) => Ok(true),
            Some(0) => Ok(false),
            _ => Err(CodecError::NotBoolean),
        },
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "true" | "1" | "yes" | "oui" | "vrai" => Ok(true),
            "false" | "0" | "no" | "non" | "faux" => Ok(false),
            _ => Err(CodecError::NotBoolean),
        },
        _ => Err(CodecError::NotBoolean),
    }
}

fn whole(value: &Value) -> Result<Value, CodecError> {
    let number = number::parse(only(value)?)?;
    if number.is_integer() { Ok(number::write(number)) } else { Err(CodecError::NotWhole) }
}

/// A day. A moment that was declared as one names its day in the connection's zone; everything else is taken as written.
fn date(value: &Value, from: Option<AttributeType>, zone: &TimeZone) -> Result<String, CodecError> {
    let text = value.as_str().ok_or(CodecError::NotDate)?;
    if from == Some(AttributeType::Datetime) {
        let moment = time::parse_datetime(text, zone)?;
        return Ok(moment.to_zoned(zone.clone()).date().to_string());
    }
    time::parse_date(text).map(|date| date.to_string())
}

fn record(value: &Value) -> Result<String, CodecError> {
    let id = value.as_str().and_then(|text| RecordId::parse(text.trim()).ok());
    id.map(|id| id.as_str().to_owned()).ok_or(CodecError::NotRecord)
}

/// A value of Salesforce in words.
fn as_text(value: &Value, family: Family) -> Result<String, CodecError> {
    match family {
        Family::DateTime => time::parse_datetime(text(value, CodecError::NotDateTime)?, &TimeZone::UTC).map(time::platform_datetime),
        Family::Time => time::parse_time(text(value, CodecError::NotTime)?).map(time::platform_time),
        _ => scalar(value),
    }
}
