//! The hourly reconciliation: what changed on either side is compared field by field, and goes where the rules send it.
//!
//! A run is a row of bounded steps. Each takes the connection's writer, reads one page of what Salesforce has modified (or takes those
//! who wait for a run), plans both directions, executes, records, and only then moves the cursor; then it works the events that came
//! meanwhile and gives the writer back. A step that dies is repeated: what it had done already compares as the same.

mod bulk;
mod page;
mod stepper;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;

use self::stepper::Stepper;
use super::{
    backfill,
    upsert::{RUN_PATIENCE, Shift, Stopped, WorkError, Workbench, take_writer},
};
use crate::{
    adapters::state::{StateError, connections::Status, writer::Turn},
    domain::{ids::ConnectionId, run::Run},
    ports::Ports,
};

/// How many connections are worked at the same time.
const CONNECTIONS_AT_ONCE: usize = 8;

/// How a step ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Whether the run is at its end, or none is due.
    pub done: bool,
    /// Why the step could not do its work, if it could not; it is tried again.
    pub stopped: Option<Stopped>,
    /// The run that it ended.
    pub ended: Option<Run>,
}

impl Step {
    fn waits(stopped: Stopped) -> Self {
        Self { done: true, stopped: Some(stopped), ended: None }
    }
}

/// Connections whose runs are due or under way, a part of them at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Due {
    /// They.
    pub connections: Vec<ConnectionId>,
    /// What to ask after for the next part; none where there is no more.
    pub after: Option<ConnectionId>,
}

/// The connections with a run to work, of those that come after `after` in the order of their names; `most` are looked at.
pub async fn due(ports: Ports<'_>, bench: &Workbench, after: Option<&ConnectionId>, most: usize) -> Result<Due, WorkError> {
    let mut all = ports.table.all_connections().await?;
    all.retain(|c| after.is_none_or(|after| c > after));
    all.sort();
    let more = all.len() > most;
    all.truncate(most);
    let next = all.last().filter(|_| more).cloned();
    let looks: Vec<_> = all.into_iter().map(|c| async move { is_due(ports, bench, &c).await.map(|is| is.then_some(c)) }).collect();
    let found: Vec<Option<ConnectionId>> = stream::iter(looks).buffered(CONNECTIONS_AT_ONCE).try_collect().await?;
    Ok(Due { connections: found.into_iter().flatten().collect(), after: next })
}

async fn is_due(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId) -> Result<bool, WorkError> {
    let Some(meta) = ports.table.load_meta(c).await?.filter(|meta| meta.status == Status::Active) else { return Ok(false) };
    // One whose configuration cannot be used says so when it is worked.
    let hourly = bench.engine(ports, c, &meta).await.map_or(true, |engine| engine.is_some_and(|engine| engine.document.reconciliation.ways().any()));
    let run = ports.table.load_cursor(c).await?.is_due(hourly, ports.clock.now());
    Ok(run || ports.table.load_backfill(c).await?.is_some_and(|backfill| backfill.ended_at.is_none()))
}

/// Works the due runs of all connections of the installation, several at the same time. One that fails keeps no other from its own.
pub async fn run_all(
    ports: Ports<'_>,
    bench: &Workbench,
    deadline: Timestamp,
) -> Result<Vec<(ConnectionId, Result<Vec<Run>, WorkError>)>, StateError> {
    let connections = ports.table.all_connections().await?;
    let runs: Vec<_> = connections.into_iter().map(|c| run_one(ports, bench, c, deadline)).collect();
    Ok(stream::iter(runs).buffer_unordered(CONNECTIONS_AT_ONCE).collect().await)
}

async fn run_one(ports: Ports<'_>, bench: &Workbench, c: ConnectionId, deadline: Timestamp) -> (ConnectionId, Result<Vec<Run>, WorkError>) {
    let ended = run_due(ports, bench, &c, deadline).await;
    if let Err(error) = &ended {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(connection.id = %c, error = %error, cause, code = "run_failed", "a run has failed; it goes on where it was");
    }
    (c, ended)
}

/// Works a connection's due run, step by step, until it is at its end or has to wait.
pub async fn run_due(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId, deadline: Timestamp) -> Result<Vec<Run>, WorkError> {
    let mut ended = Vec::new();
    loop {
        let step = step(ports, bench, c, deadline).await?;
        ended.extend(step.ended);
        if step.done {
            return Ok(ended);
        }
    }
}

/// One step of a connection's run; after the last one, what its back-fill has left.
pub async fn step(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId, deadline: Timestamp) -> Result<Step, WorkError> {
    let step = step_of_run(ports, bench, c, deadline).await?;
    if step.done {
        backfill::work(ports, bench, c, deadline).await?;
    }
    Ok(step)
}

async fn step_of_run(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId, deadline: Timestamp) -> Result<Step, WorkError> {
    let done = Step { done: true, stopped: None, ended: None };
    let Some(meta) = ports.table.load_meta(c).await?.filter(|meta| meta.status == Status::Active) else { return Ok(Step::waits(Stopped::NotActive)) };
    let Some(engine) = bench.engine(ports, c, &meta).await? else { return Ok(Step::waits(Stopped::NotActive)) };
    let ways = engine.document.reconciliation.ways();
    if !ports.table.load_cursor(c).await?.is_due(ways.any(), ports.clock.now()) {
        return Ok(done);
    }
    let Some(lease) = take_writer(ports, c, RUN_PATIENCE).await? else { return Ok(Step::waits(Stopped::Busy)) };
    let mut shift = Shift::new(ports, bench, c, &engine, (lease, Turn::Run), deadline);
    let mut stepper = Stepper::new(ports, &engine, done);
    let outcome = stepper.work(&mut shift, bench, &meta).await;
    let worked = shift.end(bench, outcome).await?;
    let step = stepper.step;
    let stopped = worked.stopped.or(step.stopped);
    Ok(Step { stopped, done: step.done || stopped.is_some(), ..step })
}
