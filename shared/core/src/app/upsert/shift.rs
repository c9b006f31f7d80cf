//! One holder's time at a connection's writer: a batch from events to records. `turns` says which events, and when.

mod turns;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    BATCH_TIME, MARGIN, Stopped, WorkError, Workbench, Worked,
    announce::{Announcing, Met},
    budget::{self, Spending},
    drift::{self, Description},
    execute::{self, Dialect, Executed},
    load::{self, Loaded},
    lookup::{self, Directory},
    pace::Pace,
    record, repair,
};
use crate::{
    adapters::state::{
        StateError,
        writer::{Lease, Turn, Wanted},
    },
    app::{
        access::{Access, AccessError},
        connections, schemas,
    },
    domain::{
        budget::Purpose,
        config::Toggle,
        engine::Engine,
        ids::{ConnectionId, EventId},
        plan::{Cause, Plan, WriteResult, check},
        planner::{Found, Situation, plan},
        schema::Schemas,
    },
    ports::Ports,
};

/// How one try at a batch ended.
pub(in crate::app) enum Attempt {
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
pub(in crate::app) struct Shift<'a> {
    pub(super) ports: Ports<'a>,
    pub(super) c: &'a ConnectionId,
    pub(super) engine: &'a Engine,
    lease: Lease,
    turn: Turn,
    /// Who wanted the writer when the last batch was recorded.
    wanted: Wanted,
    pace: Pace,
    directory: Directory,
    /// Events worked in this shift: an index may still show them as due.
    seen: BTreeSet<EventId>,
    /// Events of a call whose end a former holder did not record. They stay announced until they are worked.
    inherited: BTreeSet<EventId>,
    pub worked: Worked,
    /// What the batch under way has spent.
    pub(super) spending: Spending,
    deadline: Timestamp,
}

/// What became of what was loaded.
pub(in crate::app) struct Carried {
    /// How it ended.
    pub attempt: Attempt,
    /// What was planned; empty where it did not come to that.
    pub plan: Plan,
    /// What became of each write.
    pub results: Vec<WriteResult>,
    /// How many people were not recorded, because somebody else changed them meanwhile.
    pub unrecorded: usize,
}

impl Carried {
    fn of(attempt: Attempt) -> Self {
        Self { attempt, plan: Plan::default(), results: Vec::new(), unrecorded: 0 }
    }
}

impl<'a> Shift<'a> {
    /// Begins with the writer in hand.
    pub fn new(
        ports: Ports<'a>,
        bench: &Workbench,
        c: &'a ConnectionId,
        engine: &'a Engine,
        (lease, turn): (Lease, Turn),
        deadline: Timestamp,
    ) -> Self {
        Self {
            ports,
            c,
            engine,
            turn,
            wanted: Wanted { by_events: lease.rung, by_run: false },
            lease,
            pace: bench.pace(c),
            directory: Directory::default(),
            seen: BTreeSet::new(),
            inherited: BTreeSet::new(),
            worked: Worked::default(),
            spending: Spending::default(),
            deadline,
        }
    }

    /// Ends, and gives the writer back where that has not been done.
    pub async fn end(mut self, bench: &Workbench, outcome: Result<(), WorkError>) -> Result<Worked, WorkError> {
        bench.keep_pace(self.c, self.pace);
        // Whichever way it came to its end: a page without rows has cost a call, too.
        let settled = self.settle_spending().await;
        if self.worked.stopped.is_some() || outcome.is_err() {
            // What is left is due by itself; a run that made us stop looks for what came last, too.
            let makes_room = self.worked.stopped == Some(Stopped::Busy);
            self.ports.table.abandon_writer(self.c, &self.lease, makes_room).await?;
        }
        outcome?;
        settled?;
        Ok(self.worked)
    }

    /// Whether there is time for a look-up and a write.
    pub fn has_time(&self) -> bool {
        self.ports.clock.now().saturating_add(BATCH_TIME + MARGIN).unwrap_or(self.deadline) <= self.deadline
    }

    /// One batch, from events to records. Answers why the shift must end, if it must. Where Salesforce's answers show that
    /// the org is not as it was described, it is described anew and the rest planned again, once.
    async fn batch(&mut self, bench: &'a Workbench, ids: &[EventId]) -> Result<Option<Stopped>, WorkError> {
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
    async fn halves(&mut self, bench: &'a Workbench, ids: &[EventId]) -> Result<Option<Stopped>, WorkError> {
        let (first, second) = ids.split_at(ids.len() / 2);
        for half in [first, second].into_iter().filter(|half| !half.is_empty()) {
            if let Some(stopped) = Box::pin(self.batch(bench, half)).await? {
                return Ok(Some(stopped));
            }
        }
        Ok(None)
    }

    async fn attempt(&mut self, bench: &'a Workbench, ids: &[EventId], description: &mut Description) -> Result<Attempt, WorkError> {
        let loaded = load::load(self.ports, self.engine, ids).await?;
        if loaded.cases.is_empty() {
            return Ok(Attempt::Done);
        }
        let access = match self.open(bench, Purpose::Live).await {
            Ok(access) => access,
            Err(error) => return self.stop(error).await.map(Attempt::Stopped),
        };
        Ok(self.carry(access, loaded, description).await?.attempt)
    }

    /// Opens the org. Every call is held against what the connection may spend.
    pub async fn open(&self, bench: &'a Workbench, purpose: Purpose) -> Result<Access<'a>, AccessError> {
        let access = Access::open(self.ports, &bench.sessions, self.engine).await?;
        Ok(access.capped(self.spending.calls, purpose))
    }

    /// Looks up, plans, executes and records what was loaded.
    pub async fn carry(&mut self, mut access: Access<'_>, mut loaded: Loaded, description: &mut Description) -> Result<Carried, WorkError> {
        let (ports, c, engine) = (self.ports, self.c, self.engine);
        let planned = self.plan(&mut access, &mut loaded, description).await;
        self.count(&mut access);
        let (plan, schemas) = match planned {
            Ok(planned) => planned,
            Err(error) => return Ok(Carried::of(Attempt::Stopped(self.stop(error).await?))),
        };
        let mut plan = match check(&plan) {
            Ok(()) => plan,
            Err(fault) => {
                tracing::error!(connection.id = %c, code = "plan_wrong", fault = %fault, people = plan.people.len(), "batch not executed");
                if loaded.stored.len() > 1 {
                    return Ok(Carried::of(Attempt::Wrong));
                }
                plan.parked(&Cause::new("plan_wrong", format!("{fault}.")))
            }
        };
        let dialect = self.dialect(&access);
        let mut caller = self.caller(&mut access);
        let Executed { mut results, covered } = execute::execute(&plan, &dialect, &mut caller).await;
        if !covered.is_empty() {
            let repair = repair::plan_repair(&plan, &covered);
            let repaired = repair::give_back(&repair, &dialect, &mut caller).await;
            repair::note_covered(&mut plan, &covered, &repair, &repaired);
        }
        let (pace, mut met) = (caller.pace, caller.met);
        self.learn(pace, &met);
        let mut outdated = Vec::new();
        let is_known = *description == Description::Known;
        let may_ask = !met.lost && met.failed.is_none() && met.waits.is_none();
        if is_known && may_ask && drift::is_told_by(&results, drift::is_of_owner) {
            *description = Description::Anew;
            self.directory.forget_users();
            outdated = drift::put_back(&plan, &mut results, drift::is_of_owner);
        }
        if is_known && drift::is_told_by(&results, drift::is_code) {
            let described = if may_ask { Some(schemas::reload(ports, &mut access, engine).await) } else { None };
            match described {
                Some(Ok(now)) => {
                    *description = Description::Anew;
                    // As long as the org is as it was described, what it refused, it refuses.
                    if now != schemas {
                        outdated.extend(drift::put_back(&plan, &mut results, drift::is_code));
                    }
                }
                // Nobody knows yet. Parked, they would wait for a change of the description, and once the org is as before there is none.
                other => {
                    drift::put_back(&plan, &mut results, drift::is_code);
                    met.failed = met.failed.or(other.and_then(Result::err));
                }
            }
        }
        self.count(&mut access);
        record::disclaim(ports, c, &mut plan).await?;
        let recorded = record::record(ports, engine, &plan, &results, &loaded.stored, met.waits.map(|wait| wait.until)).await?;
        for (outcome, count) in recorded.tally {
            *self.worked.outcomes.entry(outcome).or_default() += count;
        }
        // What may still be done keeps its intent: the next writer waits for it. So does what was to be worked first and was left.
        let left = !self.inherited.is_empty() && (met.late || met.waits.is_some() || met.failed.is_some());
        if met.lost || !met.unanswered && !left && !self.clear_intent().await? {
            return Ok(Carried::of(Attempt::Stopped(Stopped::LeaseLost)));
        }
        self.inherited.clear();
        let attempt = match self.stopped_by(met).await? {
            Some(stopped) => Attempt::Stopped(stopped),
            None if outdated.is_empty() => Attempt::Done,
            None => Attempt::Outdated(outdated),
        };
        Ok(Carried { attempt, plan, results, unrecorded: recorded.unrecorded })
    }

    /// Executes a plan of which nothing has to be recorded, because a repeat does no harm. Answers what became of each write, and why the
    /// shift must end, if it must.
    pub async fn write(&mut self, mut access: Access<'_>, plan: &Plan) -> Result<(Vec<WriteResult>, Option<Stopped>), WorkError> {
        let dialect = self.dialect(&access);
        let mut caller = self.caller(&mut access);
        let Executed { results, .. } = execute::execute(plan, &dialect, &mut caller).await;
        let (pace, met) = (caller.pace, caller.met);
        self.learn(pace, &met);
        self.count(&mut access);
        let in_budget = self.settle_spending().await?;
        if met.lost || !met.unanswered && !self.clear_intent().await? {
            return Ok((results, Some(Stopped::LeaseLost)));
        }
        let stopped = self.stopped_by(met).await?.or((!in_budget).then_some(Stopped::Budget));
        Ok((results, stopped))
    }

    /// What was announced is recorded. `false` = the lease is lost.
    async fn clear_intent(&mut self) -> Result<bool, StateError> {
        let wanted = self.ports.table.clear_intent(self.c, &self.lease, self.ports.clock.now()).await?;
        self.wanted = wanted.unwrap_or_default();
        Ok(wanted.is_some())
    }

    /// Takes in what calls told of the org's pace and limits.
    fn learn(&mut self, pace: Pace, met: &Met) {
        self.pace = pace;
        self.spending.refuse(met.refused_until);
    }

    /// Why the shift must end after these calls, if it must.
    async fn stopped_by(&mut self, met: Met) -> Result<Option<Stopped>, WorkError> {
        Ok(match met.failed {
            Some(error) => Some(self.stop(error).await?),
            None if met.unanswered => Some(Stopped::Salesforce),
            None if met.late => Some(Stopped::Deadline),
            None => met.waits.map(|_| Stopped::Budget),
        })
    }

    fn dialect(&self, access: &Access<'_>) -> Dialect {
        Dialect {
            version: access.version().clone(),
            options: access.options(),
            references: self.engine.document.salesforce.references_into_collections == Toggle::On,
        }
    }

    fn caller<'s, 'o, 'b>(&'s self, access: &'b mut Access<'o>) -> Announcing<'s, 'o, 'b> {
        Announcing {
            ports: self.ports,
            c: self.c,
            lease: &self.lease,
            access,
            pace: self.pace,
            deadline: self.deadline,
            touched: self.inherited.clone(),
            met: Met::default(),
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
        let found = loaded.cases.iter().flat_map(|case| case.found.contacts.iter().chain(&case.found.leads).chain(&case.found.accounts));
        let found = found.chain(loaded.cases.iter().filter_map(|case| case.found.master.as_ref()));
        let records: Vec<_> = found.flat_map(|m| [Some(m.id), m.converted_to.and_then(|to| to.contact)].into_iter().flatten()).collect();
        let owners = self.ports.table.load_record_owners(self.c, self.engine.organization.as_deref(), &records).await?.into_iter().collect();
        let situation = Situation {
            engine: self.engine,
            schemas: &schemas,
            known: &self.directory.known,
            now: self.ports.clock.now(),
            owners_of_records: &owners,
        };
        let plan = plan(&situation, std::mem::take(&mut loaded.cases));
        Ok((plan, schemas))
    }

    /// The org cannot be worked with just now. A grant that is gone breaks the connection.
    pub async fn stop(&mut self, error: AccessError) -> Result<Stopped, WorkError> {
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
}
