//! Makes a failing seed smaller: kinds of faults first, then acts of the history, as long as it still fails.

use anyhow::Result;

use crate::{cut::Cut, report::Report, run::run};

/// So many runs are spent on one seed.
const RUNS: usize = 250;

/// A failing plan of which nothing more can be left out, or not without more runs.
#[derive(Debug)]
pub struct Shrunk {
    /// What is left out.
    pub cut: Cut,
    /// What it shows.
    pub report: Report,
}

/// Makes a seed smaller.
///
/// # Errors
/// When the surroundings fail.
pub fn shrink(seed: u64) -> Result<Shrunk> {
    let cut = Cut::whole(seed);
    let mut smallest = Shrunk { report: run(&cut.plan())?, cut };
    let mut runs = 0;
    without_faults(&mut smallest, &mut runs)?;
    let acts = Cut::whole(seed).plan().history.acts.len();
    let mut size = acts / 2;
    while size > 0 && runs < RUNS {
        for start in (0..acts).step_by(size) {
            let mut less = smallest.cut.clone();
            less.skip.extend(start..(start + size).min(acts));
            if less != smallest.cut && runs < RUNS {
                try_smaller(&mut smallest, less, &mut runs)?;
            }
        }
        size /= 2;
    }
    // A shorter history may need fewer of them.
    without_faults(&mut smallest, &mut runs)?;
    Ok(smallest)
}

fn without_faults(smallest: &mut Shrunk, runs: &mut usize) -> Result<()> {
    let striking: Vec<_> = smallest.cut.plan().rates.striking().map(|(fault, _)| fault).collect();
    for fault in striking {
        let mut less = smallest.cut.clone();
        less.without.insert(fault);
        try_smaller(smallest, less, runs)?;
    }
    Ok(())
}

fn try_smaller(smallest: &mut Shrunk, cut: Cut, runs: &mut usize) -> Result<()> {
    *runs += 1;
    let report = run(&cut.plan())?;
    // Another failure is another story.
    let same = smallest.report.violations.first().is_some_and(|first| report.violations.iter().any(|found| found.promise == first.promise));
    if same {
        *smallest = Shrunk { cut, report };
    }
    Ok(())
}
