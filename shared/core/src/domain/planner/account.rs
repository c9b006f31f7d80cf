//! The account of a new contact, where the document asks for one: that of the person's company, by its link or its name, or a new one.
//! Nobody gets an account that they were not asked for.

use serde_json::Value;

use super::{
    Shared, Situation,
    company::{Account, Company},
    field,
    record::plain,
};
use crate::domain::{
    company::account_name,
    config::AccountMode,
    ids::{FieldName, ObjectName},
    mapping::{Scene, merge::Seen},
    plan::{Change, NewValue, Note, Operation, PersonPlan, Write, WriteId},
};

/// Hangs the write of a new contact on the account of the person's company; answers the write that makes it, if one is needed.
/// What stands in an account's way never costs the person: the contact is made without it, and that is noted.
pub(super) fn attach(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    contact: &mut Write,
    writes: &mut Vec<Write>,
    shared: &mut Shared,
) -> Option<WriteId> {
    let field = FieldName::known("AccountId");
    let mode = situation.engine.document.people.account.mode;
    let new = contact.object.as_str() == "Contact" && !matches!(contact.operation, Operation::Update(_));
    if !new || mode == AccountMode::Off || contact.changes.iter().any(|change| change.field == field) {
        return None;
    }
    let company = shared.companies.get_mut(&plan.person.company.as_ref()?.key)?;
    match company.account {
        Account::There(id) => {
            contact.changes.push(Change::plain(field, NewValue::Value(Value::from(id.as_str()))));
            return None;
        }
        Account::Made(id) => {
            contact.changes.push(Change::plain(field, NewValue::Created(id)));
            return Some(id);
        }
        Account::Several | Account::None => {}
    }
    let name = company.plan.person.company_name().map(str::trim).filter(|name| !name.is_empty())?.to_owned();
    if company.account == Account::Several {
        plan.notes.push(Note::AccountAmbiguous { name });
        return None;
    }
    if mode != AccountMode::FindOrCreate {
        plan.notes.push(Note::AccountMissing { name });
        return None;
    }
    let made = match shared.accounts.get(&account_name(&name)) {
        Some(id) => *id,
        None => {
            if let Err(misfit) = field::check_plain(situation, "Account", &FieldName::known("Name"), &Value::from(name.as_str())) {
                plan.notes.push(Note::Dropped { field, code: misfit.code().to_owned() });
                return None;
            }
            writes.push(make(situation, plan, company, &name));
            let id = WriteId(writes.len() - 1);
            shared.accounts.insert(account_name(&name), id);
            (company.account, company.plan.record) = (Account::Made(id), Some(id));
            id
        }
    };
    contact.changes.push(Change::plain(field, NewValue::Created(made)));
    Some(made)
}

/// A new account. What fits no field of it is left out and noted: it is no reason to have no account.
fn make(situation: &Situation<'_>, plan: &mut PersonPlan, company: &mut Company, name: &str) -> Write {
    let key = company.plan.person.key.clone();
    let mut changes = vec![plain("Name", Value::from(name))];
    let map = situation.engine.person_map("Account");
    for rule in map.into_iter().flat_map(|map| map.rules(&Scene::default())) {
        let whose = if rule.is_of_company() { &company.plan.person } else { &plan.person };
        let when = whose.attributes.values().map(|dated| dated.at).max().unwrap_or_default();
        match field::plan_field(situation, whose, "Account", &field::Governed::new(rule, None), when, Seen::NoRecord) {
            // The name is that of the company in any case, and what a rule makes of it goes with it.
            field::Outcome::Write(change) if rule.to.as_str() == "Name" => {
                changes.retain(|known| known.field != change.field || !rule.is_of_company());
                changes.extend(rule.is_of_company().then_some(change));
            }
            field::Outcome::Write(change) => changes.push(change),
            field::Outcome::Keep(_) | field::Outcome::Take { .. } => {}
            field::Outcome::Drop(note) => plan.notes.push(note),
            field::Outcome::Park(cause) => plan.notes.push(Note::Dropped { field: rule.to.clone(), code: cause.code }),
        }
    }
    let operation = match situation.schemas.key_field("Account") {
        Some(field) => Operation::CreateByKey { field, key: key.as_str().to_owned() },
        None => Operation::Create,
    };
    Write { person: key, object: ObjectName::known("Account"), operation, changes, step: None, unmodified_since: None }
}
