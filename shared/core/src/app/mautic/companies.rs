//! One page of the companies that have changed in Mautic. Nobody's event tells of them: what they say is noted on the companies, which then
//! wait for the run that has read it.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::{PlatformError, unreadable};
use crate::{
    adapters::{
        mautic::{BATCH, Column, Mautic, MauticError, Query, moment},
        state::{StateError, people::Recording},
    },
    app::upsert::later_deliveries,
    domain::{
        company::{ID, identities},
        delivery::{Delivery, Kind, SalesforceRecord, Subject},
        engine::Engine,
        event::Event,
        ids::PersonKey,
        mautic::Company,
        person::Person,
        plan::Identities,
        planner::{ToldCompany, tell},
        run::{CompaniesThere, CompanyPlace, Tally},
    },
    ports::Ports,
};

/// How many companies are looked at or recorded at the same time.
const PARALLEL: usize = 16;

/// Reads the next page, and notes what is new in it: it is durable then.
pub(in crate::app) async fn read_companies(
    ports: Ports<'_>,
    engine: &Engine,
    mautic: &Mautic<'_>,
    run: &mut CompaniesThere,
    started_at: Timestamp,
) -> Result<(), PlatformError> {
    let (column, after) = match run.at {
        CompanyPlace::Modified(id) => (Column::Modified, id),
        CompanyPlace::Added(id) => (Column::Added, id),
        CompanyPlace::Done => return Ok(()),
    };
    let query = Query::by(Column::Id).from(column, moment(run.since)).after(Column::Id, after.to_string());
    let page: Vec<Value> = mautic.companies(&query).await?;
    let mut companies: Vec<Company> = page.iter().filter_map(Company::parse).collect();
    if companies.is_empty() && !page.is_empty() {
        return Err(MauticError::Unreadable.into());
    }
    if let Some(platform) = &engine.document.platform.mautic {
        companies.iter_mut().for_each(|company| platform.company_record.leave_out_of(&mut company.attributes));
    }
    run.tally.read += page.len() as u64;
    run.tally.unreadable += unreadable(&engine.document, page.len(), companies.len());
    note(ports, engine, &companies, started_at, &mut run.tally).await?;
    let last = companies.iter().map(|company| company.id).max();
    run.at = match (run.at, last.filter(|_| page.len() >= BATCH)) {
        (CompanyPlace::Modified(_), Some(last)) => CompanyPlace::Modified(last),
        (CompanyPlace::Modified(_), None) => CompanyPlace::Added(0),
        (_, Some(last)) => CompanyPlace::Added(last),
        (_, None) => CompanyPlace::Done,
    };
    Ok(())
}

/// Notes what these companies say that was not known of them, and counts what became of each.
async fn note(ports: Ports<'_>, engine: &Engine, companies: &[Company], started_at: Timestamp, tally: &mut Tally) -> Result<(), StateError> {
    let c = &engine.document.connection.id;
    let named: BTreeSet<String> = companies.iter().flat_map(|company| identities(&company.attributes)).collect();
    let owners: BTreeMap<String, PersonKey> = ports.table.load_aliases(c, &named.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
    let keys: BTreeSet<PersonKey> = owners.values().cloned().collect();
    let stored = ports.table.load_people(c, engine.organization.as_deref(), &keys.into_iter().collect::<Vec<_>>()).await?;
    let known = |company: &Company| {
        let key = identities(&company.attributes).first().and_then(|id| owners.get(id))?;
        stored.iter().find(|known| known.key == *key)
    };
    let reads: Vec<_> = companies.iter().map(|company| news(ports, engine, company.clone(), known(company), started_at)).collect();
    let news: Vec<Result<Option<Event>, StateError>> = stream::iter(reads).buffered(PARALLEL).collect().await;
    let news: Vec<Option<Event>> = news.into_iter().collect::<Result<_, _>>()?;
    tally.known += news.iter().filter(|news| news.is_none()).count() as u64;
    let news: Vec<Event> = news.into_iter().flatten().collect();
    let told = tell(engine, &news, owners, stored.clone());
    let records: Vec<_> = told.into_iter().map(|told| record(ports, engine, told, started_at)).collect();
    let recorded: Vec<Result<Tally, StateError>> = stream::iter(records).buffer_unordered(PARALLEL).collect().await;
    for recorded in recorded {
        let Tally { news, known, .. } = recorded?;
        tally.news += news;
        tally.known += known;
    }
    Ok(())
}

/// What a company says that is not known of it, without what Mautic could not know better: what it is still to be told of, and what it was told
/// since. With what contacts say `upsert` does the same.
async fn news(
    ports: Ports<'_>,
    engine: &Engine,
    mut company: Company,
    known: Option<&Person>,
    started_at: Timestamp,
) -> Result<Option<Event>, StateError> {
    let news = company.news(known, started_at);
    let (Some(event), Some(known)) = (&news, known) else { return Ok(news) };
    let told = later_deliveries(ports, &engine.document.connection.id, &known.key, event.occurred_at).await?;
    if told.is_empty() {
        return Ok(news);
    }
    company.attributes.retain(|name, _| name == "id" || !told.contains(&format!("company.{name}")));
    Ok(company.news(Some(known), started_at))
}

/// Records what was told of one company. Where it is nothing that any rule takes for a statement, all of it counts as known.
async fn record(ports: Ports<'_>, engine: &Engine, told: ToldCompany, started_at: Timestamp) -> Result<Tally, StateError> {
    let ToldCompany { before, company, events } = told;
    if before == company {
        return Ok(Tally { known: events, ..Tally::default() });
    }
    let identities = Identities::between(&before, &company, &BTreeMap::new());
    let company = Person { pending: company.pending.or(Some(started_at)), ..company };
    let now = ports.clock.now();
    let deliveries: Vec<Delivery> = introduction(engine, &before, &company, ports.ids.fresh(), now).into_iter().collect();
    let recording = Recording {
        before: before.version,
        person: Some(&company),
        organization: engine.organization.as_deref(),
        claims: &identities.claims,
        events: &[],
        told: &[],
        deliveries: &deliveries,
        why: None,
        retry_at: now,
        now,
        plan: &ports.ids.fresh(),
    };
    ports.table.record(&engine.document.connection.id, recording).await?;
    Ok(Tally { news: events, ..Tally::default() })
}

/// What tells a company which account is its own, as soon as its id is known, where that is to be written there and was not before.
fn introduction(engine: &Engine, before: &Person, company: &Person, id: String, now: Timestamp) -> Option<Delivery> {
    let is_written = engine.document.platform.mautic.as_ref()?.company_record.named().next().is_some();
    let link = company.link.as_ref().filter(|_| is_written && before.value(ID).is_none() && company.value(ID).is_some())?;
    Some(Delivery {
        id,
        kind: Kind::Updated.of_company(),
        occurred_at: now,
        subject: Subject::of(company),
        salesforce: SalesforceRecord { object: link.object.clone(), id: link.id, synced_at: now },
        changes: BTreeMap::new(),
    })
}
