//! The outbox: deliveries to the platform, born due in the transaction that records their person. Those of a person that are still to be
//! sent are the last of theirs, because they are sent in order.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Expression, Index, Key, Order, StateError, Table, Write, after_days, events::sortable};
use crate::{
    domain::{
        delivery::Delivery,
        ids::{ConnectionId, PersonKey},
    },
    planted::{self, Bug},
};

/// The most deliveries that one transaction records: it has room for a hundred items, and the person and their events come first.
pub const MOST_AT_ONCE: usize = 5;
/// How many days a delivery is kept after it arrived.
pub const KEPT_DAYS: i64 = 7;
/// How many days a delivery is kept after it was given up.
pub const DEAD_KEPT_DAYS: i64 = 90;
/// How long whoever sends a delivery has it to themselves: longer than a try may take.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);
/// How many deliveries are read at a time, the last first.
const PAGE: i32 = 20;

/// A delivery as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDelivery {
    /// Its id.
    pub id: String,
    /// The bytes of its body, as text: what is signed is what was recorded.
    pub body: String,
    /// How often it was tried, a try that is under way included.
    pub attempts: u32,
    /// Partition of the due index, or of the list of what was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_pk: Option<String>,
    /// When it is to be sent, or since when it is given up; sorts as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// Why the last try failed: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// When it arrived; sorts as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<String>,
    /// When DynamoDB may drop it, in seconds since 1970; only once it arrived or was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It arrived.
    Arrived,
    /// It is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// Why it failed: a stable code.
        cause: &'static str,
    },
    /// It is given up.
    Dead {
        /// Why it failed at last: a stable code.
        cause: &'static str,
    },
}

impl StoredDelivery {
    /// Whether it is still to be sent.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ttl.is_none()
    }

    /// Whether the platform did not have it at a time.
    #[must_use]
    pub fn is_later_than(&self, at: Timestamp) -> bool {
        self.is_open() || self.sent_at.as_deref().is_some_and(|sent| sent > sortable(at).as_str())
    }

    /// When it was given up, where it was.
    #[must_use]
    pub fn given_up_at(&self) -> Option<Timestamp> {
        self.due_at.as_deref().filter(|_| !self.is_open())?.parse().ok()
    }

    /// Whether its time has come.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.is_open() && self.due_at.as_deref().is_none_or(|at| at <= sortable(now).as_str())
    }
}

/// The writes that put a person's deliveries into the outbox, due at once, with the version that the person gets.
pub(super) fn delivery_writes(
    c: &ConnectionId,
    person: &PersonKey,
    version: u64,
    deliveries: &[Delivery],
    now: Timestamp,
) -> Result<Vec<Write>, StateError> {
    if deliveries.len() > MOST_AT_ONCE {
        return Err(StateError::bug("more deliveries than a transaction has room for"));
    }
    let writes = deliveries.iter().enumerate().map(|(nth, delivery)| {
        let stored = StoredDelivery {
            id: delivery.id.clone(),
            body: delivery.body().map_err(StateError::bug)?,
            attempts: 0,
            due_pk: Some(Key::delivery_partition(c)),
            due_at: Some(sortable(now)),
            cause: None,
            sent_at: None,
            ttl: None,
        };
        Write::put(Key::delivery(c, person, version, nth), &stored, None)
    });
    writes.collect()
}

impl Table {
    /// People with a delivery that was due at `until`, by what the index knows: the longest due first, from `most` deliveries at most.
    pub async fn due_deliveries(&self, c: &ConnectionId, until: Timestamp, most: i32) -> Result<Vec<PersonKey>, StateError> {
        let keys = self.index_keys(Index::Due, &Key::delivery_partition(c), &sortable(until), most).await?;
        let mut people = Vec::new();
        for person in keys.iter().filter_map(Key::as_delivery) {
            if !people.contains(&person) {
                people.push(person);
            }
        }
        Ok(people)
    }

    /// A person's deliveries that are still to be sent, in their order.
    pub async fn open_deliveries(&self, c: &ConnectionId, person: &PersonKey) -> Result<Vec<(Key, StoredDelivery)>, StateError> {
        self.last_deliveries(c, person, StoredDelivery::is_open).await
    }

    /// A person's last deliveries, those that the platform did not have at a time, in their order.
    pub async fn deliveries_later_than(&self, c: &ConnectionId, person: &PersonKey, at: Timestamp) -> Result<Vec<StoredDelivery>, StateError> {
        let found = self.last_deliveries(c, person, |delivery| delivery.is_later_than(at)).await?;
        Ok(found.into_iter().map(|(_, delivery)| delivery).collect())
    }

    async fn last_deliveries(
        &self,
        c: &ConnectionId,
        person: &PersonKey,
        wanted: impl Fn(&StoredDelivery) -> bool,
    ) -> Result<Vec<(Key, StoredDelivery)>, StateError> {
        let partition = Key::delivery(c, person, 0, 0).pk;
        let (mut open, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = self.page_in::<StoredDelivery>(Order::LastToFirst, &partition, Key::DELIVERIES, after.as_ref(), PAGE).await?;
            let (read, before) = (page.len(), open.len());
            open.extend(page.into_iter().take_while(|(_, delivery)| wanted(delivery)));
            after = next;
            if after.is_none() || open.len() - before < read {
                if !planted::is(Bug::LastFirst) {
                    open.reverse();
                }
                return Ok(open);
            }
        }
    }

    /// Takes a delivery for one try, for a minute and as it was read. Answers it, with this try counted, or `None` where somebody else has
    /// it or has settled it.
    pub async fn claim_delivery(&self, key: &Key, read: &StoredDelivery, now: Timestamp) -> Result<Option<StoredDelivery>, StateError> {
        let until = now.saturating_add(CLAIM).unwrap_or(now);
        let change =
            Expression::update("SET attempts = :n, due_at = :until").only_if("attempts = :was AND due_at = :at AND attribute_not_exists(#ttl)");
        let change = change.name("#ttl", "ttl").number(":n", read.attempts + 1).number(":was", read.attempts).text(":until", sortable(until));
        settled(self.update(key, change.text(":at", read.due_at.clone().unwrap_or_default())).await)
    }

    /// Notes what became of the try `attempt`. Answers whether it counts: a later one may have begun, and knows better.
    pub async fn settle_delivery(&self, c: &ConnectionId, key: &Key, attempt: u32, tried: Tried, now: Timestamp) -> Result<bool, StateError> {
        let change = match tried {
            Tried::Arrived => Expression::update("SET #ttl = :ttl, sent_at = :now REMOVE due_pk, due_at, cause")
                .number(":ttl", after_days(now, KEPT_DAYS))
                .text(":now", sortable(now)),
            Tried::Again { at, cause } => Expression::update("SET due_at = :at, cause = :cause").text(":at", sortable(at)).text(":cause", cause),
            Tried::Dead { cause } => Expression::update("SET #ttl = :ttl, due_pk = :dead, due_at = :now, cause = :cause")
                .number(":ttl", after_days(now, DEAD_KEPT_DAYS))
                .text(":dead", Key::undelivered_partition(c))
                .text(":now", sortable(now))
                .text(":cause", cause),
        };
        let change = change.only_if("attempts = :n AND attribute_not_exists(#ttl)").name("#ttl", "ttl").number(":n", attempt);
        Ok(settled::<serde_json::Value>(self.update(key, change).await)?.is_some())
    }

    /// Lets a delivery that is due wait for the one before it, until that one is tried again at `at`.
    pub async fn defer_delivery(&self, key: &Key, read: &StoredDelivery, at: &str) -> Result<(), StateError> {
        let change = Expression::update("SET due_at = :at").only_if("due_at = :was AND attempts = :n AND attribute_not_exists(#ttl)");
        let change = change.name("#ttl", "ttl").text(":at", at).text(":was", read.due_at.clone().unwrap_or_default()).number(":n", read.attempts);
        settled::<serde_json::Value>(self.update(key, change).await).map(drop)
    }

    /// Deliveries that were given up after `since`, the longest given up first, `most` at most.
    pub async fn undelivered(&self, c: &ConnectionId, since: Timestamp, most: usize) -> Result<Vec<(Key, StoredDelivery)>, StateError> {
        let range = (sortable(since), sortable(Timestamp::MAX));
        let listed = self.index_all_between(Index::Due, &Key::undelivered_partition(c), (&range.0, &range.1), most).await?;
        let keys: Vec<Key> = listed.into_iter().map(|(key, _)| key).collect();
        let mut found = self.get_many::<StoredDelivery>(&keys).await?;
        found.sort_by(|a, b| (&a.1.due_at, &a.0).cmp(&(&b.1.due_at, &b.0)));
        Ok(found)
    }
}

/// A change that somebody else may have made impossible: `None`.
fn settled<T>(changed: Result<T, StateError>) -> Result<Option<T>, StateError> {
    match changed {
        Ok(now) => Ok(Some(now)),
        Err(StateError::Conflict { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}
