//! One bounded step of a connection's hourly run. For now the hour does what the sweep does: it works what is due, so that
//! even with the stream and the minute's schedule switched off every event ends.

use jiff::Timestamp;
use passerelle_core::{
    adapters::state::StateError,
    app::upsert::{Workbench, sweep},
    ports::Ports,
};
use serde_json::{Value, json};

/// Handles the hourly schedule. Stops before `deadline`.
pub async fn handle(ports: Ports<'_>, bench: &Workbench, _event: Value, deadline: Timestamp) -> Result<Value, StateError> {
    let worked = sweep(ports, bench, deadline).await?;
    Ok(json!({"connections": worked.len(), "failed": worked.iter().filter(|(_, result)| result.is_err()).count()}))
}
