//! What calls the functions by itself: the stream, the schedules, and the removal of expired items.

use std::sync::Arc;

use dynoxide::Database;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use super::{StackOptions, Switch, TABLE, UPSERT_TIMEOUT, options::EXPIRY_INTERVAL};
use crate::{
    data::DataDirectory,
    handler::{EventFunction, EventHandler},
    schedule::{DUE, SWEEP, Schedule},
    served::Stop,
    stream::{Failures, Mapping, StreamError},
};

/// How far the stack's time and the machine's may be apart to be the same.
const SAME_TIME: SignedDuration = SignedDuration::from_mins(1);

/// The functions that are called, and when to stop calling.
pub(super) struct Callers<'a> {
    pub options: &'a StackOptions,
    pub database: &'a Database,
    pub upsert: &'a EventFunction,
    pub reconcile: &'a EventFunction,
    pub stop: &'a Stop,
}

impl Callers<'_> {
    /// Starts reading the stream, if it is switched on. Answers the list of what will be given up.
    pub fn start_stream(&self, data: Option<&DataDirectory>, tasks: &mut Vec<JoinHandle<()>>) -> Result<Failures, StreamError> {
        if self.options.stream == Switch::Off {
            return Ok(Failures::default());
        }
        let mut settings = self.options.stream_options.clone();
        settings.checkpoint = data.map(DataDirectory::stream);
        let mapping = Mapping::new(self.database.clone(), TABLE, self.upsert.clone(), Arc::clone(&self.options.clock), settings)?;
        let failures = mapping.failures();
        tasks.push(tokio::spawn(mapping.run(self.stop.clone())));
        Ok(failures)
    }

    /// Starts the schedules that have an interval.
    pub fn start_schedules(&self, tasks: &mut Vec<JoinHandle<()>>) {
        let schedules = [
            ("sweep", self.options.sweep_interval, SWEEP, self.upsert.clone()),
            ("reconcile", self.options.reconcile_interval, DUE, self.reconcile.clone()),
            ("expiry", Some(EXPIRY_INTERVAL), "null", self.expiry()),
        ];
        for (name, interval, input, function) in schedules {
            let Some(interval) = interval else { continue };
            let input = serde_json::from_str(input).unwrap_or_default();
            let schedule = Schedule { name, interval, input, function };
            tasks.push(tokio::spawn(schedule.run(Arc::clone(&self.options.clock), self.stop.clone())));
        }
    }

    /// DynamoDB removes expired items by itself; the embedded one does when it is told. It goes by the machine's time, so that it is not told
    /// where the stack's is another one: it would remove what has just been written.
    fn expiry(&self) -> EventFunction {
        let (database, clock) = (self.database.clone(), Arc::clone(&self.options.clock));
        let handler: EventHandler = Arc::new(move |_, _| {
            let database = database.clone();
            let apart = clock.now().duration_since(Timestamp::now()).abs();
            Box::pin(async move {
                if apart > SAME_TIME {
                    return Ok(0.into());
                }
                let removed = tokio::task::spawn_blocking(move || database.sweep_ttl()).await??;
                Ok(removed.into())
            })
        });
        EventFunction::new(handler, Arc::clone(&self.options.clock), UPSERT_TIMEOUT)
    }
}
