//! Who owns a record: users of the org, whom the platform knows by their e-mail addresses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Case, Situation, field::Form};
use crate::domain::{
    config::{Owner, OwnerFallback},
    engine::Engine,
    event::normalise_email,
    ids::RecordId,
    mapping::{FieldMap, Rule, merge::Seen},
    person::{Person, lookup},
    plan::Note,
};

/// What queues' ids begin with.
const QUEUE: &str = "00G";

/// Who owns what is created: the collaborator, where they are an active user, else the first of the document's substitutes that can,
/// else nobody in particular (which Salesforce takes as its assignment rules say, or as the integration user). Queues own leads only.
pub(super) fn owner(situation: &Situation<'_>, object: &str, collaborator: Option<&str>, notes: &mut Vec<Note>) -> Option<RecordId> {
    let people = &situation.engine.document.people;
    if people.owner != Owner::Collaborator {
        return None;
    }
    if let Some(user) = active(situation, collaborator?) {
        return Some(user);
    }
    let mut taken = (None, "integration user".to_owned());
    for substitute in &people.owner_fallback {
        let found = match substitute {
            OwnerFallback::User(email) => active(situation, email).map(|id| (Some(id), format!("user {email}"))),
            OwnerFallback::Queue(name) if object == "Lead" => situation.known.queues.get(name).map(|id| (Some(*id), format!("queue {name}"))),
            OwnerFallback::Queue(_) => None,
            OwnerFallback::AssignmentRules => (object == "Lead").then(|| (None, "assignment rules".to_owned())),
            OwnerFallback::Integration => Some((None, "integration user".to_owned())),
        };
        if let Some(found) = found {
            taken = found;
            break;
        }
    }
    let note = Note::OwnerFallback { to: taken.1 };
    if !notes.contains(&note) {
        notes.push(note);
    }
    taken.0
}

/// The address of the owner whom a rule of the mapping takes from the person, where it has one.
pub(super) fn stated<'p>(map: &FieldMap, person: &'p Person) -> Option<&'p str> {
    let path = map.all().find(|rule| rule.owner).and_then(Rule::from)?;
    person.value(path).and_then(Value::as_str)
}

/// The normalised addresses of owners that rules take from a person and their events, but for those whom the records have already.
#[must_use]
pub fn stated_owners(engine: &Engine, case: &Case) -> BTreeSet<String> {
    let paths: BTreeSet<&str> = engine.maps().all().flat_map(FieldMap::all).filter(|rule| rule.owner).filter_map(Rule::from).collect();
    if paths.is_empty() {
        return BTreeSet::new();
    }
    let contexts: Vec<Value> = case.events.iter().map(|open| open.event.context(&engine.document.platform.name, None)).collect();
    let said = contexts.iter().flat_map(|context| paths.iter().filter_map(|path| lookup(context, path)));
    let known = paths.iter().filter_map(|path| case.person.value(path));
    let mut addresses: BTreeSet<String> = said.chain(known).filter_map(Value::as_str).map(normalise_email).collect();
    let there: BTreeSet<String> = case.found.read().filter_map(|read| read.owner.as_deref()).map(normalise_email).collect();
    addresses.retain(|address| !address.is_empty() && !there.contains(address));
    addresses
}

/// Whether a queue has the record: what waits there for somebody is left to the org.
pub(super) fn is_in_queue(seen: Seen<'_>) -> bool {
    matches!(seen, Seen::Value { value: Value::String(id), .. } if id.starts_with(QUEUE))
}

/// The user's id in the place of their address. Who cannot own anything is nobody: a new record goes to a substitute, one that exists
/// keeps its owner. `owner` is the address of the one whom it has.
pub(super) fn form(situation: &Situation<'_>, rule: &Rule, person: &Person, value: &Value, seen: Seen<'_>, owner: Option<&str>) -> Form {
    let stated = rule.to_salesforce(value, &|path| person.value(path), None, &situation.engine.zone);
    let address = stated.ok().as_ref().and_then(Value::as_str).map(normalise_email).filter(|address| !address.is_empty());
    let Some(address) = address else { return Form::fits(Value::Null) };
    if let (Seen::Value { value, .. }, true) = (seen, owner.is_some_and(|owner| normalise_email(owner) == address)) {
        return Form::fits(value.clone());
    }
    match (active(situation, &address), seen) {
        (Some(user), _) => Form::fits(Value::from(user.as_str())),
        (None, Seen::NoRecord) => Form::fits(Value::Null),
        (None, _) => Form::dropped(Value::from(address), Note::Dropped { field: rule.to.clone(), code: "owner_not_active".to_owned() }),
    }
}

fn active(situation: &Situation<'_>, email: &str) -> Option<RecordId> {
    situation.known.users.get(&normalise_email(email)).filter(|user| user.active).map(|user| user.id)
}
