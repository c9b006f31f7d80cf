//! SOQL: literals that cannot break out of their quotes, queries that fit into an address, answers page by page.

use std::ops::Range;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    ApiVersion, SalesforceError, Sub,
    composite::{MAX_URL_BYTES, Method},
    read_headers,
};
use crate::domain::ids::RecordId;

/// Most characters of a text literal in a condition.
pub const MAX_LITERAL_CHARS: usize = 4_000;
/// The longest value of a list as it stands in an address, in bytes.
const MAX_VALUE_BYTES: usize = 5_000;
/// Most characters of a query.
pub const MAX_QUERY_CHARS: usize = 100_000;

/// A query that cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SoqlError {
    /// The value at this position has more than 4,000 characters, or does not fit into an address by itself.
    #[error("the value at position {0} is too long for a query")]
    Value(usize),
    /// The query without its values fills the address already.
    #[error("the query is too long for an address")]
    Query,
}

impl From<SoqlError> for SalesforceError {
    fn from(error: SoqlError) -> Self {
        SalesforceError::unsendable(error)
    }
}

/// A text as a literal with its quotes.
#[must_use]
pub fn text(value: &str) -> String {
    quoted(value, escape)
}

/// A text as a literal for `LIKE`, in which no character stands for others.
#[must_use]
pub fn like_text(value: &str) -> String {
    quoted(value, |c, out| match c {
        '%' | '_' => {
            out.push('\\');
            out.push(c);
        }
        other => escape(other, out),
    })
}

fn quoted(value: &str, escape: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    value.chars().for_each(|c| escape(c, &mut out));
    out.push('\'');
    out
}

fn escape(c: char, out: &mut String) {
    match c {
        '\'' => out.push_str("\\'"),
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        c => out.push(c),
    }
}

/// A moment as a literal, in UTC and without quotes. Salesforce keeps whole seconds; milliseconds are cut off.
#[must_use]
pub fn datetime(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A day as a literal.
#[must_use]
pub fn date(day: jiff::civil::Date) -> String {
    day.to_string()
}

/// The address of a query.
#[must_use]
pub fn url(version: &ApiVersion, soql: &str) -> String {
    resource_url(version, "query", soql)
}

/// The address of a query that sees deleted, merged and archived records too.
#[must_use]
pub fn url_with_deleted(version: &ApiVersion, soql: &str) -> String {
    resource_url(version, "queryAll", soql)
}

fn resource_url(version: &ApiVersion, resource: &str, soql: &str) -> String {
    format!("{}?q={}", version.path(resource), encoded(soql))
}

/// What a form encodes and an address may carry as it is (RFC 3986, `query`). A list of values consists of these to a good
/// part, and the shorter it is, the more values go into one query.
const PLAIN: &[u8] = b"',()";

/// A text as the value of an address's parameter.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for part in text.as_bytes().split_inclusive(|byte| PLAIN.contains(byte)) {
        let (part, plain) = part.split_last().filter(|(last, _)| PLAIN.contains(last)).map_or((part, None), |(last, rest)| (rest, Some(*last)));
        out.extend(url::form_urlencoded::byte_serialize(part));
        out.extend(plain.map(char::from));
    }
    out
}

/// A query as a sub-request.
#[must_use]
pub fn query(version: &ApiVersion, reference_id: &str, soql: &str) -> Sub {
    Sub { method: Method::Get, url: url(version, soql), reference_id: reference_id.to_owned(), body: None, headers: read_headers() }
}

/// The same, which sees deleted and merged records too.
#[must_use]
pub fn query_with_deleted(version: &ApiVersion, reference_id: &str, soql: &str) -> Sub {
    Sub { method: Method::Get, url: url_with_deleted(version, soql), reference_id: reference_id.to_owned(), body: None, headers: read_headers() }
}

/// One of the queries that a long list was spread over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InQuery {
    /// The query.
    pub soql: String,
    /// Which of the values it asks for.
    pub values: Range<usize>,
}

/// Queries `{head} IN ('a','b'…){tail}` that together ask for all values, each short enough for an address.
/// `head` ends before the word IN; `tail` begins with a space where it is not empty.
pub fn in_queries(version: &ApiVersion, head: &str, values: &[&str], tail: &str) -> Result<Vec<InQuery>, SoqlError> {
    let frame = |list: &str| format!("{head} IN ({list}){tail}");
    let empty = url(version, &frame("")).len();
    let room = MAX_URL_BYTES.checked_sub(empty).ok_or(SoqlError::Query)?;
    let comma = encoded_len(",");
    let mut queries = Vec::new();
    let (mut list, mut start, mut used) = (String::new(), 0, 0);
    for (i, value) in values.iter().enumerate() {
        let literal = text(value);
        let cost = encoded_len(&literal);
        if cost > room || literal.chars().count() > MAX_LITERAL_CHARS {
            return Err(SoqlError::Value(i));
        }
        if !list.is_empty() && used + comma + cost > room {
            queries.push(InQuery { soql: frame(&list), values: start..i });
            (list, start, used) = (String::new(), i, 0);
        }
        if !list.is_empty() {
            list.push(',');
            used += comma;
        }
        list.push_str(&literal);
        used += cost;
    }
    if !list.is_empty() {
        queries.push(InQuery { soql: frame(&list), values: start..values.len() });
    }
    Ok(queries)
}

/// Whether a value can be asked for in a list at all. One that cannot is in no field that lists are compared with: the longest of them, with
/// 255 characters, take half of this.
#[must_use]
pub fn may_be_asked_for(value: &str) -> bool {
    let literal = text(value);
    literal.chars().count() <= MAX_LITERAL_CHARS && encoded_len(&literal) <= MAX_VALUE_BYTES
}

fn encoded_len(text: &str) -> usize {
    encoded(text).len()
}

/// One page of a query's answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryPage {
    /// How many records there are in all.
    pub total: u64,
    /// The records of this page.
    pub records: Vec<Row>,
    /// The path of the next page; `None` on the last.
    pub next: Option<String>,
}

impl QueryPage {
    /// Whether this is the last page.
    #[must_use]
    pub fn done(&self) -> bool {
        self.next.is_none()
    }
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its object, as Salesforce writes it; `AggregateResult` for groups.
    pub object: String,
    /// Its fields, related records nested; without `attributes`.
    pub fields: Map<String, Value>,
}

impl Row {
    /// Reads a record with its `attributes`.
    #[must_use]
    pub fn of(mut fields: Map<String, Value>) -> Self {
        let attributes = fields.remove("attributes");
        let object = attributes.as_ref().and_then(|a| a.get("type")).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { object, fields }
    }

    /// The value at a path like `Owner.Name`. Names are compared without regard to case, as Salesforce does; null and
    /// absent are both `None`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let mut value = member(&self.fields, names.next()?)?;
        for name in names {
            value = member(value.as_object()?, name)?;
        }
        Some(value).filter(|v| !v.is_null())
    }

    /// The text at a path.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// The id at a path, usually `Id`.
    #[must_use]
    pub fn id(&self, path: &str) -> Option<RecordId> {
        RecordId::parse(self.text(path)?).ok()
    }

    /// The texts of a field in the rows of a sub-query, as far as its first page has them.
    #[must_use]
    pub fn child_texts(&self, relationship: &str, field: &str) -> Vec<String> {
        let rows = self.get(relationship).and_then(|found| found.get("records")).and_then(Value::as_array);
        rows.into_iter().flatten().filter_map(|row| row.get(field).and_then(Value::as_str)).map(str::to_owned).collect()
    }

    /// The moment at a path.
    #[must_use]
    pub fn time(&self, path: &str) -> Option<Timestamp> {
        parse_datetime(self.text(path)?)
    }
}

fn member<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).or_else(|| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// A moment as Salesforce writes it, for example `2012-07-12T17:49:01.000+0000`.
#[must_use]
pub fn parse_datetime(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).or_else(|_| text.parse()).ok()
}

/// Reads one page.
pub fn parse_page(body: &Value) -> Result<QueryPage, SalesforceError> {
    let unreadable = |what: &'static str| SalesforceError::unreadable("a query", what);
    let records = body.get("records").and_then(Value::as_array).ok_or_else(|| unreadable("records are missing"))?;
    let rows = records.iter().map(|r| r.as_object().cloned().map(Row::of).ok_or_else(|| unreadable("a record is no object")));
    let next = body.get("nextRecordsUrl").and_then(Value::as_str).map(str::to_owned);
    let done = body.get("done").and_then(Value::as_bool).ok_or_else(|| unreadable("done is missing"))?;
    if !done && next.is_none() {
        return Err(unreadable("there is more, but not where"));
    }
    let total = body.get("totalSize").and_then(Value::as_u64).unwrap_or_default();
    Ok(QueryPage { total, records: rows.collect::<Result<_, _>>()?, next: next.filter(|_| !done) })
}

/// Reads the page that a query inside a composite call gave.
pub fn parse_sub(answer: &super::SubAnswer) -> Result<QueryPage, SalesforceError> {
    match answer.refusal() {
        Some(refusal) => Err(refusal),
        None => parse_page(&answer.body),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn version() -> ApiVersion {
        ApiVersion::parse("66.0").unwrap()
    }

    #[test]
    fn no_text_breaks_out_of_its_quotes() {
        for (value, want, like) in [
            ("O'Neil", r"'O\'Neil'", r"'O\'Neil'"),
            (r"a\", r"'a\\'", r"'a\\'"),
            (r"\' OR Id != '", r"'\\\' OR Id != \''", r"'\\\' OR Id != \''"),
            ("100%_", "'100%_'", r"'100\%\_'"),
            ("a\nb\tc\u{8}\u{c}\r", r"'a\nb\tc\b\f\r'", r"'a\nb\tc\b\f\r'"),
            ("\"x\"\u{0}", r#"'\"x\"\u0000'"#, r#"'\"x\"\u0000'"#),
            ("é@{x}", "'é@{x}'", "'é@{x}'"),
            ("", "''", "''"),
        ] {
            assert_eq!(text(value), want);
            assert_eq!(like_text(value), like);
        }
    }

    #[test]
    fn times_are_read_and_written() {
        let at: Timestamp = "2012-07-12T17:49:01.900Z".parse().unwrap();
        assert_eq!(datetime(at), "2012-07-12T17:49:01Z");
        for (text, want) in [
            ("2012-07-12T17:49:01.900+0000", Some(at)),
            ("2012-07-12T19:49:01.900+0200", Some(at)),
            ("2012-07-12T17:49:01.900Z", Some(at)),
            ("2012-07-12", None),
        ] {
            assert_eq!(parse_datetime(text), want, "{text}");
        }
    }

    #[test]
    fn queries_are_encoded_whole() {
        let sub = query(&version(), "q1", "SELECT Id FROM Lead WHERE Email IN ('a+b&c@{x}',NULL)");
        assert_eq!(sub.url, "/services/data/v66.0/query?q=SELECT+Id+FROM+Lead+WHERE+Email+IN+('a%2Bb%26c%40%7Bx%7D',NULL)");
    }

    #[test]
    fn long_lists_are_spread_over_queries_that_fit() {
        let values: Vec<String> = (0..1_000).map(|i| format!("person.number.{i}@example.org")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let queries = in_queries(&version(), "SELECT Id FROM Lead WHERE Email", &values, " LIMIT 2000").unwrap();
        assert!(queries.len() > 1);
        let mut next = 0;
        for query in &queries {
            assert_eq!(query.values.start, next);
            next = query.values.end;
            let literals: Vec<String> = values.get(query.values.clone()).unwrap().iter().map(|v| text(v)).collect();
            assert_eq!(query.soql, format!("SELECT Id FROM Lead WHERE Email IN ({}) LIMIT 2000", literals.join(",")));
            assert!(url(&version(), &query.soql).len() <= MAX_URL_BYTES);
        }
        assert_eq!(next, values.len());
        // One more value would not have fitted into the first.
        let first = queries.first().unwrap();
        let longer = first.soql.replace(')', &format!(",{})", text(values.get(first.values.end).unwrap())));
        assert!(url(&version(), &longer).len() > MAX_URL_BYTES);
    }

    #[test]
    fn lists_at_the_edge() {
        assert_eq!(in_queries(&version(), "SELECT Id FROM Lead WHERE Email", &[], ""), Ok(Vec::new()));
        let long = "x".repeat(4_000);
        assert_eq!(in_queries(&version(), "SELECT Id FROM Lead WHERE Email", &["a", &long], ""), Err(SoqlError::Value(1)));
        let wide = "€".repeat(1_400);
        assert_eq!(in_queries(&version(), "SELECT Id FROM Lead WHERE Email", &[&wide], ""), Err(SoqlError::Value(0)));
        assert_eq!(in_queries(&version(), &"x".repeat(12_000), &["a"], ""), Err(SoqlError::Query));
    }

    #[test]
    fn pages_and_rows() {
        let body = json!({"totalSize": 700, "done": false, "nextRecordsUrl": "/services/data/v66.0/query/01gRO0000016PIAYA2-500", "records": [
            {"attributes": {"type": "Lead", "url": "/x"}, "Id": "005B0000005Bk90", "Email": null, "Owner": {"attributes": {"type": "User"}, "Name": "Eva"},
             "CreatedDate": "2012-07-12T17:49:01.000+0000"}]});
        let page = parse_page(&body).unwrap();
        assert_eq!((page.total, page.done(), page.next.as_deref()), (700, false, Some("/services/data/v66.0/query/01gRO0000016PIAYA2-500")));
        let row = page.records.first().unwrap();
        assert_eq!((row.object.as_str(), row.text("owner.name"), row.get("Email"), row.get("Nope.x")), ("Lead", Some("Eva"), None, None));
        assert_eq!(row.id("Id").unwrap().as_str(), "005B0000005Bk90IAC");
        assert_eq!(row.time("CreatedDate").unwrap().as_second(), 1_342_115_341);
        assert!(!row.fields.contains_key("attributes"));

        let counted = parse_page(&json!({"totalSize": 3, "done": true, "records": []})).unwrap();
        assert_eq!((counted.total, counted.done()), (3, true));
        for body in [json!({}), json!({"records": [], "done": false}), json!({"records": [1], "done": true}), json!([])] {
            assert!(parse_page(&body).is_err(), "{body}");
        }
    }
}
