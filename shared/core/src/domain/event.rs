//! Events as platforms send them: parsed once at the door, with every fault named, and trusted afterwards.
//!
//! Only the signature's time is checked by others; when an event *occurred* may be long ago.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::ids::{EventId, ProjectId};

/// One thing that happened to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The platform's id of the event.
    pub id: EventId,
    /// The type, for example `contact_captured`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Whom it happened to: `id`, `email` and any further attributes.
    pub person: Map<String, Value>,
    /// The company that the person belongs to: `id`, `name` and any further attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Map<String, Value>>,
    /// Where it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectRef>,
    /// The colleague on the platform's side who was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collaborator: Option<Collaborator>,
    /// Everything else.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

/// The project that an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRef {
    /// The platform's id.
    pub id: ProjectId,
    /// Its name, where the platform tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A user of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collaborator {
    /// Their e-mail address.
    pub email: String,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One fault of a body, at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFault {
    /// A path, for example `events[3].person.email`.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The type of an event that only says what somebody is like: it creates or updates their record by itself, unless a workflow takes it.
pub const PERSON_UPSERTED: &str = "person.upserted";

/// The most events that one delivery may carry.
pub const MAX_EVENTS: usize = 1_000;
/// The most attributes that one person, or one company, may carry.
pub const MAX_ATTRIBUTES: usize = 200;

/// The type of events that tell what has changed of a person at the platform. One that no workflow handles is kept all the same, and what it
/// tells goes to Salesforce with the next hourly run.
pub const CHANGED: &str = "contact_changed";

/// The members of an event's context: what filters and texts can name.
pub const CONTEXT: [&str; 7] = ["event", "person", "company", "project", "collaborator", "data", "platform"];

impl Event {
    /// What a person's events are ordered by: when they occurred, then their ids.
    #[must_use]
    pub const fn order(&self) -> (Timestamp, &EventId) {
        (self.occurred_at, &self.id)
    }

    /// The platform's id of the person.
    #[must_use]
    pub fn person_id(&self) -> Option<String> {
        id_text(self.person.get("id")?)
    }

    /// The person's e-mail address, normalised for comparison: trimmed and in lower case.
    #[must_use]
    pub fn email(&self) -> Option<String> {
        self.person.get("email").and_then(Value::as_str).map(normalise_email).filter(|email| !email.is_empty())
    }

    /// A hash of the content that does not depend on the order of keys; 64 hexadecimal digits.
    #[must_use]
    pub fn content_hash(&self) -> String {
        content_hash(&serde_json::to_value(self).unwrap_or_default())
    }

    /// The event as templates, filters and field rules see it.
    #[must_use]
    pub fn context(&self, platform: &str, project_name: Option<&str>) -> Value {
        let mut project = serde_json::to_value(&self.project).unwrap_or_default();
        if let (Some(project), Some(name)) = (project.as_object_mut(), project_name) {
            project.entry("name").or_insert_with(|| Value::from(name));
        }
        serde_json::json!({
            "event": {"id": self.id, "type": self.kind, "occurred_at": self.occurred_at.to_string()},
            "person": self.person,
            "company": self.company,
            "project": project,
            "collaborator": self.collaborator,
            "data": self.data,
            "platform": {"name": platform},
        })
    }
}

/// A platform's id of somebody or something, which may be a text or a number.
#[must_use]
pub fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A hash of JSON that does not depend on the order of keys; 64 hexadecimal digits.
#[must_use]
pub fn content_hash(value: &Value) -> String {
    let mut canonical = String::new();
    write_canonical(value, &mut canonical);
    hex(&Sha256::digest(canonical.as_bytes()))
}

/// Trimmed and in lower case, as addresses are compared.
#[must_use]
pub fn normalise_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a body as JSON.
pub fn parse_json(body: &[u8]) -> Result<Value, Vec<EventFault>> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("This is not JSON (line {}, column {}).", error.line(), error.column());
        vec![EventFault { place: "body".to_owned(), message }]
    })
}

/// Reads a delivery: one event, an array of events, or `{"events": [...]}`. All faults are listed, not only the first.
pub fn read_events(value: Value) -> Result<Vec<Event>, Vec<EventFault>> {
    let (items, prefix) = match value {
        Value::Array(items) => (items, ""),
        Value::Object(mut body) if body.contains_key("events") => match body.remove("events") {
            Some(Value::Array(items)) => (items, "events"),
            _ => return Err(vec![fault("events", "Send a list of events.")]),
        },
        single @ Value::Object(_) => return Reader::default().read(single, String::new()).map(|event| vec![event]),
        _ => return Err(vec![fault("body", "Send an event, a list of events, or an object with the list \"events\".")]),
    };
    if items.is_empty() || items.len() > MAX_EVENTS {
        return Err(vec![fault(if prefix.is_empty() { "body" } else { prefix }, &format!("Send 1 to {MAX_EVENTS} events at a time."))]);
    }
    let (mut events, mut faults) = (BTreeMap::<EventId, Event>::new(), Vec::new());
    let mut order = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        match Reader::default().read(item, format!("{prefix}[{i}]")) {
            Ok(event) => match events.get(&event.id) {
                Some(first) if *first == event => {}
                Some(_) => faults.push(fault(&format!("{prefix}[{i}].id"), "Another event of this delivery has the same id and another content.")),
                None => {
                    order.push(event.id.clone());
                    events.insert(event.id.clone(), event);
                }
            },
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() { Ok(order.iter().filter_map(|id| events.remove(id)).collect()) } else { Err(faults) }
}

fn fault(place: &str, message: &str) -> EventFault {
    EventFault { place: place.to_owned(), message: message.to_owned() }
}

/// Reads one event and gathers its faults.
#[derive(Default)]
struct Reader {
    faults: Vec<EventFault>,
}

impl Reader {
    fn read(mut self, value: Value, place: String) -> Result<Event, Vec<EventFault>> {
        let at = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let Value::Object(mut fields) = value else {
            return Err(vec![fault(if place.is_empty() { "body" } else { &place }, "An event is an object.")]);
        };
        let id = self.text(&mut fields, "id", &at).and_then(|text| self.parsed(EventId::parse(&text), at("id")));
        let kind = self.text(&mut fields, "type", &at);
        let occurred_at = self.text(&mut fields, "occurred_at", &at).and_then(|text| {
            let time = text.parse::<Timestamp>();
            self.parsed(time.map_err(|_| "Write a time with its offset, like 2026-03-01T14:05:00+01:00."), at("occurred_at"))
        });
        let person = match fields.remove("person") {
            Some(Value::Object(person)) => Some(self.person(person, &at("person"))),
            other => {
                self.push(at("person"), if other.is_none() { "This is missing." } else { "This must be an object." });
                None
            }
        };
        let company = self.optional::<Map<String, Value>>(&mut fields, "company", &at, "This must be an object.");
        if let Some(company) = &company {
            self.company(company, &at("company"));
        }
        let project = self.optional::<ProjectRef>(&mut fields, "project", &at, "This must be an object with an id and, if known, a name.");
        let collaborator =
            self.optional::<Collaborator>(&mut fields, "collaborator", &at, "This must be an object with an email and, if known, a name.");
        let data = self.optional::<Map<String, Value>>(&mut fields, "data", &at, "This must be an object.").unwrap_or_default();
        for name in fields.keys() {
            self.push(at(name), "This is not a part of an event. Put further facts into data.");
        }
        match (id, kind, occurred_at, person) {
            (Some(id), Some(kind), Some(occurred_at), Some(person)) if self.faults.is_empty() => {
                Ok(Event { id, kind, occurred_at, person, company, project, collaborator, data })
            }
            _ => Err(self.faults),
        }
    }

    fn push(&mut self, place: String, message: &str) {
        self.faults.push(EventFault { place, message: message.to_owned() });
    }

    fn parsed<T, E: std::fmt::Display>(&mut self, result: Result<T, E>, place: String) -> Option<T> {
        result.map_err(|error| self.faults.push(EventFault { place, message: error.to_string() })).ok()
    }

    fn text(&mut self, fields: &mut Map<String, Value>, name: &str, at: &impl Fn(&str) -> String) -> Option<String> {
        match fields.remove(name) {
            Some(Value::String(text)) if (1..=200).contains(&text.trim().len()) => return Some(text.trim().to_owned()),
            Some(Value::String(_)) => self.push(at(name), "Write 1 to 200 characters."),
            Some(_) => self.push(at(name), "This must be a text."),
            None => self.push(at(name), "This is missing."),
        }
        None
    }

    fn optional<T: for<'a> Deserialize<'a>>(
        &mut self,
        fields: &mut Map<String, Value>,
        name: &str,
        at: &impl Fn(&str) -> String,
        message: &str,
    ) -> Option<T> {
        let value = fields.remove(name).filter(|value| !value.is_null())?;
        let parsed = serde_json::from_value(value).ok();
        if parsed.is_none() {
            self.push(at(name), message);
        }
        parsed
    }

    fn person(&mut self, person: Map<String, Value>, place: &str) -> Map<String, Value> {
        let blank = |name: &str| person.get(name).is_none_or(is_blank);
        if blank("id") && blank("email") {
            self.push(place.to_owned(), "Give the person an id or an email, so that they can be recognised.");
        }
        if person.get("email").is_some_and(|email| !email.is_string() && !email.is_null()) {
            self.push(format!("{place}.email"), "This must be a text.");
        }
        self.attributes(&person, place);
        person
    }

    fn company(&mut self, company: &Map<String, Value>, place: &str) {
        let blank = |name: &str| company.get(name).is_none_or(is_blank);
        if blank("id") && blank("name") {
            self.push(place.to_owned(), "Give the company an id or a name, so that it can be recognised.");
        }
        if company.get("name").is_some_and(|name| !name.is_string() && !name.is_null()) {
            self.push(format!("{place}.name"), "This must be a text.");
        }
        self.attributes(company, place);
    }

    /// What is the same for people and companies.
    fn attributes(&mut self, of: &Map<String, Value>, place: &str) {
        if of.get("id").is_some_and(|id| !id.is_string() && !id.is_number() && !id.is_null()) {
            self.push(format!("{place}.id"), "This must be a text or a number.");
        }
        if of.len() > MAX_ATTRIBUTES {
            self.push(place.to_owned(), &format!("This can have {MAX_ATTRIBUTES} attributes at most."));
        }
    }
}

/// Whether a value says nothing: null, or a text of blanks only.
#[must_use]
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_blank),
        _ => false,
    }
}

/// JSON with sorted keys, whatever order the map type keeps.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            out.push('{');
            for (name, value) in sorted {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse_events(body: &[u8]) -> Result<Vec<Event>, Vec<EventFault>> {
        parse_json(body).and_then(read_events)
    }

    fn event() -> Value {
        json!({"id": "e1", "type": "contact_captured", "occurred_at": "2021-06-17T17:48:00+02:00",
               "person": {"id": 7, "email": " J.Bon@KAYO.fr "}, "project": {"id": "salon"}})
    }

    #[test]
    fn one_many_and_wrapped_deliveries_are_read() {
        for body in [event(), json!([event()]), json!({"events": [event(), event()]})] {
            let events = parse_events(body.to_string().as_bytes()).unwrap();
            assert_eq!(events.len(), 1, "{body}");
            assert_eq!(events[0].occurred_at.to_string(), "2021-06-17T15:48:00Z");
            assert_eq!(events[0].email().as_deref(), Some("j.bon@kayo.fr"));
            assert_eq!(events[0].person_id().as_deref(), Some("7"));
        }
    }

    #[test]
    fn every_fault_is_listed_with_its_place() {
        let mut second = event();
        second["person"] = json!({"email": 3});
        second["occurred_at"] = json!("yesterday");
        second["company"] = json!({"id": true, "name": 3});
        second["colour"] = json!("blue");
        let body = json!({"events": [{}, second, 4]});
        let faults = parse_events(body.to_string().as_bytes()).unwrap_err();
        let places: Vec<&str> = faults.iter().map(|f| f.place.as_str()).collect();
        assert_eq!(
            places,
            [
                "events[0].id",
                "events[0].type",
                "events[0].occurred_at",
                "events[0].person",
                "events[1].occurred_at",
                "events[1].person.email",
                "events[1].company.name",
                "events[1].company.id",
                "events[1].colour",
                "events[2]"
            ]
        );
    }

    #[test]
    fn bodies_that_are_no_deliveries_are_refused() {
        for (body, place) in [("{", "body"), ("3", "body"), ("[]", "body"), (r#"{"events": []}"#, "events"), (r#"{"events": 1}"#, "events")] {
            assert_eq!(parse_events(body.as_bytes()).unwrap_err()[0].place, place, "{body}");
        }
        let mut other = event();
        other["type"] = json!("document_viewed");
        let faults = parse_events(json!([event(), other]).to_string().as_bytes()).unwrap_err();
        assert_eq!(faults[0].place, "[1].id");
    }

    #[test]
    fn a_company_needs_something_to_be_recognised_by() {
        let mut event = event();
        for (company, fault) in [
            (json!(null), None),
            (json!({"id": 7}), None),
            (json!({"name": "ACME"}), None),
            (json!({"id": "", "name": " ", "city": "Lyon"}), Some("company")),
            (json!([]), Some("company")),
        ] {
            event["company"] = company.clone();
            let read = parse_events(event.to_string().as_bytes());
            assert_eq!(read.err().map(|faults| faults[0].place.clone()).as_deref(), fault, "{company}");
        }
    }

    #[test]
    fn the_hash_depends_on_content_and_not_on_order() {
        let read = |text: &str| parse_events(text.as_bytes()).unwrap().remove(0).content_hash();
        let a = r#"{"id":"e","type":"t","occurred_at":"2021-06-17T15:48:00Z","person":{"id":"1","b":{"x":1,"y":2}}}"#;
        let b = r#"{"person":{"b":{"y":2,"x":1},"id":"1"},"type":"t","occurred_at":"2021-06-17T17:48:00+02:00","id":"e"}"#;
        assert_eq!(read(a), read(b));
        assert_ne!(read(a), read(&a.replace("\"x\":1", "\"x\":2")));
    }
}
