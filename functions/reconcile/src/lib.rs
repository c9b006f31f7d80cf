//! The hourly runs that are due, and those under way. Before them each call does what the minute's sweep does, so that even with the
//! stream and that schedule switched off every event ends.

use jiff::Timestamp;
use passerelle_core::{
    adapters::state::StateError,
    app::{
        reconcile,
        upsert::{Workbench, sweep},
    },
    ports::Ports,
};
use serde_json::{Value, json};

/// Handles the schedule. Stops before `deadline`.
pub async fn handle(ports: Ports<'_>, bench: &Workbench, _event: Value, deadline: Timestamp) -> Result<Value, StateError> {
    let worked = sweep(ports, bench, deadline).await?;
    let runs = reconcile::run_all(ports, bench, deadline).await?;
    let failed = worked.iter().filter(|(_, result)| result.is_err()).count() + runs.iter().filter(|(_, result)| result.is_err()).count();
    let ended: usize = runs.iter().filter_map(|(_, result)| result.as_ref().ok()).map(Vec::len).sum();
    Ok(json!({"connections": worked.len(), "runs": ended, "failed": failed}))
}
