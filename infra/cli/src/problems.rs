//! What waits and why, how to set it going again, and whether every event is accounted for.

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use jiff::ToSpan;
use passerelle_core::{
    app::problems::{self, Matter, Problems, Replayed},
    domain::{
        budget::day,
        ids::{ConnectionId, EventId},
    },
};
use serde_json::{Value, json};

use crate::{target::Target, verify::Tongue};

/// Options of `problems`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    /// The connection; without one, all.
    connection: Option<ConnectionId>,
    /// Print JSON, with both languages.
    #[arg(long)]
    json: bool,
    /// The language of the cures.
    #[arg(long, default_value = "en")]
    language: Tongue,
}

#[derive(Subcommand)]
enum Action {
    /// Set parked events going again.
    Resume {
        /// The connection.
        connection: ConnectionId,
        /// Only those with this code.
        #[arg(long)]
        code: Option<String>,
    },
}

/// Prints the problems, or resumes.
pub async fn run(target: &Target, options: Options) -> Result<()> {
    let world = target.world().await?;
    let ports = world.ports();
    if let Some(Action::Resume { connection, code }) = options.action {
        let resumed = problems::resume(ports, &connection, code.as_deref()).await.context(target.hint())?;
        println!("{resumed} events of {connection} go on with the next sweep.");
        return Ok(());
    }
    let connections = match options.connection {
        Some(connection) => vec![connection],
        None => ports.table.all_connections().await.context(target.hint())?,
    };
    let mut shown = Vec::new();
    for c in &connections {
        let found = problems::list(ports, c).await.context(target.hint())?;
        match options.json {
            true => shown.push(json!({"connection": c, "problems": found})),
            false => println!("{}", text(c, &found, options.language)),
        }
    }
    if options.json {
        println!("{}", Value::from(shown));
    }
    Ok(())
}

fn text(c: &ConnectionId, found: &Problems, language: Tongue) -> String {
    let nothing_stands = found.standing.is_empty() && found.certificate.is_none();
    if found.groups.is_empty() && nothing_stands && found.waits.is_none() && found.broken.is_none() {
        return format!("{c}: nothing waits for anybody.");
    }
    let mut lines = vec![format!("{c}:")];
    if let Some(broken) = &found.broken {
        lines.push(format!("  broken  {}", broken.code));
        lines.push(format!("    {}", broken.words.to(language.into())));
        lines.push(format!("    → {}", broken.cure.to(language.into())));
    }
    lines.extend(found.waits.as_ref().map(|waits| format!("  {}", waits.to(language.into()))));
    for group in &found.groups {
        let fields = if group.fields.is_empty() { String::new() } else { format!("  {}", group.fields.join(", ")) };
        let what = if group.matter == Matter::Deliveries { " deliveries to the platform" } else { "" };
        let (n, status, since) = (group.count, &group.status, group.since.strftime("%Y-%m-%d %H:%M UTC"));
        lines.push(format!("  {n} {status}{what}  {}{fields}  since {since}", group.code));
        lines.extend(group.message.as_ref().map(|message| format!("    {message}")));
        lines.extend(group.cure.as_ref().map(|cure| format!("    → {}", cure.to(language.into()))));
        lines.push(format!("    for example {}", group.examples.join(", ")));
    }
    for finding in found.standing.iter().map(|problem| &problem.finding).chain(&found.certificate) {
        lines.push(format!("  {}  {}", finding.code, finding.place));
        lines.push(format!("    {}", finding.words.to(language.into())));
        lines.push(format!("    → {}", finding.cure.to(language.into())));
    }
    if found.more {
        lines.push("  There is more than was looked at.".to_owned());
    }
    lines.join("\n")
}

/// Works an event again.
pub async fn replay(target: &Target, connection: &ConnectionId, event: &str) -> Result<()> {
    let world = target.world().await?;
    let id = EventId::parse(event)?;
    match problems::replay(world.ports(), connection, &id).await.context(target.hint())? {
        Replayed::Due => println!("{event} goes on with the next sweep. What it has done already is not done again."),
        Replayed::UnderWay => bail!("{event} has not ended yet, and goes on by itself."),
        Replayed::Unknown => bail!("{connection} has no event {event}."),
    }
    Ok(())
}

/// Prints the ledger of the last days, and fails where events are missing.
pub async fn ledger(target: &Target, connection: &ConnectionId, days: u8, as_json: bool) -> Result<()> {
    let world = target.world().await?;
    let ports = world.ports();
    let mut found = Vec::new();
    for ago in 0..i64::from(days) {
        let day = day(ports.clock.now()).saturating_sub(ago.days());
        found.push(ports.table.load_ledger(connection, day).await.context(target.hint())?);
    }
    if as_json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        println!("day         received  applied  unchanged  superseded  parked  dead  in flight  missing");
        for day in &found {
            let of = |status: &str| day.events.get(status).copied().unwrap_or_default();
            println!(
                "{}  {:>8}  {:>7}  {:>9}  {:>10}  {:>6}  {:>4}  {:>9}  {:>7}",
                day.day,
                day.received,
                of("applied"),
                of("unchanged"),
                of("superseded"),
                of("parked"),
                of("dead"),
                day.in_flight(),
                day.missing()
            );
        }
    }
    let missing: u64 = found.iter().map(passerelle_core::domain::ledger::Day::missing).sum();
    if missing > 0 {
        bail!("{connection}: {missing} events were received and are not in the table.");
    }
    Ok(())
}
