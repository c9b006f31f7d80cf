//! Single-record writes as every resource does them: through the faults, then to the org.

use serde_json::{Value, json};

use super::context::Context;
use super::reply::Failure;
use super::request::{Body, Call};
use crate::error::ApiError;
use crate::id::Id;
use crate::org::{Fields, UpsertError, Upserted};

/// The fields of a record in a request, without its `attributes`.
///
/// # Errors
/// 400 when the value is no object.
pub fn fields(value: &Value) -> Result<Fields, Failure> {
    let Value::Object(fields) = value else {
        let text =
            "Cannot deserialize instance of sobject from a value that is no object or request may be missing a required field at [line:1, column:1]";
        return Err(Failure::one(400, "JSON_PARSER_ERROR", text));
    };
    let mut fields = fields.clone();
    fields.remove("attributes");
    Ok(fields)
}

/// Makes a record.
pub fn create(context: &mut Context<'_>, sobject: &str, fields: &Fields) -> Result<Id, Vec<ApiError>> {
    match context.fault(sobject, None, Some(fields)) {
        Some(error) => Err(vec![error]),
        None => context.world.org.create(&context.session, sobject, fields),
    }
}

/// Changes a record.
pub fn update(context: &mut Context<'_>, sobject: &str, id: &str, fields: &Fields) -> Result<(), Vec<ApiError>> {
    match context.fault(sobject, Some(id), Some(fields)) {
        Some(error) => Err(vec![error]),
        None => context.world.org.update(&context.session, sobject, id, fields),
    }
}

/// Moves a record to the recycle bin.
pub fn delete(context: &mut Context<'_>, sobject: &str, id: &str) -> Result<(), Vec<ApiError>> {
    match context.fault(sobject, Some(id), None) {
        Some(error) => Err(vec![error]),
        None => context.world.org.delete(&context.session, sobject, id),
    }
}

/// The record to write by key.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// Object.
    pub sobject: &'a str,
    /// Key field.
    pub field: &'a str,
    /// Key.
    pub value: &'a str,
}

/// Changes or makes the record with a key.
pub fn upsert(context: &mut Context<'_>, key: Key<'_>, fields: &Fields, update_only: bool) -> Result<Upserted, UpsertError> {
    let mut with_key = fields.clone();
    with_key.insert(key.field.to_owned(), Value::String(key.value.to_owned()));
    match context.fault(key.sobject, None, Some(&with_key)) {
        Some(error) => Err(error.into()),
        None => context.world.org.upsert(&context.session, key.sobject, key.field, key.value, fields, update_only),
    }
}

/// The errors of a record that is one of many: there is no path that could name nothing, so an id that leads nowhere is a
/// reference that does, and one that cannot be read is malformed.
pub fn of_a_row(errors: Vec<ApiError>, id: &str) -> Vec<ApiError> {
    let one = |error: ApiError| match error.code.as_str() {
        "NOT_FOUND" if Id::parse(id).is_err() => ApiError::new(400, "MALFORMED_ID", format!("malformed id {id}")).about(["Id"]),
        "NOT_FOUND" => ApiError::new(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id").about::<_, String>([]),
        _ => error,
    };
    errors.into_iter().map(one).collect()
}

/// Puts the place of a value into errors about values that could not be read. The org sees values without
/// their place in the text; the real parser names it.
pub fn locate(errors: Vec<ApiError>, call: &Call) -> Vec<ApiError> {
    let Body::Raw(bytes) = &call.body else {
        return errors;
    };
    let text = String::from_utf8_lossy(bytes);
    errors.into_iter().map(|error| located(error, &text)).collect()
}

fn located(mut error: ApiError, text: &str) -> ApiError {
    const NOWHERE: &str = "[line:1, column:1]";
    let found = error
        .message
        .split_once(" value ")
        .and_then(|(_, rest)| rest.split_once(" or request may be missing"))
        .and_then(|(value, _)| text.find(&json!(value).to_string()).or_else(|| text.find(value)));
    if error.code == "JSON_PARSER_ERROR"
        && let Some(at) = found
    {
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        error.message = error.message.replace(NOWHERE, &format!("[line:{line}, column:{column}]"));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_about_values_name_their_place() {
        let message = "Cannot deserialize instance of datetime from VALUE_STRING value tomorrow or request may be missing a required field at [line:1, column:1]";
        let error = ApiError::new(400, "JSON_PARSER_ERROR", message);
        let body = "{\n  \"StartDateTime\": \"tomorrow\"}";
        assert!(located(error.clone(), body).message.ends_with("[line:2, column:20]"));
        assert_eq!(located(error.clone(), "{}"), error);
    }
}
