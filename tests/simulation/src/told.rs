//! What the platform must have heard: told by what it has heard, by what it has said itself, and by what is known in the end.

use anyhow::Result;
use passerelle_core::domain::{
    delivery::{Delivery, Subject},
    person::Person,
};
use serde_json::Value;

use crate::{
    history::{Kind, Said, TENANTS, kind_of_person},
    items,
    report::Promise,
    run::Run,
};

/// Attributes of which each value is Salesforce's alone, or stated once.
const TOLD: [&str; 6] = ["person.first_name", "person.job", "person.phone", "person.note", "person.unsubscribed", "person.gone"];

/// Judges what the platforms have heard.
pub fn judge(run: &Run<'_>) -> Result<()> {
    let items = items::all(&run.world)?;
    for tenant in run.plan.listening() {
        let heard = heard(run, tenant);
        for (person, known) in run.known(&items, tenant)? {
            let [known] = known.as_slice() else { continue };
            if kind_of_person(&run.plan.history.said, tenant, person) == Kind::Capture {
                TOLD.iter().for_each(|name| attribute(run, (tenant, person), name, known, &heard));
            }
        }
    }
    Ok(())
}

/// How many deliveries have arrived.
#[must_use]
pub fn count(run: &Run<'_>) -> usize {
    run.world.state().platform.inbox.values().map(Vec::len).sum()
}

fn heard(run: &Run<'_>, tenant: usize) -> Vec<Delivery> {
    run.world.state().platform.inbox.get(&tenant).cloned().unwrap_or_default()
}

/// The platform knows of an attribute what is known in the end, by what it has heard last or has said itself.
fn attribute(run: &Run<'_>, who: (usize, usize), name: &str, known: &Person, heard: &[Delivery]) {
    let is = known.value(name).cloned().unwrap_or_default();
    let about =
        |delivery: &&Delivery| matches!(&delivery.subject, Subject::Person(about) if about.ids.iter().any(|id| id.starts_with(&who.1.to_string())));
    let told: Vec<&Value> = heard.iter().filter(about).filter_map(|delivery| delivery.changes.get(name)).collect();
    let said = run.accepted().filter(|(said, _)| (said.tenant, said.person) == who).filter_map(|(said, _)| statement(said, name)).last();
    let ok = told.last() == Some(&&is) || said.as_ref() == Some(&is) || is.is_null() && told.is_empty() && said.is_none();
    if !ok {
        let what = format!("{}-{}: {name} is {is}; the platform has heard {told:?} and has said {said:?}", TENANTS[who.0], who.1);
        run.wrong(Promise::NothingLost, what);
    }
}

/// What an event says of an attribute.
fn statement(said: &Said, name: &str) -> Option<Value> {
    match (name, said.kind) {
        ("person.unsubscribed", Kind::OptOut) => Some(Value::Bool(true)),
        _ => said.body["person"].get(name.trim_start_matches("person.")).cloned(),
    }
}
