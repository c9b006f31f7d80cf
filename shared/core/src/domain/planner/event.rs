//! The fate of one event: what its actions come to, taken together.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    FoundActivity, Situation,
    activity::{self, Who},
    events::Live,
};
use crate::domain::{
    ids::RecordId,
    plan::{Cause, Fate, Outcome, PersonPlan, Unchanged, Write, WriteId},
};

/// What an action of an event comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Done {
    /// It is done when this write is.
    Waits(WriteId),
    /// It is done already.
    There(RecordId),
    /// There is nothing to do.
    Nothing,
    /// Later events had said all that this one says.
    Late,
}

/// What actions come to that are planned for several events together, by the event's place among those to be worked.
pub(super) type Steps = BTreeMap<usize, Vec<Result<Done, Cause>>>;

/// Plans the activities of one event and tells its fate. What stops one action stops the event's activities too: it is worked
/// again as a whole.
pub(super) fn plan_event(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    live: &Live,
    who: &Who,
    standing: &[FoundActivity],
    steps: Vec<Result<Done, Cause>>,
    writes: &mut Vec<Write>,
) -> Fate {
    let mut waits: Vec<WriteId> = who.writes().collect();
    let mut records: BTreeSet<RecordId> = live.open.done.values().copied().collect();
    let activities = activity::plan_activities(situation, plan, live, who, standing);
    let (mut parked, mut planned, mut superseded) = (None, Vec::new(), !live.news);
    match activities {
        Ok(found) => {
            records.extend(found.there);
            planned = found.writes;
        }
        Err(cause) => parked = Some(cause),
    }
    for step in steps {
        match step {
            Ok(Done::Waits(write)) => waits.push(write),
            Ok(Done::There(record)) => _ = records.insert(record),
            Ok(Done::Nothing) => {}
            Ok(Done::Late) => superseded = true,
            Err(cause) => parked = parked.or(Some(cause)),
        }
    }
    if let Some(problem) = parked {
        // What is known of the person is written all the same; the event is there again when its cause is gone.
        waits.sort();
        waits.dedup();
        return if waits.is_empty() { Fate::Settled(Outcome::Parked { problem }) } else { Fate::Blocked { waits, problem } };
    }
    for write in planned {
        writes.push(write);
        waits.push(WriteId(writes.len() - 1));
    }
    waits.sort();
    waits.dedup();
    match (waits.is_empty(), records.is_empty()) {
        (false, _) => Fate::After(waits),
        (true, false) => Fate::Settled(Outcome::Applied { records }),
        (true, true) if superseded => Fate::Settled(Outcome::Superseded),
        (true, true) => Fate::Settled(Outcome::Unchanged { because: Unchanged::SameValues }),
    }
}
