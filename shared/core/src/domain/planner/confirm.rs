//! The first look at a record after we wrote it: what the org made of our values becomes Salesforce's base, before the merge
//! decides. Without it our own write would look like a change by Salesforce, and a late one.

use serde_json::Value;

use super::{Match, Situation, events::Live};
use crate::domain::{
    event::is_blank,
    ids::FieldName,
    mapping::{
        FieldMap, codec,
        merge::{holds, remember},
    },
    person::{Base, Link, Sent, lookup},
    plan::Note,
    schema::Field,
};
use crate::planted::{self, Bug};

/// Brings the link's bases up to what was read.
pub(super) fn confirm(situation: &Situation<'_>, link: &mut Link, read: &Match, live: &[Live], notes: &mut Vec<Note>) {
    let made = std::mem::take(&mut link.made) && read.left_by_us;
    // Where a write may have gone unnoted, that the record is as we left it does not tell that nobody has touched it since the one before.
    let surely_ours = read.left_by_us && !live.iter().any(Live::in_doubt);
    let mapped = situation.engine.person_fields(link.object.as_str());
    let schema = situation.schemas.object(link.object.as_str());
    let rules = situation.engine.person_map(link.object.as_str()).into_iter().flat_map(|map| map.all());
    let by_key: Vec<&FieldName> = rules.filter(|rule| rule.by.is_some()).map(|rule| &rule.to).collect();
    let map = situation.engine.person_map(link.object.as_str()).filter(|_| read.left_by_us);
    for (field, value) in read.values.iter().filter(|(field, _)| mapped.contains(field)) {
        let described = schema.and_then(|schema| schema.fields.get(field));
        if map.is_some_and(|map| was_written_unseen(situation, map, field, described, value, live)) {
            let base = link.bases.entry(field.clone()).or_default();
            (base.platform, base.salesforce, base.sent) = (Some(remember(value)), Some(remember(value)), None);
        }
        match link.bases.get_mut(field) {
            // The id of a record that was found by its key: the two have no form in common.
            Some(base) if by_key.contains(&field) && base.sent.is_some() => (base.sent, base.salesforce) = (None, Some(remember(value))),
            Some(base) => {
                notes.extend(confirm_field(base, field, value, surely_ours, &|a, b| codec::same(described, a, b)));
            }
            // What a new record has beside what was sent are the org's defaults.
            None if made => _ = link.bases.insert(field.clone(), Base { salesforce: Some(remember(value)), ..Base::default() }),
            None => {}
        }
    }
}

/// Whether a record that we left has what an event in doubt states: then an earlier try has written it and did not live to record it.
fn was_written_unseen(situation: &Situation<'_>, map: &FieldMap, name: &FieldName, field: Option<&Field>, value: &Value, live: &[Live]) -> bool {
    live.iter().filter(|live| live.in_doubt() && live.person_action).any(|live| {
        let stated = |path: &str| lookup(&live.context, path);
        let rule = map.rule(name, &live.scene()).filter(|rule| rule.by.is_none());
        let formed = rule.and_then(|rule| rule.to_salesforce(stated(rule.from()?)?, &stated, field, &situation.engine.zone).ok());
        formed.is_some_and(|formed| !is_blank(&formed) && codec::same(field, &formed, value))
    })
}

/// Where somebody else modified the record since, only what differs from what was sent is theirs. A note where the org has made
/// something else of it once too often.
fn confirm_field(base: &mut Base, field: &FieldName, value: &Value, left_by_us: bool, same: &dyn Fn(&Value, &Value) -> bool) -> Option<Note> {
    let sent = base.sent.take().filter(|_| !planted::is(Bug::OwnEcho));
    if sent == Some(Sent::Surely) && left_by_us {
        let was_rewritten = base.is_rewritten();
        let kept = base.platform.as_ref().is_none_or(|sent| holds(sent, value, same));
        base.rewritten = if kept { 0 } else { base.rewritten.saturating_add(1) };
        if base.is_rewritten() && !was_rewritten {
            base.salesforce = Some(remember(value));
            let sent = base.platform.clone().unwrap_or_default();
            return Some(Note::OrgRewritesField { field: field.clone(), sent, became: remember(value) });
        }
    }
    match sent {
        Some(_) if left_by_us => base.salesforce = Some(remember(value)),
        Some(Sent::Surely) => base.salesforce.clone_from(&base.platform),
        Some(Sent::Perhaps) | None => {}
    }
    None
}
