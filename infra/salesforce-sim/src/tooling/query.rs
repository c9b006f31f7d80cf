//! `GET /tooling/query` of custom fields: columns, comparisons of their values, order and limit. What else SOQL has answers
//! 501 here.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::row;
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;
use crate::soql::tooling::{Among, Compare, Expr, Item, Literal, Name, Query, Term, like, no_column, parse};

type Row = Map<String, Value>;

/// The columns, `Metadata` and `FullName` last: those come for a single record only.
const COLUMNS: &[&str] = &[
    "Id",
    "TableEnumOrId",
    "DeveloperName",
    "NamespacePrefix",
    "ManageableState",
    "InlineHelpText",
    "Length",
    "Precision",
    "Scale",
    "FullName",
    "Metadata",
];

fn not_built(what: &str) -> Failure {
    Failure::not_built(&format!("tooling/query with {what}"))
}

/// Answers a query.
pub(crate) fn query(context: &mut Context<'_>, call: &Call) -> Outcome {
    let text = call.param("q").unwrap_or_default();
    let query = parse(text)?;
    let plan = Plan::of(text, &query)?;
    let base = context.base();
    let mut rows: Vec<Row> = context.world.org.custom_fields().map(|(id, field)| row(&base, id, field)).collect();
    if let Some(filter) = &query.filter {
        let mut kept = Vec::new();
        for row in rows {
            if plan.holds(filter, &row)? {
                kept.push(row);
            }
        }
        rows = kept;
    }
    for (column, descending) in plan.order.iter().rev() {
        rows.sort_by(|a, b| {
            let order = order(a.get(*column), b.get(*column));
            if *descending { order.reverse() } else { order }
        });
    }
    rows.truncate(query.limit.unwrap_or(usize::MAX));
    let single = plan.columns.iter().any(|column| ["FullName", "Metadata"].contains(column));
    if single && rows.len() > 1 {
        let text =
            "When retrieving results with Metadata or FullName fields, the query qualifications must specify no more than one row for retrieval.";
        return Err(Failure::one(400, "MALFORMED_QUERY", format!("{text} Result size: {}", rows.len())));
    }
    let wanted = |key: &String| key == "attributes" || plan.columns.contains(&key.as_str());
    let records: Vec<Row> = rows.into_iter().map(|row| row.into_iter().filter(|(key, _)| wanted(key)).collect()).collect();
    let body = json!({
        "size": records.len(), "totalSize": records.len(), "done": true, "queryLocator": null, "entityTypeName": "CustomField", "records": records,
    });
    Ok(Reply::json(200, body))
}

/// A query with its columns known.
struct Plan<'q> {
    text: &'q str,
    columns: Vec<&'static str>,
    order: Vec<(&'static str, bool)>,
}

impl<'q> Plan<'q> {
    fn of(text: &'q str, query: &Query) -> Result<Self, Failure> {
        if !query.from.text.eq_ignore_ascii_case("CustomField") {
            return Err(not_built(&format!("FROM {}", query.from.text)));
        }
        if !query.group.is_empty()
            || query.having.is_some()
            || query.offset.is_some()
            || query.alias.is_some()
            || !query.ways.is_empty()
            || query.within.is_some()
        {
            return Err(not_built("GROUP BY, OFFSET or an alias"));
        }
        let mut plan = Self { text, columns: Vec::new(), order: Vec::new() };
        for item in &query.select {
            match item {
                Item::Term { term, alias: None } => plan.columns.push(plan.column(term)?),
                _ => return Err(not_built("anything but columns")),
            }
        }
        for order in &query.order {
            plan.order.push((plan.column(&order.term)?, order.descending));
        }
        Ok(plan)
    }

    fn column(&self, term: &Term) -> Result<&'static str, Failure> {
        let Term::Path(path) = term else { return Err(not_built("functions")) };
        let [Name { text, at }] = path.parts.as_slice() else { return Err(not_built("parents")) };
        let found = COLUMNS.iter().find(|column| column.eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| no_column(self.text, *at, text, "CustomField").into())
    }

    fn holds(&self, expr: &Expr, row: &Row) -> Result<bool, Failure> {
        match expr {
            Expr::And(parts) => parts.iter().try_fold(true, |held, part| Ok(self.holds(part, row)? && held)),
            Expr::Or(parts) => parts.iter().try_fold(false, |held, part| Ok(self.holds(part, row)? || held)),
            Expr::Not(part) => Ok(!self.holds(part, row)?),
            Expr::Compare { left, op, right } => {
                let value = row.get(self.column(left)?).unwrap_or(&Value::Null);
                match op {
                    Compare::Equal => Ok(equal(value, right)),
                    Compare::NotEqual => Ok(!equal(value, right)),
                    Compare::Like => Ok(value.as_str().is_some_and(|text| like(text, right))),
                    _ => Err(not_built("comparisons of size")),
                }
            }
            Expr::Among { left, op: op @ (Among::In | Among::NotIn), values } => {
                let value = row.get(self.column(left)?).unwrap_or(&Value::Null);
                Ok(values.iter().any(|literal| equal(value, literal)) == (*op == Among::In))
            }
            Expr::Among { .. } | Expr::Join { .. } => Err(not_built("joins")),
        }
    }
}

/// Texts are equal letter case aside, an id to either of its forms.
fn equal(value: &Value, literal: &Literal) -> bool {
    match literal.plain() {
        None => value.is_null(),
        Some(wanted) => match value {
            Value::String(text) => text.eq_ignore_ascii_case(&wanted) || (wanted.len() == 15 && text.get(..15) == Some(&wanted)),
            Value::Number(number) => number.to_string() == wanted,
            _ => false,
        },
    }
}

fn order(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let number = |value: Option<&Value>| value.and_then(Value::as_u64);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_lowercase);
    (number(a), text(a)).cmp(&(number(b), text(b)))
}
