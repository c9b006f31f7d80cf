//! The keys of the table. Every key of a tenant's item begins with its connection, and only a [`ConnectionId`] makes one.

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Item, StateError};
use crate::domain::ids::{ConnectionId, EventId, ObjectName, PersonKey, RecordId, SourceId};
use crate::planted::{self, Bug};

/// Partition key and sort key of one item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pk, self.sk)
    }
}

/// The partition that lists all connections.
pub const CONNECTIONS: &str = "CONNECTIONS";

/// How many partitions a connection's due work, the events of its days and its people are spread over.
pub const SHARDS: u8 = 4;

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// The partition of a connection's own items.
    #[must_use]
    pub fn connection_partition(c: &ConnectionId) -> String {
        format!("CONN#{c}")
    }

    /// The entry of a connection in the list of all.
    #[must_use]
    pub fn listed(c: &ConnectionId) -> Self {
        Self::new(CONNECTIONS.to_owned(), c.as_str())
    }

    /// A source and the connections that it feeds.
    #[must_use]
    pub fn source(s: &SourceId) -> Self {
        Self::new(format!("SOURCE#{s}"), "META")
    }

    /// An item of the connection itself: `META`, `WRITER`, `TOKEN`, `CONFIG#…`, `SCHEMA#…`.
    fn of_connection(c: &ConnectionId, sk: impl Into<String>) -> Self {
        Self::new(Self::connection_partition(c), sk)
    }

    /// What the sort keys of a person's explanations begin with.
    pub const WHY: &str = "WHY#";

    /// State and current configuration version of a connection.
    #[must_use]
    pub fn meta(c: &ConnectionId) -> Self {
        Self::of_connection(c, "META")
    }

    /// The lease of the one who writes to the org.
    #[must_use]
    pub fn writer(c: &ConnectionId) -> Self {
        Self::of_connection(c, "WRITER")
    }

    /// The pointer to the current version of the connection's Salesforce secret.
    #[must_use]
    pub fn token(c: &ConnectionId) -> Self {
        Self::of_connection(c, "TOKEN")
    }

    /// One configuration version.
    #[must_use]
    pub fn config(c: &ConnectionId, version: u64) -> Self {
        Self::of_connection(c, format!("CONFIG#{version:010}"))
    }

    /// The cached description of one Salesforce object.
    #[must_use]
    pub fn schema(c: &ConnectionId, object: &ObjectName) -> Self {
        Self::of_connection(c, format!("SCHEMA#{object}"))
    }

    /// What the mapped fields were like when somebody agreed to them.
    #[must_use]
    pub fn lock(c: &ConnectionId) -> Self {
        Self::of_connection(c, "LOCK")
    }

    /// How the sort keys of a connection's problems begin.
    pub const PROBLEMS: &'static str = "PROBLEM#";

    /// One problem, by its code and a hash of what it is about.
    #[must_use]
    pub fn problem(c: &ConnectionId, code: &str, hash: &str) -> Self {
        Self::of_connection(c, format!("{}{code}#{hash}", Self::PROBLEMS))
    }

    /// How many events of a day intake has stored, in one of its parts.
    #[must_use]
    pub fn ledger(c: &ConnectionId, day: Date, shard: u8) -> Self {
        Self::of_connection(c, format!("LEDGER#{day}#{shard}"))
    }

    /// The API calls of a day.
    #[must_use]
    pub fn usage(c: &ConnectionId, day: Date) -> Self {
        Self::of_connection(c, format!("USAGE#{day}"))
    }

    /// A user of the org, by a hash of their address.
    #[must_use]
    pub fn user(c: &ConnectionId, hash: &str) -> Self {
        Self::of_connection(c, format!("USER#{hash}"))
    }

    /// A user of the platform, by a hash of the name that it shows.
    #[must_use]
    pub fn platform_user(c: &ConnectionId, hash: &str) -> Self {
        Self::of_connection(c, format!("PLATFORM_USER#{hash}"))
    }

    /// A campaign that the document names, by a hash of how it does.
    #[must_use]
    pub fn campaign(c: &ConnectionId, hash: &str) -> Self {
        Self::of_connection(c, format!("CAMPAIGN#{hash}"))
    }

    /// How the sort keys begin of what is known of an org alone.
    pub(super) const OF_ORG: [&'static str; 3] = ["SCHEMA#", "USER#", "CAMPAIGN#"];

    /// A single-use connect ticket, by the hash of its text.
    #[must_use]
    pub fn ticket(c: &ConnectionId, hash: &str) -> Self {
        Self::of_connection(c, format!("TICKET#{hash}"))
    }

    /// A single-use OAuth state, by the hash of its text.
    #[must_use]
    pub fn oauth_state(c: &ConnectionId, hash: &str) -> Self {
        Self::of_connection(c, format!("STATE#{hash}"))
    }

    /// An event.
    #[must_use]
    pub fn event(c: &ConnectionId, e: &EventId) -> Self {
        let e = if planted::is(Bug::ShortKey) { e.as_str().get(..7).unwrap_or_default() } else { e.as_str() };
        Self::new(format!("CONN#{c}#EVENT#{e}"), "EVENT")
    }

    /// A person.
    #[must_use]
    pub fn person(c: &ConnectionId, p: &PersonKey) -> Self {
        if planted::is(Bug::ForgetTenant) {
            return Self::new(format!("CONN#PERSON#{p}"), "PERSON");
        }
        Self::new(format!("CONN#{c}#PERSON#{p}"), "PERSON")
    }

    /// Why a person's record has the values it has: one item per plan that wrote.
    #[must_use]
    pub fn why(c: &ConnectionId, p: &PersonKey, time: &str, plan: &str) -> Self {
        Self::new(format!("CONN#{c}#PERSON#{p}"), format!("{}{time}#{plan}", Self::WHY))
    }

    /// What the sort keys of a person's deliveries begin with.
    pub const DELIVERIES: &str = "DELIVERY#";

    /// What the platform is told of a person: the deliveries that were recorded with the person's `version`, the `nth` of them from 0. They sort
    /// in the order in which they are sent.
    #[must_use]
    pub fn delivery(c: &ConnectionId, p: &PersonKey, version: u64, nth: usize) -> Self {
        Self::new(format!("CONN#{c}#PERSON#{p}"), format!("{}{version:010}#{nth:02}", Self::DELIVERIES))
    }

    /// The person of a delivery's key, as an index gives it; `None` for any other item.
    pub(super) fn as_delivery(&self) -> Option<PersonKey> {
        self.of_person().filter(|_| self.sk.starts_with(Self::DELIVERIES))
    }

    /// Whose item it is; `None` where it is no person's.
    fn of_person(&self) -> Option<PersonKey> {
        Self::person_in(&self.pk)
    }

    /// The person of a partition; `None` where it is no person's.
    #[must_use]
    pub fn person_in(partition: &str) -> Option<PersonKey> {
        let (_, person) = partition.strip_prefix("CONN#")?.split_once("#PERSON#")?;
        PersonKey::parse(person).ok()
    }

    /// The person behind an identity; `alias` is `id:…` or `email:` and a hash.
    #[must_use]
    pub fn alias(c: &ConnectionId, alias: &str) -> Self {
        if planted::is(Bug::ForgetTenant) {
            return Self::new(format!("CONN#ALIAS#{alias}"), "ALIAS");
        }
        Self::new(format!("CONN#{c}#ALIAS#{alias}"), "ALIAS")
    }

    /// The events that wait for an identity that somebody else has.
    #[must_use]
    pub fn waiting(c: &ConnectionId, alias: &str) -> Self {
        Self::new(format!("CONN#{c}#ALIAS#{alias}"), "WAITING")
    }

    /// The person that a Salesforce record belongs to.
    #[must_use]
    pub fn record(c: &ConnectionId, r: &RecordId) -> Self {
        Self::new(format!("CONN#{c}#RECORD#{r}"), "RECORD")
    }

    /// When a record of a workflow was told of its fields, by a hash of what it is found by.
    #[must_use]
    pub fn told(c: &ConnectionId, hash: &str) -> Self {
        Self::new(format!("CONN#{c}#TOLD#{hash}"), "TOLD")
    }

    /// The partition of the due index that an event's work is in.
    #[must_use]
    pub fn due_partition(c: &ConnectionId, shard: u8) -> String {
        format!("DUE#{c}#{shard}")
    }

    /// Whether a partition of the due index is one of work that is due.
    pub(super) fn is_due_partition(pk: &str) -> bool {
        pk.starts_with("DUE#")
    }

    /// The partition of the due index that lists what is parked as a problem.
    #[must_use]
    pub fn parked_partition(c: &ConnectionId) -> String {
        format!("PARKED#{c}")
    }

    /// The partition of the due index that lists people who wait for a run.
    #[must_use]
    pub fn pending_partition(c: &ConnectionId) -> String {
        format!("PENDING#{c}")
    }

    /// The partition of the people index that somebody is in: those who have a Salesforce record apart from the others.
    #[must_use]
    pub fn people_partition(c: &ConnectionId, linked: bool, shard: u8) -> String {
        format!("{}#{c}#{shard}", if linked { "LINKED" } else { "UNLINKED" })
    }

    /// The partition of the people index that a company is in.
    #[must_use]
    pub fn companies_partition(c: &ConnectionId, shard: u8) -> String {
        format!("COMPANIES#{c}#{shard}")
    }

    /// What the contacts were told.
    #[must_use]
    pub fn alert(c: &ConnectionId) -> Self {
        Self::of_connection(c, "ALERT")
    }

    /// How far the hourly runs are.
    #[must_use]
    pub fn cursor(c: &ConnectionId) -> Self {
        Self::of_connection(c, "CURSOR")
    }

    /// How far the timeline is with what came before it.
    #[must_use]
    pub fn backfill(c: &ConnectionId) -> Self {
        Self::of_connection(c, "BACKFILL")
    }

    /// How the sort keys of a connection's runs begin.
    pub const RUNS: &'static str = "RUN#";

    /// The report of a run.
    #[must_use]
    pub fn run(c: &ConnectionId, time: &str, id: &str) -> Self {
        Self::of_connection(c, format!("{}{time}#{id}", Self::RUNS))
    }

    /// The partition of the due index that lists what was given up.
    #[must_use]
    pub fn dead_partition(c: &ConnectionId) -> String {
        format!("DEAD#{c}")
    }

    /// The partition of the due index that lists what the platform is still to be told.
    #[must_use]
    pub fn delivery_partition(c: &ConnectionId) -> String {
        format!("DELIVER#{c}")
    }

    /// The partition of the due index that lists what the platform was not told, because it was given up.
    #[must_use]
    pub fn undelivered_partition(c: &ConnectionId) -> String {
        format!("UNDELIVERED#{c}")
    }

    /// The partition of the day index that the events received on a day are in.
    #[must_use]
    pub fn day_partition(c: &ConnectionId, day: Date, shard: u8) -> String {
        format!("DAY#{c}#{day}#{shard}")
    }

    /// The connection and event of an event's key, as a stream or an index gives it; `None` for any other item.
    #[must_use]
    pub fn as_event(&self) -> Option<(ConnectionId, EventId)> {
        let (c, e) = self.pk.strip_prefix("CONN#")?.split_once("#EVENT#")?;
        (self.sk == "EVENT").then_some(())?;
        Some((ConnectionId::parse(c).ok()?, EventId::parse(e).ok()?))
    }

    /// The person of a person's key, as an index gives it.
    #[must_use]
    pub fn as_person(&self) -> Option<PersonKey> {
        self.of_person().filter(|_| self.sk == "PERSON")
    }

    pub(super) fn item(&self) -> Item {
        let text = |t: &str| AttributeValue::S(t.to_owned());
        Item::from([("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))])
    }

    pub(super) fn of(item: &Item) -> Result<Self, StateError> {
        let text = |name: &str| item.get(name).and_then(|v| v.as_s().ok()).cloned();
        match (text("pk"), text("sk")) {
            (Some(pk), Some(sk)) => Ok(Self { pk, sk }),
            _ => Err(StateError::bug("an item without its keys")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_event_key_is_read_back() {
        let (c, e) = (ConnectionId::parse("kayo").unwrap(), EventId::parse("a:b/c").unwrap());
        assert_eq!(Key::event(&c, &e).as_event(), Some((c.clone(), e)));
        assert_eq!(Key::meta(&c).as_event(), None);
    }

    #[test]
    fn deliveries_sort_by_the_versions_of_their_person() {
        let (c, p) = (ConnectionId::parse("kayo").unwrap(), PersonKey::parse("p1").unwrap());
        let keys: Vec<Key> = [(9, 0), (9, 1), (10, 0), (123, 0)].map(|(version, nth)| Key::delivery(&c, &p, version, nth)).into();
        assert!(keys.is_sorted());
        assert!(keys.iter().all(|key| key.as_delivery() == Some(p.clone())));
        assert_eq!((Key::person(&c, &p).as_delivery(), keys.first().and_then(Key::as_event)), (None, None));
    }

    #[test]
    fn no_id_can_reach_into_another_connection() {
        // A '#' is what separates the parts of a key; no id may carry one.
        assert!(ConnectionId::parse("a#EVENT#b").is_err());
        assert!(EventId::parse("x#y").is_err());
    }
}
