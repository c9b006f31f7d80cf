//! What a seed draws: the history, how often what goes wrong, and how the surroundings lag.

use std::{collections::BTreeSet, time::Duration};

use fastrand::Rng;
use jiff::SignedDuration;

use crate::{
    fault::{Fault, Rates},
    history::{Asked, History, TENANTS},
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
    /// How far an index of the table may be behind.
    pub index_lag: Duration,
    /// How far Secrets Manager may be behind.
    pub secret_lag: Duration,
    /// How much each org's clock differs.
    pub org_skews: [SignedDuration; TENANTS.len()],
    /// How long an org's queries do not find what was just made.
    pub org_lag_seconds: u32,
    /// Whether each org has the fields for our keys.
    pub keyed: [bool; TENANTS.len()],
    /// The cap of each connection's calls on a day, where the documents have one.
    pub cap: Option<u64>,
    /// How many items a page of the table has at most, where that is few.
    pub page: Option<u64>,
    /// Whose record is locked until everything is healed: tenant and person.
    pub stuck: Option<(usize, usize)>,
}

impl Plan {
    /// Draws the plan of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut rates = Rates::draw(&mut rng);
        let strikes = |fault| rates.of(fault) > 0.0;
        let asked = Asked {
            platform_skew: strikes(Fault::SkewPlatform),
            revoke: strikes(Fault::Revoked),
            hide: strikes(Fault::HiddenField),
            hold: strikes(Fault::LateCommit),
        };
        let lag = |rng: &mut Rng, fault, ms: u64| if strikes(fault) { Duration::from_millis(rng.u64(1..ms)) } else { Duration::ZERO };
        let mut plan = Self {
            seed,
            index_lag: lag(&mut rng, Fault::IndexLag, 5_000),
            secret_lag: lag(&mut rng, Fault::SecretBehind, 30_000),
            org_skews: std::array::from_fn(|_| {
                let ms = rng.i64(-300_000..=300_000);
                if strikes(Fault::SkewOrg) { SignedDuration::from_millis(ms) } else { SignedDuration::ZERO }
            }),
            org_lag_seconds: if strikes(Fault::OrgIndexLag) { rng.u32(1..30) } else { 0 },
            keyed: std::array::from_fn(|_| rng.u8(0..4) > 0),
            cap: (rng.u8(0..6) == 0).then(|| rng.u64(12..30)),
            history: History::draw(&mut rng, asked),
            rates: Rates::none(),
            page: None,
            stuck: None,
        };
        rates.draw_later(&mut rng);
        plan.page = (rates.of(Fault::ShortPage) > 0.0).then(|| rng.u64(1..4));
        plan.stuck = (rates.of(Fault::Stuck) > 0.0).then(|| rng.choice(plan.history.people())).flatten();
        Self { rates, ..plan }
    }

    /// What some kinds of faults are made by besides their rates goes with them.
    pub fn without_lags_of(&mut self, faults: &BTreeSet<Fault>) {
        let gone = |fault| faults.contains(&fault);
        if gone(Fault::IndexLag) {
            self.index_lag = Duration::ZERO;
        }
        if gone(Fault::SecretBehind) {
            self.secret_lag = Duration::ZERO;
        }
        if gone(Fault::OrgIndexLag) {
            self.org_lag_seconds = 0;
        }
        if gone(Fault::ShortPage) {
            self.page = None;
        }
        if gone(Fault::Stuck) {
            self.stuck = None;
        }
        if gone(Fault::SkewOrg) {
            self.org_skews = [SignedDuration::ZERO; TENANTS.len()];
        }
    }
}
