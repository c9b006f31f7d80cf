//! The hourly runs. The state machine asks which connections have one to work and makes their steps, one in each call; the local stack's
//! schedule has all of them worked in one call. And whatever a command asks of an org (`app::operator`): no HTTP route leads here, so whoever asks
//! has the right to invoke this very function.
//!
//! Before runs are listed or worked, a call does what the minute's sweep does, so that even with the stream and that schedule switched off every event ends.

use jiff::Timestamp;
use passerelle_core::{
    app::{
        operator, reconcile,
        upsert::{WorkError, Workbench, sweep},
    },
    domain::ids::ConnectionId,
    ports::Ports,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many connections are looked at in one call: the answer stays far below what a state machine may hand on.
const LISTED: usize = 500;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Which connections have a run to work.
    List {
        /// After the part that ended there.
        after: Option<ConnectionId>,
    },
    /// One step of a connection's run.
    Step {
        /// The connection.
        connection: ConnectionId,
    },
    /// Everything that is due, in this call.
    Due(bool),
    /// What an operator's command asks of an org. The answer is a `Result` as serde writes it, also where it was refused: an invocation that fails
    /// is one that is out of order.
    Operator(Box<operator::Request>),
}

/// Handles one call. Stops before `deadline`.
pub async fn handle(ports: Ports<'_>, bench: &Workbench, event: Value, deadline: Timestamp) -> Result<Value, Failure> {
    match serde_json::from_value(event)? {
        Call::List { after } => {
            if after.is_none() {
                sweep(ports, bench, deadline).await?;
            }
            let due = reconcile::due(ports, bench, after.as_ref(), LISTED).await?;
            let connections: Vec<Value> = due.connections.iter().map(|c| json!({"connection": c})).collect();
            Ok(json!({"connections": connections, "after": due.after}))
        }
        Call::Step { connection } => {
            let step = reconcile::step(ports, bench, &connection, deadline).await?;
            Ok(json!({"connection": connection, "done": step.done}))
        }
        Call::Due(_) => {
            let worked = sweep(ports, bench, deadline).await?;
            let runs = reconcile::run_all(ports, bench, deadline).await?;
            let failed = worked.iter().filter(|(_, result)| result.is_err()).count() + runs.iter().filter(|(_, result)| result.is_err()).count();
            let ended: usize = runs.iter().filter_map(|(_, result)| result.as_ref().ok()).map(Vec::len).sum();
            Ok(json!({"connections": worked.len(), "runs": ended, "failed": failed}))
        }
        Call::Operator(request) => {
            let outcome = operator::answer(ports, bench, *request, deadline).await;
            if let Err(failure) = &outcome {
                tracing::warn!(failure = failure.kind(), "a command was refused");
            }
            Ok(serde_json::to_value(outcome)?)
        }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody knows what is asked for.
    #[error("the call is none that reconcile knows")]
    Unknown(#[from] serde_json::Error),
    /// The work.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl From<passerelle_core::adapters::state::StateError> for Failure {
    fn from(error: passerelle_core::adapters::state::StateError) -> Self {
        Self::Work(error.into())
    }
}
