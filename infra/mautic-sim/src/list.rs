//! `GET /api/contacts` and `/api/companies`: conditions, order and pages.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::store::Contact;

/// How many are answered where nobody says.
const PAGE: usize = 30;

/// One condition.
struct Condition {
    column: String,
    expr: String,
    value: String,
}

/// The query's parameters, by name, as they came.
pub(crate) fn parameters(query: Option<&str>) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// The contacts, or companies, that a query asks for: how many there are, and the page.
///
/// # Errors
/// What it cannot do, as Mautic would answer with 500.
pub(crate) fn select(all: &BTreeMap<u64, Contact>, query: &BTreeMap<String, String>) -> Result<(usize, Vec<Contact>), String> {
    let conditions = conditions(query)?;
    let mut found = Vec::new();
    for contact in all.values() {
        let mut meets = true;
        for condition in &conditions {
            meets &= holds(contact, condition)?;
        }
        if meets {
            found.push(contact.clone());
        }
    }
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    if let Some(column) = query.get("orderBy") {
        let descending = query.get("orderByDir").is_some_and(|dir| dir.eq_ignore_ascii_case("desc"));
        // Contacts of one moment come in no order that can be relied on: here the last first.
        found.reverse();
        found.sort_by(|a, b| {
            let order = compare(&cell(a, column), &cell(b, column));
            if descending { order.reverse() } else { order }
        });
    }
    let (start, limit) = (number("start").unwrap_or(0), number("limit").unwrap_or(PAGE));
    let total = found.len();
    let page = found.into_iter().skip(start).take(if limit == 0 { usize::MAX } else { limit });
    Ok((total, page.collect()))
}

/// The answer: an object by id, and the total as a text.
pub(crate) fn answer(name: &str, total: usize, items: impl Iterator<Item = (u64, Value)>) -> Value {
    let items: Map<String, Value> = items.map(|(id, item)| (id.to_string(), item)).collect();
    json!({"total": total.to_string(), name: items})
}

fn conditions(query: &BTreeMap<String, String>) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    for n in 0.. {
        let part = |name: &str| query.get(&format!("where[{n}][{name}]")).cloned();
        let Some(column) = part("col") else { break };
        let (Some(expr), value) = (part("expr"), part("val").unwrap_or_default()) else { return Err(format!("where[{n}] has no expr")) };
        conditions.push(Condition { column, expr, value });
    }
    Ok(conditions)
}

fn cell(contact: &Contact, column: &str) -> Value {
    match column {
        "id" => json!(contact.id),
        "date_added" => json!(database(contact.date_added)),
        "date_modified" => contact.date_modified.map_or(Value::Null, |at| json!(database(at))),
        alias => contact.value(alias).clone(),
    }
}

/// A time as the database has it: UTC, to the second.
fn database(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn holds(contact: &Contact, condition: &Condition) -> Result<bool, String> {
    let cell = cell(contact, &condition.column);
    let value = match condition.value.parse::<u64>() {
        Ok(number) if condition.column == "id" => json!(number),
        _ => json!(condition.value),
    };
    // A comparison with NULL is never true.
    let against = || if cell.is_null() { None } else { Some(compare(&cell, &value)) };
    Ok(match condition.expr.as_str() {
        "eq" => against() == Some(Ordering::Equal),
        "neq" => against().is_some_and(Ordering::is_ne),
        "gt" => against() == Some(Ordering::Greater),
        "gte" => against().is_some_and(Ordering::is_ge),
        "lt" => against() == Some(Ordering::Less),
        "lte" => against().is_some_and(Ordering::is_le),
        "isNull" => cell.is_null(),
        "isNotNull" => !cell.is_null(),
        "in" => condition.value.split(',').any(|one| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned) == one.trim()),
        other => return Err(format!("{other} is not simulated")),
    })
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}
