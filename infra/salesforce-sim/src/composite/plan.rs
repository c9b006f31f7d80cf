//! A list of composite sub-requests, read and checked before anything is done.
//! Owns what makes a whole request invalid; refuses to execute.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::references;
use crate::doubts::{Doubts, TooManyQueries, TooManyRequests};
use crate::http::reply::{Failure, Reply};
use crate::http::request::Call;
use crate::http::route::{Data, Route};

/// The most sub-requests, and the most queries and collections among them.
const MAX_REQUESTS: usize = 25;
const MAX_BULKY: usize = 5;
/// From this version on a bad referenceId fails the whole request.
const STRICT_REFERENCES: u16 = 52;

/// One sub-request.
#[derive(Clone, Debug)]
pub struct Sub {
    /// Method.
    pub method: Method,
    /// Path and query, with references.
    pub url: String,
    /// Its name.
    pub reference: String,
    /// Its own headers: those of the outer request do not count for it.
    pub headers: HeaderMap,
    /// Body, with references.
    pub body: Option<Value>,
    /// Names of the sub-requests it refers to.
    pub needs: Vec<String>,
    /// What sub-requests of the same kind may be executed together; `None` for reads.
    pub group: Option<String>,
}

/// 400 for the whole request.
pub fn invalid(text: impl Into<String>) -> Failure {
    Failure::one(400, "INVALID_INPUT", text)
}

/// The recorded answer to too many sub-requests: one element, whatever was asked.
fn too_many(status: u16, text: String) -> Failure {
    let body = json!([{"errorCode": "LIMIT_EXCEEDED", "message": text}]);
    let element = json!({"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": null});
    Reply::json(status, json!({"compositeResponse": [element]})).into()
}

/// Reads `compositeRequest`.
///
/// # Errors
/// 400 when the list or one of its members is not acceptable.
pub fn read(list: Option<&Value>, version: u16, doubts: &Doubts) -> Result<Vec<Sub>, Failure> {
    let subs = read_all(list, version)?;
    if subs.len() > MAX_REQUESTS {
        let status = match doubts.too_many_requests {
            TooManyRequests::Ok => 200,
            TooManyRequests::BadRequest => 400,
        };
        return Err(too_many(status, format!("The request can’t contain more than {MAX_REQUESTS} operations.")));
    }
    if subs.iter().filter(|sub| resource(&sub.url).is_some_and(|resource| resource.is_bulky())).count() > MAX_BULKY {
        let text = format!("The request can’t contain more than {MAX_BULKY} query or collections operations.");
        return Err(match doubts.too_many_queries {
            TooManyQueries::Element => too_many(400, text),
            TooManyQueries::Errors => Failure::one(400, "LIMIT_EXCEEDED", text),
        });
    }
    Ok(subs)
}

/// Reads `compositeRequest` without a limit on its length.
///
/// # Errors
/// As [`read`].
pub fn read_all(list: Option<&Value>, version: u16) -> Result<Vec<Sub>, Failure> {
    let Some(list) = list.and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        return Err(invalid("The compositeRequest parameter is required and must not be empty."));
    };
    let subs: Vec<Sub> = list.iter().map(|item| sub(item, version)).collect::<Result<_, _>>()?;
    let mut seen = HashSet::new();
    if let Some(twice) = subs.iter().find(|sub| !seen.insert(sub.reference.as_str())) {
        return Err(invalid(format!("Duplicate referenceId provided: {}", twice.reference)));
    }
    Ok(subs)
}

fn sub(item: &Value, version: u16) -> Result<Sub, Failure> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let reference = text("referenceId").filter(|name| !name.is_empty());
    let reference = reference.ok_or_else(|| invalid("Each subrequest needs a referenceId."))?;
    let word = reference.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !reference.starts_with('_');
    if version >= STRICT_REFERENCES && !word {
        return Err(invalid(format!(
            "Provided referenceId ('{reference}') must start with a letter or a number, and it can contain only letters, numbers and underscores ('_')."
        )));
    }
    let method = match text("method") {
        Some("GET") => Method::GET,
        Some("POST") => Method::POST,
        Some("PATCH") => Method::PATCH,
        Some("PUT") => Method::PUT,
        Some("DELETE") => Method::DELETE,
        Some("HEAD") => Method::HEAD,
        other => {
            return Err(invalid(format!("Invalid HTTP method: {}", other.unwrap_or("none"))));
        }
    };
    let url = text("url").ok_or_else(|| invalid("Each subrequest needs a url."))?.to_owned();
    let body = item.get("body").filter(|body| !body.is_null()).cloned();
    let needs = references::names(&url, body.as_ref());
    let group = group(&method, &url, body.as_ref());
    Ok(Sub { method, url, reference: reference.to_owned(), headers: headers(item.get("httpHeaders"))?, body, needs, group })
}

fn headers(given: Option<&Value>) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in given.and_then(Value::as_object).into_iter().flatten() {
        if ["accept", "authorization", "content-type"].contains(&name.to_ascii_lowercase().as_str()) {
            return Err(invalid(format!("The httpHeaders of a subrequest can't contain {name}.")));
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&text)) {
            (Ok(name), Ok(value)) => headers.append(name, value),
            _ => {
                return Err(invalid(format!("The httpHeaders of a subrequest contain an invalid header: {name}")));
            }
        };
    }
    Ok(headers)
}

/// The resource a URL names, references and all.
pub fn resource(url: &str) -> Option<Data> {
    let call = Call::inner(Method::GET, url, HeaderMap::new(), crate::http::request::Body::Empty);
    match Route::parse(&call.segments) {
        Route::Data { resource, .. } => Some(resource),
        _ => None,
    }
}

/// Writes of one kind on one object belong together.
fn group(method: &Method, url: &str, body: Option<&Value>) -> Option<String> {
    match (method, resource(url)?) {
        (&Method::POST, Data::Object(sobject)) => Some(format!("create {sobject}")),
        (&Method::PATCH, Data::Row { sobject, .. }) => Some(format!("update {sobject}")),
        (&Method::DELETE, Data::Row { sobject, .. }) => Some(format!("delete {sobject}")),
        (&Method::PATCH, Data::ExternalRow { sobject, field, .. }) => Some(format!("upsert {sobject} {field}")),
        (&(Method::POST | Method::PATCH), Data::Collections) => {
            let sobject = body.and_then(|body| body.pointer("/records/0/attributes/type")).and_then(Value::as_str);
            Some(format!("{method} collection {}", sobject.unwrap_or_default()))
        }
        _ => None,
    }
}

/// The order of execution as places in the list. Collated, a write pulls later ones of its kind forward once
/// what they refer to is done.
pub fn order(subs: &[Sub], collate: bool) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(subs.len());
    let mut done: HashSet<&str> = HashSet::new();
    for (first, sub) in subs.iter().enumerate() {
        if order.contains(&first) {
            continue;
        }
        order.push(first);
        done.insert(&sub.reference);
        if !collate || sub.group.is_none() {
            continue;
        }
        for (later, other) in subs.iter().enumerate().skip(first + 1) {
            let ready = other.needs.iter().all(|name| done.contains(name.as_str()) && *name != sub.reference);
            if other.group == sub.group && ready && !order.contains(&later) {
                order.push(later);
            }
        }
        for place in &order {
            if let Some(sub) = subs.get(*place) {
                done.insert(&sub.reference);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn post(sobject: &str, reference: &str, body: Value) -> Value {
        json!({"method": "POST", "url": format!("/services/data/v66.0/sobjects/{sobject}"), "referenceId": reference, "body": body})
    }

    #[test]
    fn collated_writes_of_a_kind_go_together_when_nothing_speaks_against_it() {
        let list = json!([
            post("Account", "a", json!({"Name": "A"})),
            post("Contact", "c1", json!({"AccountId": "@{a.id}"})),
            post("Account", "b", json!({"Name": "B"})),
            post("Account", "child", json!({"ParentId": "@{c1.id}"})),
            post("Contact", "c2", json!({"AccountId": "@{b.id}"})),
        ]);
        let subs = read(Some(&list), 66, &Doubts::default()).unwrap();
        assert_eq!(order(&subs, true), [0, 2, 1, 4, 3]);
        assert_eq!(order(&subs, false), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn bad_members_fail_the_whole() {
        let good = || post("Lead", "r", json!({}));
        let with = |key: &str, value: Value| {
            let mut item = good();
            item[key] = value;
            json!([item])
        };
        let cases = [
            (json!([good()]), 66, true),
            (json!([]), 66, false),
            (json!([good(), good()]), 66, false),
            (with("referenceId", json!("a[1]")), 66, false),
            (with("referenceId", json!("a[1]")), 51, true),
            (with("referenceId", Value::Null), 66, false),
            (with("method", json!("post")), 66, false),
            (with("url", Value::Null), 66, false),
            (with("httpHeaders", json!({"Authorization": "x"})), 66, false),
            (with("httpHeaders", json!({"Sforce-Auto-Assign": "FALSE"})), 66, true),
        ];
        for (list, version, want) in cases {
            assert_eq!(read(Some(&list), version, &Doubts::default()).is_ok(), want, "{list}");
        }
    }

    #[test]
    fn limits_answer_with_one_element() {
        let posts: Vec<Value> = (0..26).map(|n| post("Lead", &format!("r{n}"), json!({}))).collect();
        let queries: Vec<Value> =
            (0..6).map(|n| json!({"method": "GET", "url": "/services/data/v66.0/query?q=x", "referenceId": format!("r{n}")})).collect();
        for list in [posts, queries] {
            let failure = read(Some(&json!(list)), 66, &Doubts::default()).unwrap_err();
            let elements = failure.body()["compositeResponse"].clone();
            assert_eq!(elements.as_array().unwrap().len(), 1);
            assert_eq!(elements[0]["body"][0]["errorCode"], "LIMIT_EXCEEDED");
        }
    }
}
