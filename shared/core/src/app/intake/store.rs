//! Storing new events, each once for each connection that they feed.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    adapters::state::{
        StateError,
        events::{Stored, StoredEvent},
    },
    domain::{
        event::Event,
        ids::{ConnectionId, EventId, SourceId},
    },
    ports::Ports,
};

/// How many events are stored at the same time.
const PARALLEL: usize = 32;

/// What became of an event for a connection.
pub type StoredOne<'e> = (&'e EventId, &'e ConnectionId, Result<Stored, StateError>);

/// Stores events for these connections, and adds what is new to the ledger.
pub(in crate::app) async fn store<'e>(
    ports: Ports<'_>,
    source: &SourceId,
    connections: &'e [ConnectionId],
    events: &'e [Event],
    now: Timestamp,
) -> Vec<StoredOne<'e>> {
    // Collected first: a stream over a closure that borrows is not `Send` for every lifetime, as the compiler wants it.
    let pairs = events.iter().flat_map(|event| connections.iter().map(move |connection| (event, connection)));
    let puts: Vec<_> = pairs.map(|(event, connection)| store_one(ports, source, connection, event, now)).collect();
    let results: Vec<StoredOne<'e>> = stream::iter(puts).buffered(PARALLEL).collect().await;
    count(ports, &results, now).await;
    results
}

async fn store_one<'e>(ports: Ports<'_>, source: &SourceId, connection: &'e ConnectionId, event: &'e Event, now: Timestamp) -> StoredOne<'e> {
    let stored = StoredEvent::new(connection, event, source, now);
    (&event.id, connection, ports.table.store_event(connection, &event.id, &stored).await)
}

/// Adds what is new to the ledger. It comes after the storing, so that the ledger never tells of an event that is not there;
/// and where it fails the delivery is accepted all the same, since the events are durable.
async fn count(ports: Ports<'_>, results: &[StoredOne<'_>], now: Timestamp) {
    let mut new = BTreeMap::<&ConnectionId, (&EventId, usize)>::new();
    for (id, connection, _) in results.iter().filter(|(.., result)| matches!(result, Ok(Stored::New))) {
        new.entry(connection).or_insert((id, 0)).1 += 1;
    }
    for (connection, (first, count)) in new {
        if let Err(error) = ports.table.count_received(connection, first, count, now).await {
            tracing::warn!(connection.id = %connection, error = %error, code = "not_counted", "the ledger has not counted a delivery");
        }
    }
}
