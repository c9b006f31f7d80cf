//! What a step of a run does with the writer in hand.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Step, page::Page};
use crate::{
    adapters::{
        mautic::Mautic,
        state::{StateError, connections::Meta, people::Whom, runs::Cursor},
    },
    app::{
        access::{Access, AccessError},
        mautic::{self, PlatformError},
        schemas,
        upsert::{Attempt, Description, Loaded, Shift, Stopped, WorkError, Workbench, with_companies},
    },
    domain::{
        budget::Purpose,
        config::{FirstRun, ReconciliationSection, Toggle, Ways},
        engine::Engine,
        ids::{ConnectionId, EventId, ObjectName, PersonKey},
        person::{Person, spread},
        planner::{Case, would_mark},
        run::{CONTACTS_OF_ACCOUNTS, CompaniesThere, Everybody, FromPlatform, Position, Run},
        schema::Schemas,
    },
    planted::{self, Bug},
    ports::Ports,
};

/// The time between two runs.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// The first run looks so far back, unless it looks at everything.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Our clock and Salesforce's may differ by so much.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// However few people a run has looked at, so many deletions are no accident.
const FEW_DELETIONS: u64 = 20;

pub(super) struct Stepper<'a> {
    pub(super) ports: Ports<'a>,
    pub(super) engine: &'a Engine,
    pub(super) ways: Ways,
    pub step: Step,
    /// Events that the step has read from the platform.
    brought: Vec<EventId>,
}

impl<'a> Stepper<'a> {
    pub fn new(ports: Ports<'a>, engine: &'a Engine, step: Step) -> Self {
        Self { ports, engine, ways: engine.document.reconciliation.ways(), step, brought: Vec::new() }
    }

    /// What a former holder left, then a part of the run, then what has become due.
    pub async fn work(&mut self, shift: &mut Shift<'a>, bench: &'a Workbench, meta: &Meta) -> Result<(), WorkError> {
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
        let brought = std::mem::take(&mut self.brought);
        if self.step.done { shift.drain(bench, brought).await } else { shift.serve_and_leave(bench, brought).await }
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
            self.read_platform(platform, run.started_at).await?;
            true
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
        let (cursor, ended) = if run.is_over() {
            run.ended_at = Some(self.ports.clock.now());
            (self.after(cursor, &run), Some(run))
        } else {
            (Cursor { run: Some(run), ..cursor }, None)
        };
        match self.ports.table.move_cursor(c, &cursor, ended.as_ref()).await {
            Ok(_) => self.step.ended = ended,
            // Somebody has asked for everybody meanwhile: the step is made again, and finds what it did.
            Err(StateError::Conflict { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        self.step.done = self.step.ended.is_some() || self.step.stopped.is_some();
        self.step.ended.iter().for_each(|run| report(c, run));
        Ok(())
    }

    /// Where the runs are once this one has ended.
    fn after(&self, cursor: Cursor, run: &Run) -> Cursor {
        let next_at = Some(next(&self.engine.document.connection.id, run.started_at));
        // Where nothing was read, the first run that reads is still to come.
        let read_at = if run.stopped.is_some() || !self.ways.pull { cursor.read_at } else { Some(run.started_at) };
        let read = |whole: fn(&FromPlatform) -> bool| run.platform.as_ref().filter(|platform| whole(platform)).map(|_| run.started_at);
        let platform_at = read(FromPlatform::has_contacts).or(cursor.platform_at);
        let companies_at = read(FromPlatform::has_companies).or(cursor.companies_at);
        Cursor { next_at, read_at, platform_at, companies_at, run: None, ..cursor }
    }

    fn begin(&self, cursor: &Cursor, now: Timestamp) -> Run {
        let ReconciliationSection { overlap_minutes, first_run, .. } = &self.engine.document.reconciliation;
        let back = if planted::is(Bug::NoOverlap) { SignedDuration::ZERO } else { SignedDuration::from_mins(i64::from(*overlap_minutes)) + SKEW };
        let before = |last: Timestamp| last.saturating_sub(back).unwrap_or(Timestamp::MIN);
        let first = match first_run {
            FirstRun::Week => now.saturating_sub(WEEK).unwrap_or(now),
            FirstRun::Everything => Timestamp::UNIX_EPOCH,
        };
        let since = |last: Option<Timestamp>| last.map_or(first, before);
        let reads_platform = self.ways.push && self.engine.document.platform.mautic.is_some();
        let people = ["Lead", "Contact"].into_iter().filter(|object| self.engine.person_map(object).is_some());
        let of_accounts = self.engine.pulls_of_relations().then_some(CONTACTS_OF_ACCOUNTS);
        let objects = people.chain(self.engine.pulls_accounts().then_some("Account")).chain(of_accounts).filter(|_| self.ways.pull);
        Run {
            id: self.ports.ids.fresh(),
            started_at: now,
            since: since(cursor.read_at),
            platform: reads_platform.then(|| {
                // Whoever names a company later means one that Mautic has had for long; so all of them are read at first.
                let companies = self.engine.keeps_companies().then(|| CompaniesThere::new(cursor.companies_at.map(before)));
                FromPlatform::new(since(cursor.platform_at), companies)
            }),
            positions: objects.map(|object| (ObjectName::known(object), Position::default())).collect(),
            pushed: !self.ways.any(),
            everybody: None,
            sheet: Default::default(),
            api_calls: 0,
            ended_at: None,
            bulk_refused: None,
            stopped: None,
        }
    }

    /// What has changed at the platform, a page of it: events wait for no more. Where it cannot be read, the run goes on without it.
    async fn read_platform(&mut self, run: &mut FromPlatform, started_at: Timestamp) -> Result<(), StateError> {
        let (ports, document) = (self.ports, &self.engine.document);
        let c = &document.connection.id;
        let read = async {
            let mautic = mautic::open(ports, document).await?;
            let read = self.read_page_there(&mautic, run, started_at).await;
            run.calls += mautic.calls();
            read
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
        Ok(())
    }

    async fn read_page_there(&mut self, mautic: &Mautic<'_>, run: &mut FromPlatform, started_at: Timestamp) -> Result<(), PlatformError> {
        if !run.has_contacts() {
            self.brought.extend(mautic::read_page(self.ports, self.engine, mautic, run).await?);
        } else if let Some(companies) = &mut run.companies {
            mautic::read_companies(self.ports, self.engine, mautic, companies, started_at).await?;
        }
        Ok(())
    }

    /// What Salesforce has modified. Answers whether the run has moved on.
    async fn page(&mut self, shift: &mut Shift<'a>, bench: &'a Workbench, run: &mut Run, open: &[ObjectName]) -> Result<bool, WorkError> {
        let mut access = match shift.open(bench, Purpose::Backfill).await {
            Ok(access) => access,
            Err(error) => return self.stop(shift, error).await,
        };
        let bulk = &self.engine.document.reconciliation;
        let much = bulk.bulk == Toggle::On && run.sheet.read >= u64::from(bulk.bulk_above) && run.bulk_refused.is_none();
        let objects: Vec<ObjectName> = open.iter().filter(|object| object.as_str() != CONTACTS_OF_ACCOUNTS).cloned().collect();
        if much && !objects.is_empty() {
            return self.listed(shift, bench, access, run, &objects).await;
        }
        let read = async {
            let schemas = schemas::load(self.ports, &mut access, self.engine).await?;
            let page = Page::read(&mut access, self.engine, &schemas, run, (open, bench.page(self.engine))).await?;
            Ok::<_, AccessError>((schemas, page))
        };
        let read = read.await;
        shift.count(&mut access);
        let (schemas, page) = match read {
            Ok(read) => read,
            Err(error) => return self.stop(shift, error).await,
        };
        if planted::is(Bug::MoveEarly) {
            let cursor = self.ports.table.load_cursor(&self.engine.document.connection.id).await?;
            let early = Run { positions: page.positions(run).into_iter().collect(), sheet: Default::default(), ..run.clone() };
            self.ports.table.move_cursor(&self.engine.document.connection.id, &Cursor { run: Some(early), ..cursor }, None).await?;
        }
        let mut opened = Some(access);
        for (i, part) in page.parts(bench.part(self.engine)).into_iter().enumerate() {
            if i > 0 && (shift.worked.stopped.is_some() || shift.is_rung_for() || !shift.has_time()) {
                break;
            }
            let access = match opened.take() {
                Some(access) => access,
                None => match shift.open(bench, Purpose::Backfill).await {
                    Ok(access) => access,
                    Err(error) => return self.stop(shift, error).await.map(|_| i > 0),
                },
            };
            if !self.take(shift, access, &schemas, &part, run).await? {
                return Ok(i > 0);
            }
            if run.stopped.is_none() {
                run.positions.extend(part.positions(run));
            }
        }
        Ok(true)
    }

    /// Carries the people of a part of a page, unless the run would mark too many as deleted. Answers whether the run has moved on.
    pub(super) async fn take(
        &self,
        shift: &mut Shift<'a>,
        access: Access<'a>,
        schemas: &Schemas,
        part: &Page,
        run: &mut Run,
    ) -> Result<bool, WorkError> {
        let found = part.cases(self.ports, self.engine, schemas, self.ways, &access).await?;
        let deleted = found.cases.iter().filter(|case| case.found.deleted.is_some()).count() as u64;
        let marks = found.cases.iter().filter(|case| would_mark(self.engine, case)).count() as u64;
        let before = run.sheet.clone();
        run.sheet.read += part.len() as u64;
        run.sheet.accounts += part.accounts() as u64;
        run.sheet.unknown += found.unknown;
        run.sheet.further += found.further;
        run.sheet.deleted += deleted;
        run.sheet.marked += marks;
        if self.brakes(marks, found.cases.len() as u64) || self.brakes(run.sheet.marked, run.sheet.people_read()) {
            run.sheet = before;
            run.stopped = Some("too_many_deletions".to_owned());
            return Ok(true);
        }
        let moved = self.carry(shift, access, found.cases, run).await?;
        if !moved {
            run.sheet = before;
        }
        Ok(moved)
    }

    /// Whether so many people are too many to be marked as deleted, of those that were looked at: of a part, or of all of the run so far.
    fn brakes(&self, marks: u64, of: u64) -> bool {
        marks > FEW_DELETIONS && marks * 100 > of * u64::from(self.engine.document.reconciliation.brake_percent)
    }

    /// People who have waited since before the run began.
    async fn waiting(&self, shift: &mut Shift<'a>, bench: &'a Workbench, run: &mut Run) -> Result<bool, WorkError> {
        let c = &self.engine.document.connection.id;
        let most = i32::try_from(bench.part(self.engine)).unwrap_or(i32::MAX);
        let keys = self.ports.table.pending_people(c, run.started_at, most).await?;
        let mut people = self.ports.table.load_people(c, self.engine.organization.as_deref(), &keys).await?;
        people.retain(|person| person.pending.is_some_and(|since| since <= run.started_at));
        if people.is_empty() {
            run.pushed = true;
            return Ok(true);
        }
        run.sheet.waited += people.len() as u64;
        self.carry_people(shift, bench, people, self.ways, run).await
    }

    /// The next of those whom somebody has asked to look at, companies among them: what the platform has of them goes to Salesforce, whether or
    /// not it does so each hour.
    async fn everybody(&self, shift: &mut Shift<'a>, bench: &'a Workbench, run: &mut Run) -> Result<bool, WorkError> {
        let Some(everybody) = &run.everybody else { return Ok(true) };
        let c = &self.engine.document.connection.id;
        let (whom, range, most) = (whom(self.engine), (&everybody.after, &everybody.until), bench.part(self.engine));
        let places = self.ports.table.changed_people(c, whom, range, most).await?;
        let keys: Vec<_> = places.iter().map(|(_, key)| key.clone()).collect();
        let mut people = self.ports.table.load_people(c, self.engine.organization.as_deref(), &keys).await?;
        people.retain(|person| everybody.concerns(person));
        run.sheet.asked += people.len() as u64;
        if !people.is_empty() && !self.carry_people(shift, bench, people, Ways { push: true, ..self.ways }, run).await? {
            return Ok(false);
        }
        if let Some(everybody) = &mut run.everybody {
            everybody.seen += places.len() as u64;
            everybody.done = places.len() < most;
            everybody.after = places.into_iter().last().map_or_else(|| everybody.until.clone(), |(place, _)| place);
        }
        Ok(true)
    }

    /// Carries people of whom Salesforce is still to be asked.
    async fn carry_people(
        &self,
        shift: &mut Shift<'a>,
        bench: &'a Workbench,
        people: Vec<Person>,
        ways: Ways,
        run: &mut Run,
    ) -> Result<bool, WorkError> {
        let access = match shift.open(bench, Purpose::Backfill).await {
            Ok(access) => access,
            Err(error) => return self.stop(shift, error).await,
        };
        let cases = people.into_iter().map(|person| Case::of_run(person, ways));
        self.carry(shift, access, cases.collect(), run).await
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

    pub(super) async fn stop(&self, shift: &mut Shift<'a>, error: AccessError) -> Result<bool, WorkError> {
        shift.worked.stopped = Some(shift.stop(error).await?);
        shift.settle_spending().await?;
        Ok(false)
    }
}

/// Whom somebody means who asks for everybody: companies, too, where it matters which is whose.
fn whom(engine: &Engine) -> Whom {
    if engine.keeps_companies() { Whom::WithCompanies } else { Whom::Everybody }
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
    let balanced = run.balances();
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
