//! An entry in the org's timeline object. A reference that is unique in the org keeps it from coming twice, whoever repeats what.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Situation, activity::Texts, field, record::plain};
use crate::domain::{
    config::TimelineSection,
    engine::Placement,
    event::Event,
    ids::{FieldName, PersonKey, RecordId},
    mapping::codec::salesforce_datetime,
    person::{Link, Person, short_hash},
    plan::{Cause, Change, NewValue, Operation, PersonPlan, Plan, Step, Write},
    schema::ObjectSchema,
};

/// The field of an object's records that lists show.
const NAME: &str = "Name";
/// The most characters of a reference.
const MAX_REFERENCE: usize = 255;
/// The most digits of a platform's id that is a number.
const MAX_DIGITS: usize = 18;

/// Whom an entry is about.
pub(super) struct About<'a> {
    /// By our key.
    pub person: &'a PersonKey,
    /// Lead or Contact.
    pub object: &'a str,
    /// The record's id, or the write that makes it.
    pub value: NewValue,
}

/// Plans the entry of an event. `nth` tells several entries of one event from each other.
pub(super) fn write(
    situation: &Situation<'_>,
    (event, context): (&Event, &Value),
    texts: &Texts,
    step: Step,
    nth: usize,
    about: About<'_>,
) -> Result<Write, Cause> {
    let names = situation.engine.document.timeline();
    let schema = situation.schemas.object(names.object.as_str());
    let mut changes = vec![
        value(&names.date, Value::from(salesforce_datetime(texts.start))),
        Change::plain(if about.object == "Contact" { names.contact.clone() } else { names.lead.clone() }, about.value),
    ];
    changes.extend(texts.description.as_deref().map(|text| value(&names.description, Value::from(text))));
    changes.extend(number(event).map(|id| value(&names.platform_id, id)));
    changes.extend(situation.engine.person_page(context).map(|page| value(&names.url, Value::from(page))));
    changes.extend(name(schema, &texts.subject).map(|name| plain(NAME, Value::from(name))));
    let reference = reference(situation, event, nth);
    let operation = if is_key(schema, &names) {
        Operation::CreateByKey { field: names.reference.clone(), key: reference }
    } else {
        changes.push(value(&names.reference, Value::from(reference)));
        Operation::CreateOnce { field: names.reference.clone() }
    };
    for change in &changes {
        if let NewValue::Value(value) = &change.new {
            field::stop_unfit(situation, names.object.as_str(), &change.field, value)?;
        }
    }
    Ok(Write { person: about.person.clone(), object: names.object.clone(), operation, changes, step: Some(step), unmodified_since: None })
}

/// An event that has ended.
#[derive(Debug, Clone)]
pub struct Past {
    /// The event.
    pub event: Event,
    /// Steps that are done already, with their records.
    pub done: BTreeMap<String, RecordId>,
}

/// Entries of events that have ended.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    /// What is to be written. It belongs to no event any more.
    pub plan: Plan,
    /// How many entries could not be filled, or would not fit.
    pub unfit: u64,
}

/// Plans the entries that events would have set off which came before the document had them. Who has no record gets none.
#[must_use]
pub fn plan_entries(situation: &Situation<'_>, people: Vec<(Person, Vec<Past>)>) -> Entries {
    let mut entries = Entries { plan: Plan { config_version: situation.engine.version, ..Plan::default() }, unfit: 0 };
    for (person, mut past) in people {
        let Some(link) = &person.link else { continue };
        past.sort_by(|a, b| a.event.order().cmp(&b.event.order()));
        for past in past {
            for planned in entries_of(situation, &person, link, &past) {
                match planned {
                    Ok(write) => entries.plan.writes.push(write),
                    Err(_) => entries.unfit += 1,
                }
            }
        }
        let before = person.clone();
        entries.plan.people.push(PersonPlan::new(person, &before, true));
    }
    entries
}

fn entries_of(situation: &Situation<'_>, person: &Person, link: &Link, past: &Past) -> Vec<Result<Write, Cause>> {
    let (engine, event) = (situation.engine, &past.event);
    let Placement::Handled(project) = engine.placement(event) else { return Vec::new() };
    let context = event.context(&engine.document.platform.name, project.map(|project| project.name.as_str()));
    let Ok(matching) = engine.matching(event, &context) else { return Vec::new() };
    let actions = engine.document.timeline_actions().filter(|(w, ..)| matching.iter().any(|(matched, _)| matched == w));
    let mut planned = Vec::new();
    for (nth, (w, a, _)) in actions.enumerate() {
        let (Some(workflow), Some(templates)) = (engine.document.workflows.get(w), engine.activity(w, a)) else { continue };
        let step = Step { event: event.id.clone(), name: format!("{}/{a}", workflow.name) };
        if past.done.contains_key(&step.name) {
            continue;
        }
        let about = About { person: &person.key, object: link.object.as_str(), value: NewValue::Value(Value::from(link.id.as_str())) };
        let texts = Texts::fill(engine, templates, (event, &context));
        planned.push(texts.and_then(|texts| write(situation, (event, &context), &texts, step, nth, about)));
    }
    planned
}

fn value(field: &FieldName, value: Value) -> Change {
    Change::plain(field.clone(), NewValue::Value(value))
}

/// Of several connections of an org each has entries of its own for an event.
fn reference(situation: &Situation<'_>, event: &Event, nth: usize) -> String {
    let further = if nth == 0 { String::new() } else { format!("/{nth}") };
    let whole = format!("{}/{}{further}", situation.engine.document.connection.id, event.id);
    if whole.chars().count() <= MAX_REFERENCE { whole } else { short_hash(&whole) }
}

/// Whether the org takes the reference for a key, by which an entry is made or found.
fn is_key(schema: Option<&ObjectSchema>, names: &TimelineSection) -> bool {
    schema.and_then(|schema| schema.fields.get(&names.reference)).is_some_and(|field| field.external_id && field.unique)
}

/// The platform's id of the person, where it is a number that the field can hold.
fn number(event: &Event) -> Option<Value> {
    let id = event.person_id()?;
    let id = id.trim();
    let digits = !id.is_empty() && id.len() <= MAX_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit());
    id.parse::<u64>().ok().filter(|_| digits).map(Value::from)
}

/// The subject as the entry's name, where the org does not number its entries itself.
fn name(schema: Option<&ObjectSchema>, subject: &str) -> Option<String> {
    let field = schema?.fields.get(&FieldName::known(NAME)).filter(|field| field.createable)?;
    let (mut name, mut length) = (String::new(), 0);
    for character in subject.chars() {
        length += character.len_utf16();
        if length > field.length as usize {
            break;
        }
        name.push(character);
    }
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}
