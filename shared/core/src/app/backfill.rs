//! The timeline gets what happened in the days before a document had it. Entries are made once, whoever repeats this: nothing is recorded
//! but how far it is, and events stay as they are.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    access::{Access, AccessError},
    schemas,
    upsert::{BATCH, RUN_PATIENCE, Shift, Stopped, WorkError, Workbench, take_writer},
};
use crate::{
    adapters::state::{
        Key, StateError,
        backfill::Backfill,
        connections::{Meta, Status},
        events::StoredEvent,
        writer::Turn,
    },
    domain::{
        budget::Purpose,
        config::Document,
        engine::Engine,
        event::Event,
        ids::{ConnectionId, EventId, PersonKey},
        person::Person,
        plan::{Plan, WriteResult, check},
        planner::{Entries, Known, Past, Situation, plan_entries},
    },
    ports::Ports,
};

/// How far back it goes.
const BACK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whether events of a kind make entries of the timeline under a document that made none under the former one. Before the first there were
/// no events.
pub(super) fn is_wanted(former: Option<&Document>, document: &Document) -> bool {
    former.map(triggers).is_some_and(|before| triggers(document).iter().any(|trigger| !before.contains(trigger)))
}

/// The kinds of events that make entries.
fn triggers(document: &Document) -> BTreeSet<&str> {
    document.timeline_actions().filter_map(|(w, ..)| document.workflows.get(w)).map(|workflow| workflow.trigger.as_str()).collect()
}

/// Asks for it. It is worked with the next runs, whether or not the connection has any of its own.
///
/// # Errors
/// The state table failed.
pub async fn ask(ports: Ports<'_>, c: &ConnectionId) -> Result<(), StateError> {
    let now = ports.clock.now();
    ports.table.save_backfill(c, &Backfill::new(now.saturating_sub(BACK).unwrap_or(now), now)).await
}

/// Works what a connection's back-fill has left, until it is at its end or has to wait. Answers how far it is, where there is any.
///
/// # Errors
/// The state table failed, or the stored configuration cannot be used.
pub async fn work(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId, deadline: Timestamp) -> Result<Option<Backfill>, WorkError> {
    let Some(mut backfill) = ports.table.load_backfill(c).await?.filter(|backfill| backfill.ended_at.is_none()) else { return Ok(None) };
    let Some(meta) = ports.table.load_meta(c).await?.filter(|meta| meta.status == Status::Active) else { return Ok(Some(backfill)) };
    let Some(engine) = bench.engine(ports, c, &meta).await? else { return Ok(Some(backfill)) };
    let Some(lease) = take_writer(ports, c, RUN_PATIENCE).await? else { return Ok(Some(backfill)) };
    let mut shift = Shift::new(ports, bench, c, &engine, (lease, Turn::Run), deadline);
    let outcome = Filler { ports, bench, engine: &engine, meta: &meta }.work(&mut shift, &mut backfill).await;
    shift.end(bench, outcome).await?;
    Ok(Some(backfill))
}

struct Filler<'a> {
    ports: Ports<'a>,
    bench: &'a Workbench,
    engine: &'a Engine,
    meta: &'a Meta,
}

impl<'a> Filler<'a> {
    async fn work(&self, shift: &mut Shift<'a>, backfill: &mut Backfill) -> Result<(), WorkError> {
        let first = shift.begin(self.bench, self.meta).await?;
        if shift.worked.stopped.is_none() {
            shift.work(self.bench, &first).await?;
        }
        while shift.worked.stopped.is_none() {
            if !self.next(shift, backfill).await? {
                break;
            }
            if shift.is_rung_for() {
                shift.serve(self.bench, Vec::new()).await?;
            }
        }
        if shift.worked.stopped.is_some() {
            return Ok(());
        }
        shift.drain(self.bench, Vec::new()).await
    }

    /// Works one partition. Answers whether there may be more.
    async fn next(&self, shift: &mut Shift<'a>, backfill: &mut Backfill) -> Result<bool, WorkError> {
        let c = &self.engine.document.connection.id;
        let wanted = self.engine.document.timeline_actions().next().is_some();
        let Some(ids) = self.ports.table.backfill_events(c, backfill).await?.filter(|_| wanted) else {
            backfill.ended_at = Some(self.ports.clock.now());
            self.ports.table.save_backfill(c, backfill).await?;
            let Backfill { made, there, refused, .. } = backfill;
            tracing::info!(connection.id = %c, made, there, refused, "timeline filled");
            return Ok(false);
        };
        let mut next = backfill.clone();
        for batch in ids.chunks(BATCH) {
            if let Some(stopped) = self.batch(shift, &mut next, batch).await? {
                shift.worked.stopped = Some(stopped);
                return Ok(false);
            }
        }
        next.done += 1;
        *backfill = next;
        self.ports.table.save_backfill(c, backfill).await?;
        Ok(true)
    }

    async fn batch(&self, shift: &mut Shift<'a>, backfill: &mut Backfill, ids: &[EventId]) -> Result<Option<Stopped>, WorkError> {
        let people = self.load(backfill, ids).await?;
        if people.is_empty() {
            return Ok(None);
        }
        let mut access = match shift.open(self.bench, Purpose::Backfill).await {
            Ok(access) => access,
            Err(error) => return self.stop(shift, error).await,
        };
        let schemas = schemas::load(self.ports, &mut access, self.engine).await;
        shift.count(&mut access);
        let schemas = match schemas {
            Ok(schemas) => schemas,
            Err(error) => return self.stop(shift, error).await,
        };
        let (known, owners) = (Known::default(), BTreeMap::new());
        let situation = Situation { engine: self.engine, schemas: &schemas, known: &known, now: self.ports.clock.now(), owners_of_records: &owners };
        let Entries { plan, unfit } = plan_entries(&situation, people);
        backfill.refused += unfit;
        if plan.writes.is_empty() {
            return Ok(None);
        }
        if let Err(fault) = check(&plan) {
            let c = &self.engine.document.connection.id;
            tracing::error!(connection.id = %c, code = "plan_wrong", fault = %fault, "timeline not filled");
            return Ok(None);
        }
        self.write(shift, access, backfill, &plan).await
    }

    async fn write(&self, shift: &mut Shift<'a>, access: Access<'_>, backfill: &mut Backfill, plan: &Plan) -> Result<Option<Stopped>, WorkError> {
        let (results, stopped) = shift.write(access, plan).await?;
        for result in &results {
            match result {
                WriteResult::Saved(_) => backfill.made += 1,
                WriteResult::There => backfill.there += 1,
                WriteResult::Refused(_) | WriteResult::Gone(_) => backfill.refused += 1,
                // The partition is looked at again.
                WriteResult::Failed(_) | WriteResult::InDoubt(_) => return Ok(stopped.or(Some(Stopped::Salesforce))),
            }
        }
        Ok(stopped)
    }

    async fn stop(&self, shift: &mut Shift<'a>, error: AccessError) -> Result<Option<Stopped>, WorkError> {
        let stopped = shift.stop(error).await?;
        shift.settle_spending().await?;
        Ok(Some(stopped))
    }

    /// The people of these events who have a record, each with their events that have ended and may set an activity off.
    async fn load(&self, backfill: &Backfill, ids: &[EventId]) -> Result<Vec<(Person, Vec<Past>)>, StateError> {
        let document = &self.engine.document;
        let c = &document.connection.id;
        let triggers = triggers(document);
        let stored = self.ports.table.load_events(c, ids).await?;
        let mut past = BTreeMap::<PersonKey, Vec<Past>>::new();
        for (_, stored) in stored.into_iter().filter(|(_, stored)| !stored.is_open() && stored.received_at >= backfill.since) {
            let (Some(person), Some(event)) = (person_of(&stored), serde_json::from_str::<Event>(&stored.body).ok()) else { continue };
            if triggers.contains(event.kind.as_str()) {
                past.entry(person).or_default().push(Past { event, done: stored.done });
            }
        }
        let keys: Vec<PersonKey> = past.keys().cloned().collect();
        let people = self.ports.table.load_people(c, self.engine.organization.as_deref(), &keys).await?;
        let linked = people.into_iter().filter(|person| person.link.is_some());
        Ok(linked.filter_map(|person| past.remove(&person.key).map(|past| (person, past))).collect())
    }
}

fn person_of(stored: &StoredEvent) -> Option<PersonKey> {
    Key::person_in(stored.person_pk.as_deref()?)
}
