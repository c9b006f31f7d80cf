//! The records of workflows that a batch is about, and those of them that keep times of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::{CampaignState, Case, KeyOfRecord, Known};
use crate::domain::{
    config::{Action, MemberAction},
    engine::Engine,
    ids::{FieldName, ObjectName, PersonKey, RecordId},
    plan::Told,
};

/// What is planned of records already: one record is never written twice in a plan.
pub(super) type Planned = BTreeMap<KeyOfRecord, Told>;

/// The records of workflows that a person's events may be about. A key that cannot be filled is told when the event is planned.
#[must_use]
pub fn records_of(engine: &Engine, case: &Case) -> BTreeSet<KeyOfRecord> {
    let mut keys = BTreeSet::new();
    for open in &case.events {
        let mut records = engine.possible_actions(&open.event).filter(|(_, _, action)| matches!(action, Action::Record(_))).peekable();
        if records.peek().is_none() {
            continue;
        }
        let project = open.event.project.as_ref().and_then(|project| engine.project(Some(&project.id)));
        let context = open.event.context(&engine.document.platform.name, project.map(|project| project.name.as_str()));
        keys.extend(records.filter_map(|(w, a, _)| engine.key_of_record(w, a, &context)?.ok()));
    }
    keys
}

/// Those records, and the memberships, of which it must be known when they were told of their fields.
#[must_use]
pub fn timed(engine: &Engine, known: &Known, case: &Case) -> BTreeSet<KeyOfRecord> {
    let mut keys = records_of(engine, case);
    for event in case.events.iter().map(|open| &open.event) {
        for (_, _, action) in engine.possible_actions(event) {
            if let Action::CampaignMember(member) = action
                && is_timed(engine, member)
                && let Some(CampaignState::Found { id, .. }) = engine.campaign_of(member, event).and_then(|campaign| known.campaigns.get(campaign))
            {
                keys.insert(membership(*id, &case.person.key));
            }
        }
    }
    keys
}

/// Whether a late event could take something back. The status alone cannot go back where the document orders all that it writes.
pub(super) fn is_timed(engine: &Engine, member: &MemberAction) -> bool {
    let actions = engine.document.workflows.iter().flat_map(|workflow| &workflow.actions);
    let mut members = actions.filter_map(|action| if let Action::CampaignMember(member) = action { Some(member) } else { None });
    member.mapping.is_some() || members.any(|member| engine.document.campaigns.rank(&member.status).is_none())
}

/// A person's membership in a campaign, which has no key of its own.
pub(super) fn membership(campaign: RecordId, person: &PersonKey) -> KeyOfRecord {
    KeyOfRecord { object: ObjectName::known("CampaignMember"), field: FieldName::known("CampaignId"), value: format!("{campaign}/{person}") }
}
