//! What the faults that struck one request add up to.

use std::time::Duration;

use http::HeaderName;
use serde_json::json;

use super::faults::{Effect, Moment};
use crate::error::{ApiError, ErrorCode};
use crate::http::html;
use crate::http::reply::Reply;
use crate::org::Fields;

/// Writes of matching records fail.
#[derive(Clone, Debug)]
pub struct RecordFault {
    sobject: Option<String>,
    contains: Option<String>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Lock,
    Error(ApiError),
}

impl RecordFault {
    /// The error for a write of this record, if it is one of those.
    pub fn error(&self, sobject: &str, id: Option<&str>, fields: Option<&Fields>) -> Option<ApiError> {
        if self.sobject.as_deref().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(sobject)) {
            return None;
        }
        if let Some(wanted) = &self.contains {
            let in_id = id.is_some_and(|id| id.contains(wanted));
            let in_fields = fields.is_some_and(|fields| serde_json::to_string(fields).is_ok_and(|text| text.contains(wanted)));
            if !in_id && !in_fields {
                return None;
            }
        }
        Some(match &self.kind {
            Kind::Error(error) => error.clone(),
            Kind::Lock => {
                let text = format!("unable to obtain exclusive access to this record or 1 records: {}", id.unwrap_or("001000000000000AAA"));
                ApiError::new(400, "UNABLE_TO_LOCK_ROW", text).about::<_, String>([])
            }
        })
    }
}

/// The sum of all effects on one request.
#[derive(Clone, Debug, Default)]
pub struct Struck {
    /// The request's number in the journal.
    pub number: u64,
    /// Wait before the work.
    pub before: Duration,
    /// Wait after the work.
    pub after: Duration,
    /// Close the connection before the work.
    pub cut_before: bool,
    /// Close the connection after the work.
    pub cut_after: bool,
    /// Hold the transaction; the value says whether the connection is closed meanwhile.
    pub hold: Option<bool>,
    /// Answer this instead of working.
    pub instead: Option<Reply>,
    /// End the request's token first.
    pub expire_token: bool,
    /// Bytes a second at which the body arrives.
    pub slow: Option<u32>,
    /// Bytes of the body that arrive.
    pub truncate: Option<usize>,
    /// Content type of the answer.
    pub content_type: Option<String>,
    /// Record writes that fail.
    pub records: Vec<RecordFault>,
}

impl Struck {
    /// Adds one effect. Of several answers the first stands.
    pub fn add(&mut self, effect: Effect, oauth: bool) {
        match effect {
            Effect::Status { status, code, message, retry_after } => {
                let mut reply = if oauth {
                    Reply::json(status, json!({"error": code, "error_description": message}))
                } else {
                    Reply::json(status, json!([{"errorCode": code, "message": message}]))
                };
                if let Some(seconds) = retry_after {
                    reply = reply.with(http::header::RETRY_AFTER, seconds.to_string());
                }
                self.answer(reply);
            }
            Effect::Delay { ms, moment: Moment::Before } => self.before += Duration::from_millis(ms),
            Effect::Delay { ms, moment: Moment::After } => self.after += Duration::from_millis(ms),
            Effect::CutBefore => self.cut_before = true,
            Effect::CutAfter => self.cut_after = true,
            Effect::Hold { cut } => self.hold = Some(cut),
            Effect::Slow { bytes_per_second } => self.slow = Some(bytes_per_second.max(1)),
            Effect::Truncate { bytes } => self.truncate = Some(bytes),
            Effect::Html { status } => {
                let body = "<h1>We are down for maintenance.</h1><p>Sorry for the inconvenience. We'll be back shortly.</p>";
                self.answer(html::page(status, "Server Unavailable", body));
            }
            Effect::ContentType { value } => self.content_type = Some(value),
            Effect::ExpireToken => self.expire_token = true,
            Effect::Quota => self.refuse("TotalRequests Limit exceeded."),
            Effect::Concurrency => self.refuse("ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
            Effect::Lock { sobject, contains } => self.records.push(RecordFault { sobject, contains, kind: Kind::Lock }),
            Effect::RecordError { sobject, contains, status, code, message } => {
                let error = ApiError { status, code: ErrorCode::new(code), message, fields: Some(Vec::new()), extra: None };
                self.records.push(RecordFault { sobject, contains, kind: Kind::Error(error) });
            }
        }
    }

    fn refuse(&mut self, text: &str) {
        self.answer(Reply::errors(&[ApiError::new(403, "REQUEST_LIMIT_EXCEEDED", text)]));
    }

    fn answer(&mut self, reply: Reply) {
        // A name no client branches on, so that people reading a trace see that the answer was made up.
        let reply = reply.with(HeaderName::from_static("x-sim-fault"), "injected");
        self.instead.get_or_insert(reply);
    }
}
