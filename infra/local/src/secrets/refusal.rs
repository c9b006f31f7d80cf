//! Secrets Manager's errors, with its codes and its words.

use http::StatusCode;
use serde_json::{Value, json};

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// No such secret.
    pub fn absent() -> Self {
        Self::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    }

    /// The secret is there, the version is not.
    pub fn absent_value(what: &str) -> Self {
        Self::new("ResourceNotFoundException", format!("Secrets Manager can't find the specified secret value for {what}"))
    }

    /// A name or a token that is taken.
    pub fn exists(message: impl Into<String>) -> Self {
        Self::new("ResourceExistsException", message)
    }

    /// A request that does not fit the secret's present state.
    pub fn state(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    /// The secret waits for its deletion.
    pub fn deleted() -> Self {
        Self::state("You can't perform this operation on the secret because it was marked for deletion.")
    }

    /// The name is that of a secret that waits for its deletion.
    pub fn taken_by_deleted() -> Self {
        Self::state("You can't create this secret because a secret with this name is already scheduled for deletion.")
    }

    /// A parameter that contradicts another or is out of bounds.
    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    /// A parameter that is missing or of the wrong shape.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// A quota is used up.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new("LimitExceededException", message)
    }

    /// A page token that this service did not give.
    pub fn next_token() -> Self {
        Self::new("InvalidNextTokenException", "The NextToken value is invalid.")
    }

    /// A body that is no JSON, or of other types.
    pub fn serialization() -> Self {
        Self::new("SerializationException", "The request body cannot be read.")
    }

    /// An operation that this service does not have.
    pub fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", "The embedded Secrets Manager has no such operation.")
    }

    /// A request without a signature.
    pub fn unsigned() -> Self {
        Self::new("MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    /// Our own failure.
    pub fn internal() -> Self {
        Self::new("InternalServiceError", "An error occurred on the server side.")
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self.code {
            "InternalServiceError" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        json!({ "__type": self.code, "Message": self.message })
    }
}
