//! What Passerelle's work costs its customers in API calls: the real functions on the local stack, against the simulated
//! org, which counts as Salesforce counts.
//!
//! Each batch goes through the signed webhook into the table and is then worked by one sweep, on a clock that stands still.
//! So a figure depends on the batch alone, and not on how quickly its deliveries followed each other.

mod batch;
mod targets;

use anyhow::{Context, Result, ensure};
use passerelle_core::domain::ids::ConnectionId;
use passerelle_scenarios::{Scene, settled};
use salesforce_sim::seed::ValidationRule;
use serde::Serialize;
use serde_json::{Value, json};

use self::batch::Batch;
use crate::{
    stand::{self, CONNECTION},
    table::Table,
};

/// How many events of a hundred are made to fail, where some are.
const FAILING: usize = 3;
/// The company that the org refuses, by a rule of its own: nobody knows before it is sent.
const REFUSED: &str = "Refused";
/// The smallest batch with failing events.
const FAILING_OF: usize = 100;
/// What is measured, each on a stack of its own. References concern activities only. A further action of the connector is a
/// further member of [`Setting`], and its cases stand here.
const SETTINGS: [Setting; 5] = [
    Setting { activity: Toggle::Off, references: Toggle::On, beside: Beside::Nothing },
    Setting { activity: Toggle::On, references: Toggle::On, beside: Beside::Nothing },
    Setting { activity: Toggle::On, references: Toggle::Off, beside: Beside::Nothing },
    Setting { activity: Toggle::On, references: Toggle::On, beside: Beside::Members },
    Setting { activity: Toggle::On, references: Toggle::On, beside: Beside::Accounts },
];

/// Whether something is on; as configuration documents write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Toggle {
    On,
    Off,
}

/// What a batch is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// People whom neither Passerelle nor the org knows, one event each.
    Unknown,
    /// The same, and three of a hundred have a company that the org refuses.
    UnknownSomeFailing,
    /// People with a lead, one event each, whose news overwrite what the lead has.
    KnownOverwritten,
    /// People with a lead, one event each, whose news fill a field only if it is blank.
    KnownFilled,
    /// People with a lead, five events each, which say nothing new of them.
    KnownFiveEach,
}

impl Kind {
    fn describe(self) -> &'static str {
        match self {
            Kind::Unknown => "unknown people",
            Kind::UnknownSomeFailing => "unknown people, 3 of 100 failing",
            Kind::KnownOverwritten => "known people, overwritten",
            Kind::KnownFilled => "known people, blanks filled",
            Kind::KnownFiveEach => "known people, five events each",
        }
    }
}

/// What is made beside the people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Beside {
    Nothing,
    /// Everybody becomes a member of one campaign.
    Members,
    /// People become contacts of their companies' accounts.
    Accounts,
}

/// A connection's settings for a series of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Setting {
    activity: Toggle,
    references: Toggle,
    beside: Beside,
}

/// One measured batch.
#[derive(Debug, Serialize)]
struct Row {
    people: Kind,
    #[serde(flatten)]
    setting: Setting,
    events: usize,
    api_calls: u64,
    /// The most calls that are promised, if anything is.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<u64>,
}

impl Row {
    fn is_met(&self) -> bool {
        self.target.is_none_or(|most| self.api_calls <= most)
    }

    #[expect(clippy::cast_precision_loss, reason = "A printed figure keeps three decimals.")]
    fn per_event(&self) -> f64 {
        self.api_calls as f64 / self.events as f64
    }
}

/// Measures batches of each of these sizes. Answers the figures, and whether every promise holds.
///
/// # Errors
/// An event that did not end as it should: its figure would not be that of its work.
pub fn measure(sizes: &[usize]) -> Result<(Table, bool)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for setting in SETTINGS {
        rows.extend(runtime.block_on(series(setting, sizes))?);
    }
    Ok((table(&rows, sizes)?, rows.iter().all(Row::is_met)))
}

/// All batches under one setting, on one stack.
async fn series(setting: Setting, sizes: &[usize]) -> Result<Vec<Row>> {
    let bench = Bench::start(setting).await?;
    let mut rows = Vec::new();
    for &size in sizes {
        let sets = [Kind::Unknown, Kind::KnownOverwritten, Kind::KnownFilled, Kind::KnownFiveEach, Kind::UnknownSomeFailing];
        for kind in sets {
            let possible = match kind {
                Kind::KnownFiveEach => setting.activity == Toggle::On && size >= 5,
                // It is leads that the org refuses.
                Kind::UnknownSomeFailing => size >= FAILING_OF && setting.beside != Beside::Accounts,
                _ => true,
            };
            if possible {
                let api_calls = bench.cost(kind, size).await.with_context(|| format!("{} of {}", size, kind.describe()))?;
                rows.push(Row { people: kind, setting, events: size, api_calls, target: targets::most(kind, setting, size) });
            }
        }
    }
    Ok(rows)
}

/// A stack with an active connection.
struct Bench {
    scene: Scene,
    id: ConnectionId,
    setting: Setting,
}

impl Bench {
    async fn start(setting: Setting) -> Result<Self> {
        // The org resolves references; whether they are sent is the setting's matter.
        let mut seed = settled(|doubts| doubts.references_into_collections = true);
        seed.validation_rules.push(ValidationRule {
            sobject: "Lead".to_owned(),
            condition: format!("Company = '{REFUSED}'"),
            message: "This company is not taken.".to_owned(),
            field: Some("Company".to_owned()),
        });
        let scene = stand::scene(seed).await?;
        let id = scene.active(CONNECTION).await;
        let bench = Self { scene, id, setting };
        // The first batch of all also describes the org's objects, once a day.
        bench.cost(Kind::Unknown, 2).await?;
        Ok(bench)
    }

    /// Sends a batch, works it, and answers the API calls that this took.
    async fn cost(&self, kind: Kind, size: usize) -> Result<u64> {
        self.configure(kind).await;
        let batch = Batch::new(kind, size);
        let cost = self.work(&batch).await?;
        if batch.failing > 0 {
            self.work(&batch.mended()).await?;
        }
        Ok(cost)
    }

    async fn work(&self, batch: &Batch) -> Result<u64> {
        let before = self.scene.api_calls();
        stand::work(&self.scene, &batch.events).await?;
        let cost = self.scene.api_calls() - before;
        self.verify(batch).await?;
        Ok(cost)
    }

    /// KAYO's preset as the batch wants it.
    async fn configure(&self, kind: Kind) {
        let overwrite = if kind == Kind::KnownFilled { Toggle::Off } else { Toggle::On };
        let document = self.scene.document(CONNECTION, |document| {
            if let Some(people) = document.get_mut("people").and_then(Value::as_object_mut) {
                people.insert("overwrite".to_owned(), json!(overwrite));
            }
            if let Some(salesforce) = document.get_mut("salesforce").and_then(Value::as_object_mut) {
                salesforce.insert("references_into_collections".to_owned(), json!(self.setting.references));
            }
            match self.setting.beside {
                Beside::Nothing => {}
                Beside::Members => with_members(document),
                Beside::Accounts => with_accounts(document),
            }
            let workflows = document.get_mut("workflows").and_then(Value::as_array_mut);
            for workflow in workflows.into_iter().flatten().filter(|_| self.setting.activity == Toggle::Off) {
                let actions = workflow.get_mut("actions").and_then(Value::as_array_mut);
                actions.into_iter().for_each(|actions| actions.retain(|action| action.get("activity").is_none()));
            }
        });
        self.scene.apply(&document).await;
    }

    /// Every event must have ended as the batch means it to.
    async fn verify(&self, batch: &Batch) -> Result<()> {
        let events = self.scene.stack.ports().table.load_events(&self.id, &batch.ids()?).await?;
        let count = |status: &str| events.iter().filter(|(_, event)| event.status == status).count();
        let (applied, parked) = (count("applied"), count("parked"));
        let wanted = (batch.events.len() - batch.failing, batch.failing);
        ensure!((applied, parked) == wanted, "{applied} events were applied and {parked} parked, instead of {} and {}.", wanted.0, wanted.1);
        Ok(())
    }
}

/// Whoever is captured becomes a member of the demonstration's campaign.
fn with_members(document: &mut Value) {
    let campaign = json!({ "name": "Salon du Bourget" });
    let project = document.pointer_mut("/projects/list/salon-du-bourget").and_then(Value::as_object_mut);
    project.into_iter().for_each(|project| _ = project.insert("campaign".to_owned(), campaign.clone()));
    let workflows = document.get_mut("workflows").and_then(Value::as_array_mut).into_iter().flatten();
    for workflow in workflows.filter(|workflow| workflow.get("trigger").is_some_and(|trigger| trigger == "contact_captured")) {
        let actions = workflow.get_mut("actions").and_then(Value::as_array_mut);
        actions.into_iter().for_each(|actions| actions.push(json!({ "campaign_member": { "status": "Rencontré" } })));
    }
}

/// People become contacts, and their companies accounts.
fn with_accounts(document: &mut Value) {
    let settings = [("when_unknown", json!("contact")), ("update_contacts", json!("on")), ("account", json!({ "mode": "find_or_create" }))];
    if let Some(people) = document.get_mut("people").and_then(Value::as_object_mut) {
        people.extend(settings.map(|(name, value)| (name.to_owned(), value)));
    }
}

fn table(rows: &[Row], sizes: &[usize]) -> Result<Table> {
    let head = ["API calls (and per event)", "activity", "references"].map(str::to_owned);
    let sized = sizes.iter().map(|size| if *size == 1 { "1 event".to_owned() } else { format!("{size} events") });
    let mut table = Table::with(head.into_iter().chain(sized).chain(["target".to_owned()]));
    let mut kinds: Vec<_> = Vec::new();
    for row in rows {
        let kind = (row.people, row.setting);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    for (people, setting) in kinds {
        let own: Vec<&Row> = rows.iter().filter(|row| (row.people, row.setting) == (people, setting)).collect();
        let row = |size: &usize| own.iter().find(|row| row.events == *size);
        let cells = sizes.iter().map(|size| row(size).map_or_else(String::new, |row| format!("{} ({:.3})", row.api_calls, row.per_event())));
        let (activity, references) = match (setting.activity, setting.references) {
            (Toggle::Off, _) => ("none", ""),
            (Toggle::On, Toggle::On) => ("one each", "on"),
            (Toggle::On, Toggle::Off) => ("one each", "off"),
        };
        let beside = match setting.beside {
            Beside::Nothing => "",
            Beside::Members => ", campaign members",
            Beside::Accounts => ", contacts with accounts",
        };
        let people = format!("{}{beside}", people.describe());
        let verdict = |row: &&Row| row.target.map(|most| (most, row.events, if row.is_met() { "met" } else { "MISSED" }));
        let targets: Vec<String> = own.iter().filter_map(verdict).map(|(most, events, met)| format!("{most} for {events}: {met}")).collect();
        let names = [people.as_str(), activity, references].map(str::to_owned);
        table.line(names.into_iter().chain(cells).chain([targets.join(", ")]).collect());
    }
    table.rows = rows.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_missed_target_is_said_in_its_row() {
        let setting = Setting { activity: Toggle::On, references: Toggle::On, beside: Beside::Nothing };
        for (api_calls, met, said) in [(2, true, "2 for 100: met\n"), (3, false, "2 for 100: MISSED\n")] {
            let target = targets::most(Kind::Unknown, setting, 100);
            let row = Row { people: Kind::Unknown, setting, events: 100, api_calls, target };
            assert_eq!(row.is_met(), met);
            assert!(table(&[row], &[100]).unwrap().to_string().ends_with(said));
        }
    }
}
