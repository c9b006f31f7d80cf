//! What came of it, for people. Written past the test harness, which hides the output of tests that pass.

use std::collections::BTreeMap;
use std::io::Write;

use crate::case::Strictness;
use crate::run::{Outcome, Verdict};

/// Writes a line to the terminal.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Failures and skips one by one, then a table of areas and strictness classes.
pub fn print(outcomes: &[Outcome]) {
    for outcome in outcomes {
        let (word, reason) = match &outcome.verdict {
            Verdict::Passed => continue,
            Verdict::Failed(reason) => ("FAILED ", reason),
            Verdict::Broken(reason) => ("BROKEN ", reason),
            Verdict::Skipped(reason) => ("skipped", reason),
        };
        say(&format!("{word} {} {:?} {}: {reason}", outcome.id, outcome.strict, outcome.title));
    }
    let mut table: BTreeMap<(&str, Strictness), (usize, usize, usize)> = BTreeMap::new();
    for outcome in outcomes {
        let row = table.entry((&outcome.area, outcome.strict)).or_default();
        match outcome.verdict {
            Verdict::Passed => row.0 += 1,
            Verdict::Skipped(_) => row.2 += 1,
            _ => row.1 += 1,
        }
    }
    say(&format!("{:<16} {:>6} {:>7} {:>7} {:>8}", "area", "strict", "passed", "failed", "skipped"));
    for ((area, strict), (passed, failed, skipped)) in &table {
        say(&format!("{area:<16} {:>6} {passed:>7} {failed:>7} {skipped:>8}", format!("{strict:?}")));
    }
    let sum = |pick: fn(&(usize, usize, usize)) -> usize| table.values().map(pick).sum::<usize>();
    say(&format!("{:<16} {:>6} {:>7} {:>7} {:>8}", "together", "", sum(|row| row.0), sum(|row| row.1), sum(|row| row.2)));
}
