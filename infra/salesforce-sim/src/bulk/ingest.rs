//! Jobs that write: rows in, a fate for each row out.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::csv;
use super::jobs::{Job, Kind, State};
use super::{CSV, bad, find};
use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::{Body, Call};
use crate::http::write::{self, Key};
use crate::org::{Fields, UpsertError};

/// Rows that are saved together.
const CHUNK: usize = 200;

/// The most bytes of an upload: written as base64, as the limit counts them, they are no more than 150 MB.
const MAX_BYTES: usize = 100 * 1024 * 1024;

/// `POST /jobs/ingest`.
pub fn open(context: &mut Context<'_>, call: &Call) -> Outcome {
    if call.media_type().as_deref() == Some("multipart/form-data") {
        return Err(Failure::not_built("jobs/ingest with multipart/form-data"));
    }
    let body = call.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let operation = text("operation").unwrap_or_default();
    if operation == "hardDelete" {
        return Err(Failure::not_built("jobs/ingest with hardDelete"));
    }
    if !["insert", "update", "upsert", "delete"].contains(&operation.as_str()) {
        return Err(bad("INVALIDOPERATION", format!("Unsupported operation: {operation}")));
    }
    let external_id = text("externalIdFieldName");
    if operation == "upsert" && external_id.is_none() {
        return Err(bad("INVALIDJOB", "External ID was blank for upsert operation."));
    }
    if text("contentType").is_some_and(|kind| kind != "CSV") {
        return Err(bad("INVALIDJOB", "Only the content type CSV is supported."));
    }
    let delimiter = text("columnDelimiter").unwrap_or_else(|| "COMMA".to_owned());
    if csv::delimiter(&delimiter).is_none() {
        return Err(bad("INVALIDJOB", format!("Unknown column delimiter: {delimiter}")));
    }
    let ending = text("lineEnding").unwrap_or_else(|| "LF".to_owned());
    if !["LF", "CRLF"].contains(&ending.as_str()) {
        return Err(bad("INVALIDJOB", format!("Unknown line ending: {ending}")));
    }
    let object = text("object").unwrap_or_default();
    let object = context.world.org.resolve(&context.session, &object).map_err(|error| match error.status {
        404 => bad("INVALIDENTITY", format!("Unable to find object: {object}")),
        _ => error.into(),
    })?;
    if !context.world.org.takes(&object, &operation) {
        return Err(bad("INVALIDENTITY", format!("Entity '{object}' is not supported by the Bulk API for {operation}.")));
    }
    if let Some(field) = &external_id
        && crate::composite::collections::key_field(context, &object, field).is_err()
    {
        let text = format!("InvalidJob : Field name provided, {field} does not match an External ID for {object}");
        return Err(bad("INVALIDJOB", text));
    }
    let job = Job {
        id: context.world.jobs.next_id(),
        kind: Kind::Ingest,
        operation,
        object: object.to_string(),
        external_id,
        user: context.session.user,
        version: context.session.version,
        created: context.session.now,
        delimiter,
        ending,
        state: State::Open,
        data: String::new(),
        successes: String::new(),
        failures: String::new(),
        rows: Vec::new(),
        processed: 0,
        failed: 0,
        error: None,
    };
    let shown = job.to_json();
    context.world.jobs.put(job);
    Ok(Reply::json(200, shown))
}

/// `PUT /jobs/ingest/ID/batches`: once per job.
pub fn upload(context: &mut Context<'_>, call: &Call, id: &str) -> Outcome {
    if call.media_type().as_deref() != Some("text/csv") {
        return Err(Failure::one(415, "UNSUPPORTED_MEDIA_TYPE", "The upload must be text/csv."));
    }
    let Body::Raw(bytes) = &call.body else {
        return Err(bad("INVALIDBATCH", "The upload is empty."));
    };
    if bytes.len() > MAX_BYTES {
        return Err(bad("CLIENTINPUTERROR", "The upload is too large."));
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let job = find(context, Kind::Ingest, id)?;
    if job.state != State::Open || !job.data.is_empty() {
        return Err(bad("INVALIDJOBSTATE", "Data was uploaded already, or the job is not open."));
    }
    job.data = text;
    Ok(Reply::empty(201))
}

/// `successfulResults`, `failedResults`, `unprocessedrecords`.
pub fn results(context: &mut Context<'_>, id: &str, which: &str) -> Outcome {
    let job = find(context, Kind::Ingest, id)?;
    let done = job.state == State::JobComplete;
    let text = match which.to_ascii_lowercase().as_str() {
        "successfulresults" if done => job.successes.clone(),
        "failedresults" if done => job.failures.clone(),
        "successfulresults" | "failedresults" => String::new(),
        "unprocessedrecords" if job.state == State::Aborted || job.state == State::Failed => job.data.clone(),
        "unprocessedrecords" => job.data.lines().next().map(|head| format!("{head}\n")).unwrap_or_default(),
        _ => return Err(ApiError::not_found().into()),
    };
    Ok(Reply::text(200, CSV, text))
}

/// Writes all rows of a job. The rows' fates are shown when the job is seen complete.
pub fn work(context: &mut Context<'_>, id: &str) -> Result<(), Failure> {
    let mut job = find(context, Kind::Ingest, id)?.clone();
    let (separator, end) = (job.separator(), job.line_end());
    let mut rows = csv::parse(&job.data, separator).into_iter();
    let head = rows.next().unwrap_or_default();
    let types = types(context, &job.object)?;
    // A column that is no field fails the job as a whole. Source: Bulk API 2.0 Developer Guide, "Errors".
    if let Some(name) = head.iter().find(|name| !is_column(context, &job.object, &types, name)) {
        job.error = Some(format!("InvalidBatch : Field name not found : {name}"));
        *find(context, Kind::Ingest, id)? = job;
        return Ok(());
    }
    let line = |lead: [&str; 2], row: &[String]| {
        let fields = lead.into_iter().chain(row.iter().map(String::as_str));
        csv::line(fields, separator, end)
    };
    job.successes = line(["sf__Id", "sf__Created"], &head);
    job.failures = line(["sf__Id", "sf__Error"], &head);
    let rows: Vec<Vec<String>> = rows.collect();
    for chunk in rows.chunks(CHUNK) {
        let twice = repeated_keys(&job, &head, chunk);
        for row in chunk {
            job.processed += 1;
            let outcome = match key_of(&job, &head, row).filter(|key| twice.contains(&key.to_lowercase())) {
                Some(key) => Err((String::new(), vec![ApiError::new(400, "DUPLICATE_VALUE", format!("Duplicate external id specified: {key}"))])),
                None => write_row(context, &job, &head, row, &types),
            };
            match outcome {
                Ok((id, created)) => {
                    let created = if created { "true" } else { "false" };
                    job.successes += &line([id.as_str(), created], row);
                }
                Err((id, errors)) => {
                    job.failed += 1;
                    job.failures += &line([id.as_str(), &words(&errors)], row);
                }
            }
        }
    }
    *find(context, Kind::Ingest, id)? = job;
    Ok(())
}

/// The key of an upsert's row, where it has one.
fn key_of<'r>(job: &Job, head: &[String], row: &'r [String]) -> Option<&'r str> {
    let field = job.external_id.as_deref().filter(|_| job.operation == "upsert")?;
    let place = head.iter().position(|name| name.eq_ignore_ascii_case(field))?;
    row.get(place).map(String::as_str).filter(|key| !key.is_empty())
}

/// Keys that come more than once among rows that are saved together: none of those rows is saved.
fn repeated_keys(job: &Job, head: &[String], rows: &[Vec<String>]) -> HashSet<String> {
    let mut seen = HashSet::new();
    rows.iter().filter_map(|row| key_of(job, head, row)).map(str::to_lowercase).filter(|key| !seen.insert(key.clone())).collect()
}

/// `REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --`
fn words(errors: &[ApiError]) -> String {
    let one = |error: &ApiError| {
        let fields = error.fields.clone().unwrap_or_default().join(",");
        format!("{}:{}:{fields} --", error.code, error.message)
    };
    errors.iter().map(one).collect::<Vec<_>>().join(";")
}

/// Field types by lower-case name.
fn types(context: &Context<'_>, object: &str) -> Result<Map<String, Value>, Failure> {
    let describe = context.world.org.describe(&context.session, object)?;
    let fields = describe.get("fields").and_then(Value::as_array).into_iter().flatten();
    let pair = |field: &Value| Some((field.get("name")?.as_str()?.to_lowercase(), field.get("type")?.clone()));
    Ok(fields.filter_map(pair).collect())
}

/// Whether a column is named after a field, or after a parent's key: `Account.Ext__c`.
fn is_column(context: &Context<'_>, object: &str, types: &Map<String, Value>, name: &str) -> bool {
    match name.split_once('.') {
        None => types.contains_key(&name.to_lowercase()),
        Some((parent, _)) => context.world.org.has_relationship(&context.session, object, parent),
    }
}

/// A cell as the JSON a record would hold.
fn value(text: &str, kind: Option<&str>) -> Value {
    let number = || serde_json::from_str::<Value>(text).ok().filter(Value::is_number);
    match kind {
        _ if text == "#N/A" => Value::Null,
        Some("boolean") if text.eq_ignore_ascii_case("true") || text == "1" => json!(true),
        Some("boolean") if text.eq_ignore_ascii_case("false") || text == "0" => json!(false),
        Some("int" | "long" | "double" | "currency" | "percent") => number().unwrap_or_else(|| json!(text)),
        _ => json!(text),
    }
}

type Written = Result<(String, bool), (String, Vec<ApiError>)>;

fn write_row(context: &mut Context<'_>, job: &Job, head: &[String], row: &[String], types: &Map<String, Value>) -> Written {
    let mut fields = Fields::new();
    let mut id = String::new();
    for (name, text) in head.iter().zip(row).filter(|(_, text)| !text.is_empty()) {
        if name.eq_ignore_ascii_case("Id") {
            id.clone_from(text);
        } else if let Some((parent, key)) = name.split_once('.') {
            fields.insert(parent.to_owned(), json!({key: text}));
        } else {
            let kind = types.get(&name.to_lowercase()).and_then(Value::as_str);
            fields.insert(name.clone(), value(text, kind));
        }
    }
    let fail = |errors| (id.clone(), errors);
    let needs_id = matches!(job.operation.as_str(), "update" | "delete");
    if needs_id && id.is_empty() {
        let text = format!("Id not specified in {} call", if job.operation == "update" { "an update" } else { "a delete" });
        return Err(fail(vec![ApiError::new(400, "MISSING_ARGUMENT", text)]));
    }
    match job.operation.as_str() {
        "insert" => write::create(context, &job.object, &fields).map(|id| (id.to_string(), true)).map_err(fail),
        "update" => {
            write::update(context, &job.object, &id, &fields).map(|()| (id.clone(), false)).map_err(|errors| fail(write::of_a_row(errors, &id)))
        }
        "delete" => write::delete(context, &job.object, &id).map(|()| (id.clone(), false)).map_err(|errors| fail(write::of_a_row(errors, &id))),
        _ => upsert_row(context, job, fields, &id).map_err(fail),
    }
}

fn upsert_row(context: &mut Context<'_>, job: &Job, mut fields: Fields, id: &str) -> Result<(String, bool), Vec<ApiError>> {
    let field = job.external_id.as_deref().unwrap_or("Id");
    let key = if field.eq_ignore_ascii_case("Id") {
        Some(id.to_owned()).filter(|id| !id.is_empty())
    } else {
        let name = fields.keys().find(|name| name.eq_ignore_ascii_case(field)).cloned();
        name.and_then(|name| fields.remove(&name)).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let Some(key) = key else {
        if field.eq_ignore_ascii_case("Id") {
            return write::create(context, &job.object, &fields).map(|id| (id.to_string(), true));
        }
        return Err(vec![ApiError::new(400, "MISSING_ARGUMENT", format!("{field} not specified"))]);
    };
    let key = Key { sobject: &job.object, field, value: &key };
    match write::upsert(context, key, &fields, false) {
        Ok(done) => Ok((done.id.to_string(), done.created)),
        Err(UpsertError::Errors(errors)) => Err(errors),
        Err(UpsertError::Many(ids)) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let text = format!("{field}: more than one record found for external id field: [{}]", ids.join(", "));
            Err(vec![ApiError::new(400, "DUPLICATE_EXTERNAL_ID", text)])
        }
    }
}
