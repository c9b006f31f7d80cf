//! How many records one call writes: as many as the org takes in good time. Pure.

use jiff::SignedDuration;

use crate::adapters::salesforce::{collections::MAX_WRITTEN, composite::MAX_QUERIES_AND_COLLECTIONS};

/// Most records of a call.
const MOST: usize = MAX_WRITTEN * MAX_QUERIES_AND_COLLECTIONS;
/// A call that took no longer may be followed by a bigger one.
const QUICK: SignedDuration = SignedDuration::from_secs(8);
/// A call that took longer was too big. A call is given up after 30 seconds.
const SLOW: SignedDuration = SignedDuration::from_secs(20);

/// A connection's pace. It begins with the most, since every call counts against the org's daily limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace(usize);

impl Default for Pace {
    fn default() -> Self {
        Self(MOST)
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The org answered.
    Answered,
    /// Nobody knows whether it was done.
    InDoubt,
}

impl Pace {
    /// Most records of the next call.
    pub fn records(self) -> usize {
        self.0
    }

    /// The pace after a call that took so long: halved by slow ones and those without an answer, down to a single record;
    /// doubled by quick ones.
    pub fn after(self, took: SignedDuration, ended: Ended) -> Self {
        match ended {
            Ended::Answered if took <= QUICK => Self((self.0 * 2).min(MOST)),
            Ended::Answered if took <= SLOW => self,
            Ended::Answered | Ended::InDoubt => Self((self.0 / 2).max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_shrink_until_the_org_keeps_up_and_grow_again() {
        let mut pace = Pace::default();
        for (name, took_s, ended, want) in [
            ("quick at the most", 1, Ended::Answered, 1_000),
            ("no answer", 30, Ended::InDoubt, 500),
            ("cut at once", 0, Ended::InDoubt, 250),
            ("slow", 21, Ended::Answered, 125),
            ("just right", 20, Ended::Answered, 125),
            ("still just right", 9, Ended::Answered, 125),
            ("quick", 8, Ended::Answered, 250),
        ] {
            pace = pace.after(SignedDuration::from_secs(took_s), ended);
            assert_eq!(pace.records(), want, "{name}");
        }
        for _ in 0..20 {
            pace = pace.after(SignedDuration::ZERO, Ended::InDoubt);
        }
        assert_eq!(pace.records(), 1);
    }
}
