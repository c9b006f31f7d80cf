//! The events of a batch, as a platform sends them.

use anyhow::{Context, Result};
use passerelle_core::domain::ids::EventId;
use serde_json::{Value, json};

use super::{FAILING, FAILING_OF, Kind, REFUSED};

/// Events of one person, where a batch has several of each.
const EACH: usize = 5;

/// Events, and how many of them the org will refuse.
pub struct Batch {
    pub events: Vec<Value>,
    pub failing: usize,
}

impl Batch {
    /// A batch of `size` events. Those about known people are about the people of the batch of unknown ones of that size.
    pub fn new(kind: Kind, size: usize) -> Self {
        let about = |n: usize| if kind == Kind::KnownFiveEach { n / EACH } else { n };
        let failing = |n: usize| kind == Kind::UnknownSomeFailing && n % FAILING_OF < FAILING;
        let events = (0..size).map(|n| {
            let mut person = person(kind, size, about(n));
            if failing(n) {
                set(&mut person, "company", REFUSED);
            }
            event(kind, size, n, &person)
        });
        Self { events: events.collect(), failing: (0..size).filter(|n| failing(*n)).count() }
    }

    /// One event more for each of those that failed, with what was wrong put right: so nothing is left waiting, which would be
    /// tried again along with the next batch.
    pub fn mended(&self) -> Self {
        let failed = self.events.iter().filter(|event| event.pointer("/person/company").is_some_and(|company| company == REFUSED));
        let events = failed.cloned().map(|mut event| {
            let id = event.get("id").and_then(Value::as_str).map(|id| format!("{id}-mended")).unwrap_or_default();
            set(&mut event, "id", &id);
            set(&mut event, "occurred_at", "2026-08-31T10:00:00+02:00");
            event.get_mut("person").into_iter().for_each(|person| set(person, "company", "Société"));
            event
        });
        Self { events: events.collect(), failing: 0 }
    }

    /// The events' ids.
    pub fn ids(&self) -> Result<Vec<EventId>> {
        self.events.iter().map(|event| event.get("id").and_then(Value::as_str).context("An event has no id.")?.parse().map_err(Into::into)).collect()
    }
}

fn set(object: &mut Value, name: &str, value: &str) {
    object.as_object_mut().into_iter().for_each(|object| _ = object.insert(name.to_owned(), value.into()));
}

fn event(kind: Kind, size: usize, n: usize, person: &Value) -> Value {
    json!({
        "id": format!("{kind:?}-{size}-{n}"),
        "type": "contact_captured",
        "occurred_at": "2026-08-30T10:00:00+02:00",
        "person": person,
        "project": { "id": "salon-du-bourget" },
        "collaborator": { "email": "technique@kayo.fr" },
        "data": { "documents": 1 },
    })
}

/// A person with an address of usual length: how many fit into one query depends on it.
fn person(kind: Kind, size: usize, n: usize) -> Value {
    let set = if kind == Kind::UnknownSomeFailing { "failing" } else { "people" };
    let mut person = json!({
        "id": format!("{set}-{size}-{n}"),
        "email": format!("valentine.martin{n}@{set}{size}.example"),
        "first_name": "Valentine",
        "last_name": format!("Martin {n}"),
        "company": format!("Société {n}"),
    });
    let news = match kind {
        Kind::Unknown | Kind::UnknownSomeFailing | Kind::KnownFiveEach => None,
        Kind::KnownOverwritten => Some(("phone", "+33 1 40 20 50 50")),
        Kind::KnownFilled => Some(("job", "Directrice des achats")),
    };
    if let (Some((name, value)), Some(person)) = (news, person.as_object_mut()) {
        person.insert(name.to_owned(), value.into());
    }
    person
}
