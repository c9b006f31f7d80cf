//! The hourly reconciliation: what changed on either side is compared field by field, and goes where the rules send it.
//!
//! A run is a row of bounded steps. Each takes the connection's writer, reads one page of what Salesforce has modified (or takes those
//! who wait for a run), plans both directions, executes, records, and only then moves the cursor; then it works the events that came
//! meanwhile and gives the writer back. A step that dies is repeated: what it had done already compares as the same.

mod page;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::page::Page;
use super::upsert::{Attempt, BATCH, Description, Loaded, Shift, Stopped, WorkError, Workbench, with_companies};
use crate::{
    adapters::state::{
        StateError,
        connections::{Meta, Status},
        runs::Cursor,
    },
    app::{
        access::{Access, AccessError},
        backfill,
        mautic::{self, PlatformError},
        schemas,
    },
    domain::{
        budget::Purpose,
        config::{ReconciliationSection, Ways},
        engine::Engine,
        ids::{ConnectionId, EventId, ObjectName, PersonKey},
        person::spread,
        planner::Case,
        run::{Everybody, FromPlatform, Position, Run},
    },
    planted::{self, Bug},
    ports::Ports,
};

/// The time between two runs.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// The first run looks so far back.
const FIRST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Our clock and Salesforce's may differ by so much.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How many pages of the platform a step reads at most.
const PLATFORM_PAGES: usize = 3;
/// How many connections are worked at the same time.
const CONNECTIONS_AT_ONCE: usize = 8;
/// However few people a page has, so many deletions are no accident.
const FEW_DELETIONS: usize = 20;

/// How a step ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Whether the run is at its end, or none is due.
    pub done: bool,
    /// Why the step could not do its work, if it could not; it is tried again.
    pub stopped: Option<Stopped>,
    /// The run that it ended.
    pub ended: Option<Run>,
}

impl Step {
    fn waits(stopped: Stopped) -> Self {
        Self { done: true, stopped: Some(stopped), ended: None }
    }
}

/// Connections whose runs are due or under way, a part of them at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Due {
    /// They.
    pub connections: Vec<ConnectionId>,
    /// What to ask after for the next part; none where there is no more.
    pub after: Option<ConnectionId>,
}

/// The connections with a run to work, of those that come after `after` in the order of their names; `most` are looked at.
pub async fn due(ports: Ports<'_>, bench: &Workbench, after: Option<&ConnectionId>, most: usize) -> Result<Due, WorkError> {
    let mut all = ports.table.all_connections().await?;
    all.retain(|c| after.is_none_or(|after| c > after));
    all.sort();
    let more = all.len() > most;
    all.truncate(most);
    let next = all.last().filter(|_| more).cloned();
    let looks: Vec<_> = all.into_iter().map(|c| async move { is_due(ports, bench, &c).await.map(|is| is.then_some(c)) }).collect();
    let found: Vec<Option<ConnectionId>> = stream::iter(looks).buffered(CONNECTIONS_AT_ONCE).try_collect().await?;
    Ok(Due { connections: found.into_iter().flatten().collect(), after: next })
}

async fn is_due(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId) -> Result<bool, WorkError> {
    let Some(meta) = ports.table.load_meta(c).await?.filter(|meta| meta.status == Status::Active) else { return Ok(false) };
    // One whose configuration cannot be used says so when it is worked.
    let hourly = bench.engine(ports, c, &meta).await.map_or(true, |engine| engine.is_some_and(|engine| engine.document.reconciliation.ways().any()));
    Ok(ports.table.load_cursor(c).await?.is_due(hourly, ports.clock.now()))
}

/// Works the due runs of all connections of the installation, several at the same time. One that fails keeps no other from its own.
pub async fn run_all(
    ports: Ports<'_>,
    bench: &Workbench,
    deadline: Timestamp,
) -> Result<Vec<(ConnectionId, Result<Vec<Run>, WorkError>)>, StateError> {
    let connections = ports.table.all_connections().await?;
    let runs: Vec<_> = connections.into_iter().map(|c| run_one(ports, bench, c, deadline)).collect();
    Ok(stream::iter(runs).buffer_unordered(CONNECTIONS_AT_ONCE).collect().await)
}

async fn run_one(ports: Ports<'_>, bench: &Workbench, c: ConnectionId, deadline: Timestamp) -> (ConnectionId, Result<Vec<Run>, WorkError>) {
    let ended = match run_due(ports, bench, &c, deadline).await {
        Ok(ended) => backfill::work(ports, bench, &c, deadline).await.map(|_| ended),
        Err(error) => Err(error),
    };
    if let Err(error) = &ended {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(connection.id = %c, error = %error, cause, code = "run_failed", "a run has failed; it goes on where it was");
    }
    (c, ended)
}

/// Works a connection's due run, step by step, until it is at its end or has to wait.
pub async fn run_due(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId, deadline: Timestamp) -> Result<Vec<Run>, WorkError> {
    let mut ended = Vec::new();
    loop {
        let step = step(ports, bench, c, deadline).await?;
        ended.extend(step.ended);
        if step.done {
            return Ok(ended);
        }
    }
}

/// One step of a connection's run.
pub async fn step(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId, deadline: Timestamp) -> Result<Step, WorkError> {
    let done = Step { done: true, stopped: None, ended: None };
    let Some(meta) = ports.table.load_meta(c).await?.filter(|meta| meta.status == Status::Active) else { return Ok(Step::waits(Stopped::NotActive)) };
    let Some(engine) = bench.engine(ports, c, &meta).await? else { return Ok(Step::waits(Stopped::NotActive)) };
    let ways = engine.document.reconciliation.ways();
    if !ports.table.load_cursor(c).await?.is_due(ways.any(), ports.clock.now()) {
        return Ok(done);
    }
    let Some(lease) = ports.table.acquire_writer(c, &ports.ids.fresh(), ports.clock.now()).await? else { return Ok(Step::waits(Stopped::Busy)) };
    let mut shift = Shift::new(ports, bench, c, &engine, lease, deadline);
    let mut stepper = Stepper { ports, engine: &engine, ways, step: done, brought: Vec::new() };
    let outcome = stepper.work(&mut shift, bench, &meta).await;
    let worked = shift.end(bench, outcome).await?;
    let step = stepper.step;
    Ok(Step { stopped: worked.stopped, done: step.done || worked.stopped.is_some(), ..step })
}

struct Stepper<'a> {
    ports: Ports<'a>,
    engine: &'a Engine,
    ways: Ways,
    step: Step,
    /// Events that the step has read from the platform.
    brought: Vec<EventId>,
}

impl<'a> Stepper<'a> {
    async fn work(&mut self, shift: &mut Shift<'a>, bench: &'a Workbench, meta: &Meta) -> Result<(), WorkError> {
        let first = shift.begin(bench, meta).await?;
        if shift.worked.stopped.is_none() {
            shift.work(bench, &first).await?;
        }
        if shift.worked.stopped.is_none() {
            // Under the writer, so nobody else moves it.
            let cursor = self.ports.table.load_cursor(&self.engine.document.connection.id).await?;
            self.advance(shift, bench, cursor).await?;
        }
        if shift.worked.stopped.is_some() {
            return Ok(());
        }
        shift.drain(bench, std::mem::take(&mut self.brought)).await
    }

    /// One page, or those who wait, or the end.
    async fn advance(&mut self, shift: &mut Shift<'a>, bench: &'a Workbench, mut cursor: Cursor) -> Result<(), WorkError> {
        if !shift.has_time() {
            shift.worked.stopped = Some(Stopped::Deadline);
            return Ok(());
        }
        let now = self.ports.clock.now();
        let calls = shift.worked.api_calls;
        let mut run = match cursor.run.take() {
            Some(run) => run,
            None => {
                let everybody = cursor.asked.take().map(|asked| Everybody::of(asked, now));
                Run { everybody, ..self.begin(&cursor, now) }
            }
        };
        let open: Vec<ObjectName> = run.positions.iter().filter(|(_, position)| !position.done).map(|(object, _)| object.clone()).collect();
        let moved = if let Some(platform) = run.platform.as_mut().filter(|platform| !platform.is_over()) {
            self.read_platform(shift, platform).await?
        } else if run.everybody.as_ref().is_some_and(|everybody| !everybody.done) {
            // Those who were asked for come before what Salesforce has changed, as what a page changes stands behind their end.
            self.everybody(shift, bench, &mut run).await?
        } else if !open.is_empty() {
            self.page(shift, bench, &mut run, &open).await?
        } else if !run.pushed {
            self.waiting(shift, bench, &mut run).await?
        } else {
            true
        };
        if !moved {
            return Ok(());
        }
        run.api_calls += shift.worked.api_calls - calls;
        let c = &self.engine.document.connection.id;
        if !run.is_over() {
            let cursor = Cursor { run: Some(run), ..cursor };
            self.step.done = false;
            return match self.ports.table.move_cursor(c, &cursor, None).await {
                // Somebody has asked for everybody meanwhile: the step is made again, and finds what it did.
                Ok(_) | Err(StateError::Conflict { .. }) => Ok(()),
                Err(other) => Err(other.into()),
            };
        }
        run.ended_at = Some(self.ports.clock.now());
        let next_at = Some(next(c, run.started_at));
        // Where nothing was read, the first run that reads is still to come.
        let read_at = if run.stopped.is_some() || !self.ways.pull { cursor.read_at } else { Some(run.started_at) };
        let read_there = run.platform.as_ref().is_some_and(|platform| platform.problem.is_none());
        let platform_at = if read_there { Some(run.started_at) } else { cursor.platform_at };
        let cursor = Cursor { next_at, read_at, platform_at, run: None, ..cursor };
        match self.ports.table.move_cursor(c, &cursor, Some(&run)).await {
            Ok(_) => {}
            Err(StateError::Conflict { .. }) => {
                self.step.done = false;
                return Ok(());
            }
            Err(other) => return Err(other.into()),
        }
        report(c, &run);
        self.step.ended = Some(run);
        Ok(())
    }

    fn begin(&self, cursor: &Cursor, now: Timestamp) -> Run {
        let ReconciliationSection { overlap_minutes, .. } = &self.engine.document.reconciliation;
        let back = if planted::is(Bug::NoOverlap) { SignedDuration::ZERO } else { SignedDuration::from_mins(i64::from(*overlap_minutes)) + SKEW };
        let since =
            |last: Option<Timestamp>| last.unwrap_or_else(|| now.saturating_sub(FIRST).unwrap_or(now)).saturating_sub(back).unwrap_or(Timestamp::MIN);
        let reads_platform = self.ways.push && self.engine.document.platform.mautic.is_some();
        let people = ["Lead", "Contact"].into_iter().filter(|object| self.engine.person_map(object).is_some());
        let objects = people.chain(self.engine.pulls_accounts().then_some("Account")).filter(|_| self.ways.pull);
        Run {
            id: self.ports.ids.fresh(),
            started_at: now,
            since: since(cursor.read_at),
            platform: reads_platform.then(|| FromPlatform::new(since(cursor.platform_at))),
            positions: objects.map(|object| (ObjectName::known(object), Position::default())).collect(),
            pushed: !self.ways.any(),
            everybody: None,
            sheet: Default::default(),
            api_calls: 0,
            ended_at: None,
            stopped: None,
        }
    }

    /// What has changed at the platform, some pages of it. Where it cannot be read, the run goes on without it.
    async fn read_platform(&mut self, shift: &mut Shift<'a>, run: &mut FromPlatform) -> Result<bool, StateError> {
        if !shift.has_time() {
            shift.worked.stopped = Some(Stopped::Deadline);
            return Ok(false);
        }
        let (ports, document) = (self.ports, &self.engine.document);
        let c = &document.connection.id;
        let read = async {
            let mautic = mautic::open(ports, document).await?;
            for _ in 0..PLATFORM_PAGES {
                if run.is_over() || !shift.has_time() {
                    break;
                }
                self.brought.extend(mautic::read_page(ports, document, &mautic, run).await?);
            }
            Ok(())
        };
        let problem = match read.await {
            Ok(()) => None,
            Err(PlatformError::State(error)) => return Err(error),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(connection.id = %c, error = %error, cause, code = error.code(), "the platform cannot be read");
                run.problem = Some(error.code().to_owned());
                error.problem()
            }
        };
        if run.is_over() {
            mautic::note(ports, c, problem).await?;
        }
        Ok(true)
    }

    /// What Salesforce has modified. Answers whether the run has moved on.
    async fn page(&self, shift: &mut Shift<'a>, bench: &'a Workbench, run: &mut Run, open: &[ObjectName]) -> Result<bool, WorkError> {
        let mut access = match shift.open(bench, Purpose::Backfill).await {
            Ok(access) => access,
            Err(error) => return self.stop(shift, error).await,
        };
        let read = async {
            let schemas = schemas::load(self.ports, &mut access, self.engine).await?;
            let page = Page::read(&mut access, self.engine, &schemas, run, (open, bench.page)).await?;
            let cases = page.cases(self.ports, self.engine, &schemas, self.ways, &access).await?;
            Ok::<_, AccessError>((page, cases))
        };
        let read = read.await;
        shift.count(&mut access);
        let (page, found) = match read {
            Ok(read) => read,
            Err(error) => return self.stop(shift, error).await,
        };
        let deleted = found.cases.iter().filter(|case| case.found.deleted.is_some()).count();
        let share = usize::from(self.engine.document.reconciliation.brake_percent);
        if deleted > FEW_DELETIONS && deleted * 100 > found.cases.len() * share {
            run.stopped = Some("too_many_deletions".to_owned());
            return Ok(true);
        }
        run.sheet.read += page.len() as u64;
        run.sheet.accounts += page.accounts() as u64;
        run.sheet.unknown += found.unknown;
        run.sheet.further += found.further;
        run.sheet.deleted += deleted as u64;
        if planted::is(Bug::MoveEarly) {
            let cursor = self.ports.table.load_cursor(&self.engine.document.connection.id).await?;
            let early = Run { positions: page.positions(run).into_iter().collect(), sheet: Default::default(), ..run.clone() };
            self.ports.table.move_cursor(&self.engine.document.connection.id, &Cursor { run: Some(early), ..cursor }, None).await?;
        }
        if !self.carry(shift, access, found.cases, run).await? {
            return Ok(false);
        }
        for (object, position) in page.positions(run) {
            run.positions.insert(object, position);
        }
        Ok(true)
    }

    /// People who have waited since before the run began.
    async fn waiting(&self, shift: &mut Shift<'a>, bench: &'a Workbench, run: &mut Run) -> Result<bool, WorkError> {
        let c = &self.engine.document.connection.id;
        let keys = self.ports.table.pending_people(c, run.started_at, i32::try_from(BATCH).unwrap_or(i32::MAX)).await?;
        let mut people = self.ports.table.load_people(c, &keys).await?;
        people.retain(|person| person.pending.is_some_and(|since| since <= run.started_at));
        if people.is_empty() {
            run.pushed = true;
            return Ok(true);
        }
        run.sheet.waited += people.len() as u64;
        let access = match shift.open(bench, Purpose::Backfill).await {
            Ok(access) => access,
            Err(error) => return self.stop(shift, error).await,
        };
        let cases = people.into_iter().map(|person| Case { run: Some(self.ways), ..Case::new(person, Vec::new()) });
        self.carry(shift, access, cases.collect(), run).await
    }

    /// The next of those whom somebody has asked to look at: what the platform has of them goes to Salesforce, whether or not it does so
    /// each hour.
    async fn everybody(&self, shift: &mut Shift<'a>, bench: &'a Workbench, run: &mut Run) -> Result<bool, WorkError> {
        let Some(everybody) = &run.everybody else { return Ok(true) };
        let c = &self.engine.document.connection.id;
        let places = self.ports.table.changed_people(c, &everybody.after, &everybody.until, bench.page).await?;
        let keys: Vec<_> = places.iter().map(|(_, key)| key.clone()).collect();
        let mut people = self.ports.table.load_people(c, &keys).await?;
        people.retain(|person| everybody.concerns(person));
        run.sheet.asked += people.len() as u64;
        if !people.is_empty() {
            let access = match shift.open(bench, Purpose::Backfill).await {
                Ok(access) => access,
                Err(error) => return self.stop(shift, error).await,
            };
            let ways = Ways { push: true, ..self.ways };
            let cases = people.into_iter().map(|person| Case { run: Some(ways), ..Case::new(person, Vec::new()) });
            if !self.carry(shift, access, cases.collect(), run).await? {
                return Ok(false);
            }
        }
        if let Some(everybody) = &mut run.everybody {
            everybody.seen += places.len() as u64;
            everybody.done = places.len() < bench.page;
            everybody.after = places.into_iter().last().map_or_else(|| everybody.until.clone(), |(place, _)| place);
        }
        Ok(true)
    }

    /// Plans, executes and records people, and counts them. Answers whether all of that was done.
    async fn carry(&self, shift: &mut Shift<'a>, access: Access<'a>, cases: Vec<Case>, run: &mut Run) -> Result<bool, WorkError> {
        if cases.is_empty() {
            if !shift.settle_spending().await? {
                shift.worked.stopped = Some(Stopped::Budget);
            }
            return Ok(true);
        }
        // The companies that new contacts belong to come with them, and are nobody whom the run looks at.
        let looked_at: BTreeSet<PersonKey> = cases.iter().map(|case| case.person.key.clone()).collect();
        let cases = with_companies(self.ports, self.engine, cases).await?;
        let loaded = Loaded { cases, stored: BTreeMap::new() };
        let carried = shift.carry(access, loaded, &mut Description::Known).await?;
        let in_budget = shift.settle_spending().await?;
        if let Attempt::Stopped(stopped) = carried.attempt {
            shift.worked.stopped = Some(stopped);
        }
        if carried.plan.people.is_empty() || carried.unrecorded > 0 {
            // What is left is compared again.
            shift.worked.stopped = shift.worked.stopped.or(Some(Stopped::Salesforce));
            return Ok(false);
        }
        for person in carried.plan.people.iter().filter(|person| looked_at.contains(&person.person.key)) {
            run.sheet.count(person, &carried.results);
        }
        if !in_budget {
            shift.worked.stopped = shift.worked.stopped.or(Some(Stopped::Budget));
        }
        Ok(true)
    }

    async fn stop(&self, shift: &mut Shift<'a>, error: AccessError) -> Result<bool, WorkError> {
        shift.worked.stopped = Some(shift.stop(error).await?);
        shift.settle_spending().await?;
        Ok(false)
    }
}

/// When a connection's next run is due: its own minute of the hour, so that an installation's connections are spread over it.
fn next(c: &ConnectionId, last: Timestamp) -> Timestamp {
    let minute = i64::from(spread(c.as_str()) % 60);
    let hour = last.as_second().div_euclid(3_600) * 3_600;
    let at = Timestamp::from_second(hour + minute * 60).unwrap_or(last);
    if at > last { at } else { at.saturating_add(EVERY).unwrap_or(at) }
}

fn report(c: &ConnectionId, run: &Run) {
    let sheet = &run.sheet;
    let balanced = sheet.balances();
    tracing::info!(
        connection.id = %c, run.id = run.id, read = sheet.read, applied = sheet.applied, unchanged = sheet.unchanged, parked = sheet.parked,
        later = sheet.later, conflicts = sheet.conflicts, api_calls = run.api_calls, balanced, stopped = run.stopped, "run ended"
    );
    if !balanced || run.stopped.is_some() {
        tracing::error!(connection.id = %c, run.id = run.id, code = run.stopped.as_deref().unwrap_or("run_unbalanced"), "a run needs somebody to look at it");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_connection_has_its_minute_and_runs_once_an_hour() {
        let start: Timestamp = "2026-09-01T08:17:30Z".parse().unwrap();
        let mut minutes = BTreeSet::new();
        for n in 0..200 {
            let c: ConnectionId = format!("c{n}").parse().unwrap();
            let first = next(&c, start);
            assert!(first > start && first.duration_since(start) <= EVERY, "{first}");
            // The schedule calls a little later.
            let second = next(&c, first + SignedDuration::from_secs(200));
            assert_eq!(second.duration_since(first), EVERY, "{c}");
            minutes.insert(first.as_second() / 60 % 60);
        }
        assert!(minutes.len() > 40, "{minutes:?}");
    }
}
