//! The table's stream of new events, and the sweep, which also tells platforms what Salesforce has changed, and the connections' contacts
//! what needs them.
//!
//! Salesforce's failures never become partial batch failures: those would rewind the shard and hold up other connections. A
//! failed item means only that the state table could not be read or written.

use std::collections::BTreeMap;

use aws_lambda_events::dynamodb::{Event as StreamEvent, EventRecord};
use jiff::Timestamp;
use passerelle_core::{
    adapters::state::{Key, StateError},
    app::{
        alerts::alert_all,
        deliver::deliver_all,
        upsert::{Workbench, by_connection, sweep, work_all},
    },
    domain::ids::ConnectionId,
    ports::Ports,
};
use serde_json::{Value, json};

/// Handles a batch of the stream, or a sweep: `{"sweep": {}}`. Stops before `deadline`.
pub async fn handle(ports: Ports<'_>, bench: &Workbench, event: Value, deadline: Timestamp) -> Result<Value, Failure> {
    if event.get("sweep").is_some() {
        // Side by side: neither a flood nor an org that is out of order holds up what platforms are to be told, nor a slow platform the orgs.
        let (worked, told, alerted) = tokio::join!(sweep(ports, bench, deadline), deliver_all(ports, deadline), alert_all(ports));
        let failure = |source: StateError| Failure { source: source.into() };
        let (worked, told, alerted) = (worked.map_err(failure)?, told.map_err(failure)?, alerted.map_err(failure)?);
        let failed = failures(&worked) + failures(&told) + failures(&alerted);
        return Ok(json!({"connections": worked.len(), "platforms": told.len(), "failed": failed}));
    }
    let batch: StreamEvent = serde_json::from_value(event).map_err(|source| Failure { source: source.into() })?;
    let keyed: Vec<(Option<Key>, &EventRecord)> = batch.records.iter().map(|record| (key(record), record)).collect();
    let hints = by_connection(keyed.iter().filter_map(|(key, _)| key.as_ref()));
    let failed: BTreeMap<ConnectionId, ()> =
        work_all(ports, bench, hints, deadline).await.into_iter().filter(|(_, result)| result.is_err()).map(|(c, _)| (c, ())).collect();
    let is_failed = |key: &Option<Key>| key.as_ref().and_then(Key::as_event).is_some_and(|(c, _)| failed.contains_key(&c));
    let numbers = keyed.iter().filter(|(key, _)| is_failed(key)).filter_map(|(_, record)| record.change.sequence_number.as_ref());
    Ok(json!({"batchItemFailures": numbers.map(|number| json!({"itemIdentifier": number})).collect::<Vec<_>>()}))
}

fn failures<T, E>(of: &[(ConnectionId, Result<T, E>)]) -> usize {
    of.iter().filter(|(_, result)| result.is_err()).count()
}

fn key(record: &EventRecord) -> Option<Key> {
    let keys = serde_json::to_value(&record.change.keys).ok()?;
    let text = |name: &str| keys.get(name)?.get("S")?.as_str().map(str::to_owned);
    Some(Key { pk: text("pk")?, sk: text("sk")? })
}

/// An invocation that failed as a whole: nothing was read.
#[derive(Debug, thiserror::Error)]
#[error("the invocation failed")]
pub struct Failure {
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}
