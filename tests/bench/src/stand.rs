//! A stack that is measured on a clock that stands still: what is counted depends on the work alone.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use passerelle_local::{Switch, TABLE};
use passerelle_scenarios::Scene;
use salesforce_sim::Seed;
use serde_json::{Value, json};

/// The connection, and its source.
pub const CONNECTION: &str = "kayo";
/// How many events one delivery carries: well below the webhook's 256 KB.
pub const DELIVERY: usize = 500;

/// A stack with this org, whose stream is off.
pub async fn scene(seed: Seed) -> Result<Scene> {
    let scene = Scene::with(seed, Switch::Off).await;
    // Nothing reads the stream here, and the embedded database searches all of it for each write.
    let without_stream = json!({ "TableName": TABLE, "StreamSpecification": { "StreamEnabled": false } });
    scene.stack.database().update_table(serde_json::from_value(without_stream)?)?;
    Ok(scene)
}

/// Sends events and works them.
pub async fn work(scene: &Scene, events: &[Value]) -> Result<()> {
    for delivery in events.chunks(DELIVERY) {
        scene.accept(CONNECTION, &json!({ "events": delivery })).await;
    }
    // A minute on, everything is due. Without the function's time-out, since the clock that it goes by stands still.
    scene.clock.advance(SignedDuration::from_secs(61));
    let sweep = (scene.stack.functions().upsert)(json!({ "sweep": {} }), Timestamp::MAX).await;
    sweep.map(drop).map_err(anyhow::Error::from_boxed)
}
