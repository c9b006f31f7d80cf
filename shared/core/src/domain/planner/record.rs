//! The write of the person's own record: field by field, by strategy, only what changes.

use serde_json::Value;

use super::{Match, Situation, events::Live, target::Target};
use crate::domain::{
    config::{FieldRule, Mapping, Owner},
    event::{is_blank, normalise_email},
    ids::{FieldName, ObjectName, RecordId},
    person::{Base, Link, Person},
    plan::{Cause, Change, NewValue, Note, Operation, Outcome, PersonPlan, Write},
    strategy::{Decision, Facts, Reason, Seen, decide, effective},
};

/// Fields without which Salesforce makes no record, whatever describe says: where person accounts are on, `Lead.Company`
/// is described as optional and validated all the same.
const REQUIRED: [(&str, &[&str]); 2] = [("Lead", &["LastName", "Company"]), ("Contact", &["LastName"])];

/// Plans the write, if one is needed, and brings the person's link up to date. What a new record lacks parks all events:
/// nothing is ever invented.
pub(super) fn plan_record(situation: &Situation<'_>, plan: &mut PersonPlan, target: &Target, live: &[Live]) -> Result<Option<Write>, Outcome> {
    let person_action = live.iter().any(|live| live.person_action);
    match target {
        Target::New { object } => {
            if !person_action {
                return Err(Outcome::Parked {
                    problem: Cause::new(
                        "person_not_created",
                        "Nobody in Salesforce has this person's e-mail address, and this workflow creates nobody.",
                    ),
                });
            }
            plan.person.link = None;
            plan_new(situation, plan, object, live).map(Some)
        }
        Target::Existing { object, id, read } => {
            relink(&mut plan.person, object, *id);
            let updates = person_action && situation.engine.updates(object);
            let mapping = situation.engine.person_mapping(object).filter(|_| updates);
            Ok(mapping.and_then(|mapping| plan_update(situation, &mut plan.person, mapping, *id, read.as_ref())))
        }
    }
}

/// Makes the link point at the record, forgetting the bases of any other.
fn relink(person: &mut Person, object: &'static str, id: RecordId) {
    let object = ObjectName::known(object);
    match &mut person.link {
        Some(link) if link.id == id => {
            link.object = object;
            link.recheck = false;
        }
        _ => person.link = Some(Link { object, id, bases: Default::default(), recheck: false }),
    }
}

fn plan_new(situation: &Situation<'_>, plan: &mut PersonPlan, object: &'static str, live: &[Live]) -> Result<Write, Outcome> {
    let nothing = || Outcome::Parked { problem: Cause::new("no_mapping", format!("The configuration has no mapping for {object}.")) };
    let mapping = situation.engine.person_mapping(object).ok_or_else(nothing)?;
    let mut changes: Vec<Change> = mapping.fields.iter().filter_map(|rule| change(situation, &plan.person, rule, Seen::NoRecord)).collect();
    let has = |name: &str| changes.iter().any(|change| change.field.as_str() == name);
    let needed = REQUIRED.iter().filter(|(name, _)| *name == object).flat_map(|(_, fields)| fields.iter().map(|f| (*f).to_owned()));
    let described = situation.schemas.object(object).into_iter().flat_map(|schema| &schema.fields);
    let described = described.filter(|(name, field)| field.required && name.as_str() != "OwnerId").map(|(name, _)| name.to_string());
    let mut missing: Vec<String> = needed.chain(described).filter(|name| !has(name)).collect();
    missing.sort();
    missing.dedup();
    if !missing.is_empty() {
        let message = format!("A new {object} needs {}, and nothing that is known about the person gives it.", missing.join(" and "));
        return Err(Outcome::Parked { problem: Cause { fields: missing, ..Cause::new("missing_required", message) } });
    }
    let collaborators = live.iter().filter_map(|live| live.open.event.collaborator.as_ref());
    if let Some(owner) = owner(situation, collaborators.map(|c| c.email.as_str()).next(), &mut plan.notes) {
        changes.push(plain("OwnerId", Value::from(owner.as_str())));
    }
    let key = situation.schemas.key_field(object);
    let operation = key.map_or(Operation::Create, |field| Operation::CreateByKey { field, key: plan.person.key.as_str().to_owned() });
    Ok(Write { person: plan.person.key.clone(), object: ObjectName::known(object), operation, changes, step: None })
}

fn plan_update(situation: &Situation<'_>, person: &mut Person, mapping: &Mapping, id: RecordId, read: Option<&Match>) -> Option<Write> {
    let mut changes = Vec::new();
    let blank = Value::Null;
    for rule in &mapping.fields {
        let seen = read.map_or(Seen::Unread, |read| Seen::Value(read.values.get(&rule.to).unwrap_or(&blank), read.modified));
        if let Some(link) = &mut person.link
            && let Seen::Value(value, _) = seen
        {
            link.bases.entry(rule.to.clone()).or_default().salesforce = Some(value.clone());
        }
        changes.extend(change(situation, person, rule, seen));
    }
    let write = Write { person: person.key.clone(), object: mapping.object.clone(), operation: Operation::Update(id), changes, step: None };
    (!write.changes.is_empty()).then_some(write)
}

/// What becomes of one field; `None` where Salesforce stays as it is.
fn change(situation: &Situation<'_>, person: &Person, rule: &FieldRule, seen: Seen<'_>) -> Option<Change> {
    let dated = person.attributes.get(&rule.from)?;
    let value = mapped(rule, &dated.value);
    let project = situation.engine.project(dated.project.as_ref());
    let strategy = effective(rule, project, &situation.engine.document.people);
    let sent = person.link.as_ref().and_then(|link| link.bases.get(&rule.to)).and_then(|base: &Base| base.platform.as_ref());
    let facts = Facts { platform: &value, platform_at: dated.at, sent, salesforce: seen };
    let Decision::Write(reason) = decide(strategy, facts) else { return None };
    let old = match seen {
        Seen::Value(value, _) => Some(value.clone()),
        Seen::NoRecord | Seen::Unread => None,
    };
    Some(Change { field: rule.to.clone(), old, new: NewValue::Value(value), reason, from: Some(rule.from.clone()) })
}

/// The platform's value in Salesforce's words. Lists become multi-picklist texts.
fn mapped(rule: &FieldRule, value: &Value) -> Value {
    let translate = |text: &str| rule.values.get(text).cloned().unwrap_or_else(|| text.to_owned());
    match value {
        Value::String(text) => Value::String(translate(text)),
        Value::Array(items) => {
            let texts = items.iter().filter(|item| !is_blank(item)).map(|item| item.as_str().map_or_else(|| item.to_string(), translate));
            Value::String(texts.collect::<Vec<_>>().join(";"))
        }
        other => other.clone(),
    }
}

/// The user who owns what is created: the collaborator's, where they are active, else nobody in particular (which
/// Salesforce takes as the integration user).
pub(super) fn owner(situation: &Situation<'_>, collaborator: Option<&str>, notes: &mut Vec<Note>) -> Option<RecordId> {
    if situation.engine.document.people.owner != Owner::Collaborator {
        return None;
    }
    let user = situation.users.get(&normalise_email(collaborator?)).filter(|user| user.active);
    if user.is_none() && !notes.contains(&Note::OwnerFallback) {
        notes.push(Note::OwnerFallback);
    }
    user.map(|user| user.id)
}

/// A field that no rule of the mapping stands behind.
pub(super) fn plain(field: &'static str, value: Value) -> Change {
    Change { field: FieldName::known(field), old: None, new: NewValue::Value(value), reason: Reason::NewRecord, from: None }
}
