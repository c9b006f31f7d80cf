//! Records by id and by external id.

use http::{Method, header};
use serde_json::{Value, json};

use super::clock;
use super::conditional::{self, Known};
use super::context::Context;
use super::reply::{Failure, Outcome, Reply};
use super::request::Call;
use super::write::{self, Key};
use crate::org::UpsertError;

/// The first version whose upsert of an existing record answers 200 with a body.
const UPSERT_BODY: u16 = 46;

/// The fields of `?fields=a,b`.
pub fn field_list(call: &Call) -> Option<Vec<String>> {
    let list = call.param("fields")?;
    Some(list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
}

fn created(context: &Context<'_>, sobject: &str, id: crate::id::Id, extra: Option<bool>) -> Reply {
    let mut body = json!({"id": id, "success": true, "errors": []});
    if let (Some(created), Some(body)) = (extra, body.as_object_mut()) {
        body.insert("created".to_owned(), json!(created));
    }
    Reply::json(201, body).with(header::LOCATION, context.record_url(sobject, id))
}

/// `POST /sobjects/X`.
pub fn create(context: &mut Context<'_>, call: &Call, sobject: &str) -> Outcome {
    let sobject = context.world.org.resolve(&context.session, sobject)?;
    if heeds(context, call) {
        conditional::check_dates(call)?;
    }
    let fields = write::fields(&call.json()?)?;
    let id = write::create(context, &sobject, &fields).map_err(|errors| write::locate(errors, call))?;
    Ok(created(context, &sobject, id, None))
}

/// `/sobjects/X/ID`.
pub fn row(context: &mut Context<'_>, call: &Call, sobject: &str, id: &str) -> Outcome {
    let sobject = context.world.org.resolve(&context.session, sobject)?;
    match call.method {
        Method::PATCH => {
            let fields = write::fields(&call.json()?)?;
            if heeds(context, call) && conditional::asked(call) {
                let known = known(context, &sobject, id)?;
                conditional::check(call, &known, false)?;
            }
            write::update(context, &sobject, id, &fields).map_err(|errors| write::locate(errors, call))?;
            Ok(Reply::empty(204))
        }
        Method::DELETE => {
            write::delete(context, &sobject, id)?;
            Ok(Reply::empty(204))
        }
        _ => {
            let fields = field_list(call);
            let record = context.world.org.retrieve(&context.session, &sobject, id, fields.as_deref())?;
            read(context, call, &sobject, record)
        }
    }
}

/// Whether conditions on a record count here: inside composite requests a setting of the org decides.
fn heeds(context: &Context<'_>, call: &Call) -> bool {
    !call.nested || context.world.org.doubts().conditions_in_sub_requests
}

/// Answers a record that was read, unless nothing has changed.
fn read(context: &mut Context<'_>, call: &Call, sobject: &str, record: Value) -> Outcome {
    let url = record.pointer("/attributes/url").and_then(Value::as_str).unwrap_or_default();
    let id = url.rsplit('/').next().unwrap_or_default().to_owned();
    match known(context, sobject, &id) {
        Ok(known) => {
            if heeds(context, call) {
                conditional::check(call, &known, true)?;
            }
            Ok(known.label(Reply::json(200, record)))
        }
        Err(_) => Ok(Reply::json(200, record)),
    }
}

/// When a record last changed, and its ETag where the object has ETags.
fn known(context: &Context<'_>, sobject: &str, id: &str) -> Result<Known, Failure> {
    let fields = ["LastModifiedDate".to_owned(), "SystemModstamp".to_owned()];
    let record = context.world.org.retrieve(&context.session, sobject, id, Some(&fields))?;
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let modified = clock::parse(&text("LastModifiedDate")).ok_or_else(crate::error::ApiError::not_found)?;
    let stamp = clock::parse(&text("SystemModstamp")).unwrap_or(modified).as_second();
    let etag = (sobject == "Account").then(|| format!("\"{id}-{stamp}\""));
    Ok(Known { etag, ..Known::modified(modified) })
}

/// `/sobjects/X/Field/value`.
pub fn external(context: &mut Context<'_>, call: &Call, sobject: &str, field: &str, value: &str) -> Outcome {
    let sobject = context.world.org.resolve(&context.session, sobject)?;
    let many = |context: &Context<'_>, error: UpsertError| several(context, call, &sobject, error);
    match call.method {
        Method::PATCH => {
            let fields = write::fields(&call.json()?)?;
            let update_only = call.param("updateOnly").is_some_and(|value| value.eq_ignore_ascii_case("true"));
            let key = Key { sobject: &sobject, field, value };
            let done = write::upsert(context, key, &fields, update_only).map_err(|error| many(context, error))?;
            Ok(match (done.created, context.session.version >= UPSERT_BODY) {
                (true, true) => created(context, &sobject, done.id, Some(true)),
                (true, false) => created(context, &sobject, done.id, None),
                (false, true) => Reply::json(200, json!({"id": done.id, "success": true, "errors": [], "created": false})),
                (false, false) => Reply::empty(204),
            })
        }
        Method::DELETE => {
            let only_id = ["Id".to_owned()];
            let found = context.world.org.retrieve_by(&context.session, &sobject, field, value, Some(&only_id));
            let record = found.map_err(|error| many(context, error))?;
            let id = record.get("Id").and_then(Value::as_str).unwrap_or_default().to_owned();
            write::delete(context, &sobject, &id)?;
            Ok(Reply::empty(204))
        }
        _ => {
            let fields = field_list(call);
            let found = context.world.org.retrieve_by(&context.session, &sobject, field, value, fields.as_deref());
            let record = found.map_err(|error| many(context, error))?;
            read(context, call, &sobject, record)
        }
    }
}

/// 300 with the URLs of all records that have the key, or the errors.
fn several(context: &Context<'_>, call: &Call, sobject: &str, error: UpsertError) -> Failure {
    match error {
        UpsertError::Many(ids) => {
            let urls: Vec<String> = ids.iter().map(|id| context.record_url(sobject, id)).collect();
            Reply::json(300, json!(urls)).into()
        }
        UpsertError::Errors(errors) => write::locate(errors, call).into(),
    }
}
