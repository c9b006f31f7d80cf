//! Membership in campaigns: one write per person and campaign, with the highest status that their events have brought about.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    CampaignState, FoundMember, KeyOfRecord, Situation,
    activity::Who,
    event::{Done, Steps},
    events::Live,
    object,
    told::{Planned, is_timed, membership},
};
use crate::domain::{
    config::{Action, MemberAction},
    ids::{FieldName, ObjectName, RecordId},
    mapping::Reason,
    plan::{Cause, Change, NewValue, Operation, PersonPlan, Times, Told, Write, WriteId},
    words::Sentence,
};

/// Plans the memberships of a person's events, which come in order of occurrence.
pub(super) fn plan_members(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    who: &Who,
    live: &[Live],
    found: &[FoundMember],
    writes: &mut Vec<Write>,
    planned: &mut Planned,
) -> Steps {
    let mut steps = Steps::new();
    let mut wanted = BTreeMap::<RecordId, Vec<(usize, &MemberAction)>>::new();
    for (i, live) in live.iter().enumerate() {
        for act in live.acts(situation.engine) {
            let Action::CampaignMember(action) = act.action else { continue };
            match campaign(situation, action, live) {
                Ok(campaign) => wanted.entry(campaign).or_default().push((i, action)),
                Err(cause) => steps.entry(i).or_default().push(Err(cause)),
            }
        }
    }
    for (campaign, wishes) in wanted {
        let (key, mut times) = (membership(campaign, &plan.person.key), Times::new());
        let done = plan_one(situation, plan, who, live, campaign, &wishes, found, writes, &key, &mut times);
        if let Ok(done) = &done
            && wishes.iter().any(|(_, action)| is_timed(situation.engine, action))
        {
            let write = if let Done::Waits(write) = done { Some(*write) } else { None };
            planned.insert(key.clone(), Told { key, write, times, people: [plan.person.key.clone()].into() });
        }
        for (i, _) in wishes {
            steps.entry(i).or_default().push(done.clone());
        }
    }
    steps
}

/// The campaign of an action, whose statuses include the action's.
fn campaign(situation: &Situation<'_>, action: &MemberAction, live: &Live) -> Result<RecordId, Cause> {
    let refuse = |code, en: String, fr: String| Cause::new(code, situation.engine.say(&Sentence::new(en, fr)));
    let Some(campaign) = situation.engine.campaign_of(action, &live.open.event) else {
        return Err(refuse(
            "no_campaign",
            "Neither the workflow nor the project names a campaign.".to_owned(),
            "Ni le workflow ni le projet ne nomme de campagne.".to_owned(),
        ));
    };
    let text = campaign.text();
    match situation.known.campaigns.get(campaign) {
        Some(CampaignState::Found { id, statuses }) => {
            if statuses.is_empty() || statuses.iter().any(|status| status.eq_ignore_ascii_case(action.status.trim())) {
                return Ok(*id);
            }
            let (wanted, have) = (&action.status, statuses.join(", "));
            Err(refuse(
                "campaign_status_unknown",
                format!("The campaign {text} has no member status {wanted}; it has {have}."),
                format!("La campagne {text} n'a pas de statut de membre {wanted} ; elle a {have}."),
            ))
        }
        Some(CampaignState::Several { ids }) => {
            let ids = ids.iter().map(RecordId::as_str).collect::<Vec<_>>().join(", ");
            Err(refuse(
                "campaign_ambiguous",
                format!("Several campaigns are called {text}; write the id of one of them: {ids}."),
                format!("Plusieurs campagnes s'appellent {text} ; écrivez l'identifiant de l'une d'elles : {ids}."),
            ))
        }
        Some(CampaignState::Missing { near }) if !near.is_empty() => Err(refuse(
            "campaign_not_found",
            format!("The org shows no campaign {text}. There is {}.", near.join(", ")),
            format!("L'org ne montre pas de campagne {text}. Il y a {}.", near.join(", ")),
        )),
        Some(CampaignState::Missing { .. }) | None => {
            Err(refuse("campaign_not_found", format!("The org shows no campaign {text}."), format!("L'org ne montre pas de campagne {text}.")))
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn plan_one(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    who: &Who,
    live: &[Live],
    campaign: RecordId,
    wishes: &[(usize, &MemberAction)],
    found: &[FoundMember],
    writes: &mut Vec<Write>,
    key: &KeyOfRecord,
    times: &mut Times,
) -> Result<Done, Cause> {
    let status_field = FieldName::known("Status");
    let existing = found.iter().find(|member| member.campaign == campaign && who.existing.is_some_and(|id| member.who.contains(&id)));
    let before = existing.and_then(|member| member.read.values.get(&status_field)).and_then(Value::as_str);
    *times = existing.and(situation.known.times.get(key)).cloned().unwrap_or_default();
    let order = &situation.engine.document.campaigns;
    let mut status = before;
    for (i, action) in wishes {
        let (wanted, at) = (action.status.trim(), live.get(*i).map(|live| live.open.event.occurred_at));
        let late = times.get(&status_field) > at.as_ref();
        let stays = status.map(|current| (order.rank(current), order.rank(wanted))).is_some_and(|(current, wanted)| {
            // A member moves up and never down. What the order does not know is replaced by what the platform says later.
            current > wanted || late && (current.is_none() || current == wanted)
        });
        if !stays {
            status = Some(wanted);
        }
        times.extend(at.filter(|_| !late).map(|at| (status_field.clone(), at)));
    }
    let mut changes = Vec::new();
    if let Some(status) = status.filter(|status| before.is_none_or(|before| !before.eq_ignore_ascii_case(status))) {
        let reason = if before.is_some() { Reason::PlatformChanged } else { Reason::NewRecord };
        let change = Change::plain(status_field, NewValue::Value(Value::from(status)));
        changes.push(Change { old: before.map(Value::from), reason, ..change });
    }
    // Further fields are those of the latest event that has a mapping for them.
    let mapped = wishes.iter().rev().find_map(|(i, action)| Some((live.get(*i)?, situation.engine.maps().named(action.mapping.as_ref()?)?)));
    if let Some((live, map)) = mapped {
        let further = object::fields(situation, plan, map, live, existing.map(|member| &member.read), times)?;
        changes.extend(further.changes.into_iter().filter(|change| change.field.as_str() != "Status"));
    }
    let operation = match existing {
        Some(member) if changes.is_empty() => return Ok(Done::There(member.read.id)),
        Some(member) => Operation::Update(member.read.id),
        None => {
            let person = if who.object == "Contact" { "ContactId" } else { "LeadId" };
            changes.push(Change::plain(FieldName::known("CampaignId"), NewValue::Value(Value::from(campaign.as_str()))));
            changes.push(Change::plain(FieldName::known(person), who.value.clone()));
            Operation::CreateUnique
        }
    };
    writes.push(Write {
        person: plan.person.key.clone(),
        object: ObjectName::known("CampaignMember"),
        operation,
        changes,
        step: None,
        unmodified_since: None,
    });
    Ok(Done::Waits(WriteId(writes.len() - 1)))
}
