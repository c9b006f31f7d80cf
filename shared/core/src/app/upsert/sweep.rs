//! Many connections at once, and the sweep that finds those with work.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{WorkError, Workbench, Worked, work};
use crate::{
    adapters::state::{
        StateError,
        connections::{Meta, Status},
    },
    app::schemas,
    domain::ids::{ConnectionId, EventId},
    ports::Ports,
};

/// How many connections are worked at the same time.
const CONNECTIONS_AT_ONCE: usize = 8;

/// Works several connections concurrently, each on its own, so that none waits for another's org. `hints` are events that
/// are known to be new.
pub async fn work_all(
    ports: Ports<'_>,
    bench: &Workbench,
    hints: BTreeMap<ConnectionId, Vec<EventId>>,
    deadline: Timestamp,
) -> Vec<(ConnectionId, Result<Worked, WorkError>)> {
    let works: Vec<_> = hints.into_iter().map(|(connection, hint)| work_one(ports, bench, connection, hint, deadline)).collect();
    stream::iter(works).buffer_unordered(CONNECTIONS_AT_ONCE).collect().await
}

async fn work_one(
    ports: Ports<'_>,
    bench: &Workbench,
    connection: ConnectionId,
    hint: Vec<EventId>,
    deadline: Timestamp,
) -> (ConnectionId, Result<Worked, WorkError>) {
    let worked = work(ports, bench, &connection, &hint, deadline).await;
    report(&connection, &worked);
    (connection, worked)
}

/// The sweep: works every active connection of the installation that has something due.
pub async fn sweep(ports: Ports<'_>, bench: &Workbench, deadline: Timestamp) -> Result<Vec<(ConnectionId, Result<Worked, WorkError>)>, StateError> {
    let (mut worked, mut after) = (Vec::new(), None);
    loop {
        let (connections, next) = ports.table.list_connections(after.as_ref()).await?;
        let mut due = BTreeMap::new();
        for connection in connections {
            let Some(meta) = ports.table.load_meta(&connection).await? else { continue };
            if meta.status == Status::Active && has_work(ports, &connection, &meta).await? {
                due.insert(connection, Vec::new());
            }
        }
        worked.extend(work_all(ports, bench, due, deadline).await);
        match next {
            Some(next) if ports.clock.now() < deadline => after = Some(next),
            _ => return Ok(worked),
        }
    }
}

/// Whether anything is due, or is parked and may go on: the configuration is another, or it is a day since the org was looked
/// at, which may have changed.
async fn has_work(ports: Ports<'_>, c: &ConnectionId, meta: &Meta) -> Result<bool, StateError> {
    if meta.resumed_version < meta.config_version || !ports.table.due_events(c, ports.clock.now(), 1).await?.is_empty() {
        return Ok(true);
    }
    Ok(!ports.table.parked_events(c, 1).await?.is_empty() && schemas::is_old(ports, c).await?)
}

fn report(c: &ConnectionId, worked: &Result<Worked, WorkError>) {
    match worked {
        Ok(worked) => {
            tracing::info!(connection.id = %c, outcomes = ?worked.outcomes, api_calls = worked.api_calls, stopped = ?worked.stopped, "connection worked")
        }
        Err(error) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(connection.id = %c, error = %error, cause, "connection not worked");
        }
    }
}
