//! Records of any object that workflows make or change, found by a key of their own; and the fields of a record that belongs to
//! an event instead of a person.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    KeyOfRecord, Match, Situation,
    activity::Who,
    event::{Done, Steps},
    events::Live,
    field::{self, Governed, Outcome as FieldOutcome},
    record::lacking,
};
use crate::domain::{
    config::{Action, MappingOperation, RecordAction},
    engine::Engine,
    event::is_blank,
    mapping::{FieldMap, merge::Seen, preflight},
    person::Person,
    plan::{Cause, Change, NewValue, Operation, PersonPlan, Step, Write, WriteId},
    words::Sentence,
};

/// The writes of records that are planned already: one record is never written twice in a plan.
pub(super) type Planned = BTreeMap<KeyOfRecord, WriteId>;

/// Plans the records of a person's events.
pub(super) fn plan_records(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    who: &Who,
    live: &[Live],
    writes: &mut Vec<Write>,
    planned: &mut Planned,
) -> Steps {
    let mut steps = Steps::new();
    for (i, live) in live.iter().enumerate() {
        for act in live.acts(situation.engine) {
            let Action::Record(action) = act.action else { continue };
            let step = act.step(live);
            let done = match live.open.done.get(&step.name) {
                Some(record) => Ok(Done::There(*record)),
                None => plan_one(situation, plan, who, live, (act.w, act.a, action), step, writes, planned),
            };
            steps.entry(i).or_default().push(done);
        }
    }
    steps
}

#[allow(clippy::too_many_arguments)]
fn plan_one(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    who: &Who,
    live: &Live,
    (w, a, action): (usize, usize, &RecordAction),
    step: Step,
    writes: &mut Vec<Write>,
    planned: &mut Planned,
) -> Result<Done, Cause> {
    let engine = situation.engine;
    let Some(map) = engine.maps().named(&action.mapping) else { return Ok(Done::Nothing) };
    let Some(key) = key(engine, w, a, live)? else { return Ok(Done::Nothing) };
    let found = situation.known.records.get(&key);
    match (found, map.operation) {
        (Some(found), MappingOperation::Create) => return Ok(Done::There(found.id)),
        (None, MappingOperation::Update) => return Ok(Done::Nothing),
        _ => {}
    }
    let mut changes = fields(situation, plan, map, live, found)?;
    let fields = action.person.clone().unwrap_or_default();
    let pointer = if who.object == "Contact" { fields.contact.clone() } else { fields.lead.clone() };
    if let Some(pointer) = pointer {
        let same = found.is_some_and(|found| found.values.get(&pointer).map(|value| NewValue::Value(value.clone())).as_ref() == Some(&who.value));
        changes.extend((!same).then(|| Change::plain(pointer, who.value.clone())));
    }
    if let Some(id) = planned.get(&key) {
        // Events of one record are one write; what occurred later stands. It points to the person who came first.
        if let Some(write) = writes.get_mut(id.0) {
            if write.person != plan.person.key {
                let pointers = [&fields.lead, &fields.contact];
                changes.retain(|change| !pointers.contains(&&Some(change.field.clone())));
            }
            write.changes.retain(|known| changes.iter().all(|change| change.field != known.field));
            write.changes.extend(changes);
        }
        return Ok(Done::Waits(*id));
    }
    let operation = match found {
        Some(found) if changes.is_empty() => return Ok(Done::There(found.id)),
        Some(found) => Operation::Update(found.id),
        None => create(situation, map, &key, &mut changes)?,
    };
    writes.push(Write { person: plan.person.key.clone(), object: map.object.clone(), operation, changes, step: Some(step) });
    planned.insert(key, WriteId(writes.len() - 1));
    Ok(Done::Waits(WriteId(writes.len() - 1)))
}

/// A new record, by its key where the org makes that an external id.
fn create(situation: &Situation<'_>, map: &FieldMap, key: &KeyOfRecord, changes: &mut Vec<Change>) -> Result<Operation, Cause> {
    let schema = situation.schemas.object(map.object.as_str());
    let has = |name: &str| name == key.field.as_str() || changes.iter().any(|change| change.field.as_str() == name);
    let missing = preflight::missing(map.object.as_str(), schema, &has);
    if !missing.is_empty() {
        let what = Sentence::new(format!("A new {}", map.object), format!("Une nouvelle fiche {}", map.object));
        return Err(lacking(situation, &what, &missing));
    }
    changes.retain(|change| change.field != key.field);
    field::stop_unfit(situation, map.object.as_str(), &key.field, &Value::from(key.value.as_str()))?;
    if schema.and_then(|schema| schema.fields.get(&key.field)).is_some_and(|field| field.external_id) {
        return Ok(Operation::CreateByKey { field: key.field.clone(), key: key.value.clone() });
    }
    changes.push(Change::plain(key.field.clone(), NewValue::Value(Value::from(key.value.as_str()))));
    Ok(Operation::CreateUnique)
}

/// The key that an event gives a record; `None` where the action has none, which saving refuses.
pub(super) fn key(engine: &Engine, w: usize, a: usize, live: &Live) -> Result<Option<KeyOfRecord>, Cause> {
    engine.key_of_record(w, a, &live.context).transpose().map_err(|error| {
        let message = Sentence::new(
            format!("The key of a record could not be filled from the event: {error}"),
            format!("La clé d'une fiche n'a pas pu être remplie depuis l'événement : {error}"),
        );
        Cause::new("record_key_failed", engine.say(&message))
    })
}

/// The fields of a record that belongs to an event: the person's attributes as they are known, and of the rest those of this event.
pub(super) fn fields(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    map: &FieldMap,
    live: &Live,
    found: Option<&Match>,
) -> Result<Vec<Change>, Cause> {
    let mut person = Person { link: None, ..plan.person.clone() };
    person.attributes.retain(|path, _| path.starts_with("person."));
    person.fold(&live.open.event, &live.context, map.paths(), |_| false);
    let scene = live.scene();
    let (mut changes, mut missing, blank) = (Vec::new(), Vec::new(), Value::Null);
    for rule in map.rules(&scene) {
        let seen = match found {
            Some(found) => Seen::Value { value: found.values.get(&rule.to).unwrap_or(&blank), base: None, at: found.stated_at(&rule.to) },
            None => Seen::NoRecord,
        };
        let governed = Governed { rule, project: situation.engine.project(scene.project) };
        match field::plan_field(situation, &person, map.object.as_str(), &governed, live.open.event.occurred_at, seen) {
            FieldOutcome::Write(change) => changes.push(change),
            FieldOutcome::Keep(stay) => missing.extend((rule.required && stay.blank).then(|| rule.to.clone())),
            FieldOutcome::Drop(note) => plan.notes.push(note),
            FieldOutcome::Park(cause) => return Err(cause),
        }
    }
    if !missing.is_empty() {
        return Err(lacking(situation, &Sentence::new("This record", "Cette fiche"), &missing));
    }
    changes.retain(|change| found.is_some() || !matches!(&change.new, NewValue::Value(value) if is_blank(value)));
    Ok(changes)
}
