//! Runs seeds: as many as wanted, two processes at a time, with what they found at the end. A seed that fails is shown with what
//! happened, made smaller, and can be run again by one command.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use passerelle_core::planted;
use passerelle_simulation::{cut::Cut, many::Many, report::Promise, shrink::shrink, tell};

/// So many seeds must have every kind of fault.
const ENOUGH: u64 = 100;

/// Runs the functions under seeded faults and judges what became of every event.
#[derive(Debug, Parser)]
#[command(name = "passerelle-simulation")]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many processes to run at a time.
    #[arg(long, default_value_t = 2)]
    processes: usize,
    /// Runs this one seed and prints all that happens.
    #[arg(long)]
    replay: Option<u64>,
    /// Of a seed that is replayed: leaves out this kind of fault. May be repeated.
    #[arg(long, requires = "replay")]
    without: Vec<String>,
    /// Of a seed that is replayed: leaves out these acts of its history, as `0-4,7`.
    #[arg(long, requires = "replay", default_value = "")]
    skip: String,
    /// Prints one line of JSON per seed instead of words.
    #[arg(long)]
    json: bool,
    /// Stops at the first seed that fails.
    #[arg(long)]
    first: bool,
    /// Lets the functions have this bug; needs a build with `--features planted`.
    #[arg(long)]
    bug: Option<String>,
    /// Lists the bugs that can be planted.
    #[arg(long)]
    bugs: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("The simulation itself failed: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.bugs {
        planted::names().iter().for_each(|bug| println!("{bug}"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(bug) = &arguments.bug
        && !planted::plant(bug)
    {
        bail!("There is no bug called {bug} in this build; --bugs lists them, and --features planted builds them in.");
    }
    if let Some(seed) = arguments.replay {
        return replay(seed, arguments);
    }
    let many = Many {
        from: arguments.from,
        seeds: arguments.seeds,
        processes: arguments.processes.max(1),
        bug: arguments.bug.clone(),
        stop_at_first: arguments.first,
    };
    if arguments.json {
        return many.work(&mut |line| println!("{line}")).map(|failed| code(!failed));
    }
    let total = many.run()?;
    println!("{}", tell::totals(&total));
    // Few seeds need not have everything; many that lack something show less than they say.
    let whole = total.runs < ENOUGH || total.counts.never().is_empty();
    let Some(first) = total.failed.first() else { return Ok(code(whole)) };
    if total.violations.iter().any(|wrong| wrong.promise == Promise::NothingPanics) {
        // Where a panic ends its process, trying smaller ones would end this one.
        println!("\nThe whole of it again: {}", Cut::whole(*first).command(arguments.bug.as_deref()));
        return Ok(ExitCode::FAILURE);
    }
    println!("\nSeed {first} is made smaller.");
    println!("{}", tell::shrunk(&shrink(*first)?, arguments.bug.as_deref()));
    Ok(ExitCode::FAILURE)
}

fn replay(seed: u64, arguments: &Arguments) -> Result<ExitCode> {
    let cut = Cut::read(seed, &arguments.without, &arguments.skip)?;
    let report = passerelle_simulation::run::run(&cut.plan())?;
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", tell::whole(&cut, &report));
    }
    Ok(code(report.violations.is_empty()))
}

fn code(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
