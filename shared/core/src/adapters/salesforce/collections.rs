//! sObject Collections as sub-requests of a composite call: 200 records each, every record with its own result.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{
    ApiVersion, CallOptions, RecordError, SalesforceError, Sub, SubAnswer,
    composite::{MAX_URL_BYTES, Method},
    read_headers,
};
use crate::domain::ids::{FieldName, ObjectName, RecordId};

/// Most records that one collection writes.
pub const MAX_WRITTEN: usize = 200;
/// Most records that one collection reads.
pub const MAX_READ: usize = 2_000;
/// Most runs of records of the same object in one collection.
pub const MAX_RUNS: usize = 10;

/// The value that a field is to get.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// A value; null clears the field.
    Literal(Value),
    /// The id of a record that an earlier sub-request of the same call makes.
    Reference {
        /// The name of that sub-request.
        reference_id: String,
        /// The record's position in its collection.
        index: usize,
    },
}

/// A record to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its object.
    pub object: ObjectName,
    /// Its id; only for updates.
    pub id: Option<RecordId>,
    /// Its fields.
    pub fields: BTreeMap<FieldName, FieldValue>,
}

/// A collection that Salesforce would refuse whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CollectionError {
    /// None, or more than 200 (2,000 when reading).
    #[error("a collection cannot have {0} records")]
    Count(usize),
    /// More than ten; sort the records by object.
    #[error("a collection cannot have {0} runs of the same object")]
    Runs(usize),
    /// An update needs each record's id, a create and an upsert none.
    #[error("a record has an id where none belongs, or lacks one")]
    Id,
    /// Upserts take one object, and every record needs the external id.
    #[error("a record of an upsert is of another object, or lacks the external id")]
    Key,
    /// The ids make an address that is too long.
    #[error("the collection's address is too long")]
    Url,
}

impl From<CollectionError> for SalesforceError {
    fn from(error: CollectionError) -> Self {
        SalesforceError::unsendable(error)
    }
}

/// Creates the records.
pub fn create(version: &ApiVersion, reference_id: &str, records: &[Record], options: CallOptions) -> Result<Sub, CollectionError> {
    check_write(records)?;
    if records.iter().any(|r| r.id.is_some()) {
        return Err(CollectionError::Id);
    }
    Ok(write(Method::Post, version.path("composite/sobjects"), reference_id, records, options))
}

/// Changes the records, each by its id.
pub fn update(version: &ApiVersion, reference_id: &str, records: &[Record], options: CallOptions) -> Result<Sub, CollectionError> {
    check_write(records)?;
    if records.iter().any(|r| r.id.is_none()) {
        return Err(CollectionError::Id);
    }
    Ok(write(Method::Patch, version.path("composite/sobjects"), reference_id, records, options))
}

/// Creates the records, or changes those that have the same value in the external id field `key` already. All are of
/// `object`. The same key twice makes both records fail.
pub fn upsert(
    version: &ApiVersion,
    reference_id: &str,
    object: &ObjectName,
    key: &FieldName,
    records: &[Record],
    options: CallOptions,
) -> Result<Sub, CollectionError> {
    check_write(records)?;
    if records.iter().any(|r| r.id.is_some()) {
        return Err(CollectionError::Id);
    }
    if records.iter().any(|r| r.object != *object || !r.fields.contains_key(key)) {
        return Err(CollectionError::Key);
    }
    let resource = format!("composite/sobjects/{object}/{key}");
    Ok(write(Method::Patch, version.path(&resource), reference_id, records, options))
}

/// Deletes the records.
pub fn delete(version: &ApiVersion, reference_id: &str, ids: &[RecordId], options: CallOptions) -> Result<Sub, CollectionError> {
    if ids.is_empty() || ids.len() > MAX_WRITTEN {
        return Err(CollectionError::Count(ids.len()));
    }
    let list = ids.iter().map(RecordId::as_str).collect::<Vec<_>>().join(",");
    let url = version.path(&format!("composite/sobjects?allOrNone=false&ids={list}"));
    if url.len() > MAX_URL_BYTES {
        return Err(CollectionError::Url);
    }
    Ok(Sub { method: Method::Delete, url, reference_id: reference_id.to_owned(), body: None, headers: options.write_headers() })
}

/// Reads fields of up to 2,000 records by their ids.
pub fn retrieve(
    version: &ApiVersion,
    reference_id: &str,
    object: &ObjectName,
    ids: &[RecordId],
    fields: &[FieldName],
) -> Result<Sub, CollectionError> {
    if ids.is_empty() || ids.len() > MAX_READ {
        return Err(CollectionError::Count(ids.len()));
    }
    let url = version.path(&format!("composite/sobjects/{object}"));
    let body = json!({ "ids": ids, "fields": fields });
    Ok(Sub { method: Method::Post, url, reference_id: reference_id.to_owned(), body: Some(body), headers: read_headers() })
}

fn check_write(records: &[Record]) -> Result<(), CollectionError> {
    if records.is_empty() || records.len() > MAX_WRITTEN {
        return Err(CollectionError::Count(records.len()));
    }
    let runs = records.chunk_by(|a, b| a.object == b.object).count();
    if runs > MAX_RUNS { Err(CollectionError::Runs(runs)) } else { Ok(()) }
}

fn write(method: Method, url: String, reference_id: &str, records: &[Record], options: CallOptions) -> Sub {
    let body = json!({ "allOrNone": false, "records": records.iter().map(record).collect::<Vec<_>>() });
    Sub { method, url, reference_id: reference_id.to_owned(), body: Some(body), headers: options.write_headers() }
}

fn record(record: &Record) -> Value {
    let mut object = Map::new();
    object.insert("attributes".to_owned(), json!({ "type": record.object }));
    if let Some(id) = record.id {
        object.insert("id".to_owned(), json!(id));
    }
    for (field, value) in &record.fields {
        let value = match value {
            FieldValue::Literal(value) => defused(value),
            FieldValue::Reference { reference_id, index } => Value::String(reference(reference_id, *index)),
        };
        object.insert(field.to_string(), value);
    }
    Value::Object(object)
}

/// The id of the record at `index` of the collection `reference_id`, as later sub-requests name it. Needs an org that
/// allows references into an answer's array.
#[must_use]
pub fn reference(reference_id: &str, index: usize) -> String {
    format!("@{{{reference_id}[{index}].id}}")
}

/// Salesforce takes `@{…}` anywhere in a body for a reference into another answer, and documents no escape. A person's text
/// must neither read another record nor halt the collection, so a space parts the two characters.
fn defused(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("@{", "@ {")),
        Value::Array(items) => items.iter().map(defused).collect(),
        Value::Object(members) => Value::Object(members.iter().map(|(k, v)| (k.clone(), defused(v))).collect()),
        other => other.clone(),
    }
}

/// An update of one record by a call of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Alone {
    /// The record's path.
    pub path: String,
    /// Its fields.
    pub body: Value,
    /// The headers, `If-Unmodified-Since` among them.
    pub headers: BTreeMap<String, String>,
}

/// The status of an update that was refused because the record has been modified.
pub const PRECONDITION_FAILED: u16 = 412;

/// Changes one record, unless somebody has modified it since then.
pub fn update_unmodified(version: &ApiVersion, record: &Record, since: Timestamp, options: CallOptions) -> Result<Alone, CollectionError> {
    let id = record.id.ok_or(CollectionError::Id)?;
    let mut body = self::record(record);
    body.as_object_mut().into_iter().for_each(|fields| ["attributes", "id"].iter().for_each(|name| _ = fields.remove(*name)));
    let mut headers = options.write_headers();
    headers.insert("If-Unmodified-Since".to_owned(), since.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    Ok(Alone { path: version.path(&format!("sobjects/{}/{id}", record.object)), body, headers })
}

/// A record that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Its id.
    pub id: RecordId,
    /// Whether it is new. Only upserts tell; creates are always new, updates and deletions never.
    pub created: bool,
}

/// The results of a writing collection, one per record and in the order of the records.
///
/// # Errors
/// The refusal of the whole sub-request (see [`SubAnswer::is_halted`]), or an answer of another shape or length.
pub fn parse_saved(answer: &SubAnswer, method: Method, count: usize) -> Result<Vec<Result<Saved, RecordError>>, SalesforceError> {
    let items = items(answer, count)?;
    items.iter().map(|item| saved(item, method)).collect()
}

fn saved(item: &Value, method: Method) -> Result<Result<Saved, RecordError>, SalesforceError> {
    let success = item.get("success").and_then(Value::as_bool);
    let id = item.get("id").and_then(Value::as_str).map(RecordId::parse);
    let created = item.get("created").and_then(Value::as_bool).unwrap_or(method == Method::Post);
    match (success, id) {
        (Some(true), Some(Ok(id))) => Ok(Ok(Saved { id, created })),
        (Some(true), _) => Err(SalesforceError::unreadable("a collection", "a saved record has no id")),
        (Some(false), _) => {
            let errors = item.get("errors").map(RecordError::parse_all).unwrap_or_default();
            let unknown = || RecordError { code: "NO_ERROR_GIVEN".to_owned(), ..RecordError::default() };
            Ok(Err(errors.into_iter().next().unwrap_or_else(unknown)))
        }
        (None, _) => Err(SalesforceError::unreadable("a collection", "a result does not say whether it succeeded")),
    }
}

/// The records read by [`retrieve`], in the order of the ids; `None` where there is no such record or the user may not see it.
pub fn parse_retrieved(answer: &SubAnswer, count: usize) -> Result<Vec<Option<Map<String, Value>>>, SalesforceError> {
    let items = items(answer, count)?;
    let read = |item: &Value| match item {
        Value::Null => Ok(None),
        Value::Object(fields) => Ok(Some(fields.clone())),
        _ => Err(SalesforceError::unreadable("a collection", "a record is no object")),
    };
    items.iter().map(read).collect()
}

fn items(answer: &SubAnswer, count: usize) -> Result<&Vec<Value>, SalesforceError> {
    if let Some(refusal) = answer.refusal() {
        return Err(refusal);
    }
    let items = answer.body.as_array().ok_or_else(|| SalesforceError::unreadable("a collection", "the answer is no list"))?;
    if items.len() != count {
        return Err(SalesforceError::unreadable("a collection", format!("{} results came for {count} records", items.len())));
    }
    Ok(items)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::domain::config::{Duplicates, Toggle};

    const OPTIONS: CallOptions = CallOptions { assignment_rules: Toggle::Off, duplicates: Duplicates::Park };

    fn version() -> ApiVersion {
        ApiVersion::parse("66.0").unwrap()
    }

    fn lead(id: Option<&str>, fields: &[(&str, Value)]) -> Record {
        let fields = fields.iter().map(|(k, v)| (FieldName::parse(k).unwrap(), FieldValue::Literal(v.clone())));
        let id = id.map(|id| RecordId::parse(id).unwrap());
        Record { object: ObjectName::parse("Lead").unwrap(), id, fields: fields.collect() }
    }

    fn answer(status: u16, body: Value) -> SubAnswer {
        SubAnswer { reference_id: "r".to_owned(), status, body, headers: BTreeMap::new() }
    }

    #[test]
    fn writes_are_as_documented() {
        let made = create(&version(), "people", &[lead(None, &[("LastName", json!("Roy"))])], OPTIONS).unwrap();
        assert_eq!((made.method, made.url.as_str()), (Method::Post, "/services/data/v66.0/composite/sobjects"));
        let want = json!({"allOrNone": false, "records": [{"attributes": {"type": "Lead"}, "LastName": "Roy"}]});
        assert_eq!(made.body, Some(want));
        assert_eq!(made.headers, OPTIONS.write_headers());

        let changed = update(&version(), "people", &[lead(Some("00QB000000AbCdE"), &[("Title", Value::Null)])], OPTIONS).unwrap();
        let id = RecordId::parse("00QB000000AbCdE").unwrap();
        assert_eq!(changed.method, Method::Patch);
        assert_eq!(changed.body.unwrap()["records"], json!([{"attributes": {"type": "Lead"}, "id": id, "Title": null}]));

        let (object, key) = (ObjectName::parse("Lead").unwrap(), FieldName::parse("Passerelle_Id__c").unwrap());
        let keyed = upsert(&version(), "people", &object, &key, &[lead(None, &[("Passerelle_Id__c", json!("p1"))])], OPTIONS).unwrap();
        assert_eq!((keyed.method, keyed.url.as_str()), (Method::Patch, "/services/data/v66.0/composite/sobjects/Lead/Passerelle_Id__c"));

        let read = retrieve(&version(), "now", &object, &[id], &[FieldName::parse("Email").unwrap()]).unwrap();
        assert_eq!((read.method, read.url.as_str()), (Method::Post, "/services/data/v66.0/composite/sobjects/Lead"));
        assert_eq!(read.body, Some(json!({"ids": [id], "fields": ["Email"]})));

        let gone = delete(&version(), "gone", &[id], OPTIONS).unwrap();
        assert_eq!(gone.url, format!("/services/data/v66.0/composite/sobjects?allOrNone=false&ids={id}"));
    }

    #[test]
    fn what_salesforce_would_refuse_whole_is_not_sent() {
        let plain = || lead(None, &[("LastName", json!("Roy"))]);
        let contact = Record { object: ObjectName::parse("Contact").unwrap(), ..plain() };
        let mixed: Vec<Record> = (0..12).map(|i| if i % 2 == 0 { plain() } else { contact.clone() }).collect();
        let (object, key) = (ObjectName::parse("Lead").unwrap(), FieldName::parse("Ext__c").unwrap());
        assert_eq!(create(&version(), "r", &[], OPTIONS), Err(CollectionError::Count(0)));
        assert_eq!(create(&version(), "r", &vec![plain(); 201], OPTIONS), Err(CollectionError::Count(201)));
        assert!(create(&version(), "r", &vec![plain(); 200], OPTIONS).is_ok());
        assert_eq!(create(&version(), "r", &mixed, OPTIONS), Err(CollectionError::Runs(12)));
        assert_eq!(update(&version(), "r", &[plain()], OPTIONS), Err(CollectionError::Id));
        assert_eq!(upsert(&version(), "r", &object, &key, &[plain()], OPTIONS), Err(CollectionError::Key));
        assert_eq!(upsert(&version(), "r", &object, &key, &[contact], OPTIONS), Err(CollectionError::Key));
    }

    #[test]
    fn only_our_own_references_are_references() {
        let mut task = lead(None, &[("Description", json!("see @{people[0].Secret__c}"))]);
        let who = FieldValue::Reference { reference_id: "people".to_owned(), index: 3 };
        task.fields.insert(FieldName::parse("WhoId").unwrap(), who);
        let body = create(&version(), "tasks", &[task], OPTIONS).unwrap().body.unwrap();
        assert_eq!(body["records"][0]["WhoId"], "@{people[3].id}");
        assert_eq!(body["records"][0]["Description"], "see @ {people[0].Secret__c}");
    }

    #[test]
    fn each_record_has_its_own_result() {
        let body = json!([
            {"id": "00QB000000AbCdEMAV", "success": true, "errors": []},
            {"success": false, "errors": [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [Company]", "fields": ["Company"]}]},
            {"id": "00QB000000AbCdEMAV", "success": false, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "x", "fields": []}]},
            {"success": false, "errors": []}]);
        let body = fix_ids(body);
        let results = parse_saved(&answer(200, body), Method::Post, 4).unwrap();
        let codes: Vec<_> = results.iter().map(|r| r.as_ref().map(|s| s.created).map_err(|e| e.code.as_str())).collect();
        assert_eq!(codes, [Ok(true), Err("REQUIRED_FIELD_MISSING"), Err("UNABLE_TO_LOCK_ROW"), Err("NO_ERROR_GIVEN")]);
        assert_eq!(results.get(1).unwrap().as_ref().unwrap_err().fields, ["Company"]);
    }

    /// Gives every id of the fixture its right check characters.
    fn fix_ids(mut body: Value) -> Value {
        for item in body.as_array_mut().unwrap() {
            if let Some(id) = item.get("id").and_then(Value::as_str) {
                item["id"] = json!(RecordId::parse(id.get(..15).unwrap()).unwrap());
            }
        }
        body
    }

    #[test]
    fn upserts_tell_what_is_new() {
        let item = |created: bool| json!({"id": "00QB000000AbCdE", "success": true, "errors": [], "created": created});
        let results = parse_saved(&answer(200, json!([item(true), item(false)])), Method::Patch, 2).unwrap();
        assert_eq!(results.iter().map(|r| r.as_ref().unwrap().created).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn answers_that_do_not_fit_are_errors() {
        let fine = json!({"id": "00QB000000AbCdE", "success": true, "errors": []});
        for (name, status, body, doubt) in [
            ("too few", 200, json!([fine]), true),
            ("no list", 200, json!({"records": []}), true),
            ("no id", 200, json!([fine, {"success": true, "errors": []}]), true),
            ("no success", 200, json!([fine, {}]), true),
            ("halted", 400, json!([{"errorCode": "PROCESSING_HALTED", "message": "x"}]), false),
            ("too many", 400, json!([{"errorCode": "EXCEEDED_ID_LIMIT", "message": "x"}]), false),
        ] {
            let error = parse_saved(&answer(status, body), Method::Post, 2).unwrap_err();
            assert_eq!(error.in_doubt(), doubt, "{name}");
        }
    }

    #[test]
    fn records_that_are_not_there_are_none() {
        let body = json!([{"attributes": {"type": "Lead", "url": "/x"}, "Id": "00QB000000AbCdE", "Email": null}, null]);
        let records = parse_retrieved(&answer(200, body), 2).unwrap();
        assert_eq!(records.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    }
}
