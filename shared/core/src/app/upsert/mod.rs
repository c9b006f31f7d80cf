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
mod sweep;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use futures::{StreamExt, TryStreamExt, future, stream};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

pub use self::sweep::{sweep, work_all};
use self::{
    announce::Announcing,
    budget::{Spending, has_budget},
    drift::Description,
    execute::Dialect,
    lookup::Directory,
    pace::Pace,
};
use crate::{
    adapters::state::{
        Key, StateError,
        connections::{Meta, Status},
        events::DOORBELL,
        writer::{CALL_TIMEOUT, Intent, Lease, Release},
    },
    app::{
        access::{Access, AccessError},
        configure, connections, schemas,
        tokens::SessionCache,
    },
    domain::{
        config::Toggle,
        engine::{Engine, EngineError},
        ids::{ConnectionId, EventId},
        plan::{Cause, Plan, check},
        planner::{Found, Situation, plan},
        schema::Schemas,
    },
    planted::{self, Bug},
    ports::Ports,
};

/// How many events one batch takes: where each is about somebody else, one call can write all of these people.
const BATCH: usize = 1_000;
/// Work stops this long before the function's deadline, and hands back the rest.
const MARGIN: SignedDuration = SignedDuration::from_secs(2);
/// No batch is begun with less time than a look-up and a write may take.
const BATCH_TIME: SignedDuration = SignedDuration::from_secs(35);
/// No write is sent with less time than it may take; a call is given up after that.
const CALL_TIME: SignedDuration = SignedDuration::from_secs(CALL_TIMEOUT.as_secs().cast_signed());

/// How long after it was sent a call without an answer may still be done. Until then nothing more is sent to its org: whoever looked
/// would take what is not there yet for what was not done, and what comes later would be covered by it.
const MAY_COMMIT: SignedDuration = SignedDuration::from_secs(60);

/// How many parked events are set going at the same time.
const RESUMED_AT_ONCE: usize = 16;

/// What a process keeps between invocations. Nothing in it is needed: all of it can be read again.
#[derive(Debug, Default)]
pub struct Workbench {
    /// Sessions with orgs.
    pub sessions: SessionCache,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The connection is not active.
    NotActive,
    /// Another writer is at work, and has been rung for.
    Busy,
    /// The time is up.
    Deadline,
    /// The API calls that may be spent are spent, or the org refuses more for now.
    Budget,
    /// Salesforce could not be reached, or refused the session.
    Salesforce,
    /// A call that nobody has seen the answer of may still be done.
    Unsettled,
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
    let lease = match ports.table.acquire_writer(c, &ports.ids.fresh(), ports.clock.now()).await? {
        Some(lease) => lease,
        None if hint.is_empty() && planted::is(Bug::SweepWithoutLease) => Lease { owner: ports.ids.fresh(), unfinished: None },
        None => return stopped(Stopped::Busy),
    };
    let mut shift = Shift {
        ports,
        c,
        engine: &engine,
        lease,
        pace: bench.pace(c),
        directory: Directory::default(),
        seen: BTreeSet::new(),
        inherited: BTreeSet::new(),
        worked: Worked::default(),
        spending: Spending::default(),
        deadline,
    };
    let outcome = shift.run(bench, &meta, hint).await;
    bench.keep_pace(c, shift.pace);
    if shift.worked.stopped.is_some() || outcome.is_err() {
        // What is left is due by itself.
        ports.table.abandon_writer(c, &shift.lease).await?;
    }
    outcome?;
    Ok(shift.worked)
}

impl Workbench {
    async fn engine(&self, ports: Ports<'_>, c: &ConnectionId, meta: &Meta) -> Result<Option<std::sync::Arc<Engine>>, WorkError> {
        let known = self.engines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(c).cloned();
        if let Some(engine) = known.filter(|engine| engine.version == meta.config_version) {
            return Ok(Some(engine));
        }
        let Some(document) = configure::load_version(ports, c, meta.config_version).await? else { return Ok(None) };
        let engine = std::sync::Arc::new(Engine::new(document, meta.config_version)?);
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

/// How one try at a batch ended.
enum Attempt {
    /// Everything that can be done is done.
    Done,
    /// The shift must end.
    Stopped(Stopped),
    /// The plan must not be executed. Nothing was done, and somebody among these people is the reason.
    Wrong,
    /// These events were planned by a description that is no longer true, and wait for another plan.
    Outdated(Vec<EventId>),
}

/// One holder's time at the writer.
struct Shift<'a> {
    ports: Ports<'a>,
    c: &'a ConnectionId,
    engine: &'a Engine,
    lease: Lease,
    pace: Pace,
    directory: Directory,
    /// Events worked in this shift: an index may still show them as due.
    seen: BTreeSet<EventId>,
    /// Events of a call whose end a former holder did not record. They stay announced until they are worked.
    inherited: BTreeSet<EventId>,
    worked: Worked,
    /// What the batch under way has spent.
    spending: Spending,
    deadline: Timestamp,
}

impl Shift<'_> {
    async fn run(&mut self, bench: &Workbench, meta: &Meta, hint: &[EventId]) -> Result<(), WorkError> {
        let (ports, c) = (self.ports, self.c);
        let mut ids = Vec::new();
        if let Some(intent) = self.lease.unfinished.take().filter(|_| !planted::is(Bug::ForgetDoubt)) {
            if ports.clock.now() < intent.at.saturating_add(MAY_COMMIT).unwrap_or(intent.at) {
                self.worked.stopped = Some(Stopped::Unsettled);
                return Ok(());
            }
            ids = self.doubt(&intent).await?;
            self.inherited.extend(ids.iter().cloned());
        }
        ids.extend_from_slice(hint);
        if meta.resumed_version < meta.config_version {
            self.resume_parked(meta).await?;
        }
        if schemas::may_free_parked(ports, c).await? {
            self.worked.stopped = self.look_again(bench).await?;
            if self.worked.stopped.is_some() {
                return Ok(());
            }
        }
        let mut horizon = ports.clock.now();
        loop {
            ids.extend(ports.table.due_events(c, horizon, BATCH).await?);
            ids.retain(|id| self.seen.insert(id.clone()));
            if ids.is_empty() {
                match ports.table.release_writer(c, &self.lease).await? {
                    Release::Released => return Ok(()),
                    Release::Lost => {
                        self.worked.stopped = Some(Stopped::LeaseLost);
                        return Ok(());
                    }
                    // Those who rang brought new events, which are not due before their minute is over.
                    Release::Rung => {
                        horizon = ports.clock.now().saturating_add(DOORBELL).unwrap_or(horizon);
                        continue;
                    }
                }
            }
            for batch in std::mem::take(&mut ids).chunks(BATCH) {
                if ports.clock.now().saturating_add(BATCH_TIME + MARGIN).unwrap_or(self.deadline) > self.deadline {
                    self.worked.stopped = Some(Stopped::Deadline);
                    return Ok(());
                }
                let stopped = self.batch(bench, batch).await?;
                let stopped = if self.settle_spending().await? { stopped } else { Some(Stopped::Budget) };
                if stopped.is_some() {
                    self.worked.stopped = stopped;
                    return Ok(());
                }
            }
        }
    }

    /// Has the org described anew: what it was parked for may have changed, and then the next shift takes it up.
    async fn look_again(&mut self, bench: &Workbench) -> Result<Option<Stopped>, WorkError> {
        let looked = match Access::open(self.ports, &bench.sessions, self.engine).await.map(|access| access.capped(self.spending.calls)) {
            Ok(mut access) => {
                let looked = schemas::load(self.ports, &mut access, self.engine).await;
                self.count(&mut access);
                looked
            }
            Err(error) => Err(error),
        };
        let stopped = match looked {
            Ok(_) => None,
            Err(error) => Some(self.stop(error).await?),
        };
        self.settle_spending().await?;
        Ok(stopped)
    }

    /// One batch, from events to records. Answers why the shift must end, if it must. Where Salesforce's answers show that
    /// the org is not as it was described, it is described anew and the rest planned again, once.
    async fn batch(&mut self, bench: &Workbench, ids: &[EventId]) -> Result<Option<Stopped>, WorkError> {
        let mut description = Description::Known;
        let outdated = match self.attempt(bench, ids, &mut description).await? {
            Attempt::Done => return Ok(None),
            Attempt::Stopped(stopped) => return Ok(Some(stopped)),
            Attempt::Outdated(events) => events,
            Attempt::Wrong => return self.halves(bench, ids).await,
        };
        match self.attempt(bench, &outdated, &mut description).await? {
            Attempt::Stopped(stopped) => Ok(Some(stopped)),
            Attempt::Done | Attempt::Outdated(_) => Ok(None),
            Attempt::Wrong => self.halves(bench, &outdated).await,
        }
    }

    /// A fault of ours keeps a plan from being executed: the batch is planned in halves, until it stops nobody but its own person.
    async fn halves(&mut self, bench: &Workbench, ids: &[EventId]) -> Result<Option<Stopped>, WorkError> {
        let (first, second) = ids.split_at(ids.len() / 2);
        for half in [first, second].into_iter().filter(|half| !half.is_empty()) {
            if let Some(stopped) = Box::pin(self.batch(bench, half)).await? {
                return Ok(Some(stopped));
            }
        }
        Ok(None)
    }

    async fn attempt(&mut self, bench: &Workbench, ids: &[EventId], description: &mut Description) -> Result<Attempt, WorkError> {
        let (ports, c, engine) = (self.ports, self.c, self.engine);
        let mut loaded = load::load(ports, engine, ids).await?;
        if loaded.cases.is_empty() {
            return Ok(Attempt::Done);
        }
        let mut access = match Access::open(ports, &bench.sessions, engine).await {
            Ok(access) => access.capped(self.spending.calls),
            Err(error) => return self.stop(error).await.map(Attempt::Stopped),
        };
        let planned = self.plan(&mut access, &mut loaded, description).await;
        self.count(&mut access);
        let (plan, schemas) = match planned {
            Ok(planned) => planned,
            Err(error) => return self.stop(error).await.map(Attempt::Stopped),
        };
        let plan = match check(&plan) {
            Ok(()) => plan,
            Err(fault) => {
                tracing::error!(connection.id = %c, code = "plan_wrong", fault = %fault, events = ids.len(), "batch not executed");
                if ids.len() > 1 {
                    return Ok(Attempt::Wrong);
                }
                plan.parked(&Cause::new("plan_wrong", format!("{fault}.")))
            }
        };
        let dialect = Dialect {
            version: access.version().clone(),
            options: access.options(),
            references: engine.document.salesforce.references_into_collections == Toggle::On,
        };
        let mut caller = Announcing {
            ports,
            c,
            lease: &self.lease,
            plan: &plan,
            access: &mut access,
            pace: self.pace,
            deadline: self.deadline,
            touched: self.inherited.clone(),
            late: false,
            lost: false,
            unanswered: false,
            waits: None,
            failed: None,
            refused_until: None,
        };
        let mut results = execute::execute(&plan, &dialect, &mut caller).await;
        let (late, lost, unanswered, waits, mut failed) = (caller.late, caller.lost, caller.unanswered, caller.waits, caller.failed.take());
        self.spending.refuse(caller.refused_until);
        self.pace = caller.pace;
        let mut outdated = Vec::new();
        if *description == Description::Known && !lost && failed.is_none() && waits.is_none() && drift::is_told_by(&results) {
            *description = Description::Anew;
            match schemas::reload(ports, &mut access, engine).await {
                Ok(now) if now != schemas => outdated = drift::put_back(&plan, &mut results),
                // The org is as it was described: what it refused, it refuses.
                Ok(_) => {}
                Err(error) => failed = Some(error),
            }
        }
        self.count(&mut access);
        let tally = record::record(ports, c, &plan, &results, &loaded.stored, waits.map(|wait| wait.until)).await?;
        for (outcome, count) in tally {
            *self.worked.outcomes.entry(outcome).or_default() += count;
        }
        // What may still be done keeps its intent: the next writer waits for it. So does what was to be worked first and was left.
        let left = !self.inherited.is_empty() && (late || waits.is_some() || failed.is_some());
        if lost || !unanswered && !left && !ports.table.clear_intent(c, &self.lease).await? {
            return Ok(Attempt::Stopped(Stopped::LeaseLost));
        }
        self.inherited.clear();
        match failed {
            Some(error) => self.stop(error).await.map(Attempt::Stopped),
            None if unanswered => Ok(Attempt::Stopped(Stopped::Salesforce)),
            None if late => Ok(Attempt::Stopped(Stopped::Deadline)),
            None if waits.is_some() => Ok(Attempt::Stopped(Stopped::Budget)),
            None if outdated.is_empty() => Ok(Attempt::Done),
            None => Ok(Attempt::Outdated(outdated)),
        }
    }

    /// The plan, and the schema that it goes by.
    async fn plan(
        &mut self,
        access: &mut Access<'_>,
        loaded: &mut load::Loaded,
        description: &mut Description,
    ) -> Result<(Plan, Schemas), AccessError> {
        let mut schemas = schemas::load(self.ports, access, self.engine).await?;
        self.directory.recall(self.ports, self.engine, &loaded.cases).await?;
        match lookup::look_up(access, self.engine, &schemas, &mut self.directory, &mut loaded.cases).await {
            // The question names what the org no longer has.
            Err(AccessError::Salesforce(error)) if *description == Description::Known && drift::is_code(error.code()) => {
                *description = Description::Anew;
                schemas = schemas::reload(self.ports, access, self.engine).await?;
                // What was asked and not answered is asked again.
                self.directory = Directory::default();
                self.directory.recall(self.ports, self.engine, &loaded.cases).await?;
                loaded.cases.iter_mut().for_each(|case| case.found = Found::default());
                lookup::look_up(access, self.engine, &schemas, &mut self.directory, &mut loaded.cases).await?;
            }
            other => other?,
        }
        self.directory.keep(self.ports, self.engine).await?;
        self.directory.recall_times(self.ports, self.engine, &loaded.cases).await?;
        let found = loaded.cases.iter().flat_map(|case| case.found.contacts.iter().chain(&case.found.leads));
        let found = found.chain(loaded.cases.iter().filter_map(|case| case.found.master.as_ref()));
        let records: Vec<_> = found.flat_map(|m| [Some(m.id), m.converted_to.and_then(|to| to.contact)].into_iter().flatten()).collect();
        let owners = self.ports.table.load_record_owners(self.c, &records).await?.into_iter().collect();
        let situation = Situation { engine: self.engine, schemas: &schemas, known: &self.directory.known, owners_of_records: &owners };
        let plan = plan(&situation, std::mem::take(&mut loaded.cases));
        Ok((plan, schemas))
    }

    /// The org cannot be worked with just now. A grant that is gone breaks the connection.
    async fn stop(&mut self, error: AccessError) -> Result<Stopped, WorkError> {
        match error {
            AccessError::State(error) => Err(error.into()),
            AccessError::Broken { code } => {
                tracing::error!(connection.id = %self.c, code, "connection broken");
                if let Err(connections::ConnectionError::State(error)) = connections::mark_broken(self.ports, self.c, &code).await {
                    return Err(error.into());
                }
                Ok(Stopped::Salesforce)
            }
            AccessError::Unavailable { code } => {
                tracing::warn!(connection.id = %self.c, code, "org not reachable");
                Ok(Stopped::Salesforce)
            }
            AccessError::Waits(wait) => {
                budget::warn(self.c, &wait);
                Ok(Stopped::Budget)
            }
            AccessError::Salesforce(error) => {
                tracing::warn!(connection.id = %self.c, code = error.code(), "org refused");
                self.spending.refuse(budget::refused_until(&error, self.ports.clock.now()));
                Ok(Stopped::Salesforce)
            }
        }
    }

    /// The former holder announced a call and did not live to record it: whom it was about is looked for before repeating. Answers
    /// their events, which come first: what they say may be in Salesforce, and nothing older must be written over it.
    async fn doubt(&self, intent: &Intent) -> Result<Vec<EventId>, WorkError> {
        let mut events = self.ports.table.load_events(self.c, &intent.events).await?;
        events.retain(|(_, event)| event.is_open());
        for (id, _) in &events {
            self.ports.table.doubt_event(self.c, id, intent.at, self.ports.clock.now()).await?;
        }
        Ok(events.into_iter().map(|(id, _)| id).collect())
    }

    /// A new configuration may let pass what was parked under the old one.
    async fn resume_parked(&self, meta: &Meta) -> Result<(), WorkError> {
        let (ports, c) = (self.ports, self.c);
        let parked = ports.table.parked_events(c, usize::MAX).await?;
        let resuming: Vec<_> = parked.iter().map(|id| ports.table.resume_event(c, id, ports.clock.now())).collect();
        stream::iter(resuming).buffer_unordered(RESUMED_AT_ONCE).try_for_each(|_| future::ok(())).await?;
        let current = Meta { resumed_version: meta.config_version, ..meta.clone() };
        match ports.table.save_meta(c, Some(meta), &current).await {
            // Somebody changed the connection meanwhile; the next shift resumes again.
            Ok(()) | Err(StateError::Conflict { .. }) => Ok(()),
            Err(other) => Err(other.into()),
        }
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
