//! Executing checked sub-requests: references, all-or-none, order.

use serde_json::{Map, Value, json};

use super::plan::{Sub, order};
use super::references::{self, Answers, IntoArrays};
use crate::http::context::Context;
use crate::http::reply::{Failure, Reply};
use crate::http::route::Data;

/// How a list is executed.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// One failure undoes all.
    pub all_or_none: bool,
    /// Writes of a kind may be pulled together.
    pub collate: bool,
}

/// What a list came to.
pub struct Outcome {
    /// An answer for each sub-request, in the order of the request.
    pub replies: Vec<Reply>,
    /// Whether any failed.
    pub failed: bool,
}

/// Resources a sub-request may name.
fn supported(resource: &Data) -> bool {
    matches!(
        resource,
        Data::DescribeGlobal
            | Data::Object(_)
            | Data::Describe(_)
            | Data::Updated(_)
            | Data::Deleted(_)
            | Data::Row { .. }
            | Data::ExternalRow { .. }
            | Data::Query
            | Data::QueryAll
            | Data::QueryMore(_)
            | Data::Collections
            | Data::CollectionsOf(_)
            | Data::CollectionsUpsert { .. }
            | Data::NotBuilt(_)
    )
}

fn halted(text: impl Into<String>) -> Reply {
    Failure::one(400, "PROCESSING_HALTED", text).into_reply()
}

/// Executes all sub-requests.
pub fn run(context: &mut Context<'_>, subs: &[Sub], manner: Manner) -> Outcome {
    let arrays = if context.world.org.doubts().references_into_collections { IntoArrays::Allowed } else { IntoArrays::Refused };
    let savepoint = manner.all_or_none.then(|| context.world.org.savepoint());
    let mut answers = Answers::default();
    let mut replies: Vec<Option<Reply>> = vec![None; subs.len()];
    let mut failed = false;
    for place in order(subs, manner.collate && context.world.org.doubts().collation_reorders) {
        let (Some(sub), Some(slot)) = (subs.get(place), replies.get_mut(place)) else {
            continue;
        };
        let reply = one(context, sub, &answers, arrays);
        answers.note(&sub.reference, reply.is_success().then(|| reply.body()));
        let fails = !succeeded(&reply);
        *slot = Some(reply);
        failed |= fails;
        if fails && manner.all_or_none {
            replies = undone(replies, place);
            break;
        }
    }
    if let Some(savepoint) = savepoint {
        if failed {
            context.world.org.rollback(savepoint);
        } else {
            context.world.org.release(savepoint);
        }
    }
    Outcome { replies: replies.into_iter().map(|reply| reply.unwrap_or_else(|| halted(super::ROLLED_BACK))).collect(), failed }
}

/// All but the failed one are replaced.
fn undone(replies: Vec<Option<Reply>>, failed: usize) -> Vec<Option<Reply>> {
    replies.into_iter().enumerate().map(|(place, reply)| if place == failed { reply } else { None }).collect()
}

fn one(context: &mut Context<'_>, sub: &Sub, answers: &Answers, arrays: IntoArrays) -> Reply {
    let url = match references::substitute_url(&sub.url, answers, arrays) {
        Ok(url) => url,
        Err(unresolved) => return halted(unresolved.to_string()),
    };
    let body = match sub.body.as_ref().map(|body| references::substitute_body(body, answers, arrays)).transpose() {
        Ok(body) => body,
        Err(unresolved) => return halted(unresolved.to_string()),
    };
    context.inner(sub.method.clone(), &url, sub.headers.clone(), body, supported)
}

/// Whether a sub-request did all it was asked: a collection with a failed item did not.
fn succeeded(reply: &Reply) -> bool {
    let item_failed = |item: &Value| item.get("success").and_then(Value::as_bool) == Some(false);
    reply.is_success() && !reply.body().as_array().is_some_and(|items| items.iter().any(item_failed))
}

/// `compositeResponse`.
pub fn render(subs: &[Sub], replies: &[Reply]) -> Value {
    let elements = subs.iter().zip(replies).map(|(sub, reply)| {
        let headers: Map<String, Value> = reply.headers.iter().map(|(name, value)| (title_case(name.as_str()), json!(value))).collect();
        json!({"body": reply.body(), "httpHeaders": headers, "httpStatusCode": reply.status, "referenceId": sub.reference})
    });
    Value::Array(elements.collect())
}

/// `location` → `Location`; a client looks headers up as written.
fn title_case(name: &str) -> String {
    match name {
        "etag" => return "ETag".to_owned(),
        _ => name,
    }
    .split('-')
    .map(|word| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    })
    .collect::<Vec<_>>()
    .join("-")
}
