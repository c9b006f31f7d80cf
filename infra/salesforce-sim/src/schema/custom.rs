//! Makes schema fields of custom fields, and objects of custom objects.
//!
//! Source of the limits: Salesforce help, "Custom Field Types"; of the flags: the describe
//! documents of real orgs, where custom fields carry these.

use jiff::Timestamp;

use super::ObjectDef;
use super::field::{ChildLink, FieldDef, FieldType, Flag, PicklistValue};
use super::read::{Sets, blank, parse_object};
use crate::id::KeyPrefix;
use crate::seed::{CustomField, CustomFieldKind, CustomObject, PicklistEntry};

/// The longest label, in characters.
const MAX_LABEL: usize = 40;

/// Why a custom field cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomError {
    /// A field of that name is there.
    #[error("there is already a field named {0}")]
    Exists(String),
    /// No more fields fit.
    #[error("the object {0} has as many fields as it can have")]
    Full(String),
    /// The API name is none.
    #[error("{0} is no API name of a custom field: letters, digits and single underscores, ending in __c")]
    Name(String),
    /// The label is too long.
    #[error("the label {0:?} is longer than {MAX_LABEL} characters")]
    Label(String),
    /// A prefix that is none of a custom object, or is taken.
    #[error("{0} is no prefix of a custom object's ids, or another object's")]
    Prefix(String),
    /// A setting that this type does not allow.
    #[error("{0}")]
    Setting(&'static str),
    /// An id that is none of a field, or is taken.
    #[error("{0} is no id of a custom field, or another field's")]
    Id(String),
}

/// The schema fields of a custom field: its own first, then the parts that a compound one has.
///
/// # Errors
/// When the API name or a setting is not allowed.
pub fn fields_of(custom: &CustomField) -> Result<Vec<FieldDef>, CustomError> {
    let own = field_of(custom)?;
    let CustomFieldKind::Location { scale } = custom.kind else { return Ok(vec![own]) };
    let part = |half: &str| {
        let stem = custom.name.strip_suffix("__c").unwrap_or_default();
        let mut part = blank(&format!("{stem}__{half}__s"), &format!("{} ({half})", own.label), FieldType::Double, Flag::default());
        part.custom = true;
        part.access = custom.access;
        part.compound = Some((*own.name).into());
        number(&mut part, scale.saturating_add(3), scale)?;
        apply_flags(&mut part, custom)?;
        Ok(part)
    };
    let parts = [part("Latitude")?, part("Longitude")?];
    Ok(std::iter::once(own).chain(parts).collect())
}

fn field_of(custom: &CustomField) -> Result<FieldDef, CustomError> {
    let stem = custom.name.strip_suffix("__c").filter(|stem| is_api_name(stem)).ok_or_else(|| CustomError::Name(custom.name.clone()))?;
    let label = if custom.label.is_empty() { stem.replace('_', " ") } else { custom.label.clone() };
    if label.chars().count() > MAX_LABEL {
        return Err(CustomError::Label(label));
    }
    let mut field = blank(&custom.name, &label, FieldType::String, Flag::default());
    field.custom = true;
    field.default = custom.default.clone();
    field.help = custom.help.as_deref().map(Into::into);
    field.access = custom.access;
    apply_kind(&mut field, &custom.kind, stem)?;
    apply_flags(&mut field, custom)?;
    Ok(field)
}

/// The schema object of a custom object, which is the org's `number`th.
///
/// # Errors
/// When the API name, the label or the prefix is not allowed.
pub(super) fn object_of(custom: &CustomObject, number: usize, changed: Timestamp) -> Result<ObjectDef, CustomError> {
    let stem = custom.name.strip_suffix("__c").filter(|stem| is_api_name(stem)).ok_or_else(|| CustomError::Name(custom.name.clone()))?;
    let label = if custom.label.is_empty() { stem.replace('_', " ") } else { custom.label.clone() };
    if label.chars().count() > MAX_LABEL {
        return Err(CustomError::Label(label));
    }
    let prefix = custom.prefix.clone().unwrap_or_else(|| format!("a{number:02}"));
    let parsed = KeyPrefix::parse(&prefix).filter(|_| prefix.starts_with('a')).ok_or(CustomError::Prefix(prefix))?;
    let object = parse_object(include_str!("objects/custom.txt"), &Sets::new(), changed);
    let object = object.map_err(|_| CustomError::Setting("the text of custom objects cannot be read"))?;
    let plural = if custom.label_plural.is_empty() { &label } else { &custom.label_plural };
    Ok(ObjectDef { name: custom.name.as_str().into(), prefix: parsed, label_plural: plural.as_str().into(), label: label.into(), ..object })
}

fn is_api_name(stem: &str) -> bool {
    stem.len() <= 40
        && stem.starts_with(|c: char| c.is_ascii_alphabetic())
        && !stem.ends_with('_')
        && stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn apply_kind(field: &mut FieldDef, kind: &CustomFieldKind, stem: &str) -> Result<(), CustomError> {
    let (kind, length) = match kind {
        CustomFieldKind::Text { length } => (FieldType::String, between(*length, 1, 255)?),
        CustomFieldKind::TextArea => (FieldType::TextArea, 255),
        CustomFieldKind::LongTextArea { length } => (FieldType::TextArea, between(*length, 256, 131_072)?),
        CustomFieldKind::Url => (FieldType::Url, 255),
        CustomFieldKind::Email => (FieldType::Email, 80),
        CustomFieldKind::Phone => (FieldType::Phone, 40),
        CustomFieldKind::Checkbox => (FieldType::Boolean, 0),
        CustomFieldKind::Date => (FieldType::Date, 0),
        CustomFieldKind::DateTime => (FieldType::DateTime, 0),
        CustomFieldKind::Time => (FieldType::Time, 0),
        CustomFieldKind::Location { .. } => (FieldType::Location, 0),
        CustomFieldKind::Number { precision, scale } => {
            number(field, *precision, *scale)?;
            (FieldType::Double, 0)
        }
        CustomFieldKind::Currency { precision, scale } => {
            number(field, *precision, *scale)?;
            (FieldType::Currency, 0)
        }
        CustomFieldKind::Percent { precision, scale } => {
            number(field, *precision, *scale)?;
            (FieldType::Percent, 0)
        }
        CustomFieldKind::Picklist { values, restricted } => {
            choices(field, values, *restricted);
            (FieldType::Picklist, 255)
        }
        CustomFieldKind::MultiselectPicklist { values, restricted } => {
            choices(field, values, *restricted);
            (FieldType::MultiPicklist, 4_099)
        }
        CustomFieldKind::Lookup { to, relationship } => {
            field.reference_to = vec![to.as_str().into()];
            field.relationship = Some(format!("{stem}__r").into());
            field.child = ChildLink { name: relationship.as_ref().map(|name| format!("{name}__r").into()), ..ChildLink::default() };
            (FieldType::Reference, 18)
        }
    };
    field.kind = kind;
    field.length = length;
    if kind == FieldType::TextArea {
        field.extra = Some("plaintextarea".into());
    }
    Ok(())
}

fn between(length: u32, least: u32, most: u32) -> Result<u32, CustomError> {
    if (least..=most).contains(&length) {
        Ok(length)
    } else {
        Err(CustomError::Setting("a text has 1 to 255 characters, a long text area 256 to 131072"))
    }
}

fn number(field: &mut FieldDef, precision: u8, scale: u8) -> Result<(), CustomError> {
    if precision == 0 || precision > 18 || scale > precision {
        return Err(CustomError::Setting("a number has 1 to 18 digits, and no more of them behind the point"));
    }
    field.precision = precision;
    field.scale = scale;
    Ok(())
}

fn choices(field: &mut FieldDef, values: &[PicklistEntry], restricted: bool) {
    field.picklist = values
        .iter()
        .map(|entry| match entry {
            PicklistEntry::Text(value) => PicklistValue { value: value.as_str().into(), label: value.as_str().into(), active: true, default: false },
            PicklistEntry::Full { value, label, active, default } => {
                PicklistValue { value: value.as_str().into(), label: label.as_str().into(), active: *active, default: *default }
            }
        })
        .collect();
    if restricted {
        field.set(Flag::RESTRICTED);
    }
}

fn apply_flags(field: &mut FieldDef, custom: &CustomField) -> Result<(), CustomError> {
    if field.is_compound() {
        field.set(Flag::NIL.and(Flag::DISTANCE).and(Flag::PERMISSION));
        let plain = !(custom.external_id || custom.unique || custom.default.is_some());
        return if plain { Ok(()) } else { Err(CustomError::Setting("a place can be no key and has no default")) };
    }
    field.set(Flag::CREATE.and(Flag::UPDATE).and(Flag::PERMISSION));
    let long = field.kind == FieldType::TextArea && field.length > 255;
    if !long {
        field.set(Flag::FILTER);
        if field.kind != FieldType::MultiPicklist {
            field.set(Flag::SORT);
        }
        if !matches!(field.kind, FieldType::Boolean | FieldType::MultiPicklist) {
            field.set(Flag::AGGREGATE);
        }
        let groups = field.kind.is_text() && field.kind != FieldType::MultiPicklist;
        if groups || matches!(field.kind, FieldType::Boolean | FieldType::Date | FieldType::Reference) {
            field.set(Flag::GROUP);
        }
    }
    if field.kind == FieldType::Boolean {
        field.set(Flag::DEFAULTED);
    } else if !custom.required {
        field.set(Flag::NIL);
    }
    if custom.default.is_some() || field.default_choice().is_some() {
        field.set(Flag::DEFAULTED);
    }
    if custom.external_id {
        let kinds = [FieldType::String, FieldType::Email, FieldType::Double];
        if !kinds.contains(&field.kind) {
            return Err(CustomError::Setting("only text, number and e-mail fields can be external ids"));
        }
        field.set(Flag::EXTERNAL.and(Flag::LOOKUP));
    }
    if custom.unique {
        field.set(Flag::UNIQUE.and(Flag::LOOKUP));
    }
    if custom.case_sensitive {
        field.set(Flag::CASE);
    }
    Ok(())
}
