//! The directory of people, for the platform that has no webhook of its own to receive: it says what somebody is like, reads what is known of
//! them, and lists who has changed. Whoever has the source's key may do so, for the connections that the key is of.

use std::collections::BTreeMap;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{Accepted, MAX_BODY, invalid, proof::Proof, store_all, unavailable, verified};
use crate::{
    adapters::state::{StateError, people::Whom},
    domain::{
        config::Signature,
        event::{PERSON_UPSERTED, parse_json, read_events},
        ids::{ConnectionId, EventId, ObjectName, PersonKey, RecordId, SourceId},
        person::{Person, id_alias, short_hash},
        place::Place,
    },
    ports::Ports,
    shell::problem::{Fault, Problem},
};

/// The most people of one answer.
const MOST: usize = 200;
/// How many there are where nobody says.
const USUAL: usize = 50;
/// The index may be behind by so much: whoever changed later is told with the next question.
const SETTLED: SignedDuration = SignedDuration::from_secs(10);

/// A person was said to be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upserted {
    /// The event that it became; its outcome can be asked for.
    pub event: EventId,
    /// Whether it is new.
    #[serde(flatten)]
    pub accepted: Accepted,
}

/// Somebody as one connection knows them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Known {
    /// The connection.
    pub connection: ConnectionId,
    /// What they are like, by attribute path.
    pub attributes: BTreeMap<String, Attribute>,
    /// Their Salesforce record.
    pub salesforce: Option<Record>,
    /// When anything of this was changed last; only where people are listed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Timestamp>,
}

/// A value, and since when it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribute {
    /// The value; null was taken away.
    pub value: Value,
    /// Since when, by whoever stated it.
    pub at: Timestamp,
    /// Who stated it: `platform` or `salesforce`.
    pub from: &'static str,
}

/// A Salesforce record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Lead or Contact.
    pub object: ObjectName,
    /// Its id.
    pub id: RecordId,
}

/// People who have changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// They, the longest unchanged first.
    pub people: Vec<Known>,
    /// What to ask after next. It stays the same where nobody has changed.
    pub next: String,
    /// Whether there are more already.
    pub more: bool,
}

/// What is asked for of those who have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The connection, where the key is of several.
    pub connection: Option<String>,
    /// Who changed at that time or later; all, where neither this nor `after` is given.
    pub since: Option<String>,
    /// The `next` of the former answer.
    pub after: Option<String>,
    /// How many at most.
    pub limit: Option<String>,
}

/// Takes what the platform says of the person with its id `person`. When it answers `Ok`, that is durable, and it will go to Salesforce as any
/// event does. The header `idempotency-key` makes a repeat harmless.
pub async fn upsert(ports: Ports<'_>, source: &str, person: &str, headers: &HeaderMap, body: &[u8]) -> Result<Upserted, Problem> {
    if body.len() > MAX_BODY {
        return Err(Problem::new(413, "body_too_large", "The body is larger than 256 KB."));
    }
    let (source, connections) = keyed(ports, source, headers).await?;
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(|key| short_hash(&format!("{person}/{key}")));
    let mut event = match parse_json(body).map_err(invalid)? {
        Value::Object(event) => event,
        _ => return Err(invalid_at("body", "Send an object with the member person.")),
    };
    if let Some(name) = ["id", "type"].into_iter().find(|name| event.contains_key(*name)) {
        return Err(invalid_at(name, "This is not a part of what a person is like."));
    }
    let named = key.is_some();
    event.insert("id".to_owned(), format!("person:{}", key.unwrap_or_else(|| ports.ids.fresh())).into());
    event.insert("type".to_owned(), PERSON_UPSERTED.into());
    if !event.contains_key("occurred_at") {
        if named {
            return Err(invalid_at("occurred_at", "With an idempotency-key, say when it was so: a repeat must say the same."));
        }
        event.insert("occurred_at".to_owned(), ports.clock.now().to_string().into());
    }
    if let Some(attributes) = event.get_mut("person").and_then(Value::as_object_mut) {
        let own = attributes.entry("id").or_insert_with(|| person.into());
        let own = own.as_str().map_or_else(|| own.to_string(), str::to_owned);
        if own != person {
            return Err(invalid_at("person.id", "This is another id than the address has."));
        }
    }
    let events = read_events(Value::Object(event)).map_err(invalid)?;
    let Some(event) = events.first().map(|event| event.id.clone()) else { return Err(Problem::unavailable()) };
    let accepted = store_all(ports, &source, &connections, &events).await?;
    Ok(Upserted { event, accepted })
}

/// Somebody by the platform's id, as each connection knows them whose key was shown.
pub async fn read(ports: Ports<'_>, source: &str, person: &str, headers: &HeaderMap) -> Result<Vec<Known>, Problem> {
    let (source, connections) = keyed(ports, source, headers).await?;
    let mut found = Vec::new();
    for c in connections {
        let people = async {
            let keys: Vec<PersonKey> = ports.table.load_aliases(&c, &[id_alias(person)]).await?.into_iter().map(|(_, key)| key).collect();
            let organization = organization(ports, &c).await?;
            ports.table.load_people(&c, organization.as_deref(), &keys).await
        };
        let people = people.await.map_err(|error| unavailable(&source, &error))?;
        found.extend(people.into_iter().map(|person| known(&c, person, None)));
    }
    if found.is_empty() {
        return Err(Problem::new(404, "unknown_person", "Nobody with this id is known yet. What was sent a moment ago may still be under way."));
    }
    Ok(found)
}

/// Who has changed.
pub async fn list(ports: Ports<'_>, source: &str, asked: &Asked, headers: &HeaderMap) -> Result<Changed, Problem> {
    let (source, mut connections) = keyed(ports, source, headers).await?;
    if let Some(wanted) = &asked.connection {
        connections.retain(|c| c.as_str() == wanted);
    }
    let [c] = connections.as_slice() else {
        return Err(invalid_at("connection", "Name one of the connections that the key is of, as ?connection=…"));
    };
    let limit = match &asked.limit {
        None => USUAL,
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| invalid_at("limit", &format!("Write a number from 1 to {MOST}.")))?,
    };
    let after = match (&asked.after, &asked.since) {
        (Some(after), _) => Place::parse(after).ok_or_else(|| invalid_at("after", "Write what the former answer had as next."))?,
        (None, Some(since)) => {
            let since = since.parse().map_err(|_| invalid_at("since", "Write a time with its offset, like 2026-03-01T14:05:00Z."))?;
            Place::at(since)
        }
        (None, None) => Place::at(Timestamp::UNIX_EPOCH),
    };
    let now = ports.clock.now();
    let until = Place::at(now.saturating_sub(SETTLED).unwrap_or(now));
    changed(ports, c, &after, &until, limit).await.map_err(|error| unavailable(&source, &error))
}

async fn changed(ports: Ports<'_>, c: &ConnectionId, after: &Place, until: &Place, limit: usize) -> Result<Changed, StateError> {
    let mut places = ports.table.changed_people(c, Whom::Everybody, (after, until), limit + 1).await?;
    let more = places.len() > limit;
    places.truncate(limit);
    let next = places.last().map_or(after, |(place, _)| place).as_str().to_owned();
    let keys: Vec<PersonKey> = places.iter().map(|(_, key)| key.clone()).collect();
    let organization = organization(ports, c).await?;
    let mut people: BTreeMap<PersonKey, Person> =
        ports.table.load_people(c, organization.as_deref(), &keys).await?.into_iter().map(|person| (person.key.clone(), person)).collect();
    let people = places.into_iter().filter_map(|(place, key)| Some(known(c, people.remove(&key)?, place.time())));
    Ok(Changed { people: people.collect(), next, more })
}

/// The org whose records count.
async fn organization(ports: Ports<'_>, c: &ConnectionId) -> Result<Option<String>, StateError> {
    Ok(ports.table.load_meta(c).await?.and_then(|meta| meta.organization))
}

/// The source, and those of its connections whose key the header `Authorization: Bearer …` shows.
pub(super) async fn keyed(ports: Ports<'_>, source: &str, headers: &HeaderMap) -> Result<(SourceId, Vec<ConnectionId>), Problem> {
    let refused = || Problem::new(401, "not_signed", "Send the source's signing key: Authorization: Bearer and the key.");
    let source = SourceId::parse(source).map_err(|_| refused())?;
    let proof = Proof::find(&Signature::Bearer, headers, b"", ports.clock.now().as_second()).map_err(|_| refused())?;
    let known = ports.table.load_source(&source).await.map_err(|error| unavailable(&source, &error))?.ok_or_else(refused)?;
    let verified = verified(ports, &source, known.connections, &proof).await?;
    if verified.is_empty() { Err(refused()) } else { Ok((source, verified)) }
}

fn known(c: &ConnectionId, person: Person, changed_at: Option<Timestamp>) -> Known {
    let attributes = person.attributes.into_iter().map(|(path, dated)| {
        let from = if dated.event.is_some() { "platform" } else { "salesforce" };
        (path, Attribute { value: dated.value, at: dated.at, from })
    });
    let salesforce = person.link.map(|link| Record { object: link.object, id: link.id });
    Known { connection: c.clone(), attributes: attributes.collect(), salesforce, changed_at }
}

fn invalid_at(place: &str, message: &str) -> Problem {
    Problem {
        faults: vec![Fault { place: place.to_owned(), message: message.to_owned() }],
        ..Problem::new(400, "invalid_request", "The request cannot be understood; mend what is listed.")
    }
}
