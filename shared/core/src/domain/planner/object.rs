//! Records of any object that workflows make or change, found by a key of their own; and the fields of a record that belongs to
//! an event instead of a person.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    KeyOfRecord, Match, Situation,
    activity::Who,
    event::{Done, Steps},
    events::Live,
    field::{self, Governed, Outcome as FieldOutcome},
    record::lacking,
    told::Planned,
};
use crate::domain::{
    config::{Action, MappingOperation, RecordAction},
    engine::Engine,
    event::is_blank,
    ids::FieldName,
    mapping::{FieldMap, Reason, merge::Seen, preflight},
    person::Person,
    plan::{Cause, Change, NewValue, Note, Operation, PersonPlan, Step, Times, Told, Write, WriteId},
    words::Sentence,
};

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
    let before = planned.get(&key);
    let kept = || found.and(situation.known.times.get(&key)).cloned().unwrap_or_default();
    let mut told = before.cloned().unwrap_or_else(|| Told { key: key.clone(), write: None, times: kept(), people: Default::default() });
    told.people.insert(plan.person.key.clone());
    let Fields { mut changes, same, mut late } = fields(situation, plan, map, live, found, &mut told.times)?;
    let fields = action.person.clone().unwrap_or_default();
    let pointer = if who.object == "Contact" { fields.contact } else { fields.lead };
    let others = told.write.and_then(|id| writes.get(id.0)).is_some_and(|write| write.person != plan.person.key);
    // A record of several people points to the one who came first.
    if let Some(pointer) = pointer.filter(|_| !others) {
        let there = found.and_then(|found| found.values.get(&pointer)).map(|value| NewValue::Value(value.clone()));
        let differs = there.as_ref() != Some(&who.value);
        if is_late(&told.times, &pointer, live.open.event.occurred_at) {
            late |= differs;
        } else {
            told.times.insert(pointer.clone(), live.open.event.occurred_at);
            changes.extend(differs.then(|| Change::plain(pointer, who.value.clone())));
        }
    }
    let done = match (told.write, found) {
        (Some(id), _) => {
            if let Some(write) = writes.get_mut(id.0) {
                join(write, changes, &same, found);
            }
            Done::Waits(id)
        }
        (None, Some(_)) if changes.is_empty() && late => Done::Late,
        (None, Some(found)) if changes.is_empty() => Done::There(found.id),
        (None, found) => {
            let operation = match found {
                Some(found) => Operation::Update(found.id),
                None => create(situation, map, &key, &mut changes)?,
            };
            writes.push(Write {
                person: plan.person.key.clone(),
                object: map.object.clone(),
                operation,
                changes,
                step: Some(step),
                unmodified_since: None,
            });
            told.write = Some(WriteId(writes.len() - 1));
            Done::Waits(WriteId(writes.len() - 1))
        }
    };
    planned.insert(key, told);
    Ok(done)
}

/// Events of one record that come together are one write. What is said now takes the place of what was to be written, and where
/// Salesforce has it already, of that it stays so.
fn join(write: &mut Write, changes: Vec<Change>, same: &[FieldName], found: Option<&Match>) {
    for planned in &mut write.changes {
        let there = found.filter(|_| same.contains(&planned.field)).and_then(|found| found.values.get(&planned.field));
        there.into_iter().for_each(|there| planned.new = NewValue::Value(there.clone()));
    }
    write.changes.retain(|planned| changes.iter().all(|change| change.field != planned.field));
    write.changes.extend(changes);
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

/// What an event says of a record's fields.
pub(super) struct Fields {
    /// What is to be written.
    pub changes: Vec<Change>,
    /// The fields that have in Salesforce what it says.
    pub same: Vec<FieldName>,
    /// Whether anything was left out, since an event that occurred later had stated it.
    pub late: bool,
}

fn is_late(times: &Times, field: &FieldName, at: Timestamp) -> bool {
    times.get(field).is_some_and(|told| *told > at)
}

/// The fields of a record that belongs to an event: the person's attributes as they are known, and of the rest those of this event. `times`
/// tells when the record was told of each, and is brought up to date.
pub(super) fn fields(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    map: &FieldMap,
    live: &Live,
    found: Option<&Match>,
    times: &mut Times,
) -> Result<Fields, Cause> {
    let event = &live.open.event;
    let mut person = Person { link: None, ..plan.person.clone() };
    person.attributes.retain(|path, _| path.starts_with("person."));
    person.fold(event, &live.context, map.paths(), |_| false);
    let scene = live.scene();
    let (mut changes, mut same, mut late, mut missing, blank) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Value::Null);
    for rule in map.rules(&scene) {
        let seen = match found {
            Some(found) => Seen::Value { value: found.values.get(&rule.to).unwrap_or(&blank), base: None, at: found.stated_at(&rule.to) },
            None => Seen::NoRecord,
        };
        let governed = Governed::new(rule, situation.engine.project(scene.project));
        let (value, at) = field::stated(&person, rule, event.occurred_at);
        let at = at.unwrap_or(event.occurred_at);
        let outcome = field::plan_field(situation, &person, map.object.as_str(), &governed, event.occurred_at, seen);
        if is_late(times, &rule.to, at) {
            late.extend((!matches!(outcome, FieldOutcome::Keep(_))).then(|| rule.to.clone()));
            continue;
        }
        let says = !is_blank(value) || matches!(outcome, FieldOutcome::Write(_));
        match outcome {
            FieldOutcome::Write(change) => changes.push(change),
            FieldOutcome::Keep(stay) => {
                missing.extend((rule.required && stay.blank).then(|| rule.to.clone()));
                same.extend((stay.kept.reason == Reason::Same).then(|| rule.to.clone()));
            }
            FieldOutcome::Drop(note) => plan.notes.push(note),
            FieldOutcome::Park(cause) => return Err(cause),
            FieldOutcome::Take { .. } => {}
        }
        times.extend(says.then(|| (rule.to.clone(), at)));
    }
    if !missing.is_empty() {
        return Err(lacking(situation, &Sentence::new("This record", "Cette fiche"), &missing));
    }
    changes.retain(|change| found.is_some() || !matches!(&change.new, NewValue::Value(value) if is_blank(value)));
    let is_late = !late.is_empty();
    plan.notes.extend(is_late.then(|| Note::Late { event: event.id.clone(), object: map.object.clone(), fields: late }));
    Ok(Fields { changes, same, late: is_late })
}
