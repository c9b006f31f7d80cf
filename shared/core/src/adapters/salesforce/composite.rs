//! Composite calls: up to 25 requests in one, which Salesforce counts as one.
//!
//! Refuses to know what the sub-requests mean: see [`super::collections`], [`super::soql`] and [`super::describe`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use thiserror::Error;

use super::{
    SalesforceError,
    error::{Class, RecordError},
};

/// Most sub-requests of one composite call.
pub const MAX_SUBS: usize = 25;
/// Most sub-requests that are queries or collections.
pub const MAX_QUERIES_AND_COLLECTIONS: usize = 5;
/// Most bytes of a sub-request's address, well below the 16,384 that Salesforce takes together with headers.
pub const MAX_URL_BYTES: usize = 12_000;

/// The method of a sub-request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Create; also a read whose list of ids is long.
    Post,
    /// Update or upsert.
    Patch,
    /// Delete.
    Delete,
}

impl Method {
    /// As Salesforce wants it: in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// One request inside a composite call.
#[derive(Debug, Clone, PartialEq)]
pub struct Sub {
    /// The method.
    pub method: Method,
    /// The address from `/services/data/` on, encoded.
    pub url: String,
    /// Its name within the call: letters, digits and underscores. Later sub-requests may refer to it.
    pub reference_id: String,
    /// The body, where there is one.
    pub body: Option<Value>,
    /// Headers; those of the call itself do not count for sub-requests. `Accept`, `Authorization` and `Content-Type`
    /// are not allowed.
    pub headers: BTreeMap<String, String>,
}

/// A composite call. Sub-requests are independent (`allOrNone` is false) and done in their order
/// (`collateSubrequests` is false).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Composite {
    /// The sub-requests, in order.
    pub subs: Vec<Sub>,
}

/// A composite call that Salesforce would refuse whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CompositeError {
    /// None, or more than 25.
    #[error("a composite call takes 1 to 25 sub-requests, not {0}")]
    Count(usize),
    /// More than five.
    #[error("a composite call takes 5 queries and collections, not {0}")]
    Heavy(usize),
    /// Not letters, digits and underscores, or used twice.
    #[error("{0:?} is no reference id, or is used twice")]
    ReferenceId(String),
    /// Longer than 12,000 bytes.
    #[error("the address of the sub-request {0} is too long")]
    Url(String),
    /// One of those that are not allowed.
    #[error("the header {0} is not allowed in a sub-request")]
    Header(String),
}

impl Composite {
    /// A call of these sub-requests.
    #[must_use]
    pub fn new(subs: Vec<Sub>) -> Self {
        Self { subs }
    }

    /// The body of the call, if Salesforce's limits allow it.
    pub fn body(&self) -> Result<Value, CompositeError> {
        self.check()?;
        let subs: Vec<Value> = self.subs.iter().map(sub_request).collect();
        Ok(json!({ "allOrNone": false, "collateSubrequests": false, "compositeRequest": subs }))
    }

    fn check(&self) -> Result<(), CompositeError> {
        if self.subs.is_empty() || self.subs.len() > MAX_SUBS {
            return Err(CompositeError::Count(self.subs.len()));
        }
        let heavy = self.subs.iter().filter(|sub| is_heavy(&sub.url)).count();
        if heavy > MAX_QUERIES_AND_COLLECTIONS {
            return Err(CompositeError::Heavy(heavy));
        }
        let mut seen = BTreeSet::new();
        for sub in &self.subs {
            let legal = !sub.reference_id.is_empty() && sub.reference_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !legal || !seen.insert(sub.reference_id.as_str()) {
                return Err(CompositeError::ReferenceId(sub.reference_id.clone()));
            }
            if sub.url.len() > MAX_URL_BYTES {
                return Err(CompositeError::Url(sub.reference_id.clone()));
            }
            let forbidden = |name: &&String| ["accept", "authorization", "content-type"].contains(&name.to_ascii_lowercase().as_str());
            if let Some(name) = sub.headers.keys().find(forbidden) {
                return Err(CompositeError::Header(name.clone()));
            }
        }
        Ok(())
    }
}

/// Whether the sub-request counts among the five.
fn is_heavy(url: &str) -> bool {
    let resource = url.splitn(5, '/').nth(4).unwrap_or(url);
    let name = resource.split(['/', '?']).next().unwrap_or_default();
    matches!(name, "query" | "queryAll") || resource.starts_with("composite/sobjects")
}

fn sub_request(sub: &Sub) -> Value {
    let mut request = serde_json::Map::new();
    request.insert("method".to_owned(), json!(sub.method.name()));
    request.insert("url".to_owned(), json!(sub.url));
    request.insert("referenceId".to_owned(), json!(sub.reference_id));
    if !sub.headers.is_empty() {
        request.insert("httpHeaders".to_owned(), json!(sub.headers));
    }
    if let Some(body) = &sub.body {
        request.insert("body".to_owned(), body.clone());
    }
    Value::Object(request)
}

/// The answer to one sub-request.
#[derive(Debug, Clone, PartialEq)]
pub struct SubAnswer {
    /// The sub-request's name.
    pub reference_id: String,
    /// Its HTTP status.
    pub status: u16,
    /// Its body; null where it had none.
    pub body: Value,
    /// Its headers.
    pub headers: BTreeMap<String, Value>,
}

impl SubAnswer {
    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What Salesforce refused; empty on success.
    #[must_use]
    pub fn errors(&self) -> Vec<RecordError> {
        if self.is_success() {
            return Vec::new();
        }
        let errors = RecordError::parse_all(&self.body);
        if errors.is_empty() { vec![RecordError { code: format!("HTTP_{}", self.status), ..RecordError::default() }] } else { errors }
    }

    /// Whether it was not tried, because something that it refers to failed.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.errors().iter().any(RecordError::is_halted)
    }

    /// The refusal as an error of its own, `None` on success.
    #[must_use]
    pub fn refusal(&self) -> Option<SalesforceError> {
        let errors = self.errors();
        (!errors.is_empty()).then(|| SalesforceError::Refused { status: self.status, errors, retry_after: None, usage: None })
    }
}

/// The answers to all sub-requests, in the order of the call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CompositeAnswer {
    /// One for each.
    pub subs: Vec<SubAnswer>,
}

impl CompositeAnswer {
    /// The answer of the sub-request with that name; an error if the call had none.
    pub fn get(&self, reference_id: &str) -> Result<&SubAnswer, SalesforceError> {
        let found = self.subs.iter().find(|sub| sub.reference_id == reference_id);
        found.ok_or_else(|| SalesforceError::unreadable("a composite call", format!("there is no answer named {reference_id}")))
    }
}

/// Reads the answer to `call`. A call that was refused whole may come as a single answer without a name, too.
pub fn parse_answer(call: &Composite, body: &Value) -> Result<CompositeAnswer, SalesforceError> {
    let unreadable = |what: &str| SalesforceError::unreadable("a composite call", what.to_owned());
    let answers = body.get("compositeResponse").and_then(Value::as_array).ok_or_else(|| unreadable("compositeResponse is missing"))?;
    let mut by_name = BTreeMap::new();
    for answer in answers {
        let status = answer.get("httpStatusCode").and_then(Value::as_u64).and_then(|s| u16::try_from(s).ok());
        let status = status.ok_or_else(|| unreadable("httpStatusCode is missing"))?;
        let headers = answer.get("httpHeaders").and_then(Value::as_object).into_iter().flatten();
        let name = answer.get("referenceId").and_then(Value::as_str);
        let sub = SubAnswer {
            reference_id: name.unwrap_or_default().to_owned(),
            status,
            body: answer.get("body").cloned().unwrap_or_default(),
            headers: headers.map(|(k, v)| (k.clone(), v.clone())).collect(),
        };
        match (name, sub.refusal()) {
            (None, Some(refusal)) => return Err(refusal),
            (None, None) => return Err(unreadable("an answer has no name")),
            (Some(name), _) => by_name.insert(name.to_owned(), sub),
        };
    }
    let take = |sub: &Sub| by_name.remove(&sub.reference_id).ok_or_else(|| unreadable("an answer is missing"));
    Ok(CompositeAnswer { subs: call.subs.iter().map(take).collect::<Result<_, _>>()? })
}

/// The most urgent class among failures: a pause stops more than a new token, and that more than a repeat.
#[must_use]
pub fn gravest(classes: impl IntoIterator<Item = Class>) -> Option<Class> {
    let rank = |class: &Class| match class {
        Class::Pause => 5,
        Class::Reauthorise => 4,
        Class::Bug => 3,
        Class::Retry { .. } => 2,
        Class::Park => 1,
        Class::Done => 0,
    };
    classes.into_iter().max_by_key(rank)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn sub(reference_id: &str, url: &str) -> Sub {
        Sub { method: Method::Get, url: url.to_owned(), reference_id: reference_id.to_owned(), body: None, headers: BTreeMap::new() }
    }

    #[test]
    fn the_body_is_as_documented() {
        let mut write = sub("people", "/services/data/v66.0/composite/sobjects");
        write.method = Method::Post;
        write.body = Some(json!({"records": []}));
        write.headers = super::super::read_headers();
        let body = Composite::new(vec![sub("q1", "/services/data/v66.0/query?q=SELECT+Id+FROM+Lead"), write]).body().unwrap();
        let want = json!({"allOrNone": false, "collateSubrequests": false, "compositeRequest": [
            {"method": "GET", "url": "/services/data/v66.0/query?q=SELECT+Id+FROM+Lead", "referenceId": "q1"},
            {"method": "POST", "url": "/services/data/v66.0/composite/sobjects", "referenceId": "people",
             "httpHeaders": {"Sforce-Call-Options": "client=passerelle"}, "body": {"records": []}}]});
        assert_eq!(body, want);
    }

    #[test]
    fn limits_are_kept_before_the_call() {
        let many = |n: usize, url: &str| Composite::new((0..n).map(|i| sub(&format!("r{i}"), url)).collect());
        let (query, plain) = ("/services/data/v66.0/query?q=x", "/services/data/v66.0/limits");
        let collection = "/services/data/v66.0/composite/sobjects/Lead";
        let mut header = sub("a", plain);
        header.headers.insert("accept".to_owned(), "x".to_owned());
        for (name, call, want) in [
            ("none", many(0, plain), Some(CompositeError::Count(0))),
            ("25", many(25, plain), None),
            ("26", many(26, plain), Some(CompositeError::Count(26))),
            ("5 queries", many(5, query), None),
            ("6 queries", many(6, query), Some(CompositeError::Heavy(6))),
            ("6 collections", many(6, collection), Some(CompositeError::Heavy(6))),
            ("bad name", Composite::new(vec![sub("a-b", plain)]), Some(CompositeError::ReferenceId("a-b".into()))),
            ("twice", Composite::new(vec![sub("a", plain), sub("a", plain)]), Some(CompositeError::ReferenceId("a".into()))),
            ("long", Composite::new(vec![sub("a", &"x".repeat(12_001))]), Some(CompositeError::Url("a".into()))),
            ("header", Composite::new(vec![header]), Some(CompositeError::Header("accept".into()))),
        ] {
            assert_eq!(call.body().err(), want, "{name}");
        }
    }

    #[test]
    fn answers_come_back_in_the_order_of_the_call() {
        let call = Composite::new(vec![sub("a", "/x"), sub("b", "/y")]);
        let halted = json!([{"errorCode": "PROCESSING_HALTED", "message": "Invalid reference specified. No value for r1.id found in r1"}]);
        let body = json!({"compositeResponse": [
            {"body": halted, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": "b"},
            {"body": null, "httpHeaders": {"Location": "/x"}, "httpStatusCode": 204, "referenceId": "a"}]});
        let answer = parse_answer(&call, &body).unwrap();
        assert_eq!(answer.subs.iter().map(|s| s.reference_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(answer.subs[0].is_success() && !answer.subs[0].is_halted() && answer.subs[0].refusal().is_none());
        assert!(answer.get("b").unwrap().is_halted());
        assert!(answer.get("c").is_err());
    }

    #[test]
    fn a_call_refused_whole_is_a_refusal() {
        // Recorded answer to 26 operations.
        let body = json!({"compositeResponse": [{"body": [{"errorCode": "LIMIT_EXCEEDED",
            "message": "The request can’t contain more than 25 operations."}], "httpHeaders": {}, "httpStatusCode": 400, "referenceId": null}]});
        let error = parse_answer(&Composite::new(vec![sub("a", "/x")]), &body).unwrap_err();
        assert_eq!((error.code(), error.class()), ("LIMIT_EXCEEDED", Class::Bug));
        assert!(!error.in_doubt());
    }

    #[test]
    fn a_missing_answer_is_not_taken_for_success() {
        let body = json!({"compositeResponse": []});
        let error = parse_answer(&Composite::new(vec![sub("a", "/x")]), &body).unwrap_err();
        assert!(error.in_doubt());
    }

    #[test]
    fn what_stops_most_is_gravest() {
        let retry = Class::Retry { after: None };
        assert_eq!(gravest([Class::Park, retry, Class::Pause]), Some(Class::Pause));
        assert_eq!(gravest([Class::Done, retry, Class::Park]), Some(retry));
        assert_eq!(gravest([]), None);
    }
}
