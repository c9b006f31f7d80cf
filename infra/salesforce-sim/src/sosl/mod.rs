//! SOSL: finding records by the words in them.
//!
//! A search is read (`parse`), asked of each object as a query, and its records are held against the words. Source:
//! SOQL and SOSL Reference, "FIND {SearchQuery}", "IN SearchGroup", "RETURNING FieldSpec".
//! Long text areas are not searched: queries cannot filter by them.

mod parse;
mod words;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::{Outcome, Reply};
use crate::http::request::Call;
use crate::org::QueryScope;
use parse::{Group, Returning, Search};
use words::Term;

/// The most records of one search.
const MOST: usize = 2_000;

/// `GET /search?q=`.
pub(crate) fn search(context: &mut Context<'_>, call: &Call) -> Outcome {
    let text = call.param("q").unwrap_or_default();
    if text.trim().is_empty() {
        return Err(parse::malformed("The search string q is required.").into());
    }
    let search = parse::parse(text)?;
    let wanted = if search.returning.is_empty() { everything(context) } else { search.returning.clone() };
    let mut records = Vec::new();
    for returning in &wanted {
        records.extend(find(context, &search, returning)?);
    }
    records.truncate(search.limit.unwrap_or(MOST).min(MOST));
    Ok(Reply::json(200, json!({"searchRecords": records})))
}

/// Without RETURNING the ids of all objects are brought.
fn everything(context: &Context<'_>) -> Vec<Returning> {
    let all = context.world.org.describe_global(&context.session);
    let objects = all.get("sobjects").and_then(Value::as_array).cloned().unwrap_or_default();
    let searchable = objects.iter().filter(|object| object.get("searchable").and_then(Value::as_bool) == Some(true));
    let names = searchable.filter_map(|object| object.get("name").and_then(Value::as_str));
    names.map(|name| Returning { object: name.to_owned(), ..Returning::default() }).collect()
}

fn find(context: &Context<'_>, search: &Search, returning: &Returning) -> Result<Vec<Value>, ApiError> {
    let (object, fields) = searched(context, &returning.object, search.group)?;
    let ids = if fields.is_empty() { Vec::new() } else { matching(context, search, returning, &object, &fields)? };
    let ids = ids.into_iter().skip(returning.offset).take(returning.limit.unwrap_or(MOST));
    let list: Vec<String> = ids.map(|id| format!("'{id}'")).collect();
    // Asked for in vain too, so that a field nobody knows is refused.
    let condition = if list.is_empty() { "Id = null".to_owned() } else { format!("Id IN ({})", list.join(",")) };
    let columns = if returning.fields.is_empty() { "Id" } else { &returning.fields };
    let order = returning.order.as_ref().map(|order| format!(" ORDER BY {order}")).unwrap_or_default();
    query(context, &format!("SELECT {columns} FROM {object} WHERE {condition}{order}"))
}

/// The ids of the records that have all words.
fn matching(context: &Context<'_>, search: &Search, returning: &Returning, object: &str, fields: &[String]) -> Result<Vec<String>, ApiError> {
    let alternatives = search.terms.iter().map(|terms| narrowed(terms, fields)).collect::<Vec<_>>().join(" OR ");
    let extra = returning.condition.as_ref().map(|text| format!(" AND ({text})")).unwrap_or_default();
    let order = returning.order.as_deref().unwrap_or("Id");
    let rows = query(context, &format!("SELECT Id, {} FROM {object} WHERE ({alternatives}){extra} ORDER BY {order}", fields.join(", ")))?;
    let fits = |row: &&Value| {
        let texts: Vec<&str> = fields.iter().filter_map(|field| row.get(field).and_then(Value::as_str)).collect();
        search.terms.iter().any(|terms| terms.iter().all(|term| texts.iter().any(|text| term.is_in(text))))
    };
    Ok(rows.iter().filter(fits).filter_map(|row| row.get("Id").and_then(Value::as_str)).map(str::to_owned).collect())
}

/// A condition that no matching record fails.
fn narrowed(terms: &[Term], fields: &[String]) -> String {
    let one = |term: &Term| {
        let pattern = term.pattern();
        let fields: Vec<String> = fields.iter().map(|field| format!("{field} LIKE '{pattern}'")).collect();
        format!("({})", fields.join(" OR "))
    };
    format!("({})", terms.iter().map(one).collect::<Vec<_>>().join(" AND "))
}

fn query(context: &Context<'_>, soql: &str) -> Result<Vec<Value>, ApiError> {
    let answer = context.world.org.query(&context.session, soql, QueryScope::Live);
    answer.map(|answer| answer.records).map_err(|mut error| {
        // The place in a query that nobody wrote would mislead.
        if let Some((_, text)) = error.message.split_once("ERROR at Row:").and_then(|(_, rest)| rest.split_once('\n')) {
            error.message = text.to_owned();
        }
        error
    })
}

/// The object's name and the fields of a search group.
fn searched(context: &Context<'_>, object: &str, group: Group) -> Result<(String, Vec<String>), ApiError> {
    let unknown = || {
        ApiError::new(
            400,
            "INVALID_TYPE",
            format!(
                "sObject type '{object}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the \
                 entity name. Please reference your WSDL or the describe call for the appropriate names."
            ),
        )
    };
    let describe = context.world.org.describe(&context.session, object).map_err(|error| if error.status == 404 { unknown() } else { error })?;
    let name = describe.get("name").and_then(Value::as_str).unwrap_or(object).to_owned();
    if describe.get("searchable").and_then(Value::as_bool) != Some(true) {
        return Err(ApiError::new(400, "INVALID_TYPE", format!("entity type {name} does not support search")));
    }
    let fields = describe.get("fields").and_then(Value::as_array).into_iter().flatten();
    let fields = fields.filter(|field| field.get("filterable").and_then(Value::as_bool) == Some(true) && group.covers(field));
    Ok((name, fields.filter_map(|field| field.get("name").and_then(Value::as_str)).map(str::to_owned).collect()))
}
