//! The first look at a record after we wrote it: what the org made of our values becomes Salesforce's base, before the merge
//! decides. Without it our own write would look like a change by Salesforce, and a late one.

use serde_json::Value;

use super::{Match, Situation};
use crate::domain::{
    mapping::merge::remember,
    person::{Base, Link, Sent},
};

/// Brings the link's bases up to what was read.
pub(super) fn confirm(situation: &Situation<'_>, link: &mut Link, read: &Match) {
    let made = std::mem::take(&mut link.made) && read.left_by_us;
    let mapped = situation.engine.person_fields(link.object.as_str());
    for (field, value) in read.values.iter().filter(|(field, _)| mapped.contains(field)) {
        match link.bases.get_mut(field) {
            Some(base) => confirm_field(base, value, read.left_by_us),
            // What a new record has beside what was sent are the org's defaults.
            None if made => _ = link.bases.insert(field.clone(), Base { salesforce: Some(remember(value)), ..Base::default() }),
            None => {}
        }
    }
}

/// Where somebody else modified the record since, only what differs from what was sent is theirs.
fn confirm_field(base: &mut Base, value: &Value, left_by_us: bool) {
    match base.sent.take() {
        Some(_) if left_by_us => base.salesforce = Some(remember(value)),
        Some(Sent::Surely) => base.salesforce.clone_from(&base.platform),
        Some(Sent::Perhaps) | None => {}
    }
}
