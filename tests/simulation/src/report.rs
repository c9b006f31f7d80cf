//! What a run has shown.

use serde::{Deserialize, Serialize};

use crate::fault::{Counts, Rates};

/// What must hold, whatever goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// Every accepted event ends in exactly one outcome, and the ledger has it.
    NothingLost,
    /// Nobody has two records, and nothing that happened two activities.
    NothingTwice,
    /// A record has what was stated last, and what colleagues have made of it.
    NothingCovered,
    /// No field goes back to an older statement.
    NothingGoesBack,
    /// A wish to get no e-mails stands.
    OptOutKept,
    /// What has happened already changes nothing when it comes again.
    QuietAfterwards,
    /// Nothing of a tenant is in another's org.
    TenantsApart,
    /// No secret is anywhere but in the secret store.
    SecretsKept,
    /// A day costs no more calls than the document allows.
    BudgetHeld,
    /// A connection breaks only where its grant is gone, and no token is used before it is stored.
    GrantKept,
    /// What fails is tried a stated number of times.
    TriesBounded,
    /// Where values go both ways, both sides say the same in the end.
    SidesAgree,
    /// No value that was replaced comes back.
    NoFlipFlop,
    /// A few runs after everything is healed, a run changes nothing.
    RunsSettle,
    /// What a run has read is accounted for.
    RunsBalance,
    /// What was deleted is told and not made anew; what was merged or converted is followed.
    DeletionsKept,
    /// No function stops for a fault of its own.
    NothingPanics,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// What was found.
    pub what: String,
}

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How often what it drew to go wrong does.
    pub rates: Rates,
    /// What is wrong; nothing, where the run has passed.
    pub violations: Vec<Violation>,
    /// How often each fault struck.
    pub counts: Counts,
    /// What happened.
    pub trace: Vec<String>,
    /// Events that were accepted.
    pub events: usize,
    /// API calls that the orgs counted.
    pub calls: u64,
    /// Those of them that were about jobs of the Bulk API.
    pub jobs: u64,
    /// People who were judged.
    pub people: usize,
    /// Those of them about whom a call had no clear answer, so that less is wanted.
    pub doubted: usize,
    /// Sweeps until nothing was under way, after everything had been healed.
    pub sweeps: usize,
}

impl Report {
    /// Of a run that a panic has ended.
    #[must_use]
    pub fn ended_early(seed: u64, why: &str) -> Self {
        let what = format!("the run ended early: {why}");
        Self {
            seed,
            rates: Rates::none(),
            violations: vec![Violation { promise: Promise::NothingPanics, what }],
            counts: Counts::default(),
            trace: Vec::new(),
            events: 0,
            calls: 0,
            jobs: 0,
            people: 0,
            doubted: 0,
            sweeps: 0,
        }
    }
}
