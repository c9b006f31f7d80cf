//! getUpdated and getDeleted: what changed in a span of time.
//!
//! Source: REST API Developer Guide, "Get Updated" and "Get Deleted".

use jiff::{SignedDuration, Timestamp};

use super::cell::Cell;
use super::{Org, Session, Slot};
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::ObjectNo;

/// How far back updates can be asked for.
const UPDATES: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long deleted records stay in the recycle bin.
const DELETIONS: SignedDuration = SignedDuration::from_hours(15 * 24);
/// The most records one answer can name.
const MOST: usize = 600_000;

/// The records made or changed in a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// Each record once.
    pub ids: Vec<Id>,
    /// Up to where the answer is whole: the end of the span, or the begin of the longest
    /// transaction that is still open.
    pub latest_date_covered: Timestamp,
}

/// The records deleted in a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Each record with the instant of its deletion.
    pub records: Vec<(Id, Timestamp)>,
    /// The first deletion that is still known.
    pub earliest_date_available: Timestamp,
    /// As in [`Updated`].
    pub latest_date_covered: Timestamp,
}

impl Org {
    /// The live records of an object made or changed from `start` on and before `end`. Seconds of
    /// the bounds do not count.
    ///
    /// # Errors
    /// `INVALID_REPLICATION_DATE` when the span is empty or begins more than 30 days ago,
    /// `EXCEEDED_ID_LIMIT` when it holds more than 600,000 records.
    pub fn updated(&self, s: &Session, sobject: &str, start: Timestamp, end: Timestamp) -> Result<Updated, ApiError> {
        let object = self.replicated(sobject)?;
        let (start, end) = span(s, start, end, UPDATES)?;
        let found = self.changed_between(object, start, end);
        let ids: Vec<Id> = found.filter(|(_, deleted)| !deleted).map(|((id, _), _)| id).collect();
        if ids.len() > MOST {
            return Err(ApiError::new(400, "EXCEEDED_ID_LIMIT", "The span holds more than 600000 records."));
        }
        Ok(Updated { ids, latest_date_covered: self.covered(end) })
    }

    /// The records of an object deleted from `start` on and before `end`. Seconds of the bounds do
    /// not count.
    ///
    /// # Errors
    /// `INVALID_REPLICATION_DATE` when the span is shorter than a minute or begins more than 15
    /// days ago.
    pub fn deleted(&self, s: &Session, sobject: &str, start: Timestamp, end: Timestamp) -> Result<Deleted, ApiError> {
        let object = self.replicated(sobject)?;
        let (start, end) = span(s, start, end, DELETIONS)?;
        let found = self.changed_between(object, start, end);
        let records = found.filter(|(_, deleted)| *deleted).map(|(record, _)| record).collect();
        Ok(Deleted { records, earliest_date_available: self.first_deletion(object).unwrap_or(s.now), latest_date_covered: self.covered(end) })
    }

    /// Lets a transaction begin now that stays open until [`Org::end_transaction`]: meanwhile
    /// `latest_date_covered` does not pass its begin. What it wrote appears when a session whose
    /// `now` lies back writes it: late commits carry the stamps of their writing.
    pub fn begin_transaction(&mut self) {
        self.open_since.get_or_insert(self.clock.now());
    }

    /// Ends the transaction that was begun.
    pub fn end_transaction(&mut self) {
        self.open_since = None;
    }

    fn covered(&self, end: Timestamp) -> Timestamp {
        self.open_since.map_or(end, |since| since.min(end))
    }

    fn replicated(&self, sobject: &str) -> Result<ObjectNo, ApiError> {
        let (no, object) = self.schema.object_named(sobject).ok_or_else(ApiError::not_found)?;
        if object.is("replicateable") && object.known.modstamp.is_some() {
            return Ok(no);
        }
        Err(ApiError::new(400, "INVALID_TYPE_FOR_OPERATION", format!("entity type {} does not support replication", object.name)))
    }

    /// The records with a SystemModstamp in a span, and whether they are deleted.
    fn changed_between(&self, object: ObjectNo, start: Timestamp, end: Timestamp) -> impl Iterator<Item = ((Id, Timestamp), bool)> + '_ {
        let modstamp = self.object(object).and_then(|def| def.known.modstamp);
        let table = self.table(object);
        let slots = modstamp.zip(table).and_then(|(field, table)| table.walk(field, start.as_millisecond(), end.as_millisecond() - 1));
        slots.into_iter().flatten().filter_map(move |slot: Slot| {
            let row = table?.get(slot)?;
            let at = match row.get(modstamp?) {
                Cell::Instant(millis) => Timestamp::from_millisecond(millis).ok()?,
                _ => return None,
            };
            Some(((row.id()?, at), self.is_deleted(object, row)))
        })
    }

    fn first_deletion(&self, object: ObjectNo) -> Option<Timestamp> {
        let all = self.changed_between(object, Timestamp::MIN, Timestamp::MAX);
        let mut deleted = all.filter(|(_, deleted)| *deleted);
        deleted.next().map(|((_, at), _)| at)
    }
}

fn span(s: &Session, start: Timestamp, end: Timestamp, reach: SignedDuration) -> Result<(Timestamp, Timestamp), ApiError> {
    let refuse = |text: &str| Err(ApiError::new(400, "INVALID_REPLICATION_DATE", text));
    let (start, end) = (to_minute(start), to_minute(end));
    if start >= end {
        return refuse("startDate must be before endDate by at least one minute");
    }
    if s.now.duration_since(start) > reach {
        return refuse("startDate lies further back than changes are kept");
    }
    Ok((start, end))
}

fn to_minute(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(60)).unwrap_or(at)
}
