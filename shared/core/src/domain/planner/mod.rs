//! From what is known to what is to be done. Pure: `plan(situation)` reads nothing else and decides everything; executing
//! the plan decides nothing.

mod account;
mod activity;
mod company;
mod confirm;
mod event;
mod events;
mod field;
mod known;
mod member;
mod object;
mod owner;
mod reconcile;
mod record;
mod target;
mod timeline;
mod told;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use company::Company;
pub use company::{ToldCompany, gather, tell};
use events::Live;
pub use field::differs_by_time;
use jiff::Timestamp;
pub use known::{CampaignState, KeyOfRecord, Known};
pub use owner::stated_owners;
pub use reconcile::would_mark;
use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use timeline::{Entries, Past, plan_entries};
pub use told::{records_of, timed};

use super::{
    config::Ways,
    engine::Engine,
    event::{Event, normalise_email},
    ids::{FieldName, ObjectName, PersonKey, RecordId},
    mapping::merge::SeenAt,
    person::Person,
    plan::{Cause, EventPlan, Fate, Identities, Outcome, PersonPlan, Plan, Unchanged, Write, WriteId, address},
    schema::Schemas,
    words::Sentence,
};

/// All that a plan depends on.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The configuration, ready for use.
    pub engine: &'a Engine,
    /// What the org's objects look like.
    pub schemas: &'a Schemas,
    /// What is known of the org besides these people.
    pub known: &'a Known,
    /// The moment.
    pub now: Timestamp,
    /// Which people own which records already.
    pub owners_of_records: &'a BTreeMap<RecordId, PersonKey>,
}

/// A Salesforce user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: RecordId,
    /// Only active users can own what is created.
    pub active: bool,
}

/// One person, their open events, and what Salesforce has about them. Or a company, with the events that tell of it, which end with their
/// people.
#[derive(Debug, Clone)]
pub struct Case {
    /// As stored, or new.
    pub person: Person,
    /// In any order.
    pub events: Vec<OpenEvent>,
    /// What the look-up found.
    pub found: Found,
    /// Identities that the events give and that belong to somebody else already: those stay theirs.
    pub foreign: BTreeSet<String>,
    /// Identities that lead to somebody who no longer has the address: they lead to this person from now on.
    pub taken: BTreeMap<String, PersonKey>,
    /// Somebody else has the same e-mail address, and the document does not take them for one person.
    pub twin: Option<Twin>,
    /// Set where no event, but a run looks at the person.
    pub run: Option<Ways>,
}

/// Who has the address that another one comes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// They.
    pub key: PersonKey,
    /// The address, as an identity.
    pub address: String,
    /// Their record, where the address may pass on once that is gone: to who came first, and while they state nothing new.
    pub record: Option<(ObjectName, RecordId)>,
    /// Whether that record is gone.
    pub gone: bool,
}

impl Case {
    /// A person with their events, of whom nobody has looked for anything yet.
    #[must_use]
    pub fn new(person: Person, events: Vec<OpenEvent>) -> Self {
        Self { person, events, found: Found::default(), foreign: BTreeSet::new(), taken: BTreeMap::new(), twin: None, run: None }
    }

    /// Somebody whom a run looks at, likewise.
    #[must_use]
    pub fn of_run(person: Person, ways: Ways) -> Self {
        Self { run: Some(ways), ..Self::new(person, Vec::new()) }
    }

    /// Takes an address over from somebody whose record is gone, unless another record has it: that may be theirs.
    fn inherit(&mut self) {
        let free = self.found.contacts.iter().chain(&self.found.leads).all(|found| found.by_key);
        if let Some(twin) = self.twin.take_if(|twin| twin.gone && free) {
            self.foreign.remove(&twin.address);
            self.taken.insert(twin.address, twin.key);
        }
    }
}

/// The normalised address that a person will have once their events, which come in order of occurrence, are folded.
#[must_use]
pub fn latest_address(person: &Person, events: &[OpenEvent]) -> Option<String> {
    let known = person.attributes.get("person.email");
    let newer = |event: &Event| known.is_none_or(|known| (known.at, known.event.as_ref()) <= (event.occurred_at, Some(&event.id)));
    let stated = events.iter().rev().filter(|open| newer(&open.event)).find_map(|open| open.event.email());
    stated.or_else(|| person.email().map(normalise_email))
}

/// An event without a final outcome.
#[derive(Debug, Clone)]
pub struct OpenEvent {
    /// The event.
    pub event: Event,
    /// Steps that are done already, with their records.
    pub done: BTreeMap<String, RecordId>,
    /// Set where an earlier try may have gone unseen.
    pub doubt: Option<Timestamp>,
    /// The company that it names, where companies matter.
    pub company: Option<PersonKey>,
}

/// What Salesforce has about a person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The linked record: not asked for, gone, or there.
    pub linked: Linked,
    /// Contacts with the person's e-mail address or key.
    pub contacts: Vec<Match>,
    /// Leads likewise, converted ones included.
    pub leads: Vec<Match>,
    /// Of a company: accounts with its name or key.
    pub accounts: Vec<Match>,
    /// Activities that an earlier try in doubt may have made.
    pub activities: Vec<FoundActivity>,
    /// Memberships in the campaigns of the person's events.
    pub members: Vec<FoundMember>,
    /// The record that the linked one was merged into.
    pub merged_into: Option<RecordId>,
    /// What that one has, where it is there.
    pub master: Option<Match>,
    /// When the linked record was deleted, where Salesforce says so.
    pub deleted: Option<Timestamp>,
}

impl Found {
    /// The records of an object: accounts, contacts, or leads.
    pub fn of_mut(&mut self, object: &str) -> &mut Vec<Match> {
        match object {
            "Account" => &mut self.accounts,
            "Contact" => &mut self.contacts,
            _ => &mut self.leads,
        }
    }

    /// The records of the person that were read.
    pub fn read(&self) -> impl Iterator<Item = &Match> {
        let linked = if let Linked::There(read) = &self.linked { Some(read) } else { None };
        linked.into_iter().chain(&self.master).chain(&self.contacts).chain(&self.leads)
    }

    /// The same, to be added to.
    pub fn read_mut(&mut self) -> impl Iterator<Item = &mut Match> {
        let linked = if let Linked::There(read) = &mut self.linked { Some(read) } else { None };
        linked.into_iter().chain(&mut self.master).chain(&mut self.contacts).chain(&mut self.leads)
    }
}

/// A membership in a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundMember {
    /// The campaign.
    pub campaign: RecordId,
    /// The lead and the contact whose membership it is; after a conversion it is both's.
    pub who: BTreeSet<RecordId>,
    /// Its id and its values.
    pub read: Match,
}

/// What became of the linked record.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Linked {
    /// There is no link, or nobody needed to look.
    #[default]
    NotRead,
    /// It is not there any more (deleted or merged away, or hidden from us).
    Gone,
    /// It is there.
    There(Match),
}

/// A record that may be the person's.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Its id.
    pub id: RecordId,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last modified.
    pub modified: Option<Timestamp>,
    /// Whether our own user was the last to modify it; no where nobody knows who our user is.
    pub left_by_us: bool,
    /// How late the values of some fields are, by their history. It is read where a rule goes by time and the org keeps it.
    pub changed: BTreeMap<FieldName, Timestamp>,
    /// Whether it has the person's key: then it is theirs, whatever its address.
    pub by_key: bool,
    /// For a converted lead: its contact.
    pub converted_to: Option<Conversion>,
    /// The e-mail address of the user who owns it, where that was read; queues have none.
    pub owner: Option<String>,
    /// The mapped fields, as read.
    pub values: BTreeMap<FieldName, Value>,
}

impl Match {
    /// Whether we made it and nobody has modified it since.
    #[must_use]
    pub fn is_as_we_made_it(&self) -> bool {
        self.left_by_us && self.created.is_some() && self.created == self.modified
    }

    /// How late the value of a field is. No field is later than its record.
    #[must_use]
    pub fn stated_at(&self, field: &FieldName) -> Option<SeenAt> {
        match self.changed.get(field) {
            Some(at) => Some(SeenAt::Field(self.modified.map_or(*at, |modified| modified.min(*at)))),
            None => self.modified.map(SeenAt::Record),
        }
    }
}

/// What a lead was converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// The contact, where it is visible.
    pub contact: Option<RecordId>,
}

/// An activity that stands in Salesforce.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundActivity {
    /// Event or Task.
    pub object: ObjectName,
    /// Its id.
    pub id: RecordId,
    /// Whom it is about.
    pub who: RecordId,
    /// Its subject.
    pub subject: String,
    /// When it began.
    pub start: Option<Timestamp>,
}

/// Makes the plan. People keep the order of `cases`, and companies come after them; a person's events go by time of occurrence.
#[must_use]
pub fn plan(situation: &Situation<'_>, cases: Vec<Case>) -> Plan {
    let mut plan = Plan { config_version: situation.engine.version, ..Plan::default() };
    let mut shared = Shared::default();
    let (companies, people): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| case.person.is_company());
    for case in companies {
        let company = company::plan_company(situation, case, &mut plan.writes, &mut shared);
        shared.companies.insert(company.plan.person.key.clone(), company);
    }
    for case in people {
        let person = plan_person(situation, case, &mut plan.writes, &mut shared);
        plan.people.push(person);
    }
    plan.people.extend(std::mem::take(&mut shared.companies).into_values().map(Company::end));
    plan.told = shared.records.into_values().filter(|told| situation.known.times.get(&told.key) != Some(&told.times)).collect();
    plan
}

/// What the people of a plan share.
#[derive(Debug, Default)]
struct Shared {
    /// Records that are somebody's already.
    claimed: BTreeSet<RecordId>,
    /// Their companies.
    companies: BTreeMap<PersonKey, Company>,
    /// Accounts that are made, by name.
    accounts: BTreeMap<String, WriteId>,
    /// Records of workflows.
    records: told::Planned,
}

fn plan_person(situation: &Situation<'_>, mut case: Case, writes: &mut Vec<Write>, shared: &mut Shared) -> PersonPlan {
    case.events.sort_by(|a, b| a.event.order().cmp(&b.event.order()));
    case.inherit();
    let before = case.person.clone();
    let mut sorted = events::sort_out(situation.engine, &mut case);
    let mut person_plan = PersonPlan {
        identities: Identities::between(&before, &case.person, &case.taken),
        save: !sorted.live.is_empty(),
        events: std::mem::take(&mut sorted.settled),
        companies: sorted.live.iter().filter_map(|live| live.open.company.clone()).collect(),
        ..PersonPlan::new(case.person, &before, case.run.is_some())
    };
    if sorted.live.is_empty() {
        if let Some(ways) = case.run {
            reconcile::plan_both_ways(situation, ways, &case.found, &mut person_plan, writes, shared);
            person_plan.save = person_plan.record.is_some() || person_plan.compare || person_plan.person != before;
            person_plan.identities = Identities::between(&before, &person_plan.person, &case.taken);
        }
        return person_plan;
    }
    if case.twin.is_some() {
        let message = Sentence::new(
            "Another person of this connection has the same e-mail address.",
            "Une autre personne de cette connexion a la même adresse e-mail.",
        );
        let outcome = Outcome::Parked { problem: Cause::new("same_email", situation.engine.say(&message)) };
        settle_all(&mut person_plan, &sorted.live, &outcome);
        person_plan.identities.waits_for = address(&person_plan.person);
        return person_plan;
    }
    if sorted.live.iter().all(Live::only_tells) {
        let push = situation.engine.document.reconciliation.ways().push;
        let news = sorted.live.iter().filter(|live| live.news).map(|live| live.open.event.occurred_at).max();
        person_plan.person.pending = person_plan.person.pending.or(news.filter(|_| push));
        let because = if push { Unchanged::WithRun } else { Unchanged::NoWorkflow };
        settle_all(&mut person_plan, &sorted.live, &Outcome::Unchanged { because });
        return person_plan;
    }
    let target = target::choose(situation, &person_plan.person, &case.found, &mut shared.claimed, &mut person_plan.notes)
        .and_then(|target| Ok((record::plan_record(situation, &mut person_plan, &target, &sorted.live)?, target)));
    let (record, target) = match target {
        Ok(planned) => planned,
        Err(outcome) => {
            settle_all(&mut person_plan, &sorted.live, &outcome);
            return person_plan;
        }
    };
    let ways = situation.engine.document.reconciliation.ways();
    let is_another = person_plan.person.link.as_ref().map(|link| link.id) != person_plan.former;
    person_plan.compare = ways.any() && matches!(target, target::Target::Existing { .. }) && is_another;
    let (account, record) = match record {
        Some(mut write) => {
            let account = account::attach(situation, &mut person_plan, &mut write, writes, shared);
            writes.push(write);
            (account, Some(WriteId(writes.len() - 1)))
        }
        None => (None, None),
    };
    person_plan.record = record;
    // What an event states and no action of it writes goes with the next run.
    let unwritten = sorted.live.iter().filter(|live| live.news && !live.updates).map(|live| live.open.event.occurred_at).max();
    if ways.push && !sorted.live.iter().any(|live| live.updates) {
        person_plan.person.pending = person_plan.person.pending.or(unwritten);
    }
    let who = activity::Who::of(&target, record, account);
    let mut steps = member::plan_members(situation, &mut person_plan, &who, &sorted.live, &case.found.members, writes, &mut shared.records);
    for (i, more) in object::plan_records(situation, &mut person_plan, &who, &sorted.live, writes, &mut shared.records) {
        steps.entry(i).or_default().extend(more);
    }
    for (i, live) in sorted.live.iter().enumerate() {
        let company = live.open.company.as_ref().and_then(|company| shared.companies.get(company));
        let event = &live.open.event.id;
        steps.entry(i).or_default().extend(company.and_then(|company| company.step(event)).map(Ok));
        for note in company.into_iter().flat_map(|company| company.notes(event)) {
            if !person_plan.notes.contains(&note) {
                person_plan.notes.push(note);
            }
        }
    }
    for (i, live) in sorted.live.iter().enumerate() {
        let steps = steps.remove(&i).unwrap_or_default();
        let fate = event::plan_event(situation, &mut person_plan, live, &who, &case.found.activities, steps, writes);
        person_plan.events.push(EventPlan { event: live.open.event.id.clone(), fate });
    }
    person_plan
}

fn settle_all(plan: &mut PersonPlan, live: &[Live], outcome: &Outcome) {
    plan.events.extend(live.iter().map(|live| EventPlan { event: live.open.event.id.clone(), fate: Fate::Settled(outcome.clone()) }));
}
