//! The errors the simulated org answers with, as Salesforce words them.
//!
//! Owns the shape of an API error and the texts that more than one module needs. Knows nothing of
//! HTTP beyond the status number that belongs to an error, and nothing of who asked.
//! Source of codes and texts: the REST API Developer Guide, "Status Codes and Error Responses",
//! and answers recorded by public client libraries.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value, json};

/// A Salesforce error code such as `REQUIRED_FIELD_MISSING`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(Cow<'static, str>);

impl ErrorCode {
    /// A code known when the program is built.
    #[must_use]
    pub const fn of(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// A code chosen at run time, as an injected fault may bring one.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self(Cow::Owned(code.into()))
    }

    /// The code as it stands in an answer.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for ErrorCode {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for ErrorCode {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// One error of the data API: what stands in the array of an error answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The HTTP status of the whole answer when this error is the answer.
    pub status: u16,
    /// The code a client branches on.
    pub code: ErrorCode,
    /// The text for people, which the real org translates into the user's language.
    pub message: String,
    /// The fields the error is about; `None` leaves the key out, an empty list writes `[]`.
    pub fields: Option<Vec<String>>,
    /// Further keys of the error object, for example `duplicateResut`.
    pub extra: Option<Map<String, Value>>,
}

impl ApiError {
    /// An error without a `fields` key.
    #[must_use]
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code: ErrorCode::of(code), message: message.into(), fields: None, extra: None }
    }

    /// The same error about these fields; an empty list writes `[]`.
    #[must_use]
    pub fn about<I, S>(mut self, fields: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.fields = Some(fields.into_iter().map(Into::into).collect());
        self
    }

    /// The same error with one more key in its object.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.extra.get_or_insert_with(Map::new).insert(key.to_owned(), value);
        self
    }

    /// `{message, errorCode, fields?, …extra}`: an element of the error array of a single resource.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.object("errorCode", self.fields.as_deref())
    }

    /// `{statusCode, message, fields, …extra}`: an element of `errors` in a collection's item.
    /// Collections always write `fields`, and name the code differently.
    #[must_use]
    pub fn to_collection_json(&self) -> Value {
        self.object("statusCode", Some(self.fields.as_deref().unwrap_or(&[])))
    }

    fn object(&self, code_key: &str, fields: Option<&[String]>) -> Value {
        let mut object = Map::new();
        object.insert("message".to_owned(), json!(self.message));
        object.insert(code_key.to_owned(), json!(self.code.as_str()));
        if let Some(fields) = fields {
            object.insert("fields".to_owned(), json!(fields));
        }
        for (key, value) in self.extra.iter().flatten() {
            object.insert(key.clone(), value.clone());
        }
        Value::Object(object)
    }

    /// 404 for a path, an object or a record that does not exist.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    /// 501 for what a real org has and this one has not.
    #[must_use]
    pub fn not_built(what: &str) -> Self {
        Self::new(501, "NOT_IMPLEMENTED", format!("The simulator does not build {what}"))
    }

    /// 404 for a key that is no id, no external id and no `idLookup` field.
    #[must_use]
    pub fn no_external_id(field: &str) -> Self {
        Self::new(404, "NOT_FOUND", format!("Provided external ID field does not exist or is not accessible: {field}"))
    }

    /// 404 for a record in the recycle bin.
    #[must_use]
    pub fn deleted() -> Self {
        Self::new(404, "ENTITY_IS_DELETED", "entity is deleted").about::<_, String>([])
    }

    /// 400 for a field that does not exist, or that the user may not see, in a record's data.
    #[must_use]
    pub fn no_such_column(field: &str, sobject: &str) -> Self {
        Self::new(400, "INVALID_FIELD", format!("No such column '{field}' on sobject of type {sobject}"))
    }

    /// 400 for fields that the user may read but not write.
    #[must_use]
    pub fn not_writable(fields: &[String]) -> Self {
        Self::new(
            400,
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            format!(
                "Unable to create/update fields: {}. Please check the security settings of this \
                 field and verify that it is read/write for your profile or permission set.",
                fields.join(", ")
            ),
        )
        .about(fields.iter().cloned())
    }

    /// 400 for an `Id` in the body of a request whose path already names the record.
    #[must_use]
    pub fn key_in_body(field: &str) -> Self {
        Self::new(400, "INVALID_FIELD", format!("The {field} field should not be specified in the sobject data.")).about([field])
    }

    /// 400 for fields without a value that need one.
    #[must_use]
    pub fn required(fields: &[String]) -> Self {
        Self::new(400, "REQUIRED_FIELD_MISSING", format!("Required fields are missing: [{}]", fields.join(", "))).about(fields.iter().cloned())
    }

    /// 400 for a combination of values that the object does not allow.
    #[must_use]
    pub fn integrity(message: impl Into<String>, fields: &[&str]) -> Self {
        Self::new(400, "FIELD_INTEGRITY_EXCEPTION", message).about(fields.iter().copied())
    }

    /// For a record the user may read but not change.
    #[must_use]
    pub fn insufficient_access(status: u16) -> Self {
        Self::new(status, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id").about::<_, String>([])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_single_resource_and_a_collection_name_the_code_differently() {
        let error = ApiError::required(&["LastName".to_owned(), "Company".to_owned()]);
        assert_eq!(
            error.to_json(),
            json!({"message": "Required fields are missing: [LastName, Company]",
                   "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["LastName", "Company"]})
        );
        assert_eq!(
            error.to_collection_json(),
            json!({"message": "Required fields are missing: [LastName, Company]",
                   "statusCode": "REQUIRED_FIELD_MISSING", "fields": ["LastName", "Company"]})
        );
    }

    #[test]
    fn fields_are_left_out_only_outside_collections() {
        let error = ApiError::not_found();
        assert_eq!(error.to_json(), json!({"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}));
        assert_eq!(error.to_collection_json()["fields"], json!([]));
        assert_eq!(ApiError::deleted().to_json()["fields"], json!([]));
    }

    #[test]
    fn extra_keys_stand_beside_the_message() {
        let error = ApiError::new(400, "DUPLICATES_DETECTED", "Use one of these records?").with("duplicateResut", json!({"allowSave": true}));
        assert_eq!(error.to_json()["duplicateResut"]["allowSave"], json!(true));
    }
}
