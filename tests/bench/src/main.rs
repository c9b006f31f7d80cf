//! The figures that the documents quote: how long Passerelle's functions take to start, how big they are,
//! how much memory they hold.
//!
//! `cargo run --release -p passerelle-bench -- coldstart` builds the functions as they are deployed and
//! measures them; `org` measures the simulated org. Absolute times move with the machine; the ratio to the hello function, measured in the
//! same rounds, does not: judge by it.

mod binaries;
mod calls;
mod empty_account;
mod latency;
mod load;
mod org;
mod report;
mod runs;
mod runtime_api;
mod sample;
mod size;
mod stand;
mod table;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::binaries::{Built, Subject, UPSERT};

#[derive(Parser)]
#[command(version, about = "Measures Passerelle's functions.")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Time from start to ready, time of the first answer, size and memory, against a hello function.
    Coldstart {
        #[command(flatten)]
        selection: Selection,
        /// How often each function is started.
        #[arg(long, default_value = "20")]
        rounds: NonZeroU32,
    },
    /// Bytes of each binary, and of the package that is uploaded.
    Size {
        #[command(flatten)]
        selection: Selection,
    },
    /// Resident memory while waiting for the first event, and after having answered it; and the most that upsert holds while
    /// it works a batch of 200 people.
    Memory {
        #[command(flatten)]
        selection: Selection,
        /// How often each function is started.
        #[arg(long, default_value = "5")]
        rounds: NonZeroU32,
        /// Leave out the batch.
        #[arg(long)]
        without_batch: bool,
    },
    /// API calls to Salesforce per batch, by its size and what it is about. Fails where more are needed than is promised.
    Calls {
        /// The sizes of the batches, in events.
        #[arg(long, value_delimiter = ',', default_value = "1,25,100,200,1000,5000")]
        events: Vec<usize>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// API calls of hourly runs, by what happened in the hour; fails where more are needed than is promised. And the most memory that
    /// reconcile holds while a run reads many changed records.
    Runs {
        /// How many people the connection has.
        #[arg(long, value_delimiter = ',', default_value = "1000,5000")]
        people: Vec<usize>,
        /// Measure the memory, with so many changed leads; the binary is built with the release profile, unless it is in `--bin-dir`.
        #[arg(long, value_delimiter = ',')]
        memory: Vec<usize>,
        /// The directory of the binary.
        #[arg(long)]
        bin_dir: Option<PathBuf>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Time from the 202 to the record in Salesforce, of single events through the local stack with its stream.
    Latency {
        /// How many events are sent, one after the other.
        #[arg(long, default_value = "50")]
        events: NonZeroU32,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// How quick the simulated org is with many leads in it, and how much memory they take.
    Org {
        /// Leads to load before measuring; at least 2,000.
        #[arg(long, default_value = "1000000")]
        leads: usize,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct Selection {
    /// Measure the binaries in this directory, instead of building them with the release profile.
    #[arg(long)]
    bin_dir: Option<PathBuf>,
    /// Measure this function alone (upsert, console …); may be repeated. The hello function always runs.
    #[arg(long)]
    only: Vec<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

impl Selection {
    fn load(&self) -> Result<Vec<Built>> {
        binaries::locate(Subject::select(&self.only)?, self.bin_dir.as_deref())
    }
}

fn main() -> Result<ExitCode> {
    let mut kept = true;
    let (json, table) = match Cli::parse().what {
        What::Coldstart { selection, rounds } => {
            let built = selection.load()?;
            let rows = sample::measure(&built, rounds)?;
            (selection.json, report::coldstart(&rows)?)
        }
        What::Size { selection } => {
            let built = selection.load()?;
            (selection.json, report::sizes(&built)?)
        }
        What::Memory { selection, rounds, without_batch } => {
            let built = selection.load()?;
            let rows = sample::measure(&built, rounds)?;
            let upsert = built.iter().find(|built| built.subject.name == UPSERT);
            let batch = upsert.filter(|_| !without_batch).map(|upsert| load::measure(upsert, rounds)).transpose()?;
            (selection.json, report::memory(&rows, batch.as_deref())?)
        }
        What::Calls { events, json } => {
            let table;
            (table, kept) = calls::measure(&events)?;
            (json, table)
        }
        What::Runs { memory, bin_dir, json, .. } if !memory.is_empty() => {
            let built = binaries::locate(Subject::select(&["reconcile".to_owned()])?, bin_dir.as_deref())?;
            let reconcile = built.iter().find(|built| built.subject.name == "reconcile").context("There is no reconcile.")?;
            (json, runs::memory(reconcile, &memory)?)
        }
        What::Runs { people, json, .. } => {
            let table;
            (table, kept) = runs::calls(&people)?;
            (json, table)
        }
        What::Latency { events, json } => (json, latency::measure(events.get().try_into()?)?),
        What::Org { leads, json } => {
            let figures = org::measure(leads)?;
            if json {
                println!("{}", serde_json::to_string_pretty(&figures)?);
            } else {
                print!("{figures}");
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&table.rows)?);
    } else {
        print!("{table}");
    }
    // A promise that is not kept is no figure like another.
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
