//! Many seeds, in processes of their own: one runtime and one thread each, and nothing shared.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    fault::Counts,
    plan::Plan,
    report::{Report, Violation},
    run::run,
};

/// Seeds to run.
#[derive(Debug, Clone)]
pub struct Many {
    /// The first.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// In how many processes.
    pub processes: usize,
    /// The bug that is planted.
    pub bug: Option<String>,
    /// Whether nothing more is run after the first failure.
    pub stop_at_first: bool,
}

/// What many runs have shown together.
#[derive(Debug, Clone, Default)]
pub struct Total {
    /// How many runs.
    pub runs: u64,
    /// Seeds that failed, in order.
    pub failed: Vec<u64>,
    /// What is wrong with the first of them.
    pub violations: Vec<Violation>,
    /// Accepted events.
    pub events: usize,
    /// API calls.
    pub calls: u64,
    /// Those about jobs of the Bulk API.
    pub jobs: u64,
    /// How often each fault struck.
    pub counts: Counts,
    /// People who were judged.
    pub people: usize,
    /// Those about whom a call had no clear answer.
    pub doubted: usize,
    /// How long it took.
    pub took: Duration,
}

impl Total {
    /// Adds a run.
    pub fn add(&mut self, report: &Report) {
        self.runs += 1;
        self.events += report.events;
        self.calls += report.calls;
        self.jobs += report.jobs;
        self.people += report.people;
        self.doubted += report.doubted;
        self.counts.merge(&report.counts);
        if !report.violations.is_empty() {
            if self.failed.iter().all(|failed| *failed > report.seed) {
                self.violations.clone_from(&report.violations);
            }
            self.failed.push(report.seed);
            self.failed.sort_unstable();
        }
    }
}

impl Many {
    /// Runs the seeds in this process. `told` is given a line of JSON for each. Answers whether one failed.
    ///
    /// # Errors
    /// When the surroundings fail.
    pub fn work(&self, told: &mut dyn FnMut(String)) -> Result<bool> {
        let mut failed = false;
        for seed in self.from..self.from + self.seeds {
            let report = run(&Plan::draw(seed)).with_context(|| format!("seed {seed}"))?;
            failed |= !report.violations.is_empty();
            told(serde_json::to_string(&Report { trace: Vec::new(), ..report })?);
            if failed && self.stop_at_first {
                break;
            }
        }
        Ok(failed)
    }

    /// Runs the seeds in several processes, with a bar that shows how far they are.
    ///
    /// # Errors
    /// When a process cannot be started, or ends before its work.
    pub fn run(&self) -> Result<Total> {
        let began = Instant::now();
        let (sender, reports) = mpsc::channel();
        let each = self.seeds.div_ceil(self.processes as u64).max(1);
        let mut workers = Vec::new();
        for first in (self.from..self.from + self.seeds).step_by(usize::try_from(each)?) {
            let seeds = each.min(self.from + self.seeds - first);
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--json", "--from", &first.to_string(), "--seeds", &seeds.to_string()]);
            command.args(self.bug.iter().flat_map(|bug| ["--bug", bug])).args(self.stop_at_first.then_some("--first"));
            let mut child = command.stdout(Stdio::piped()).spawn()?;
            let output = child.stdout.take().context("a process without output")?;
            let sender = sender.clone();
            let worker = workers.len();
            std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send((worker, line))));
            workers.push((child, first));
        }
        drop(sender);
        let bar = ProgressBar::new(self.seeds).with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {msg}{eta} left")?);
        let mut total = Total::default();
        for (worker, line) in reports {
            let report: Report = serde_json::from_str(&line)?;
            workers[worker].1 = report.seed + 1;
            total.add(&report);
            bar.inc(1);
            if !total.failed.is_empty() {
                bar.set_message(format!("{} failed, ", total.failed.len()));
            }
            if self.stop_at_first && !total.failed.is_empty() {
                break;
            }
        }
        bar.finish_and_clear();
        for (mut worker, next) in workers {
            let enough = self.stop_at_first && !total.failed.is_empty();
            if enough {
                let _ = worker.kill();
            }
            let status = worker.wait()?;
            // 1 says that a seed failed; anything else than that and 0 is a process that did not do its work.
            if !enough && !matches!(status.code(), Some(0 | 1)) {
                total.add(&Report::ended_early(next, &format!("the process ended with {status}")));
            }
        }
        total.took = began.elapsed();
        Ok(total)
    }
}
