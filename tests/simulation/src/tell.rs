//! Results in words.

use std::fmt::Write as _;

use crate::{
    cut::Cut,
    fault::Fault,
    history::What,
    many::Total,
    report::{Report, Violation},
    shrink::Shrunk,
};

/// What many runs have shown.
#[must_use]
pub fn totals(total: &Total) -> String {
    let seconds = total.took.as_secs_f64();
    let mut text = format!(
        "{} seeds, {} events, {} API calls in {seconds:.1} s ({:.1} seeds a second).\n\n{:<45} {:>9}\n",
        total.runs,
        total.events,
        total.calls,
        total.runs as f64 / seconds.max(0.001),
        "fault",
        "struck"
    );
    for fault in Fault::ALL {
        let _ = writeln!(text, "{:<45} {:>9}", fault.name(), total.counts.of(*fault));
    }
    let never = total.counts.never();
    if !never.is_empty() {
        let _ = writeln!(text, "\nNever struck: {}. Run more seeds.", never.join(", "));
    }
    match total.failed.as_slice() {
        [] => text + "\nNothing was lost, doubled, covered or undone.",
        failed => {
            let _ = writeln!(text, "\n{} seeds failed: {failed:?}. The first one:", failed.len());
            text + &violations(&total.violations)
        }
    }
}

/// One run, line by line.
#[must_use]
pub fn whole(cut: &Cut, report: &Report) -> String {
    let plan = cut.plan();
    let mut text = format!("Seed {}: {} events, {} acts.\n", cut.seed, plan.history.said.len(), plan.history.acts.len());
    for (fault, rate) in plan.rates.striking() {
        let _ = writeln!(text, "  {:<45} {:>5.1} %", fault.name(), rate * 100.0);
    }
    text += &report.trace.join("\n");
    match report.violations.as_slice() {
        [] => text + "\nNothing was lost, doubled, covered or undone.",
        wrong => text + "\nThis is wrong:\n" + &violations(wrong),
    }
}

/// A failing seed made smaller.
#[must_use]
pub fn shrunk(shrunk: &Shrunk) -> String {
    let plan = shrunk.cut.plan();
    let acts = plan.history.acts.iter().filter(|act| !matches!(act.what, What::Commit(_)));
    let left: Vec<String> = acts.map(|act| format!("  {:>9.3} {:?}", act.at.as_secs_f64(), act.what)).collect();
    let faults: Vec<&str> = plan.rates.striking().map(|(fault, _)| fault.name()).collect();
    let why = violations(&shrunk.report.violations);
    format!("{why}Faults that are left: {}.\nActs that are left:\n{}\nAgain: {}", faults.join(", "), left.join("\n"), shrunk.cut.command())
}

fn violations(wrong: &[Violation]) -> String {
    wrong.iter().fold(String::new(), |text, wrong| text + &format!("  {:?}: {}\n", wrong.promise, wrong.what))
}
