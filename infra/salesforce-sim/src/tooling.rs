//! The one piece of the Tooling API that integrations use: making custom fields.
//! A field made so is visible to nobody until FieldPermissions grant it, unless it is required.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;
use crate::id::{Id, KeyPrefix};
use crate::schema::CustomError;
use crate::seed::{CustomField, CustomFieldKind, FieldAccess, PicklistEntry};

const CUSTOM_FIELD: KeyPrefix = KeyPrefix::of(b"00N");

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
    "Time",
];

fn bad(code: &'static str, text: impl Into<String>) -> Failure {
    ApiError::new(400, code, text).about::<_, String>([]).into()
}

/// `POST /tooling/sobjects/CustomField`.
pub(crate) fn create_field(context: &mut Context<'_>, call: &Call) -> Outcome {
    let user = context.world.org.user(&context.session.user);
    if !user.is_some_and(|user| user.permissions.customize_application) {
        let text = "insufficient access rights on cross-reference id";
        return Err(Failure::one(403, "INSUFFICIENT_ACCESS", text));
    }
    let field = parse_field(&call.json()?)?;
    match context.world.org.add_custom_field(&field) {
        Ok(()) => {}
        Err(CustomError::Exists(name)) => {
            let text = format!("There is already a field named {name} on {}.", field.sobject);
            return Err(bad("DUPLICATE_DEVELOPER_NAME", text));
        }
        Err(other) => return Err(bad("FIELD_INTEGRITY_EXCEPTION", other.to_string())),
    }
    context.world.custom_fields += 1;
    let id = Id::generate(CUSTOM_FIELD, context.world.custom_fields);
    let body = json!({"id": id, "success": true, "errors": [], "warnings": [], "infos": []});
    Ok(Reply::json(201, body))
}

/// Reads `FullName` and `Metadata`.
fn parse_field(body: &Value) -> Result<CustomField, Failure> {
    let full_name = body.get("FullName").and_then(Value::as_str).unwrap_or_default();
    let (sobject, name) = full_name.split_once('.').ok_or_else(|| bad("INVALID_FULL_NAME", "FullName must be Object.Field__c"))?;
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
    })
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
