//! A person as one connection knows them: dated attributes, identities, and the tie to a Salesforce record. A company is known in the
//! same way, so it is the same type.
//!
//! Order comes from here and never from the stream: each attribute keeps the time of the event that stated it, and old
//! and new events are folded by time of occurrence.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    company,
    event::{Event, hex, is_blank},
    ids::{ConnectionId, EventId, FieldName, ObjectName, PersonKey, ProjectId, RecordId},
};
use crate::planted::{self, Bug};

/// A person, or a company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Our id.
    pub key: PersonKey,
    /// Which of the two.
    #[serde(default, skip_serializing_if = "Kind::is_person")]
    pub kind: Kind,
    /// Raised by every write; each write is conditional on it. 0 = not stored yet.
    pub version: u64,
    /// What is known, by path, for example `person.first_name`.
    pub attributes: BTreeMap<String, Dated>,
    /// The identities, as [`id_alias`] and [`email_alias`] make them; of a company as [`company::identities`] does.
    pub aliases: BTreeSet<String>,
    /// The company that a person belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Employer>,
    /// The Salesforce record.
    #[serde(default)]
    pub link: Option<Link>,
    /// Events parked until something about this person (or the configuration) changes.
    #[serde(default)]
    pub waiting: BTreeSet<EventId>,
    /// The projects of the events that were about them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub projects: BTreeSet<ProjectId>,
    /// Since when they wait for a run to carry what they have to Salesforce, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Timestamp>,
}

/// What an item of the table stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody, who is a lead or a contact.
    #[default]
    Person,
    /// A company, which is an account.
    Company,
}

impl Kind {
    const fn is_person(&self) -> bool {
        matches!(self, Self::Person)
    }
}

/// Which company is a person's, as stated last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employer {
    /// The company.
    pub key: PersonKey,
    /// When the event that stated it occurred.
    pub at: Timestamp,
    /// That event.
    pub event: EventId,
}

/// A value, and since when it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dated {
    /// The value. Null where it was taken away, and a rule takes that for a statement.
    pub value: Value,
    /// When the event that stated it occurred.
    pub at: Timestamp,
    /// That event; `None` where the value was taken from Salesforce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// That event's project, whose rules hold for the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
}

/// The stored tie between a person and a Salesforce record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Lead or Contact; Account for a company.
    pub object: ObjectName,
    /// The record.
    pub id: RecordId,
    /// The org that it is in; noted when the person is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// What each field was when it was last seen or sent.
    #[serde(default)]
    pub bases: BTreeMap<FieldName, Base>,
    /// Set when Salesforce said that the record is gone, merged or converted: look before the next write.
    #[serde(default)]
    pub recheck: bool,
    /// Set when we made the record, until it is read for the first time: what it has then is nobody's statement.
    #[serde(default)]
    pub made: bool,
    /// What fields that go by time had, and how late that was, when we wrote others: since then the record is later than they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<FieldName, Left>,
    /// When both sides were brought together last: Salesforce took what was written, or the record was read and nothing was to be written. A run
    /// that finds nothing to do stores nothing, so it does not move this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<Timestamp>,
}

/// A value that we found in a record and left as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// The value.
    pub value: Value,
    /// When it was there at the latest.
    pub at: Timestamp,
}

/// The two bases of a field. Salesforce may change what it is sent (trimming, rounding, phone forms), so there is no
/// single value that both sides agree on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// The platform's value when it was last sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Value>,
    /// Salesforce's value when it was last *seen*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salesforce: Option<Value>,
    /// Since when Salesforce's value stands, where time has decided for it: no statement before that takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Set when a value was sent, until the record is read: only then is it known what the org made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
    /// How often running the org made something else of what it was sent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rewritten: u8,
}

/// So many times running, and the org is taken at its word.
const REWRITES: u8 = 2;

impl Base {
    /// Whether the org does not keep the value that the platform has.
    #[must_use]
    pub fn is_rewritten(&self) -> bool {
        self.rewritten >= REWRITES
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
const fn is_zero(count: &u8) -> bool {
    *count == 0
}

impl Link {
    /// To a record of which nothing is known yet.
    #[must_use]
    pub fn new(object: ObjectName, id: RecordId, made: bool) -> Self {
        Self { object, id, organization: None, bases: BTreeMap::new(), recheck: false, made, left: BTreeMap::new(), synced_at: None }
    }
}

/// How surely Salesforce has taken what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// It said so: the platform's base is what was sent.
    Surely,
    /// No answer came: the platform's base is what it was before.
    Perhaps,
}

impl Person {
    /// The person as one org concerns them: a tie to a record of another one is none. Ids of records are given out by each org for itself, so
    /// the same id is somebody else there.
    #[must_use]
    pub fn in_org(mut self, organization: Option<&str>) -> Self {
        let theirs = |link: &Link| link.organization.as_deref().zip(organization).is_none_or(|(noted, org)| noted == org);
        self.link = self.link.filter(theirs);
        self
    }

    /// A person of whom nothing is known yet.
    #[must_use]
    pub fn new(key: PersonKey) -> Self {
        Self {
            key,
            kind: Kind::Person,
            version: 0,
            attributes: BTreeMap::new(),
            aliases: BTreeSet::new(),
            company: None,
            link: None,
            waiting: BTreeSet::new(),
            projects: BTreeSet::new(),
            pending: None,
        }
    }

    /// A company of which nothing is known yet.
    #[must_use]
    pub fn new_company(key: PersonKey) -> Self {
        Self { kind: Kind::Company, ..Self::new(key) }
    }

    /// Whether it is a company.
    #[must_use]
    pub const fn is_company(&self) -> bool {
        matches!(self.kind, Kind::Company)
    }

    /// The company's name, as stated last.
    #[must_use]
    pub fn company_name(&self) -> Option<&str> {
        self.value(company::NAME).and_then(Value::as_str)
    }

    /// The value at a path.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<&Value> {
        self.attributes.get(path).map(|dated| &dated.value)
    }

    /// The e-mail address, as stated last.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.value("person.email").and_then(Value::as_str)
    }

    /// Takes over what an event states, where it is newer than what is known; an equal time is decided by the event's id,
    /// so that the order of arrival never matters. Blanks state nothing, unless `clears` says so of the attribute. Answers
    /// whether anything was taken.
    ///
    /// All attributes of the person are kept, and of the rest of the event those at `paths`.
    pub fn fold<'p>(&mut self, event: &Event, context: &Value, paths: impl Iterator<Item = &'p str>, clears: impl Fn(&str) -> bool) -> bool {
        let mut stated = Vec::new();
        for (name, value) in &event.person {
            flatten(&format!("person.{name}"), value, &mut stated);
        }
        for path in paths.filter(|path| !path.starts_with("person.")) {
            if let Some(value) = lookup(context, path).filter(|value| !value.is_object()) {
                stated.push((path.to_owned(), value.clone()));
            }
        }
        self.aliases.extend(aliases(event));
        self.projects.extend(event.project.as_ref().map(|project| project.id.clone()));
        self.state_all(stated, event, clears)
    }

    /// Takes over what an event states of a company, likewise.
    pub fn fold_company(&mut self, event: &Event, stated: &Map<String, Value>, clears: impl Fn(&str) -> bool) -> bool {
        let mut attributes = Vec::new();
        for (name, value) in stated {
            flatten(&format!("company.{name}"), value, &mut attributes);
        }
        let room = MOST_IDENTITIES.saturating_sub(self.aliases.len());
        self.aliases.extend(company::identities(stated).into_iter().take(room));
        self.state_all(attributes, event, clears)
    }

    /// Notes which company an event says is the person's, where no later one has named another.
    pub fn belongs_to(&mut self, company: PersonKey, event: &Event) {
        let newer = self.company.as_ref().is_none_or(|known| (known.at, &known.event) <= (event.occurred_at, &event.id));
        if newer {
            self.company = Some(Employer { key: company, at: event.occurred_at, event: event.id.clone() });
        }
    }

    fn state_all(&mut self, stated: Vec<(String, Value)>, event: &Event, clears: impl Fn(&str) -> bool) -> bool {
        let mut taken = false;
        for (path, value) in stated {
            let blank = is_blank(&value);
            if blank && !clears(&path) {
                continue;
            }
            taken |= self.state(path, if blank { Value::Null } else { trimmed(value) }, event);
        }
        taken
    }

    /// Takes over a value of Salesforce's.
    pub fn take(&mut self, path: String, value: Value, at: Timestamp) {
        self.attributes.insert(path, Dated { value, at, event: None, project: None });
    }

    /// Takes over one value that an event states, likewise.
    pub fn state(&mut self, path: String, value: Value, event: &Event) -> bool {
        let newer = planted::is(Bug::FoldAsItComes)
            || self.attributes.get(&path).is_none_or(|known| (known.at, known.event.as_ref()) <= (event.occurred_at, Some(&event.id)));
        if newer {
            let project = event.project.as_ref().map(|project| project.id.clone());
            self.attributes.insert(path, Dated { value, at: event.occurred_at, event: Some(event.id.clone()), project });
        }
        newer
    }
}

/// A company that is called otherwise with every event is not told by all of its names: one transaction records them.
const MOST_IDENTITIES: usize = 50;

/// The identities that an event gives, the best first: one at least, or it would not have been let in.
#[must_use]
pub fn aliases(event: &Event) -> Vec<String> {
    let id = event.person_id().filter(|id| !id.trim().is_empty()).map(|id| id_alias(&id));
    let email = event.email().map(|email| email_alias(&email));
    id.into_iter().chain(email).collect()
}

/// The identity of a platform id. Hashed, so that keys carry no personal data.
#[must_use]
pub fn id_alias(id: &str) -> String {
    format!("id:{}", short_hash(id.trim()))
}

/// Whether an identity is that of a platform id.
#[must_use]
pub fn is_id_alias(alias: &str) -> bool {
    alias.starts_with("id:")
}

/// The identity of a normalised e-mail address, hashed likewise.
#[must_use]
pub fn email_alias(email: &str) -> String {
    format!("email:{}", short_hash(email))
}

/// 32 hexadecimal digits of a SHA-256.
#[must_use]
pub fn short_hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())).chars().take(32).collect()
}

/// A number that a text always gives, by which what comes together is spread.
#[must_use]
pub fn spread(text: &str) -> u8 {
    short_hash(text).bytes().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte))
}

/// What puts connections in another order each minute.
#[must_use]
pub fn turn(connection: &ConnectionId, now: Timestamp) -> String {
    short_hash(&format!("{connection}/{}", now.as_second() / 60))
}

/// Whether it is a connection's minute, of which each has one in so many (256 at most).
#[must_use]
pub fn is_turn(connection: &ConnectionId, now: Timestamp, every_minutes: i64) -> bool {
    now.as_second().div_euclid(60).rem_euclid(every_minutes) == i64::from(spread(connection.as_str())) % every_minutes
}

/// What stands at a dotted path of a JSON object.
#[must_use]
pub fn lookup<'v>(context: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(context, |value, name| value.get(name))
}

fn flatten(path: &str, value: &Value, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&format!("{path}.{name}"), value, out)),
        other => out.push((path.to_owned(), other.clone())),
    }
}

/// Salesforce trims texts when it saves them; comparing trimmed values keeps a value from looking changed for ever.
fn trimmed(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.trim().to_owned()),
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::domain::event::read_events;
    use serde_json::json;

    fn event(id: &str, minute: u8, person: Value) -> Event {
        let body = json!({"id": id, "type": "t", "occurred_at": format!("2026-01-01T10:{minute:02}:00Z"), "person": person,
                          "data": {"audio": {"seconds": minute}}});
        read_events(body.clone()).unwrap().remove(0)
    }

    fn fold(person: &mut Person, event: &Event) -> bool {
        person.fold(event, &event.context("P", None), ["person.email", "data.audio.seconds"].into_iter(), |path| path == "person.fax")
    }

    #[test]
    fn events_fold_to_the_same_person_in_any_order() {
        let events = [
            event("a", 1, json!({"email": "x@y.fr", "job": "old ", "address": {"city": "Lyon"}})),
            event("b", 3, json!({"email": "x@y.fr", "job": "", "phone": "1"})),
            event("c", 2, json!({"email": "x@y.fr", "job": "new", "phone": "0"})),
            event("d", 3, json!({"email": "x@y.fr", "phone": "2"})),
        ];
        let mut folded = Vec::new();
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let mut person = Person::new(PersonKey::parse("p").unwrap());
            for i in order {
                fold(&mut person, &events[i]);
            }
            folded.push(person);
        }
        assert_eq!(folded[0], folded[1]);
        assert_eq!(folded[0], folded[2]);
        let person = &folded[0];
        assert_eq!(person.value("person.job"), Some(&json!("new")));
        assert_eq!(person.value("person.phone"), Some(&json!("2")));
        assert_eq!(person.value("person.address.city"), Some(&json!("Lyon")));
        assert_eq!(person.value("data.audio.seconds"), Some(&json!(3)));
    }

    #[test]
    fn a_blank_states_something_only_where_a_rule_says_so() {
        let mut person = Person::new(PersonKey::parse("p").unwrap());
        fold(&mut person, &event("a", 1, json!({"email": "x@y.fr", "fax": "1", "job": "CTO"})));
        assert!(fold(&mut person, &event("b", 2, json!({"email": "x@y.fr", "fax": "", "job": null}))));
        assert_eq!((person.value("person.fax"), person.value("person.job")), (Some(&json!(null)), Some(&json!("CTO"))));
        // What was stated before it was taken away is not brought back by arriving late.
        fold(&mut person, &event("c", 1, json!({"email": "x@y.fr", "fax": "2"})));
        assert_eq!(person.value("person.fax"), Some(&json!(null)));
    }

    #[test]
    fn a_late_event_that_states_nothing_newer_takes_nothing() {
        let mut person = Person::new(PersonKey::parse("p").unwrap());
        assert!(fold(&mut person, &event("b", 5, json!({"email": "x@y.fr"}))));
        assert!(!fold(&mut person, &event("a", 1, json!({"email": "w@y.fr"}))));
        assert_eq!(person.email(), Some("x@y.fr"));
        // Both addresses were this person's, so both lead to them.
        assert_eq!(person.aliases.len(), 2);
    }
}
