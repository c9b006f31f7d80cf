//! `POST /composite/batch`: independent requests, answered one by one.

use http::Method;
use serde_json::{Value, json};

use super::plan::invalid;
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;
use crate::http::route::Data;

const MAX_REQUESTS: usize = 25;

fn supported(resource: &Data) -> bool {
    !matches!(resource, Data::Composite | Data::Batch | Data::Graph | Data::Tree(_) | Data::Jobs(_))
}

/// `POST /composite/batch`.
pub fn batch(context: &mut Context<'_>, call: &Call) -> Outcome {
    let body = call.json()?;
    let list = body.get("batchRequests").and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| invalid("The batchRequests parameter is required and must not be empty."))?;
    if list.len() > MAX_REQUESTS {
        return Err(Failure::one(400, "LIMIT_EXCEEDED", format!("The request can’t contain more than {MAX_REQUESTS} operations.")));
    }
    let halt = body.get("haltOnError").and_then(Value::as_bool).unwrap_or(false);
    let mut failed = false;
    let mut results = Vec::new();
    for item in list {
        let reply = if failed && halt { halted() } else { one(context, call, item) };
        failed |= !reply.is_success();
        results.push(json!({"statusCode": reply.status, "result": reply.body()}));
    }
    Ok(Reply::json(200, json!({"hasErrors": failed, "results": results})))
}

fn halted() -> Reply {
    Failure::one(412, "BATCH_PROCESSING_HALTED", "Batch processing was halted per request.").into_reply()
}

fn one(context: &mut Context<'_>, outer: &Call, item: &Value) -> Reply {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let method = text("method").and_then(|name| Method::from_bytes(name.to_ascii_uppercase().as_bytes()).ok());
    let (Some(method), Some(url)) = (method, text("url")) else {
        return invalid("Each batch request needs a method and a url.").into_reply();
    };
    let url = match url.strip_prefix('/') {
        Some(path) if path.starts_with("services/data/") => url.to_owned(),
        Some(path) => format!("/services/data/{path}"),
        None if url.starts_with("services/data/") => format!("/{url}"),
        None => format!("/services/data/{url}"),
    };
    let mut headers = outer.headers.clone();
    for name in ["if-modified-since", "if-unmodified-since", "if-match", "if-none-match"] {
        headers.remove(name);
    }
    context.inner(method, &url, headers, item.get("richInput").filter(|body| !body.is_null()).cloned(), supported)
}
