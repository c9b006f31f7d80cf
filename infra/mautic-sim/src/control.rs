//! What a test has in its hand: failures on demand, and what was asked.

use serde_json::{Value, json};

use crate::store::Store;

/// A request as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// GET, POST, …
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The body; null where it is no JSON.
    pub body: Value,
}

/// A failure of requests whose path contains a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What the path contains.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// The `type` of the error.
    pub kind: String,
    /// Whether the request is done all the same.
    pub done: bool,
    /// How many requests fail.
    pub times: u32,
}

impl Fault {
    /// Requests to these paths fail `times` times with a status, and nothing is done.
    #[must_use]
    pub fn new(path: &str, status: u16, times: u32) -> Self {
        Self { path: path.to_owned(), status, kind: "simulated".to_owned(), done: false, times }
    }

    /// The same, but what was asked is done.
    #[must_use]
    pub fn after(self) -> Self {
        Self { done: true, ..self }
    }
}

impl Store {
    /// The fault that a request meets, counted.
    pub(crate) fn strike(&mut self, path: &str) -> Option<Fault> {
        let fault = self.faults.iter_mut().find(|fault| fault.times > 0 && path.contains(&fault.path))?;
        fault.times -= 1;
        Some(fault.clone())
    }

    /// All access tokens run out.
    pub fn expire_tokens(&mut self) {
        self.tokens.clear();
    }
}

/// An error as the API answers it.
pub(crate) fn error(status: u16, message: &str, kind: &str) -> Value {
    json!({"errors": [{"message": message, "code": status, "type": kind}]})
}
