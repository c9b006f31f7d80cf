//! What was asked of the simulator: counts and a bounded journal. Never tokens, bodies or field values.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Requests kept in the journal.
const JOURNAL: usize = 2000;

/// Counts since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// API calls as Salesforce counts them: authenticated data requests, a composite as one.
    pub api_calls: u64,
    /// API calls by route kind: requests that cost nothing, or were refused at the gate, are not among them.
    pub api_calls_by_route: BTreeMap<String, u64>,
    /// Requests of any kind, answered or not.
    pub requests: u64,
    /// Requests by route kind.
    pub by_route: BTreeMap<String, u64>,
    /// API calls by client name of `Sforce-Call-Options`; those without one under the empty name.
    pub by_client: BTreeMap<String, u64>,
    /// Answers by status.
    pub by_status: BTreeMap<u16, u64>,
    /// Connections closed by faults.
    pub cuts: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Not yet.
    Open,
    /// With this status.
    Answered(u16),
    /// The connection was closed before its effects were stored.
    CutBefore,
    /// The connection was closed after its effects were stored.
    CutAfter,
}

/// One request in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Running number.
    pub number: u64,
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Route kind.
    pub route: String,
    /// Client name.
    pub client: Option<String>,
    /// How it ended.
    pub ending: Ending,
}

/// Counters and journal.
#[derive(Debug, Default)]
pub struct Ledger {
    counters: Counters,
    journal: VecDeque<Entry>,
}

impl Ledger {
    /// Notes a request and numbers it.
    pub fn begin(&mut self, method: &str, path: &str, route: &str, client: Option<&str>) -> u64 {
        self.counters.requests += 1;
        *self.counters.by_route.entry(route.to_owned()).or_default() += 1;
        let number = self.counters.requests;
        if self.journal.len() >= JOURNAL {
            self.journal.pop_front();
        }
        self.journal.push_back(Entry {
            number,
            method: method.to_owned(),
            path: path.to_owned(),
            route: route.to_owned(),
            client: client.map(str::to_owned),
            ending: Ending::Open,
        });
        number
    }

    /// Notes how a request ended.
    pub fn end(&mut self, number: u64, ending: Ending) {
        match ending {
            Ending::Answered(status) => *self.counters.by_status.entry(status).or_default() += 1,
            Ending::CutBefore | Ending::CutAfter => self.counters.cuts += 1,
            Ending::Open => {}
        }
        if let Some(entry) = self.journal.iter_mut().rev().find(|entry| entry.number == number) {
            entry.ending = ending;
        }
    }

    /// The counts; those of API calls come from the org's own meter.
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// The journal, oldest first.
    pub fn journal(&self) -> Vec<Entry> {
        self.journal.iter().cloned().collect()
    }
}
