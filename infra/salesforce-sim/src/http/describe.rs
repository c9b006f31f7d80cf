//! Describe resources with their conditional form.

use serde_json::Value;

use super::conditional::{self, Known};
use super::context::Context;
use super::reply::{Outcome, Reply};
use super::request::Call;

/// `GET /sobjects`.
pub fn global(context: &mut Context<'_>, call: &Call) -> Outcome {
    let body = context.world.org.describe_global(&context.session);
    let names = body.get("sobjects").and_then(Value::as_array).into_iter().flatten();
    let newest =
        names.filter_map(|object| object.get("name").and_then(Value::as_str)).filter_map(|name| context.world.org.described_at(name).ok()).max();
    conditional(call, newest.map(Known::modified), body)
}

/// `GET /sobjects/X`.
pub fn basic(context: &mut Context<'_>, call: &Call, sobject: &str) -> Outcome {
    let body = context.world.org.basic_info(&context.session, sobject)?;
    let known = context.world.org.described_at(sobject).ok().map(Known::modified);
    conditional(call, known, body)
}

/// `GET /sobjects/X/describe`.
pub fn object(context: &mut Context<'_>, call: &Call, sobject: &str) -> Outcome {
    let body = context.world.org.describe(&context.session, sobject)?;
    let known = context.world.org.described_at(sobject).ok().map(Known::modified);
    conditional(call, known, body)
}

fn conditional(call: &Call, known: Option<Known>, body: Value) -> Outcome {
    let Some(known) = known else {
        return Ok(Reply::json(200, body));
    };
    conditional::check(call, &known, true)?;
    Ok(known.label(Reply::json(200, body)))
}
