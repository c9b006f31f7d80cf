//! What became of an event, told to the platform that sent it: whoever has the source's key may ask.

use http::HeaderMap;
use serde::Serialize;

use super::{people::keyed, unavailable};
use crate::{
    adapters::state::{StateError, events::StoredEvent},
    domain::{
        budget::Wait,
        ids::{ConnectionId, EventId, RecordId, SourceId},
        plan::{Cause, Outcome},
        words::Sentence,
    },
    ports::Ports,
    shell::problem::Problem,
};

/// What became of an event, for each connection that it fed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The event.
    pub event: EventId,
    /// Each connection whose key was shown.
    pub connections: Vec<ToldOne>,
}

/// What became of an event in one org.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToldOne {
    /// The connection.
    pub connection: ConnectionId,
    /// `open`, or the name of the outcome.
    pub status: String,
    /// The Salesforce records that it touched.
    pub records: Vec<RecordId>,
    /// Why it waits, or was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Cause>,
    /// How often it was tried.
    pub tries: u32,
    /// Until when it waits, and why, where its connection has no API calls left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
}

/// That work waits for API calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// Until when, and for what.
    #[serde(flatten)]
    pub wait: Wait,
    /// It in words.
    pub words: Sentence,
}

/// Tells what became of an event. The key stands in the header `Authorization: Bearer …`.
pub async fn tell(ports: Ports<'_>, source: &str, event: &str, headers: &HeaderMap) -> Result<Told, Problem> {
    let not_found = || Problem::new(404, "unknown_event", "There is no such event of this source.");
    let source = SourceId::parse(source).map_err(|_| not_found())?;
    let event = EventId::parse(event).map_err(|_| not_found())?;
    let (_, verified) = keyed(ports, source.as_str(), headers).await?;
    let mut connections = Vec::new();
    for connection in verified {
        let found = ports.table.load_events(&connection, std::slice::from_ref(&event)).await.map_err(|error| unavailable(&source, &error))?;
        for (_, stored) in found.into_iter().filter(|(_, stored)| stored.source == source) {
            let waits = waits(ports, &connection, &stored).await.map_err(|error| unavailable(&source, &error))?;
            connections.push(told(connection.clone(), stored, waits));
        }
    }
    if connections.is_empty() {
        return Err(not_found());
    }
    Ok(Told { event, connections })
}

/// Until when an event that is due waits for API calls.
async fn waits(ports: Ports<'_>, connection: &ConnectionId, stored: &StoredEvent) -> Result<Option<Waits>, StateError> {
    if !stored.is_due() {
        return Ok(None);
    }
    let now = ports.clock.now();
    let wait = ports.table.load_spent(connection, now).await?.waits.filter(|wait| wait.until > now);
    Ok(wait.map(|wait| Waits { wait, words: wait.sentence() }))
}

fn told(connection: ConnectionId, stored: StoredEvent, waits: Option<Waits>) -> ToldOne {
    let (records, problem) = match stored.outcome {
        Some(Outcome::Applied { records }) => (records.into_iter().collect(), None),
        Some(Outcome::Parked { problem } | Outcome::Retry { problem } | Outcome::Dead { problem }) => {
            (stored.done.values().copied().collect(), Some(problem))
        }
        _ => (Vec::new(), None),
    };
    ToldOne { connection, status: stored.status, records, problem, tries: stored.attempts, waits }
}
