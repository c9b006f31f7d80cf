//! `@{ref.path}` in the URL and body of a composite sub-request.
//! Owns finding, resolving and substituting references; refuses to know how answers came about.

use std::collections::HashMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

/// Characters that may stand unencoded in a substituted URL part.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The answers references may point into.
#[derive(Debug, Default)]
pub struct Answers {
    bodies: HashMap<String, Option<Value>>,
}

/// A reference that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid reference specified. No value for {path} found in {name}")]
pub struct Unresolved {
    /// The whole path as written, for example `r1.id`.
    pub path: String,
    /// The referenceId it begins with.
    pub name: String,
}

/// Whether `@{ref[0].id}` may point into an answer that is itself an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntoArrays {
    /// Resolved like any other element.
    Allowed,
    /// Refused like a reference that leads nowhere.
    Refused,
}

impl Answers {
    /// Notes the answer of one sub-request; `None` for a failed one.
    pub fn note(&mut self, name: &str, body: Option<Value>) {
        self.bodies.insert(name.to_owned(), body);
    }

    /// Resolves one path such as `q.records[0].Id`.
    ///
    /// # Errors
    /// [`Unresolved`] when the name is unknown or failed, or a step finds nothing or `null`.
    pub fn resolve(&self, path: &str, arrays: IntoArrays) -> Result<Value, Unresolved> {
        let name: String = path.chars().take_while(|c| !matches!(c, '.' | '[')).collect();
        let missing = || Unresolved { path: path.to_owned(), name: name.clone() };
        let body = self.bodies.get(&name).and_then(Option::as_ref).ok_or_else(missing)?;
        if body.is_array() && arrays == IntoArrays::Refused {
            return Err(missing());
        }
        let steps = path.get(name.len()..).unwrap_or_default();
        let found = walk(body, steps).ok_or_else(missing)?;
        if found.is_null() { Err(missing()) } else { Ok(found.clone()) }
    }
}

fn walk<'a>(mut value: &'a Value, mut steps: &str) -> Option<&'a Value> {
    while !steps.is_empty() {
        if let Some(rest) = steps.strip_prefix('[') {
            let (index, rest) = rest.split_once(']')?;
            value = value.as_array()?.get(index.trim().parse::<usize>().ok()?)?;
            steps = rest;
        } else {
            let rest = steps.strip_prefix('.')?;
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, rest) = rest.split_at_checked(end)?;
            value = value.as_object()?.get(key)?;
            steps = rest;
        }
    }
    Some(value)
}

/// The reference names used in a URL and a body, in order of appearance.
pub fn names(url: &str, body: Option<&Value>) -> Vec<String> {
    let mut found = Vec::new();
    collect(&readable_url(url), &mut found);
    if let Some(body) = body {
        collect_value(body, &mut found);
    }
    found
}

fn collect_value(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => collect(text, found),
        Value::Array(items) => items.iter().for_each(|item| collect_value(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| collect_value(item, found)),
        _ => {}
    }
}

fn collect(text: &str, found: &mut Vec<String>) {
    for part in parts(text) {
        if let Part::Reference(path) = part {
            found.push(path.chars().take_while(|c| !matches!(c, '.' | '[')).collect());
        }
    }
}

enum Part<'a> {
    Text(&'a str),
    Reference(&'a str),
}

fn parts(mut text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some((before, rest)) = text.split_once("@{") {
        let Some((path, rest)) = rest.split_once('}') else {
            break;
        };
        parts.push(Part::Text(before));
        parts.push(Part::Reference(path));
        text = rest;
    }
    parts.push(Part::Text(text));
    parts
}

/// A URL whose reference brackets were percent-encoded is read as if they were not.
fn readable_url(url: &str) -> String {
    let marked = url.contains("%40%7B") || url.contains("%40%7b") || url.contains("@%7B") || url.contains("@%7b");
    if marked && let Ok(decoded) = percent_decode_str(url).decode_utf8() {
        return decoded.into_owned();
    }
    url.to_owned()
}

/// Substitutes references in a URL; the values are percent-encoded.
///
/// # Errors
/// The first reference that leads nowhere.
pub fn substitute_url(url: &str, answers: &Answers, arrays: IntoArrays) -> Result<String, Unresolved> {
    let url = readable_url(url);
    let mut out = String::with_capacity(url.len());
    for part in parts(&url) {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Reference(path) => {
                let value = answers.resolve(path, arrays)?;
                out.extend(utf8_percent_encode(&as_text(&value), PLAIN));
            }
        }
    }
    Ok(out)
}

/// Substitutes references in every string of a body. A string that is one reference and nothing else
/// takes the value's type.
///
/// # Errors
/// The first reference that leads nowhere.
pub fn substitute_body(body: &Value, answers: &Answers, arrays: IntoArrays) -> Result<Value, Unresolved> {
    Ok(match body {
        Value::String(text) => substitute_text(text, answers, arrays)?,
        Value::Array(items) => Value::Array(items.iter().map(|item| substitute_body(item, answers, arrays)).collect::<Result<_, _>>()?),
        Value::Object(fields) => {
            let mut out = Map::new();
            for (key, value) in fields {
                out.insert(key.clone(), substitute_body(value, answers, arrays)?);
            }
            Value::Object(out)
        }
        other => other.clone(),
    })
}

fn substitute_text(text: &str, answers: &Answers, arrays: IntoArrays) -> Result<Value, Unresolved> {
    let parts = parts(text);
    if let [Part::Text(""), Part::Reference(path), Part::Text("")] = parts.as_slice() {
        return answers.resolve(path, arrays);
    }
    let mut out = String::with_capacity(text.len());
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Reference(path) => out.push_str(&as_text(&answers.resolve(path, arrays)?)),
        }
    }
    Ok(Value::String(out))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use serde_json::json;

    use super::*;

    fn answers() -> Answers {
        let mut answers = Answers::default();
        answers.note("r1", Some(json!({"id": "00Q1", "n": 3, "none": null})));
        answers.note("q", Some(json!({"records": [{"Id": "0031", "Owner": {"Name": "Ann Lee"}}]})));
        answers.note("c", Some(json!([{"id": "00Q1"}, {"success": false}])));
        answers.note("bad", None);
        answers
    }

    #[test]
    fn paths_resolve_or_say_what_is_missing() {
        let cases: &[(&str, Option<Value>)] = &[
            ("r1.id", Some(json!("00Q1"))),
            ("r1.Id", None),
            ("R1.id", None),
            ("r1.n", Some(json!(3))),
            ("r1.none", None),
            ("q.records[0].Id", Some(json!("0031"))),
            ("q.records[0].Owner.Name", Some(json!("Ann Lee"))),
            ("q.records[1].Id", None),
            ("q.records[x].Id", None),
            ("c[0].id", Some(json!("00Q1"))),
            ("c[1].id", None),
            ("bad.id", None),
            ("nobody.id", None),
        ];
        for (path, want) in cases {
            assert_eq!(answers().resolve(path, IntoArrays::Allowed).ok().as_ref(), want.as_ref(), "{path}");
        }
    }

    #[test]
    fn arrays_can_be_refused() {
        let refused = answers().resolve("c[0].id", IntoArrays::Refused).unwrap_err();
        assert_eq!(refused.to_string(), "Invalid reference specified. No value for c[0].id found in c");
        assert!(answers().resolve("q.records[0].Id", IntoArrays::Refused).is_ok());
    }

    #[test]
    fn a_whole_reference_keeps_its_type_and_a_part_becomes_text() {
        let body = json!({"a": "@{r1.n}", "b": ["x @{r1.n} y @{r1.id}"], "c": {"d": "no @{ end"}});
        let out = substitute_body(&body, &answers(), IntoArrays::Allowed).unwrap();
        assert_eq!(out, json!({"a": 3, "b": ["x 3 y 00Q1"], "c": {"d": "no @{ end"}}));
    }

    #[test]
    fn values_in_urls_are_encoded_and_encoded_brackets_are_read() {
        let url = "/x/@{q.records[0].Owner.Name}?a=@{r1.id}";
        assert_eq!(substitute_url(url, &answers(), IntoArrays::Allowed).unwrap(), "/x/Ann%20Lee?a=00Q1");
        assert_eq!(substitute_url("/x/%40%7Br1.id%7D", &answers(), IntoArrays::Allowed).unwrap(), "/x/00Q1");
    }

    #[test]
    fn names_are_collected_from_url_and_body() {
        let body = json!({"records": [{"AccountId": "@{c[0].id}"}]});
        assert_eq!(names("/x/@{r1.id}", Some(&body)), ["r1", "c"]);
    }
}
