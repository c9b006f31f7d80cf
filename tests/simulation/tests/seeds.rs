//! The seeds that run with every test: the first two hundred, and those that have failed before.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    io::Write as _,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use passerelle_simulation::{many::Total, plan::Plan, report::Report, run::run, shrink::shrink, tell};

/// Seeds that have failed, each with a line of why.
const FAILED_BEFORE: &str = include_str!("../seeds.txt");
const SEEDS: u64 = 200;
const TWICE: u64 = 50;

/// Runs each of the seeds once, on as many threads as there are cores.
fn run_all(seeds: &[u64]) -> Vec<Report> {
    let (next, threads) = (AtomicU64::new(0), std::thread::available_parallelism().map_or(2, usize::from));
    let work = || {
        let mut reports = Vec::new();
        while let Some(seed) = seeds.get(usize::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap()) {
            reports.push(run(&Plan::draw(*seed)).unwrap());
        }
        reports
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

fn failed_before() -> Vec<u64> {
    let lines = FAILED_BEFORE.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

/// Each seed's report, and how long they took. Whichever test comes first runs them.
fn reports() -> &'static (Vec<Report>, Duration) {
    static REPORTS: OnceLock<(Vec<Report>, Duration)> = OnceLock::new();
    REPORTS.get_or_init(|| {
        let began = Instant::now();
        let mut seeds: Vec<u64> = (1..=SEEDS).chain(failed_before()).collect();
        seeds.sort_unstable();
        seeds.dedup();
        (run_all(&seeds), began.elapsed())
    })
}

#[test]
fn nothing_is_lost_doubled_covered_or_undone() {
    let (reports, took) = reports();
    let mut total = Total { took: *took, ..Total::default() };
    reports.iter().for_each(|report| total.add(report));
    // Past the test harness, which shows what a test prints only where it fails.
    _ = writeln!(std::io::stderr(), "{}", tell::totals(&total));
    if let Some(first) = total.failed.first() {
        panic!("these seeds fail: {:?}; the first one, made smaller:\n{}", total.failed, tell::shrunk(&shrink(*first).unwrap(), None));
    }
    assert!(total.counts.never().is_empty(), "never struck: {:?}", total.counts.never());
    assert!(total.jobs > 0, "no run was listed by a job");
}

#[test]
fn a_seed_always_has_the_same_trace() {
    let (first, _) = reports();
    let again = run_all(&(1..=TWICE).collect::<Vec<u64>>());
    assert_eq!(again.len() as u64, TWICE);
    for other in &again {
        let one = first.iter().find(|one| one.seed == other.seed).unwrap();
        let differs = one.trace.iter().zip(&other.trace).find(|(one, other)| one != other);
        assert!(differs.is_none() && one == other, "seed {} differs at {differs:?}", one.seed);
    }
}
