//! A second opinion on every plan, independent of how it was made.

use std::collections::BTreeSet;

use super::{Fate, NewValue, Operation, Plan, Write, WriteId};
use crate::domain::ids::{FieldName, PersonKey};

/// A plan that must not be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan is wrong: {0}")]
pub struct PlanFault(pub String);

/// A second opinion: re-verifies what every plan must fulfil, independently of how it was made.
pub fn check(plan: &Plan) -> Result<(), PlanFault> {
    let fault = |text: String| Err(PlanFault(text));
    let people: BTreeSet<&PersonKey> = plan.people.iter().map(|p| &p.person.key).collect();
    if people.len() != plan.people.len() {
        return fault("a person appears twice".to_owned());
    }
    let mut updated = BTreeSet::new();
    let mut steps = BTreeSet::new();
    for (i, write) in plan.writes.iter().enumerate() {
        if !people.contains(&write.person) {
            return fault(format!("write {i} is for nobody"));
        }
        if let Operation::Update(record) = write.operation
            && !updated.insert(record)
        {
            return fault(format!("the record {record} is written twice"));
        }
        if let Some(step) = &write.step
            && !steps.insert(step)
        {
            return fault(format!("the step {} of event {} is planned twice", step.name, step.event));
        }
        let fields: BTreeSet<&FieldName> = write.changes.iter().map(|change| &change.field).collect();
        if fields.len() != write.changes.len() || fields.is_empty() {
            return fault(format!("write {i} has no field, or one twice"));
        }
        for change in &write.changes {
            if let NewValue::Created(parent) = change.new {
                let parent_write = plan.writes.get(parent.0).filter(|_| parent.0 < i);
                // People of one company share the account that is made for it.
                let own = |w: &Write| w.person == write.person || w.object.as_str() == "Account";
                let creates = parent_write.is_some_and(|w| !matches!(w.operation, Operation::Update(_)) && own(w));
                if !creates {
                    return fault(format!("write {i} refers to a record that is not created before it for the same person"));
                }
            }
        }
    }
    check_events(plan)
}

fn check_events(plan: &Plan) -> Result<(), PlanFault> {
    let mut events = BTreeSet::new();
    let mut claimed = BTreeSet::new();
    for planned in plan.people.iter().flat_map(|p| &p.events) {
        if !events.insert(&planned.event) {
            return Err(PlanFault(format!("the event {} has two fates", planned.event)));
        }
        let waits = planned.fate.waits();
        let nothing = waits.is_empty() && !matches!(planned.fate, Fate::Settled(_));
        if nothing || waits.iter().any(|id| id.0 >= plan.writes.len()) {
            return Err(PlanFault(format!("the event {} waits for nothing", planned.event)));
        }
        claimed.extend(waits.iter().copied());
    }
    // What a run writes of somebody belongs to no event, and what is written of a company not to one alone.
    let of_run: BTreeSet<&PersonKey> = plan.people.iter().filter(|person| person.events.is_empty()).map(|person| &person.person.key).collect();
    claimed.extend(plan.writes.iter().enumerate().filter(|(_, write)| of_run.contains(&write.person)).map(|(i, _)| WriteId(i)));
    if claimed.len() != plan.writes.len() {
        return Err(PlanFault("a write belongs to no event".to_owned()));
    }
    Ok(())
}
