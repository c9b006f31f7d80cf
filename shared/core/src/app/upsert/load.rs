//! From event ids to cases: events, the people they are about, and the events that those people are waiting with.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    adapters::state::{StateError, events::StoredEvent},
    domain::{
        config::{Action, SameEmail},
        engine::Engine,
        event::{Event, normalise_email},
        ids::{ConnectionId, EventId, PersonKey},
        person::{Person, aliases, email_alias, is_id_alias},
        planner::{Case, OpenEvent, latest_address},
    },
    ports::Ports,
};

/// The most items that one transaction records for a person's events: their own, and those of records that they tell of. A
/// transaction takes a hundred, and the person has items of their own.
const ITEMS_PER_PERSON: usize = 50;

/// Cases, and what is needed to record them.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub cases: Vec<Case>,
    /// What is stored of each event.
    pub stored: BTreeMap<EventId, StoredEvent>,
}

/// Loads the open events among `ids` with their people. Events that are done, absent or unreadable are left out; so are a
/// person's events beyond those that one transaction takes, which stay due.
pub(super) async fn load(ports: Ports<'_>, engine: &Engine, ids: &[EventId]) -> Result<Loaded, StateError> {
    let c = &engine.document.connection.id;
    let mut loaded = Loaded::default();
    let mut groups = Groups { same_email: engine.document.people.same_email, ..Groups::default() };
    let mut events = open_events(ports, c, ids, &mut loaded.stored).await?;
    groups.resolve(ports, c, &events).await?;
    groups.assign(c, &mut events);

    // A person's parked events are planned together with their new ones: what was missing may be there now.
    let waiting: BTreeSet<EventId> = groups.people.values().flat_map(|(person, _)| person.waiting.iter().cloned()).collect();
    let waiting: Vec<EventId> = waiting.into_iter().filter(|id| !loaded.stored.contains_key(id)).collect();
    let mut more = open_events(ports, c, &waiting, &mut loaded.stored).await?;
    groups.resolve(ports, c, &more).await?;
    groups.assign(c, &mut more);

    for (_, events) in groups.people.values_mut() {
        events.sort_by(|a, b| (a.event.occurred_at, &a.event.id).cmp(&(b.event.occurred_at, &b.event.id)));
        truncate(engine, events);
    }
    let claims: Vec<_> = groups.people.values().map(|(person, events)| groups.claims(person, events)).collect();
    let cases = groups.people.into_values().zip(claims);
    loaded.cases = cases.map(|((person, events), (foreign, twin))| Case { foreign, twin, ..Case::new(person, events) }).collect();
    Ok(loaded)
}

/// Leaves as many events as one transaction records, one at least.
fn truncate(engine: &Engine, events: &mut Vec<OpenEvent>) {
    let records = |event: &Event| engine.possible_actions(event).filter(|(_, _, action)| is_of_record(action)).count();
    let mut items = 0;
    let fit = events.iter().take_while(|open| {
        items += 1 + records(&open.event);
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
    c: &ConnectionId,
    ids: &[EventId],
    stored: &mut BTreeMap<EventId, StoredEvent>,
) -> Result<Vec<OpenEvent>, StateError> {
    let mut open = Vec::new();
    for (id, item) in ports.table.load_events(c, ids).await? {
        if !item.is_open() {
            continue;
        }
        match serde_json::from_str::<Event>(&item.body) {
            Ok(event) => open.push(OpenEvent { event, done: item.done.clone(), doubt: item.doubt }),
            Err(_) => tracing::error!(connection.id = %c, event.id = %id, code = "event_unreadable", "stored event cannot be read"),
        }
        stored.insert(id, item);
    }
    Ok(open)
}

/// People with their events, found by identity: the platform's id first, then the e-mail address.
#[derive(Default)]
struct Groups {
    same_email: SameEmail,
    by_alias: BTreeMap<String, PersonKey>,
    people: BTreeMap<PersonKey, (Person, Vec<OpenEvent>)>,
}

impl Groups {
    async fn resolve(&mut self, ports: Ports<'_>, c: &ConnectionId, events: &[OpenEvent]) -> Result<(), StateError> {
        let wanted: BTreeSet<String> = events.iter().flat_map(|open| aliases(&open.event)).collect();
        let wanted: Vec<String> = wanted.into_iter().filter(|alias| !self.by_alias.contains_key(alias)).collect();
        let found = ports.table.load_aliases(c, &wanted).await?;
        let keys: BTreeSet<PersonKey> = found.iter().map(|(_, key)| key.clone()).filter(|key| !self.people.contains_key(key)).collect();
        for person in ports.table.load_people(c, &keys.into_iter().collect::<Vec<_>>()).await? {
            self.people.insert(person.key.clone(), (person, Vec::new()));
        }
        self.by_alias.extend(found.into_iter().filter(|(_, key)| self.people.contains_key(key)));
        Ok(())
    }

    /// Gives each event to its person. An unknown platform id with a known address becomes one more identity of that
    /// person, since event apps issue a new id per event; unless the document says that it is somebody else.
    fn assign(&mut self, c: &ConnectionId, events: &mut Vec<OpenEvent>) {
        events.sort_by(|a, b| (a.event.occurred_at, &a.event.id).cmp(&(b.event.occurred_at, &b.event.id)));
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

    /// The identities among those of a person's events that belong to others, and whether somebody else has the address that
    /// the person has now. The person of an address that they no longer have keeps it as an identity and is no twin.
    fn claims(&self, person: &Person, events: &[OpenEvent]) -> (BTreeSet<String>, bool) {
        let others = |alias: &String| self.by_alias.get(alias).is_some_and(|owner| *owner != person.key);
        let foreign = events.iter().flat_map(|open| aliases(&open.event)).filter(others).collect();
        let twin = latest_address(person, events).is_some_and(|address| {
            let owner = self.by_alias.get(&email_alias(&address)).filter(|owner| **owner != person.key);
            let stored = owner.and_then(|owner| self.people.get(owner)).and_then(|(person, _)| person.email());
            owner.is_some() && stored.is_none_or(|current| normalise_email(current) == address)
        });
        (foreign, twin && self.same_email == SameEmail::Park)
    }
}
