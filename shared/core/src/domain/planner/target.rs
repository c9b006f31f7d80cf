//! Which Salesforce record is the person's: the link, else the one with their key, else one with their e-mail address: contact
//! before open lead, then the oldest, then the smallest id. A converted lead leads to its contact. A company's is an account.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Found, Linked, Match, Situation};
use crate::domain::{
    company::account_name,
    config::{SameEmail, WhenUnknown},
    ids::{FieldName, RecordId},
    person::Person,
    plan::{Cause, Note, Outcome, Unchanged},
    words::Sentence,
};
use crate::planted::{self, Bug};

/// Where the person's data goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// A record that exists; with its values, if it was read.
    Existing { object: &'static str, id: RecordId, read: Option<Match> },
    /// A new record.
    New { object: &'static str },
}

/// Chooses the target, or tells the outcome of all events that are to be worked. A record that belongs to another person,
/// or that another person of this plan has been given, is nobody else's.
pub(super) fn choose(
    situation: &Situation<'_>,
    person: &Person,
    found: &Found,
    claimed: &mut BTreeSet<RecordId>,
    notes: &mut Vec<Note>,
) -> Result<Target, Outcome> {
    let others = |id: &RecordId| situation.owners_of_records.get(id).is_some_and(|owner| *owner != person.key);
    let people = &situation.engine.document.people;
    // Where one address may be two people's, somebody else's record with the address is just that.
    let eligible = |m: &Match| people.same_email == SameEmail::OnePerson || !others(&m.id);
    if person.is_company() {
        let target = linked(person, found, notes).or_else(|| named(person, found, |id| others(&id) || claimed.contains(&id)));
        // No account is made for a company's own sake, and one that another company has stays that one's.
        let own = |target: &Target| matches!(target, Target::Existing { id, .. } if !others(id) && claimed.insert(*id));
        return target.filter(own).ok_or(Outcome::Unchanged { because: Unchanged::UnknownPerson });
    }
    let target = linked(person, found, notes).or_else(|| matching(found, eligible, notes));
    if let Some(Target::Existing { id, .. }) = &target
        && (others(id) || !claimed.insert(*id))
    {
        let message = Sentence::new(
            format!("The Salesforce record {id} belongs to another person of this connection already."),
            format!("La fiche Salesforce {id} appartient déjà à une autre personne de cette connexion."),
        );
        return Err(Outcome::Parked { problem: Cause::new("record_taken", situation.engine.say(&message)) });
    }
    match (target, people.when_unknown) {
        (Some(target), _) => Ok(target),
        (None, WhenUnknown::Lead) => Ok(Target::New { object: "Lead" }),
        (None, WhenUnknown::Contact) => Ok(Target::New { object: "Contact" }),
        (None, WhenUnknown::Nothing) => Err(Outcome::Unchanged { because: Unchanged::UnknownPerson }),
    }
}

/// The only account with a company's key, else the only one with its name, unless it is another company's.
fn named(company: &Person, found: &Found, others: impl Fn(RecordId) -> bool) -> Option<Target> {
    let is_keyed = found.accounts.iter().any(|m| m.by_key);
    let mut accounts = of_name(company, found).filter(|m| m.by_key || !is_keyed);
    let read = accounts.next().filter(|m| accounts.next().is_none() && !others(m.id))?;
    Some(Target::Existing { object: "Account", id: read.id, read: Some(read.clone()) })
}

/// The accounts that are a company's by its key or by its name.
pub(super) fn of_name<'f>(company: &Person, found: &'f Found) -> impl Iterator<Item = &'f Match> {
    let name = company.company_name().map(account_name);
    let called = |m: &Match| m.values.get(&FieldName::known("Name")).and_then(Value::as_str).map(account_name);
    found.accounts.iter().filter(move |m| m.by_key || called(m) == name && name.is_some())
}

/// The linked record; `None` where there is no link or the record is gone.
fn linked(person: &Person, found: &Found, notes: &mut Vec<Note>) -> Option<Target> {
    let link = person.link.as_ref()?;
    let object = ["Contact", "Account"].into_iter().find(|object| link.object.as_str() == *object).unwrap_or("Lead");
    match &found.linked {
        Linked::Gone if planted::is(Bug::StaleLink) => Some(Target::Existing { object, id: link.id, read: None }),
        Linked::NotRead => Some(Target::Existing { object, id: link.id, read: None }),
        Linked::Gone => found.master.as_ref().map(|master| {
            notes.push(Note::Merged { from: link.id, into: master.id });
            follow(object, master, found, notes)
        }),
        Linked::There(read) => Some(follow(object, read, found, notes)),
    }
}

/// The best of the records with the person's key, else of those with their e-mail address.
fn matching(found: &Found, eligible: impl Fn(&Match) -> bool, notes: &mut Vec<Note>) -> Option<Target> {
    let rank = |m: &Match, class: u8| (class, m.created.is_none(), m.created, m.id);
    let contacts = found.contacts.iter().map(|m| (rank(m, 0), "Contact", m));
    let leads = found.leads.iter().map(|m| (rank(m, if m.converted_to.is_some() { 2 } else { 1 }), "Lead", m));
    let mut candidates: Vec<_> = contacts.chain(leads).filter(|(_, _, m)| eligible(m)).collect();
    let keyed = candidates.iter().any(|(_, _, m)| m.by_key);
    candidates.retain(|(_, _, m)| m.by_key || !keyed);
    candidates.sort_by_key(|candidate| candidate.0);
    let (_, object, best) = candidates.first().filter(|_| !planted::is(Bug::CreateUnseen))?;
    let rivals: BTreeSet<RecordId> = candidates.iter().filter(|(_, _, m)| m.converted_to.is_none()).map(|(_, _, m)| m.id).collect();
    if rivals.len() > 1 {
        notes.push(Note::Ambiguous { candidates: candidates.iter().map(|(_, _, m)| m.id).collect() });
    }
    Some(follow(object, best, found, notes))
}

/// A converted lead leads to its contact, whose values are used if they were read too.
fn follow(object: &'static str, read: &Match, found: &Found, notes: &mut Vec<Note>) -> Target {
    let Some(contact) = read.converted_to.and_then(|conversion| conversion.contact) else {
        return Target::Existing { object, id: read.id, read: Some(read.clone()) };
    };
    notes.push(Note::Converted { lead: read.id });
    let seen = found.contacts.iter().find(|m| m.id == contact).cloned();
    Target::Existing { object: "Contact", id: contact, read: seen }
}
