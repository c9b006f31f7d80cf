//! Somebody at whom a run looks: both sides are compared field by field, and what differs goes where the rules send it.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Case, Found, Linked, Shared, Situation, account, confirm,
    record::{map_of, plan_new, plan_update, relink, rules_of_run},
    target::{self, Target},
};
use crate::domain::{
    company,
    config::{MappingOperation, Ways, WhenUnknown},
    engine::Engine,
    event::normalise_email,
    mapping::Reason,
    person::{Person, email_alias},
    plan::{Outcome, PersonPlan, Taken, Write, WriteId},
};
use crate::planted::{self, Bug};

/// Plans both directions.
pub(super) fn plan_both_ways(
    situation: &Situation<'_>,
    ways: Ways,
    found: &Found,
    plan: &mut PersonPlan,
    writes: &mut Vec<Write>,
    shared: &mut Shared,
) {
    // Whoever waited is looked at now.
    plan.person.pending = None;
    let revives = planted::is(Bug::Revive) && plan.person.link.take_if(|_| found.deleted.is_some()).is_some();
    if found.linked == Linked::Gone && found.master.is_none() && !revives {
        // That a record is not there proves nothing; that Salesforce says so does.
        if let Some(at) = found.deleted {
            mark(situation, plan, true, at);
        }
        return;
    }
    let before = plan.person.clone();
    let planned = target::choose(situation, &plan.person, found, &mut shared.claimed, &mut plan.notes)
        .and_then(|target| plan_target(situation, ways, plan, &target));
    let write = match planned {
        Ok(write) => write,
        Err(outcome) => {
            (plan.person, plan.taken) = (before, Vec::new());
            if let Outcome::Parked { problem } = outcome {
                plan.problem = Some(problem);
                // No event waits for them that would be set going: the next run looks again, at one call for all of them.
                plan.compare = true;
            }
            return;
        }
    };
    lead_back(plan);
    if let Some(mut write) = write {
        account::attach(situation, plan, &mut write, writes, shared);
        writes.push(write);
        plan.record = Some(WriteId(writes.len() - 1));
    }
}

fn plan_target(situation: &Situation<'_>, ways: Ways, plan: &mut PersonPlan, target: &Target) -> Result<Option<Write>, Outcome> {
    match target {
        Target::New { object } => {
            if !ways.push || situation.engine.document.people.when_unknown == WhenUnknown::Nothing || plan.person.link.is_some() {
                return Ok(None);
            }
            let rules = rules_of_run(situation, &plan.person, map_of(situation, object)?, ways, Timestamp::MIN);
            plan_new(situation, plan, object, &[], rules).map(Some)
        }
        Target::Existing { read: None, .. } => Ok(None),
        Target::Existing { object, id, read: Some(read) } => {
            relink(&mut plan.person, object, *id, Some(read));
            if let Some(link) = &mut plan.person.link {
                confirm::confirm(situation, link, read, &[], &mut plan.notes);
            }
            let Some(map) = situation.engine.person_map(object) else { return Ok(None) };
            let push = ways.push && situation.engine.updates(object) && map.operation != MappingOperation::Create;
            let when = read.modified.unwrap_or(Timestamp::MIN);
            let rules = rules_of_run(situation, &plan.person, map, Ways { push, ..ways }, when);
            mark(situation, plan, false, when);
            plan_update(situation, plan, map, *id, Some(read), &[], rules)
        }
    }
}

/// Whether a run is about to note of somebody that their record was deleted.
#[must_use]
pub fn would_mark(engine: &Engine, case: &Case) -> bool {
    case.found.deleted.is_some() && mark_of(engine, &case.person).is_some_and(|(path, _)| !is_marked(&case.person, path))
}

/// The attribute for that, where the document names one, and the place where it does.
fn mark_of<'e>(engine: &'e Engine, person: &Person) -> Option<(&'e String, &'static str)> {
    let settings = &engine.document.reconciliation;
    if person.is_company() {
        settings.deleted_company.as_ref().map(|path| (path, "reconciliation.deleted_company"))
    } else {
        settings.deleted.as_ref().map(|path| (path, "reconciliation.deleted"))
    }
}

fn is_marked(person: &Person, path: &str) -> bool {
    person.value(path).and_then(Value::as_bool) == Some(true)
}

/// Notes on the person whether their record was deleted.
fn mark(situation: &Situation<'_>, plan: &mut PersonPlan, deleted: bool, at: Timestamp) {
    let Some((path, rule)) = mark_of(situation.engine, &plan.person) else { return };
    if is_marked(&plan.person, path) == deleted {
        return;
    }
    let taken = Taken {
        attribute: path.clone(),
        old: plan.person.value(path).cloned(),
        new: Value::Bool(deleted),
        field: None,
        reason: Reason::SalesforceChanged,
        rule: rule.to_owned(),
    };
    plan.person.take(taken.attribute.clone(), taken.new.clone(), at);
    plan.taken.push(taken);
}

/// An address, or a company's name, that was taken over leads to them. One that is somebody else's is left to them when it is recorded.
fn lead_back(plan: &mut PersonPlan) {
    let led = plan.taken.iter().filter_map(|taken| match (taken.attribute.as_str(), taken.new.as_str()?) {
        ("person.email", address) => Some(email_alias(&normalise_email(address))),
        (company::NAME, name) => Some(company::name_identity(name)),
        _ => None,
    });
    plan.person.aliases.extend(led);
}
