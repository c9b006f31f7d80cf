//! What an example body becomes: its events, and what each sets off.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use passerelle_core::domain::{
    config::{Action, parse_document},
    engine::{Engine, Placement},
    event::Event,
    hook::Reader,
};
use serde_json::{Value, json};

use crate::operate;

/// Reads document and body and prints what becomes of them.
pub fn run(file: &Path, body: &Path, as_json: bool) -> Result<()> {
    let document = parse_document(&operate::read_document(file)?)
        .map_err(|faults| anyhow!("The configuration is not valid.\n{}", operate::list_faults(&faults)))?;
    let body = std::fs::read(body).with_context(|| format!("{} cannot be read.", body.display()))?;
    let reader = Reader::compile(&document.source.format).map_err(|_| anyhow!("The format of the source cannot be used."))?;
    let events = reader.read(&body).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {}: {}", fault.place, fault.message)).collect();
        anyhow!("The body would be refused:\n{}", lines.join("\n"))
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

/// The event in our own words, and the workflows that it sets off, with the subjects of their activities filled in.
fn tell(engine: &Engine, event: &Event) -> Result<Value> {
    let project = match engine.placement(event) {
        Placement::Handled(project) => project,
        Placement::Off => return Ok(json!({"event": event, "project": "switched off"})),
        Placement::Unknown(id) => return Ok(json!({"event": event, "project": format!("{id} is not part of the configuration")})),
    };
    let context = event.context(&engine.document.platform.name, project.map(|project| project.name.as_str()));
    let matching = engine.matching(event, &context);
    let matching = matching.map_err(|error| anyhow!("A filter cannot be applied to the event {}: {error}", event.id))?;
    let workflows = matching.into_iter().map(|(w, workflow)| {
        let actions = workflow.actions.iter().enumerate().map(|(a, action)| match action {
            Action::Person(_) => json!("person"),
            Action::Activity(activity) => {
                let subject = engine.activity(w, a).map(|texts| texts.subject.render(&context));
                let subject = subject.map(|filled| filled.unwrap_or_else(|error| format!("cannot be filled: {error}")));
                json!({"activity": activity.object.name(), "subject": subject})
            }
        });
        json!({"workflow": workflow.name, "actions": actions.collect::<Vec<_>>()})
    });
    Ok(json!({"event": event, "sets_off": workflows.collect::<Vec<_>>()}))
}
