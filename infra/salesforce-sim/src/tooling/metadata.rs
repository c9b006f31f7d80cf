//! A custom field as the Metadata API writes it, both ways.

use serde_json::{Map, Value, json};

use super::bad;
use crate::http::reply::Failure;
use crate::seed::{CustomField, CustomFieldKind, FieldAccess, PicklistEntry};

/// Types of the Metadata API that the org does not have.
const NOT_BUILT: &[&str] = &[
    "Array",
    "AutoNumber",
    "EncryptedText",
    "ExternalLookup",
    "File",
    "Hierarchy",
    "Html",
    "IndirectLookup",
    "Location",
    "MasterDetail",
    "MetadataRelationship",
    "Summary",
];

/// Reads `FullName` and `Metadata`.
pub(super) fn read_new(body: &Value) -> Result<CustomField, Failure> {
    let full_name = body.get("FullName").and_then(Value::as_str).unwrap_or_default();
    let (sobject, name) = full_name.split_once('.').ok_or_else(|| bad("INVALID_FULL_NAME", "FullName must be Object.Field__c"))?;
    read(sobject, name, body)
}

/// Reads `Metadata` of a field.
pub(super) fn read(sobject: &str, name: &str, body: &Value) -> Result<CustomField, Failure> {
    let metadata = body.get("Metadata").filter(|metadata| metadata.is_object());
    let metadata = metadata.ok_or_else(|| bad("REQUIRED_FIELD_MISSING", "Required fields are missing: [Metadata]"))?;
    let flag = |name: &str| metadata.get(name).and_then(Value::as_bool).unwrap_or(false);
    let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let required = flag("required");
    Ok(CustomField {
        sobject: sobject.to_owned(),
        name: name.to_owned(),
        label: text("label"),
        kind: parse_kind(metadata)?,
        required,
        external_id: flag("externalId"),
        unique: flag("unique"),
        case_sensitive: flag("caseSensitive"),
        default: metadata.get("defaultValue").filter(|value| !value.is_null()).cloned(),
        // Required fields have no field-level security: everybody sees them.
        access: if required { FieldAccess::Edit } else { FieldAccess::Hidden },
        help: Some(text("inlineHelpText")).filter(|help| !help.is_empty()),
        id: None,
    })
}

/// `Metadata` of a field.
pub(super) fn write(field: &CustomField) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("label", json!(label(field)));
    put("type", json!(type_name(&field.kind)));
    put("required", json!(field.required));
    put("externalId", json!(field.external_id));
    put("unique", json!(field.unique));
    put("caseSensitive", json!(field.case_sensitive));
    put("defaultValue", json!(field.default));
    put("inlineHelpText", json!(field.help));
    match &field.kind {
        CustomFieldKind::Text { length } | CustomFieldKind::LongTextArea { length } => put("length", json!(length)),
        CustomFieldKind::Number { precision, scale }
        | CustomFieldKind::Currency { precision, scale }
        | CustomFieldKind::Percent { precision, scale } => {
            put("precision", json!(precision));
            put("scale", json!(scale));
        }
        CustomFieldKind::Location { scale } => {
            put("scale", json!(scale));
            put("displayLocationInDecimal", json!(true));
        }
        CustomFieldKind::Picklist { values, restricted } | CustomFieldKind::MultiselectPicklist { values, restricted } => {
            let values: Vec<Value> = values.iter().map(choice).collect();
            put("valueSet", json!({"restricted": restricted, "valueSetDefinition": {"sorted": false, "value": values}}));
        }
        CustomFieldKind::Lookup { to, relationship } => {
            put("referenceTo", json!(to));
            put("relationshipName", json!(relationship));
        }
        _ => {}
    }
    Value::Object(out)
}

/// The label, or what stands for it.
pub(super) fn label(field: &CustomField) -> String {
    if field.label.is_empty() { developer_name(field).replace('_', " ") } else { field.label.clone() }
}

/// The name without `__c`.
pub(super) fn developer_name(field: &CustomField) -> &str {
    field.name.strip_suffix("__c").unwrap_or(&field.name)
}

fn choice(entry: &PicklistEntry) -> Value {
    match entry {
        PicklistEntry::Text(value) => json!({"valueName": value, "label": value, "isActive": true, "default": false}),
        PicklistEntry::Full { value, label, active, default } => json!({"valueName": value, "label": label, "isActive": active, "default": default}),
    }
}

const fn type_name(kind: &CustomFieldKind) -> &'static str {
    match kind {
        CustomFieldKind::Text { .. } => "Text",
        CustomFieldKind::LongTextArea { .. } => "LongTextArea",
        CustomFieldKind::Number { .. } => "Number",
        CustomFieldKind::Currency { .. } => "Currency",
        CustomFieldKind::Percent { .. } => "Percent",
        CustomFieldKind::Checkbox => "Checkbox",
        CustomFieldKind::Date => "Date",
        CustomFieldKind::DateTime => "DateTime",
        CustomFieldKind::Time => "Time",
        CustomFieldKind::Location { .. } => "Location",
        CustomFieldKind::TextArea => "TextArea",
        CustomFieldKind::Url => "Url",
        CustomFieldKind::Email => "Email",
        CustomFieldKind::Phone => "Phone",
        CustomFieldKind::Picklist { .. } => "Picklist",
        CustomFieldKind::MultiselectPicklist { .. } => "MultiselectPicklist",
        CustomFieldKind::Lookup { .. } => "Lookup",
    }
}

fn parse_kind(metadata: &Value) -> Result<CustomFieldKind, Failure> {
    let number = |name: &str| {
        let found = metadata.get(name).and_then(Value::as_u64);
        found.ok_or_else(|| bad("FIELD_INTEGRITY_EXCEPTION", format!("Must specify '{name}' for a CustomField of this type")))
    };
    let byte = |name: &str| number(name).map(|value| u8::try_from(value).unwrap_or(u8::MAX));
    let length = || number("length").map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    let kind = metadata.get("type").and_then(Value::as_str).unwrap_or_default();
    Ok(match kind {
        "Text" => CustomFieldKind::Text { length: length()? },
        "LongTextArea" => CustomFieldKind::LongTextArea { length: length()? },
        "Number" => CustomFieldKind::Number { precision: byte("precision")?, scale: byte("scale")? },
        "Currency" => CustomFieldKind::Currency { precision: byte("precision")?, scale: byte("scale")? },
        "Percent" => CustomFieldKind::Percent { precision: byte("precision")?, scale: byte("scale")? },
        "Checkbox" => CustomFieldKind::Checkbox,
        "Date" => CustomFieldKind::Date,
        "DateTime" => CustomFieldKind::DateTime,
        "Time" => CustomFieldKind::Time,
        "TextArea" => CustomFieldKind::TextArea,
        "Url" => CustomFieldKind::Url,
        "Email" => CustomFieldKind::Email,
        "Phone" => CustomFieldKind::Phone,
        "Picklist" => CustomFieldKind::Picklist { values: picklist(metadata), restricted: restricted(metadata) },
        "MultiselectPicklist" => CustomFieldKind::MultiselectPicklist { values: picklist(metadata), restricted: restricted(metadata) },
        "Lookup" => CustomFieldKind::Lookup {
            to: metadata.get("referenceTo").and_then(Value::as_str).unwrap_or_default().to_owned(),
            relationship: metadata.get("relationshipName").and_then(Value::as_str).map(str::to_owned),
        },
        other if NOT_BUILT.contains(&other) => {
            return Err(Failure::not_built(&format!("tooling CustomField of type {other}")));
        }
        other => {
            let text = format!("Cannot deserialize instance of fieldtype from VALUE_STRING value {other} or request may be missing a required field");
            return Err(bad("JSON_PARSER_ERROR", text));
        }
    })
}

fn restricted(metadata: &Value) -> bool {
    metadata.pointer("/valueSet/restricted").and_then(Value::as_bool).unwrap_or(false)
}

fn picklist(metadata: &Value) -> Vec<PicklistEntry> {
    let values = metadata.pointer("/valueSet/valueSetDefinition/value").and_then(Value::as_array);
    let entry = |value: &Value| {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let name = text("fullName").or_else(|| text("valueName"))?;
        let flag = |name: &str| value.get(name).and_then(Value::as_bool);
        Some(PicklistEntry::Full {
            value: name.to_owned(),
            label: text("label").unwrap_or(name).to_owned(),
            active: flag("isActive").unwrap_or(true),
            default: flag("default").unwrap_or(false),
        })
    };
    values.into_iter().flatten().filter_map(entry).collect()
}
