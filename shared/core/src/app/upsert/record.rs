//! Records what a plan brought about, person by person, each in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    adapters::{
        salesforce::error::{CONVERTED, ENTITY_IS_DELETED},
        state::{
            StateError,
            events::StoredEvent,
            people::{Recording, Why},
        },
    },
    domain::{
        backoff::backoff,
        delivery::{Delivery, Kind, SalesforceRecord, Subject},
        engine::Engine,
        ids::{ConnectionId, EventId, PersonKey},
        mapping::merge::remember,
        person::{Link, Person, Sent},
        plan::{NewValue, Operation, Outcome, PersonPlan, Plan, Settled, Told, Write, WriteResult, settle},
    },
    planted::{self, Bug},
    ports::{Ids, Ports},
};

/// How many people are recorded at the same time.
const PARALLEL: usize = 16;
/// After so many tries an event is given up; it is kept whole, for replay.
pub(super) const MAX_TRIES: u32 = 60;

/// What a run leaves to the next one is later than its beginning by this at least.
const MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// What was recorded.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// How many events ended how.
    pub tally: BTreeMap<&'static str, usize>,
    /// How many people somebody else had changed meanwhile: of them nothing was recorded.
    pub unrecorded: usize,
}

/// Records everything. Somebody whom another writer recorded meanwhile, or of whom nothing was sent, is left as they are:
/// their events are still due.
pub(super) async fn record(
    ports: Ports<'_>,
    engine: &Engine,
    plan: &Plan,
    results: &[WriteResult],
    stored: &BTreeMap<EventId, StoredEvent>,
    not_before: Option<Timestamp>,
) -> Result<Recorded, StateError> {
    let c = &engine.document.connection.id;
    let pen = Pen { ports, engine, c, plan, results, stored, not_before, id: &ports.ids.fresh(), now: ports.clock.now() };
    let people = plan.people.iter().filter(|person| !person.is_untouched(results));
    release(ports, c, people.clone(), pen.now).await?;
    // Transactions that write the same item would get in each other's way.
    let sharing: BTreeSet<&PersonKey> = plan.told.iter().filter(|told| told.people.len() > 1).flat_map(|told| &told.people).collect();
    let (companies, people): (Vec<_>, Vec<_>) = people.partition(|person| person.person.is_company());
    let mut recorded = Recorded::default();
    // What is known of a company comes from the events of its people, which are done with these: so it is there before.
    let missing = pen.groups(companies.into_iter().map(|company| vec![company]).collect(), &mut recorded).await?;
    let (left, people): (Vec<_>, Vec<_>) = people.into_iter().partition(|person| !person.companies.is_disjoint(&missing));
    recorded.unrecorded += left.len();
    let (together, alone): (Vec<_>, Vec<_>) = people.into_iter().partition(|person| sharing.contains(&person.person.key));
    pen.groups(alone.into_iter().map(|person| vec![person]).chain([together]).collect(), &mut recorded).await?;
    Ok(recorded)
}

/// What became of somebody's events; `None` where nothing was recorded.
type Ended = (PersonKey, Option<Vec<Settled>>);

/// Leaves identities to those who have them, of people whom no event is about: what a run has taken over may be somebody else's, whom it has
/// not met, and who claims it then is never recorded.
pub(super) async fn disclaim(ports: Ports<'_>, c: &ConnectionId, plan: &mut Plan) -> Result<(), StateError> {
    let mut of_runs: Vec<&mut PersonPlan> = plan.people.iter_mut().filter(|person| person.events.is_empty()).collect();
    let claimed: BTreeSet<String> = of_runs.iter().flat_map(|person| person.identities.claims.keys().cloned()).collect();
    let owners: BTreeMap<String, PersonKey> = ports.table.load_aliases(c, &claimed.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
    for person in &mut of_runs {
        let key = &person.person.key;
        let foreign = |alias: &String, from: &Option<PersonKey>| owners.get(alias).is_some_and(|owner| owner != key && Some(owner) != from.as_ref());
        let lost: Vec<String> =
            person.identities.claims.iter().filter(|(alias, from)| foreign(alias, from)).map(|(alias, _)| alias.clone()).collect();
        for alias in lost {
            person.identities.claims.remove(&alias);
            person.person.aliases.remove(&alias);
        }
    }
    Ok(())
}

/// Sets going what waits for addresses that these people give up. Before they are recorded: whoever does it after a crash finds it done,
/// or does it again.
async fn release(ports: Ports<'_>, c: &ConnectionId, people: impl Iterator<Item = &PersonPlan>, now: Timestamp) -> Result<(), StateError> {
    for address in people.filter(|person| person.save).filter_map(|person| person.identities.leaves.as_ref()) {
        let waiting = ports.table.waiting_for(c, address).await?;
        for event in &waiting {
            ports.table.resume_event(c, event, now).await?;
        }
        ports.table.wait_no_more(c, address, &waiting).await?;
    }
    Ok(())
}

/// What recording needs to know, the same for everybody of a plan.
#[derive(Clone, Copy)]
struct Pen<'a> {
    ports: Ports<'a>,
    engine: &'a Engine,
    c: &'a ConnectionId,
    plan: &'a Plan,
    results: &'a [WriteResult],
    stored: &'a BTreeMap<EventId, StoredEvent>,
    /// What is tried again waits as long as that, where no calls are left.
    not_before: Option<Timestamp>,
    id: &'a str,
    now: Timestamp,
}

impl Pen<'_> {
    /// Records several groups at the same time, the people of each one after the other. Answers those of whom nothing was recorded.
    async fn groups(self, groups: Vec<Vec<&PersonPlan>>, recorded: &mut Recorded) -> Result<BTreeSet<PersonKey>, StateError> {
        // Collected first: a stream over a closure that borrows is not `Send` for every lifetime, as the compiler wants it.
        let groups: Vec<_> = groups.into_iter().map(|people| self.one_by_one(people)).collect();
        let groups: Vec<Result<Vec<Ended>, StateError>> = stream::iter(groups).buffer_unordered(PARALLEL).collect().await;
        let mut unrecorded = BTreeSet::new();
        for group in groups {
            for (person, settled) in group? {
                let Some(settled) = settled else {
                    recorded.unrecorded += 1;
                    unrecorded.insert(person);
                    continue;
                };
                for settled in settled {
                    *recorded.tally.entry(settled.outcome.name()).or_default() += 1;
                }
            }
        }
        Ok(unrecorded)
    }

    async fn one_by_one(self, people: Vec<&PersonPlan>) -> Result<Vec<Ended>, StateError> {
        let mut recorded = Vec::new();
        for person in people {
            recorded.push((person.person.key.clone(), self.record(person).await?));
        }
        Ok(recorded)
    }

    /// `None` where somebody else was there first.
    async fn record(self, person_plan: &PersonPlan) -> Result<Option<Vec<Settled>>, StateError> {
        let Self { ports, engine, c, plan, results, stored, not_before, id, now } = self;
        // Whether the platform is told of what becomes of people.
        let hears = engine.document.platform.hears();
        let settled = settle(plan, person_plan, results, now);
        let events: Vec<(Settled, u32)> = settled.iter().filter_map(|settled| with_history(settled, stored)).collect();
        let write = person_plan.record.and_then(|id| plan.writes.get(id.0).zip(results.get(id.0)));
        let mut person = after(&person_plan.person, write, &events);
        if is_synchronised(person_plan, write, &events) {
            person.link.iter_mut().for_each(|link| link.synced_at = Some(now));
        }
        if person_plan.compare {
            // By the next run, not by the one that has just looked, however quick it was.
            let at = if person_plan.run { now.saturating_add(MOMENT).unwrap_or(now) } else { now };
            person.pending = person.pending.or(Some(at));
        }
        // What a run could not carry waits for the next one; what Salesforce refused, for a change of either side.
        if person_plan.run && matches!(write, Some((_, result)) if !matches!(result, WriteResult::Saved(_) | WriteResult::Refused(_))) {
            person.pending = Some(now).filter(|_| !planted::is(Bug::ForgetPending));
        }
        let tries = events.iter().map(|(_, tries)| *tries).max().unwrap_or(0);
        let told: Vec<&Told> = plan.told_by(&person_plan.person.key).filter(|told| told.stands(results)).collect();
        let deliveries: Vec<Delivery> =
            (hears && person_plan.save).then(|| delivery(person_plan, &person, ports.ids, now)).flatten().into_iter().collect();
        let recording = Recording {
            before: person_plan.person.version,
            organization: engine.organization.as_deref(),
            person: person_plan.save.then_some(&person),
            why: why(plan, person_plan, &person, write),
            claims: &person_plan.identities.claims,
            events: &events,
            told: &told,
            deliveries: &deliveries,
            retry_at: now.saturating_add(backoff(tries, person_plan.person.key.as_str())).unwrap_or(now).max(not_before.unwrap_or(now)),
            now,
            plan: id,
        };
        if let Some(address) = &person_plan.identities.waits_for {
            let parked = events.iter().filter(|(settled, _)| matches!(settled.outcome, Outcome::Parked { .. }));
            ports.table.wait_for(c, address, &parked.map(|(settled, _)| settled.event.clone()).collect()).await?;
        }
        match ports.table.record(c, recording).await {
            Ok(()) => {}
            Err(StateError::Conflict { .. }) => {
                tracing::warn!(connection.id = %c, person.key = %person.key, code = "person_changed_meanwhile", "not recorded; tried again later");
                return Ok(None);
            }
            Err(_) if planted::is(Bug::SwallowError) => return Ok(None),
            Err(other) => return Err(other),
        }
        if let Some(problem) = person_plan.problem.as_ref().filter(|_| person.is_company()) {
            tracing::warn!(connection.id = %c, person.key = %person.key, code = problem.code, "a value of a company waits");
        }
        for (settled, tries) in &events {
            let code = match &settled.outcome {
                Outcome::Parked { problem } | Outcome::Retry { problem } | Outcome::Dead { problem } => Some(problem.code.as_str()),
                _ => None,
            };
            tracing::info!(connection.id = %c, event.id = %settled.event, person.key = %person.key, outcome = settled.outcome.name(), code, attempt = tries + 1, "event");
        }
        Ok(Some(events.into_iter().map(|(settled, _)| settled).collect()))
    }
}

/// Whether both sides are as the rules want them from now on: Salesforce took what was written, or its record was read and nothing was to be
/// written.
fn is_synchronised(person_plan: &PersonPlan, write: Option<(&Write, &WriteResult)>, events: &[(Settled, u32)]) -> bool {
    let waits = |(settled, _): &(Settled, u32)| matches!(settled.outcome, Outcome::Parked { .. } | Outcome::Retry { .. } | Outcome::Dead { .. });
    match write {
        Some((_, result)) => matches!(result, WriteResult::Saved(_)),
        None => person_plan.looked && person_plan.problem.is_none() && !events.iter().any(waits),
    }
}

/// What the platform is told: values that its person has taken over, and which record is theirs now.
fn delivery(person_plan: &PersonPlan, person: &Person, ids: &dyn Ids, now: Timestamp) -> Option<Delivery> {
    let link = person.link.as_ref()?;
    let is_another = person_plan.former.as_ref() != Some(&link.id);
    if person_plan.taken.is_empty() && !is_another {
        return None;
    }
    let deleted = person_plan.taken.iter().any(|taken| taken.field.is_none() && taken.new == Value::Bool(true));
    let kind = match person_plan.former {
        _ if deleted => Kind::Deleted,
        Some(_) if is_another => Kind::Merged,
        _ => Kind::Updated,
    };
    Some(Delivery {
        id: ids.fresh(),
        kind: if person.is_company() { kind.of_company() } else { kind },
        occurred_at: person_plan.taken.iter().filter_map(|taken| person.attributes.get(&taken.attribute)).map(|dated| dated.at).max().unwrap_or(now),
        subject: Subject::of(person),
        salesforce: SalesforceRecord { object: link.object.clone(), id: link.id, synced_at: now },
        changes: person_plan.taken.iter().map(|taken| (taken.attribute.clone(), taken.new.clone())).collect(),
    })
}

/// What is to be explained later: what was written on the person's record, and how the record was chosen.
fn why<'a>(plan: &Plan, person_plan: &'a PersonPlan, now: &Person, write: Option<(&'a Write, &WriteResult)>) -> Option<Why<'a>> {
    let notes = &person_plan.notes;
    let kept: Vec<_> = person_plan.kept.iter().filter(|kept| kept.reason.leaves_a_difference()).collect();
    let quiet = notes.is_empty() && kept.is_empty() && person_plan.taken.is_empty();
    let why = |record, changes| Why { config_version: plan.config_version, record, changes, taken: &person_plan.taken, kept, notes };
    match write {
        Some((write, WriteResult::Saved(record))) => Some(why(*record, &write.changes)),
        _ if quiet => None,
        _ => now.link.as_ref().map(|link| why(link.id, &[])),
    }
}

/// Joins what this try did with what earlier tries had done; gives up after [`MAX_TRIES`].
fn with_history(settled: &Settled, stored: &BTreeMap<EventId, StoredEvent>) -> Option<(Settled, u32)> {
    let before = stored.get(&settled.event)?;
    let mut settled = settled.clone();
    settled.done.extend(before.done.iter().map(|(step, record)| (step.clone(), *record)));
    settled.outcome = match settled.outcome {
        Outcome::Applied { mut records } => {
            records.extend(settled.done.values().copied());
            Outcome::Applied { records }
        }
        Outcome::Retry { problem } if before.attempts + 1 >= MAX_TRIES && !planted::is(Bug::RetryForever) => Outcome::Dead { problem },
        other => other,
    };
    // What waits was not looked at to its end: an earlier doubt stays, until the event has an outcome.
    settled.doubt = settled.doubt.or(before.doubt.filter(|_| !settled.outcome.is_final()));
    Some((settled, before.attempts))
}

/// The person as they are now: linked to what was made, with the values that were sent, waiting with what is parked.
fn after(person: &Person, write: Option<(&Write, &WriteResult)>, events: &[(Settled, u32)]) -> Person {
    let mut person = person.clone();
    match write {
        Some((write, WriteResult::Saved(record))) => {
            if !matches!(write.operation, Operation::Update(_)) {
                person.link = Some(Link::new(write.object.clone(), *record, true));
            }
            if let Some(link) = &mut person.link {
                mark_sent(link, write, Sent::Surely);
            }
        }
        Some((write, WriteResult::InDoubt(_))) => {
            if let Some(link) = person.link.as_mut().filter(|link| write.operation == Operation::Update(link.id)) {
                mark_sent(link, write, Sent::Perhaps);
            }
        }
        Some((_, WriteResult::Gone(_))) => person.link.iter_mut().for_each(|link| link.recheck = true),
        _ => {}
    }
    for (settled, _) in events {
        if matches!(&settled.outcome, Outcome::Retry { problem } if [ENTITY_IS_DELETED, CONVERTED].contains(&problem.code.as_str())) {
            person.link.iter_mut().for_each(|link| link.recheck = true);
        }
        if matches!(settled.outcome, Outcome::Parked { .. }) {
            person.waiting.insert(settled.event.clone());
        } else {
            person.waiting.remove(&settled.event);
        }
    }
    person
}

/// Notes what was sent, until a look at the record tells what the org made of it.
fn mark_sent(link: &mut Link, write: &Write, sent: Sent) {
    for change in write.changes.iter().filter(|change| change.from.is_some()) {
        let NewValue::Value(value) = &change.new else { continue };
        let base = link.bases.entry(change.field.clone()).or_default();
        match sent {
            Sent::Surely if planted::is(Bug::BaseFromSent) => {
                (base.platform, base.salesforce, base.sent) = (Some(remember(value)), Some(remember(value)), None)
            }
            Sent::Surely => (base.platform, base.sent, base.since) = (Some(remember(value)), Some(sent), None),
            Sent::Perhaps => _ = base.sent.get_or_insert(sent),
        }
    }
}
