//! Owners of contacts. Mautic shows them by their user names, and Salesforce's users go by e-mail address, so each gets the address here. Who is
//! not known is asked for once a day at most, by one call for all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::{PlatformError, open};
use crate::{
    adapters::{
        mautic::{Mautic, MauticError},
        state::{StateError, platform_users::PlatformUser},
    },
    domain::{
        config::Document,
        engine::Engine,
        event::{CHANGED, Event, PERSON_UPSERTED},
        mapping::{FieldMap, Rule},
        mautic::{Contact, OWNER, Users},
    },
    ports::Ports,
};

/// How long a user is taken to have the address that they had.
const VALID: SignedDuration = SignedDuration::from_hours(24);
/// How long events do without an owner who was not found, or could not be asked for. The run that reads the contact asks again.
const ABSENT: SignedDuration = SignedDuration::from_mins(15);
/// How long a call may take for which events wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// Gives the owners of contacts their addresses. Whoever has none is left out.
///
/// # Errors
/// See [`PlatformError`]. Where the users may not be read, that is one only if a rule has to do with owners.
pub(super) async fn of_contacts(ports: Ports<'_>, engine: &Engine, mautic: &Mautic<'_>, contacts: &mut [Contact]) -> Result<(), PlatformError> {
    let people: Vec<_> = contacts.iter_mut().map(|contact| &mut contact.person).collect();
    let known = match addresses(ports, &engine.document, Some(mautic), named(&people)).await {
        Err(PlatformError::Mautic(MauticError::Forbidden)) if !is_mapped(engine) => BTreeMap::new(),
        other => other?,
    };
    give(people, &known);
    Ok(())
}

/// The same for what the webhooks of a Mautic have told. Where its users cannot be read now, owners are left out: the next run finds them.
///
/// # Errors
/// The state table failed.
pub(in crate::app) async fn of_events<'e>(
    ports: Ports<'_>,
    document: &Document,
    events: impl Iterator<Item = &'e mut Event>,
) -> Result<(), StateError> {
    // What was read by the API, or is told by somebody else, has addresses.
    let told = events.filter(|event| event.kind != CHANGED && event.kind != PERSON_UPSERTED);
    let people: Vec<_> = told.map(|event| &mut event.person).collect();
    match addresses(ports, document, None, named(&people)).await {
        Err(PlatformError::State(error)) => return Err(error),
        known => give(people, &known.unwrap_or_default()),
    }
    Ok(())
}

/// Whether a rule has to do with owners of contacts.
fn is_mapped(engine: &Engine) -> bool {
    engine.maps().all().flat_map(FieldMap::all).filter_map(Rule::from).any(|path| path.strip_prefix("person.") == Some(OWNER))
}

fn named(people: &[&mut Map<String, Value>]) -> BTreeSet<String> {
    let owners = people.iter().filter_map(|person| person.get(OWNER)?.as_str()).filter(|name| !name.trim().is_empty());
    owners.map(str::to_owned).collect()
}

/// Somebody who is no user, and whose name is no address either, is left out.
fn give(people: Vec<&mut Map<String, Value>>, known: &BTreeMap<String, String>) {
    for person in people {
        let Some(name) = person.get(OWNER).and_then(Value::as_str) else { continue };
        match known.get(name).cloned() {
            Some(email) => _ = person.insert(OWNER.to_owned(), Value::from(email)),
            None if name.contains('@') => {}
            None => _ = person.remove(OWNER),
        }
    }
}

/// The addresses of the users with these names, as far as there are such.
async fn addresses(
    ports: Ports<'_>,
    document: &Document,
    mautic: Option<&Mautic<'_>>,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, String>, PlatformError> {
    let Some(platform) = document.platform.mautic.as_ref().map(|mautic| mautic.url.as_str()).filter(|_| !names.is_empty()) else {
        return Ok(BTreeMap::new());
    };
    let (c, now) = (&document.connection.id, ports.clock.now());
    let mut known = ports.table.load_platform_users(c, platform, &names).await?;
    let absent = if mautic.is_some() { SignedDuration::ZERO } else { ABSENT };
    known.retain(|_, user| now.duration_since(user.read_at) < if user.email.is_some() { VALID } else { absent });
    let unknown: Vec<&String> = names.iter().filter(|name| !known.contains_key(*name)).collect();
    if !unknown.is_empty() {
        let users = match mautic {
            Some(mautic) => Users::parse(&mautic.users().await?),
            None => at_once(ports, document).await,
        };
        for name in unknown {
            let user = PlatformUser { email: users.email(name).map(str::to_owned), read_at: now };
            ports.table.save_platform_user(c, platform, name, &user).await?;
            known.insert(name.clone(), user);
        }
    }
    Ok(known.into_iter().filter_map(|(name, user)| Some((name, user.email?))).collect())
}

/// The users, where they come quickly; else nobody.
async fn at_once(ports: Ports<'_>, document: &Document) -> Users {
    let asked = async { Ok::<_, PlatformError>(open(ports, document).await?.within(PATIENCE).users().await?) };
    match asked.await {
        Ok(users) => Users::parse(&users),
        Err(error) => {
            tracing::warn!(connection.id = %document.connection.id, code = error.code(), "the owners of contacts are left to the next run");
            Users::default()
        }
    }
}
