//! Upsert: the open events of one connection become records in its org.
//!
//! [`work`] takes the connection's writer, and for each batch: load, look up, plan, check, execute, record. The stream calls
//! it with the events that it has just seen, the sweep with none; both work what is due besides.

mod announce;
mod budget;
mod drift;
mod execute;
mod load;
mod lookup;
mod pace;
mod record;
mod repair;
mod shift;
mod stale;
mod sweep;

use std::{collections::BTreeMap, sync::Mutex};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

pub use self::sweep::{sweep, work_all};
use self::{budget::has_budget, pace::Pace};
pub(in crate::app) use self::{
    drift::Description,
    load::{Loaded, with_companies},
    lookup::{columns, fields_of, our_user, read_match},
    shift::{Attempt, Shift},
    stale::later_deliveries,
};
use crate::{
    adapters::{
        salesforce::collections::MAX_WRITTEN,
        state::{
            Key, StateError,
            connections::{Meta, Status},
            writer::{CALL_TIMEOUT, Lease, Turn},
        },
    },
    app::{configure, tokens::SessionCache},
    domain::{
        engine::{Engine, EngineError},
        ids::{ConnectionId, EventId},
    },
    planted::{self, Bug},
    ports::Ports,
};

/// How many events one batch takes: where each is about somebody else, one call can write all of these people.
pub(in crate::app) const BATCH: usize = 1_000;
/// How many parts a page of a run has.
const PARTS: usize = 2;
/// Work stops this long before the function's deadline, and hands back the rest.
const MARGIN: SignedDuration = SignedDuration::from_secs(2);
/// No batch is begun with less time than a look-up and a write may take.
const BATCH_TIME: SignedDuration = SignedDuration::from_secs(35);
/// No write is sent with less time than it may take; a call is given up after that.
const CALL_TIME: SignedDuration = SignedDuration::from_secs(CALL_TIMEOUT.as_secs().cast_signed());

/// How long a run waits for a writer that somebody else holds: a batch of events is done by then.
pub(in crate::app) const RUN_PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// How long to wait before the next look at a writer that somebody else holds.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(500);

/// How long after it was sent a call without an answer may still be done. Until then nothing more is sent to its org: whoever looked
/// would take what is not there yet for what was not done, and what comes later would be covered by it.
const MAY_COMMIT: SignedDuration = SignedDuration::from_secs(60);

/// What a process keeps between invocations. Nothing in it is needed: all of it can be read again.
#[derive(Debug)]
pub struct Workbench {
    /// Sessions with orgs.
    pub sessions: SessionCache,
    /// How many records of an object a run reads at a time, at most.
    page: usize,
    engines: Mutex<BTreeMap<ConnectionId, std::sync::Arc<Engine>>>,
    paces: Mutex<BTreeMap<ConnectionId, Pace>>,
}

/// What became of a connection's work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Worked {
    /// Events by outcome.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// API calls that it cost.
    pub api_calls: u32,
    /// Why it stopped before everything was done; `None` = nothing was left.
    pub stopped: Option<Stopped>,
}

/// Why work stopped early. What is left is due, so nothing is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// The connection is not active.
    NotActive,
    /// Another writer is at work and has been rung for, or a run waits for the writer and has its turn.
    Busy,
    /// The time is up.
    Deadline,
    /// The API calls that may be spent are spent, or the org refuses more for now.
    Budget,
    /// Salesforce could not be reached, or refused the session.
    Salesforce,
    /// A call that nobody has seen the answer of may still be done.
    Unsettled,
    /// A job of the Bulk API is still at work.
    Listing,
    /// The lease was lost.
    LeaseLost,
}

/// A failure that is ours or our neighbours' in AWS.
#[derive(Debug, Error)]
pub enum WorkError {
    /// The state table.
    #[error("the state table failed")]
    State(#[from] StateError),
    /// The stored configuration.
    #[error("the stored configuration cannot be used")]
    Engine(#[from] EngineError),
}

/// Works one connection until nothing is due, the deadline is near, or its org does not answer.
pub async fn work(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId, hint: &[EventId], deadline: Timestamp) -> Result<Worked, WorkError> {
    let stopped = |stopped| Ok(Worked { stopped: Some(stopped), ..Worked::default() });
    let Some(meta) = ports.table.load_meta(c).await?.filter(|meta| meta.status == Status::Active) else { return stopped(Stopped::NotActive) };
    let Some(engine) = bench.engine(ports, c, &meta).await? else { return stopped(Stopped::NotActive) };
    if !has_budget(ports, &engine).await? {
        return stopped(Stopped::Budget);
    }
    let lease = match ports.table.acquire_writer(c, &ports.ids.fresh(), Turn::Events, ports.clock.now()).await? {
        Some(lease) => lease,
        None if hint.is_empty() && planted::is(Bug::SweepWithoutLease) => Lease { owner: ports.ids.fresh(), unfinished: None, rung: false },
        None => return stopped(Stopped::Busy),
    };
    let mut shift = Shift::new(ports, bench, c, &engine, (lease, Turn::Events), deadline);
    let outcome = shift.run(bench, &meta, hint).await;
    shift.end(bench, outcome).await
}

/// Takes the writer for what only those who came for it do. Whoever works events makes room after the batch under way; so much time is spent
/// on waiting for that.
pub(in crate::app) async fn take_writer(ports: Ports<'_>, c: &ConnectionId, patience: std::time::Duration) -> Result<Option<Lease>, StateError> {
    let (owner, mut waited) = (ports.ids.fresh(), std::time::Duration::ZERO);
    loop {
        if let Some(lease) = ports.table.acquire_writer(c, &owner, Turn::Run, ports.clock.now()).await? {
            return Ok(Some(lease));
        }
        if waited >= patience {
            return Ok(None);
        }
        ports.clock.sleep(LOOK_AGAIN).await;
        waited += LOOK_AGAIN;
    }
}

impl Default for Workbench {
    fn default() -> Self {
        Self { sessions: SessionCache::default(), page: PARTS * BATCH, engines: Mutex::default(), paces: Mutex::default() }
    }
}

impl Workbench {
    /// The same with pages of another length.
    #[must_use]
    pub fn with_pages_of(page: usize) -> Self {
        Self { page, ..Self::default() }
    }

    /// How many people a run carries at a time: what one call writes. Where a rule reads, a witness has the place of one of its lists.
    pub(in crate::app) fn part(&self, engine: &Engine) -> usize {
        let witnessed = ["Lead", "Contact", "Account"].into_iter().any(|object| engine.updates(object) && engine.reads(object));
        let most = if witnessed { BATCH - MAX_WRITTEN } else { BATCH };
        most.min(self.page.div_ceil(PARTS))
    }

    /// How many records of an object it reads at a time.
    pub(in crate::app) fn page(&self, engine: &Engine) -> usize {
        self.page.min(PARTS * self.part(engine))
    }

    pub(in crate::app) async fn engine(&self, ports: Ports<'_>, c: &ConnectionId, meta: &Meta) -> Result<Option<std::sync::Arc<Engine>>, WorkError> {
        let known = self.engines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(c).cloned();
        let is_current = |engine: &std::sync::Arc<Engine>| engine.version == meta.config_version && engine.organization == meta.organization;
        if let Some(engine) = known.filter(is_current) {
            return Ok(Some(engine));
        }
        let Some(document) = configure::load_version(ports, c, meta.config_version).await? else { return Ok(None) };
        let mut engine = Engine::new(document, meta.config_version)?;
        engine.organization.clone_from(&meta.organization);
        let engine = std::sync::Arc::new(engine);
        self.engines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(c.clone(), engine.clone());
        Ok(Some(engine))
    }

    fn pace(&self, c: &ConnectionId) -> Pace {
        self.paces.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(c).copied().unwrap_or_default()
    }

    fn keep_pace(&self, c: &ConnectionId, pace: Pace) {
        self.paces.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(c.clone(), pace);
    }
}

/// The events of a stream batch by connection; keys that are no events are left out.
#[must_use]
pub fn by_connection<'k>(keys: impl IntoIterator<Item = &'k Key>) -> BTreeMap<ConnectionId, Vec<EventId>> {
    let mut hints = BTreeMap::<ConnectionId, Vec<EventId>>::new();
    for (connection, event) in keys.into_iter().filter_map(Key::as_event) {
        hints.entry(connection).or_default().push(event);
    }
    hints
}
