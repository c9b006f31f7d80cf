//! The ledger: what intake has stored on a day, counted by itself, beside what stands in the table of that day.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Expression, Index, Key, SHARDS, StateError, Table, after_days, events::shard};
use crate::domain::{
    budget::day,
    ids::{ConnectionId, EventId},
    ledger::Day,
};

/// How long the counts of a day are kept.
const KEPT_DAYS: i64 = 400;
/// Most events of a day and shard that are counted: a bound, far beyond what a connection gets in a day.
const MOST: usize = 1_000_000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Received {
    #[serde(default)]
    received: u64,
}

impl Table {
    /// Adds to the count of what was received. `first` is one of the new events; it spreads the writes. Asked once: the count may be too
    /// low, and never too high.
    pub async fn count_received(&self, c: &ConnectionId, first: &EventId, new: usize, now: Timestamp) -> Result<(), StateError> {
        let change = Expression::update("ADD received :n SET #ttl = if_not_exists(#ttl, :ttl)").name("#ttl", "ttl");
        let change = change.number(":n", new as i128).number(":ttl", after_days(now, KEPT_DAYS));
        self.update_once::<Received>(&Key::ledger(c, day(now), shard(first)), change).await?;
        Ok(())
    }

    /// A day's ledger: what intake has counted, and what the table has of that day, by status.
    pub async fn load_ledger(&self, c: &ConnectionId, day: Date) -> Result<Day, StateError> {
        let (mut received, mut events) = (0, BTreeMap::<String, u64>::new());
        for shard in 0..SHARDS {
            received += self.get::<Received>(&Key::ledger(c, day, shard)).await?.unwrap_or_default().received;
        }
        // After the counts, so that what comes in meanwhile is not missed.
        for shard in 0..SHARDS {
            for (_, status) in self.index_all(Index::Day, &Key::day_partition(c, day, shard), MOST).await? {
                *events.entry(status).or_default() += 1;
            }
        }
        Ok(Day { day, received, events })
    }
}
