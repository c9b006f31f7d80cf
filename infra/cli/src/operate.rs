//! The commands of those who run an installation. Each says in a sentence what it did.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use passerelle_core::{
    adapters::state::connections::{Meta, Status},
    app::{
        backfill,
        configure::{self, Applied, ConfigureError},
        connect, connections, mautic,
        operator::Request,
        problems, tokens,
    },
    domain::{
        config::{self, ConfigFault, Document, Language},
        finding::Finding,
        ids::{ConnectionId, EventId},
    },
    ports::Ports,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{explain, function::Function, target::Target, verify};

/// How many explanations of a person are told.
const EXPLANATIONS: usize = 100;

/// Stores a document, and the secrets that the environment has.
pub async fn apply(target: &Target, file: &Path, as_json: bool) -> Result<()> {
    let json = read_document(file)?;
    let (world, function) = target.reach().await?;
    let looked = match configure::asks_org(world.ports(), &json).await.context(target.hint())? {
        true => Some(function.ask(&Request::Look { document: json.clone() }).await?),
        false => None,
    };
    let mut applied = configure::apply_looked(world.ports(), &json, looked).await.map_err(|error| describe(error, target))?;
    let platform_secret = std::env::var("PASSERELLE_PLATFORM_SECRET").ok().filter(|secret| !secret.is_empty()).map(SecretString::from);
    applied.warnings.extend(mautic::findings(world.ports(), &applied.connection, platform_secret.clone()).await?);
    let given_key = std::env::var("PASSERELLE_WEBHOOK_KEY").ok().filter(|key| !key.is_empty());
    // One JSON object is all that a program wants to read.
    let say = |line: String| if as_json { eprintln!("{line}") } else { println!("{line}") };
    if as_json {
        let key = applied.new_webhook_key.as_ref().filter(|_| given_key.is_none()).map(|key| key.expose_secret());
        let report = json!({"connection": applied.connection, "configuration": applied.version, "changed": applied.changed,
                            "warnings": applied.warnings, "new_webhook_key": key});
        println!("{report}");
    } else {
        let what = if applied.changed { "is stored as" } else { "has not changed; it is still" };
        applied.warnings.iter().for_each(|finding| print!("{}", verify::text(finding, Language::En)));
        println!("The configuration of {} {what} version {}.", applied.connection, applied.version);
    }
    if let Ok(secret) = std::env::var("PASSERELLE_CONSUMER_SECRET")
        && !secret.is_empty()
    {
        let stored = tokens::set_client_secret(world.ports(), &applied.connection, SecretString::from(secret)).await;
        stored.context("The consumer secret could not be stored.")?;
        say("The consumer secret is stored.".to_owned());
    }
    if let Some(secret) = platform_secret {
        let stored = configure::set_platform_secret(world.ports(), &applied.connection, &secret).await;
        stored.context("The platform's secret could not be stored.")?;
        say("The platform's secret is stored.".to_owned());
    }
    if let Some(key) = given_key {
        let stored = configure::set_webhook_key(world.ports(), &applied.connection, &SecretString::from(key)).await;
        stored.context("The webhook's key could not be stored.")?;
        say("The webhook's key is stored.".to_owned());
    } else if let Some(key) = applied.new_webhook_key.filter(|_| !as_json) {
        println!("The webhook's signing key, shown this once: {}", key.expose_secret());
    }
    Ok(())
}

/// Reads YAML or JSON.
pub fn read_document(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read.", file.display()))?;
    parse_document(&text).with_context(|| format!("{} is neither YAML nor JSON.", file.display()))
}

/// Parses YAML, of which JSON is a part.
pub fn parse_document(text: &str) -> Result<Value> {
    Ok(serde_norway::from_str(text)?)
}

/// Applies a document.
pub async fn apply_document(ports: Ports<'_>, json: &Value) -> Result<Applied, ConfigureError> {
    configure::apply(ports, json).await
}

/// Faults, each with its place on its line.
pub fn list_faults<'f>(faults: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
    let lines: Vec<String> = faults.into_iter().map(|(place, message)| format!("  {place}: {message}")).collect();
    lines.join("\n")
}

/// The faults of a document, each with its place on its line.
fn list_config_faults(faults: &[ConfigFault]) -> String {
    list_faults(faults.iter().map(|fault| (fault.place.as_str(), fault.message.as_str())))
}

/// Reads a file and validates the document in it.
pub fn load_document(file: &Path) -> Result<Document> {
    config::parse_document(&read_document(file)?).map_err(|faults| anyhow!("The configuration is not valid.\n{}", list_config_faults(&faults)))
}

fn describe(error: ConfigureError, target: &Target) -> anyhow::Error {
    match error {
        ConfigureError::Invalid(faults) => anyhow!("The configuration is not valid. Nothing was stored.\n{}", list_config_faults(&faults)),
        other @ ConfigureError::Conflict => anyhow!(other),
        other => anyhow!(other).context(target.hint()),
    }
}

/// The single-use link as text.
pub async fn connect_link(ports: Ports<'_>, connection: &ConnectionId) -> Result<String> {
    let Some(base) = &ports.settings.public_url else {
        bail!("Set PASSERELLE_PUBLIC_URL to the address of the HTTP API, as the stack's outputs tell it.");
    };
    let path = connect::issue_link(ports, connection).await?;
    Ok(format!("{base}{path}"))
}

/// Lets a connection work.
pub async fn activate(target: &Target, connection: &ConnectionId) -> Result<()> {
    let (_, function) = target.reach().await?;
    let warnings: Vec<Finding> = function.ask(&Request::Activate { connection: connection.clone() }).await?;
    warnings.iter().for_each(|finding| print!("{}", verify::text(finding, Language::En)));
    println!("{connection} is active.");
    Ok(())
}

/// Asks for the timeline to be filled.
pub async fn backfill(target: &Target, connection: &ConnectionId) -> Result<()> {
    let world = target.world().await?;
    let Some((_, document)) = configure::load_current(world.ports(), connection).await? else { bail!("There is no connection {connection}.") };
    if document.timeline_actions().next().is_none() {
        bail!("No workflow of {connection} has an activity for the timeline.");
    }
    backfill::ask(world.ports(), connection).await?;
    println!("The timeline of {connection} gets the activities of the last seven days within the next minutes, as far as its API calls allow.");
    Ok(())
}

/// Stops a connection.
pub async fn pause(target: &Target, connection: &ConnectionId) -> Result<()> {
    let world = target.world().await?;
    connections::pause(world.ports(), connection).await?;
    println!("{connection} is paused. Its events are kept and go on when it is activated.");
    Ok(())
}

/// Tells where connections stand, or what became of an event.
pub async fn status(target: &Target, connection: Option<ConnectionId>, event: Option<String>, as_json: bool) -> Result<()> {
    let (world, function) = target.reach().await?;
    let ports = world.ports();
    if let (Some(connection), Some(event)) = (&connection, &event) {
        let report = event_status(ports, connection, &EventId::parse(event)?).await?;
        println!("{}", if as_json { report.to_string() } else { explain::in_words(&report) });
        return Ok(());
    }
    let mut shown = Vec::new();
    let all = ports.table.all_connections().await.context(target.hint())?;
    for c in all.into_iter().filter(|c| connection.as_ref().is_none_or(|wanted| wanted == c)) {
        if let Some(meta) = ports.table.load_meta(&c).await? {
            shown.push(standing(ports, &function, &c, &meta).await?);
        }
    }
    if as_json {
        println!("{}", Value::from(shown));
    } else if shown.is_empty() {
        println!("There is no connection yet.");
    } else {
        for meta in shown {
            let text = |name: &str| meta.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
            println!(
                "{}  {}  {}  configuration {}",
                text("connection"),
                text("status"),
                text("name"),
                meta.get("configuration").unwrap_or(&Value::Null)
            );
            if let Some(cause) = meta.get("cause").and_then(Value::as_str) {
                println!("    Salesforce lets Passerelle in no more ({cause}); `passerelle problems` tells what cures it.");
            }
            if let Some(waits) = meta.pointer("/api_calls/words/en").and_then(Value::as_str) {
                println!("    {waits}");
            } else if let Some(at) = meta.pointer("/api_calls/runs_out").and_then(Value::as_str) {
                println!("    Going on like today, its API calls run out at {at}.");
            }
            let lists = ["lacks", "problems"].into_iter().filter_map(|name| meta.get(name)?.as_array());
            for problem in lists.flatten().chain(meta.get("certificate").filter(|found| found.is_object())) {
                let text = |path: &str| problem.pointer(path).and_then(Value::as_str).unwrap_or("-");
                println!("    {}  {}  {}\n    → {}", text("/code"), text("/place"), text("/words/en"), text("/cure/en"));
            }
        }
    }
    Ok(())
}

/// Where a connection stands, as one JSON object.
async fn standing(ports: Ports<'_>, function: &Function, c: &ConnectionId, meta: &Meta) -> Result<Value> {
    let standing = match meta.status {
        // Only one that waits to be activated is held against its org.
        Status::Ready => function.ask(&Request::Standing { connection: c.clone() }).await?,
        _ => connections::standing(ports, c, meta).await?,
    };
    let (problems, certificate) = (ports.table.load_problems(c).await?, problems::certificate(ports, c).await?);
    Ok(json!({"connection": c, "name": meta.name, "status": standing.stage, "lacks": standing.lacks, "configuration": meta.config_version,
              "organization": meta.organization, "cause": meta.cause, "problems": problems, "certificate": certificate,
              "api_calls": problems::budget(ports, c).await?}))
}

/// What became of one event, and why the record of its person is as it is.
pub async fn event_status(ports: Ports<'_>, connection: &ConnectionId, event: &EventId) -> Result<Value> {
    let found = ports.table.load_events(connection, std::slice::from_ref(event)).await?;
    let Some((id, stored)) = found.into_iter().next() else { bail!("{connection} has no event {event}.") };
    let why = ports.table.load_why(&stored, EXPLANATIONS).await?;
    let budget = if stored.is_due() { problems::budget(ports, connection).await? } else { None };
    Ok(json!({"event": id, "status": stored.status, "outcome": stored.outcome, "tries": stored.attempts,
              "received_at": stored.received_at, "due_at": stored.due_at, "waits": budget.and_then(|budget| budget.words), "why": why}))
}
