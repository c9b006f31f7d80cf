//! The one place that knows HTTP status codes and `application/problem+json` (RFC 9457).

use serde::Serialize;

/// A refusal as the caller sees it. 5xx never tell a cause: that goes to the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable machine-readable name, listed in `docs/errors.md`.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, in a sentence.
    pub title: String,
    /// Every single fault with its place, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// One fault in a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where, as a path into the body, for example `events[3].person.email`.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem without a list of faults.
    #[must_use]
    pub fn new(status: u16, code: &'static str, title: impl Into<String>) -> Self {
        Self { code, status, title: title.into(), faults: Vec::new() }
    }

    /// The constant answer to everything that is our fault or our neighbours'.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(503, "unavailable", "Passerelle cannot do this just now. Please send it again: what is stored already is not stored twice.")
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| format!("{{\"code\":\"{}\",\"status\":{}}}", self.code, self.status))
    }
}

/// The media type of [`Problem::body`].
pub const MEDIA_TYPE: &str = "application/problem+json";
