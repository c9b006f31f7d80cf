//! Gives back what was covered: somebody changed a field between our look and our write. Their value was the later one, so it is put
//! back, and both are told.

use super::execute::Covered;
use crate::domain::{
    mapping::Reason,
    plan::{Change, NewValue, Note, Plan, Write, WriteId, WriteResult},
};

/// The writes that put back what was covered, one per record.
pub(super) fn plan_repair(plan: &Plan, covered: &[Covered]) -> Plan {
    let mut writes: Vec<Write> = Vec::new();
    let mut of: Vec<WriteId> = Vec::new();
    for lost in covered {
        let Some(write) = plan.writes.get(lost.write.0) else { continue };
        let Some(change) = write.changes.iter().find(|change| change.field == lost.field) else { continue };
        // By nothing that is read: what the org has made of our value is no edit.
        let back = Change { old: None, new: NewValue::Value(lost.theirs.clone()), reason: Reason::SalesforceIsLater, by: None, ..change.clone() };
        match of.iter().position(|id| *id == lost.write) {
            Some(place) => writes.get_mut(place).into_iter().for_each(|write| write.changes.push(back.clone())),
            None => {
                of.push(lost.write);
                writes.push(Write { changes: vec![back], step: None, ..write.clone() });
            }
        }
    }
    Plan { config_version: plan.config_version, writes, ..Plan::default() }
}

/// Notes what was covered, and takes it out of what was written: Salesforce's value is theirs.
pub(super) fn note_covered(plan: &mut Plan, covered: &[Covered], repair: &Plan, results: &[WriteResult]) {
    for lost in covered {
        let Some(write) = plan.writes.get_mut(lost.write.0) else { continue };
        let Some(place) = write.changes.iter().position(|change| change.field == lost.field) else { continue };
        let change = write.changes.remove(place);
        let back = repair.writes.iter().zip(results).find(|(back, _)| back.operation == write.operation);
        let given_back = matches!(back, Some((_, WriteResult::Saved(_))));
        let NewValue::Value(written) = change.new else { continue };
        if !given_back {
            tracing::error!(person.key = %write.person, field = %lost.field, code = "edit_covered", "an edit was covered and could not be put back");
        }
        let note = Note::Covered { field: lost.field.clone(), written, theirs: lost.theirs.clone(), given_back };
        let person = plan.people.iter_mut().find(|person| person.person.key == write.person);
        person.into_iter().for_each(|person| person.notes.push(note.clone()));
    }
}
