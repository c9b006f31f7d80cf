//! People: the transaction that records what a plan brought about for one of them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Expression, Index, Key, SHARDS, StateError, Table, Write,
    deliveries::delivery_writes,
    events::{StoredEvent, settle_write, sortable},
    told::told_write,
};
use crate::domain::{
    delivery::Delivery,
    ids::{ConnectionId, PersonKey, RecordId},
    person::{Person, spread},
    place::Place,
    plan::{Change, Kept, Note, Settled, Taken, Told},
};
use crate::planted::{self, Bug};

/// Who an identity or a Salesforce record belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belongs {
    /// The person.
    pub person: PersonKey,
    /// The org of a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// Why a person's record has its values, and why it is that record: one item per plan that wrote it or had to choose it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why<'a> {
    /// The configuration version.
    pub config_version: u64,
    /// The record.
    pub record: RecordId,
    /// What changed, and the rule behind each change; empty where the record was only chosen.
    pub changes: &'a [Change],
    /// What was taken over from Salesforce, and the rule behind it.
    #[serde(skip_serializing_if = "<[Taken]>::is_empty")]
    pub taken: &'a [Taken],
    /// What was left as it was although the sides differ, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<&'a Kept>,
    /// Remarks.
    pub notes: &'a [Note],
}

/// Everything that is stored together about one person.
#[derive(Debug, Clone)]
pub struct Recording<'a> {
    /// The person as they were read.
    pub before: u64,
    /// The person as they are to be stored (their version is set here); `None` = nothing about them changes.
    pub person: Option<&'a Person>,
    /// The org that the person's record is in.
    pub organization: Option<&'a str>,
    /// Identities that lead to the person from now on, with whom they led to.
    pub claims: &'a BTreeMap<String, Option<PersonKey>>,
    /// Events with the number of tries before this one.
    pub events: &'a [(Settled, u32)],
    /// Records that keep times of their own, of which the events tell.
    pub told: &'a [&'a Told],
    /// What the platform is told of the person, in this order: [`MOST_AT_ONCE`](super::deliveries::MOST_AT_ONCE) at most, and only together
    /// with the person, whose new version is their place among the person's others.
    pub deliveries: &'a [Delivery],
    /// The explanation, if something was written or chosen.
    pub why: Option<Why<'a>>,
    /// When retries are due.
    pub retry_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// The plan's id; it makes a repeat of the transaction harmless.
    pub plan: &'a str,
}

/// How many people are looked at at a time to be counted.
const COUNTED_AT_ONCE: i32 = 1_000;

/// What is read of somebody to be counted.
#[derive(Debug, Deserialize)]
struct Synchronised {
    #[serde(default)]
    link: Option<SynchronisedLink>,
}

#[derive(Debug, Deserialize)]
struct SynchronisedLink {
    #[serde(default)]
    synced_at: Option<Timestamp>,
}

/// Which of a connection's people. Companies are nobody whom a platform asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// All of them.
    Everybody,
    /// Those who have a Salesforce record.
    Linked,
    /// All of them, and the companies.
    WithCompanies,
}

impl Whom {
    fn partitions(self, c: &ConnectionId) -> Vec<String> {
        let kinds: &[bool] = if self == Self::Linked { &[true] } else { &[true, false] };
        let people = kinds.iter().flat_map(|linked| (0..SHARDS).map(|shard| Key::people_partition(c, *linked, shard)));
        let companies = (0..SHARDS).filter(|_| self == Self::WithCompanies).map(|shard| Key::companies_partition(c, shard));
        people.chain(companies).collect()
    }
}

impl Table {
    /// A connection's people who were changed after `after` and before `until`, the longest unchanged first, `most` at most; by an index,
    /// which may lag by a moment. Whoever is changed again moves to the end.
    pub async fn changed_people(
        &self,
        c: &ConnectionId,
        whom: Whom,
        (after, until): (&Place, &Place),
        most: usize,
    ) -> Result<Vec<(Place, PersonKey)>, StateError> {
        let (mut found, range) = (Vec::new(), (after.as_str(), until.as_str()));
        for partition in whom.partitions(c) {
            let keys = self.index_between(Index::People, &partition, range, i32::try_from(most).unwrap_or(i32::MAX)).await?;
            found.extend(keys.into_iter().filter_map(|(key, sort)| Some((Place::parse(&sort)?, key.as_person()?))));
        }
        found.sort();
        found.truncate(most);
        Ok(found)
    }

    /// How many of a connection's people were changed last after `after` and before `until`, by the index.
    pub async fn count_people(&self, c: &ConnectionId, whom: Whom, after: &Place, until: &Place) -> Result<u64, StateError> {
        let mut count = 0;
        for partition in whom.partitions(c) {
            count += self.index_count(Index::People, &partition, (after.as_str(), until.as_str())).await?;
        }
        Ok(count)
    }

    /// How many people with a record were brought together with it last at `since` or later, and before `until`. Whoever was so was stored then
    /// or later, so the index tells whose items are read for it. Those stored before there was such a time count by when they were stored.
    ///
    /// # Errors
    /// See [`StateError`].
    pub async fn count_synchronised(&self, c: &ConnectionId, since: Timestamp, until: Timestamp) -> Result<u64, StateError> {
        let (mut count, end) = (0, Place::at(Timestamp::MAX));
        for partition in Whom::Linked.partitions(c) {
            let mut after = Place::at(since).as_str().to_owned();
            loop {
                let page = self.index_between(Index::People, &partition, (&after, end.as_str()), COUNTED_AT_ONCE).await?;
                let Some((_, last)) = page.last() else { break };
                after.clone_from(last);
                let stored: BTreeMap<Key, Option<Timestamp>> =
                    page.into_iter().map(|(key, sort)| (key, Place::parse(&sort).and_then(|place| place.time()))).collect();
                let keys: Vec<Key> = stored.keys().cloned().collect();
                let people = self.get_many::<Synchronised>(&keys).await?;
                let times = people.into_iter().filter_map(|(key, person)| {
                    let stored = stored.get(&key).copied().flatten();
                    person.link.and_then(|link| link.synced_at.or(stored))
                });
                count += times.filter(|at| (since..until).contains(at)).count() as u64;
            }
        }
        Ok(count)
    }

    /// The people behind identities.
    pub async fn load_aliases(&self, c: &ConnectionId, aliases: &[String]) -> Result<Vec<(String, PersonKey)>, StateError> {
        let named = aliases.iter().map(|alias| (Key::alias(c, alias), alias.clone())).collect();
        let found = self.get_named::<_, Belongs>(named).await?;
        Ok(found.into_iter().map(|(alias, belongs)| (alias, belongs.person)).collect())
    }

    /// People by key, as this org concerns them; absent ones are left out.
    pub async fn load_people(&self, c: &ConnectionId, organization: Option<&str>, people: &[PersonKey]) -> Result<Vec<Person>, StateError> {
        let keys: Vec<Key> = people.iter().map(|person| Key::person(c, person)).collect();
        Ok(self.get_many::<Person>(&keys).await?.into_iter().map(|(_, person)| person.in_org(organization)).collect())
    }

    /// The keys of people who wait for a run since `until` at the latest, `most` at most; longest waiting first.
    pub async fn pending_people(&self, c: &ConnectionId, until: Timestamp, most: i32) -> Result<Vec<PersonKey>, StateError> {
        let keys = self.index_keys(Index::Due, &Key::pending_partition(c), &sortable(until), most).await?;
        Ok(keys.iter().filter_map(Key::as_person).collect())
    }

    /// Who records of an org belong to; those of nobody are left out.
    pub async fn load_record_owners(
        &self,
        c: &ConnectionId,
        organization: Option<&str>,
        records: &[RecordId],
    ) -> Result<Vec<(RecordId, PersonKey)>, StateError> {
        let named = records.iter().map(|record| (Key::record(c, record), *record)).collect();
        let found = self.get_named::<_, Belongs>(named).await?;
        let here = |belongs: &Belongs| belongs.organization.as_deref().zip(organization).is_none_or(|(noted, org)| noted == org);
        Ok(found.into_iter().filter(|(_, belongs)| here(belongs)).map(|(record, belongs)| (record, belongs.person)).collect())
    }

    /// The explanations of the person of an event, oldest first, `most` at most; none before the event's first try.
    pub async fn load_why(&self, event: &StoredEvent, most: usize) -> Result<Vec<serde_json::Value>, StateError> {
        let Some(partition) = &event.person_pk else { return Ok(Vec::new()) };
        let found = self.pages::<serde_json::Map<_, _>>(partition, Key::WHY, most).await?;
        let explanations = found.into_iter().map(|(key, mut explanation)| {
            explanation.retain(|name, _| name != "pk" && name != "sk");
            let at = key.sk.strip_prefix(Key::WHY).and_then(|rest| rest.split('#').next()).unwrap_or_default();
            explanation.insert("at".to_owned(), at.into());
            explanation.into()
        });
        Ok(explanations.collect())
    }

    /// Records everything about one person together: person, identities, record, events, explanation, deliveries, and when records were told
    /// of. A hundred items at most.
    /// [`StateError::Conflict`] means that somebody else was there first: nothing is stored.
    pub async fn record(&self, c: &ConnectionId, recording: Recording<'_>) -> Result<(), StateError> {
        let mut writes = Vec::new();
        if let Some(person) = recording.person {
            let mut stored = Person { version: recording.before + 1, ..person.clone() };
            if let Some(link) = &mut stored.link {
                link.organization = recording.organization.map(str::to_owned);
            }
            let condition = match recording.before {
                before if before > 0 && planted::is(Bug::VersionAtLeast) => Expression::condition("version >= :v").number(":v", before),
                before => Expression::unchanged_since(before),
            };
            let mut write = Write::put(Key::person(c, &person.key), &stored, Some(condition))?;
            if let Write::Put(_, item, _) = &mut write {
                let shard = spread(stored.key.as_str()) % SHARDS;
                let people = || Key::people_partition(c, stored.link.is_some(), shard);
                let partition = if stored.is_company() { Key::companies_partition(c, shard) } else { people() };
                let mut indexed = vec![(Index::People, partition, Place::of(&stored.key, recording.now).as_str().to_owned())];
                indexed.extend(stored.pending.map(|since| (Index::Due, Key::pending_partition(c), sortable(since))));
                for (index, partition, sort) in indexed {
                    item.insert(index.partition().to_owned(), AttributeValue::S(partition));
                    item.insert(index.sort().to_owned(), AttributeValue::S(sort));
                }
            }
            writes.push(write);
            for (alias, from) in recording.claims {
                writes.push(belongs(Key::alias(c, alias), &person.key, from.as_ref(), None)?);
            }
            if let Some(link) = &person.link {
                writes.push(belongs(Key::record(c, &link.id), &person.key, None, recording.organization)?);
            }
            if let Some(why) = &recording.why {
                let time = sortable(recording.now);
                writes.push(Write::put(Key::why(c, &person.key, &time, recording.plan), why, None)?);
            }
            writes.extend(delivery_writes(c, &person.key, stored.version, recording.deliveries, recording.now)?);
        } else if !recording.deliveries.is_empty() {
            return Err(StateError::bug("a delivery without its person"));
        }
        let key = recording.person.map(|person| &person.key);
        for (settled, attempts) in recording.events {
            writes.push(settle_write(c, key, settled, *attempts, recording.retry_at, recording.now)?);
        }
        for told in recording.told {
            writes.push(told_write(c, told, recording.now)?);
        }
        if writes.is_empty() {
            return Ok(());
        }
        let subject = key.map_or_else(|| recording.events.first().map(|(s, _)| s.event.to_string()).unwrap_or_default(), |key| key.to_string());
        let token = crate::domain::person::short_hash(&format!("{}/{subject}", recording.plan));
        self.transact(writes, &token).await
    }
}

/// Claims an identity or a record for a person, unless it belongs to somebody else than who gives it up. A record of another org that has the
/// same id stands in nobody's way.
fn belongs(key: Key, person: &PersonKey, from: Option<&PersonKey>, organization: Option<&str>) -> Result<Write, StateError> {
    let free = "attribute_not_exists(pk) OR person IN (:p, :from)";
    let condition = match organization {
        None => Expression::condition(free),
        Some(org) => {
            let elsewhere = "(attribute_exists(organization) AND organization <> :org)";
            Expression::condition(&format!("{free} OR {elsewhere}")).text(":org", org)
        }
    };
    let condition = condition.text(":p", person.as_str()).text(":from", from.unwrap_or(person).as_str());
    Write::put(key, &Belongs { person: person.clone(), organization: organization.map(str::to_owned) }, Some(condition))
}
