//! What Salesforce refuses, and what follows from it. The table from its codes to our classes is in `codes`.
//!
//! Messages are translated into the user's language, so nothing here or above looks at them; they are for people.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use thiserror::Error;

use super::{
    client::Usage,
    codes::{class_of_code, class_of_status},
};
use crate::{
    domain::ids::{ObjectName, RecordId},
    planted::{self, Bug},
    ports::{Cause, TransportError},
};

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again, not before `after` where it is given.
    Retry {
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// The whole connection has to wait: its budget, its storage or its API is gone.
    Pause,
    /// The access token is not accepted: refresh it; where that was done already, the grant is gone.
    Reauthorise,
    /// This record or request has failed for good until data, configuration or schema change.
    Park,
    /// What was wanted is so already.
    Done,
    /// We asked for something that the API does not know.
    Bug,
}

/// What Salesforce says of a record in the recycle bin, and of what refers to one.
pub const ENTITY_IS_DELETED: &str = "ENTITY_IS_DELETED";
/// What Salesforce says of a lead that has become a contact, and of what refers to one.
pub const CONVERTED: &str = "CANNOT_UPDATE_CONVERTED_LEAD";

pub(super) const RETRY: Class = Class::Retry { after: None };

/// One refusal, as REST answers (`errorCode`) and collections (`statusCode`) give it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordError {
    /// Salesforce's code, for example `REQUIRED_FIELD_MISSING`; `HTTP_503` and the like where it gave none.
    pub code: String,
    /// The text for people, in the integration user's language.
    pub message: String,
    /// The fields that it is about, as Salesforce names them.
    pub fields: Vec<String>,
    /// Whatever else the answer said, for example the matches of a duplicate rule.
    pub extra: BTreeMap<String, Value>,
}

impl RecordError {
    /// What is to be done, whatever was asked for.
    #[must_use]
    pub fn class(&self) -> Class {
        class_of_code(&self.code).unwrap_or(Class::Park)
    }

    /// What is to be done about a failed write of a record of `object`.
    ///
    /// Assumption: a campaign member is refused as a duplicate value only because the person is a member already.
    #[must_use]
    pub fn class_of_write(&self, operation: WriteKind, object: &ObjectName) -> Class {
        match (operation, self.code.as_str()) {
            (WriteKind::Delete, ENTITY_IS_DELETED) => Class::Done,
            // What it hangs on has been deleted or converted meanwhile: the next try looks at it first.
            (WriteKind::Create | WriteKind::Upsert, ENTITY_IS_DELETED | CONVERTED) => RETRY,
            (WriteKind::Create, "DUPLICATE_VALUE") if object.as_str().eq_ignore_ascii_case("CampaignMember") => Class::Done,
            _ => self.class(),
        }
    }

    /// Whether the code is none that we know.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        class_of_code(&self.code).is_none()
    }

    /// Whether this was not tried because something that it depended on failed.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        matches!(self.code.as_str(), "PROCESSING_HALTED" | "ALL_OR_NONE_OPERATION_ROLLED_BACK" | "BATCH_PROCESSING_HALTED")
    }

    /// The records that a duplicate rule found, in the answer's order. The misspelt key is what orgs really send.
    #[must_use]
    pub fn duplicates(&self) -> Vec<RecordId> {
        let result = self.extra.get("duplicateResut").or_else(|| self.extra.get("duplicateResult"));
        let matches = result.and_then(|r| r.get("matchResults")).and_then(Value::as_array).into_iter().flatten();
        let records = matches.filter_map(|m| m.get("matchRecords").and_then(Value::as_array)).flatten();
        let ids = records.filter_map(|r| r.pointer("/record/Id").or_else(|| r.pointer("/record/id")).and_then(Value::as_str));
        ids.filter_map(|id| RecordId::parse(id).ok()).collect()
    }

    /// Reads one error object; `None` if it is none.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        let code = text("errorCode").or_else(|| text("statusCode")).or_else(|| text("error"))?.to_owned();
        let message = text("message").or_else(|| text("error_description")).unwrap_or_default().to_owned();
        let fields = object.get("fields").and_then(Value::as_array).into_iter().flatten();
        let known = ["errorCode", "statusCode", "error", "message", "error_description", "fields"];
        let extra = object.iter().filter(|(key, _)| !known.contains(&key.as_str()));
        Some(Self {
            code,
            message,
            fields: fields.filter_map(Value::as_str).map(str::to_owned).collect(),
            extra: extra.map(|(k, v)| (k.clone(), v.clone())).collect(),
        })
    }

    /// Reads the errors of a body, which is an array or, from some resources, a bare object.
    pub(super) fn parse_all(body: &Value) -> Vec<Self> {
        match body {
            Value::Array(items) => items.iter().filter_map(Self::parse).collect(),
            other => Self::parse(other).into_iter().collect(),
        }
    }
}

/// What a write was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteKind {
    /// Make a record.
    Create,
    /// Change a record.
    Update,
    /// Make or change it, by an external id.
    Upsert,
    /// Delete it.
    Delete,
}

/// A call to Salesforce that did not give what it should.
#[derive(Debug, Error)]
pub enum SalesforceError {
    /// No answer came.
    #[error("Salesforce did not answer")]
    Unanswered(#[source] TransportError),
    /// Salesforce answered with an error status.
    #[error("Salesforce refused the call with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said, most important first; never empty.
        errors: Vec<RecordError>,
        /// How long it wants us to wait.
        retry_after: Option<Duration>,
        /// How much of the day's calls is used, as of this answer.
        usage: Option<Usage>,
    },
    /// The answer is not of the documented shape.
    #[error("the answer of Salesforce to {what} cannot be read")]
    Unreadable {
        /// What was asked for.
        what: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The request breaks a documented limit or rule, so it was not sent.
    #[error("the request to Salesforce is wrong")]
    Unsendable(#[source] Cause),
}

impl SalesforceError {
    pub(super) fn unreadable(what: &'static str, source: impl Into<Cause>) -> Self {
        Self::Unreadable { what, source: source.into() }
    }

    pub(super) fn unsendable(source: impl Into<Cause>) -> Self {
        Self::Unsendable(source.into())
    }

    /// From an answer with an error status. HTML and empty bodies, as edges and proxies send them, are tolerated.
    #[must_use]
    pub fn refused(status: u16, body: &[u8], retry_after: Option<Duration>, usage: Option<Usage>) -> Self {
        let mut errors = serde_json::from_slice(body).map(|json: Value| RecordError::parse_all(&json)).unwrap_or_default();
        if errors.is_empty() {
            errors.push(RecordError { code: format!("HTTP_{status}"), ..RecordError::default() });
        }
        Self::Refused { status, errors, retry_after, usage }
    }

    /// A stable name: Salesforce's own code where it gave one.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unanswered(TransportError::NotSent { .. }) => "salesforce_unreachable",
            Self::Unanswered(TransportError::MaybeSent { .. }) => "salesforce_silent",
            Self::Refused { errors, .. } => errors.first().map_or("salesforce_refused", |e| e.code.as_str()),
            Self::Unreadable { .. } => "salesforce_unreadable",
            Self::Unsendable(_) => "salesforce_request_wrong",
        }
    }

    /// What is to be done.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Unanswered(_) | Self::Unreadable { .. } => RETRY,
            Self::Unsendable(_) => Class::Bug,
            Self::Refused { status, errors, retry_after, usage } => {
                let class = match errors.first().map(|e| e.code.as_str()) {
                    Some("REQUEST_LIMIT_EXCEEDED") => class_of_limit(*usage),
                    code => code.and_then(class_of_code).unwrap_or_else(|| class_of_status(*status)),
                };
                match class {
                    Class::Retry { after } => Class::Retry { after: retry_after.or(after) },
                    other => other,
                }
            }
        }
    }

    /// Whether Salesforce may have done what was asked although no good answer came: then look before repeating.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        match self {
            _ if planted::is(Bug::ForgetDoubt) => false,
            Self::Unanswered(TransportError::NotSent { .. }) | Self::Unsendable(_) => false,
            Self::Unanswered(TransportError::MaybeSent { .. }) | Self::Unreadable { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
        }
    }
}

/// How long to leave an org alone whose concurrent requests are too many.
const CONCURRENCY_WAIT: Duration = Duration::from_secs(30);

/// `REQUEST_LIMIT_EXCEEDED` means the day's calls or the concurrent ones, and only the translated message says which.
/// The usage in the header of the same answer tells as well; without it the connection waits.
fn class_of_limit(usage: Option<Usage>) -> Class {
    match usage {
        Some(usage) if usage.used < usage.max => Class::Retry { after: Some(CONCURRENCY_WAIT) },
        _ => Class::Pause,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str, usage: Option<Usage>) -> Class {
        SalesforceError::refused(status, body.as_bytes(), None, usage).class()
    }

    #[test]
    fn codes_and_statuses_have_one_class() {
        let used = |used, max| Some(Usage { used, max });
        let wait = Class::Retry { after: Some(CONCURRENCY_WAIT) };
        for (name, status, body, usage, want) in [
            ("array", 400, r#"[{"message":"x","errorCode":"UNABLE_TO_LOCK_ROW"}]"#, None, RETRY),
            ("bare object", 400, r#"{"message":"x","errorCode":"INVALID_FIELD"}"#, None, Class::Park),
            ("session", 401, r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#, None, Class::Reauthorise),
            ("401 without a body", 401, "", None, Class::Reauthorise),
            ("userinfo", 403, "Bad_OAuth_Token", None, Class::Park),
            (
                "day's calls gone",
                403,
                r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]"#,
                used(9, 9),
                Class::Pause,
            ),
            ("calls at once", 403, r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"x"}]"#, used(8, 9), wait),
            ("limit without usage", 403, r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"x"}]"#, None, Class::Pause),
            ("API off", 403, r#"[{"errorCode":"API_DISABLED_FOR_ORG","message":"x"}]"#, None, Class::Pause),
            ("edge, empty", 420, "", None, RETRY),
            ("too many", 429, "<html>", None, RETRY),
            ("html", 503, "<!DOCTYPE html><h1>Down for maintenance</h1>", None, RETRY),
            ("gateway", 502, "", None, RETRY),
            ("version retired", 410, r#"[{"errorCode":"UNSUPPORTED_API_VERSION","message":"x"}]"#, None, Class::Pause),
            ("long address", 414, "", None, Class::Bug),
            ("unknown code", 400, r#"[{"errorCode":"SOMETHING_NEW","message":"x"}]"#, None, Class::Park),
            ("unknown code, server", 500, r#"[{"errorCode":"SOMETHING_NEW","message":"x"}]"#, None, RETRY),
            (
                "translated",
                400,
                r#"[{"message":"Faltan campos obligatorios: [LastName]","errorCode":"REQUIRED_FIELD_MISSING","fields":["LastName"]}]"#,
                None,
                Class::Park,
            ),
            ("our query", 400, r#"[{"message":"unexpected token","errorCode":"MALFORMED_QUERY"}]"#, None, Class::Bug),
        ] {
            assert_eq!(class(status, body, usage), want, "{name}");
        }
    }

    #[test]
    fn the_orgs_own_waiting_time_wins() {
        let error = SalesforceError::refused(503, b"", Some(Duration::from_secs(7)), None);
        assert_eq!(error.class(), Class::Retry { after: Some(Duration::from_secs(7)) });
    }

    #[test]
    fn doubt_exists_only_where_salesforce_may_have_acted() {
        let cause = || Cause::from("x");
        for (error, want) in [
            (SalesforceError::Unanswered(TransportError::NotSent { host: "h".into(), source: cause() }), false),
            (SalesforceError::Unanswered(TransportError::MaybeSent { host: "h".into(), source: cause() }), true),
            (SalesforceError::refused(400, b"", None, None), false),
            (SalesforceError::refused(429, b"", None, None), false),
            (SalesforceError::refused(500, b"", None, None), true),
            (SalesforceError::refused(504, b"", None, None), true),
            (SalesforceError::unreadable("a test", "x"), true),
            (SalesforceError::unsendable("x"), false),
        ] {
            assert_eq!(error.in_doubt(), want, "{error:?}");
        }
    }

    #[test]
    fn some_refusals_say_that_it_is_done() {
        let error = |code: &str| RecordError { code: code.to_owned(), ..RecordError::default() };
        let (member, lead) = (ObjectName::parse("CampaignMember").unwrap(), ObjectName::parse("Lead").unwrap());
        for (operation, code, object, want) in [
            (WriteKind::Delete, ENTITY_IS_DELETED, &lead, Class::Done),
            (WriteKind::Update, ENTITY_IS_DELETED, &lead, Class::Park),
            (WriteKind::Create, ENTITY_IS_DELETED, &lead, RETRY),
            (WriteKind::Upsert, ENTITY_IS_DELETED, &lead, RETRY),
            (WriteKind::Create, CONVERTED, &lead, RETRY),
            (WriteKind::Update, CONVERTED, &lead, Class::Park),
            (WriteKind::Create, "DUPLICATE_VALUE", &member, Class::Done),
            (WriteKind::Create, "DUPLICATE_VALUE", &lead, Class::Park),
            (WriteKind::Update, "DUPLICATE_VALUE", &member, Class::Park),
        ] {
            assert_eq!(error(code).class_of_write(operation, object), want, "{operation:?} {code} {object}");
        }
    }

    #[test]
    fn the_matches_of_a_duplicate_rule_are_found_under_both_spellings() {
        for key in ["duplicateResut", "duplicateResult"] {
            let body = serde_json::json!([{"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", key: {
                "allowSave": true, "duplicateRule": "Standard_Contact_Duplicate_Rule", "matchResults": [{"matchRecords": [
                    {"matchConfidence": 100.0, "record": {"attributes": {"type": "Contact"}, "Id": "003B000000BYMvhIAH"}}]}]}}]);
            let errors = RecordError::parse_all(&body);
            let ids: Vec<String> = errors.iter().flat_map(RecordError::duplicates).map(String::from).collect();
            assert_eq!(ids, ["003B000000BYMvhIAH"], "{key}");
        }
    }
}
