//! Events: born due, taken out of the due index by their outcome only.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Expression, Index, Key, SHARDS, StateError, Table, Write, after_days};
pub use crate::domain::place::sortable;
use crate::domain::{
    budget::day,
    event::Event,
    ids::{ConnectionId, EventId, PersonKey, RecordId, SourceId},
    person::spread,
    plan::{Outcome, Settled},
};
use crate::planted::{self, Bug};

/// How long a new event is left to the stream before the sweep takes it.
pub const DOORBELL: SignedDuration = SignedDuration::from_secs(60);
/// How long an event is kept after its final outcome.
pub const KEPT_DAYS: i64 = 90;

/// An event as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// The event as JSON text.
    pub body: String,
    /// Hash of its content.
    pub body_hash: String,
    /// The hook that it came in on.
    pub source: SourceId,
    /// When it came in.
    pub received_at: Timestamp,
    /// When it happened; sorts a person's events.
    pub occurred_at: Timestamp,
    /// `open`, or the name of the outcome.
    pub status: String,
    /// The outcome so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How often it was tried.
    pub attempts: u32,
    /// Steps that are done, with their records.
    #[serde(default)]
    pub done: BTreeMap<String, RecordId>,
    /// Set where a write may have gone unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Timestamp>,
    /// Partition of the due index, or of the list of what is parked or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_pk: Option<String>,
    /// When it is to be worked, or since when it is parked or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// Partition of the index of the day on which it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_pk: Option<String>,
    /// Partition of the index of a person's events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_pk: Option<String>,
    /// When DynamoDB may drop it, in seconds since 1970; only after the final outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
}

/// What became of storing a new event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New,
    /// It was there already, with the same content.
    Repeated,
    /// The id is there already, with another content.
    Contradicted,
}

/// Events that do not go on by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoppedEvents {
    /// The longest stopped first: those that are parked, then those that were given up.
    pub ids: Vec<EventId>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

impl StoredEvent {
    /// A new event: open, and due.
    #[must_use]
    pub fn new(connection: &ConnectionId, event: &Event, source: &SourceId, now: Timestamp) -> Self {
        Self {
            body: serde_json::to_string(event).unwrap_or_default(),
            body_hash: event.content_hash(),
            source: source.clone(),
            received_at: now,
            occurred_at: event.occurred_at,
            status: "open".to_owned(),
            outcome: None,
            attempts: 0,
            done: BTreeMap::new(),
            doubt: None,
            due_pk: (!planted::is(Bug::NotDue)).then(|| Key::due_partition(connection, shard(&event.id))),
            due_at: Some(sortable(now.saturating_add(DOORBELL).unwrap_or(now))),
            day_pk: Some(Key::day_partition(connection, day(now), shard(&event.id))),
            person_pk: None,
            ttl: None,
        }
    }

    /// Whether it is still to be worked: neither final nor waiting for a change.
    #[must_use]
    pub fn is_open(&self) -> bool {
        planted::is(Bug::WorkAgain) || self.outcome.as_ref().is_none_or(|outcome| !outcome.is_final())
    }

    /// Whether it goes on by itself, now or later.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.due_pk.as_deref().is_some_and(Key::is_due_partition)
    }
}

pub(super) fn shard(id: &EventId) -> u8 {
    spread(id.as_str()) % SHARDS
}

impl Table {
    /// Stores a new event, at most once per connection and id.
    pub async fn store_event(&self, connection: &ConnectionId, id: &EventId, event: &StoredEvent) -> Result<Stored, StateError> {
        let condition = Expression::condition("attribute_not_exists(pk)");
        match self.put(&Key::event(connection, id), event, Some(condition)).await {
            Ok(()) => Ok(Stored::New),
            Err(StateError::Conflict { standing }) => {
                let hash = standing.as_ref().as_ref().and_then(|item| item.get("body_hash")).and_then(|value| value.as_s().ok());
                Ok(if hash == Some(&event.body_hash) { Stored::Repeated } else { Stored::Contradicted })
            }
            Err(other) => Err(other),
        }
    }

    /// Reads events, consistently; absent ones are left out.
    pub async fn load_events(&self, connection: &ConnectionId, ids: &[EventId]) -> Result<Vec<(EventId, StoredEvent)>, StateError> {
        let keys: Vec<Key> = ids.iter().map(|id| Key::event(connection, id)).collect();
        let found = self.get_many::<StoredEvent>(&keys).await?;
        let mut events: Vec<_> = found.into_iter().filter_map(|(key, event)| key.as_event().map(|(_, id)| (id, event))).collect();
        events.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(events)
    }

    /// The ids of events that are due at `until`, oldest first within each shard, `limit` at most.
    pub async fn due_events(&self, connection: &ConnectionId, until: Timestamp, limit: usize) -> Result<Vec<EventId>, StateError> {
        let mut ids = Vec::new();
        for shard in 0..SHARDS {
            let wanted = i32::try_from(limit.saturating_sub(ids.len())).unwrap_or(i32::MAX);
            if wanted == 0 {
                break;
            }
            let partition = Key::due_partition(connection, shard);
            let keys = self.index_keys(Index::Due, &partition, &sortable(until), wanted).await?;
            ids.extend(keys.iter().filter_map(|key| key.as_event().map(|(_, id)| id)));
        }
        Ok(ids)
    }

    /// The ids of events that are parked as problems, longest parked first, `most` at most.
    pub async fn parked_events(&self, connection: &ConnectionId, most: usize) -> Result<Vec<EventId>, StateError> {
        self.stopped_in(&Key::parked_partition(connection), most).await
    }

    /// Every event that is parked as a problem, and every one that was given up, each `most` at most.
    pub async fn stopped_events(&self, connection: &ConnectionId, most: usize) -> Result<StoppedEvents, StateError> {
        let mut stopped = StoppedEvents::default();
        for partition in [Key::parked_partition(connection), Key::dead_partition(connection)] {
            let mut ids = self.stopped_in(&partition, most.saturating_add(1)).await?;
            stopped.more |= ids.len() > most;
            ids.truncate(most);
            stopped.ids.extend(ids);
        }
        Ok(stopped)
    }

    async fn stopped_in(&self, partition: &str, most: usize) -> Result<Vec<EventId>, StateError> {
        let listed = self.index_all(Index::Due, partition, most).await?;
        Ok(listed.iter().filter_map(|(key, _)| key.as_event().map(|(_, id)| id)).collect())
    }

    /// Notes that a write of the event may have gone unseen at `since`, unless it has its outcome. It is due from now on.
    pub async fn doubt_event(&self, connection: &ConnectionId, id: &EventId, since: Timestamp, now: Timestamp) -> Result<(), StateError> {
        let change = Expression::update("SET doubt = :d, due_pk = :p, due_at = :a").only_if("attribute_exists(pk) AND attribute_not_exists(#ttl)");
        let change =
            change.name("#ttl", "ttl").text(":p", Key::due_partition(connection, shard(id))).text(":a", sortable(now)).value(":d", &since)?;
        match self.update::<serde_json::Value>(&Key::event(connection, id), change).await {
            Ok(_) | Err(StateError::Conflict { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Makes a parked event due again. Answers whether it was parked.
    pub async fn resume_event(&self, connection: &ConnectionId, id: &EventId, now: Timestamp) -> Result<bool, StateError> {
        let change = Expression::update("SET due_pk = :p, due_at = :a").only_if("due_pk = :parked").text(":a", sortable(now));
        let change = change.text(":p", Key::due_partition(connection, shard(id))).text(":parked", Key::parked_partition(connection));
        match self.update::<serde_json::Value>(&Key::event(connection, id), change).await {
            Ok(_) => Ok(true),
            Err(StateError::Conflict { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

impl Table {
    /// Works an event again whose outcome is final: what it has done already is not done again. Answers whether it was final.
    pub async fn replay_event(&self, connection: &ConnectionId, id: &EventId, now: Timestamp) -> Result<bool, StateError> {
        let change = Expression::update("SET #s = :open, attempts = :zero, due_pk = :p, due_at = :a REMOVE outcome, #ttl");
        let change = change.only_if("attribute_exists(#ttl) AND #ttl > :now").name("#ttl", "ttl").name("#s", "status").text(":open", "open");
        let change = change.number(":zero", 0).text(":p", Key::due_partition(connection, shard(id))).text(":a", sortable(now));
        match self.update::<serde_json::Value>(&Key::event(connection, id), change.number(":now", now.as_second())).await {
            Ok(_) => Ok(true),
            Err(StateError::Conflict { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

/// The write that records an event's outcome, under the condition that it has had no final one and is as it was read.
pub fn settle_write(
    connection: &ConnectionId,
    person: Option<&PersonKey>,
    settled: &Settled,
    attempts: u32,
    retry_at: Timestamp,
    now: Timestamp,
) -> Result<Write, StateError> {
    let mut set = vec!["#s = :s", "outcome = :o", "attempts = :n", "done = :d", "settled_at = :now"];
    let mut remove = Vec::new();
    let mut change = Expression::default();
    match &settled.outcome {
        Outcome::Retry { .. } => {
            set.extend(["due_pk = :dp", "due_at = :da"]);
            change = change.text(":dp", Key::due_partition(connection, shard(&settled.event))).text(":da", sortable(retry_at));
        }
        Outcome::Parked { .. } => {
            set.extend(["due_pk = :dp", "due_at = :da"]);
            change = change.text(":dp", Key::parked_partition(connection)).text(":da", sortable(now));
        }
        Outcome::Dead { .. } => {
            set.extend(["due_pk = :dp", "due_at = :da", "#ttl = :ttl"]);
            change = change.text(":dp", Key::dead_partition(connection)).text(":da", sortable(now)).number(":ttl", after_days(now, KEPT_DAYS));
        }
        Outcome::Applied { .. } | Outcome::Unchanged { .. } | Outcome::Superseded => {
            remove.extend(["due_pk", "due_at"]);
            set.push("#ttl = :ttl");
            change = change.number(":ttl", after_days(now, KEPT_DAYS));
        }
    }
    match settled.doubt {
        Some(doubt) => {
            set.push("doubt = :doubt");
            change = change.value(":doubt", &doubt)?;
        }
        None => remove.push("doubt"),
    }
    if let Some(person) = person {
        set.push("person_pk = :pp");
        change = change.text(":pp", Key::person(connection, person).pk);
    }
    let mut text = format!("SET {}", set.join(", "));
    if !remove.is_empty() {
        text = format!("{text} REMOVE {}", remove.join(", "));
    }
    let change = Expression { update: Some(text), ..change };
    let change = change.only_if("attribute_exists(pk) AND attempts = :was AND attribute_not_exists(#ttl)").name("#ttl", "ttl");
    let change = change.name("#s", "status").text(":s", settled.outcome.name()).value(":o", &settled.outcome)?;
    let change = change.number(":n", attempts + 1).number(":was", attempts).value(":d", &settled.done)?.text(":now", sortable(now));
    Ok(Write::Update(Key::event(connection, &settled.event), change))
}
