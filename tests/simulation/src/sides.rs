//! What must hold where runs compare both sides: told by what was said and done, and by what each side has in the end.

use std::collections::BTreeMap;

use anyhow::Result;
use passerelle_core::domain::person::Person;
use salesforce_sim::org::QueryScope;
use serde_json::Value;

use crate::{
    document::Change,
    fault::Fault,
    history::{Kind, TENANTS, kind_of_person, whose},
    items::{self, Item},
    report::Promise,
    run::Run,
};

/// Judges both sides. Answers about whom something is wrong.
pub fn judge(run: &Run<'_>) -> Result<Vec<(usize, usize)>> {
    let (mut about, items) = (Vec::new(), items::all(&run.world)?);
    for tenant in run.plan.reconciling() {
        balance(run, &items, tenant)?;
        let (records, all) = (records(run, tenant), run.known(&items, tenant)?);
        for said in run.accepted().map(|(said, _)| said).filter(|said| said.tenant == tenant && !all.contains_key(&said.person)) {
            run.wrong(Promise::NothingLost, format!("nobody knows the person of {} of {}", said.id, TENANTS[tenant]));
        }
        for (person, known) in all {
            let complete = kind_of_person(&run.plan.history.said, tenant, person) == Kind::Capture;
            for known in known.iter().filter(|_| complete) {
                let wrong = sides(run, (tenant, person), known, &records);
                about.extend((!wrong.is_empty()).then_some((tenant, person)));
                for (promise, wrong) in wrong {
                    run.wrong(promise, format!("{}-{person}: {wrong}", TENANTS[tenant]));
                }
            }
        }
    }
    Ok(about)
}

/// Everything that was read, and everybody who waited, is in one outcome.
fn balance(run: &Run<'_>, items: &[Item], tenant: usize) -> Result<()> {
    for ended in Run::runs(items, tenant)? {
        run.world.note(format_args!("a run of {}: {ended:?}", TENANTS[tenant]));
        let sheet = &ended.sheet;
        let (came, went) = (sheet.read + sheet.waited, sheet.unknown + sheet.further + sheet.unchanged + sheet.applied + sheet.later + sheet.parked);
        if came != went {
            run.wrong(Promise::RunsBalance, format!("a run of {} has read {came} and accounts for {went}: {sheet:?}", TENANTS[tenant]));
        }
    }
    Ok(())
}

/// All leads and contacts of an org, those in the bin as well, by id.
#[must_use]
pub fn records(run: &Run<'_>, tenant: usize) -> BTreeMap<String, Value> {
    let all = |object| run.world.orgs[tenant].sim.control().records(object, QueryScope::All).unwrap_or_default();
    let records = ["Lead", "Contact"].into_iter().flat_map(all);
    records.map(|record| (record["Id"].as_str().unwrap_or_default().to_owned(), record)).collect()
}

fn sides(run: &Run<'_>, who: (usize, usize), known: &Person, records: &BTreeMap<String, Value>) -> Vec<(Promise, String)> {
    let Some(link) = &known.link else { return Vec::new() };
    let Some(record) = records.get(&link.id.to_string()) else {
        return vec![(Promise::DeletionsKept, format!("the linked record {} is none", link.id))];
    };
    let (binned, merged) = (record["IsDeleted"] == true, record["MasterRecordId"].is_string());
    let (told, mut wrong) = (known.value("person.gone") == Some(&Value::Bool(true)), Vec::new());
    if binned && merged {
        return vec![(Promise::DeletionsKept, format!("the linked record {} was merged into {}", link.id, record["MasterRecordId"]))];
    }
    let name = record["LastName"].as_str().and_then(whose);
    if !binned && name.is_none_or(|(tenant, person, _)| (tenant, person) != who) {
        wrong.push((Promise::NothingCovered, format!("the linked record {} is called {}", link.id, record["LastName"])));
    }
    if told != binned {
        wrong.push((Promise::DeletionsKept, format!("the platform has {told} for deleted, and that {} is in the bin is {binned}", link.id)));
    }
    if binned {
        return wrong;
    }
    let contact = record["ConvertedContactId"].as_str().and_then(|contact| records.get(contact));
    if contact.is_some_and(|contact| contact["IsDeleted"] != true) {
        return vec![(Promise::DeletionsKept, format!("the linked record {} was converted to {}", link.id, record["ConvertedContactId"]))];
    }
    let ours = |name: &str| known.value(&format!("person.{name}")).cloned().unwrap_or_default();
    for (name, field) in [("first_name", "FirstName"), ("job", "Title")] {
        if ours(name) != record[field] {
            wrong.push((Promise::SidesAgree, format!("{field} is {}, and the platform has {}", record[field], ours(name))));
        }
    }
    // What is hidden for a while stays so in the org's description for a day.
    let hidden = run.plan.rates.strikes(Fault::HiddenField);
    let sees_phone = !hidden && run.changed(who.0, Change::Unmap).is_none();
    for (name, field) in [("note", "Description"), ("phone", "Phone")].into_iter().filter(|(name, _)| sees_phone || *name == "note") {
        if ours(name).is_null() != record[field].is_null() {
            wrong.push((Promise::SidesAgree, format!("{field} is {}, and the platform has {}", record[field], ours(name))));
        }
    }
    if (record["HasOptedOutOfEmail"] == true) != (ours("unsubscribed") == true) {
        let what = format!("that no e-mails are wanted is {} there, and {} on the platform", record["HasOptedOutOfEmail"], ours("unsubscribed"));
        wrong.push((Promise::OptOutKept, what));
    }
    // Nobody but the org's automation has changed it, unless somebody made another record; of what somebody saves before we have seen
    // what the org made of a value, nothing tells that it was the org; nor after a call that may have been a write.
    let touched = run.world.is_doubted(who) || run.deeds.moved.contains_key(&who) || run.deeds.edits.contains_key(&who);
    let company = format!("{} company", TENANTS[who.0]);
    if ours("company") != company.as_str() && !touched {
        wrong.push((Promise::NothingCovered, format!("the platform's company is {}, and nobody has edited {company:?}", ours("company"))));
    }
    wrong
}
