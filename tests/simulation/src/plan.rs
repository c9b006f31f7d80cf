//! What a seed draws: the history, how often what goes wrong, and how the surroundings lag.

use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;

use crate::{
    document::Change,
    fault::{Fault, Rates},
    history::{History, PEOPLE, TENANTS, What, overwrites},
};

/// Everything that a run depends on.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How often what goes wrong.
    pub rates: Rates,
    /// What happens.
    pub history: History,
    index_lag: Duration,
    secret_lag: Duration,
    org_skews: [SignedDuration; TENANTS.len()],
    org_lag_seconds: u32,
    /// Whether each org has the fields for our keys.
    pub keyed: [bool; TENANTS.len()],
    /// The cap of each connection's calls on a day, where the documents have one.
    pub cap: Option<u64>,
    page: u64,
    stuck: Option<(usize, usize)>,
    /// The runs, where any tenant has them.
    pub runs: Option<Runs>,
    /// What each tenant's administrator changes where the history has a new document.
    pub changes: [Change; TENANTS.len()],
    /// Whose platform hears of what Salesforce changes, where runs compare both sides.
    listens: [bool; TENANTS.len()],
    /// So many records a run reads before Salesforce lists the rest by jobs, where a document says so.
    bulk_above: [Option<u32>; TENANTS.len()],
    /// What colleagues do once every event has ended, and nothing but runs can see it: of each tenant whose sides are compared.
    pub last: Vec<What>,
}

/// How runs compare both sides. Their hour is a short one, so that several of them see the history.
#[derive(Debug, Clone)]
pub struct Runs {
    /// The time between two of them.
    pub every: Duration,
    /// How many records of an object they take at a time.
    pub page: usize,
    /// Who has them.
    tenants: [bool; TENANTS.len()],
}

impl Runs {
    fn draw(rng: &mut Rng) -> Self {
        let (every, page) = (Duration::from_secs(rng.u64(240..900)), rng.usize(1..5));
        let whole: usize = rng.usize(..TENANTS.len());
        Self { every, page, tenants: std::array::from_fn(|tenant| tenant == whole || rng.bool()) }
    }
}

impl Plan {
    /// Draws the plan of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut rates = Rates::draw(&mut rng);
        let lag = |rng: &mut Rng, fault, ms: u64| if rates.strikes(fault) { Duration::from_millis(rng.u64(1..ms)) } else { Duration::ZERO };
        let mut plan = Self {
            seed,
            index_lag: lag(&mut rng, Fault::IndexLag, 5_000),
            secret_lag: lag(&mut rng, Fault::SecretBehind, 30_000),
            org_skews: std::array::from_fn(|_| SignedDuration::from_millis(rng.i64(-300_000..=300_000))),
            org_lag_seconds: if rates.strikes(Fault::OrgIndexLag) { rng.u32(1..30) } else { 0 },
            keyed: std::array::from_fn(|_| rng.u8(0..4) > 0),
            cap: (rng.u8(0..6) == 0).then(|| rng.u64(12..30)),
            history: History::draw(&mut rng, &rates),
            rates: Rates::none(),
            page: 0,
            stuck: None,
            runs: None,
            changes: [Change::Nothing; TENANTS.len()],
            listens: [false; TENANTS.len()],
            bulk_above: [None; TENANTS.len()],
            last: Vec::new(),
        };
        rates.draw_later(&mut rng);
        plan.page = rng.u64(1..4);
        plan.stuck = rng.choice(plan.history.people());
        // What came later still.
        plan.runs = rng.bool().then(|| Runs::draw(&mut rng));
        for tenant in plan.reconciling() {
            plan.history.load(&mut rng, tenant);
            let person = rng.usize(..PEOPLE);
            plan.last.extend(match rng.u8(0..4) {
                0 => Some(What::Delete(tenant, person)),
                1 => Some(What::Merge(tenant, person)),
                2 => Some(What::Convert(tenant, person)),
                _ => None,
            });
        }
        rates.draw_last(&mut rng);
        for tenant in plan.reconciling() {
            plan.history.overwrite(&mut rng, tenant);
            let person = rng.usize(..PEOPLE);
            plan.last.extend(rng.bool().then_some(What::Twin(tenant, person)));
            if rng.bool() {
                let edit = overwrites(&mut rng, tenant, PEOPLE);
                let open = if let What::Edit { person, .. } = edit { Some(What::Open(tenant, person)) } else { None };
                plan.last.extend([Some(edit), open].into_iter().flatten());
            }
        }
        (0..TENANTS.len()).for_each(|tenant| plan.history.alter(&mut rng, tenant));
        plan.changes = std::array::from_fn(|_| *rng.choice(&Change::ALL).unwrap_or(&Change::Nothing));
        (0..TENANTS.len()).for_each(|tenant| plan.history.linger(&mut rng, tenant));
        plan.listens = std::array::from_fn(|_| rng.u8(0..3) > 0);
        rates.draw_platform(&mut rng);
        plan.bulk_above = std::array::from_fn(|_| rng.bool().then(|| rng.u32(1..3)));
        rates.draw_meanwhile(&mut rng);
        plan.history.acts.sort_by_key(|act| act.at);
        Self { rates, ..plan }
    }

    /// The tenants whose sides are compared by runs.
    #[must_use]
    pub fn reconciling(&self) -> Vec<usize> {
        self.runs.iter().flat_map(|runs| (0..TENANTS.len()).filter(|tenant| runs.tenants[*tenant])).collect()
    }

    /// The tenants whose platform hears of what Salesforce changes.
    #[must_use]
    pub fn listening(&self) -> Vec<usize> {
        self.reconciling().into_iter().filter(|tenant| self.listens[*tenant]).collect()
    }

    /// After so many records a tenant's runs have the rest listed by jobs.
    #[must_use]
    pub fn bulk_above(&self, tenant: usize) -> Option<u32> {
        self.bulk_above[tenant]
    }

    /// How far an index of the table may be behind.
    #[must_use]
    pub fn index_lag(&self) -> Duration {
        if self.rates.strikes(Fault::IndexLag) { self.index_lag } else { Duration::ZERO }
    }

    /// How far Secrets Manager may be behind.
    #[must_use]
    pub fn secret_lag(&self) -> Duration {
        if self.rates.strikes(Fault::SecretBehind) { self.secret_lag } else { Duration::ZERO }
    }

    /// How many items a page of the table has at most, where that is few.
    #[must_use]
    pub fn page(&self) -> Option<u64> {
        self.rates.strikes(Fault::ShortPage).then_some(self.page)
    }

    /// Whose record is locked until everything is healed: tenant and person.
    #[must_use]
    pub fn stuck(&self) -> Option<(usize, usize)> {
        self.stuck.filter(|_| self.rates.strikes(Fault::Stuck))
    }

    /// How much a tenant's org's clock differs.
    #[must_use]
    pub fn org_skew(&self, tenant: usize) -> SignedDuration {
        if self.rates.strikes(Fault::SkewOrg) { self.org_skews[tenant] } else { SignedDuration::ZERO }
    }

    /// How long a tenant's org's queries do not find what was just made. Where no record has a key, a call that was cut can double what
    /// they do not find for longer than we wait; so there it is no time at all.
    #[must_use]
    pub fn org_lag_seconds(&self, tenant: usize) -> u32 {
        if self.keyed[tenant] && self.rates.strikes(Fault::OrgIndexLag) { self.org_lag_seconds } else { 0 }
    }
}
