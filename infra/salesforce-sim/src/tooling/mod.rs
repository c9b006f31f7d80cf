//! The one piece of the Tooling API that integrations use: custom fields, made, read, changed, deleted and queried.
//! A field made so is visible to nobody until FieldPermissions grant it, unless it is required.

mod changes;
mod metadata;
mod query;

use http::Method;
use serde_json::{Map, Value, json};

pub(crate) use query::query;

use crate::doubts::NewCustomField;
use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;
use crate::http::rows::field_list;
use crate::id::Id;
use crate::schema::CustomError;
use crate::seed::{CustomField, CustomFieldKind};

fn bad(code: &'static str, text: impl Into<String>) -> Failure {
    ApiError::new(400, code, text).about::<_, String>([]).into()
}

/// `/tooling/sobjects/CustomField`.
pub(crate) fn fields(context: &mut Context<'_>, call: &Call) -> Outcome {
    if call.method != Method::POST {
        return Err(Failure::not_built("GET tooling/sobjects/CustomField"));
    }
    check_may_customize(context)?;
    let field = metadata::read_new(&call.json()?)?;
    if crate::schema::is_elsewhere(&field.sobject) {
        return Err(ApiError::not_built(&format!("the object {}", field.sobject)).into());
    }
    let id = context.world.org.add_custom_field(&field).map_err(|error| refused(&field, &error))?;
    Ok(Reply::json(
        201,
        match context.world.org.doubts().new_custom_field {
            NewCustomField::Full => json!({"id": id, "success": true, "errors": [], "warnings": [], "infos": []}),
            NewCustomField::Plain => json!({"id": id, "success": true, "errors": []}),
        },
    ))
}

/// `/tooling/sobjects/CustomField/ID`.
pub(crate) fn field(context: &mut Context<'_>, call: &Call, id: &str) -> Outcome {
    let id = Id::parse(id).map_err(|_| ApiError::not_found())?;
    let field = context.world.org.custom_field(id).ok_or_else(ApiError::not_found)?.clone();
    match call.method {
        Method::PATCH => {
            check_may_customize(context)?;
            let wanted = metadata::read(&field.sobject, &field.name, &call.json()?)?;
            if let Some(what) = changes::not_built(&field, &wanted) {
                return Err(Failure::not_built(&format!("tooling CustomField: a change of {what}")));
            }
            let wanted = CustomField { access: field.access, ..wanted };
            context.world.org.change_custom_field(&wanted).map_err(|error| refused(&field, &error))?;
            Ok(Reply::empty(204))
        }
        Method::DELETE => {
            check_may_customize(context)?;
            if context.world.org.is_in_rules(&field) {
                // Source of the code: SOAP API Developer Guide, "StatusCode".
                return Err(bad("DEPENDENCY_EXISTS", format!("A rule of the org names the field {}.{}.", field.sobject, field.name)));
            }
            context.world.org.delete_custom_field(&field.sobject, &field.name).map_err(|error| refused(&field, &error))?;
            Ok(Reply::empty(204))
        }
        _ => {
            let row = row(&context.base(), id, &field);
            match field_list(call) {
                None => Ok(Reply::json(200, Value::Object(row))),
                Some(names) => chosen(row, &names).map(|row| Reply::json(200, Value::Object(row))),
            }
        }
    }
}

/// "Customize Application".
fn check_may_customize(context: &Context<'_>) -> Result<(), Failure> {
    let user = context.world.org.user(&context.session.user);
    if user.is_some_and(|user| user.permissions.customize_application) {
        return Ok(());
    }
    Err(Failure::one(403, "INSUFFICIENT_ACCESS", "insufficient access rights on cross-reference id"))
}

fn refused(field: &CustomField, error: &CustomError) -> Failure {
    match error {
        CustomError::Exists(name) => bad("DUPLICATE_DEVELOPER_NAME", format!("There is already a field named {name} on {}.", field.sobject)),
        other => bad("FIELD_INTEGRITY_EXCEPTION", other.to_string()),
    }
}

/// A field as a record.
fn row(base: &str, id: Id, field: &CustomField) -> Map<String, Value> {
    let (length, precision, scale) = match &field.kind {
        CustomFieldKind::Text { length } | CustomFieldKind::LongTextArea { length } => (Some(*length), None, None),
        CustomFieldKind::Number { precision, scale }
        | CustomFieldKind::Currency { precision, scale }
        | CustomFieldKind::Percent { precision, scale } => (None, Some(*precision), Some(*scale)),
        _ => (None, None, None),
    };
    let row = json!({
        "attributes": {"type": "CustomField", "url": format!("{base}/tooling/sobjects/CustomField/{id}")},
        "Id": id,
        "TableEnumOrId": field.sobject,
        "DeveloperName": metadata::developer_name(field),
        "NamespacePrefix": null,
        "ManageableState": "unmanaged",
        "InlineHelpText": field.help,
        "Length": length,
        "Precision": precision,
        "Scale": scale,
        "FullName": format!("{}.{}", field.sobject, field.name),
        "Metadata": metadata::write(field),
    });
    if let Value::Object(row) = row { row } else { Map::new() }
}

/// Some fields of a record.
fn chosen(row: Map<String, Value>, names: &[String]) -> Result<Map<String, Value>, Failure> {
    let wanted = |key: &str| key == "attributes" || names.iter().any(|name| name.eq_ignore_ascii_case(key));
    if let Some(unknown) = names.iter().find(|name| !row.keys().any(|key| key.eq_ignore_ascii_case(name))) {
        return Err(ApiError::no_such_column(unknown, "CustomField").into());
    }
    Ok(row.into_iter().filter(|(key, _)| wanted(key)).collect())
}
