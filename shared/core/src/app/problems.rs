//! What stands in a connection's way, grouped by cause, and how to set it going again. Deliveries to the platform that were given up are
//! told as well; they are not sent again, since they would come after later ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    adapters::state::{StateError, deliveries::StoredDelivery, events::StoredEvent, problems::StoredProblem},
    app::{configure, tokens},
    domain::{
        budget::{Purpose, Spent, Verdict, Wait, forecast, verdict},
        certificate::expiring,
        config::Document,
        cure,
        finding::{Finding, Sentence},
        ids::{ConnectionId, EventId},
        mautic,
        plan::{Cause, Outcome},
    },
    ports::Ports,
};

/// Most events that are looked at, of those that are parked, and as many of those that were given up; as many deliveries, too.
const MOST: usize = 10_000;
/// How many of a group are named.
const EXAMPLES: usize = 3;

/// What a group is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// Events of the platform.
    Events,
    /// Deliveries to the platform.
    Deliveries,
}

/// Events that wait, or were given up, for the same cause; or deliveries that were given up for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they are.
    pub matter: Matter,
    /// Ours, or Salesforce's own.
    pub code: String,
    /// The fields concerned.
    pub fields: Vec<String>,
    /// The sentence of the oldest of them; a delivery's cause has none beside its cure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `parked` or `dead`.
    pub status: String,
    /// How many they are.
    pub count: usize,
    /// When the oldest of them came in, or was given up where they are deliveries.
    pub since: Timestamp,
    /// The ids of some of them.
    pub examples: Vec<String>,
    /// What cures it; `None` where the message alone says so.
    pub cure: Option<Sentence>,
}

/// A grant that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Salesforce's code, or ours; listed in `docs/errors.md`.
    pub code: String,
    /// What is so.
    pub words: Sentence,
    /// What to do about it.
    pub cure: Sentence,
}

impl Broken {
    fn of(code: &str) -> Self {
        let again = || {
            Sentence::new(
                "Connect the org again with `passerelle connect`; everything that waits then goes on by itself.",
                "Reconnectez l'org avec `passerelle connect` ; tout ce qui attend reprend ensuite de lui-même.",
            )
        };
        Self {
            code: code.to_owned(),
            words: Sentence::new(
                format!("Salesforce lets Passerelle in no more (`{code}`). Nothing is sent until somebody connects the org again."),
                format!("Salesforce ne laisse plus entrer Passerelle (`{code}`). Rien n'est envoyé tant que l'org n'est pas reconnectée."),
            ),
            cure: cure::of(code).map_or_else(again, Into::into),
        }
    }
}

/// What stands in a connection's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// By their number, the most first; those of events before those of deliveries.
    pub groups: Vec<Group>,
    /// What was found about the org itself.
    pub standing: Vec<StoredProblem>,
    /// Whether there are more events or deliveries than were looked at.
    pub more: bool,
    /// That Salesforce lets Passerelle in no more, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
    /// That the certificate that signs in ends soon, or has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Finding>,
    /// Why everything that is due waits besides, where no API calls are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Sentence>,
}

/// Every problem of a connection.
pub async fn list(ports: Ports<'_>, c: &ConnectionId) -> Result<Problems, StateError> {
    Ok(Problems { certificate: certificate(ports, c).await?, ..list_up_to(ports, c, MOST, Timestamp::UNIX_EPOCH).await? })
}

/// That the certificate of a connection ends soon, or has ended.
pub async fn certificate(ports: Ports<'_>, c: &ConnectionId) -> Result<Option<Finding>, StateError> {
    let Ok(Some((_, document))) = configure::load_current(ports, c).await else { return Ok(None) };
    Ok(tokens::certificate_until(ports, &document).await?.and_then(|until| expiring(until, ports.clock.now())))
}

/// The same without the certificate, looking at so many events and deliveries of each kind at most, and at deliveries that were given up after
/// `since` only.
pub(super) async fn list_up_to(ports: Ports<'_>, c: &ConnectionId, most: usize, since: Timestamp) -> Result<Problems, StateError> {
    let (events, more_events) = events(ports, c, most).await?;
    let (deliveries, more_deliveries) = deliveries(ports, c, most, since).await?;
    Ok(Problems {
        groups: events.into_iter().chain(deliveries).collect(),
        standing: ports.table.load_problems(c).await?,
        more: more_events || more_deliveries,
        broken: ports.table.load_meta(c).await?.and_then(|meta| meta.cause).map(|cause| Broken::of(&cause)),
        certificate: None,
        waits: budget(ports, c).await?.and_then(|budget| budget.words),
    })
}

/// Events that do not go on, in their groups, and whether there are more.
async fn events(ports: Ports<'_>, c: &ConnectionId, most: usize) -> Result<(Vec<Group>, bool), StateError> {
    let stopped = ports.table.stopped_events(c, most).await?;
    let mut groups = BTreeMap::new();
    for (id, event) in ports.table.load_events(c, &stopped.ids).await? {
        let Some(cause) = cause(&event) else { continue };
        let key = (event.status.clone(), cause.code.clone(), cause.fields.clone());
        let group = Group {
            matter: Matter::Events,
            code: cause.code.clone(),
            fields: cause.fields.clone(),
            message: Some(cause.message.clone()),
            status: event.status.clone(),
            count: 1,
            since: event.received_at,
            examples: vec![id.to_string()],
            cure: cure::of(&cause.code).map(Into::into),
        };
        groups.entry(key).and_modify(|of: &mut Group| of.join(&group)).or_insert(group);
    }
    Ok((sorted(groups), stopped.more))
}

/// Deliveries that were given up after a time, in their groups, and whether there are more.
async fn deliveries(ports: Ports<'_>, c: &ConnectionId, most: usize, since: Timestamp) -> Result<(Vec<Group>, bool), StateError> {
    let mut dead = ports.table.undelivered(c, since, most + 1).await?;
    let more = dead.len() > most;
    dead.truncate(most);
    let mut groups = BTreeMap::new();
    for (_, delivery) in dead {
        let Some((code, group)) = group_of(delivery) else { continue };
        groups.entry(code).and_modify(|of: &mut Group| of.join(&group)).or_insert(group);
    }
    Ok((sorted(groups), more))
}

/// A delivery that was given up, as a group of one.
fn group_of(delivery: StoredDelivery) -> Option<(String, Group)> {
    let (code, since) = (delivery.cause.clone()?, delivery.given_up_at()?);
    let cure = cure::of(&code).map(Into::into).or_else(|| mautic::problem(&code).map(|known| known.cure));
    let group = Group {
        matter: Matter::Deliveries,
        code: code.clone(),
        fields: Vec::new(),
        message: None,
        status: "dead".to_owned(),
        count: 1,
        since,
        examples: vec![delivery.id],
        cure,
    };
    Some((code, group))
}

impl Group {
    /// Takes in another one of the same cause.
    fn join(&mut self, one: &Self) {
        self.count += one.count;
        if one.since < self.since {
            (self.since, self.message) = (one.since, one.message.clone());
        }
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(one.examples.iter().take(room).cloned());
    }
}

fn sorted<K>(groups: BTreeMap<K, Group>) -> Vec<Group> {
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.code.cmp(&b.code)));
    groups
}

/// Sets parked events going again, all of them or those of one code; answers how many. What was given up is replayed event by
/// event.
pub async fn resume(ports: Ports<'_>, c: &ConnectionId, code: Option<&str>) -> Result<usize, StateError> {
    let mut resumed = 0;
    for ids in ports.table.parked_events(c, usize::MAX).await?.chunks(MOST) {
        for (id, event) in ports.table.load_events(c, ids).await? {
            if code.is_none_or(|code| cause(&event).is_some_and(|cause| cause.code == code)) {
                resumed += usize::from(ports.table.resume_event(c, &id, ports.clock.now()).await?);
            }
        }
    }
    Ok(resumed)
}

/// What became of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// The event is due again; what it has done already is not done twice.
    Due,
    /// It has not ended yet, and goes on by itself.
    UnderWay,
    /// There is no such event.
    Unknown,
}

/// Works an event again that has ended, or that is parked.
pub async fn replay(ports: Ports<'_>, c: &ConnectionId, event: &EventId) -> Result<Replayed, StateError> {
    let now = ports.clock.now();
    if ports.table.resume_event(c, event, now).await? || ports.table.replay_event(c, event, now).await? {
        return Ok(Replayed::Due);
    }
    let found = ports.table.load_events(c, std::slice::from_ref(event)).await?;
    Ok(if found.is_empty() { Replayed::Unknown } else { Replayed::UnderWay })
}

fn cause(event: &StoredEvent) -> Option<&Cause> {
    match event.outcome.as_ref()? {
        Outcome::Parked { problem } | Outcome::Dead { problem } => Some(problem),
        _ => None,
    }
}

/// Whether a connection may spend API calls, what it has spent today, and when its calls run out.
#[derive(Debug, Clone, Serialize)]
pub struct Budget {
    /// Whether live events may go.
    pub verdict: Verdict,
    /// Where they may not, until when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Sentence>,
    /// What was spent today.
    pub spent: Spent,
    /// When the calls run out today, going on like this; `None` where they do not.
    pub runs_out: Option<Timestamp>,
}

/// The budget of a connection; `None` where it has no configuration that can be read.
pub async fn budget(ports: Ports<'_>, c: &ConnectionId) -> Result<Option<Budget>, StateError> {
    let Ok(Some((_, document))) = configure::load_current(ports, c).await else { return Ok(None) };
    let (limits, now) = (document.salesforce.api_calls, ports.clock.now());
    let spent = ports.table.load_spent(c, now).await?;
    let verdict = verdict(&limits, &spent, Purpose::Live, now);
    let words = verdict.wait().map(|wait| wait.sentence());
    Ok(Some(Budget { verdict, words, spent, runs_out: forecast(&limits, &spent, now) }))
}

/// Until when a connection's calls for a purpose have to wait, if they have to.
pub(super) async fn waits(ports: Ports<'_>, document: &Document, purpose: Purpose) -> Result<Option<Wait>, StateError> {
    let now = ports.clock.now();
    let spent = ports.table.load_spent(&document.connection.id, now).await?;
    Ok(verdict(&document.salesforce.api_calls, &spent, purpose, now).wait())
}
