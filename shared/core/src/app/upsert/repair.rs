//! Gives back what was covered: somebody changed a field between our look and our write. Their value was the later one, so it is put
//! back, and both are told.

use std::collections::BTreeMap;

use super::execute::{Caller, Covered, Dialect, execute};
use crate::domain::{
    mapping::Reason,
    plan::{Change, NewValue, Note, Plan, Write, WriteId, WriteResult},
};

/// The writes that put back what was covered, one per record.
pub(super) fn plan_repair(plan: &Plan, covered: &[Covered]) -> Plan {
    let mut writes = BTreeMap::<WriteId, Write>::new();
    for lost in covered {
        let Some(write) = plan.writes.get(lost.write.0) else { continue };
        let Some(change) = write.changes.iter().find(|change| change.field == lost.field) else { continue };
        let back = writes.entry(lost.write).or_insert_with(|| Write { changes: Vec::new(), step: None, unmodified_since: None, ..write.clone() });
        // By nothing that is read: what the org has made of our value is no edit.
        let (new, reason) = (NewValue::Value(lost.theirs.clone()), Reason::SalesforceIsLater);
        back.changes.push(Change { old: None, new, reason, by: None, ..change.clone() });
    }
    Plan { config_version: plan.config_version, writes: writes.into_values().collect(), ..Plan::default() }
}

/// How often a value is given back that Salesforce does not take at once, because somebody else has the record in hand.
const TRIES: usize = 3;

/// Executes a repair. What is refused for now is tried again: nobody else knows of it.
pub(super) async fn give_back(repair: &Plan, dialect: &Dialect, caller: &mut impl Caller) -> Vec<WriteResult> {
    let mut results = execute(repair, dialect, caller).await.results;
    for _ in 1..TRIES {
        let failed = results.iter().zip(&repair.writes).enumerate().filter(|(_, (result, _))| matches!(result, WriteResult::Failed(_)));
        let (places, writes): (Vec<usize>, Vec<Write>) = failed.map(|(i, (_, write))| (i, write.clone())).unzip();
        if places.is_empty() {
            break;
        }
        caller.rest().await;
        let again = Plan { config_version: repair.config_version, writes, ..Plan::default() };
        for (place, result) in places.into_iter().zip(execute(&again, dialect, caller).await.results) {
            results.get_mut(place).into_iter().for_each(|old| *old = result.clone());
        }
    }
    results
}

/// Notes what was covered. What was put back is taken out of what was written: Salesforce's value is theirs. What was not is ours all the
/// same, and if it was put back unseen, it will differ from ours as an edit does.
pub(super) fn note_covered(plan: &mut Plan, covered: &[Covered], repair: &Plan, results: &[WriteResult]) {
    for lost in covered {
        let Some(write) = plan.writes.get_mut(lost.write.0) else { continue };
        let Some(place) = write.changes.iter().position(|change| change.field == lost.field) else { continue };
        let back = repair.writes.iter().zip(results).find(|(back, _)| back.operation == write.operation);
        let given_back = matches!(back, Some((_, WriteResult::Saved(_))));
        let change = if given_back { Some(write.changes.remove(place)) } else { write.changes.get(place).cloned() };
        let Some(change) = change else { continue };
        let NewValue::Value(written) = change.new else { continue };
        if !given_back {
            tracing::error!(person.key = %write.person, field = %lost.field, code = "edit_covered", "an edit was covered and could not be put back");
        }
        let note = Note::Covered { field: lost.field.clone(), written, theirs: lost.theirs.clone(), given_back, rule: change.rule };
        let person = plan.people.iter_mut().find(|person| person.person.key == write.person);
        person.into_iter().for_each(|person| person.notes.push(note.clone()));
    }
}
