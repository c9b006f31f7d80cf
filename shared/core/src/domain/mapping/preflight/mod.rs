//! Checks before a call is spent: whether Salesforce will take a value, by the org's own description of the field.
//!
//! Predicts what the org's type system refuses. What only the org can know (validation rules, duplicates, whether a record
//! exists) is not guessed.

mod email;
mod fit;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use fit::{Fitted, Overflow, fit, refit};

use super::{CodecError, Family, FieldType, codec::number, transform::TransformFault};
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

/// Why Salesforce would not take a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The org has no such field, or hides it.
    #[error("The org has no such field, or hides it from the integration user; create it or give the permission.")]
    NoField,
    /// It cannot be set.
    #[error("The integration user may not write this field; give it the permission.")]
    NotWritable,
    /// It cannot be taken away.
    #[error("Salesforce needs a value here; it cannot be taken away.")]
    Needed,
    /// It is longer than the field.
    #[error("The value has {length} characters, and the field takes {limit}.")]
    TooLong {
        /// The value's, in UTF-16 units.
        length: usize,
        /// The field's.
        limit: u32,
    },
    /// The picklist has no such value and takes no other.
    #[error("The picklist takes only the values of its list, and this is none of them; map it with `values`, or add it to the picklist.")]
    NotListed,
    /// No e-mail address as Salesforce takes it.
    #[error("Salesforce does not take this as an e-mail address.")]
    NotEmail,
    /// More digits before the point than the field has.
    #[error("The number has more digits than the field, which takes {digits} before the point.")]
    OutOfRange {
        /// The field's digits before the point.
        digits: u32,
    },
    /// The id of another kind of record.
    #[error("This is not the id of a record that the field can point to.")]
    OtherRecord,
    /// No value of the field's type.
    #[error(transparent)]
    Unreadable(#[from] CodecError),
    /// A transformation that could not work on the value.
    #[error(transparent)]
    Transform(#[from] TransformFault),
}

impl Misfit {
    /// A stable code, listed in the documentation.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoField => "field_missing",
            Self::NotWritable => "field_not_writable",
            Self::Needed => "value_needed",
            Self::TooLong { .. } => "value_too_long",
            Self::NotListed => "value_not_in_picklist",
            Self::NotEmail => "value_not_email",
            Self::OutOfRange { .. } => "value_out_of_range",
            Self::OtherRecord => "value_of_other_record",
            Self::Unreadable(error) => error.code(),
            Self::Transform(fault) => fault.error.code(),
        }
    }

    /// The code that Salesforce would answer. Source: "Status Codes and Error Responses" and recorded answers.
    #[must_use]
    pub const fn salesforce_code(&self) -> &'static str {
        match self {
            Self::NoField => "INVALID_FIELD",
            Self::NotWritable => "INVALID_FIELD_FOR_INSERT_UPDATE",
            Self::Needed => "REQUIRED_FIELD_MISSING",
            Self::TooLong { .. } => "STRING_TOO_LONG",
            Self::NotListed => "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            Self::NotEmail => "INVALID_EMAIL_ADDRESS",
            Self::OutOfRange { .. } | Self::Unreadable(CodecError::TooManyDigits) => "NUMBER_OUTSIDE_VALID_RANGE",
            Self::OtherRecord | Self::Unreadable(CodecError::NotRecord) => "MALFORMED_ID",
            Self::Unreadable(_) | Self::Transform(_) => "JSON_PARSER_ERROR",
        }
    }
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
    let fits = field.precision == 0 || number::whole_digits(number::round(number, field.scale)) <= digits;
    if fits { Ok(()) } else { Err(Misfit::OutOfRange { digits }) }
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
