//! EventBridge's schedules: a function called with the same event at a fixed rate.

use std::{sync::Arc, time::Duration};

use passerelle_core::ports::{Clock, causes};
use serde_json::Value;

use crate::{handler::EventFunction, served::Stop};

/// What the sweep's schedule sends to upsert, as `template.yaml` has it.
pub const SWEEP: &str = r#"{"sweep": {"from": 0, "to": 255}}"#;

/// What the reconciliation's schedule sends to reconcile. In AWS a state machine makes the steps instead, `infra/aws/runs.asl.yaml`.
pub const DUE: &str = r#"{"due": true}"#;

/// One schedule.
pub struct Schedule {
    /// Its name in the log.
    pub name: &'static str,
    /// The time between two calls.
    pub interval: Duration,
    /// The event.
    pub input: Value,
    /// The function.
    pub function: EventFunction,
}

impl Schedule {
    /// Calls the function until `stop`, for the first time when one interval is over. A call that takes longer than the
    /// interval puts the next one off; one that fails is logged and not repeated, as `template.yaml` has it.
    pub async fn run(self, clock: Arc<dyn Clock>, stop: Stop) {
        loop {
            tokio::select! {
                () = clock.sleep(self.interval) => {}
                () = stop.asked() => return,
            }
            // A call that has begun is let finish.
            if let Err(error) = self.function.invoke(self.input.clone()).await {
                tracing::error!(schedule = self.name, error = causes(&error), "a scheduled call failed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use passerelle_core::adapters::system::SystemClock;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;
    use crate::served::Stopper;

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_does_not_end_the_schedule_and_stopping_does() {
        let (called, mut calls) = mpsc::unbounded_channel();
        let began = tokio::time::Instant::now();
        let handler = Arc::new(move |event, _| {
            called.send((began.elapsed().as_secs(), event)).unwrap();
            let answer: passerelle_core::ports::BoxFuture<'static, _> = Box::pin(async { Err("out of order".into()) });
            answer
        });
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let function = EventFunction::new(handler, Arc::clone(&clock), Duration::from_secs(60));
        let schedule = Schedule { name: "sweep", interval: Duration::from_secs(60), input: serde_json::from_str(SWEEP).unwrap(), function };
        let (stopper, stop) = Stopper::new();
        let task = tokio::spawn(schedule.run(clock, stop));
        let event = json!({ "sweep": { "from": 0, "to": 255 } });
        assert_eq!(calls.recv().await, Some((60, event.clone())));
        assert_eq!(calls.recv().await, Some((120, event)));
        stopper.stop();
        task.await.unwrap();
        assert_eq!(calls.recv().await, None);
    }
}
