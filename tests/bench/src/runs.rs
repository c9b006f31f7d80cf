//! What hourly runs cost in API calls, and how much memory their steps hold: the real function on the local stack, against the simulated org.

use anyhow::{Context, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use passerelle_core::{
    domain::{ids::ConnectionId, run::Run},
    ports::Clock,
};
use passerelle_scenarios::{Scene, settled};
use salesforce_sim::org::QueryScope;
use serde_json::{Value, json};

use crate::binaries::Built;
use crate::load::surroundings;
use crate::runtime_api::{RuntimeApi, Seen};
use crate::sample::{asked, observe, peak_kib, spawn};
use crate::stand::{self, CONNECTION};
use crate::table::Table;

/// How many leads are made at a time.
const CHUNK: usize = 10_000;

/// What happened in the hour before a run.
#[derive(Clone, Copy)]
enum Hour {
    /// Nothing.
    Idle,
    /// A colleague has changed a field of everybody's contact that the platform takes over.
    TakenOver,
    /// A colleague has emptied a field of everybody's contact that the platform fills where it is blank: what was read decides.
    PutBack,
    /// The platform has news of everybody that no event writes.
    Pushed,
    /// A colleague has opted everybody out, in an org that keeps the history of it.
    OptedOut,
    /// And in again: both sides have a statement, and the history tells which is the later one.
    OptedIn,
    /// A colleague has changed a field of everybody's contact that is the platform's, where no rule has to read.
    Replaced,
}

impl Hour {
    const ALL: [Self; 7] = [Self::Idle, Self::TakenOver, Self::PutBack, Self::Pushed, Self::OptedOut, Self::OptedIn, Self::Replaced];

    const fn describe(self) -> &'static str {
        match self {
            Self::Idle => "nothing has happened",
            Self::TakenOver => "contacts changed there, taken over",
            Self::PutBack => "contacts emptied there, filled (with the witness)",
            Self::Pushed => "people changed here, pushed",
            Self::OptedOut => "contacts opted out there",
            Self::OptedIn => "contacts opted in again there, dated by history",
            Self::Replaced => "contacts changed there, put right (no rule reads)",
        }
    }

    /// The most calls that are promised of so many people, reading and writing together.
    const fn target(self, people: usize) -> Option<u64> {
        match (self, people) {
            (Self::Idle, _) => Some(1),
            (Self::TakenOver, 5_000) => Some(5),
            // Five to read, and seven or five to write.
            (Self::PutBack, 5_000) => Some(12),
            (Self::Replaced, 5_000) => Some(10),
            (Self::OptedOut | Self::OptedIn, 1_000) => Some(6),
            // One to read, and two or one to write.
            (Self::PutBack, 1_000) => Some(3),
            (Self::Replaced, 1_000) => Some(2),
            _ => None,
        }
    }
}

/// Measures an hour of each kind with so many contacts. Answers the figures, and whether every promise holds.
///
/// # Errors
/// A run that did not do what it should: its figure would not be that of its work.
pub fn calls(sizes: &[usize]) -> Result<(Table, bool)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut table, mut kept) = (Table::with(["the hour before the run", "people", "api calls", "target"]), true);
    for &people in sizes {
        let bench = runtime.block_on(Bench::start(people))?;
        for hour in Hour::ALL {
            let calls = runtime.block_on(bench.cost(hour)).with_context(|| format!("{people}: {}", hour.describe()))?;
            let met = hour.target(people).map(|most| (most, calls <= most));
            kept &= met.is_none_or(|(_, met)| met);
            let verdict = met.map_or_else(String::new, |(most, met)| format!("{most}: {}", if met { "met" } else { "MISSED" }));
            table.line(vec![hour.describe().to_owned(), people.to_string(), calls.to_string(), verdict]);
            table.rows.push(json!({"hour": hour.describe(), "people": people, "api_calls": calls, "target": hour.target(people)}));
        }
    }
    Ok((table, kept))
}

/// A connection whose people are contacts.
struct Bench {
    scene: Scene,
    id: ConnectionId,
    people: usize,
}

impl Bench {
    async fn start(people: usize) -> Result<Self> {
        let mut seed = settled(|doubts| doubts.references_into_collections = true);
        seed.tracked_fields.push("Contact.HasOptedOutOfEmail".to_owned());
        let scene = stand::scene(seed).await?;
        let id = scene.active(CONNECTION).await;
        let bench = Self { scene, id, people };
        bench.scene.apply(&bench.scene.document(CONNECTION, |d| document(d, true))).await;
        bench.send("capture", "contact_captured", &json!({"job": "Buyer"})).await?;
        for _ in 0..3 {
            bench.run().await?;
        }
        Ok(bench)
    }

    /// Sends an event about everybody, and works it.
    async fn send(&self, name: &str, kind: &str, more: &Value) -> Result<()> {
        let now = self.scene.clock.now();
        let events: Vec<Value> = (0..self.people)
            .map(|n| {
                let mut person =
                    json!({"id": format!("p{n}"), "email": format!("valentine.martin{n}@example.org"), "last_name": format!("Martin {n}")});
                person.as_object_mut().into_iter().for_each(|person| person.extend(more.as_object().cloned().unwrap_or_default()));
                json!({"id": format!("{name}-{n}"), "type": kind, "occurred_at": now.to_string(), "person": person})
            })
            .collect();
        stand::work(&self.scene, &events).await
    }

    /// The next hour's run.
    async fn run(&self) -> Result<Run> {
        self.scene.clock.advance(SignedDuration::from_mins(61));
        (self.scene.stack.functions().reconcile)(json!({ "due": true }), Timestamp::MAX).await.map_err(anyhow::Error::from_boxed)?;
        let run = self.scene.stack.ports().table.load_runs(&self.id, 1).await?.pop().context("No run has ended.")?;
        ensure!(run.sheet.balances() && run.stopped.is_none(), "The run does not balance: {:?}", run.sheet);
        Ok(run)
    }

    async fn cost(&self, hour: Hour) -> Result<u64> {
        let people = self.people as u64;
        if matches!(hour, Hour::Replaced) {
            self.scene.apply(&self.scene.document(CONNECTION, |d| document(d, false))).await;
            self.run().await?;
        }
        match hour {
            Hour::Idle => {}
            Hour::TakenOver => self.edit(&json!({"Department": format!("D{}", self.scene.clock.now().as_second())}))?,
            Hour::PutBack => self.edit(&json!({"Title": null}))?,
            Hour::Pushed => self.send("news", "news", &json!({"phone": "+33 1 40 20 50 50"})).await?,
            Hour::OptedOut => self.edit(&json!({"HasOptedOutOfEmail": true}))?,
            Hour::OptedIn => self.edit(&json!({"HasOptedOutOfEmail": false}))?,
            Hour::Replaced => self.edit(&json!({"Phone": "+33 1 00 00 00 00"}))?,
        }
        let before = self.scene.api_calls();
        let run = self.run().await?;
        let calls = self.scene.api_calls() - before;
        let done = match hour {
            Hour::Idle => run.sheet.read == 0,
            Hour::TakenOver | Hour::OptedOut | Hour::OptedIn => run.sheet.to_platform == people,
            Hour::PutBack | Hour::Pushed | Hour::Replaced => run.sheet.to_salesforce == people,
        };
        ensure!(done, "The run did something else: {:?}", run.sheet);
        // What it wrote is looked at by the next one.
        self.run().await?;
        self.run().await?;
        Ok(calls)
    }

    /// Changes everybody's contact as a colleague.
    fn edit(&self, fields: &Value) -> Result<()> {
        let contacts = self.scene.org().control().records("Contact", QueryScope::Live)?;
        let fields = fields.as_object().context("No fields.")?;
        self.scene.as_colleague(|org, session| {
            let ids = contacts.iter().filter(|contact| contact.get("Email").is_some_and(|email| email.to_string().contains("valentine.martin")));
            for id in ids.filter_map(|contact| contact.get("Id")?.as_str()) {
                org.update(session, "Contact", id, fields).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
            }
            Ok(())
        })
    }
}

/// The most memory that the process of `reconcile` holds while a run reads so many changed leads, page by page; a line for each.
///
/// # Errors
/// A process that does not start or falls silent, or a run that did not read them all.
pub fn memory(reconcile: &Built, records: &[usize]) -> Result<Table> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut table = Table::with(["changed leads", "steps", "most memory MiB"]);
    for &records in records {
        let (steps, kib) = runtime.block_on(read(reconcile, records)).with_context(|| format!("The run over {records} leads was not measured."))?;
        table.line(vec![records.to_string(), steps.to_string(), format!("{:.1}", f64::from(kib) / 1024.0)]);
        table.rows.push(json!({"records": records, "steps": steps, "most_memory_kib": kib}));
    }
    Ok(table)
}

async fn read(reconcile: &Built, records: usize) -> Result<(u32, u32)> {
    // The process goes by the machine's clock, so the scene must too; minutes ago, since nothing may lie in its future.
    let scene = Scene::at(Timestamp::now() - SignedDuration::from_mins(10)).await;
    let id = scene.active(CONNECTION).await;
    scene
        .apply(&scene.document(CONNECTION, |document| {
            document.as_object_mut().into_iter().for_each(|document| _ = document.insert("reconciliation".to_owned(), json!({"pull": "on"})));
        }))
        .await;
    for first in (0..records).step_by(CHUNK) {
        scene.as_colleague(|org, session| {
            for n in first..records.min(first + CHUNK) {
                let lead = json!({"LastName": format!("Martin {n}"), "Company": "Company", "Email": format!("valentine.martin{n}@example.org")});
                let lead = lead.as_object().context("No lead.")?;
                org.create(session, "Lead", lead).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
            }
            Ok::<_, anyhow::Error>(())
        })?;
    }
    let mut api = RuntimeApi::start().await?;
    let mut process = spawn(reconcile, &api, &surroundings(&scene))?;
    let mut steps = 0;
    loop {
        asked(&mut api, &mut process).await?;
        let cursor = scene.stack.ports().table.load_cursor(&id).await?;
        if steps > 0 && cursor.run.is_none() {
            break;
        }
        api.hand_out(json!({"step": {"connection": id}}))?;
        match observe(&mut api, &mut process).await? {
            Seen::Answered(_) => steps += 1,
            other => bail!("It was expected to answer, and did this: {other:?}."),
        }
    }
    let peak = peak_kib(&process)?;
    process.kill().await?;
    let run = scene.stack.ports().table.load_runs(&id, 1).await?.pop().context("No run has ended.")?;
    ensure!(run.sheet.read >= records as u64 && run.sheet.balances(), "The run read {} leads.", run.sheet.read);
    Ok((steps, u32::try_from(peak)?))
}

/// KAYO's preset with contacts, and with rules of each kind, or without those that have to read (`reads`).
fn document(document: &mut Value, reads: bool) {
    let mut rules = json!([
        {"from": "person.email", "to": "Email", "strategy": "always_platform"},
        {"from": "person.last_name", "to": "LastName", "strategy": "always_platform"},
        {"from": "person.job", "to": "Title", "strategy": "fill_if_blank", "direction": "both", "update_blanks": true},
        {"from": "person.phone", "to": "Phone", "strategy": "always_platform"},
        {"from": "person.department", "to": "Department", "strategy": "always_salesforce", "direction": "both"},
        {"from": "person.unsubscribed", "to": "HasOptedOutOfEmail", "direction": "both"},
        {"from": "person.employer", "to": "Account.Name", "direction": "to_platform"},
    ]);
    if !reads {
        rules.as_array_mut().into_iter().for_each(|rules| rules.retain(|rule| rule["to"] != "Title" && rule["to"] != "HasOptedOutOfEmail"));
    }
    let changes = [
        ("/people/when_unknown", json!("contact")),
        ("/people/update_contacts", json!("on")),
        ("/people/overwrite", json!("on")),
        ("/mappings/contact/fields", rules),
        ("/reconciliation", json!({"push": "on", "pull": "on"})),
        (
            "/workflows",
            json!([
            {"name": "capture", "trigger": "contact_captured", "actions": [{"person": {}}]},
            {"name": "news", "trigger": "news", "actions": [{"activity": {"object": "Task", "subject": "News"}}]}]),
        ),
    ];
    for (place, value) in changes {
        let (parent, name) = place.rsplit_once('/').unwrap_or_default();
        if let Some(parent) = document.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.insert(name.to_owned(), value);
        }
    }
    let attributes = document.pointer_mut("/platform/attributes").and_then(Value::as_array_mut);
    let declared = [
        json!({"name": "person.unsubscribed", "type": "boolean"}),
        json!({"name": "person.department", "type": "text"}),
        json!({"name": "person.employer", "type": "text"}),
    ];
    attributes.into_iter().for_each(|attributes| attributes.extend(declared.clone()));
}
