//! Bulk API 2.0: jobs that list the rows of a query as CSV.
//!
//! A job's query stands as it was when the job ran. Refuses to know who needs the rows, and whether they are still true.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{ApiVersion, SalesforceError, soql::Row};
use crate::domain::mapping::FieldType;

/// The header with the place of the next page of results; `null` on the last.
const LOCATOR: &str = "sforce-locator";

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits or is at work.
    Underway,
    /// Its results can be fetched.
    Complete,
    /// It failed, or somebody has aborted it.
    Failed,
}

/// The path of all jobs that query.
#[must_use]
pub fn jobs(version: &ApiVersion) -> String {
    version.path("jobs/query")
}

/// The path of one of them.
#[must_use]
pub fn job(version: &ApiVersion, id: &str) -> String {
    version.path(&format!("jobs/query/{id}"))
}

/// The body that makes a job which sees deleted and merged records too.
#[must_use]
pub fn query_with_deleted(soql: &str) -> Value {
    json!({"operation": "queryAll", "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF"})
}

/// The path of a page of results.
#[must_use]
pub fn results(version: &ApiVersion, id: &str, locator: Option<&str>, most: usize) -> String {
    let from = locator.map(|locator| format!("&locator={}", url::form_urlencoded::byte_serialize(locator.as_bytes()).collect::<String>()));
    format!("{}/results?maxRecords={most}{}", job(version, id), from.unwrap_or_default())
}

/// The id of a job that was made. Only letters and digits: it becomes part of a path.
///
/// # Errors
/// An answer without one.
pub fn parse_id(body: &Value) -> Result<String, SalesforceError> {
    let id = body.get("id").and_then(Value::as_str).filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric()));
    id.map(str::to_owned).ok_or_else(|| SalesforceError::unreadable("a job", "the id is missing"))
}

/// Where a job stands. States that nobody knows yet count as under way.
#[must_use]
pub fn parse_state(body: &Value) -> JobState {
    match body.get("state").and_then(Value::as_str).unwrap_or_default() {
        "JobComplete" => JobState::Complete,
        "Failed" | "Aborted" => JobState::Failed,
        _ => JobState::Underway,
    }
}

/// A page of results. Its rows are read when they are needed: as texts they take a fraction of the memory.
#[derive(Debug, Clone)]
pub struct ResultPage {
    object: String,
    head: Vec<(String, FieldType)>,
    body: Bytes,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Reads the head of a page of results. All that CSV has are texts: `kind` tells the type of a column.
///
/// # Errors
/// A body that is no CSV with a head.
pub fn parse_results(object: &str, headers: &HeaderMap, body: Bytes, kind: impl Fn(&str) -> FieldType) -> Result<ResultPage, SalesforceError> {
    let next = headers.get(LOCATOR).and_then(|value| value.to_str().ok()).filter(|locator| !locator.is_empty() && *locator != "null");
    let names = csv::Reader::from_reader(body.as_ref()).headers().map_err(unreadable)?.clone();
    let head = names.iter().map(|name| (name.to_owned(), kind(name))).collect();
    Ok(ResultPage { object: object.to_owned(), head, body, next: next.map(str::to_owned) })
}

impl ResultPage {
    /// The rows, in the page's order.
    ///
    /// # Errors
    /// A line that has not the columns of the head.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row, SalesforceError>> + '_ {
        csv::Reader::from_reader(self.body.as_ref()).into_records().map(|record| {
            let record = record.map_err(unreadable)?;
            let mut fields = Map::new();
            for ((name, kind), text) in self.head.iter().zip(record.iter()) {
                put(&mut fields, name, value(kind, text));
            }
            Ok(Row { object: self.object.clone(), fields })
        })
    }
}

fn unreadable(error: csv::Error) -> SalesforceError {
    SalesforceError::unreadable("a job's results", error)
}

/// A column of a related record (`Owner.Email`) stands within that, as in other answers.
fn put(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => _ = fields.insert(name.to_owned(), value),
        Some((relation, rest)) => {
            let related = fields.entry(relation).or_insert_with(|| Value::Object(Map::new()));
            related.as_object_mut().into_iter().for_each(|related| put(related, rest, value.clone()));
        }
    }
}

fn value(kind: &FieldType, text: &str) -> Value {
    match kind {
        _ if text.is_empty() => Value::Null,
        FieldType::Boolean => Value::Bool(text.eq_ignore_ascii_case("true")),
        FieldType::Int | FieldType::Long | FieldType::Double | FieldType::Currency | FieldType::Percent => {
            serde_json::from_str::<Value>(text).ok().filter(Value::is_number).unwrap_or_else(|| Value::from(text))
        }
        _ => Value::from(text),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_in_other_answers() {
        let text = "\"Id\",\"IsDeleted\",\"Score__c\",\"Title\",\"Owner.Email\",\"Owner.Name\"\n\
            \"00Q000000000001\",\"true\",\"12.5\",\"Head, \"\"R&D\"\"\nParis\",\"eva@example.org\",\"Eva\"\n\
            \"00Q000000000002\",\"false\",\"\",\"007\",\"\",\"\"\n";
        let kind = |name: &str| match name {
            "IsDeleted" => FieldType::Boolean,
            "Score__c" => FieldType::Double,
            _ => FieldType::String,
        };
        let mut headers = HeaderMap::new();
        headers.insert("Sforce-Locator", "MTAwMDA".parse().unwrap());
        let page = parse_results("Lead", &headers, Bytes::from(text), kind).unwrap();
        let rows: Vec<Row> = page.rows().collect::<Result<_, _>>().unwrap();
        assert_eq!((page.next.as_deref(), rows.len()), (Some("MTAwMDA"), 2));
        let want = json!({"Id": "00Q000000000001", "IsDeleted": true, "Score__c": 12.5, "Title": "Head, \"R&D\"\nParis",
            "Owner": {"Email": "eva@example.org", "Name": "Eva"}});
        assert_eq!(Value::from(rows[0].fields.clone()), want);
        assert_eq!((rows[1].get("Score__c"), rows[1].text("Title"), rows[1].get("Owner.Email")), (None, Some("007"), None));

        headers.insert("Sforce-Locator", "null".parse().unwrap());
        let last = parse_results("Lead", &headers, Bytes::from("Id\n"), kind).unwrap();
        assert_eq!((last.rows().count(), last.next), (0, None));
        // A line that lacks a column is no row of less.
        let short = parse_results("Lead", &headers, Bytes::from("Id,Title\n00Q000000000001\n"), kind).unwrap();
        assert!(short.rows().any(|row| row.is_err()));
    }

    #[test]
    fn jobs_and_their_states() {
        let version = ApiVersion::parse("66.0").unwrap();
        assert_eq!(results(&version, "750A", None, 10), "/services/data/v66.0/jobs/query/750A/results?maxRecords=10");
        assert_eq!(results(&version, "750A", Some("a/b"), 10), "/services/data/v66.0/jobs/query/750A/results?maxRecords=10&locator=a%2Fb");
        for (state, want) in [
            ("UploadComplete", JobState::Underway),
            ("InProgress", JobState::Underway),
            ("Queued", JobState::Underway),
            ("JobComplete", JobState::Complete),
            ("Failed", JobState::Failed),
            ("Aborted", JobState::Failed),
        ] {
            assert_eq!(parse_state(&json!({ "state": state })), want, "{state}");
        }
        assert_eq!(parse_id(&json!({"id": "750A"})).unwrap(), "750A");
        for id in [json!("../x"), json!(""), Value::Null] {
            assert!(parse_id(&json!({ "id": id })).is_err(), "{id}");
        }
    }
}
