//! One page of what has changed in Mautic, as events of ours.
//!
//! Contacts are read in the order of their dates, first those modified, then those added, since a new one has no date of modification. Many
//! may have one date, and come in no order then; so where a page is full, those of its last date are read once more by their ids.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{PlatformError, owners, unreadable};
use crate::{
    adapters::{
        mautic::{BATCH, Column, Mautic, MauticError, Query, moment},
        state::events::Stored,
    },
    app::intake::store,
    domain::{
        config::Document,
        engine::Engine,
        event::{Event, normalise_email},
        ids::{EventId, PersonKey},
        mautic::Contact,
        person::{Person, email_alias, id_alias},
        run::{ContactPlace, FromPlatform},
    },
    ports::Ports,
};

/// Reads the next page and stores what is new in it; answers the events, which are durable then.
pub(in crate::app) async fn read_page(
    ports: Ports<'_>,
    engine: &Engine,
    mautic: &Mautic<'_>,
    run: &mut FromPlatform,
) -> Result<Vec<EventId>, PlatformError> {
    let document = &engine.document;
    let column = if run.modified == ContactPlace::Done { Column::Added } else { Column::Modified };
    let place = if column == Column::Modified { run.modified } else { run.added };
    let query = match place {
        ContactPlace::Start => Query::by(column).from(column, moment(run.since)),
        ContactPlace::Within(at, id) => Query::by(Column::Id).equals(column, moment(at)).after(Column::Id, id.to_string()),
        ContactPlace::Beyond(at) => Query::by(column).after(column, moment(at)),
        ContactPlace::Done => return Ok(Vec::new()),
    };
    let page: Vec<Value> = mautic.contacts(&query).await?;
    let mut contacts: Vec<Contact> = page.iter().filter_map(Contact::parse).collect();
    if contacts.is_empty() && !page.is_empty() {
        return Err(MauticError::Unreadable.into());
    }
    if let Some(platform) = &document.platform.mautic {
        contacts.iter_mut().for_each(|contact| platform.record.leave_out_of(&mut contact.person));
    }
    owners::of_contacts(ports, engine, mautic, &mut contacts).await?;
    run.contacts.read += page.len() as u64;
    run.contacts.unreadable += unreadable(document, page.len(), contacts.len());
    let news = tell(ports, document, &contacts, run).await?;
    let last_time = contacts.iter().filter_map(|contact| if column == Column::Modified { contact.modified } else { Some(contact.added) }).max();
    let last_id = contacts.iter().map(|contact| contact.id).max();
    let next = match (place, last_time, last_id) {
        (ContactPlace::Within(at, _), _, Some(id)) if page.len() >= BATCH => ContactPlace::Within(at, id),
        (ContactPlace::Within(at, _), ..) => ContactPlace::Beyond(at),
        (_, Some(at), _) if page.len() >= BATCH => ContactPlace::Within(at, 0),
        _ => ContactPlace::Done,
    };
    if column == Column::Modified {
        run.modified = next
    } else {
        run.added = next
    }
    Ok(news)
}

/// Makes events of what is new in contacts, and counts what became of each. What a store that has another event under the id took in is counted
/// nowhere, so that the run does not balance.
async fn tell(ports: Ports<'_>, document: &Document, contacts: &[Contact], run: &mut FromPlatform) -> Result<Vec<EventId>, PlatformError> {
    let news = news(ports, document, contacts).await?;
    let (c, source) = (&document.connection.id, &document.source.id);
    let events: Vec<Event> = news.iter().flatten().cloned().collect();
    let stored = store(ports, source, std::slice::from_ref(c), &events, ports.clock.now()).await;
    let mut taken: BTreeSet<EventId> = BTreeSet::new();
    for (event, _, stored) in stored {
        match stored? {
            Stored::New | Stored::Repeated => _ = taken.insert(event.clone()),
            Stored::Contradicted => {}
        }
    }
    for events in &news {
        match events.as_slice() {
            [] => run.contacts.known += 1,
            events => run.contacts.news += u64::from(events.iter().all(|event| taken.contains(&event.id))),
        }
    }
    run.events += taken.len() as u64;
    Ok(events.into_iter().map(|event| event.id).collect())
}

/// What each of the contacts says that is not known of its person.
async fn news(ports: Ports<'_>, document: &Document, contacts: &[Contact]) -> Result<Vec<Vec<Event>>, PlatformError> {
    let c = &document.connection.id;
    let identities = |contact: &Contact| -> Vec<String> {
        let email = contact.person.get("email").and_then(Value::as_str).map(|email| email_alias(&normalise_email(email)));
        [id_alias(&contact.id.to_string())].into_iter().chain(email).collect()
    };
    let wanted: BTreeSet<String> = contacts.iter().flat_map(identities).collect();
    let aliases: BTreeMap<String, PersonKey> = ports.table.load_aliases(c, &wanted.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
    let keys: BTreeSet<PersonKey> = aliases.values().cloned().collect();
    let people = ports.table.load_people(c, None, &keys.into_iter().collect::<Vec<_>>()).await?;
    let people: BTreeMap<&PersonKey, &Person> = people.iter().map(|person| (&person.key, person)).collect();
    let known = |contact: &Contact| identities(contact).iter().find_map(|alias| aliases.get(alias)).and_then(|key| people.get(key).copied());
    Ok(contacts.iter().map(|contact| contact.news(known(contact))).collect())
}
