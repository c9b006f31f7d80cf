//! Synchronises everybody, a project, or the people of a file, and shows how far that is. Whoever repeats a command finds what it has done.

mod list;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use passerelle_core::{
    app::{
        operator::{Request, Stepped},
        sync::{self, Sent},
        upsert::Stopped,
    },
    domain::{
        ids::{ConnectionId, ProjectId},
        run::{Asked, Run},
    },
    ports::Ports,
};
use serde_json::json;

use self::list::List;
use crate::{function::Function, progress::Progress, runs, target::Target};

/// How long it waits for whoever else works the connection.
const PAUSE: Duration = Duration::from_secs(1);
/// How long it waits before it asks anew whether Salesforce has listed what has changed.
const LISTING: Duration = Duration::from_secs(20);
/// How often it waits for the outcomes of a part of a list.
const PATIENCE: usize = 300;

/// Options of `sync`.
#[derive(Args)]
pub struct Options {
    /// The connection.
    connection: ConnectionId,
    #[command(flatten)]
    whom: Whom,
    /// Print one JSON object, and no progress.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// Everybody whom the connection knows.
    #[arg(long)]
    all: bool,
    /// The people of this project's events.
    #[arg(long, value_name = "PROJECT")]
    project: Option<ProjectId>,
    /// The people of this file: CSV with a line of attribute names, or one JSON object in each line.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(target: &Target, options: Options) -> Result<()> {
    let list = options.whom.file.as_deref().map(List::read).transpose()?;
    let (world, function) = target.reach().await?;
    let (ports, c) = (world.ports(), &options.connection);
    match list {
        Some(list) => send(ports, &function, c, &list, options.json).await,
        None => carry(ports, &function, c, options.whom.project, options.json).await,
    }
}

/// Everybody, or a project: the steps of a run, asked for here as long as nobody else makes them.
async fn carry(ports: Ports<'_>, function: &Function, c: &ConnectionId, project: Option<ProjectId>, as_json: bool) -> Result<()> {
    let (asked, known) = sync::ask(ports, c, project).await?;
    // Whoever was changed in this very second is among them.
    tokio::time::sleep(PAUSE).await;
    let bar = Progress::beside(as_json).bar(known, "synchronising", "people");
    let run = loop {
        let step = function.ask::<Stepped>(&Request::Step { connection: c.clone() }).await;
        let step = step.context("The synchronisation goes on with the next hourly run.")?;
        if let Some(run) = step.ended.filter(|run| is(run, &asked)) {
            break run;
        }
        let cursor = ports.table.load_cursor(c).await?;
        if let Some(everybody) = cursor.run.as_ref().and_then(|run| run.everybody.as_ref()).filter(|everybody| everybody.asked == asked) {
            bar.set_position(everybody.seen);
        }
        if cursor.asked.as_ref() != Some(&asked) && !cursor.run.as_ref().is_some_and(|run| is(run, &asked)) {
            // Somebody else has made the last step.
            let runs = ports.table.load_runs(c, 10).await?;
            break runs.into_iter().rev().find(|run| is(run, &asked)).context("Somebody else has asked for another synchronisation.")?;
        }
        match step.stopped {
            None | Some(Stopped::Deadline) => {}
            Some(Stopped::Busy | Stopped::Unsettled | Stopped::LeaseLost) => tokio::time::sleep(PAUSE).await,
            Some(Stopped::Listing) => tokio::time::sleep(LISTING).await,
            Some(stopped) => bail!("{} The synchronisation goes on by itself: `passerelle runs {c}` tells how far it is.", why(stopped)),
        }
    };
    bar.finish_and_clear();
    if as_json {
        println!("{}", json!({"run": run, "balances": run.balances()}));
    } else {
        println!("{}", runs::in_words(&run));
    }
    anyhow::ensure!(run.balances(), "The run does not balance: not all that it looked at is accounted for.");
    Ok(())
}

fn is(run: &Run, asked: &Asked) -> bool {
    run.everybody.as_ref().is_some_and(|everybody| everybody.asked == *asked)
}

/// The people of a list: a thousand at a time, each time as far as the calls allow that are not kept for live events.
async fn send(ports: Ports<'_>, function: &Function, c: &ConnectionId, list: &List, as_json: bool) -> Result<()> {
    let bar = Progress::beside(as_json).bar(list.len, "synchronising", "people");
    let mut outcomes = std::collections::BTreeMap::<String, u64>::new();
    for slice in list.slices()? {
        let slice = slice?;
        if let Some(wait) = sync::waits(ports, c).await? {
            bar.abandon();
            bail!("{} Run the command again then: it goes on after row {}.", wait.sentence().en, bar.position());
        }
        sync::store(ports, c, &slice).await?;
        let events: Vec<_> = slice.iter().map(|event| event.id.clone()).collect();
        let request = Request::Work { connection: c.clone(), events: events.clone() };
        let mut tries = 0;
        loop {
            let Sent { settled, stopped } = function.ask(&request).await?;
            if settled == slice.len() {
                break;
            }
            tries += 1;
            let going_on = matches!(stopped, None | Some(Stopped::Busy | Stopped::Deadline | Stopped::Unsettled | Stopped::LeaseLost));
            if tries > PATIENCE || !going_on {
                bar.abandon();
                let left = slice.len() - settled;
                let why = stopped.map_or("", why);
                bail!("{why} {left} rows are stored and go on by themselves. Run the command again for those after row {}.", bar.position());
            }
            tokio::time::sleep(PAUSE).await;
        }
        for (_, event) in ports.table.load_events(c, &events).await? {
            *outcomes.entry(event.status).or_default() += 1;
        }
        bar.inc(slice.len() as u64);
    }
    bar.finish_and_clear();
    if as_json {
        println!("{}", json!({"rows": list.len, "outcomes": outcomes}));
        return Ok(());
    }
    let told: Vec<String> = outcomes.iter().map(|(status, count)| format!("{count} {status}")).collect();
    println!("{} people: {}.", list.len, told.join(", "));
    if outcomes.contains_key("parked") || outcomes.contains_key("dead") {
        println!("`passerelle problems {c}` tells why some wait.");
    }
    Ok(())
}

const fn why(stopped: Stopped) -> &'static str {
    match stopped {
        Stopped::NotActive => "The connection is not active any more.",
        Stopped::Budget => "The API calls that are left are kept for live events.",
        Stopped::Salesforce => "Salesforce cannot be reached, or refuses.",
        Stopped::Listing => "Salesforce is listing what has changed.",
        Stopped::Busy | Stopped::Deadline | Stopped::Unsettled | Stopped::LeaseLost => "Somebody else is at work.",
    }
}
