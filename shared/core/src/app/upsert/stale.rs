//! What a platform says of a person is all that it knows of them, and may be older than what it has just been told: the values of deliveries
//! that it did not have then are no statements of its own. What is to be sent would go over them anyway.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    adapters::state::{StateError, deliveries::StoredDelivery},
    domain::{
        company::NAME,
        delivery::Delivery,
        engine::Engine,
        ids::{ConnectionId, PersonKey},
        planner::{Case, OpenEvent},
    },
    ports::Ports,
};

/// How many people's deliveries are read at the same time.
const PARALLEL: usize = 16;

/// Takes out of people's events what the platform could not know better.
pub(super) async fn strip<'p>(
    ports: Ports<'_>,
    c: &ConnectionId,
    people: impl Iterator<Item = (&'p PersonKey, &'p mut Vec<OpenEvent>)>,
) -> Result<(), StateError> {
    let strips: Vec<_> = people.filter(|(_, events)| !events.is_empty()).map(|(person, events)| strip_one(ports, c, person, events)).collect();
    let stripped: Vec<Result<(), StateError>> = stream::iter(strips).buffer_unordered(PARALLEL).collect().await;
    stripped.into_iter().collect()
}

async fn strip_one(ports: Ports<'_>, c: &ConnectionId, person: &PersonKey, events: &mut [OpenEvent]) -> Result<(), StateError> {
    let Some(first) = events.iter().map(|open| open.event.occurred_at).min() else { return Ok(()) };
    let later = ports.table.deliveries_later_than(c, person, first).await?;
    for open in events {
        for delivery in later.iter().filter(|delivery| delivery.is_later_than(open.event.occurred_at)) {
            let names = changed(delivery).filter_map(|path| path.strip_prefix("person.").filter(|name| *name != "id").map(str::to_owned));
            names.for_each(|name| _ = open.event.person.remove(&name));
        }
    }
    Ok(())
}

/// The same for companies among cases: all that people's events say of them is a name, which may be the one that the platform is still to be told
/// is another.
pub(super) async fn rename(ports: Ports<'_>, engine: &Engine, cases: &mut [Case]) -> Result<(), StateError> {
    let c = &engine.document.connection.id;
    let named = cases.iter_mut().filter(|case| case.person.is_company() && case.person.version > 0 && !case.events.is_empty());
    let renames: Vec<_> = named.map(|case| rename_one(ports, c, engine, case)).collect();
    let renamed: Vec<Result<(), StateError>> = stream::iter(renames).buffer_unordered(PARALLEL).collect().await;
    renamed.into_iter().collect()
}

async fn rename_one(ports: Ports<'_>, c: &ConnectionId, engine: &Engine, case: &mut Case) -> Result<(), StateError> {
    let Some(known) = case.person.value(NAME).cloned() else { return Ok(()) };
    let Some(first) = case.events.iter().map(|open| open.event.occurred_at).min() else { return Ok(()) };
    let later = ports.table.deliveries_later_than(c, &case.person.key, first).await?;
    for open in &mut case.events {
        let told = later.iter().filter(|delivery| delivery.is_later_than(open.event.occurred_at)).flat_map(changed).any(|path| path == NAME);
        if let Some(mut stated) = engine.company_of(&open.event).filter(|_| told) {
            stated.insert("name".to_owned(), known.clone());
            open.event.company = Some(stated);
        }
    }
    Ok(())
}

/// The attributes, by their paths, that deliveries change which the platform did not have at a time: of a person, or of a company.
pub(in crate::app) async fn later_deliveries(
    ports: Ports<'_>,
    c: &ConnectionId,
    whose: &PersonKey,
    at: Timestamp,
) -> Result<BTreeSet<String>, StateError> {
    Ok(ports.table.deliveries_later_than(c, whose, at).await?.iter().flat_map(changed).collect())
}

/// The attributes that a delivery changes, by their paths.
fn changed(stored: &StoredDelivery) -> impl Iterator<Item = String> {
    let delivery = serde_json::from_str::<Delivery>(&stored.body).ok();
    delivery.into_iter().flat_map(|delivery| delivery.changes.into_keys())
}
