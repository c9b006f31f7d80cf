//! Conditional requests: `If-Modified-Since`, `If-Unmodified-Since`, and ETags on Account rows.

use http::header;
use jiff::Timestamp;

use super::clock;
use super::reply::{Failure, Reply};
use super::request::Call;

/// What is known of the thing asked for.
#[derive(Clone, Debug)]
pub struct Known {
    /// When it last changed, to the second.
    pub modified: Timestamp,
    /// Its ETag, where it has one.
    pub etag: Option<String>,
}

impl Known {
    /// A thing without an ETag.
    pub fn modified(at: Timestamp) -> Known {
        Known { modified: Timestamp::from_second(at.as_second()).unwrap_or(at), etag: None }
    }

    /// Adds what is known to an answer.
    pub fn label(&self, reply: Reply) -> Reply {
        let reply = reply.with(header::LAST_MODIFIED, clock::http_date(self.modified));
        match &self.etag {
            Some(etag) => reply.with(header::ETAG, etag.clone()),
            None => reply,
        }
    }
}

/// Whether a request brings any condition on reading or writing.
pub fn asked(call: &Call) -> bool {
    ["if-modified-since", "if-unmodified-since", "if-match", "if-none-match"].iter().any(|name| call.header(name).is_some())
}

fn lists(value: &str, etag: &str) -> bool {
    value.split(',').map(str::trim).any(|item| item == "*" || item.trim_start_matches("W/") == etag)
}

/// A date that a write is bound to must be readable; a read goes on without it.
///
/// # Errors
/// 400 for one that is not.
pub fn check_dates(call: &Call) -> Result<(), Failure> {
    for name in ["If-Modified-Since", "If-Unmodified-Since"] {
        if let Some(value) = call.header(name).filter(|value| clock::parse_http(value).is_none()) {
            return Err(Failure::one(400, "BAD_REQUEST", format!("Invalid value for the {name} header: {value}")));
        }
    }
    Ok(())
}

/// Checks the conditions of a request.
///
/// # Errors
/// 304 for a read that finds nothing new, 412 for a failed condition, 400 for a write bound to a date nobody can read.
pub fn check(call: &Call, known: &Known, reading: bool) -> Result<(), Failure> {
    if !reading {
        check_dates(call)?;
    }
    let failed = || Failure::one(412, "PRECONDITION_FAILED", "The record doesn't meet the condition of the request's headers.");
    if let (Some(value), Some(etag)) = (call.header("if-match"), &known.etag)
        && !lists(value, etag)
    {
        return Err(failed());
    }
    if let Some(since) = call.header("if-unmodified-since").and_then(clock::parse_http)
        && known.modified > since
    {
        return Err(failed());
    }
    if let (Some(value), Some(etag)) = (call.header("if-none-match"), &known.etag) {
        if lists(value, etag) {
            return Err(if reading { known.label(Reply::empty(304)).into() } else { failed() });
        }
    } else if let Some(since) = call.header("if-modified-since").and_then(clock::parse_http)
        && known.modified <= since
    {
        return Err(if reading { known.label(Reply::empty(304)).into() } else { failed() });
    }
    Ok(())
}
