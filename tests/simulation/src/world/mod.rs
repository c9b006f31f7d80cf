//! The surroundings of the functions, in one process: time, chance, AWS, the orgs. All of it is driven by one seed.
//!
//! Whatever a function does goes through a port, and every port asks [`World::point`] first: there the function may die, and time
//! passes, so that others get their turn.

pub mod aws;
pub mod org;
pub mod platform;
pub mod process;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dynoxide::Database;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use passerelle_core::ports::Mail;
use passerelle_local::secrets::SecretsManager;
use serde_json::Value;
use tokio::time::Instant;

pub use self::watch::By;
use self::{
    aws::Shadow,
    org::OrgAt,
    platform::Platform,
    process::Life,
    watch::{Place, Replaced, Seen},
};
use crate::{
    colleague::Edited,
    fault::{Counts, Fault, Rates},
    report::{Promise, Violation},
};

/// A person: the positions of their tenant and of themselves.
pub type Who = (usize, usize);

/// The time at which every run begins.
pub const EPOCH: Timestamp = Timestamp::constant(1_788_249_600, 0);

/// Time as the runtime has it: it moves on when nobody has anything to do.
#[derive(Debug, Clone, Copy)]
pub struct Time(Instant);

impl Time {
    /// Begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// How long the run has lasted.
    #[must_use]
    pub fn passed(self) -> Duration {
        self.0.elapsed()
    }

    /// The moment, on a clock that differs by `skew`.
    #[must_use]
    pub fn now(self, skew: SignedDuration) -> Timestamp {
        let passed = SignedDuration::try_from(self.passed()).unwrap_or(SignedDuration::MAX);
        EPOCH.saturating_add(passed + skew).unwrap_or(EPOCH)
    }
}

/// Everything around the functions.
pub struct World {
    /// Time.
    pub time: Time,
    /// The database behind DynamoDB.
    pub database: Database,
    /// Secrets Manager.
    pub secrets: SecretsManager,
    /// The orgs, one per tenant.
    pub orgs: Vec<OrgAt>,
    /// What changes.
    pub state: Mutex<State>,
}

/// What changes while a run goes on.
pub struct State {
    /// The run's chance.
    pub rng: Rng,
    /// How often faults strike.
    pub rates: Rates,
    /// How often they struck.
    pub counts: Counts,
    /// What happened, line by line.
    pub trace: Vec<String>,
    /// What AWS is known to have, for lags.
    pub shadow: Shadow,
    /// What the tenants' platform has heard.
    pub platform: Platform,
    /// What was handed to the mail service.
    pub mails: Vec<Mail>,
    /// Texts that functions have answered.
    pub answers: Vec<String>,
    /// Every secret that was ever stored or handed out.
    pub secrets: BTreeSet<String>,
    /// Tenants and processes that have asked for tokens and not stored them yet, with the access token where it was answered.
    unstored: BTreeMap<(String, String), Option<String>>,
    /// Tenants whose org has taken its grant back since it was connected.
    pub revoked: BTreeSet<String>,
    /// Calls per tenant that were left without an answer, and processes that have ended in the middle of their work.
    pub cut: BTreeMap<String, u32>,
    /// Whose records processes have written in the call that they are at.
    wrote: BTreeSet<(u32, Who)>,
    /// Whose records have a write that nobody noted.
    unnoted: BTreeSet<Who>,
    /// About whom a call had no clear answer, whether or not the org has written.
    doubted: BTreeSet<Who>,
    /// Calls of the API that a process has made to a tenant's org and not added to the day's.
    uncounted: BTreeMap<(u32, &'static str), u64>,
    /// Calls that nobody will add any more.
    lost_calls: BTreeMap<&'static str, u64>,
    /// Tenants whose titles are the platform's by now.
    pub overruled: BTreeSet<String>,
    /// How each record was seen last.
    seen: BTreeMap<String, Seen>,
    /// What each field of a record has had, one after another.
    had: BTreeMap<Place, Vec<String>>,
    /// What we have replaced and not put back yet.
    replaced: BTreeMap<Place, Replaced>,
    /// What was edited in the middle of calls.
    pub meanwhile: Vec<(Who, &'static str, Edited)>,
    /// When that was done last to whose record.
    interfered: BTreeMap<Who, Duration>,
    /// Calls of each tenant's org that it has counted, by day, and how many there were with the last look.
    days: BTreeMap<(&'static str, Date), u64>,
    counted: BTreeMap<&'static str, u64>,
    /// What was seen to go wrong while it did.
    pub violations: Vec<Violation>,
}

impl State {
    /// At the beginning of a run, with nothing going wrong.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            rates: Rates::none(),
            counts: Counts::default(),
            trace: Vec::new(),
            shadow: Shadow::default(),
            platform: Platform::default(),
            mails: Vec::new(),
            answers: Vec::new(),
            secrets: BTreeSet::new(),
            unstored: BTreeMap::new(),
            revoked: BTreeSet::new(),
            cut: BTreeMap::new(),
            wrote: BTreeSet::new(),
            unnoted: BTreeSet::new(),
            doubted: BTreeSet::new(),
            uncounted: BTreeMap::new(),
            lost_calls: BTreeMap::new(),
            overruled: BTreeSet::new(),
            seen: BTreeMap::new(),
            had: BTreeMap::new(),
            replaced: BTreeMap::new(),
            meanwhile: Vec::new(),
            interfered: BTreeMap::new(),
            days: BTreeMap::new(),
            counted: BTreeMap::new(),
            violations: Vec::new(),
        }
    }
}

impl World {
    /// Locks what changes.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a fault is to strike here. Whoever asks counts it, once it has an effect.
    pub fn draws(&self, fault: Fault) -> bool {
        let mut state = self.state();
        let rate = state.rates.of(fault);
        rate > 0.0 && state.rng.f64() < rate
    }

    /// Whether a fault strikes here. Counted where it does.
    pub fn strikes(&self, fault: Fault) -> bool {
        let strikes = self.draws(fault);
        self.state().counts.add(fault, u64::from(strikes));
        strikes
    }

    /// Whether a fault strikes a process. Bystanders are spared.
    pub fn strikes_at(&self, life: &Life, fault: Fault) -> bool {
        !life.is_spared() && self.strikes(fault)
    }

    /// A chance of the run, not of a fault.
    pub fn chance<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.state().rng)
    }

    /// Counts a fault that was noticed rather than made.
    pub fn count(&self, fault: Fault) {
        self.state().counts.add(fault, 1);
    }

    /// A process writes the records of these people.
    fn writes(&self, people: &[Who], life: &Life) {
        self.state().wrote.extend(people.iter().map(|who| (life.number(), *who)));
    }

    /// A process has called a tenant's API.
    fn calls(&self, org: &OrgAt, life: &Life) {
        *self.state().uncounted.entry((life.number(), org.tenant)).or_default() += 1;
    }

    /// A process has added calls to those of a tenant's day.
    fn counted(&self, tenant: &str, life: &Life, calls: u64) {
        let mut state = self.state();
        let of = state.uncounted.iter_mut().filter(|((process, of), _)| *process == life.number() && *of == tenant);
        of.for_each(|(_, uncounted)| *uncounted = uncounted.saturating_sub(calls));
    }

    /// Adds what an org has counted since the last look to the day.
    fn date_calls(&self, org: &OrgAt) {
        let (day, calls) = (self.time.now(SignedDuration::ZERO).to_zoned(TimeZone::UTC).date(), org.sim.control().counters().api_calls);
        let mut state = self.state();
        let before = state.counted.insert(org.tenant, calls).unwrap_or_default();
        *state.days.entry((org.tenant, day)).or_default() += calls - before;
    }

    /// The calls of each tenant's org, by day.
    #[must_use]
    pub fn days(&self) -> Vec<(&'static str, Date, u64)> {
        self.state().days.iter().map(|((tenant, day), calls)| (*tenant, *day, *calls)).collect()
    }

    /// How many calls of a tenant nobody has added to the day's: their process died, failed or connected the org.
    #[must_use]
    pub fn uncounted(&self, tenant: &str) -> u64 {
        let state = self.state();
        let open: u64 = state.uncounted.iter().filter(|((_, of), _)| *of == tenant).map(|(_, calls)| calls).sum();
        open + state.lost_calls.get(tenant).copied().unwrap_or_default()
    }

    /// Whether a person's record has a write that nobody noted.
    #[must_use]
    pub fn is_unnoted(&self, who: Who) -> bool {
        self.state().unnoted.contains(&who)
    }

    /// Whether a call about a person had no clear answer, or their record has a write that nobody noted.
    #[must_use]
    pub fn is_doubted(&self, who: Who) -> bool {
        self.state().doubted.contains(&who) || self.is_unnoted(who)
    }

    /// A process is at the end of its call. Where it failed, what it has written is noted by nobody.
    pub fn ended(&self, life: &Life, failed: bool) {
        let mut state = self.state();
        let (its, others): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(&mut state.wrote).into_iter().partition(|(process, _)| *process == life.number());
        state.wrote = others;
        state.unnoted.extend(its.into_iter().filter(|_| failed).map(|(_, who)| who));
        // Whoever failed could not count, either, and nobody else does it for them.
        let (its, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut state.uncounted).into_iter().partition(|((process, _), _)| *process == life.number());
        state.uncounted = others;
        for ((_, tenant), calls) in its.into_iter().filter(|(_, calls)| *calls > 0) {
            *state.lost_calls.entry(tenant).or_default() += calls;
            if !failed {
                let what = format!("{life} has ended well and not counted {calls} calls of {tenant}");
                state.violations.push(Violation { promise: Promise::BudgetHeld, what });
            }
        }
    }

    /// A process asks for tokens: until it has stored them, they may be lost, and the ones before are dead. Answers whether it has not
    /// stored what it asked for before, either.
    fn grant_asked(&self, org: &OrgAt, life: &Life) -> bool {
        self.state().unstored.insert((org.tenant.to_owned(), life.to_string()), None).is_some()
    }

    /// A process has an answer to that.
    fn grant_answered(&self, org: &OrgAt, life: &Life, answer: &[u8]) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let token = answer["access_token"].as_str().map(str::to_owned);
        self.keep_secrets(&answer);
        self.state().unstored.insert((org.tenant.to_owned(), life.to_string()), token);
    }

    /// Keeps the texts of a secret, to look for them where they must not be.
    fn keep_secrets(&self, secret: &Value) {
        match secret {
            // Ids of the org and the user, addresses and a secret's shorter members are none.
            Value::String(text) if text.len() > 18 && !text.starts_with("https://") => _ = self.state().secrets.insert(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| self.keep_secrets(item)),
            Value::Object(members) => members.values().for_each(|member| self.keep_secrets(member)),
            _ => {}
        }
    }

    /// A process has stored what it knows of a tenant's grant, or there is nothing to store.
    fn grant_stored(&self, secret: &str, life: &Life) {
        let process = life.to_string();
        self.state().unstored.retain(|(tenant, asked), _| !(secret.contains(tenant.as_str()) && *asked == process));
    }

    /// Whether a new token is used before it is stored.
    fn grant_used(&self, org: &OrgAt, life: &Life, authorization: &str) {
        let mut state = self.state();
        let unstored = state.unstored.get(&(org.tenant.to_owned(), life.to_string())).and_then(Option::as_ref);
        if unstored.is_some_and(|token| authorization.ends_with(token.as_str())) {
            let what = format!("{life} uses a token of {} that it has not stored", org.tenant);
            state.violations.push(Violation { promise: Promise::GrantKept, what });
        }
    }

    /// A tenant has a new grant: what was lost of the former one matters no more.
    pub fn connected(&self, tenant: &str) {
        let mut state = self.state();
        state.revoked.remove(tenant);
        state.unstored.retain(|(asked, _), _| asked != tenant);
    }

    /// Whether a tenant's grant may be gone: it was taken back, or a token was asked for and not stored.
    #[must_use]
    pub fn grant_may_be_gone(&self, tenant: &str) -> bool {
        let state = self.state();
        state.revoked.contains(tenant) || state.unstored.keys().any(|(asked, _)| asked == tenant)
    }

    /// Writes a line of the trace.
    pub fn note(&self, line: impl fmt::Display) {
        let at = self.time.passed();
        self.state().trace.push(format!("{:>9.3} {line}", at.as_secs_f64()));
    }

    /// Time passes before a call has its effect, and the function may die.
    pub async fn before(&self, life: &Life) {
        self.pass().await;
        if self.strikes_at(life, Fault::CrashBefore) {
            self.note(format_args!("{life} dies before its call"));
            life.end().await;
        }
    }

    /// Time passes after a call has had its effect, and the function may die.
    pub async fn after(&self, life: &Life) {
        if self.strikes_at(life, Fault::CrashAfter) {
            self.note(format_args!("{life} dies after its call"));
            life.end().await;
        }
    }

    async fn pass(&self) {
        let micros = self.chance(|rng| rng.u64(500..8_000));
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

/// A clock of the world.
#[derive(Debug, Clone, Copy)]
pub struct Skewed {
    /// Time.
    pub time: Time,
    /// How much the clock differs.
    pub skew: SignedDuration,
}

impl passerelle_core::ports::Clock for Skewed {
    fn now(&self) -> Timestamp {
        self.time.now(self.skew)
    }

    fn sleep(&self, duration: Duration) -> passerelle_core::ports::BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl salesforce_sim::Clock for Skewed {
    fn now(&self) -> Timestamp {
        self.time.now(self.skew)
    }
}

impl dynoxide::storage_backend::Clock for Skewed {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.time.now(self.skew).as_second()).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.time.now(self.skew).as_duration().as_secs_f64()
    }
}

/// Ids from the run's chance: the same in every run of a seed.
#[derive(Debug)]
pub struct SeededIds(Mutex<Rng>);

impl SeededIds {
    /// Ids of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Rng::with_seed(seed))))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl passerelle_core::ports::Ids for SeededIds {
    fn fresh(&self) -> String {
        self.with(|rng| format!("{:032x}", rng.u128(..)))
    }

    fn secret_bytes(&self) -> [u8; 32] {
        self.with(|rng| std::array::from_fn(|_| rng.u8(..)))
    }
}
