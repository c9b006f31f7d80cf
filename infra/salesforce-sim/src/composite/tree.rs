//! `POST /composite/tree/X`: parents with their children, all or nothing.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::plan::invalid;
use crate::doubts::TreeStatus;
use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;
use crate::http::write;
use crate::id::Id;

const MAX_RECORDS: usize = 200;
const MAX_TYPES: usize = 5;
const MAX_LEVELS: usize = 5;

struct Tree<'a> {
    results: Vec<Value>,
    errors: Vec<Value>,
    types: HashSet<String>,
    references: HashSet<&'a str>,
}

/// Where a child hangs.
#[derive(Clone, Copy)]
struct Parent<'a> {
    id: Id,
    field: &'a str,
}

/// `POST /composite/tree/X`.
pub fn tree(context: &mut Context<'_>, call: &Call, sobject: &str) -> Outcome {
    let sobject = context.world.org.resolve(&context.session, sobject)?;
    let body = call.json()?;
    let records = body.get("records").and_then(Value::as_array).filter(|records| !records.is_empty());
    let records = records.ok_or_else(|| invalid("The records parameter is required."))?;
    let mut tree = Tree { results: Vec::new(), errors: Vec::new(), types: HashSet::new(), references: HashSet::new() };
    let savepoint = context.world.org.savepoint();
    for record in records {
        if let Err(failure) = plant(context, &mut tree, &sobject, record, None, 1) {
            context.world.org.rollback(savepoint);
            return Err(failure);
        }
    }
    let status = |own| match context.world.org.doubts().tree_status {
        TreeStatus::ByOutcome => own,
        TreeStatus::Ok => 200,
    };
    let (grown, failed) = (status(201), status(400));
    if tree.errors.is_empty() {
        context.world.org.release(savepoint);
        return Ok(Reply::json(grown, json!({"hasErrors": false, "results": tree.results})));
    }
    context.world.org.rollback(savepoint);
    Ok(Reply::json(failed, json!({"hasErrors": true, "results": tree.errors})))
}

/// An error about the whole tree, shown at the record where it was found.
fn refuse(reference: &str, code: &str, text: String) -> Failure {
    let errors = json!([{"statusCode": code, "message": text, "fields": []}]);
    Reply::json(400, json!({"hasErrors": true, "results": [{"referenceId": reference, "errors": errors}]})).into()
}

fn plant<'a>(
    context: &mut Context<'_>,
    tree: &mut Tree<'a>,
    sobject: &str,
    record: &'a Value,
    parent: Option<Parent<'_>>,
    level: usize,
) -> Result<(), Failure> {
    let reference = record.pointer("/attributes/referenceId").and_then(Value::as_str).unwrap_or_default();
    let named = record.pointer("/attributes/type").and_then(Value::as_str).unwrap_or_default();
    if !named.eq_ignore_ascii_case(sobject) || reference.is_empty() {
        return Err(refuse(reference, "INVALID_INPUT", "Include a valid type and referenceId in the attributes of each record.".to_owned()));
    }
    if !tree.references.insert(reference) {
        return Err(refuse(reference, "INVALID_INPUT", format!("Duplicate ReferenceId provided in the request: {reference}")));
    }
    tree.types.insert(sobject.to_owned());
    let excess = [
        (tree.references.len() > MAX_RECORDS, format!("The request can't contain more than {MAX_RECORDS} records.")),
        (tree.types.len() > MAX_TYPES, format!("The request can't contain more than {MAX_TYPES} types.")),
        (level > MAX_LEVELS, format!("The request can't be deeper than {MAX_LEVELS} levels.")),
    ];
    if let Some((_, text)) = excess.into_iter().find(|(broken, _)| *broken) {
        return Err(refuse(reference, "LIMIT_EXCEEDED", text));
    }
    let (own, children): (Vec<_>, Vec<_>) = write::fields(record)?.into_iter().partition(|(_, value)| value.get("records").is_none());
    let mut fields: crate::org::Fields = own.into_iter().collect();
    if let Some(parent) = parent {
        fields.insert(parent.field.to_owned(), json!(parent.id));
    }
    match write::create(context, sobject, &fields) {
        Ok(id) => {
            tree.results.push(json!({"referenceId": reference, "id": id}));
            for (relation, _) in children {
                let list = record.get(&relation).and_then(|value| value.get("records")).and_then(Value::as_array);
                descend(context, tree, sobject, &relation, list.map_or(&[][..], Vec::as_slice), id, level, reference)?;
            }
        }
        Err(errors) => {
            let errors: Vec<Value> = errors.iter().map(ApiError::to_collection_json).collect();
            tree.errors.push(json!({"referenceId": reference, "errors": errors}));
        }
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "one level of a recursion")]
fn descend<'a>(
    context: &mut Context<'_>,
    tree: &mut Tree<'a>,
    sobject: &str,
    relation: &str,
    list: &'a [Value],
    id: Id,
    level: usize,
    reference: &str,
) -> Result<(), Failure> {
    let describe = context.world.org.describe(&context.session, sobject)?;
    let relations = describe.get("childRelationships").and_then(Value::as_array).into_iter().flatten();
    let found = relations
        .filter(|child| child.get("relationshipName").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(relation)))
        .find_map(|child| Some((child.get("childSObject")?.as_str()?.to_owned(), child.get("field")?.as_str()?.to_owned())));
    let Some((child, field)) = found else {
        let error = ApiError::no_such_column(relation, sobject).to_collection_json();
        tree.errors.push(json!({"referenceId": reference, "errors": [error]}));
        return Ok(());
    };
    for record in list {
        plant(context, tree, &child, record, Some(Parent { id, field: &field }), level + 1)?;
    }
    Ok(())
}
