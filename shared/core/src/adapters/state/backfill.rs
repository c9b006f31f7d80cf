//! How far the timeline is with the events that came before the document had one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Index, Key, SHARDS, StateError, Table};
use crate::domain::{
    budget::day,
    ids::{ConnectionId, EventId},
};

/// A back-fill of a connection's timeline, under way or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// Events that came in since then are looked at.
    pub since: Timestamp,
    /// When it was asked for: what comes in later goes to the timeline by itself.
    pub asked_at: Timestamp,
    /// How many partitions of the days' index are done.
    pub done: usize,
    /// Entries that were made.
    pub made: u64,
    /// Entries that were there before.
    pub there: u64,
    /// Entries that Salesforce refused, or that could not be filled.
    pub refused: u64,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Backfill {
    /// One that has not begun.
    #[must_use]
    pub const fn new(since: Timestamp, asked_at: Timestamp) -> Self {
        Self { since, asked_at, done: 0, made: 0, there: 0, refused: 0, ended_at: None }
    }
}

impl Table {
    /// The last back-fill of a connection.
    pub async fn load_backfill(&self, c: &ConnectionId) -> Result<Option<Backfill>, StateError> {
        self.get(&Key::backfill(c)).await
    }

    /// Stores how far it is, or that it is asked for.
    pub async fn save_backfill(&self, c: &ConnectionId, backfill: &Backfill) -> Result<(), StateError> {
        self.put(&Key::backfill(c), backfill, None).await
    }

    /// The events of the next partition; `None` where there is none left.
    pub async fn backfill_events(&self, c: &ConnectionId, backfill: &Backfill) -> Result<Option<Vec<EventId>>, StateError> {
        let (days, shard) = (backfill.done / usize::from(SHARDS), backfill.done % usize::from(SHARDS));
        let begun = day(backfill.since).checked_add(jiff::Span::new().days(i64::try_from(days).unwrap_or(i64::MAX).min(366)));
        let Some(on) = begun.ok().filter(|on| *on <= day(backfill.asked_at)) else { return Ok(None) };
        let partition = Key::day_partition(c, on, u8::try_from(shard).unwrap_or(0));
        let found = self.index_all(Index::Day, &partition, usize::MAX).await?;
        Ok(Some(found.iter().filter_map(|(key, _)| key.as_event().map(|(_, id)| id)).collect()))
    }
}
