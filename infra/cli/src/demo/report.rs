//! What the demonstration did, in figures that were counted: events by outcome from the table, records and calls by the org.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use anyhow::{Result, anyhow};
use passerelle_core::{
    adapters::state::events::StoredEvent,
    domain::{
        ids::EventId,
        plan::{Cause, Outcome},
    },
};
use salesforce_sim::{Sim, org::QueryScope};
use serde::Serialize;

/// The objects that are counted.
const OBJECTS: [&str; 4] = ["Lead", "Contact", "Event", "Task"];

/// What the demonstration did.
#[derive(Debug, Serialize)]
pub struct Report {
    people: usize,
    events: Events,
    api_calls: u64,
    records: BTreeMap<&'static str, usize>,
    seconds: f64,
    #[serde(skip)]
    problems: BTreeMap<String, (usize, String)>,
}

/// Events by outcome; every event received has exactly one.
#[derive(Debug, Default, Serialize)]
struct Events {
    received: usize,
    applied: usize,
    unchanged: usize,
    superseded: usize,
    parked: usize,
    retry: usize,
    dead: usize,
}

impl Report {
    /// Counts.
    pub fn gather(org: &Sim, outcomes: &BTreeMap<EventId, StoredEvent>, api_calls: u64, took: Duration) -> Result<Self> {
        let mut events = Events { received: outcomes.len(), ..Events::default() };
        let mut problems: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for event in outcomes.values() {
            let problem: Option<&Cause> = match event.outcome.as_ref() {
                Some(Outcome::Applied { .. }) => count(&mut events.applied, None),
                Some(Outcome::Unchanged { .. }) => count(&mut events.unchanged, None),
                Some(Outcome::Superseded) => count(&mut events.superseded, None),
                Some(Outcome::Parked { problem }) => count(&mut events.parked, Some(problem)),
                Some(Outcome::Retry { problem }) => count(&mut events.retry, Some(problem)),
                Some(Outcome::Dead { problem }) => count(&mut events.dead, Some(problem)),
                None => None,
            };
            if let Some(problem) = problem {
                let entry = problems.entry(problem.code.clone()).or_insert_with(|| (0, problem.message.clone()));
                entry.0 += 1;
            }
        }
        let people: BTreeSet<&String> = outcomes.values().filter_map(|event| event.person_pk.as_ref()).collect();
        let mut records = BTreeMap::new();
        for object in OBJECTS {
            let found = org.control().records(object, QueryScope::Live).map_err(|error| anyhow!("The org cannot be read: {error:?}"))?;
            records.insert(object, found.len());
        }
        Ok(Self { people: people.len(), events, api_calls, records, seconds: took.as_secs_f64(), problems })
    }
}

fn count<'c>(counter: &mut usize, problem: Option<&'c Cause>) -> Option<&'c Cause> {
    *counter += 1;
    problem
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = &self.events;
        writeln!(f, "{} events about {} people in {:.1} s and {} API calls:", events.received, self.people, self.seconds, self.api_calls)?;
        writeln!(
            f,
            "  {} applied, {} unchanged, {} superseded, {} parked, {} to be tried again, {} dead",
            events.applied, events.unchanged, events.superseded, events.parked, events.retry, events.dead
        )?;
        let records: Vec<String> = self.records.iter().map(|(object, count)| format!("{object} {count}")).collect();
        write!(f, "  in the org: {}", records.join(", "))?;
        for (code, (count, example)) in &self.problems {
            write!(f, "\n  {count} × {code}, for example: {example}")?;
        }
        Ok(())
    }
}
