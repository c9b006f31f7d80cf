//! Requests that hold requests: composite, batch, graph, tree, and the collections of records.

pub(crate) mod batch;
pub(crate) mod collections;
pub(crate) mod graph;
pub(crate) mod items;
mod mixed;
pub(crate) mod plan;
pub(crate) mod references;
pub(crate) mod requests;
pub(crate) mod run;
pub(crate) mod tree;

/// What stands for a sub-request or graph that another one's failure undid.
pub(crate) const ROLLED_BACK: &str = "The transaction was rolled back since another operation in the same transaction failed.";
