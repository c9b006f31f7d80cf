//! The account of a new contact, where the document asks for one: found by the company's name, or made. Nobody gets an account
//! that they were not asked for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Situation, account_name, field, record::plain};
use crate::domain::{
    config::AccountMode,
    ids::{FieldName, ObjectName},
    mapping::{Scene, merge::Seen},
    person::short_hash,
    plan::{Change, NewValue, Note, Operation, PersonPlan, Write, WriteId},
};

/// Hangs the write of a new contact on the account of the person's company; answers the write that makes it, if one is needed.
/// What stands in an account's way never costs the person: the contact is made without it, and that is noted.
pub(super) fn attach(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    contact: &mut Write,
    writes: &mut Vec<Write>,
    made: &mut BTreeMap<String, WriteId>,
) -> Option<WriteId> {
    let account = FieldName::known("AccountId");
    let settings = &situation.engine.document.people.account;
    let new = contact.object.as_str() == "Contact" && !matches!(contact.operation, Operation::Update(_));
    if !new || settings.mode == AccountMode::Off || contact.changes.iter().any(|change| change.field == account) {
        return None;
    }
    let company = plan.person.value(&settings.name_from).and_then(Value::as_str).map(str::trim).filter(|name| !name.is_empty())?.to_owned();
    let name = account_name(&company);
    match situation.known.accounts.get(&name).map(Vec::as_slice) {
        Some([only]) => {
            contact.changes.push(Change::plain(account, NewValue::Value(Value::from(only.as_str()))));
            return None;
        }
        Some([_, _, ..]) => {
            plan.notes.push(Note::AccountAmbiguous { name: company });
            return None;
        }
        Some([]) | None => {}
    }
    if settings.mode != AccountMode::FindOrCreate {
        plan.notes.push(Note::AccountMissing { name: company });
        return None;
    }
    if let Some(id) = made.get(&name) {
        contact.changes.push(Change::plain(account, NewValue::Created(*id)));
        return Some(*id);
    }
    if let Err(misfit) = field::check_plain(situation, "Account", &FieldName::known("Name"), &Value::from(company.as_str())) {
        plan.notes.push(Note::Dropped { field: account, code: misfit.code().to_owned() });
        return None;
    }
    let operation = match situation.schemas.key_field("Account") {
        Some(field) => Operation::CreateByKey { field, key: short_hash(&name) },
        None => Operation::Create,
    };
    let mut changes = vec![plain("Name", Value::from(company.as_str()))];
    changes.extend(further(situation, plan));
    writes.push(Write { person: plan.person.key.clone(), object: ObjectName::known("Account"), operation, changes, step: None });
    let id = WriteId(writes.len() - 1);
    made.insert(name, id);
    contact.changes.push(Change::plain(account, NewValue::Created(id)));
    Some(id)
}

/// The fields of a new account beside its name. A value that does not fit is left out and noted: it is no reason to have no account.
fn further(situation: &Situation<'_>, plan: &mut PersonPlan) -> Vec<Change> {
    let engine = situation.engine;
    let Some(map) = engine.document.people.account.mapping.as_ref().and_then(|name| engine.maps().named(name)) else { return Vec::new() };
    let when = plan.person.attributes.values().map(|dated| dated.at).max().unwrap_or_default();
    let mut changes = Vec::new();
    for rule in map.rules(&Scene::default()).into_iter().filter(|rule| rule.to.as_str() != "Name") {
        match field::plan_field(situation, &plan.person, "Account", &field::Governed::new(rule, None), when, Seen::NoRecord) {
            field::Outcome::Write(change) => changes.push(change),
            field::Outcome::Keep(_) | field::Outcome::Take { .. } => {}
            field::Outcome::Drop(note) => plan.notes.push(note),
            field::Outcome::Park(cause) => plan.notes.push(Note::Dropped { field: rule.to.clone(), code: cause.code }),
        }
    }
    changes
}
