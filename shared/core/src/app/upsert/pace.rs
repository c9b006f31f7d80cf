//! How many records one call writes, and how many of them the org is given together: as many as it takes in good time. Pure.
//!
//! A call's records go in lists of one object each, and what an org's automation does, it does for a list at once. So there is a
//! gauge for calls, of which one that is slow, or that nobody answers, was too big; and one for each object's lists, of which one
//! that fails as a whole was too long.

use jiff::SignedDuration;

use crate::{
    adapters::salesforce::{collections::MAX_WRITTEN, composite::MAX_QUERIES_AND_COLLECTIONS},
    domain::ids::ObjectName,
};

/// A call that took no longer may be followed by a bigger one.
const QUICK: SignedDuration = SignedDuration::from_secs(8);
/// A call that took longer was too big. A call is given up after 30 seconds.
const SLOW: SignedDuration = SignedDuration::from_secs(20);
/// So few records are not to blame for a failure: something else is wrong, at least for the first time.
pub(super) const FEW: usize = 25;
/// So many calls must go well at the size below a failure, before the bigger size is tried again.
const CALLS_PATIENCE: u8 = 16;
/// So many lists; a call may carry five.
const LISTS_PATIENCE: u8 = 64;

/// The objects whose lists have a gauge each; all others share one more.
const OBJECTS: [&str; 6] = ["Account", "Lead", "Contact", "CampaignMember", "Event", "Task"];

/// A connection's pace. It begins with the most, since every call counts against the org's daily limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    call: Gauge,
    lists: [Gauge; OBJECTS.len() + 1],
}

impl Default for Pace {
    fn default() -> Self {
        let call = Gauge::new(MAX_WRITTEN * MAX_QUERIES_AND_COLLECTIONS, CALLS_PATIENCE);
        Self { call, lists: [Gauge::new(MAX_WRITTEN, LISTS_PATIENCE); OBJECTS.len() + 1] }
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

/// How a list of records ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Together {
    /// The org took it.
    Went,
    /// It was refused as a whole, by what the org does of its own accord.
    Overwhelmed,
}

impl Pace {
    /// Most records of the next call.
    pub fn records(self) -> usize {
        self.call.now
    }

    /// Most records of an object in each of its lists.
    pub fn together(self, object: &ObjectName) -> usize {
        self.lists.get(place(object)).map_or(MAX_WRITTEN, |gauge| gauge.now)
    }

    /// Learns from a call with so many records that took so long.
    pub fn learn(&mut self, records: usize, took: SignedDuration, ended: Ended) {
        match ended {
            Ended::Answered if took <= QUICK => self.call.went(records),
            Ended::Answered if took <= SLOW => {}
            Ended::Answered | Ended::InDoubt => self.call.failed(records),
        }
    }

    /// Learns from a list of so many records.
    pub fn learn_list(&mut self, object: &ObjectName, records: usize, ended: Together) {
        let Some(gauge) = self.lists.get_mut(place(object)) else { return };
        match ended {
            Together::Went => gauge.went(records),
            Together::Overwhelmed => gauge.failed(records),
        }
    }
}

fn place(object: &ObjectName) -> usize {
    OBJECTS.iter().position(|known| *known == object.as_str()).unwrap_or(OBJECTS.len())
}

/// A size that is halved by failures and doubled by successes, and does not soon go back to where it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gauge {
    most: usize,
    now: usize,
    /// Half of what failed last.
    ceiling: usize,
    /// How often it went well at the ceiling.
    passed: u8,
    /// How often it must, before the ceiling is raised.
    patience: u8,
}

impl Gauge {
    const fn new(most: usize, patience: u8) -> Self {
        Self { most, now: most, ceiling: most, passed: 0, patience }
    }

    /// So many were too many. A failure of few makes those to come few, but says nothing of more than that; what was sent
    /// before the last failure was learnt from, says nothing new.
    fn failed(&mut self, size: usize) {
        if size > self.now {
            return;
        }
        self.passed = 0;
        if size <= FEW && self.now > FEW {
            self.now = FEW;
            return;
        }
        self.now = (size / 2).max(1);
        if size > FEW {
            self.ceiling = self.now;
        }
    }

    /// So many went well. Fewer than might have been say nothing.
    fn went(&mut self, size: usize) {
        if size < self.now {
            return;
        }
        if self.now >= self.ceiling {
            self.passed = self.passed.saturating_add(1);
            if self.passed < self.patience {
                return;
            }
            self.passed = 0;
            self.ceiling = (self.now * 2).min(self.most);
        }
        self.now = (self.now * 2).min(self.ceiling);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: i64) -> SignedDuration {
        SignedDuration::from_secs(n)
    }

    #[test]
    fn calls_shrink_until_the_org_keeps_up() {
        let mut pace = Pace::default();
        for (name, size, took_s, ended, want) in [
            ("quick at the most", 1_000, 1, Ended::Answered, 1_000),
            ("no answer to a smaller one", 800, 30, Ended::InDoubt, 400),
            ("cut at once", 400, 0, Ended::InDoubt, 200),
            ("slow", 200, 21, Ended::Answered, 100),
            ("just right", 100, 20, Ended::Answered, 100),
            ("still just right", 100, 9, Ended::Answered, 100),
            ("quick, but small", 99, 1, Ended::Answered, 100),
            ("no answer to a few", 3, 30, Ended::InDoubt, 25),
            ("quick again", 25, 1, Ended::Answered, 50),
            ("and again", 50, 8, Ended::Answered, 100),
            ("where it failed before", 100, 1, Ended::Answered, 100),
        ] {
            pace.learn(size, seconds(took_s), ended);
            assert_eq!(pace.records(), want, "{name}");
        }
        for _ in 0..20 {
            pace.learn(pace.records(), seconds(0), Ended::InDoubt);
        }
        assert_eq!(pace.records(), 1);
    }

    #[test]
    fn what_failed_is_tried_again_after_many_successes_only() {
        let mut pace = Pace::default();
        pace.learn(200, seconds(30), Ended::InDoubt);
        let mut tried = 0;
        while pace.records() < 200 {
            pace.learn(100, seconds(1), Ended::Answered);
            tried += 1;
        }
        assert_eq!(tried, 16);
        // It failed for another reason than its size, and grows to the most again.
        let mut calls = 0;
        while pace.records() < 1_000 {
            pace.learn(pace.records(), seconds(1), Ended::Answered);
            calls += 1;
        }
        assert_eq!(calls, 48, "400, 800, 1,000");
    }

    #[test]
    fn lists_that_are_refused_as_a_whole_shrink_those_to_come_of_their_object_and_not_the_call() {
        let [lead, event] = ["Lead", "Event"].map(ObjectName::known);
        let mut pace = Pace::default();
        // Of several lists of one call, one is as good as all.
        for (sent, want) in [(200, 100), (100, 50), (100, 50), (50, 25)] {
            pace.learn_list(&lead, sent, Together::Overwhelmed);
            assert_eq!((pace.together(&lead), pace.together(&event), pace.records()), (want, 200, 1_000), "{sent}");
        }
        for _ in 0..64 {
            assert_eq!(pace.together(&lead), 25);
            pace.learn_list(&event, 200, Together::Went);
            pace.learn_list(&lead, 25, Together::Went);
        }
        assert_eq!(pace.together(&lead), 50);
    }
}
