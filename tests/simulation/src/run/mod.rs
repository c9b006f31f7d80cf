//! One run: set up, fire, heal, judge, and a second run in quiet.

mod calls;
mod runs;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use futures::{StreamExt, stream::FuturesUnordered};
use jiff::SignedDuration;
use passerelle_core::{
    adapters::state::{connections::Status, events::StoredEvent},
    app::{configure, problems},
    domain::ids::ConnectionId,
};
use passerelle_local::{TABLE, dynamo, secrets::SecretsManager};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use self::calls::{Call, Done, record};
use crate::{
    admin, colleague,
    colleague::Deeds,
    document::{Change, client_secret, document, seed},
    fault::{Fault, Rates},
    history::{SPAN, Said, TENANTS, What},
    items::{self, Item},
    judge,
    plan::Plan,
    report::{Promise, Report, Violation},
    world::{
        Skewed, State, Time, World,
        org::{OrgAt, UNKNOWN},
        process::Process,
    },
};

/// Sweeps by the minute, after everything is healed, until everything that only waits for its time must have ended.
const QUICK_SWEEPS: usize = 15;
/// Sweeps by the hour after that, until everything that waits for the org to change must have ended.
const SLOW_SWEEPS: usize = 40;

/// The time between two runs, and a little more.
const HOUR: Duration = Duration::from_secs(61 * 60);
/// How long after everything else runs go on under fire.
const RUNS_GO_ON: Duration = Duration::from_secs(15 * 60);

/// Runs a plan to its end, in a runtime of its own whose time stands still while anybody works.
///
/// # Errors
/// When the surroundings themselves fail, which is a fault of the simulation.
pub fn run(plan: &Plan) -> Result<Report> {
    // Where panics are caught at all; a process that they end is missed by whoever started it.
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(plan)));
    ended.unwrap_or_else(|panic| {
        let why = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|why| (*why).to_owned()));
        Ok(Report::ended_early(plan.seed, &why.unwrap_or_default()))
    })
}

fn work(plan: &Plan) -> Result<Report> {
    let logs = crate::logs::Logs::default();
    let _guard = logs.listen();
    fastrand::seed(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let mut run = Run::set_up(plan).await?;
        run.fire().await?;
        let sweeps = run.heal().await?;
        run.settle().await?;
        judge::judge(&mut run, sweeps, &logs).await?;
        run.world.state().counts.add(Fault::Deadline, logs.stopped_at_deadline());
        Ok(run.report(sweeps))
    })
}

/// Something that happens at a time.
#[derive(Debug)]
enum Job {
    Act(What),
    Deliver { tenant: usize, events: Vec<usize>, tries: u32 },
    Batch { records: Vec<Value>, tries: u32 },
    Poll,
    Sweep,
    Reconcile,
}

/// A run under way.
pub struct Run<'p> {
    /// What it goes by.
    pub plan: &'p Plan,
    /// The surroundings.
    pub world: Arc<World>,
    /// A process that is not under fire: the administrator's and the judge's.
    pub bystander: Process,
    /// What colleagues have done.
    pub deeds: Deeds,
    /// Events that intake has accepted, and when.
    pub accepted: BTreeMap<usize, Duration>,
    /// Since when each tenant has had its second document.
    configured: BTreeMap<usize, Duration>,
    keys: Vec<SecretString>,
    jobs: BTreeMap<(Duration, u64), Job>,
    next_job: u64,
    calls: FuturesUnordered<Call>,
    intakes: VecDeque<Arc<Process>>,
    upserts: VecDeque<Arc<Process>>,
    reconcilers: VecDeque<Arc<Process>>,
    /// Calls of upsert and of runs that are under way, and how many of them are of runs.
    upserting: usize,
    reconciling: usize,
    /// How the values of people were seen, one after another: by tenant, person and attribute.
    values: BTreeMap<(usize, String, String), Vec<Value>>,
    /// People of whom a value has come back.
    pub went_back: BTreeSet<(usize, usize)>,
    processes: u32,
    read: usize,
    deliveries: u64,
    versions: usize,
    /// How often upsert was told of each event.
    pub told: BTreeMap<String, u32>,
    ends: Duration,
    /// How many people were judged, and about how many of them a call had no clear answer.
    pub judged: (usize, usize),
}

impl<'p> Run<'p> {
    async fn set_up(plan: &'p Plan) -> Result<Self> {
        let time = Time::begin();
        let clock = Skewed { time, skew: SignedDuration::ZERO };
        let database = dynoxide::Database::memory_with_clock(Arc::new(clock))?;
        dynamo::create_table(&database, TABLE)?;
        let ids = crate::world::SeededIds::new(plan.seed ^ 3);
        let orgs = TENANTS.iter().enumerate().map(|(tenant, id)| {
            let seed = seed(tenant, plan);
            OrgAt::new(time, id, seed, plan.org_skew(tenant), plan.seed ^ tenant as u64)
        });
        let world = World {
            time,
            database,
            secrets: SecretsManager::memory(Arc::new(clock), ids),
            orgs: orgs.collect::<Result<_>>()?,
            state: State::new(Rng::with_seed(plan.seed ^ 7)).into(),
        };
        let world = Arc::new(world);
        if !plan.index_lag().is_zero() {
            let replica = dynoxide::Database::memory_with_clock(Arc::new(clock))?;
            dynamo::create_table(&replica, TABLE)?;
            world.state().shadow.lag_behind(replica);
        }
        let bystander = Process::start(&world, 0);
        let mut keys = Vec::new();
        for (tenant, org) in world.orgs.iter().enumerate() {
            admin::set_up(&world, &bystander, org, &document(tenant, 0, plan), &client_secret(org.tenant)).await?;
            keys.extend(configure::webhook_keys(bystander.ports(), &org.tenant.parse()?).await?.into_iter().next());
        }
        ensure!(keys.len() == TENANTS.len(), "Each source must have a key.");
        world.state().platform.keys = keys.iter().map(|key| key.expose_secret().to_owned()).collect();
        world.state().shadow.page = plan.page();
        // The history begins once everything stands, and the orgs' queries find what is there.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let begins = time.passed();
        let mut run = Self {
            plan,
            world,
            bystander,
            deeds: Deeds::default(),
            accepted: BTreeMap::new(),
            configured: BTreeMap::new(),
            keys,
            jobs: BTreeMap::new(),
            next_job: 0,
            calls: FuturesUnordered::new(),
            intakes: VecDeque::new(),
            upserts: VecDeque::new(),
            reconcilers: VecDeque::new(),
            upserting: 0,
            reconciling: 0,
            values: BTreeMap::new(),
            went_back: BTreeSet::new(),
            processes: 0,
            read: 0,
            deliveries: 0,
            versions: 0,
            told: BTreeMap::new(),
            ends: begins + SPAN + Duration::from_secs(60),
            judged: (0, 0),
        };
        for act in &plan.history.acts {
            run.schedule(begins + act.at, Job::Act(act.what.clone()));
        }
        run.schedule(begins, Job::Poll);
        run.schedule(begins, Job::Sweep);
        if let Some(runs) = &plan.runs {
            run.schedule(begins + runs.every, Job::Reconcile);
        }
        Ok(run)
    }

    /// The events that were accepted, by time of occurrence for each person, and when each was.
    pub fn accepted(&self) -> impl Iterator<Item = (&'p Said, Duration)> {
        let said = &self.plan.history.said;
        self.accepted.iter().map(move |(n, at)| (&said[*n], *at))
    }

    /// Since when a tenant's document has had this change; `None` where it never did.
    #[must_use]
    pub fn changed(&self, tenant: usize, change: Change) -> Option<Duration> {
        self.configured.get(&tenant).copied().filter(|_| self.plan.changes[tenant] == change)
    }

    /// Whether what came then was surely worked under a document of that time: who was at work when it was applied went on by the former.
    #[must_use]
    pub fn is_surely_under(since: Duration, came: Duration) -> bool {
        came > since + calls::TIMEOUT
    }

    /// Notes that a promise was not kept.
    pub fn wrong(&self, promise: Promise, what: String) {
        self.world.state().violations.push(Violation { promise, what });
    }

    fn schedule(&mut self, at: Duration, job: Job) {
        self.jobs.insert((at, self.next_job), job);
        self.next_job += 1;
    }

    /// The history, under fire.
    async fn fire(&mut self) -> Result<()> {
        {
            let mut state = self.world.state();
            state.rates = self.plan.rates.clone();
            state.shadow.index_lag = self.plan.index_lag();
            state.shadow.secret_lag = self.plan.secret_lag();
        }
        for org in &self.world.orgs {
            org.light(&self.plan.rates);
        }
        if let Some((tenant, person)) = self.plan.stuck() {
            self.world.orgs[tenant].lock(&format!("{}-{person}x", TENANTS[tenant]));
        }
        self.work().await
    }

    /// Works everything that is scheduled, and all that follows from it.
    async fn work(&mut self) -> Result<()> {
        loop {
            let next = self.jobs.first_key_value().map(|(key, _)| *key);
            if next.is_none() && self.calls.is_empty() {
                return Ok(());
            }
            let wait = next.map_or(Duration::MAX, |(at, _)| at.saturating_sub(self.world.time.passed()));
            tokio::select! {
                biased;
                Some(done) = self.calls.next(), if !self.calls.is_empty() => {
                    let run = matches!(done, Done::Reconcile { .. });
                    self.done(done);
                    if run {
                        self.watch()?;
                    }
                }
                () = tokio::time::sleep(wait), if next.is_some() => {
                    if let Some(job) = next.and_then(|key| self.jobs.remove(&key)) {
                        self.start(job).await?;
                    }
                }
            }
        }
    }

    async fn start(&mut self, job: Job) -> Result<()> {
        let now = self.world.time.passed();
        match job {
            Job::Act(What::Deliver { tenant, events }) => self.deliver(tenant, events, 0)?,
            Job::Deliver { tenant, events, tries } => self.deliver(tenant, events, tries)?,
            Job::Act(What::Configure(tenant)) => {
                self.versions += 1;
                let applied = configure::apply(self.bystander.ports(), &document(tenant, self.versions, self.plan)).await;
                // What the org does not have is refused.
                if applied.is_ok() {
                    self.configured.insert(tenant, now);
                    let overrules = self.plan.changes[tenant] == Change::Overrule;
                    self.world.state().overruled.extend(overrules.then(|| TENANTS[tenant].to_owned()));
                }
                self.world.note(format_args!("a document of {} is applied: {}", TENANTS[tenant], applied.is_ok()));
            }
            Job::Act(What::Reconnect(tenant)) => self.reconnect(tenant).await?,
            Job::Act(what) => self.act(&what, self.upserting > 0),
            Job::Batch { records, tries } => self.upsert(json!({"Records": records}), Some((records, tries))),
            Job::Poll => {
                self.poll(now);
                if now < self.ends {
                    self.schedule(now + Duration::from_secs(1), Job::Poll);
                }
            }
            Job::Reconcile => {
                self.make_due().await?;
                self.reconcile();
                let every = self.plan.runs.as_ref().map(|runs| runs.every);
                if let Some(every) = every.filter(|_| now < self.ends + RUNS_GO_ON) {
                    self.schedule(now + every, Job::Reconcile);
                }
            }
            Job::Sweep => {
                self.upsert(json!({"sweep": {}}), None);
                if now < self.ends {
                    self.schedule(now + Duration::from_secs(60), Job::Sweep);
                }
            }
        }
        Ok(())
    }

    /// Somebody does something in an org, after whatever was done in the middle of calls.
    fn act(&mut self, what: &What, contended: bool) {
        self.overhear();
        colleague::act(&self.world, what, contended, &mut self.deeds);
    }

    /// Takes down what was edited in the middle of calls.
    fn overhear(&mut self) {
        let edits = std::mem::take(&mut self.world.state().meanwhile);
        for (who, field, edit) in edits {
            self.deeds.edited(who, field, edit);
        }
    }

    async fn reconnect(&mut self, tenant: usize) -> Result<()> {
        let ports = self.bystander.ports();
        let connection: ConnectionId = TENANTS[tenant].parse()?;
        let meta = ports.table.load_meta(&connection).await?.context("the connection is gone")?;
        if meta.status == Status::Broken {
            if !self.world.grant_may_be_gone(TENANTS[tenant]) {
                self.wrong(Promise::GrantKept, format!("{connection} is broken, and its org has not taken the grant back"));
            }
            self.connect(tenant);
        }
        Ok(())
    }

    /// Everything works again, everybody delivers what was not accepted, and sweeps go on until nothing is under way. Answers
    /// how many it took.
    async fn heal(&mut self) -> Result<usize> {
        self.world.note("healed");
        {
            let mut state = self.world.state();
            state.rates = Rates::none();
            state.shadow.index_lag = Duration::ZERO;
            state.shadow.secret_lag = Duration::ZERO;
            state.shadow.page = None;
        }
        for tenant in 0..TENANTS.len() {
            for (fault, fired) in self.world.orgs[tenant].heal() {
                self.world.state().counts.add(fault, fired);
            }
            for what in [What::Commit(tenant), What::Show(tenant), What::Mend(tenant)] {
                self.act(&what, false);
            }
        }
        self.work().await?;
        self.overhear();
        for sweep in 1..=QUICK_SWEEPS + SLOW_SWEEPS {
            let wait = if sweep <= QUICK_SWEEPS { 61 } else { 3_600 };
            tokio::time::sleep(Duration::from_secs(wait)).await;
            for (tenant, id) in TENANTS.iter().enumerate() {
                self.reconnect(tenant).await?;
                // What Salesforce refused for a reason that nobody knows waits until somebody sets it going.
                problems::resume(self.bystander.ports(), &id.parse()?, Some(UNKNOWN)).await?;
            }
            self.work().await?;
            self.upsert(json!({"sweep": {}}), None);
            self.work().await?;
            let all = self.stored()?;
            let under_way = |event: &StoredEvent| matches!(event.status.as_str(), "open" | "retry");
            if all.iter().all(|(said, event)| !under_way(event) && (event.status != "parked" || judge::may_be_parked(self, *said))) {
                return Ok(sweep);
            }
        }
        Ok(QUICK_SWEEPS + SLOW_SWEEPS)
    }

    /// The events in the table, by their positions in the history.
    pub fn stored(&self) -> Result<Vec<(usize, StoredEvent)>> {
        let all = self.plan.history.said.iter().enumerate();
        let said: BTreeMap<String, usize> = all.map(|(n, said)| (format!("CONN#{}#EVENT#{}", TENANTS[said.tenant], said.id), n)).collect();
        let items = items::all(&self.world)?.into_iter().filter(|item| items::key(item).1 == "EVENT");
        let mut stored = Vec::new();
        for item in items {
            match said.get(items::key(&item).0) {
                Some(said) => stored.push((*said, serde_json::from_value(Value::Object(item))?)),
                None => self.wrong(Promise::NothingLost, format!("nobody has sent the event {}", items::key(&item).0)),
            }
        }
        stored.sort_by_key(|(said, _)| *said);
        Ok(stored)
    }

    /// Ninety-one days pass. Answers what has outlived its time.
    async fn grow_old(&self) -> Result<Vec<Item>> {
        tokio::time::sleep(Duration::from_secs(91 * 86_400)).await;
        let now = self.world.time.now(SignedDuration::ZERO).as_second();
        let mut outlived = items::all(&self.world)?;
        outlived.retain(|item| item.get("ttl").and_then(Value::as_i64).is_some_and(|ttl| ttl < now));
        Ok(outlived)
    }

    /// Ninety-one days pass, and what has outlived its time is removed. Answers how many items that are.
    pub async fn expire(&mut self) -> Result<usize> {
        let outlived = self.grow_old().await?;
        for (pk, sk) in outlived.iter().map(items::key) {
            let request = json!({"TableName": TABLE, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}});
            self.world.database.delete_item(serde_json::from_value(request)?)?;
        }
        Ok(outlived.len())
    }

    /// Ninety-one days pass, and nothing that has outlived its time is removed.
    pub async fn expire_late(&mut self) -> Result<()> {
        let events = self.grow_old().await?.iter().filter(|item| items::key(item).1 == "EVENT").count();
        self.world.state().counts.add(Fault::LateTtl, events as u64);
        Ok(())
    }

    /// Everything once more, with nothing going wrong.
    pub async fn quiet(&mut self) -> Result<()> {
        let mut tenants: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for said in self.accepted.keys() {
            tenants.entry(self.plan.history.said[*said].tenant).or_default().push(*said);
        }
        for (tenant, events) in tenants {
            self.deliver(tenant, events, 0)?;
        }
        self.work().await?;
        let stream = self.world.state().shadow.stream.clone();
        let records: Vec<Value> = stream.iter().enumerate().map(|(n, key)| record(n, key)).collect();
        self.upsert(json!({"Records": records}), None);
        self.work().await?;
        self.rest().await
    }

    /// Some minutes and an hour pass, in which nothing is said.
    pub async fn rest(&mut self) -> Result<()> {
        for _ in 0..3 {
            self.sweep().await?;
        }
        if self.plan.runs.is_some() {
            tokio::time::sleep(HOUR).await;
            self.reconcile();
            self.work().await?;
        }
        Ok(())
    }

    /// A minute passes, and its sweep.
    async fn sweep(&mut self) -> Result<()> {
        tokio::time::sleep(Duration::from_secs(61)).await;
        self.upsert(json!({"sweep": {}}), None);
        self.work().await
    }

    fn report(self, sweeps: usize) -> Report {
        let counters = || self.world.orgs.iter().map(|org| org.sim.control().counters());
        let mut state = self.world.state();
        Report {
            seed: self.plan.seed,
            rates: self.plan.rates.clone(),
            violations: std::mem::take(&mut state.violations),
            counts: state.counts.clone(),
            trace: std::mem::take(&mut state.trace),
            events: self.accepted.len(),
            calls: counters().map(|counters| counters.api_calls).sum(),
            jobs: counters().filter_map(|counters| counters.api_calls_by_route.get("bulk.query").copied()).sum(),
            sweeps,
            people: self.judged.0,
            doubted: self.judged.1,
        }
    }
}
