//! `updated` and `deleted`: what changed in a window of time, by SystemModstamp.
//! A transaction held open holds `latestDateCovered` back to its start.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::clock::{self, wire};
use super::context::Context;
use super::reply::{Failure, Outcome, Reply};
use super::request::Call;
use crate::org::QueryScope;

/// The most ids of one answer. Source: SOAP API Developer Guide, "getUpdated()".
const MOST: usize = 600_000;

struct Window {
    start: Timestamp,
    end: Timestamp,
    latest: Timestamp,
}

fn refuse(text: &str) -> Failure {
    Failure::one(400, "INVALID_REPLICATION_DATE", text)
}

/// Seconds are cut off.
fn minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}

fn window(context: &Context<'_>, call: &Call, days: i64, longer_than: SignedDuration) -> Result<Window, Failure> {
    let read = |name: &str| {
        let text = call.param(name).ok_or_else(|| refuse(&format!("The parameter {name} is required.")))?;
        clock::parse(text).map(minute).ok_or_else(|| refuse(&format!("{name}: invalid date {text}")))
    };
    let (start, end) = (read("start")?, read("end")?);
    if end.duration_since(start) <= longer_than {
        return Err(refuse("startDate must be before endDate"));
    }
    if context.session.now.duration_since(start) > SignedDuration::from_hours(24 * days) {
        return Err(refuse(&format!("startDate is more than {days} days ago")));
    }
    let open = context.world.open.values().min().copied().unwrap_or(Timestamp::MAX);
    let now = context.session.now;
    let lag = SignedDuration::from_secs(i64::from(context.world.org.doubts().index_lag_seconds));
    let indexed = if lag.is_zero() { now } else { minute(now.checked_sub(lag).unwrap_or(now)) };
    Ok(Window { start, end, latest: end.min(indexed).min(minute(open)).max(start) })
}

/// An object whose changes can be asked for, and the field that tells them: history has only the time of its making.
fn check_object(context: &Context<'_>, sobject: &str) -> Result<(String, &'static str), Failure> {
    let describe = context.world.org.describe(&context.session, sobject)?;
    let name = describe.get("name").and_then(Value::as_str).unwrap_or(sobject).to_owned();
    if describe.get("replicateable").and_then(Value::as_bool) != Some(true) {
        return Err(Failure::one(400, "INVALID_TYPE_FOR_OPERATION", format!("entity type {name} does not support replication")));
    }
    let fields = describe.get("fields").and_then(Value::as_array).into_iter().flatten();
    let stamped = fields.filter_map(|field| field.get("name")).any(|name| name == "SystemModstamp");
    Ok((name, if stamped { "SystemModstamp" } else { "CreatedDate" }))
}

fn changed(context: &Context<'_>, (sobject, stamp): (&str, &str), window: &Window, scope: QueryScope, only: &str) -> Result<Vec<Value>, Failure> {
    let soql = format!(
        "SELECT Id, {stamp} FROM {sobject} WHERE {only}{stamp} >= {} AND {stamp} < {} ORDER BY {stamp}, Id",
        window.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        window.end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    );
    let records = context.world.org.query(&context.session, &soql, scope)?.records;
    check_count(records.len())?;
    Ok(records)
}

fn check_count(count: usize) -> Result<(), Failure> {
    if count <= MOST {
        return Ok(());
    }
    Err(Failure::one(400, "EXCEEDED_ID_LIMIT", format!("A replication answer has {MOST} ids at most: ask for a shorter time.")))
}

/// `GET /sobjects/X/updated/?start=&end=`.
pub fn updated(context: &mut Context<'_>, call: &Call, sobject: &str) -> Outcome {
    let (sobject, stamp) = check_object(context, sobject)?;
    let window = window(context, call, 30, SignedDuration::ZERO)?;
    let rows = changed(context, (&sobject, stamp), &window, QueryScope::Live, "")?;
    let ids: Vec<&Value> = rows.iter().filter_map(|row| row.get("Id")).collect();
    Ok(Reply::json(200, json!({"ids": ids, "latestDateCovered": wire(window.latest)})))
}

/// `GET /sobjects/X/deleted/?start=&end=`.
pub fn deleted(context: &mut Context<'_>, call: &Call, sobject: &str) -> Outcome {
    let (sobject, stamp) = check_object(context, sobject)?;
    let window = window(context, call, 15, SignedDuration::from_mins(1))?;
    let rows = changed(context, (&sobject, stamp), &window, QueryScope::All, "IsDeleted = true AND ")?;
    let records: Vec<Value> = rows.iter().map(|row| json!({"id": row.get("Id"), "deletedDate": row.get(stamp)})).collect();
    let earliest = context.session.now.checked_sub(SignedDuration::from_hours(24 * 15)).unwrap_or(window.start);
    Ok(Reply::json(200, json!({"deletedRecords": records, "earliestDateAvailable": wire(earliest), "latestDateCovered": wire(window.latest)})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_so_many_ids_at_most() {
        assert!(check_count(MOST).is_ok());
        assert_eq!(check_count(MOST + 1).err().map(|failure| failure.status()), Some(400));
    }
}
