//! The demonstration: connects the simulated org as a browser would, sends its events through the real webhook, waits until
//! every one has its outcome, and tells what is in Salesforce.

mod input;
mod report;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail};
use passerelle_core::{
    adapters::state::events::StoredEvent,
    app::{configure, connections, tokens},
    domain::ids::{ConnectionId, EventId},
};
use passerelle_local::{SalesforceTarget, Stack, StackOptions};
use salesforce_sim::Seed;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

pub use self::report::Report;
use crate::{operate, progress::Progress};

/// The demonstration's connection.
pub const CONNECTION: &str = "kayo";
/// The hook that its events arrive on.
pub const SOURCE: &str = "kayo";
/// The configuration: KAYO's preset, as it is delivered.
const PRESET: &str = include_str!("../../../presets/kayo.yaml");
/// How many events one delivery carries.
const DELIVERY: usize = 20;
/// How long the outcomes are waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// The demonstration org, whose app knows the stack's callback address.
pub fn seed(mut seed: Seed, public_url: &str) -> Seed {
    for app in &mut seed.apps {
        app.callback_urls.push(format!("{public_url}/oauth/{CONNECTION}/callback"));
    }
    seed
}

/// Starts a stack on free ports, runs the demonstration, prints the report and ends.
pub async fn run_once(as_json: bool) -> Result<()> {
    let options = StackOptions {
        gateway_port: 0,
        salesforce: SalesforceTarget::Simulated { port: 0 },
        seed: std::sync::Arc::new(|public| seed(Seed::demo(), public)),
        ..StackOptions::default()
    };
    let stack = Stack::start(options, passerelle_local::functions::wire).await?;
    let report = run(&stack, Progress::beside(as_json)).await;
    stack.shutdown().await;
    let report = report?;
    println!("{}", if as_json { serde_json::to_string(&report)? } else { report.to_string() });
    Ok(())
}

/// Runs the demonstration on a stack with the simulated org. On a stack that has seen it, the events are repetitions.
pub async fn run(stack: &Stack, progress: Progress) -> Result<Report> {
    let begun = std::time::Instant::now();
    let org = stack.org().context("The demonstration needs the simulated org.")?;
    let connection = ConnectionId::parse(CONNECTION)?;
    connect(stack, &connection).await?;
    let before = org.control().counters().api_calls;
    let ids = send(stack, &connection, &input::events()?, progress).await?;
    let outcomes = wait(stack, &connection, &ids, progress).await?;
    let api_calls = org.control().counters().api_calls.saturating_sub(before);
    Report::gather(org, &outcomes, api_calls, begun.elapsed())
}

/// Applies KAYO's preset for the simulated org, approves in the browser's stead, activates.
async fn connect(stack: &Stack, connection: &ConnectionId) -> Result<()> {
    let ports = stack.ports();
    let seed = Seed::demo();
    let (app, user) = (seed.apps.first().context("The org has no app.")?, seed.users.first().context("The org has no user.")?);
    let mut document = operate::parse_document(PRESET)?;
    let salesforce = document.get_mut("salesforce").and_then(Value::as_object_mut).context("The preset has no section salesforce.")?;
    salesforce.insert("host".to_owned(), json!({"url": stack.addresses().salesforce.login}));
    salesforce.insert("auth".to_owned(), json!({"web_server": {"client_id": app.client_id}}));
    operate::apply_document(ports, &document).await?;
    if ports.table.load_meta(connection).await?.is_some_and(|meta| meta.organization.is_some()) {
        return Ok(());
    }
    tokens::set_client_secret(ports, connection, app.secret.clone().unwrap_or_default().into()).await?;
    let link = operate::connect_link(ports, connection).await?;
    passerelle_local::browser::approve(&link, &user.username, &user.password).await?;
    connections::activate(ports, connection).await?;
    Ok(())
}

/// Sends the events as signed deliveries and answers their ids, each once.
async fn send(stack: &Stack, connection: &ConnectionId, events: &[Value], progress: Progress) -> Result<Vec<EventId>> {
    let keys = configure::webhook_keys(stack.ports(), connection).await?;
    let key = keys.first().context("The webhook has no signing key.")?;
    let url = format!("{}/v1/hooks/{SOURCE}", stack.addresses().gateway);
    let client = reqwest::Client::new();
    let bar = progress.bar(events.len() as u64, "sending", "events");
    let mut ids = Vec::new();
    for chunk in events.chunks(DELIVERY) {
        let body = json!({"events": chunk}).to_string();
        let mut request = client.post(&url).header("content-type", "application/json").body(body.clone());
        for (name, value) in sign(key, &body)? {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        if !answer.status().is_success() {
            bail!("The webhook answered {}: {}", answer.status(), answer.text().await?);
        }
        ids.extend(chunk.iter().filter_map(|event| event.get("id")?.as_str()?.parse::<EventId>().ok()));
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    ids.sort();
    ids.dedup();
    Ok(ids)
}

/// The headers that sign a body now.
pub fn sign(key: &SecretString, body: &str) -> Result<[(&'static str, String); 3]> {
    let (id, now) = (format!("msg_{}", jiff::Timestamp::now().as_nanosecond()), jiff::Timestamp::now().as_second());
    let signature = Webhook::new(key.expose_secret())?.sign(&id, now, body.as_bytes())?;
    Ok([(HEADER_WEBHOOK_ID, id), (HEADER_WEBHOOK_TIMESTAMP, now.to_string()), (HEADER_WEBHOOK_SIGNATURE, signature)])
}

/// One more event, as the body of a delivery.
pub fn one_more_event() -> String {
    input::one_more().to_string()
}

/// Waits until no event is open.
async fn wait(stack: &Stack, connection: &ConnectionId, ids: &[EventId], progress: Progress) -> Result<BTreeMap<EventId, StoredEvent>> {
    let bar = progress.bar(ids.len() as u64, "working", "events");
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let events: BTreeMap<EventId, StoredEvent> = stack.ports().table.load_events(connection, ids).await?.into_iter().collect();
        let settled = events.values().filter(|event| event.outcome.is_some()).count();
        bar.set_position(settled as u64);
        if settled == ids.len() {
            bar.finish_and_clear();
            return Ok(events);
        }
        if tokio::time::Instant::now() > end {
            bail!("{} of {} events have no outcome after {} s.", ids.len() - settled, ids.len(), PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
