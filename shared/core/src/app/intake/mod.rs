//! Intake: a signed delivery becomes events in the table, each once per connection, and only then is it answered.
//!
//! The table is the outbox: an event is born due, so even if nothing else ever rang, the sweep would find it.

pub mod people;
mod proof;
mod readers;
mod status;
mod store;

use std::collections::BTreeSet;

use http::HeaderMap;
use serde::Serialize;

use self::proof::Proof;
pub(in crate::app) use self::store::store;
pub use self::{
    proof::TOLERANCE_S,
    readers::Readers,
    status::{Told, ToldOne, tell},
};
use crate::{
    adapters::state::events::Stored,
    app::configure,
    domain::{
        event::{Event, EventFault},
        ids::{ConnectionId, SourceId},
    },
    planted::{self, Bug},
    ports::Ports,
    shell::problem::{Fault, Problem},
};

/// The largest body, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// What was accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// Events that are new, counted once however many connections they feed.
    pub received: usize,
    /// Events that had been received before, with the same content.
    pub repeated: usize,
}

/// Accepts a delivery. When it answers `Ok`, every event is durable.
pub async fn accept(ports: Ports<'_>, readers: &Readers, source: &str, headers: &HeaderMap, body: &[u8]) -> Result<Accepted, Problem> {
    let not_found = || Problem::new(404, "unknown_source", "There is no such source. Check the address of the webhook.");
    let source = SourceId::parse(source).map_err(|_| not_found())?;
    if body.len() > MAX_BODY {
        return Err(Problem::new(413, "body_too_large", "The body is larger than 256 KB. Send fewer events at a time."));
    }
    let known = ports.table.load_source(&source).await.map_err(|e| unavailable(&source, &e))?.ok_or_else(not_found)?;
    let proof = Proof::find(&known.hook.signature, headers, body, ports.clock.now().as_second()).map_err(|refusal| unsigned(&refusal))?;
    let verified = verified(ports, &source, known.connections, &proof).await?;
    if verified.is_empty() {
        return Err(unsigned("The signature does not match. Check the key, and sign the body exactly as it is sent."));
    }
    let reader = readers.of(&source, &known.hook.format).map_err(|faults| {
        // Documents are checked when they are applied, so this cannot come from one.
        tracing::error!(source.id = %source, faults, "the stored format of a source cannot be used");
        Problem::unavailable()
    })?;
    let events = reader.read(body).map_err(invalid)?;
    store_all(ports, &source, &verified, &events).await
}

/// The connections, of those that a source feeds, with whose keys the proof was made.
async fn verified(ports: Ports<'_>, source: &SourceId, connections: BTreeSet<ConnectionId>, proof: &Proof<'_>) -> Result<Vec<ConnectionId>, Problem> {
    let mut verified = Vec::new();
    for connection in connections {
        let keys = configure::webhook_keys(ports, &connection).await.map_err(|e| unavailable(source, &e))?;
        if keys.iter().any(|key| proof.verifies(key)) {
            verified.push(connection);
        }
    }
    Ok(verified)
}

fn invalid(faults: Vec<EventFault>) -> Problem {
    Problem {
        faults: faults.into_iter().map(|fault| Fault { place: fault.place, message: fault.message }).collect(),
        ..Problem::new(400, "invalid_events", "The events cannot be read. Nothing was stored; mend what is listed and send them again.")
    }
}

async fn store_all(ports: Ports<'_>, source: &SourceId, connections: &[ConnectionId], events: &[Event]) -> Result<Accepted, Problem> {
    let results = store(ports, source, connections, events, ports.clock.now()).await;
    let (mut accepted, mut contradicted, mut last) = (Accepted::default(), Vec::new(), None);
    for (id, _, result) in results {
        if result.is_err() && planted::is(Bug::AckBeforeDurable) {
            continue;
        }
        match result.map_err(|error| unavailable(source, &error))? {
            Stored::Contradicted => contradicted.push(id),
            // An event that feeds several connections is one event.
            _ if last == Some(id) => {}
            Stored::New => accepted.received += 1,
            Stored::Repeated => accepted.repeated += 1,
        }
        last = Some(id);
    }
    tracing::info!(source.id = %source, events.received = accepted.received, events.repeated = accepted.repeated, "delivery accepted");
    if contradicted.is_empty() {
        return Ok(accepted);
    }
    contradicted.dedup();
    let message = "An event with this id was received before, with another content. Give every event an id of its own.";
    let faults = contradicted.iter().map(|id| Fault { place: id.to_string(), message: message.to_owned() }).collect();
    Err(Problem { faults, ..Problem::new(409, "event_id_reused", "Some events have ids that were used before. The others were stored.") })
}

fn unsigned(title: &str) -> Problem {
    Problem::new(401, "not_signed", title)
}

fn unavailable(source: &SourceId, error: &(dyn std::error::Error + 'static)) -> Problem {
    let cause = std::iter::successors(error.source(), |cause| cause.source()).last().map(ToString::to_string);
    tracing::error!(source.id = %source, error = %error, cause, "delivery not accepted");
    Problem::unavailable()
}
