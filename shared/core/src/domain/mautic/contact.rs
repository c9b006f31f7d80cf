//! A contact as the API and the webhooks show it, and what it says that was not known.
//!
//! Source: Mautic 5, `LeadBundle/Entity/Lead.php` and `LeadField.php`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{DO_NOT_CONTACT, EMAIL, OWNER};
use crate::domain::{
    event::{CHANGED, Event, content_hash, is_blank},
    ids::EventId,
    mapping::codec::same,
    person::Person,
};

/// When a contact was made and modified. They are attributes, but a change of theirs alone is none of the contact's.
const DATES: [&str; 2] = ["dateAdded", "dateModified"];

/// A contact of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Its id.
    pub id: u64,
    /// When it was made.
    pub added: Timestamp,
    /// When it was modified last; `None` before the first edit.
    pub modified: Option<Timestamp>,
    /// Since when it wants no e-mails, where it does not.
    pub opted_out: Option<Timestamp>,
    /// Its attributes, as events have them.
    pub person: Map<String, Value>,
}

impl Contact {
    /// Reads a contact of an answer; `None` where it is none.
    #[must_use]
    pub fn parse(contact: &Value) -> Option<Self> {
        let time = |value: &Value, name: &str| value.get(name)?.as_str()?.parse::<Timestamp>().ok();
        let id = contact.get("id")?.as_u64()?;
        let entries = contact.get("doNotContact").and_then(Value::as_array);
        let opted_out = entries.into_iter().flatten().filter(|entry| is_email(entry)).filter_map(|entry| time(entry, "dateAdded")).min();
        let person = person(contact, None);
        Some(Self { id, added: time(contact, "dateAdded")?, modified: time(contact, "dateModified"), opted_out, person })
    }

    /// What the contact says that is not known of its person yet, as events that set nothing off by themselves; none where all of it is
    /// known. Only what is another than before is stated, so that nothing gets a later date than it has. An id tells contact, time and
    /// content: who reads the same again makes the same event.
    #[must_use]
    pub fn news(&self, known: Option<&Person>) -> Vec<Event> {
        let differs = |name: &str, value: &Value| {
            let known = known.and_then(|person| person.value(&format!("person.{name}")));
            !known.map_or_else(|| is_blank(value), |known| same(None, known, value))
        };
        let mut stated = self.person.clone();
        stated.retain(|name, value| !DATES.contains(&name.as_str()) && differs(name, value));
        let mut events = Vec::new();
        // An opt-out has a date of its own, by which the later statement is told.
        if let Some(at) = self.opted_out
            && let Some(value) = stated.remove(DO_NOT_CONTACT)
        {
            events.extend(self.event(at, Map::from_iter([(DO_NOT_CONTACT.to_owned(), value)])));
        }
        if !stated.is_empty() {
            stated.extend(DATES.iter().filter_map(|name| Some(((*name).to_owned(), self.person.get(*name)?.clone()))));
            events.extend(self.event(self.modified.unwrap_or(self.added), stated));
        }
        events
    }

    /// Which contact a person is, and nothing else of it: what it has may be about to be written.
    #[must_use]
    pub fn identity(&self) -> Option<Event> {
        self.event(self.modified.unwrap_or(self.added), Map::new())
    }

    fn event(&self, occurred_at: Timestamp, mut person: Map<String, Value>) -> Option<Event> {
        // Whom it is about.
        for name in ["id", "email"] {
            person.extend(self.person.get(name).filter(|value| !is_blank(value)).map(|value| (name.to_owned(), value.clone())));
        }
        let content = content_hash(&serde_json::json!({"at": occurred_at, "person": &person}));
        let id = EventId::parse(&format!("mautic-{}-{}", self.id, content.get(..32)?)).ok()?;
        Some(Event { id, kind: CHANGED.to_owned(), occurred_at, person, company: None, project: None, collaborator: None, data: Map::new() })
    }
}

/// The contact's fields by alias, beside what stands next to them: id, points, tags, owner, dates, and whether e-mail is not to be used. A
/// field without a value is null. `id` is taken where the contact has none of its own, as after a deletion.
#[must_use]
pub fn person(contact: &Value, id: Option<Value>) -> Map<String, Value> {
    let mut person = fields(contact);
    for known in ["points", "dateAdded", "dateModified"] {
        person.extend(contact.get(known).filter(|value| !value.is_null()).map(|value| (known.to_owned(), value.clone())));
    }
    let tags = contact.get("tags").and_then(Value::as_array).into_iter().flatten();
    let mut tags: Vec<&str> = tags.filter_map(|tag| tag.get("tag")?.as_str()).collect();
    tags.sort_unstable();
    person.insert("tags".to_owned(), Value::from(tags));
    let owner = contact.get("owner").and_then(|owner| owner.get("username")).cloned();
    person.extend(owner.map(|owner| (OWNER.to_owned(), owner)));
    if let Some(entries) = contact.get("doNotContact").and_then(Value::as_array) {
        person.insert(DO_NOT_CONTACT.to_owned(), Value::from(entries.iter().any(is_email)));
    }
    person.remove("id");
    let id = contact.get("id").filter(|id| !id.is_null()).cloned().or(id);
    person.extend(id.map(|id| ("id".to_owned(), id)));
    person
}

/// The fields of a contact or of a company by alias; one without a value is null.
pub(super) fn fields(of: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    let fields = of.get("fields").and_then(Value::as_object);
    // "all" has plain values, the other groups have a description with type and value in it, which says more.
    let groups = || fields.into_iter().flatten();
    for (_, fields) in groups().filter(|(group, _)| *group == "all") {
        found.extend(fields.as_object().into_iter().flatten().map(|(alias, value)| (alias.clone(), value.clone())));
    }
    for (_, fields) in groups().filter(|(group, _)| *group != "all") {
        for (alias, field) in fields.as_object().into_iter().flatten() {
            let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
            found.extend(field.get("value").map(|value| (alias.clone(), typed(kind, value))));
        }
    }
    found
}

fn is_email(entry: &Value) -> bool {
    entry.get("channel").is_some_and(|channel| channel == EMAIL)
}

/// A value as the database has it becomes one of its type: flags are 1 and 0 there, several choices one text, and moments have no offset.
fn typed(kind: &str, value: &Value) -> Value {
    match (kind, value) {
        ("boolean", Value::Number(number)) if number.as_i64().is_some_and(|number| number < 2) => Value::Bool(number.as_i64() == Some(1)),
        ("boolean", Value::String(text)) if text == "0" || text == "1" => Value::Bool(text == "1"),
        ("multiselect", Value::String(text)) => text.split('|').map(str::trim).filter(|part| !part.is_empty()).collect(),
        ("datetime", Value::String(text)) if text.len() == 19 && !text.contains('T') => Value::from(format!("{}Z", text.replace(' ', "T"))),
        _ => value.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ids::PersonKey;

    fn contact(modified: Value, values: &Value) -> Contact {
        let core: Map<String, Value> = values
            .as_object()
            .unwrap()
            .iter()
            .map(|(alias, value)| {
                let kind = match alias.as_str() {
                    "vip" => "boolean",
                    "likes" => "multiselect",
                    "met" => "datetime",
                    _ => "text",
                };
                (alias.clone(), json!({"alias": alias, "type": kind, "value": value}))
            })
            .collect();
        let contact = json!({"id": 47, "dateAdded": "2026-08-01T08:00:00+00:00", "dateModified": modified, "fields": {"core": core, "all": values},
                             "doNotContact": [{"channel": "email", "reason": 1, "dateAdded": "2026-08-15T08:00:00+00:00"}]});
        Contact::parse(&contact).unwrap()
    }

    fn knows(events: &[Event]) -> Person {
        let mut person = Person::new(PersonKey::parse("p").unwrap());
        for event in events {
            person.fold(event, &event.context("P", None), std::iter::empty(), |_| true);
        }
        person
    }

    #[test]
    fn values_get_their_types() {
        let read = contact(Value::Null, &json!({"vip": "0", "likes": "tea|milk", "met": "2026-01-01 10:00:00", "city": null}));
        let want = json!({"vip": false, "likes": ["tea", "milk"], "met": "2026-01-01T10:00:00Z", "city": null});
        assert!(want.as_object().unwrap().iter().all(|(alias, value)| read.person[alias] == *value), "{:?}", read.person);
    }

    #[test]
    fn only_what_is_not_known_is_news_and_the_same_again_is_the_same_event() {
        let new = contact(Value::Null, &json!({"email": "a@example.org", "city": "Lyon", "vip": 0, "phone": null}));
        let events = new.news(None);
        let [opt_out, first] = events.as_slice() else { unreachable!("{events:?}") };
        assert_eq!((opt_out.occurred_at, first.occurred_at), (new.opted_out.unwrap(), new.added));
        assert_eq!(opt_out.person, json!({"id": 47, "email": "a@example.org", "do_not_contact": true}).as_object().unwrap().clone());
        assert_eq!((&first.person["vip"], first.person.get("phone")), (&json!(false), None));
        assert_eq!(new.news(None), events);
        assert_eq!(new.identity().unwrap().person, json!({"id": 47, "email": "a@example.org"}).as_object().unwrap().clone());
        let known = knows(&events);
        assert_eq!(new.news(Some(&known)), []);

        // Read again after a change of the date alone, which our own write makes, there is nothing.
        let later = json!("2026-08-20T08:00:00+00:00");
        assert_eq!(contact(later.clone(), &json!({"email": "a@example.org", "city": "Lyon", "vip": 0})).news(Some(&known)), []);
        let moved = contact(later, &json!({"email": "a@example.org", "city": null, "vip": 1})).news(Some(&known));
        assert_eq!(moved.len(), 1);
        assert_eq!((&moved[0].person["city"], &moved[0].person["vip"]), (&Value::Null, &json!(true)));
        // There and back again is news each time.
        let back = contact(json!("2026-08-21T08:00:00+00:00"), &json!({"email": "a@example.org", "city": "Lyon", "vip": 0}));
        let events = back.news(Some(&knows(&[events, moved].concat())));
        assert_eq!((events.len(), &events[0].person["city"]), (1, &json!("Lyon")));
    }
}
