//! `POST /composite/graph`: several composites, each all-or-none and independent of the others.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::plan::{self, Sub, invalid};
use super::run::{Manner, render, run};
use crate::http::context::Context;
use crate::http::reply::{Failure, Outcome, Reply};
use crate::http::request::Call;

/// The first version with graphs.
const FIRST: u16 = 50;
const MAX_GRAPHS: usize = 75;
const MAX_NODES: usize = 500;
const MAX_DEPTH: usize = 15;
const MAX_KINDS: usize = 15;
/// After this many failed graphs the rest is not tried.
const MAX_FAILED: usize = 14;

struct Graph {
    id: String,
    subs: Vec<Sub>,
}

/// `POST /composite/graph`.
pub fn graph(context: &mut Context<'_>, call: &Call) -> Outcome {
    if context.session.version < FIRST {
        return Err(crate::error::ApiError::not_found().into());
    }
    let graphs = read(&call.json()?, context.session.version)?;
    let mut failed = 0;
    let mut answers = Vec::new();
    for graph in &graphs {
        if failed > MAX_FAILED {
            let halted = Failure::one(400, "PROCESSING_HALTED", "Processing was halted because too many graphs failed.").into_reply();
            let replies = vec![halted; graph.subs.len()];
            answers.push(answer(graph, &replies, false));
            continue;
        }
        let outcome = run(context, &graph.subs, Manner { all_or_none: true, collate: false });
        failed += usize::from(outcome.failed);
        answers.push(answer(graph, &outcome.replies, !outcome.failed));
    }
    Ok(Reply::json(200, json!({"graphs": answers})))
}

fn answer(graph: &Graph, replies: &[Reply], successful: bool) -> Value {
    json!({
        "graphId": graph.id,
        "graphResponse": {"compositeResponse": render(&graph.subs, replies)},
        "isSuccessful": successful,
    })
}

fn read(body: &Value, version: u16) -> Result<Vec<Graph>, Failure> {
    let list = body.get("graphs").and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| invalid("The graphs parameter is required and must not be empty."))?;
    let too_large = |text: String| Failure::one(400, "LIMIT_EXCEEDED", text);
    if list.len() > MAX_GRAPHS {
        return Err(too_large(format!("The request can't contain more than {MAX_GRAPHS} graphs.")));
    }
    let mut graphs = Vec::new();
    let mut ids = HashSet::new();
    for item in list {
        let id = item.get("graphId").and_then(Value::as_str).ok_or_else(|| invalid("Each graph needs a graphId."))?.to_owned();
        if !ids.insert(id.clone()) {
            return Err(invalid(format!("Duplicate graphId provided: {id}")));
        }
        graphs.push(Graph { subs: plan::read_all(item.get("compositeRequest"), version)?, id });
    }
    if graphs.iter().map(|graph| graph.subs.len()).sum::<usize>() > MAX_NODES {
        return Err(too_large(format!("The request can't contain more than {MAX_NODES} nodes.")));
    }
    for graph in &graphs {
        check_shape(graph).map_err(|text| too_large(format!("{}: {text}", graph.id)))?;
    }
    Ok(graphs)
}

fn check_shape(graph: &Graph) -> Result<(), String> {
    let kinds: HashSet<String> = graph.subs.iter().map(|sub| format!("{} {:?}", sub.method, sub.group)).collect();
    if kinds.len() > MAX_KINDS {
        return Err(format!("A graph can't contain more than {MAX_KINDS} different kinds of nodes."));
    }
    let mut depths: Vec<(&str, usize)> = Vec::new();
    for sub in &graph.subs {
        let below = depths.iter().filter(|(name, _)| sub.needs.iter().any(|need| need == name)).map(|(_, depth)| *depth).max();
        let depth = below.map_or(1, |depth| depth + 1);
        if depth > MAX_DEPTH {
            return Err(format!("A graph can't be deeper than {MAX_DEPTH} nodes."));
        }
        depths.push((&sub.reference, depth));
    }
    Ok(())
}
