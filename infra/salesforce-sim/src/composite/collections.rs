//! sObject Collections: up to 200 records in one call, each with its own fate.

use std::collections::HashMap;

use http::Method;
use serde_json::Value;

use super::items::{self, Item, MAX_RECORDS};
use super::mixed;
use super::plan::invalid;
use crate::doubts::RepeatedIds;
use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;
use crate::http::rows::field_list;
use crate::http::write::{self, Key};
use crate::id::Id;
use crate::org::{Fields, UpsertError};

/// The most ids of a retrieve.
const MAX_RETRIEVE: usize = 2000;

struct Record {
    sobject: String,
    fields: Fields,
}

impl Record {
    /// The id in the body, under either spelling.
    fn id(&self) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("Id")).and_then(|(_, value)| value.as_str())
    }
}

fn flag(body: &Value) -> bool {
    // A text is read as what it says, as the server's parser does.
    body.get("allOrNone").is_some_and(|flag| *flag == Value::Bool(true) || flag.as_str() == Some("true"))
}

fn records(context: &Context<'_>, body: &Value) -> Result<Vec<Record>, Failure> {
    let list = body.get("records").and_then(Value::as_array).ok_or_else(|| invalid("The records parameter is required."))?;
    items::check_count(list.len(), MAX_RECORDS)?;
    let records: Vec<Record> = list
        .iter()
        .map(|item| {
            let sobject = item.pointer("/attributes/type").and_then(Value::as_str);
            let sobject = sobject.ok_or_else(|| invalid("Include a valid type in the attributes of each record."))?;
            Ok(Record { sobject: sobject.to_owned(), fields: write::fields(item)? })
        })
        .collect::<Result<_, Failure>>()?;
    items::check_chunks(records.iter().map(|record| record.sobject.as_str()))?;
    // What is not built is said of the whole call: an item has no status of its own to say it with.
    for record in &records {
        if let Some(error) = context.world.org.resolve(&context.session, &record.sobject).err().filter(|error| error.status == 501) {
            return Err(error.into());
        }
    }
    Ok(records)
}

/// `POST`, `PATCH`, `DELETE` and `GET /composite/sobjects`.
pub fn collections(context: &mut Context<'_>, call: &Call) -> Outcome {
    match call.method {
        Method::POST => create(context, call),
        Method::PATCH => update(context, call),
        Method::DELETE => delete(context, call),
        _ => Err(Failure::not_built("GET composite/sobjects without an object")),
    }
}

fn create(context: &mut Context<'_>, call: &Call) -> Outcome {
    let body = call.json()?;
    let records = records(context, &body)?;
    let refusals = refusals(context, &records)?;
    let answer = items::each(context, flag(&body), &refusals, |context, (refusal, record)| {
        if let Some(error) = refusal {
            return Item::refused(error.clone());
        }
        match write::create(context, &record.sobject, &record.fields) {
            Ok(id) => Item::done(id),
            Err(errors) => Item::failed(errors),
        }
    });
    Ok(Reply::json(200, answer))
}

/// Records with what keeps them out of a call together with the others.
fn refusals<'r>(context: &Context<'_>, records: &'r [Record]) -> Result<Vec<(Option<ApiError>, &'r Record)>, Failure> {
    let refusals = mixed::refusals(context, records.iter().map(|record| record.sobject.as_str()))?;
    Ok(refusals.into_iter().zip(records).collect())
}

fn update(context: &mut Context<'_>, call: &Call) -> Outcome {
    let body = call.json()?;
    let records = records(context, &body)?;
    let ids: Vec<Option<String>> = records.iter().map(|record| record.id().and_then(canonical)).collect();
    let later = items::repeats(ids.iter().map(Option::as_deref));
    let repeated = context.world.org.doubts().repeated_ids;
    let refuses = |place: &usize| match repeated {
        RepeatedIds::RefuseLater => later.contains(place),
        RepeatedIds::RefuseAll => later.iter().any(|other| ids.get(*other) == ids.get(*place)),
        RepeatedIds::Apply => false,
    };
    let prefixes = prefixes(context);
    let numbered: Vec<_> = refusals(context, &records)?.into_iter().enumerate().collect();
    let write = |context: &mut Context<'_>, (place, (refusal, record)): &(usize, (Option<ApiError>, &Record))| {
        if let Some(error) = refusal {
            return Item::refused(error.clone());
        }
        let text = record.id().unwrap_or_default();
        if refuses(place) {
            let text = format!("duplicate id in list: {text}");
            return Item::refused(ApiError::new(400, "DUPLICATE_VALUE", text).about::<_, String>([]));
        }
        let expected = |id: &Id| {
            let owner = prefixes.get(id.prefix().as_str());
            owner.is_none_or(|owner| owner.eq_ignore_ascii_case(&record.sobject))
        };
        let Some(id) = Id::parse(text).ok().filter(expected) else {
            return Item::refused(no_id(record));
        };
        let mut fields = record.fields.clone();
        fields.retain(|name, _| !name.eq_ignore_ascii_case("Id"));
        match write::update(context, &record.sobject, text, &fields) {
            Ok(()) => Item::done(id),
            Err(errors) => Item::failed(write::of_a_row(errors, text)),
        }
    };
    let answer = items::each(context, flag(&body), &numbered, write);
    Ok(Reply::json(200, answer))
}

/// What is wrong with a record to update that names no record of its object.
fn no_id(record: &Record) -> ApiError {
    match record.id() {
        Some(text) => {
            let text = format!("{} ID: id value of incorrect type: {text}", record.sobject);
            ApiError::new(400, "MALFORMED_ID", text).about(["Id"])
        }
        None => {
            let text = "Id not specified in an update call";
            ApiError::new(400, "MISSING_ARGUMENT", text).about::<_, String>([])
        }
    }
}

fn canonical(id: &str) -> Option<String> {
    Id::parse(id).ok().map(|id| id.to_string())
}

fn malformed(id: &str) -> ApiError {
    ApiError::new(400, "MALFORMED_ID", format!("malformed id {id}")).about(["Id"])
}

fn delete(context: &mut Context<'_>, call: &Call) -> Outcome {
    let ids: Vec<String> = call.param("ids").unwrap_or_default().split(',').filter(|id| !id.is_empty()).map(|id| id.trim().to_owned()).collect();
    if ids.is_empty() {
        return Err(invalid("The ids parameter is required."));
    }
    items::check_count(ids.len(), MAX_RECORDS)?;
    let all_or_none = call.param("allOrNone").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let prefixes = prefixes(context);
    let object = |text: &String| Id::parse(text).ok().and_then(|id| prefixes.get(id.prefix().as_str()));
    // Of the ids that name no object each is refused by itself.
    let mut mixed = mixed::refusals(context, ids.iter().filter_map(object).map(String::as_str))?.into_iter();
    let refusals: Vec<(Option<ApiError>, &String)> = ids.iter().map(|id| (object(id).and_then(|_| mixed.next().flatten()), id)).collect();
    let answer = items::each(context, all_or_none, &refusals, |context, (refusal, text)| {
        if let Some(error) = refusal {
            return Item::refused(error.clone());
        }
        let Ok(id) = Id::parse(text) else {
            return Item::refused(malformed(text));
        };
        let Some(sobject) = prefixes.get(id.prefix().as_str()) else {
            return Item::refused(malformed(text));
        };
        match write::delete(context, sobject, text) {
            Ok(()) => Item::done(id),
            Err(errors) => Item::failed(write::of_a_row(errors, text)),
        }
    });
    Ok(Reply::json(200, answer))
}

/// Objects by key prefix.
fn prefixes(context: &Context<'_>) -> HashMap<String, String> {
    let all = context.world.org.describe_global(&context.session);
    let objects = all.get("sobjects").and_then(Value::as_array).cloned().unwrap_or_default();
    objects
        .iter()
        .filter_map(|object| {
            let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
            Some((text("keyPrefix")?, text("name")?))
        })
        .collect()
}

/// `PATCH /composite/sobjects/X/ExtField`.
pub fn upsert(context: &mut Context<'_>, call: &Call, sobject: &str, field: &str) -> Outcome {
    let sobject = context.world.org.resolve(&context.session, sobject)?;
    let body = call.json()?;
    let records = records(context, &body)?;
    let (name, label, sensitive) = key_field(context, &sobject, field)?;
    let keys: Vec<Option<String>> = records.iter().map(|record| key(record, &name)).collect();
    let folded = |key: &String| {
        if sensitive { key.clone() } else { key.to_lowercase() }
    };
    let mut uses: HashMap<String, usize> = HashMap::new();
    for key in keys.iter().flatten() {
        *uses.entry(folded(key)).or_default() += 1;
    }
    let pairs: Vec<(Record, Option<String>)> = records.into_iter().zip(keys).collect();
    let answer = items::each(context, flag(&body), &pairs, |context, (record, key)| {
        let doubled = key.as_ref().filter(|key| uses.get(&folded(key)).is_some_and(|count| *count > 1));
        let mut item = match doubled {
            Some(key) => {
                let text = format!("Duplicate external id specified: {key}");
                Item::refused(ApiError::new(400, "DUPLICATE_VALUE", text).about([name.clone()]))
            }
            None => upsert_one(context, &sobject, &name, &label, record, key.as_deref()),
        };
        item.created.get_or_insert(false);
        item
    });
    Ok(Reply::json(200, answer))
}

/// Canonical name, label and case rule of a key field.
pub(crate) fn key_field(context: &Context<'_>, sobject: &str, field: &str) -> Result<(String, String, bool), Failure> {
    let describe = context.world.org.describe(&context.session, sobject)?;
    let fields = describe.get("fields").and_then(Value::as_array).into_iter().flatten();
    let found = fields
        .filter(|candidate| candidate.get("name").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(field)))
        .find(|candidate| ["externalId", "idLookup"].iter().any(|flag| candidate.get(*flag).and_then(Value::as_bool) == Some(true)));
    let found = found.ok_or_else(|| ApiError::no_external_id(field))?;
    let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or(field).to_owned();
    let id = field.eq_ignore_ascii_case("Id");
    Ok((text("name"), text("label"), id || found.get("caseSensitive").and_then(Value::as_bool).unwrap_or(false)))
}

fn key(record: &Record, field: &str) -> Option<String> {
    let (_, value) = record.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(field))?;
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

fn upsert_one(context: &mut Context<'_>, sobject: &str, field: &str, label: &str, record: &Record, key: Option<&str>) -> Item {
    if !record.sobject.eq_ignore_ascii_case(sobject) {
        let text = format!("The type {} of the record isn't the type of the request, {sobject}", record.sobject);
        return Item::refused(ApiError::new(400, "INVALID_INPUT", text));
    }
    let mut fields = record.fields.clone();
    fields.retain(|name, _| !name.eq_ignore_ascii_case(field));
    let Some(key) = key else {
        if field != "Id" {
            let text = format!("{field} not specified");
            return Item::refused(ApiError::new(400, "MISSING_ARGUMENT", text).about::<_, String>([]));
        }
        return match write::create(context, sobject, &fields) {
            Ok(id) => Item { created: Some(true), ..Item::done(id) },
            Err(errors) => Item::failed(errors),
        };
    };
    match write::upsert(context, Key { sobject, field, value: key }, &fields, false) {
        Ok(done) => Item { created: Some(done.created), ..Item::done(done.id) },
        Err(UpsertError::Errors(errors)) => Item::failed(errors),
        Err(UpsertError::Many(ids)) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let text = format!("{label}: more than one record found for external id field: [{}]", ids.join(", "));
            Item::refused(ApiError::new(400, "DUPLICATE_EXTERNAL_ID", text).about([field]))
        }
    }
}

/// `GET` and `POST /composite/sobjects/X`: records in the order of the ids, `null` for those not found.
pub fn retrieve(context: &mut Context<'_>, call: &Call, sobject: &str) -> Outcome {
    let sobject = context.world.org.resolve(&context.session, sobject)?;
    let (ids, fields) = if call.method == Method::POST {
        let body = call.json()?;
        let list = |name: &str| {
            let values = body.get(name).and_then(Value::as_array).into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<String>>()
        };
        (list("ids"), list("fields"))
    } else {
        let ids = call.param("ids").unwrap_or_default().split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
        (ids.collect(), field_list(call).unwrap_or_default())
    };
    if ids.is_empty() || fields.is_empty() {
        return Err(invalid("The ids and fields parameters are required."));
    }
    items::check_count(ids.len(), MAX_RETRIEVE)?;
    let found = context.world.org.retrieve_many(&context.session, &sobject, &ids, &fields)?;
    Ok(Reply::json(200, Value::Array(found.into_iter().map(|record| record.unwrap_or(Value::Null)).collect())))
}
