//! One thing that somebody should know about a connection: what it is, where it is, and what cures it, in the languages that
//! customers read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use super::words::Sentence;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something will fail.
    Error,
    /// Something may fail, get lost or come twice.
    Warning,
    /// Good to know.
    Info,
}

/// One thing that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable code, listed in `docs/checks.md`.
    pub code: Cow<'static, str>,
    /// The place in the configuration document that it is about.
    pub place: String,
    /// What is so.
    pub words: Sentence,
    /// What to do about it.
    pub cure: Sentence,
}

impl Finding {
    /// A finding of that weight.
    #[must_use]
    pub fn new(severity: Severity, code: &'static str, place: impl Into<String>, words: Sentence, cure: Sentence) -> Self {
        Self { severity, code: Cow::Borrowed(code), place: place.into(), words, cure }
    }
}
