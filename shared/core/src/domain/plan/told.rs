//! When records that events of several people may feed were last told of each of their fields. A person keeps a time per attribute; such
//! a record keeps its own, so that an event that comes late overwrites nothing there either.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{Plan, WriteId, WriteResult};
use crate::domain::{
    ids::{FieldName, PersonKey},
    planner::KeyOfRecord,
};

/// When what each field of a record says was said.
pub type Times = BTreeMap<FieldName, Timestamp>;

/// A record that events of a plan tell something of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// What it is found by.
    pub key: KeyOfRecord,
    /// The write that carries it; `None` where Salesforce has it all already.
    pub write: Option<WriteId>,
    /// The times of all its fields, these events included.
    pub times: Times,
    /// Whose events they are.
    pub people: BTreeSet<PersonKey>,
}

impl Told {
    /// Whether Salesforce has what was told.
    #[must_use]
    pub fn stands(&self, results: &[WriteResult]) -> bool {
        self.write.is_none_or(|id| matches!(results.get(id.0), Some(WriteResult::Saved(_))))
    }
}

impl Plan {
    /// What a person's events tell of records.
    pub fn told_by<'p>(&'p self, person: &PersonKey) -> impl Iterator<Item = &'p Told> {
        self.told.iter().filter(move |told| told.people.contains(person))
    }
}
