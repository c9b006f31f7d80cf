//! `POST /composite`.

use serde_json::{Value, json};

use super::plan;
use super::run::{Manner, render, run};
use crate::http::context::Context;
use crate::http::reply::{Outcome, Reply};
use crate::http::request::Call;

/// From this version on sub-requests are collated unless the request says otherwise.
const COLLATED: u16 = 49;

/// `GET /composite`: the family's URLs.
pub fn index(context: &mut Context<'_>) -> Outcome {
    let base = format!("{}/composite", context.base());
    Ok(Reply::json(
        200,
        json!({
            "tree": format!("{base}/tree"), "batch": format!("{base}/batch"),
            "sobjects": format!("{base}/sobjects"), "graph": format!("{base}/graph"),
        }),
    ))
}

/// `POST /composite`.
pub fn composite(context: &mut Context<'_>, call: &Call) -> Outcome {
    let body = call.json()?;
    let flag = |name: &str| body.get(name).and_then(Value::as_bool);
    let subs = plan::read(body.get("compositeRequest"), context.session.version, context.world.org.doubts())?;
    let manner = Manner {
        all_or_none: flag("allOrNone").unwrap_or(false),
        collate: flag("collateSubrequests").unwrap_or(context.session.version >= COLLATED),
    };
    let outcome = run(context, &subs, manner);
    Ok(Reply::json(200, json!({"compositeResponse": render(&subs, &outcome.replies)})))
}
