//! What must hold after a run, told by what was said and done and not by the code that did it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::Result;
use jiff::{Timestamp, ToSpan, civil::Date};
use passerelle_core::domain::ids::ConnectionId;
use salesforce_sim::org::QueryScope;
use serde_json::Value;

use crate::{
    colleague::live,
    document::{Change, client_secret, contact},
    fault::Fault,
    history::{Kind, PEOPLE, Said, TENANTS, kind_of_person, phone, subject, whose},
    items::{self, Item},
    logs::Logs,
    report::Promise,
    run::Run,
    sides, told,
    values::{self, Touched},
    world::{EPOCH, Who},
};

/// So often is tried what fails, as docs/errors.md states.
const MOST_TRIES: u32 = 60;

/// So often is tried at most what is due by its time alone: its waits of at least 45 seconds double each time, less the minute for which
/// whoever rings shortens them.
const TRIES_BY_TIME: u32 = 10;

/// What keeps intake from counting what it has stored.
const UNCOUNTED: [Fault; 5] = [Fault::CrashBefore, Fault::CrashAfter, Fault::TableThrottle, Fault::TableLost, Fault::TableConflict];

/// Objects whose records may be made or changed.
const OBJECTS: [&str; 5] = ["Lead", "Contact", "Account", "Event", "Task"];

/// Whether an event may wait for ever: Salesforce needs more than is known of the person.
#[must_use]
pub fn may_be_parked(run: &Run<'_>, said: usize) -> bool {
    run.plan.history.said[said].kind == Kind::Incomplete
}

/// Judges a run, lets everything happen once more in quiet, and judges that, too.
pub async fn judge(run: &mut Run<'_>, sweeps: usize, logs: &Logs) -> Result<()> {
    outcomes(run, sweeps)?;
    ledger(run).await?;
    let unrepaired = run.unrepaired()?;
    let mut about = people(run, &unrepaired);
    about.extend(sides::judge(run)?);
    told::judge(run)?;
    covered(run, &unrepaired);
    about.extend(&run.went_back);
    about.sort_unstable();
    about.dedup();
    for (tenant, person) in about {
        explain(run, tenant, person).await?;
    }
    activities(run)?;
    tenants(run)?;
    quiet(run).await?;
    // What has ended is not opened again, and is counted once.
    outcomes(run, sweeps)?;
    ledger(run).await?;
    budget(run);
    if run.plan.rates.strikes(Fault::LateTtl) {
        run.expire_late().await?;
        quiet(run).await?;
    }
    // What is removed in time is missed by nobody.
    let removed = run.expire().await?;
    let before = records(run);
    run.rest().await?;
    if removed > 0 && records(run) != before {
        run.wrong(Promise::QuietAfterwards, format!("once {removed} items had been removed, records were changed"));
    }
    mails(run);
    secrets(run, logs)
}

/// Everything once more changes nothing.
async fn quiet(run: &mut Run<'_>) -> Result<()> {
    let (before, heard) = (records(run), told::count(run));
    run.quiet().await?;
    if told::count(run) != heard {
        run.wrong(Promise::QuietAfterwards, format!("a quiet second run has told the platform {} times", told::count(run) - heard));
    }
    let mut after = records(run);
    for (what, was) in &before {
        let is = after.remove(what);
        if is.as_ref() != Some(was) {
            run.wrong(Promise::QuietAfterwards, format!("a quiet second run changed {what}: {was} is now {}", is.unwrap_or_default()));
        }
    }
    for what in after.keys() {
        run.wrong(Promise::QuietAfterwards, format!("a quiet second run made {what}"));
    }
    Ok(())
}

/// The calls of each day are no more than the documents allow. A call is counted after its answer, so one whose process died, or could not
/// write, is missing in the count; so is the administrator's, who asks when connecting whether the org has the API at all.
fn budget(run: &Run<'_>) {
    let Some(cap) = run.plan.cap else { return };
    for (tenant, day, calls) in run.world.days() {
        let uncounted = run.world.uncounted(tenant);
        if calls > cap + uncounted {
            run.wrong(Promise::BudgetHeld, format!("on {day} {tenant} has cost {calls} calls of {cap}, {uncounted} of them uncounted"));
        }
    }
}

/// Contacts are told of their own connection, and nothing of a person.
fn mails(run: &Run<'_>) {
    let mails = run.world.state().mails.clone();
    for mail in mails {
        let whose = TENANTS.iter().position(|id| mail.to == [contact(id)]);
        let text = format!("{} {}", mail.subject, mail.text);
        let about = |person: usize| text.contains(&format!("-{person}x")) || text.contains(&format!("p{person}."));
        if whose.is_none_or(|tenant| is_foreign(tenant, &text)) || (0..PEOPLE).any(about) {
            run.wrong(Promise::TenantsApart, format!("{:?} were told: {text}", mail.to));
        }
    }
}

/// Every accepted event ends in exactly one outcome.
fn outcomes(run: &Run<'_>, sweeps: usize) -> Result<()> {
    let stored: BTreeMap<usize, _> = run.stored()?.into_iter().collect();
    for said in run.accepted.keys() {
        let event = &run.plan.history.said[*said];
        let found = stored.get(said).map(|stored| stored.status.as_str());
        let good = match event.kind {
            Kind::Capture | Kind::OptOut => matches!(found, Some("applied" | "unchanged" | "superseded")),
            Kind::Incomplete => found == Some("parked"),
        };
        // The waits double, so there is room for few while everything lasts; but who may have been cut off looks again at once, and so
        // does who is told of the event again.
        let reasons = run.told.get(&format!("CONN#{}#EVENT#{}", TENANTS[event.tenant], event.id)).copied().unwrap_or_default()
            + run.world.state().cut.get(TENANTS[event.tenant]).copied().unwrap_or_default();
        if let Some(stored) = stored.get(said).filter(|stored| stored.attempts > MOST_TRIES.min(TRIES_BY_TIME + reasons)) {
            run.wrong(Promise::TriesBounded, format!("{} was tried {} times", event.id, stored.attempts));
        }
        if !good {
            let outcome = stored.get(said).map(|stored| format!("{:?} after {} tries", stored.outcome, stored.attempts));
            run.wrong(
                Promise::NothingLost,
                format!("{} of {} has ended as {found:?} after {sweeps} sweeps: {outcome:?}", event.id, TENANTS[event.tenant]),
            );
        }
    }
    for said in 0..run.plan.history.said.len() {
        if !run.accepted.contains_key(&said) && stored.contains_key(&said) {
            run.wrong(Promise::NothingLost, format!("{} is in the table and was never accepted", run.plan.history.said[said].id));
        }
    }
    Ok(())
}

/// The ledgers balance, and have every event once, as what the table says became of it.
async fn ledger(run: &Run<'_>) -> Result<()> {
    let days = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let (first, last): (Date, Date) = (days(EPOCH), days(run.world.time.now(Default::default())));
    let (stored, all, said) = (run.stored()?, items::all(&run.world)?, &run.plan.history.said);
    for (tenant, id) in TENANTS.iter().enumerate() {
        let (connection, mut shown): (ConnectionId, _) = (id.parse()?, BTreeMap::<String, u64>::new());
        for day in first.series(1.day()).take_while(|day| *day <= last) {
            let day = run.bystander.ports().table.load_ledger(&connection, day).await?;
            if let Some(finding) = day.finding() {
                run.wrong(Promise::NothingLost, format!("the ledger of {id} does not balance: {}", finding.words.en));
            }
            day.events.into_iter().for_each(|(status, events)| *shown.entry(status).or_default() += events);
        }
        let mut there = BTreeMap::<String, u64>::new();
        stored.iter().filter(|(n, _)| said[*n].tenant == tenant).for_each(|(_, event)| *there.entry(event.status.clone()).or_default() += 1);
        if shown != there {
            run.wrong(Promise::NothingLost, format!("the ledger of {id} shows {shown:?}, and there are {there:?}"));
        }
        let accepted = run.accepted.keys().filter(|n| said[**n].tenant == tenant).count() as u64;
        let of_ledger = |item: &&Item| items::key(item).0 == format!("CONN#{id}") && items::key(item).1.starts_with("LEDGER#");
        let received: u64 = all.iter().filter(of_ledger).filter_map(|item| item.get("received")?.as_u64()).sum();
        // Intake counts after it has stored: who dies in between, or is refused, leaves them uncounted.
        let sure = UNCOUNTED.iter().all(|fault| !run.plan.rates.strikes(*fault));
        if received > accepted || sure && received < accepted {
            run.wrong(Promise::NothingLost, format!("the ledger of {id} has received {received}, and {accepted} were accepted"));
        }
        if there.values().sum::<u64>() != accepted {
            run.wrong(Promise::NothingLost, format!("the table of {id} has {there:?}, and {accepted} were accepted"));
        }
    }
    Ok(())
}

/// Whatever of a colleague's we have replaced was put back, or told as covered, unless a call went amiss.
fn covered(run: &Run<'_>, unrepaired: &BTreeSet<Who>) {
    for (who, wrong) in run.world.never_put_back() {
        if !run.world.is_doubted(who) && !unrepaired.contains(&who) {
            run.wrong(wrong.promise, wrong.what);
        }
    }
}

/// What the connector itself says of a person, for whoever looks into a failure.
async fn explain(run: &Run<'_>, tenant: usize, person: usize) -> Result<()> {
    for (said, event) in run.stored()? {
        let about = &run.plan.history.said[said];
        if (about.tenant, about.person) != (tenant, person) {
            continue;
        }
        run.world.note(format_args!("{} of {}: {:?}", about.id, about.stamp, event.outcome));
        for why in run.bystander.ports().table.load_why(&event, 20).await? {
            run.world.note(format_args!("  because {why}"));
        }
    }
    Ok(())
}

/// Each person has one record, with the values that it must have. Answers of whom that is not so.
fn people(run: &mut Run<'_>, unrepaired: &BTreeSet<Who>) -> Vec<Who> {
    let (mut about, all) = (Vec::new(), run.plan.history.people());
    run.judged = (all.len(), all.iter().filter(|who| run.world.is_doubted(**who)).count());
    for who in all {
        let (tenant, person) = who;
        let accepted: Vec<(&Said, Duration)> = run.accepted().filter(|(said, _)| (said.tenant, said.person) == who).collect();
        let found = live(&run.world.orgs[tenant], who);
        let name = format!("{}-{person}", TENANTS[tenant]);
        let restored = run.deeds.restored.contains(&who);
        if let Some(deleted) = run.deeds.deleted.get(&who).filter(|_| !restored) {
            let opted_out = accepted.iter().any(|(said, _)| said.kind == Kind::OptOut);
            let wrong = anew(&accepted, *deleted, opted_out, &found);
            about.extend((!wrong.is_empty()).then_some(who));
            wrong.into_iter().for_each(|(promise, wrong)| run.wrong(promise, format!("{name}, whose record was deleted, {wrong}")));
            continue;
        }
        // Whoever was met while they were in the bin was made anew.
        if restored && found.len() > 1 {
            continue;
        }
        if found.len() > 1 {
            let ids: Vec<String> = found.iter().map(|(object, record)| format!("{object} {}", record["Id"])).collect();
            run.wrong(Promise::NothingTwice, format!("{name} has {} records: {}", found.len(), ids.join(", ")));
            about.push(who);
            continue;
        }
        let latest = accepted.iter().rev().find(|(said, _)| said.kind == Kind::Capture).copied();
        let Some((latest, came)) = latest.filter(|_| kind_of_person(&run.plan.history.said, tenant, person) != Kind::Incomplete) else { continue };
        let Some((_, record)) = found.first() else {
            run.wrong(Promise::NothingLost, format!("{name} has no record"));
            about.push(who);
            continue;
        };
        let edits = run.deeds.edits.get(&who).cloned().unwrap_or_default();
        let events: Vec<&Said> = accepted.iter().map(|(said, _)| *said).collect();
        let opted_out = events.iter().any(|said| said.kind == Kind::OptOut) || edits.contains_key("HasOptedOutOfEmail");
        if opted_out && record["HasOptedOutOfEmail"] != true {
            run.wrong(Promise::OptOutKept, format!("{name} wanted no e-mails"));
            about.push(who);
        }
        if !opted_out && record["HasOptedOutOfEmail"] == true {
            run.wrong(Promise::TenantsApart, format!("{name} gets no e-mails, and never asked for that"));
            about.push(who);
        }
        let mut wrong = Vec::new();
        let moved = run.deeds.moved.get(&who).copied();
        let (cut, doubted) = (run.world.is_unnoted(who), run.world.is_doubted(who) || unrepaired.contains(&who));
        let overruled = run.changed(tenant, Change::Overrule).is_some();
        values::stated(latest, &events, record, &Touched { edits: &edits, moved, came, cut, doubted, overruled }, &mut wrong);
        values::badge(run, who, (latest, came), record, &mut wrong);
        values::changed(run, who, (latest, came), record, &mut wrong);
        about.extend((!wrong.is_empty()).then_some(who));
        for wrong in wrong {
            run.wrong(Promise::NothingCovered, format!("{name}: {wrong}"));
        }
    }
    about
}

/// Whoever is met after their record was deleted is made anew, once, with what was stated last.
fn anew(accepted: &[(&Said, Duration)], deleted: Duration, opted_out: bool, found: &[(&'static str, Value)]) -> Vec<(Promise, String)> {
    let latest = accepted.iter().rev().find(|(said, _)| said.kind == Kind::Capture);
    let mut wrong = Vec::new();
    match found {
        [] if latest.is_some_and(|(_, came)| Run::is_surely_under(deleted, *came)) => {
            wrong.push((Promise::NothingLost, "was met after that, and has no record".to_owned()));
        }
        [] => {}
        [(_, record)] => {
            if opted_out && record["HasOptedOutOfEmail"] != true {
                wrong.push((Promise::OptOutKept, "wanted no e-mails".to_owned()));
            }
            if let Some((latest, _)) = latest.filter(|(latest, _)| record["LastName"] != latest.body["person"]["last_name"]) {
                wrong.push((
                    Promise::NothingCovered,
                    format!("is called {}, and {} was stated last", record["LastName"], latest.body["person"]["last_name"]),
                ));
            }
        }
        several => wrong.push((Promise::NothingTwice, format!("has {} records", several.len()))),
    }
    wrong
}

/// Each meeting has made its activity once.
fn activities(run: &Run<'_>) -> Result<()> {
    for (tenant, org) in run.world.orgs.iter().enumerate() {
        let mut made: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let people = sides::records(run, tenant);
        for record in org.sim.control().records("Event", QueryScope::Live)? {
            let subject = record["Subject"].as_str().unwrap_or_default().to_owned();
            let about = run.plan.history.said.iter().find(|said| said.tenant == tenant && self::subject(said) == subject);
            let whose = record["WhoId"].as_str().and_then(|who| people.get(who)?["LastName"].as_str()).and_then(whose);
            if let Some(said) = about.filter(|said| whose.is_none_or(|(t, person, _)| (t, person) != (tenant, said.person))) {
                run.wrong(Promise::NothingCovered, format!("the activity of {} of {} hangs on {}", said.id, org.tenant, record["WhoId"]));
            }
            made.entry(subject).or_default().push(format!("{} on {} at {}", record["Id"], record["WhoId"], record["CreatedDate"]));
        }
        for (n, said) in run.plan.history.said.iter().enumerate().filter(|(_, said)| said.tenant == tenant) {
            let (made, who) = (made.get(&subject(said)).cloned().unwrap_or_default(), (tenant, said.person));
            let count = made.len();
            let deleted = run.deeds.deleted.contains_key(&who);
            let came = run.accepted.get(&n).filter(|_| said.kind == Kind::Capture);
            let silent = run.changed(tenant, Change::Silence);
            if silent.zip(came).is_some_and(|(since, came)| Run::is_surely_under(since, *came)) && count > 0 {
                run.wrong(Promise::NothingTwice, format!("{} of {} has made an activity, and meetings make none any more", said.id, org.tenant));
            }
            let met = came.is_some() && silent.is_none();
            // What was deleted in the moment of a doubt is not found, made again, and doubled by taking the deletion back.
            let twice = count > 1 && !(deleted && run.deeds.restored.contains(&who));
            if twice || met && count == 0 && !deleted {
                run.wrong(Promise::NothingTwice, format!("{} of {} has made {count} activities: {}", said.id, org.tenant, made.join(", ")));
            }
        }
    }
    Ok(())
}

/// Nothing of one tenant is in another's org or items, or told to another's platform.
fn tenants(run: &Run<'_>) -> Result<()> {
    for item in items::all(&run.world)? {
        let (pk, text) = (items::key(&item).0.to_owned(), serde_json::to_string(&item)?);
        let whose = TENANTS.iter().position(|id| pk.split('#').nth(1) == Some(id));
        if whose.is_some_and(|tenant| is_foreign(tenant, &text)) {
            run.wrong(Promise::TenantsApart, format!("an item has something of another tenant: {text}"));
        }
    }
    let inbox = run.world.state().platform.inbox.clone();
    for (tenant, delivery) in inbox.iter().flat_map(|(tenant, deliveries)| deliveries.iter().map(|delivery| (*tenant, delivery))) {
        if is_foreign(tenant, &serde_json::to_string(delivery)?) {
            run.wrong(Promise::TenantsApart, format!("the platform of {} has heard of another tenant: {delivery:?}", TENANTS[tenant]));
        }
    }
    for (tenant, org) in run.world.orgs.iter().enumerate() {
        for object in OBJECTS {
            for record in org.sim.control().records(object, QueryScope::All).unwrap_or_default() {
                let text = record.to_string();
                let name = record["LastName"].as_str().and_then(whose);
                if is_foreign(tenant, &text) || name.is_some_and(|(other, ..)| other != tenant) {
                    run.wrong(Promise::TenantsApart, format!("{} has something of another tenant: {text}", org.tenant));
                }
            }
        }
    }
    Ok(())
}

/// Whether a text has a value of another tenant.
fn is_foreign(tenant: usize, text: &str) -> bool {
    let marks = |other: usize, id: &str| [format!("{id}-"), format!("{id} "), phone(other)];
    TENANTS.iter().enumerate().any(|(other, id)| other != tenant && marks(other, id).iter().any(|mark| text.contains(mark)))
}

/// Every record of every org.
#[must_use]
pub fn records(run: &Run<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for org in &run.world.orgs {
        for object in OBJECTS {
            for record in org.sim.control().records(object, QueryScope::All).unwrap_or_default() {
                all.insert(format!("{} {object} {}", org.tenant, record["Id"]), record.to_string());
            }
        }
    }
    all
}

/// No secret is anywhere but in the secret store, those of before included.
fn secrets(run: &Run<'_>, logs: &Logs) -> Result<()> {
    let table = serde_json::to_string(&items::all(&run.world)?)?;
    let state = run.world.state();
    let planted: Vec<String> = TENANTS.map(client_secret).into_iter().chain(state.secrets.iter().cloned()).collect();
    let (answers, trace) = (state.answers.join("\n"), state.trace.join("\n"));
    let told = serde_json::to_string(&state.platform.inbox)?;
    let mails = state.mails.iter().map(|mail| format!("{}\n{}\n", mail.subject, mail.text)).collect();
    drop(state);
    for (place, text) in
        [("the log", logs.text()), ("the table", table), ("an answer", answers), ("the trace", trace), ("a delivery", told), ("a mail", mails)]
    {
        for secret in planted.iter().filter(|secret| text.contains(secret.as_str())) {
            run.wrong(Promise::SecretsKept, format!("{place} has a secret: {}…", &secret[..6]));
        }
    }
    Ok(())
}
