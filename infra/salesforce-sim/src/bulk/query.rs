//! Jobs that read: a query's rows as CSV in pages.

use http::HeaderName;
use serde_json::Value;

use super::csv;
use super::jobs::{Job, Kind, State};
use super::{CSV, bad, find};
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;
use crate::org::QueryScope;

/// Rows of a page when the request names no number.
const PAGE: usize = 50_000;

/// `POST /jobs/query`.
pub fn open(context: &mut Context<'_>, call: &Call) -> Outcome {
    let body = call.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let operation = text("operation");
    let scope = match operation.as_str() {
        "query" => QueryScope::Live,
        "queryAll" => QueryScope::All,
        other => {
            return Err(bad("INVALIDOPERATION", format!("Unsupported operation: {other}")));
        }
    };
    let soql = text("query");
    let answer = context.world.org.query(&context.session, &soql, scope)?;
    let delimiter = Some(text("columnDelimiter")).filter(|name| !name.is_empty()).unwrap_or_else(|| "COMMA".to_owned());
    if csv::delimiter(&delimiter).is_none() {
        return Err(bad("INVALIDJOB", format!("Unknown column delimiter: {delimiter}")));
    }
    let columns = columns(&soql);
    if columns.iter().any(|column| is_beyond_bulk(column)) {
        return Err(bad("API_ERROR", "Aggregate Relationships not supported in Bulk Query"));
    }
    let object = answer.records.first().and_then(|record| record.pointer("/attributes/type")).and_then(Value::as_str);
    let object = object.map_or_else(|| from_clause(&soql), str::to_owned);
    let rows: Vec<Vec<String>> = answer.records.iter().map(|record| columns.iter().map(|column| cell(record, column)).collect()).collect();
    let job = Job {
        id: context.world.jobs.next_id(),
        kind: Kind::Query,
        operation,
        object,
        external_id: None,
        user: context.session.user,
        version: context.session.version,
        created: context.session.now,
        delimiter,
        ending: if text("lineEnding") == "CRLF" { "CRLF" } else { "LF" }.to_owned(),
        state: State::UploadComplete,
        data: String::new(),
        successes: String::new(),
        failures: String::new(),
        processed: rows.len(),
        rows: std::iter::once(columns).chain(rows).collect(),
        failed: 0,
        error: None,
    };
    let shown = job.to_json();
    context.world.jobs.put(job);
    Ok(Reply::json(200, shown))
}

/// The selected columns as written. The org has accepted the query, so the list is well formed.
fn columns(soql: &str) -> Vec<String> {
    let lower = soql.to_ascii_lowercase();
    let start = lower.find("select").map_or(0, |at| at + "select".len());
    let end = lower.find(" from ").or_else(|| lower.find("\nfrom ")).unwrap_or(lower.len());
    let list = soql.get(start..end).unwrap_or_default();
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

/// Whether a column is a sub-query or an aggregate: jobs read plain rows only.
fn is_beyond_bulk(column: &str) -> bool {
    const AGGREGATES: [&str; 6] = ["count", "count_distinct", "sum", "avg", "min", "max"];
    let (name, rest) = column.split_once('(').unwrap_or((column, ""));
    let aggregate = AGGREGATES.iter().any(|aggregate| name.trim().eq_ignore_ascii_case(aggregate));
    column.starts_with('(') || (column.contains('(') && aggregate && !rest.is_empty())
}

fn from_clause(soql: &str) -> String {
    let mut words = soql.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("from"));
    words.nth(1).unwrap_or_default().to_owned()
}

/// The value under a path such as `Owner.Name`, letter case aside.
fn cell(record: &Value, path: &str) -> String {
    let mut value = record;
    for name in path.split('.') {
        let found = value.as_object().and_then(|fields| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
        let Some((_, next)) = found else {
            return String::new();
        };
        value = next;
    }
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `GET /jobs/query/ID/results?maxRecords=&locator=`.
pub fn results(context: &mut Context<'_>, call: &Call, id: &str) -> Outcome {
    let job = find(context, Kind::Query, id)?;
    if job.state != State::JobComplete {
        return Err(bad("INVALIDJOBSTATE", "The job isn't complete."));
    }
    let from: usize = match call.param("locator").filter(|text| !text.is_empty()) {
        None => 0,
        Some(text) => text.parse().map_err(|_| bad("INVALIDLOCATOR", "The locator is invalid."))?,
    };
    let count: usize = match call.param("maxRecords") {
        None => PAGE,
        Some(text) => text.parse().ok().filter(|count| *count > 0).ok_or_else(|| -> Failure { bad("INVALIDJOB", "maxRecords is invalid.") })?,
    };
    let (head, rows) = job.rows.split_first().map_or((&[][..], &[][..]), |(head, rows)| (head.as_slice(), rows));
    let page: Vec<&Vec<String>> = rows.iter().skip(from).take(count).collect();
    let mut text = csv::line(head, job.separator(), job.line_end());
    for row in &page {
        text += &csv::line(row.iter(), job.separator(), job.line_end());
    }
    let next = from + page.len();
    let locator = if next < rows.len() { next.to_string() } else { "null".to_owned() };
    Ok(Reply::text(200, CSV, text)
        .with(HeaderName::from_static("sforce-locator"), locator)
        .with(HeaderName::from_static("sforce-numberofrecords"), page.len().to_string()))
}
