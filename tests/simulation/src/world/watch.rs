//! What of the orgs' records must not happen at any time: looked for after each call.

use salesforce_sim::org::QueryScope;

use super::{World, org::OrgAt};
use crate::{
    document::BADGE,
    history::whose,
    report::{Promise, Violation},
};

/// Fields of which each value is stated once, so that none that was replaced comes again.
const GOES_BOTH_WAYS: [&str; 4] = ["FirstName", "Title", "Phone", "Description"];

/// What of a record never goes back.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Which statement its last name is of.
    rank: usize,
    /// Which statements its first name and its badge are of, where they are the platform's.
    stated: [Option<usize>; STATED.len()],
    /// Whether its person wants no e-mails.
    opted_out: bool,
}

/// Fields whose values of the platform tell which statement they are of.
const STATED: [(&str, &str); 2] = [("FirstName", "first "), (BADGE, "badge ")];

impl World {
    /// Looks whether a record has gone back to an older statement, or a wish to get no e-mails was undone.
    pub(super) fn watch(&self, org: &OrgAt) {
        for object in ["Lead", "Contact"] {
            for record in org.sim.control().records(object, QueryScope::Live).unwrap_or_default() {
                let name = record["LastName"].as_str().unwrap_or_default();
                let Some((tenant, person, rank)) = whose(name) else { continue };
                let stated = STATED.map(|(field, text)| record[field].as_str()?.strip_prefix(text)?.parse().ok());
                let now = Seen { rank, stated, opted_out: record["HasOptedOutOfEmail"] == true };
                let (mut state, id) = (self.state(), format!("{} {}", org.tenant, record["Id"]));
                let before = state.seen.insert(id.clone(), now).unwrap_or_default();
                let at = self.time.passed().as_secs_f64();
                let (unnoted, overruled) = (state.unnoted.contains(&(tenant, person)), state.overruled.contains(org.tenant));
                for field in GOES_BOTH_WAYS.into_iter().filter(|field| !overruled || *field != "Title") {
                    let value = record[field].as_str().unwrap_or_default().to_owned();
                    let place = (id.clone(), field);
                    let put_back = state.flips.remove(&place).filter(|(theirs, _)| *theirs == value);
                    let had = state.had.entry(place.clone()).or_default();
                    if let Some((_, what)) = put_back {
                        had.pop();
                        state.violations.retain(|violation| violation.what != what);
                        continue;
                    }
                    let replaced = had.last().cloned().unwrap_or_default();
                    // After a write that nobody noted only clocks tell who was later, and they differ.
                    let back = had.contains(&value) && replaced != value && !unnoted;
                    had.push(value);
                    if back {
                        let what = format!("at {at:.3} {field} of {id} went back: {had:?}");
                        state.flips.insert(place, (replaced, what.clone()));
                        state.violations.push(Violation { promise: Promise::NoFlipFlop, what });
                    }
                }
                if now.rank < before.rank {
                    let what = format!("at {at:.3} {id} went from statement {} to {}", before.rank, now.rank);
                    state.violations.push(Violation { promise: Promise::NothingGoesBack, what });
                }
                for ((field, _), (was, is)) in STATED.iter().zip(before.stated.into_iter().zip(now.stated)) {
                    if let Some((was, is)) = was.zip(is).filter(|(was, is)| is < was) {
                        let what = format!("at {at:.3} {field} of {id} went from statement {was} to {is}");
                        state.violations.push(Violation { promise: Promise::NothingGoesBack, what });
                    }
                }
                if before.opted_out && !now.opted_out {
                    let what = format!("at {at:.3} {id} gets e-mails again");
                    state.violations.push(Violation { promise: Promise::OptOutKept, what });
                }
            }
        }
    }
}
