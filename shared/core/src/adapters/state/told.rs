//! When records that events of several people may feed were told of each of their fields.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, StateError, Table, Write, after_days, events::KEPT_DAYS};
use crate::domain::{
    ids::ConnectionId,
    person::short_hash,
    plan::{Times, Told},
    planner::KeyOfRecord,
};

/// As long as the events that told of the record are kept: after that none of them is known any more either.
#[derive(Debug, Serialize, Deserialize)]
struct StoredTimes {
    times: Times,
    ttl: i64,
}

/// The key's value may be personal, so it is hashed.
fn item(c: &ConnectionId, key: &KeyOfRecord) -> Key {
    Key::told(c, &short_hash(&format!("{}/{}/{}", key.object, key.field, key.value)))
}

impl Table {
    /// When these records were told of their fields; those of which nothing is known are left out.
    pub async fn load_times(&self, c: &ConnectionId, records: BTreeSet<KeyOfRecord>) -> Result<BTreeMap<KeyOfRecord, Times>, StateError> {
        let found = self.get_named::<_, StoredTimes>(records.into_iter().map(|record| (item(c, &record), record)).collect()).await?;
        Ok(found.into_iter().map(|(record, stored)| (record, stored.times)).collect())
    }
}

/// The write that keeps the times of a record.
pub(super) fn told_write(c: &ConnectionId, told: &Told, now: Timestamp) -> Result<Write, StateError> {
    Write::put(item(c, &told.key), &StoredTimes { times: told.times.clone(), ttl: after_days(now, KEPT_DAYS) }, None)
}
