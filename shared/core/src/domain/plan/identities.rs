//! What a plan does to the identities that lead to a person.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{
    event::normalise_email,
    ids::PersonKey,
    person::{Person, email_alias},
};

/// What a plan does to the identities that lead to a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Identities {
    /// Those that lead to the person from now on, each with whom it led to until now.
    pub claims: BTreeMap<String, Option<PersonKey>>,
    /// The address that the person no longer has, as an identity: who waits for it may go on.
    pub leaves: Option<String>,
    /// The address that somebody else has, and that the person's events wait for.
    pub waits_for: Option<String>,
}

impl Identities {
    /// What becomes of them between a person as stored and as they will be.
    #[must_use]
    pub fn between(before: &Person, after: &Person, taken: &BTreeMap<String, PersonKey>) -> Self {
        // Of whom nothing is stored yet, no identity leads to them.
        let stored = |alias: &String| before.version > 0 && before.aliases.contains(alias);
        let new = after.aliases.iter().filter(|alias| !stored(alias)).map(|alias| (alias.clone(), None));
        let taken = taken.iter().map(|(alias, from)| (alias.clone(), Some(from.clone())));
        let leaves = address(before).filter(|left| Some(left) != address(after).as_ref());
        Self { claims: new.chain(taken).collect(), leaves, waits_for: None }
    }
}

/// The person's address as an identity.
#[must_use]
pub fn address(person: &Person) -> Option<String> {
    person.email().map(|email| email_alias(&normalise_email(email)))
}
