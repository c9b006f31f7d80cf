//! Many connections at once, and the sweep that finds those with work.

use std::collections::BTreeMap;

use futures::{StreamExt, future, stream};
use jiff::Timestamp;

use super::{WorkError, Workbench, Worked, work};
use crate::{
    adapters::state::{
        StateError,
        connections::{Meta, Status},
    },
    app::{schemas, tokens},
    domain::{
        ids::{ConnectionId, EventId},
        person::turn,
    },
    ports::Ports,
};

/// How many connections are worked at the same time.
const CONNECTIONS_AT_ONCE: usize = 8;
/// How many are asked at the same time whether they have work.
const ASKED_AT_ONCE: usize = 16;
/// No more events than this are few: they are done in a moment.
const FEW: usize = 100;

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

/// The sweep: works every active connection of the installation that has something due, and keeps the grants of quiet ones alive.
pub async fn sweep(ports: Ports<'_>, bench: &Workbench, deadline: Timestamp) -> Result<Vec<(ConnectionId, Result<Worked, WorkError>)>, StateError> {
    let connections = ports.table.all_connections().await?;
    let asked: Vec<_> = connections.iter().cloned().map(|connection| ask(ports, connection)).collect();
    let asked: Vec<Result<_, StateError>> = stream::iter(asked).buffer_unordered(ASKED_AT_ONCE).collect().await;
    let due = those_with_work(asked)?;
    let works: Vec<_> =
        in_turn(due, ports.clock.now()).into_iter().map(|connection| work_one(ports, bench, connection, Vec::new(), deadline)).collect();
    // Side by side, so that a flood that takes all the time takes nobody's grant.
    let working = stream::iter(works).buffer_unordered(CONNECTIONS_AT_ONCE).collect();
    let (worked, ()) = future::join(working, tokens::keep_alive(ports, &bench.sessions, &connections, deadline)).await;
    Ok(worked)
}

/// What was learnt of the connections. One whose state cannot be read keeps nobody else from being worked; that none can be read is
/// a failure of the table.
fn those_with_work(asked: Vec<Result<Option<(ConnectionId, Amount)>, StateError>>) -> Result<Vec<(ConnectionId, Amount)>, StateError> {
    let (mut due, mut failed, readable) = (Vec::new(), Vec::new(), asked.iter().any(Result::is_ok));
    for answer in asked {
        match answer {
            Ok(found) => due.extend(found),
            Err(error) => failed.push(error),
        }
    }
    for error in &failed {
        tracing::error!(error = %error, code = "connection_unreadable", "a connection's state cannot be read");
    }
    match failed.into_iter().next() {
        Some(error) if !readable => Err(error),
        _ => Ok(due),
    }
}

/// How much a connection has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Amount {
    /// It is done in a moment.
    Little,
    /// It may take all the time that there is.
    Much,
}

/// The order in which connections are worked, where they are too many to be worked at once. Those with little to do come first:
/// a flood that has all the time would leave them none. Among the others the order is another each minute, so that none is
/// always the last.
fn in_turn(mut due: Vec<(ConnectionId, Amount)>, now: Timestamp) -> Vec<ConnectionId> {
    due.sort_by_cached_key(|(connection, amount)| (*amount, turn(connection, now)));
    due.into_iter().map(|(connection, _)| connection).collect()
}

/// Whether a connection has work, and how much.
async fn ask(ports: Ports<'_>, connection: ConnectionId) -> Result<Option<(ConnectionId, Amount)>, StateError> {
    let Some(meta) = ports.table.load_meta(&connection).await?.filter(|meta| meta.status == Status::Active) else { return Ok(None) };
    let amount = amount(ports, &connection, &meta).await?;
    Ok(amount.map(|amount| (connection, amount)))
}

/// What is due, or is parked and may go on: the configuration is another, or it is a day since the org was looked at, which may
/// have changed.
async fn amount(ports: Ports<'_>, c: &ConnectionId, meta: &Meta) -> Result<Option<Amount>, StateError> {
    let due = ports.table.due_events(c, ports.clock.now(), FEW + 1).await?.len();
    if due > FEW {
        return Ok(Some(Amount::Much));
    }
    let may_go_on = due > 0 || meta.resumed_version < meta.config_version || schemas::may_free_parked(ports, c).await?;
    Ok(may_go_on.then_some(Amount::Little))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_connection_that_cannot_be_read_keeps_nobody_else_from_being_worked() {
        let (one, broken) = (|| ("c1".parse().unwrap(), Amount::Little), || Err(StateError::Bug { source: "corrupt".into() }));
        for (name, asked, works) in [
            ("all are idle", vec![Ok(None)], Some(0)),
            ("one has work", vec![Ok(Some(one())), Ok(None)], Some(1)),
            ("one is broken, another has work", vec![broken(), Ok(Some(one()))], Some(1)),
            ("one is broken, another is idle", vec![broken(), Ok(None)], Some(0)),
            ("none can be read", vec![broken(), broken()], None),
            ("there is none", vec![], Some(0)),
        ] {
            assert_eq!(those_with_work(asked).ok().map(|due| due.len()), works, "{name}");
        }
    }

    #[test]
    fn those_with_little_to_do_come_first_and_no_flood_is_always_the_last() {
        let due: Vec<(ConnectionId, Amount)> =
            (0..30).map(|n| (format!("c{n}").parse().unwrap(), if n % 10 == 9 { Amount::Little } else { Amount::Much })).collect();
        let little: BTreeSet<ConnectionId> = ["c9", "c19", "c29"].map(|c| c.parse().unwrap()).into();
        let mut had_a_turn = BTreeSet::new();
        for minute in 0..30 {
            let now = Timestamp::from_second(1_788_249_600 + minute * 60).unwrap();
            let order = in_turn(due.clone(), now);
            assert_eq!(order.len(), due.len());
            assert_eq!(order.iter().take(3).cloned().collect::<BTreeSet<_>>(), little, "minute {minute}");
            had_a_turn.extend(order.into_iter().skip(3).take(CONNECTIONS_AT_ONCE));
        }
        assert_eq!(had_a_turn.len(), 27, "each flood is among the first within half an hour");
    }
}
