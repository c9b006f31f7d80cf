//! Checks before a call is spent: whether Salesforce will take a value, by the org's own description of the field.
//!
//! Predicts what the org's type system refuses. What only the org can know (validation rules, duplicates, whether a record
//! exists) is not guessed.

mod email;
mod fit;
mod misfit;

#[cfg(test)]
mod tests;

use rust_decimal::Decimal;
use serde_json::Value;

pub use email::is_valid as is_email_address;
pub(super) use misfit::NO_FIELD;
pub use {
    fit::{Fitted, Overflow, fit, refit},
    misfit::Misfit,
};

use super::{CodecError, Family, FieldType, codec::number};
use crate::domain::{
    event::is_blank,
    ids::{FieldName, RecordId},
    schema::{Field, ObjectSchema},
};

/// What is going to happen with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
}

/// Whether Salesforce will take a value, as [`super::codec::encode`] writes it; null takes a value away.
///
/// # Errors
/// Why it will not.
pub fn check(field: &Field, value: &Value, operation: Operation) -> Result<(), Misfit> {
    let writable = match operation {
        Operation::Create => field.createable,
        Operation::Update => field.updateable,
    };
    if !writable {
        return Err(Misfit::NotWritable);
    }
    if is_blank(value) {
        return blank(field, operation);
    }
    match (field.kind.family(), value) {
        (Family::Text | Family::Choice | Family::Choices, Value::String(text)) => check_text(field, text.trim()),
        (Family::Whole | Family::Number, value) => check_number(field, value),
        (Family::Record, Value::String(text)) => check_record(field, text),
        (Family::Boolean, Value::Bool(_)) | (Family::Date | Family::DateTime | Family::Time, Value::String(_)) => Ok(()),
        _ => Err(CodecError::Closed.into()),
    }
}

fn blank(field: &Field, operation: Operation) -> Result<(), Misfit> {
    let needed = match operation {
        // What is defaulted need not be told.
        Operation::Create => field.required,
        Operation::Update => field.createable && !field.nillable,
    };
    if needed || field.kind == FieldType::Boolean { Err(Misfit::Needed) } else { Ok(()) }
}

fn check_text(field: &Field, text: &str) -> Result<(), Misfit> {
    let length = length(text);
    if field.length > 0 && length > field.length as usize {
        return Err(Misfit::TooLong { length, limit: field.length });
    }
    let listed = |text: &str| field.picklist.iter().any(|value| value == text);
    match field.kind {
        FieldType::Email if !email::is_valid(text) => Err(Misfit::NotEmail),
        FieldType::Picklist if field.restricted && !listed(text) => Err(Misfit::NotListed),
        FieldType::MultiPicklist if field.restricted && !text.split(';').all(|part| listed(part.trim())) => Err(Misfit::NotListed),
        _ => Ok(()),
    }
}

/// The length as Salesforce counts it: in UTF-16 units, as Java does. An emoji is two and more.
#[must_use]
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn check_number(field: &Field, value: &Value) -> Result<(), Misfit> {
    let digits = field.precision.saturating_sub(field.scale);
    let number = match number::parse(value) {
        Err(CodecError::TooManyDigits) => return Err(Misfit::OutOfRange { digits }),
        other => other?,
    };
    if field.kind.family() == Family::Whole && !number.is_integer() {
        return Err(CodecError::NotWhole.into());
    }
    let rounded = number::round(number, field.scale);
    match field.bound.filter(|bound| rounded.abs() > Decimal::from(*bound)) {
        Some(bound) => Err(Misfit::OutOfBounds { bound }),
        None if field.precision == 0 || number::whole_digits(rounded) <= digits => Ok(()),
        None => Err(Misfit::OutOfRange { digits }),
    }
}

/// First characters of ids. Source: Salesforce help, "Standard Field Record ID Prefix Decoder".
const PREFIXES: [(&str, &str); 9] = [
    ("001", "Account"),
    ("003", "Contact"),
    ("005", "User"),
    ("006", "Opportunity"),
    ("00G", "Group"),
    ("00Q", "Lead"),
    ("00T", "Task"),
    ("00U", "Event"),
    ("701", "Campaign"),
];

fn check_record(field: &Field, text: &str) -> Result<(), Misfit> {
    let id = RecordId::parse(text.trim()).map_err(|_| CodecError::NotRecord)?;
    let object = PREFIXES.iter().find(|(prefix, _)| id.as_str().starts_with(prefix)).map(|(_, object)| *object);
    let other = object.is_some_and(|object| !field.references.is_empty() && field.references.iter().all(|own| own != object));
    if other { Err(Misfit::OtherRecord) } else { Ok(()) }
}

/// Fields without which Salesforce makes no record, whatever describe says: where person accounts are on, `Lead.Company`
/// is described as optional and validated all the same.
const REQUIRED: [(&str, &[&str]); 2] = [("Lead", &["LastName", "Company"]), ("Contact", &["LastName"])];

/// The fields that a new record needs and that are not given, in alphabetical order.
#[must_use]
pub fn missing(object: &str, schema: Option<&ObjectSchema>, given: &dyn Fn(&str) -> bool) -> Vec<FieldName> {
    let needed = REQUIRED.iter().filter(|(name, _)| *name == object).flat_map(|(_, fields)| fields.iter().copied().map(FieldName::known));
    let described = schema.into_iter().flat_map(|schema| &schema.fields);
    // The owner of what nobody owns is the integration user.
    let described = described.filter(|(name, field)| field.required && name.as_str() != "OwnerId" && field.kind != FieldType::Boolean);
    let mut missing: Vec<FieldName> = needed.chain(described.map(|(name, _)| name.clone())).filter(|name| !given(name.as_str())).collect();
    missing.sort();
    missing.dedup();
    missing
}
