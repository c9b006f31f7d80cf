//! A plan with parts left out: what a failing seed is made smaller by.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::{
    fault::Fault,
    history::{Act, What},
    plan::Plan,
};

/// A seed, and what of its plan is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The seed.
    pub seed: u64,
    /// Kinds of faults that do not strike.
    pub without: BTreeSet<Fault>,
    /// Acts of the history that do not happen, by their numbers.
    pub skip: BTreeSet<usize>,
}

impl Cut {
    /// The whole plan of a seed.
    #[must_use]
    pub fn whole(seed: u64) -> Self {
        Self { seed, without: BTreeSet::new(), skip: BTreeSet::new() }
    }

    /// Reads what a command line names.
    ///
    /// # Errors
    /// When a name is none of a fault's, or a range is none.
    pub fn read(seed: u64, without: &[String], skip: &str) -> Result<Self> {
        let fault =
            |name: &String| Fault::ALL.iter().copied().find(|fault| fault.name() == name).with_context(|| format!("No fault is called {name:?}."));
        Ok(Self { seed, without: without.iter().map(fault).collect::<Result<_>>()?, skip: numbers(skip)? })
    }

    /// The plan that is left.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::draw(self.seed);
        for fault in &self.without {
            plan.rates = plan.rates.without(*fault);
        }
        // What a kind of fault has put into the history goes with it.
        let made = |fault: Fault, what: &What| match fault {
            Fault::HiddenField => matches!(what, What::Hide(_) | What::Show(_)),
            Fault::Revoked => matches!(what, What::Revoke(_) | What::Reconnect(_)),
            _ => false,
        };
        let goes = |act: &Act| self.without.iter().any(|fault| made(*fault, &act.what));
        let mut number = 0..;
        // What is held open commits in any case: a transaction that never ends is none of the faults.
        let stays = |act: &Act| matches!(act.what, What::Commit(_) | What::Finish { .. });
        plan.history.acts.retain(|act| number.next().is_some_and(|number: usize| !self.skip.contains(&number) && !goes(act)) || stays(act));
        plan
    }

    /// The command that runs it again, with the bug that was planted.
    #[must_use]
    pub fn command(&self, bug: Option<&str>) -> String {
        let (features, planted) = bug.map_or_else(Default::default, |bug| (" --features planted", format!(" --bug {bug}")));
        let mut command = format!("cargo run --release -p passerelle-simulation{features} -- --replay {}{planted}", self.seed);
        for fault in &self.without {
            command += &format!(" --without {:?}", fault.name());
        }
        if !self.skip.is_empty() {
            command += &format!(" --skip {}", ranges(&self.skip));
        }
        command
    }
}

/// Numbers as `1-4,7`.
fn ranges(numbers: &BTreeSet<usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let told = ranges.iter().map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    told.collect::<Vec<_>>().join(",")
}

/// Reads `1-4,7`.
fn numbers(ranges: &str) -> Result<BTreeSet<usize>> {
    let mut numbers = BTreeSet::new();
    for range in ranges.split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.parse::<usize>().with_context(|| format!("{range:?} is no number and no range of numbers."));
        numbers.extend(number(first)?..=number(last)?);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_written() {
        for (text, list) in [("", vec![]), ("3", vec![3]), ("1-4,7", vec![1, 2, 3, 4, 7]), ("0-1,3,5-6", vec![0, 1, 3, 5, 6])] {
            let read = numbers(text).unwrap();
            assert_eq!((ranges(&read).as_str(), read.into_iter().collect::<Vec<_>>()), (text, list));
        }
        assert!(numbers("1-x").is_err());
    }
}
