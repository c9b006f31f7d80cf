//! Intake: a signed delivery becomes events in the table, each once per connection, and only then is it answered.
//!
//! The table is the outbox: an event is born due, so even if nothing else ever rang, the sweep would find it.

use futures::{StreamExt, stream};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use crate::{
    adapters::state::{
        StateError,
        events::{Stored, StoredEvent},
    },
    app::configure,
    domain::{
        event::{Event, parse_events},
        ids::{ConnectionId, EventId, SourceId},
    },
    ports::Ports,
    shell::problem::{Fault, Problem},
};

/// The largest body, in bytes.
pub const MAX_BODY: usize = 256 * 1024;
/// How far the signature's time may be off, in seconds, either way.
pub const TOLERANCE_S: i64 = 5 * 60;
/// How many events of a delivery are stored at the same time.
const PARALLEL: usize = 32;

/// The headers that sign a delivery (Standard Webhooks).
#[derive(Debug, Clone, Default)]
pub struct SignatureHeaders {
    /// `webhook-id`
    pub id: Option<String>,
    /// `webhook-timestamp`, in seconds since 1970.
    pub timestamp: Option<String>,
    /// `webhook-signature`: `v1,…`, several separated by blanks.
    pub signature: Option<String>,
}

impl SignatureHeaders {
    /// Picks them out of a request's headers.
    #[must_use]
    pub fn of(headers: &http::HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { id: text(HEADER_WEBHOOK_ID), timestamp: text(HEADER_WEBHOOK_TIMESTAMP), signature: text(HEADER_WEBHOOK_SIGNATURE) }
    }
}

/// What was accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// Events that are new, counted once however many connections they feed.
    pub received: usize,
    /// Events that had been received before, with the same content.
    pub repeated: usize,
}

/// Accepts a delivery. When it answers `Ok`, every event is durable.
pub async fn accept(ports: Ports<'_>, source: &str, headers: &SignatureHeaders, body: &[u8]) -> Result<Accepted, Problem> {
    let not_found = || Problem::new(404, "unknown_source", "There is no such source. Check the address of the webhook.");
    let source = SourceId::parse(source).map_err(|_| not_found())?;
    if body.len() > MAX_BODY {
        return Err(Problem::new(413, "body_too_large", "The body is larger than 256 KB. Send fewer events at a time."));
    }
    let connections = ports.table.load_source(&source).await.map_err(|e| unavailable(&source, &e))?.ok_or_else(not_found)?.connections;
    let signed = SignedContent::parse(headers, body, ports.clock.now().as_second())?;
    let mut verified = Vec::new();
    for connection in connections {
        let keys = configure::webhook_keys(ports, &connection).await.map_err(|e| unavailable(&source, &e))?;
        if keys.iter().any(|key| signed.verifies(key)) {
            verified.push(connection);
        }
    }
    if verified.is_empty() {
        return Err(unsigned("The signature does not match. Check the signing key, and sign the body exactly as it is sent."));
    }
    let events = parse_events(body).map_err(|faults| Problem {
        faults: faults.into_iter().map(|fault| Fault { place: fault.place, message: fault.message }).collect(),
        ..Problem::new(400, "invalid_events", "The events cannot be read. Nothing was stored; mend what is listed and send them again.")
    })?;
    store_all(ports, &source, &verified, &events).await
}

async fn store_all(ports: Ports<'_>, source: &SourceId, connections: &[ConnectionId], events: &[Event]) -> Result<Accepted, Problem> {
    let now = ports.clock.now();
    // Collected first: a stream over a closure that borrows is not `Send` for every lifetime, as the compiler wants it.
    let pairs = events.iter().flat_map(|event| connections.iter().map(move |connection| (event, connection)));
    let puts: Vec<_> = pairs.map(|(event, connection)| store_one(ports, source, connection, event, now)).collect();
    let results: Vec<(&EventId, Result<Stored, StateError>)> = stream::iter(puts).buffered(PARALLEL).collect().await;
    let (mut accepted, mut contradicted, mut last) = (Accepted::default(), Vec::new(), None);
    for (id, result) in results {
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

async fn store_one<'e>(
    ports: Ports<'_>,
    source: &SourceId,
    connection: &ConnectionId,
    event: &'e Event,
    now: Timestamp,
) -> (&'e EventId, Result<Stored, StateError>) {
    let stored = StoredEvent::new(connection, event, source, now);
    (&event.id, ports.table.store_event(connection, &event.id, &stored).await)
}

/// The headers and the body that a signature covers.
struct SignedContent<'a> {
    id: &'a str,
    timestamp: i64,
    signatures: &'a str,
    body: &'a [u8],
}

impl<'a> SignedContent<'a> {
    fn parse(headers: &'a SignatureHeaders, body: &'a [u8], now: i64) -> Result<Self, Problem> {
        let (Some(id), Some(timestamp), Some(signatures)) = (&headers.id, &headers.timestamp, &headers.signature) else {
            return Err(unsigned("Sign the delivery: the headers webhook-id, webhook-timestamp and webhook-signature are needed."));
        };
        let timestamp: i64 = timestamp.parse().map_err(|_| unsigned("The header webhook-timestamp is not a number of seconds."))?;
        if now.abs_diff(timestamp) > TOLERANCE_S.unsigned_abs() {
            return Err(unsigned("The signature's time is off by more than five minutes. Set the sender's clock, and sign again."));
        }
        Ok(Self { id, timestamp, signatures, body })
    }

    fn verifies(&self, key: &SecretString) -> bool {
        let signed = Webhook::new(key.expose_secret()).and_then(|webhook| webhook.sign(self.id, self.timestamp, self.body));
        signed.is_ok_and(|wanted| self.signatures.split(' ').any(|given| same_bytes(given.as_bytes(), wanted.as_bytes())))
    }
}

/// Compares in a time that does not depend on where the difference is.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn unsigned(title: &str) -> Problem {
    Problem::new(401, "not_signed", title)
}

fn unavailable(source: &SourceId, error: &(dyn std::error::Error + 'static)) -> Problem {
    let cause = std::iter::successors(error.source(), |cause| cause.source()).last().map(ToString::to_string);
    tracing::error!(source.id = %source, error = %error, cause, "delivery not accepted");
    Problem::unavailable()
}
