//! The table's stream as Lambda's event source mapping brings it to a function: from the oldest record on, filtered, in
//! batches, with partial failures, bisection, retries and an end for what cannot be worked.
//!
//! `source` reads the stream, `filter` decides what is sent, `batch` what a function's answer means for a batch. The
//! settings are those of `template.yaml`; a test compares.

mod batch;
mod filter;
mod source;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dynoxide::Database;
use jiff::{SignedDuration, Timestamp};
use passerelle_core::ports::{Clock, causes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

pub use filter::matches;
pub use source::Record;

use crate::{dynamo::DynamoError, files, handler::EventFunction, served::Stop};
use batch::{Batch, Next, Verdict};
use source::Source;

/// What is sent to the function: new events, and no change of them.
pub const PATTERN: &str = r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":["EVENT"]}}}}"#;

/// How the mapping works. The default is that of `template.yaml`.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// Records in one batch, at most.
    pub batch_size: usize,
    /// How long a batch that is not full waits for more.
    pub window: Duration,
    /// How often an empty stream is looked at.
    pub poll_interval: Duration,
    /// How often a record that fails alone is tried again.
    pub retries: u32,
    /// The wait before the first retry; it doubles with each.
    pub backoff: Duration,
    /// Records older than this are not sent any more.
    pub max_age: SignedDuration,
    /// The file that keeps how far the stream has been worked. Without one, a start begins with the oldest record.
    pub checkpoint: Option<PathBuf>,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            batch_size: 1_000,
            window: Duration::from_secs(1),
            poll_interval: Duration::from_millis(250),
            retries: 3,
            backoff: Duration::from_secs(1),
            max_age: SignedDuration::from_secs(3600),
            checkpoint: None,
        }
    }
}

/// What can go wrong outside the function.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The stream cannot be read.
    #[error("The stream of the table cannot be read.")]
    Source(#[from] DynamoError),
    /// The checkpoint cannot be read or written.
    #[error("The file {} that keeps the place in the stream cannot be used.", path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// Why records were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The function failed with the record each time.
    RetryAttemptsExhausted,
    /// The record had grown too old.
    MaximumRecordAgeExceeded,
}

/// A record that was given up: what a mapping sends to its destination for failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discarded {
    /// Why.
    pub condition: Condition,
    /// How often the function was called with it alone.
    pub attempts: u32,
    /// The record's place in the stream.
    pub sequence_number: String,
    /// The item's keys, as DynamoDB's JSON.
    pub keys: Value,
}

/// The list of what was given up. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Failures(Arc<Mutex<Vec<Discarded>>>);

impl Failures {
    /// Everything given up so far, in order.
    #[must_use]
    pub fn list(&self) -> Vec<Discarded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, record: &Record, condition: Condition, attempts: u32) {
        tracing::warn!(?condition, sequence_number = record.sequence_number(), "a record of the stream was given up; the sweep takes its event");
        let (sequence_number, keys) = (record.sequence_number().to_owned(), record.keys());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Discarded { condition, attempts, sequence_number, keys });
    }
}

/// How far the stream has been worked, as the checkpoint file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    after: Option<String>,
}

/// One function's reader of the stream.
pub struct Mapping {
    source: Source,
    function: EventFunction,
    clock: Arc<dyn Clock>,
    options: StreamOptions,
    pattern: Value,
    place: Place,
    failures: Failures,
}

impl Mapping {
    /// A mapping from the stream of `table` to `function`.
    ///
    /// # Errors
    /// When the table has no stream, or the checkpoint cannot be read.
    pub fn new(database: Database, table: &str, function: EventFunction, clock: Arc<dyn Clock>, options: StreamOptions) -> Result<Self, StreamError> {
        let place = match &options.checkpoint {
            Some(path) => load_place(path)?,
            None => Place::default(),
        };
        let pattern = serde_json::from_str(PATTERN).map_err(DynamoError::from)?;
        let source = Source::open(database, table)?;
        Ok(Self { source, function, clock, options, pattern, place, failures: Failures::default() })
    }

    /// The list of what is given up.
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.failures.clone()
    }

    /// Works the stream until `stop`. A failure to read is logged and tried again.
    pub async fn run(mut self, stop: Stop) {
        while !stop.is_asked() {
            let idle = match self.step(&stop).await {
                Ok(sent) => sent == 0,
                Err(error) => {
                    tracing::error!(error = causes(&error), "the stream could not be worked");
                    true
                }
            };
            if idle {
                self.pause(self.options.poll_interval, &stop).await;
            }
        }
    }

    /// Works one batch, if there is one, until each record of it is worked or given up. Answers the number of records
    /// that were read, filtered out ones included.
    ///
    /// # Errors
    /// When the stream cannot be read or the checkpoint not written. What was worked before is not sent again by this
    /// mapping.
    pub async fn step(&mut self, stop: &Stop) -> Result<usize, StreamError> {
        let mut read = self.source.after(self.place.after.as_deref()).await?;
        let wanted = read.iter().filter(|record| matches(&self.pattern, record.event())).count();
        if wanted > 0 && wanted < self.options.batch_size && !self.options.window.is_zero() {
            self.pause(self.options.window, stop).await;
            read = self.source.after(self.place.after.as_deref()).await?;
        }
        let count = self.take(&read);
        let taken: Vec<_> = read.into_iter().take(count).collect();
        let end = taken.last().map(|record| record.sequence_number().to_owned());
        let records = taken.into_iter().filter(|record| matches(&self.pattern, record.event())).collect();
        let done = self.deliver(Batch::new(records), stop).await?;
        if done && let Some(end) = end {
            self.move_to(&end)?;
        }
        Ok(count)
    }

    /// How many of the records read go into this step: those up to the one that fills the batch.
    fn take(&self, read: &[Record]) -> usize {
        let wanted = read.iter().enumerate().filter(|(_, record)| matches(&self.pattern, record.event()));
        wanted.map(|(index, _)| index + 1).nth(self.options.batch_size.saturating_sub(1)).unwrap_or(read.len())
    }

    /// Brings a batch to its end: every record worked or given up. Answers `false` where stopping came first.
    async fn deliver(&mut self, whole: Batch, stop: &Stop) -> Result<bool, StreamError> {
        let mut waiting = vec![whole];
        while let Some(batch) = waiting.pop() {
            if stop.is_asked() {
                return Ok(false);
            }
            let batch = self.drop_old(batch);
            if batch.records.is_empty() {
                continue;
            }
            let verdict = self.send(&batch).await;
            match batch.next(verdict, self.options.retries) {
                Next::Done { last } => self.move_to(&last)?,
                Next::Rest { done, rest } => {
                    self.move_to(&done)?;
                    waiting.push(rest);
                }
                Next::Halves { first, second } => waiting.extend([second, first]),
                Next::Again(batch) => {
                    self.pause(self.options.backoff.saturating_mul(1 << batch.retried.saturating_sub(1).min(10)), stop).await;
                    waiting.push(batch);
                }
                Next::GiveUp { record, attempts } => {
                    self.failures.add(&record, Condition::RetryAttemptsExhausted, attempts);
                    self.move_to(record.sequence_number())?;
                }
            }
        }
        Ok(true)
    }

    /// The batch without the records that are too old to be sent.
    fn drop_old(&self, batch: Batch) -> Batch {
        let now = self.clock.now();
        let (old, records) = batch.records.into_iter().partition::<Vec<_>, _>(|r| now.duration_since(r.created()) > self.options.max_age);
        for record in &old {
            self.failures.add(record, Condition::MaximumRecordAgeExceeded, batch.retried);
        }
        Batch { records, ..batch }
    }

    async fn send(&self, batch: &Batch) -> Verdict {
        let records: Vec<_> = batch.records.iter().map(Record::event).collect();
        match self.function.invoke(json!({ "Records": records })).await {
            Ok(answer) => batch.verdict(&answer),
            Err(error) => {
                tracing::warn!(error = causes(&error), records = batch.records.len(), "the function failed on a batch of the stream");
                Verdict::AllFailed
            }
        }
    }

    async fn pause(&self, duration: Duration, stop: &Stop) {
        tokio::select! {
            () = self.clock.sleep(duration) => {}
            () = stop.asked() => {}
        }
    }

    fn move_to(&mut self, sequence_number: &str) -> Result<(), StreamError> {
        self.place.after = Some(sequence_number.to_owned());
        let Some(path) = &self.options.checkpoint else { return Ok(()) };
        let bytes = serde_json::to_vec(&self.place).map_err(std::io::Error::from);
        let written = bytes.and_then(|bytes| files::write_private(path, &bytes));
        written.map_err(|source| StreamError::Checkpoint { path: path.clone(), source })
    }
}

fn load_place(path: &std::path::Path) -> Result<Place, StreamError> {
    let failed = |source| StreamError::Checkpoint { path: path.to_owned(), source };
    let bytes = files::read_if_there(path).map_err(failed)?;
    bytes.map_or(Ok(Place::default()), |bytes| serde_json::from_slice(&bytes).map_err(|error| failed(error.into())))
}

/// The instant `seconds` after 1970.
fn instant(seconds: f64) -> Timestamp {
    // Stream records carry whole seconds.
    #[allow(clippy::cast_possible_truncation)]
    Timestamp::from_second(seconds as i64).unwrap_or(Timestamp::UNIX_EPOCH)
}
