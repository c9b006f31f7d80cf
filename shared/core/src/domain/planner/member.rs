//! Membership in campaigns: one write per person and campaign, with the highest status that their events have brought about.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    CampaignState, FoundMember, Situation,
    activity::Who,
    event::{Done, Steps},
    events::Live,
    object,
};
use crate::domain::{
    config::{Action, MemberAction},
    ids::{FieldName, ObjectName, RecordId},
    mapping::Reason,
    plan::{Cause, Change, NewValue, Operation, PersonPlan, Write, WriteId},
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
        let done = plan_one(situation, plan, who, live, campaign, &wishes, found, writes);
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
) -> Result<Done, Cause> {
    let status_field = FieldName::known("Status");
    let existing = found.iter().find(|member| member.campaign == campaign && who.existing.is_some_and(|id| member.who.contains(&id)));
    let before = existing.and_then(|member| member.read.values.get(&status_field)).and_then(Value::as_str);
    let order = &situation.engine.document.campaigns;
    let status = wishes.iter().map(|(_, action)| action.status.trim()).fold(before, |current, wanted| match current {
        // A member moves up and never down. What the order does not know is replaced by what the platform says.
        Some(current) if order.rank(current) > order.rank(wanted) => Some(current),
        _ => Some(wanted),
    });
    let mut changes = Vec::new();
    if let Some(status) = status.filter(|status| before.is_none_or(|before| !before.eq_ignore_ascii_case(status))) {
        let reason = if before.is_some() { Reason::PlatformChanged } else { Reason::NewRecord };
        let change = Change::plain(status_field, NewValue::Value(Value::from(status)));
        changes.push(Change { old: before.map(Value::from), reason, ..change });
    }
    // Further fields are those of the latest event that has a mapping for them.
    let mapped = wishes.iter().rev().find_map(|(i, action)| Some((live.get(*i)?, situation.engine.maps().named(action.mapping.as_ref()?)?)));
    if let Some((live, map)) = mapped {
        let further = object::fields(situation, plan, map, live, existing.map(|member| &member.read))?;
        changes.extend(further.into_iter().filter(|change| change.field.as_str() != "Status"));
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
    writes.push(Write { person: plan.person.key.clone(), object: ObjectName::known("CampaignMember"), operation, changes, step: None });
    Ok(Done::Waits(WriteId(writes.len() - 1)))
}
