//! Results in words.

use std::fmt::Write as _;

use crate::{
    cut::Cut,
    fault::Fault,
    history::{TENANTS, What},
    many::Total,
    report::{Report, Violation},
    shrink::Shrunk,
};

/// So many lines of a failing seed's end are shown.
const LINES: usize = 80;

/// What many runs have shown.
#[must_use]
pub fn totals(total: &Total) -> String {
    let seconds = total.took.as_secs_f64();
    let mut text = format!(
        "{} seeds, {} events, {} API calls ({} of them about jobs of the Bulk API) in {seconds:.1} s ({:.1} seeds a second).\n{} people were judged, about {} of whom a call had no clear answer.\n\n{:<45} {:>9}\n",
        total.runs,
        total.events,
        total.calls,
        total.jobs,
        total.runs as f64 / seconds.max(0.001),
        total.people,
        total.doubted,
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

/// One run: what its seed drew, and all that happened.
#[must_use]
pub fn whole(cut: &Cut, report: &Report) -> String {
    let trace = report.trace.join("\n");
    match report.violations.as_slice() {
        [] => drawn(cut) + &trace + "\nNothing was lost, doubled, covered or undone.",
        wrong => drawn(cut) + &trace + "\nThis is wrong:\n" + &violations(wrong),
    }
}

/// A failing seed made smaller: what is left of what it drew, the end of what happened, and how to see the rest.
#[must_use]
pub fn shrunk(shrunk: &Shrunk, bug: Option<&str>) -> String {
    let trace = &shrunk.report.trace;
    let end = trace.len().saturating_sub(LINES);
    let (why, shown) = (violations(&shrunk.report.violations), trace[end..].join("\n"));
    let before = if end > 0 { format!("({end} lines before)\n") } else { String::new() };
    format!("{}{before}{shown}\nThis is wrong:\n{why}The whole of it again: {}", drawn(&shrunk.cut), shrunk.cut.command(bug))
}

/// What a seed drew: how often what goes wrong, and what happens when.
fn drawn(cut: &Cut) -> String {
    let plan = cut.plan();
    let mut text =
        format!("Seed {}: {} events, {} acts.\nFaults, and how often they strike:\n", cut.seed, plan.history.said.len(), plan.history.acts.len());
    for (fault, rate) in plan.rates.striking().filter(|(fault, _)| fault.is_drawn()) {
        let often = if fault.is_switch() { "all the time".to_owned() } else { format!("{:.1} %", rate * 100.0) };
        let _ = writeln!(text, "  {:<45} {often:>12}", fault.name());
    }
    let _ = writeln!(
        text,
        "Keyed: {:?}. Cap: {:?}. Stuck: {:?}. Runs: {:?}. Listening: {:?}. Jobs above: {:?}.",
        plan.keyed,
        plan.cap,
        plan.stuck(),
        plan.runs,
        plan.listening(),
        each(|tenant| plan.bulk_above(tenant))
    );
    let skews = each(|tenant| plan.org_skew(tenant));
    let _ = writeln!(
        text,
        "Clocks: the orgs' {skews:?}, the platform's {}. Lags: the index {:?}, secrets {:?}; pages of {:?}.",
        plan.history.platform_skew,
        plan.index_lag(),
        plan.secret_lag(),
        plan.page()
    );
    let _ = writeln!(text, "There before: {:?}", plan.history.known);
    text += "Events:\n";
    for (n, said) in plan.history.said.iter().enumerate() {
        let _ = writeln!(
            text,
            "  {n:>3} {} of {}-{} at {}: {:?}, statement {}",
            said.id, TENANTS[said.tenant], said.person, said.stamp, said.kind, said.rank
        );
    }
    text += "Acts:\n";
    for act in plan.history.acts.iter().filter(|act| !matches!(act.what, What::Commit(_))) {
        let _ = writeln!(text, "  {:>9.3} {:?}", act.at.as_secs_f64(), act.what);
    }
    for act in plan.history.acts.iter().filter(|act| matches!(act.what, What::Configure(_))) {
        let tenant = act.what.tenant();
        let _ = writeln!(text, "  the second document of {} changes: {:?}", TENANTS[tenant], plan.changes[tenant]);
    }
    for what in &plan.last {
        let _ = writeln!(text, "  once every event has ended: {what:?}");
    }
    text
}

/// Something of each tenant.
fn each<T>(of: impl Fn(usize) -> T) -> [T; TENANTS.len()] {
    std::array::from_fn(of)
}

fn violations(wrong: &[Violation]) -> String {
    wrong.iter().fold(String::new(), |text, wrong| text + &format!("  {:?}: {}\n", wrong.promise, wrong.what))
}
