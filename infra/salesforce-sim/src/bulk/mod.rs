//! Bulk API 2.0: jobs that take or give CSV.

mod csv;
mod ingest;
mod jobs;
mod query;

pub(crate) use jobs::Jobs;

use http::Method;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;
use jobs::{Job, Kind, State};

const CSV: &str = "text/csv";

fn bad(code: &'static str, text: impl Into<String>) -> Failure {
    Failure::one(400, code, text)
}

/// `/jobs/ingest…` and `/jobs/query…`; `path` is what follows `jobs`.
pub(crate) fn handle(context: &mut Context<'_>, call: &Call, path: &[String]) -> Outcome {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = if call.method == Method::HEAD { &Method::GET } else { &call.method };
    match (method, parts.as_slice()) {
        (&Method::POST, ["ingest"]) => ingest::open(context, call),
        (&Method::GET, ["ingest"]) => Ok(list(context, Kind::Ingest)),
        (&Method::PUT, ["ingest", id, "batches"]) => ingest::upload(context, call, id),
        (&Method::GET, ["ingest", id, results]) => ingest::results(context, id, results),
        (&Method::POST, ["query"]) => query::open(context, call),
        (&Method::GET, ["query"]) => Ok(list(context, Kind::Query)),
        (&Method::GET, ["query", id, "results"]) => query::results(context, call, id),
        (&Method::GET, ["query", _, "resultPages"]) => Err(Failure::not_built("jobs/query/ID/resultPages")),
        (_, ["ingest", id]) => one(context, call, Kind::Ingest, id),
        (_, ["query", id]) => one(context, call, Kind::Query, id),
        _ => Err(ApiError::not_found().into()),
    }
}

fn list(context: &Context<'_>, kind: Kind) -> Reply {
    let records: Vec<Value> = context.world.jobs.list(kind).map(Job::to_json).collect();
    Reply::json(200, json!({"done": true, "nextRecordsUrl": null, "records": records}))
}

fn find<'a>(context: &'a mut Context<'_>, kind: Kind, id: &str) -> Result<&'a mut Job, Failure> {
    context.world.jobs.get(id, kind).ok_or_else(|| ApiError::not_found().into())
}

/// A job's own address.
fn one(context: &mut Context<'_>, call: &Call, kind: Kind, id: &str) -> Outcome {
    match call.method {
        Method::GET | Method::HEAD => {
            let job = find(context, kind, id)?;
            job.poll();
            Ok(Reply::json(200, job.to_full_json()))
        }
        Method::PATCH => set_state(context, call, kind, id),
        Method::DELETE => {
            let job = find(context, kind, id)?;
            if matches!(job.state, State::Open | State::InProgress) {
                return Err(bad("API_ERROR", "Job can't be deleted in its current state."));
            }
            let id = job.id;
            context.world.jobs.remove(id);
            Ok(Reply::empty(204))
        }
        _ => {
            let allowed = ["DELETE", "GET", "HEAD", "PATCH"];
            Err(crate::http::versions::method_not_allowed(&call.method, &allowed).into())
        }
    }
}

fn set_state(context: &mut Context<'_>, call: &Call, kind: Kind, id: &str) -> Outcome {
    let body = call.json()?;
    let wanted = body.get("state").and_then(Value::as_str).unwrap_or_default();
    let job = find(context, kind, id)?;
    match (wanted, job.state) {
        ("Aborted", State::Open | State::UploadComplete | State::InProgress) => {
            job.state = State::Aborted;
            Ok(Reply::json(200, job.to_json()))
        }
        ("UploadComplete", State::Open) => {
            job.state = State::UploadComplete;
            let shown = job.to_json();
            ingest::work(context, id)?;
            Ok(Reply::json(200, shown))
        }
        _ => Err(bad("INVALIDJOBSTATE", format!("Job cannot be set to state '{wanted}' now"))),
    }
}
