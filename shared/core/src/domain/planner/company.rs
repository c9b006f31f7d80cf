//! Companies among the people of a batch: whose events tell of which, and what becomes of their accounts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Found, Linked, Shared, Situation, event::Done, events, reconcile, record, target};
use crate::domain::{
    company::{identities, is_id},
    engine::Engine,
    event::Event,
    ids::{ConnectionId, EventId, FieldName, PersonKey, RecordId},
    person::Person,
    plan::{Identities, Note, Outcome, PersonPlan, Write, WriteId},
};

/// Tells each event which company it names, and answers those companies, with the events that name them. `owners` are the companies that
/// identities lead to, `stored` what is known of these.
#[must_use]
pub fn gather(engine: &Engine, people: &mut [Case], owners: BTreeMap<String, PersonKey>, stored: Vec<Person>) -> Vec<Case> {
    let connection = &engine.document.connection.id;
    let companies = stored.into_iter().map(|company| (company.key.clone(), Case::new(company, Vec::new()))).collect();
    let mut gathering = Gathering { connection, owners, companies };
    let mut events: Vec<_> = people.iter_mut().flat_map(|case| &mut case.events).collect();
    events.sort_by(|a, b| a.event.order().cmp(&b.event.order()));
    for open in events {
        let Some(stated) = engine.company_of(&open.event) else { continue };
        let named = identities(&stated);
        let case = gathering.company(&named);
        open.company = Some(case.person.key.clone());
        case.events.push(open.clone());
    }
    gathering.companies.into_values().collect()
}

/// A company of which something is said, as it was and as it is from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldCompany {
    /// As it was.
    pub before: Person,
    /// As it is; the same where nothing of it counts as a statement.
    pub company: Person,
    /// How many of those that were told are about it.
    pub events: u64,
}

/// Takes over what is said of companies by no event of anybody's: each of `told` is about a company alone.
#[must_use]
pub fn tell(engine: &Engine, told: &[Event], owners: BTreeMap<String, PersonKey>, stored: Vec<Person>) -> Vec<ToldCompany> {
    let companies = stored.iter().map(|company| (company.key.clone(), Case::new(company.clone(), Vec::new()))).collect();
    let mut gathering = Gathering { connection: &engine.document.connection.id, owners, companies };
    let mut events = BTreeMap::<PersonKey, u64>::new();
    for event in told {
        let Some(stated) = engine.company_of(event) else { continue };
        let case = gathering.company(&identities(&stated));
        *events.entry(case.person.key.clone()).or_default() += 1;
        case.person.fold_company(event, &stated, |path| engine.clears(path));
        case.person.aliases.retain(|alias| !case.foreign.contains(alias));
    }
    let mut before: BTreeMap<PersonKey, Person> = stored.into_iter().map(|company| (company.key.clone(), company)).collect();
    let of_company = |case: Case| {
        let company = case.person;
        let before = before.remove(&company.key).unwrap_or_else(|| Person::new_company(company.key.clone()));
        Some(ToldCompany { events: *events.get(&company.key)?, before, company })
    };
    gathering.companies.into_values().filter_map(of_company).collect()
}

struct Gathering<'a> {
    connection: &'a ConnectionId,
    owners: BTreeMap<String, PersonKey>,
    companies: BTreeMap<PersonKey, Case>,
}

impl Gathering<'_> {
    /// The company of these identities: that of the platform's id, else the one of that name, unless it has another id.
    fn company(&mut self, named: &[String]) -> &mut Case {
        let is_theirs = |identity: &String, key: &PersonKey| {
            let strict = !is_id(identity) && named.iter().any(|identity| is_id(identity));
            !strict || self.owners.iter().all(|(identity, owner)| owner != key || !is_id(identity)) && !self.has_id(key)
        };
        let known = named.iter().find_map(|identity| self.owners.get(identity).filter(|key| is_theirs(identity, key)).cloned());
        let key = known.unwrap_or_else(|| PersonKey::of(self.connection, named.first().map(String::as_str).unwrap_or_default()));
        for identity in named {
            self.owners.entry(identity.clone()).or_insert_with(|| key.clone());
        }
        let case = self.companies.entry(key.clone()).or_insert_with(|| Case::new(Person::new_company(key.clone()), Vec::new()));
        case.foreign.extend(named.iter().filter(|identity| self.owners.get(*identity) != Some(&key)).cloned());
        case
    }

    fn has_id(&self, key: &PersonKey) -> bool {
        self.companies.get(key).is_some_and(|case| case.person.aliases.iter().any(|identity| is_id(identity)))
    }
}

/// What becomes of a company.
#[derive(Debug)]
pub(super) struct Company {
    /// What is written and stored of it.
    pub plan: PersonPlan,
    /// Its account.
    pub account: Account,
    before: Person,
    /// The events that tell something new of it, and the write that they wait for.
    news: BTreeSet<EventId>,
    step: Option<WriteId>,
}

/// The account of a company, as a new contact needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// It is there.
    There(RecordId),
    /// This write makes it.
    Made(WriteId),
    /// Several have its name.
    Several,
    /// There is none.
    None,
}

impl Company {
    /// What an event waits for, beside its person.
    pub(super) fn step(&self, event: &EventId) -> Option<Done> {
        self.step.filter(|_| self.news.contains(event)).map(Done::Waits)
    }

    /// What people are told who have an event that says what does not fit its account.
    pub(super) fn notes(&self, event: &EventId) -> Vec<Note> {
        let problem = self.plan.problem.as_ref().filter(|_| self.news.contains(event));
        let fields = problem.into_iter().flat_map(|problem| problem.fields.iter().map(|field| (field, &problem.code)));
        fields
            .filter_map(|(field, code)| Some(Note::Waits { field: FieldName::parse(&format!("Account.{field}")).ok()?, code: code.clone() }))
            .collect()
    }

    /// What is stored of it.
    pub(super) fn end(mut self) -> PersonPlan {
        self.plan.identities = Identities::between(&self.before, &self.plan.person, &BTreeMap::new());
        self.plan.save = self.plan.record.is_some() || self.plan.compare || self.plan.person != self.before;
        self.plan
    }
}

/// Plans a company: what events tell of it, or a run has found. An account is made by a new contact only.
pub(super) fn plan_company(situation: &Situation<'_>, mut case: Case, writes: &mut Vec<Write>, shared: &mut Shared) -> Company {
    case.events.sort_by(|a, b| a.event.order().cmp(&b.event.order()));
    let before = case.person.clone();
    let live = events::sort_out(situation.engine, &mut case).live;
    let mut plan = PersonPlan::new(case.person, &before, case.run.is_some());
    let mut step = None;
    if let Some(ways) = case.run {
        reconcile::plan_both_ways(situation, ways, &case.found, &mut plan, writes, shared);
    } else {
        let ways = situation.engine.document.reconciliation.ways();
        let target = target::choose(situation, &plan.person, &case.found, &mut shared.claimed, &mut plan.notes);
        let planned = target.and_then(|target| record::plan_record(situation, &mut plan, &target, &live));
        match planned {
            Ok(Some(write)) => {
                writes.push(write);
                plan.record = Some(WriteId(writes.len() - 1));
                step = plan.record;
            }
            // What stops the account stops nobody's event.
            Err(Outcome::Parked { problem }) => {
                plan.compare |= ways.any();
                plan.problem = Some(problem);
            }
            Ok(None) | Err(_) => {}
        }
        let is_another = plan.person.link.as_ref().map(|link| link.id) != plan.former;
        plan.compare |= ways.any() && is_another && situation.engine.updates("Account");
        let unwritten = live.iter().filter(|live| live.news && !live.updates).map(|live| live.open.event.occurred_at).max();
        if ways.push && plan.person.link.is_some() && !live.iter().any(|live| live.updates) {
            plan.person.pending = plan.person.pending.or(unwritten);
        }
    }
    let account = account_of(&plan, &case.found);
    let news = live.iter().filter(|live| live.news).map(|live| live.open.event.id.clone()).collect();
    Company { plan, account, before, news, step }
}

/// The account that new contacts of a company hang on. One of its name is, even where it is another company's, too: the name is all
/// that there is to go by.
fn account_of(plan: &PersonPlan, found: &Found) -> Account {
    let linked = plan.person.link.as_ref().map(|link| link.id);
    let there = match found.linked {
        Linked::Gone if linked == plan.former => found.master.as_ref().map(|master| master.id),
        _ => linked,
    };
    let mut named = target::of_name(&plan.person, found).map(|account| account.id);
    match (there, named.next(), named.next()) {
        (Some(id), ..) | (None, Some(id), None) => Account::There(id),
        (None, Some(_), Some(_)) => Account::Several,
        (None, None, _) => Account::None,
    }
}
