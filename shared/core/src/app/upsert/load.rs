//! From event ids to cases: events, the people they are about, and the events that those people are waiting with.

use std::collections::{BTreeMap, BTreeSet};

use super::stale;
use crate::{
    adapters::state::{StateError, events::StoredEvent},
    app::mautic,
    domain::{
        company::identities,
        config::{Action, SameEmail},
        engine::Engine,
        event::Event,
        ids::{ConnectionId, EventId, PersonKey},
        person::{Person, aliases, email_alias, is_id_alias},
        planner::{Case, OpenEvent, Twin, gather, latest_address},
    },
    ports::Ports,
};

/// The most items that one transaction records for a person's events: their own, new identities, and records that they tell of. A
/// transaction takes a hundred, and the person has items of their own.
const ITEMS_PER_PERSON: usize = 90;
/// However little else they need.
const EVENTS_PER_PERSON: usize = 50;

/// Cases, and what is needed to record them.
#[derive(Debug, Default)]
pub(in crate::app) struct Loaded {
    pub cases: Vec<Case>,
    /// What is stored of each event.
    pub stored: BTreeMap<EventId, StoredEvent>,
}

/// Loads the open events among `ids` with their people. Events that are done, absent or unreadable are left out; so are a
/// person's events beyond those that one transaction takes, which stay due.
pub(super) async fn load(ports: Ports<'_>, engine: &Engine, ids: &[EventId]) -> Result<Loaded, StateError> {
    let c = &engine.document.connection.id;
    let mut loaded = Loaded::default();
    let mut groups = Groups { same_email: engine.document.people.same_email, organization: engine.organization.clone(), ..Groups::default() };
    let mut events = open_events(ports, engine, ids, &mut loaded.stored).await?;
    groups.resolve(ports, c, &events).await?;
    groups.assign(c, &mut events);

    // A person's parked events are planned together with their new ones: what was missing may be there now.
    let waiting: BTreeSet<EventId> = groups.people.values().flat_map(|(person, _)| person.waiting.iter().cloned()).collect();
    let waiting: Vec<EventId> = waiting.into_iter().filter(|id| !loaded.stored.contains_key(id)).collect();
    let mut more = open_events(ports, engine, &waiting, &mut loaded.stored).await?;
    groups.resolve(ports, c, &more).await?;
    groups.assign(c, &mut more);

    if engine.document.platform.mautic.is_some() {
        let people = groups.people.iter_mut().filter(|(_, (person, _))| person.version > 0);
        stale::strip(ports, c, people.map(|(key, (_, events))| (key, events))).await?;
    }
    for (person, events) in groups.people.values_mut() {
        events.sort_by(|a, b| a.event.order().cmp(&b.event.order()));
        truncate(engine, person, events);
    }
    loaded.cases = with_companies(ports, engine, groups.cases()).await?;
    if engine.document.platform.mautic.is_some() {
        stale::rename(ports, engine, &mut loaded.cases).await?;
    }
    Ok(loaded)
}

/// People, and after them the companies that their events name, or whose account those without a record may hang on.
pub(in crate::app) async fn with_companies(ports: Ports<'_>, engine: &Engine, cases: Vec<Case>) -> Result<Vec<Case>, StateError> {
    let (mut companies, mut people): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.person.is_company());
    if engine.keeps_companies() {
        let c = &engine.document.connection.id;
        let stated = people.iter().flat_map(|case| &case.events).filter_map(|open| engine.company_of(&open.event));
        let named: BTreeSet<String> = stated.flat_map(|stated| identities(&stated)).collect();
        let owners: BTreeMap<String, PersonKey> = ports.table.load_aliases(c, &named.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
        let unlinked = people.iter().filter(|case| case.person.link.is_none()).filter_map(|case| case.person.company.as_ref());
        let mut keys: BTreeSet<PersonKey> = owners.values().cloned().chain(unlinked.map(|company| company.key.clone())).collect();
        keys.retain(|key| companies.iter().all(|case| case.person.key != *key));
        let stored = ports.table.load_people(c, engine.organization.as_deref(), &keys.into_iter().collect::<Vec<_>>()).await?;
        companies.extend(gather(engine, &mut people, owners, stored));
    }
    people.extend(companies);
    Ok(people)
}

/// Leaves as many events as one transaction records, one at least.
fn truncate(engine: &Engine, person: &Person, events: &mut Vec<OpenEvent>) {
    let records = |event: &Event| engine.possible_actions(event).filter(|(_, _, action)| is_of_record(action)).count();
    let (mut items, mut known) = (0, person.aliases.clone());
    let fit = events.iter().take(EVENTS_PER_PERSON).take_while(|open| {
        let new = aliases(&open.event).into_iter().filter(|alias| known.insert(alias.clone())).count();
        items += 1 + new + records(&open.event);
        items <= ITEMS_PER_PERSON
    });
    let fit = fit.count().max(1);
    events.truncate(fit);
}

const fn is_of_record(action: &Action) -> bool {
    matches!(action, Action::Record(_) | Action::CampaignMember(_))
}

async fn open_events(
    ports: Ports<'_>,
    engine: &Engine,
    ids: &[EventId],
    stored: &mut BTreeMap<EventId, StoredEvent>,
) -> Result<Vec<OpenEvent>, StateError> {
    let c = &engine.document.connection.id;
    let mut open = Vec::new();
    for (id, item) in ports.table.load_events(c, ids).await? {
        if !item.is_open() {
            continue;
        }
        match serde_json::from_str::<Event>(&item.body) {
            Ok(event) => open.push(OpenEvent { event, done: item.done.clone(), doubt: item.doubt, company: None }),
            Err(_) => tracing::error!(connection.id = %c, event.id = %id, code = "event_unreadable", "stored event cannot be read"),
        }
        stored.insert(id, item);
    }
    if engine.document.platform.mautic.is_some() {
        mautic::address_owners(ports, &engine.document, open.iter_mut().map(|open| &mut open.event)).await?;
    }
    Ok(open)
}

/// People with their events, found by identity: the platform's id first, then the e-mail address.
#[derive(Default)]
struct Groups {
    same_email: SameEmail,
    organization: Option<String>,
    by_alias: BTreeMap<String, PersonKey>,
    /// Addresses for which somebody of this batch waits already.
    waited_for: BTreeSet<String>,
    people: BTreeMap<PersonKey, (Person, Vec<OpenEvent>)>,
}

impl Groups {
    async fn resolve(&mut self, ports: Ports<'_>, c: &ConnectionId, events: &[OpenEvent]) -> Result<(), StateError> {
        let wanted: BTreeSet<String> = events.iter().flat_map(|open| aliases(&open.event)).collect();
        let wanted: Vec<String> = wanted.into_iter().filter(|alias| !self.by_alias.contains_key(alias)).collect();
        let found = ports.table.load_aliases(c, &wanted).await?;
        let keys: BTreeSet<PersonKey> = found.iter().map(|(_, key)| key.clone()).filter(|key| !self.people.contains_key(key)).collect();
        for person in ports.table.load_people(c, self.organization.as_deref(), &keys.into_iter().collect::<Vec<_>>()).await? {
            self.people.insert(person.key.clone(), (person, Vec::new()));
        }
        self.by_alias.extend(found.into_iter().filter(|(_, key)| self.people.contains_key(key)));
        Ok(())
    }

    /// Gives each event to its person. An unknown platform id with a known address becomes one more identity of that
    /// person, since event apps issue a new id per event; unless the document says that it is somebody else.
    fn assign(&mut self, c: &ConnectionId, events: &mut Vec<OpenEvent>) {
        events.sort_by(|a, b| a.event.order().cmp(&b.event.order()));
        for open in events.drain(..) {
            let identities = aliases(&open.event);
            let known = identities.iter().find_map(|alias| self.by_alias.get(alias).filter(|key| self.may_be(alias, &identities, key))).cloned();
            let Some(key) = known.or_else(|| identities.first().map(|alias| PersonKey::of(c, alias))) else { continue };
            for alias in identities {
                self.by_alias.entry(alias).or_insert_with(|| key.clone());
            }
            let (_, events) = self.people.entry(key.clone()).or_insert_with(|| (Person::new(key), Vec::new()));
            events.push(open);
        }
    }

    /// Whether an identity leads to its person: where an address does not make two ids one person, it leads only to those who
    /// have no id.
    fn may_be(&self, alias: &str, identities: &[String], key: &PersonKey) -> bool {
        let by_id = |alias: &String| is_id_alias(alias);
        let strict = self.same_email == SameEmail::Park && !is_id_alias(alias) && identities.iter().any(by_id);
        !strict
            || self.people.get(key).is_some_and(|(person, events)| {
                let stated = events.iter().flat_map(|open| aliases(&open.event));
                !person.aliases.iter().any(by_id) && !stated.into_iter().any(|alias| by_id(&alias))
            })
    }

    /// The cases, those who come first in order of occurrence: an address that nobody has any more is theirs.
    fn cases(mut self) -> Vec<Case> {
        let mut order: Vec<_> =
            self.people.iter().map(|(key, (_, events))| (events.first().map(|open| open.event.occurred_at), key.clone())).collect();
        order.sort();
        let claims: BTreeMap<PersonKey, Claims> = order.into_iter().map(|(_, key)| (key.clone(), self.claims(&key))).collect();
        let cases = self.people.into_values().zip(claims.into_values());
        cases.map(|((person, events), Claims { foreign, taken, twin })| Case { foreign, taken, twin, ..Case::new(person, events) }).collect()
    }

    fn claims(&mut self, key: &PersonKey) -> Claims {
        let mut claims = Claims::default();
        let Some((_, events)) = self.people.get(key).filter(|(_, events)| !events.is_empty()) else { return claims };
        let own = self.address_of(key);
        let identities: BTreeSet<String> = events.iter().flat_map(|open| aliases(&open.event)).chain(own.clone()).collect();
        for alias in identities {
            let Some(owner) = self.by_alias.get(&alias).filter(|owner| *owner != key) else { continue };
            let strict = self.same_email == SameEmail::Park && Some(&alias) == own.as_ref();
            let theirs_still = self.address_of(owner).is_none_or(|theirs| theirs == alias);
            if strict && !theirs_still {
                claims.taken.insert(alias, owner.clone());
                continue;
            }
            if strict {
                let quiet = self.people.get(owner).filter(|(_, events)| events.is_empty()).and_then(|(owner, _)| owner.link.as_ref());
                let record = quiet.filter(|_| self.waited_for.insert(alias.clone())).map(|link| (link.object.clone(), link.id));
                claims.twin = Some(Twin { key: owner.clone(), address: alias.clone(), record, gone: false });
            }
            claims.foreign.insert(alias);
        }
        self.by_alias.extend(claims.taken.keys().map(|alias| (alias.clone(), key.clone())));
        claims
    }

    /// The address that somebody will have once their events are folded, as an identity.
    fn address_of(&self, key: &PersonKey) -> Option<String> {
        let (person, events) = self.people.get(key)?;
        latest_address(person, events).map(|address| email_alias(&address))
    }
}

/// A person's claims to identities that belong to others.
#[derive(Default)]
struct Claims {
    /// Those that stay with the others.
    foreign: BTreeSet<String>,
    /// Those that the others do not need any more, where an address does not make two ids one person.
    taken: BTreeMap<String, PersonKey>,
    /// Who else has the address that the person has now.
    twin: Option<Twin>,
}
