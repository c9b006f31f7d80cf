//! What of the orgs' records must not happen at any time: looked for after each call, and after whatever colleagues do.

use salesforce_sim::org::QueryScope;
use serde_json::Value;

use super::{State, Who, World, org::OrgAt};
use crate::{
    document::BADGE,
    history::{address, whose},
    report::{Promise, Violation},
};

/// Fields of which each value is stated once, so that none that was replaced comes again.
const GOES_BOTH_WAYS: [&str; 4] = ["FirstName", "Title", "Phone", "Description"];

/// Those of them that we fill at most: once they have a value, it is Salesforce's.
const THEIRS: [&str; 3] = ["Title", "Phone", "Description"];

/// Fields whose values of the platform tell which statement they are of.
const STATED: [(&str, &str); 2] = [("FirstName", "first"), (BADGE, "badge")];

/// Who has been at work since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The functions.
    Us,
    /// Colleagues.
    Colleagues,
}

/// What of a record never goes back.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Which statement its last name is of.
    rank: usize,
    /// Which statements its first name and its badge are of, where they are the platform's.
    stated: [Option<usize>; STATED.len()],
    /// Which of their addresses it has.
    address: Option<usize>,
    /// Whether its person wants no e-mails.
    opted_out: bool,
}

/// A field of a record.
pub(super) type Place = (String, &'static str);

/// A value that we have replaced: an edit in the moment of a write is put back by a later call.
#[derive(Debug, Clone)]
pub(super) struct Replaced {
    who: Who,
    value: String,
    /// What is not kept if it never is; `None` where ours may be the later one.
    promise: Option<Promise>,
    what: String,
}

/// A look at a record.
struct Look {
    /// When, in seconds.
    at: f64,
    id: String,
    who: Who,
    by: By,
}

impl World {
    /// Looks whether a record has gone back to an older statement, a colleague's value was replaced, or a wish to get no e-mails undone.
    pub fn watch(&self, org: &OrgAt, by: By) {
        for object in ["Lead", "Contact"] {
            for record in org.sim.control().records(object, QueryScope::Live).unwrap_or_default() {
                let name = record["LastName"].as_str().unwrap_or_default();
                let Some((tenant, person, rank)) = whose(name) else { continue };
                let look = Look { at: self.time.passed().as_secs_f64(), id: name_of(org, &record), who: (tenant, person), by };
                let mut state = self.state();
                let overruled = state.overruled.contains(org.tenant);
                for field in GOES_BOTH_WAYS.into_iter().filter(|field| !overruled || *field != "Title") {
                    state.value(&look, field, record[field].as_str().unwrap_or_default());
                }
                let stated = STATED.map(|(field, text)| record[field].as_str()?.strip_prefix(&format!("{} {text} ", org.tenant))?.parse().ok());
                let email = record["Email"].as_str().unwrap_or_default();
                let address = [0, 1].into_iter().find(|which| address(person, *which) == email);
                state.stands(&look, Seen { rank, stated, address, opted_out: record["HasOptedOutOfEmail"] == true });
            }
        }
    }

    /// What we have replaced in records that are still there, and nobody has put back: of whom, and what.
    #[must_use]
    pub fn never_put_back(&self) -> Vec<(Who, Violation)> {
        let records = |org: &OrgAt| ["Lead", "Contact"].map(|object| org.sim.control().records(object, QueryScope::Live).unwrap_or_default());
        let live: Vec<String> = self.orgs.iter().flat_map(|org| records(org).into_iter().flatten().map(|record| name_of(org, &record))).collect();
        let state = self.state();
        let open = state.replaced.iter().filter(|((id, _), _)| live.contains(id));
        open.filter_map(|(_, replaced)| Some((replaced.who, Violation { promise: replaced.promise?, what: replaced.what.clone() }))).collect()
    }
}

fn name_of(org: &OrgAt, record: &Value) -> String {
    format!("{} {}", org.tenant, record["Id"])
}

impl State {
    /// A field has a value.
    fn value(&mut self, look: &Look, field: &'static str, value: &str) {
        let place = (look.id.clone(), field);
        let had = self.had.entry(place.clone()).or_default();
        let before = had.last().cloned().unwrap_or_default();
        if before == value {
            return;
        }
        let open = self.replaced.remove(&place);
        if open.as_ref().is_some_and(|replaced| replaced.value == value) {
            had.pop();
            return;
        }
        // After a write that nobody noted only clocks tell who was later, and they differ.
        let back = had.iter().any(|had| had == value) && !self.unnoted.contains(&look.who);
        let promise = if back { Some(Promise::NoFlipFlop) } else { THEIRS.contains(&field).then_some(Promise::NothingCovered) };
        had.push(value.to_owned());
        match open {
            // What a colleague writes over it is nobody's to put back any more.
            _ if look.by == By::Colleagues => {}
            Some(replaced) => _ = self.replaced.insert(place, replaced),
            None if back || !before.is_empty() => {
                let what = format!("at {:.3} we have replaced {field} of {}: {had:?}", look.at, look.id);
                self.replaced.insert(place, Replaced { who: look.who, value: before, promise, what });
            }
            None => {}
        }
    }

    /// A record is of certain statements.
    fn stands(&mut self, look: &Look, now: Seen) {
        let (before, at, id) = (self.seen.insert(look.id.clone(), now).unwrap_or_default(), look.at, &look.id);
        let mut wrong = Vec::new();
        if now.rank < before.rank {
            wrong.push((Promise::NothingGoesBack, format!("at {at:.3} {id} went from statement {} to {}", before.rank, now.rank)));
        }
        for ((field, _), (was, is)) in STATED.iter().zip(before.stated.into_iter().zip(now.stated)) {
            if let Some((was, is)) = was.zip(is).filter(|(was, is)| is < was) {
                wrong.push((Promise::NothingGoesBack, format!("at {at:.3} {field} of {id} went from statement {was} to {is}")));
            }
        }
        if before.address > now.address {
            wrong.push((Promise::NothingGoesBack, format!("at {at:.3} {id} has an address of before again: {:?}", now.address)));
        }
        if before.opted_out && !now.opted_out {
            wrong.push((Promise::OptOutKept, format!("at {at:.3} {id} gets e-mails again")));
        }
        self.violations.extend(wrong.into_iter().map(|(promise, what)| Violation { promise, what }));
    }
}
