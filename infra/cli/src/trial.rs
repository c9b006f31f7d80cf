//! What an example body becomes: its events, what each sets off, and what would be written field by field. The plan is the real
//! one, for an org that has nobody.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, anyhow};
use passerelle_core::domain::{
    engine::{Engine, Placement},
    event::Event,
    hook::Reader,
    ids::PersonKey,
    person::Person,
    plan::{Fate, NewValue, Write},
    planner::{Case, Known, OpenEvent, Situation, gather, plan},
    schema::Schemas,
};
use serde_json::{Value, json};

use crate::operate;

/// Reads document and body and prints what becomes of them.
pub fn run(file: &Path, body: &Path, as_json: bool) -> Result<()> {
    let document = operate::load_document(file)?;
    let body = std::fs::read(body).with_context(|| format!("{} cannot be read.", body.display()))?;
    let reader = Reader::compile(&document.source.format).map_err(|_| anyhow!("The format of the source cannot be used."))?;
    let events = reader.read(&body).map_err(|faults| {
        let faults = operate::list_faults(faults.iter().map(|fault| (fault.place.as_str(), fault.message.as_str())));
        anyhow!("The body would be refused:\n{faults}")
    })?;
    let engine = Engine::new(document, 1)?;
    let told = events.iter().map(|event| tell(&engine, event)).collect::<Result<Vec<Value>>>()?;
    if as_json {
        println!("{}", Value::from(told));
    } else if told.is_empty() {
        println!("The body tells of nobody. It would be accepted, and nothing would be done.");
    } else {
        for event in &told {
            println!("{}", serde_json::to_string_pretty(event)?);
        }
    }
    Ok(())
}

/// The event in our own words, the workflows that it sets off, and what would be written for somebody whom the org does not know.
fn tell(engine: &Engine, event: &Event) -> Result<Value> {
    let project = match engine.placement(event) {
        Placement::Handled(project) => project,
        Placement::Off | Placement::Unknown(_) => None,
    };
    let context = event.context(&engine.document.platform.name, project.map(|project| project.name.as_str()));
    let matching = engine.matching(event, &context).map(|found| found.into_iter().map(|(_, workflow)| &workflow.name).collect::<Vec<_>>());
    let matching = matching.map_err(|error| anyhow!("A filter cannot be applied to the event {}: {error}", event.id))?;

    let (schemas, known, owners) = (Schemas::default(), Known::default(), BTreeMap::new());
    let situation = Situation { engine, schemas: &schemas, known: &known, now: jiff::Timestamp::now(), owners_of_records: &owners };
    let open = OpenEvent { event: event.clone(), done: BTreeMap::new(), doubt: None, company: None };
    let mut cases = vec![Case::new(Person::new(PersonKey::parse("example")?), vec![open])];
    if engine.keeps_companies() {
        let companies = gather(engine, &mut cases, BTreeMap::new(), Vec::new());
        cases.extend(companies);
    }
    let plan = plan(&situation, cases);
    let fates = plan.people.iter().flat_map(|person| &person.events).map(|event| &event.fate);
    let settled = fates.filter_map(|fate| match fate {
        Fate::Settled(outcome) => Some(json!(outcome)),
        Fate::Blocked { problem, .. } => Some(json!({"outcome": "parked", "problem": problem})),
        Fate::After(_) => None,
    });
    let settled: Vec<Value> = settled.collect();
    let writes: Vec<Value> = plan.writes.iter().map(told).collect();
    Ok(json!({"event": event, "workflows": matching, "writes": writes, "without_writing": settled}))
}

/// A write, field by field: the value, the attribute and the rule that it comes from, and why it is written.
fn told(write: &Write) -> Value {
    let fields = write.changes.iter().map(|change| {
        let value = match &change.new {
            NewValue::Value(value) => value.clone(),
            NewValue::Created(_) => json!("the id of the person's record"),
        };
        json!({"field": change.field, "value": value, "from": change.from, "rule": change.rule, "effective": change.effective,
               "reason": change.reason, "in_words": change.reason.words().en})
    });
    json!({"object": write.object, "fields": fields.collect::<Vec<_>>()})
}
