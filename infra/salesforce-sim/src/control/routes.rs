//! The control plane over HTTP, under `/__control`. Not part of Salesforce; needs no token.

use http::Method;
use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Control, Fault, levers, people};
use crate::http::reply::Reply;
use crate::http::request::{Body, Call};
use crate::org::{Org, QueryScope};
use crate::seed::RuleSet;

pub(super) fn problem(status: u16, text: impl Into<String>) -> Reply {
    Reply::json(status, json!({"error": text.into()}))
}

/// The body as JSON, whatever its content type says.
pub(super) fn document(call: &Call) -> Result<Value, Reply> {
    match &call.body {
        Body::Raw(bytes) => serde_json::from_slice(bytes).map_err(|error| problem(400, error.to_string())),
        Body::Json(value) => Ok(value.clone()),
        Body::Empty => Ok(json!({})),
    }
}

/// Answers a control request.
pub(crate) fn handle(control: &Control, call: &Call) -> Reply {
    let parts: Vec<&str> = call.segments.iter().skip(1).map(String::as_str).collect();
    if call.method != Method::GET {
        control.shared().note_work();
    }
    let answer = match (&call.method, parts.as_slice()) {
        (&Method::GET, ["counters"]) => Ok(Reply::json(200, json!(control.counters()))),
        (&Method::GET, ["requests"]) => Ok(Reply::json(200, json!(control.journal()))),
        (&Method::GET, ["faults"]) => Ok(Reply::json(200, json!(control.faults()))),
        (&Method::POST, ["faults"]) => add(control, call),
        (&Method::DELETE, ["faults"]) => {
            control.clear_faults();
            Ok(Reply::empty(204))
        }
        (&Method::DELETE, ["faults", id]) => {
            let removed = id.parse().is_ok_and(|id| control.remove_fault(id));
            Ok(if removed { Reply::empty(204) } else { problem(404, "There is no such fault.") })
        }
        (&Method::POST, ["reset"]) => Ok(match control.reset() {
            Ok(()) => Reply::empty(204),
            Err(error) => problem(500, error.to_string()),
        }),
        (&Method::POST, ["expire-tokens"]) => Ok(count(control.expire_access_tokens())),
        (&Method::POST, ["revoke-refresh-tokens"]) => Ok(count(control.revoke_refresh_tokens(None))),
        (&Method::POST, ["expire-cursors"]) => {
            control.expire_cursors();
            Ok(Reply::empty(204))
        }
        (&Method::POST, ["commit-held"]) => Ok(Reply::json(200, json!({"statuses": control.commit_held()}))),
        (&Method::POST, ["api-usage"]) => number(call, "used").map(|used| {
            control.set_api_usage(used);
            Reply::empty(204)
        }),
        (&Method::POST, ["move-instance"]) => text(call, "url").map(|url| {
            control.move_instance(&url);
            Reply::empty(204)
        }),
        (&Method::POST, ["users", username, switch @ ("activate" | "deactivate")]) => Ok(set_active(control, username, *switch == "activate")),
        (&Method::GET, ["image"]) => Ok(image(control)),
        (&Method::PUT, ["image"]) => restore(control, call),
        (&Method::GET, ["doubts"]) => Ok(Reply::json(200, json!(control.shared().world().org.doubts()))),
        (&Method::PATCH, ["doubts"]) => change(call, &mut control.shared().world().org, Org::doubts_mut),
        (&Method::GET, ["organization"]) => Ok(Reply::json(200, json!(control.shared().world().org.organization()))),
        (&Method::PATCH, ["organization"]) => change(call, &mut control.shared().world().org, Org::organization_mut),
        (&Method::POST, ["rules"]) => add_rules(control, call),
        (&Method::POST, ["clock"]) => number(call, "advance_seconds").map(|seconds| {
            control.advance(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000)));
            Reply::empty(204)
        }),
        (&Method::POST, ["records", id, action @ ("undelete" | "merge" | "convert")]) => people::act(control, call, id, action),
        (&Method::POST | &Method::DELETE, ["hidden", id]) => people::hide(control, call, id),
        (&Method::POST | &Method::DELETE, ["locks", id]) => Ok(lock(control, &call.method, id)),
        (&Method::GET, ["records", sobject]) => {
            let scope = if call.param("all") == Some("true") { QueryScope::All } else { QueryScope::Live };
            Ok(match control.records(sobject, scope) {
                Ok(records) => Reply::json(200, json!({"totalSize": records.len(), "records": records})),
                Err(error) => problem(error.status, error.message),
            })
        }
        (_, parts) => levers::handle(control, call, parts).unwrap_or_else(|| Err(problem(404, "There is no such control. The README lists them."))),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn count(count: usize) -> Reply {
    Reply::json(200, json!({"count": count}))
}

fn add(control: &Control, call: &Call) -> Result<Reply, Reply> {
    let fault: Fault = serde_json::from_value(document(call)?).map_err(|error| problem(400, error.to_string()))?;
    Ok(Reply::json(201, json!({"id": control.add_fault(fault)})))
}

fn image(control: &Control) -> Reply {
    let mut text = Vec::new();
    match crate::image::write(&control.shared().world(), &mut text) {
        Ok(()) => Reply::text(200, "application/x-ndjson", String::from_utf8_lossy(&text)),
        Err(error) => problem(500, error.to_string()),
    }
}

fn restore(control: &Control, call: &Call) -> Result<Reply, Reply> {
    let text: &[u8] = if let Body::Raw(bytes) = &call.body { bytes } else { &[] };
    control.restore(text).map_err(|error| problem(400, error.to_string()))?;
    Ok(Reply::empty(204))
}

/// Changes some of the settings; those not named stay.
fn change<T: Serialize + DeserializeOwned + Clone>(call: &Call, org: &mut Org, part: impl Fn(&mut Org) -> &mut T) -> Result<Reply, Reply> {
    let mut all = json!(part(org));
    let wanted = document(call)?;
    if let (Some(all), Some(wanted)) = (all.as_object_mut(), wanted.as_object()) {
        all.extend(wanted.clone());
    }
    let changed: T = serde_json::from_value(all).map_err(|error| problem(400, error.to_string()))?;
    *part(org) = changed;
    Ok(Reply::json(200, json!(part(org))))
}

fn add_rules(control: &Control, call: &Call) -> Result<Reply, Reply> {
    let rules: RuleSet = serde_json::from_value(document(call)?).map_err(|error| problem(400, error.to_string()))?;
    control.add_rules(&rules).map_err(|error| problem(400, error.to_string()))?;
    Ok(Reply::empty(204))
}

fn number(call: &Call, name: &str) -> Result<u64, Reply> {
    document(call)?.get(name).and_then(Value::as_u64).ok_or_else(|| problem(400, format!("The body needs a number {name:?}.")))
}

fn text(call: &Call, name: &str) -> Result<String, Reply> {
    let document = document(call)?;
    let value = document.get(name).and_then(Value::as_str);
    value.map(str::to_owned).ok_or_else(|| problem(400, format!("The body needs a text {name:?}.")))
}

fn set_active(control: &Control, username: &str, active: bool) -> Reply {
    let mut world = control.shared().world();
    match world.org.user_by_name(username).map(|user| user.id) {
        Some(user) => {
            world.org.set_user_active(&user, active);
            Reply::empty(204)
        }
        None => problem(404, "There is no such user."),
    }
}

/// Holds a record as a long transaction would, or lets it go.
fn lock(control: &Control, method: &Method, id: &str) -> Reply {
    let Ok(id) = crate::id::Id::parse(id) else {
        return problem(400, "That is no record id.");
    };
    let mut world = control.shared().world();
    if method == Method::POST {
        world.org.lock(id);
    } else {
        world.org.unlock(&id);
    }
    Reply::empty(204)
}
