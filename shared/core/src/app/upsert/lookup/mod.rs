//! What Salesforce has about the people of a batch: one composite call where that is enough.
//!
//! People without a link are looked for by their key and by e-mail address among contacts and leads; linked records are read only where a
//! rule needs their values or where there is doubt; collaborators are looked for among the users. Companies, which come after the people
//! of a batch, are looked for in the same call.

use std::collections::{BTreeMap, BTreeSet};

mod answers;
mod companies;
mod directory;
mod history;
mod others;
mod users;

pub(in crate::app) use answers::read_match;
use answers::{Places, by, each, take_activity, take_keyed, take_master, take_match, take_read, take_twin, twins};
use companies::{parts, take_account};
pub(super) use directory::Directory;
use history::History;

use crate::{
    adapters::salesforce::{
        ApiVersion, SalesforceError, Sub, collections,
        composite::{Composite, CompositeAnswer, MAX_QUERIES_AND_COLLECTIONS},
        soql::{self, Row},
    },
    app::access::{Access, AccessError},
    domain::{
        config::Action,
        engine::Engine,
        ids::{FieldName, ObjectName, RecordId},
        person::email_alias,
        planner::{Case, Linked, latest_address},
        schema::Schemas,
    },
};

/// One question of a call, and how its answer is taken in.
#[derive(Debug, Clone)]
enum Question {
    ByEmail(&'static str),
    ByKey(&'static str, FieldName),
    ById(&'static str, Vec<RecordId>),
    Users,
    Owners,
    Queues,
    Activities(&'static str),
    Campaigns,
    CampaignNames,
    Masters,
    Twins,
    Members,
    Accounts,
    Records(ObjectName, FieldName),
    History(&'static str),
}

/// Fills in what Salesforce has of the people, and what else of the org they depend on.
pub(super) async fn look_up(
    access: &mut Access<'_>,
    engine: &Engine,
    schemas: &Schemas,
    directory: &mut Directory,
    cases: &mut [Case],
) -> Result<(), AccessError> {
    let mut look = Look { engine, schemas, directory, histories: BTreeMap::new(), contacts: BTreeSet::new(), doubtful: BTreeSet::new() };
    // Gone until the org shows it.
    twins(cases).for_each(|twin| twin.gone = twin.record.is_some());
    let questions = look.first_questions(access, cases)?;
    look.ask(access, questions, cases).await?;
    look.date(our_user(access), cases);
    look.directory.settle();
    let questions = look.second_questions(access, cases)?;
    look.ask(access, questions, cases).await?;
    let questions = look.third_questions(access, cases)?;
    look.ask(access, questions, cases).await?;
    let questions = look.fourth_questions(access, cases)?;
    look.ask(access, questions, cases).await?;
    let questions = look.owners_of_records(access, cases)?;
    look.ask(access, questions, cases).await
}

struct Look<'a> {
    engine: &'a Engine,
    schemas: &'a Schemas,
    directory: &'a mut Directory,
    histories: BTreeMap<&'static str, History>,
    /// Contacts of converted leads that were asked for.
    contacts: BTreeSet<RecordId>,
    /// Records whose activities were asked for.
    doubtful: BTreeSet<String>,
}

type Asked = (Question, Sub);

/// The way from a record to its owner's address.
const OWNER_EMAIL: &str = "Owner.Email";

impl Look<'_> {
    fn first_questions(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut asked = Vec::new();
        let (cases, companies) = parts(cases);
        let searched: BTreeSet<String> = cases.iter().filter(|case| is_searched(case)).flat_map(addresses).collect();
        asked.extend(self.by_email(access, &searched)?);
        let (known, unknown): (Vec<&Case>, Vec<&Case>) = cases.iter().filter(|case| is_searched(case)).partition(|case| may_have_been_made(case));
        asked.extend(self.by_key(access, &known)?);
        for object in ["Lead", "Contact"] {
            let ids = cases.iter().filter(|case| self.reads_link(case, object)).filter_map(|case| case.person.link.as_ref().map(|link| link.id));
            asked.extend(self.by_id(access, object, ids.collect())?);
        }
        asked.extend(self.users(access, cases)?);
        asked.extend(self.twins(access, cases)?);
        asked.extend(self.companies(access, cases, companies)?);
        asked.extend(self.further_questions(access, cases)?);
        asked.extend(self.histories(access, cases));
        // Whom we do not know has a record of ours only where our state was lost. That is looked for where it costs no call.
        let free = asked.len().next_multiple_of(MAX_QUERIES_AND_COLLECTIONS) - asked.len();
        asked.extend(Some(self.by_key(access, &unknown)?).filter(|more| more.len() <= free).unwrap_or_default());
        Ok(asked)
    }

    /// What the first answers raised: links that are gone, converted leads, and activities that may be there already.
    fn second_questions(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut asked = self.merged(access, cases)?;
        let (cases, companies) = parts(cases);
        asked.extend(self.lost_companies(access, companies)?);
        let lost: Vec<&Case> = cases.iter().filter(|case| case.found.linked == Linked::Gone && !is_searched(case) && case.run.is_none()).collect();
        asked.extend(self.by_email(access, &lost.iter().copied().flat_map(addresses).collect())?);
        asked.extend(self.by_key(access, &lost)?);
        if self.directory.has_missing() {
            let names = "SELECT Name FROM Campaign WHERE IsActive = true ORDER BY LastModifiedDate DESC LIMIT 200";
            asked.push((Question::CampaignNames, soql::query(access.version(), "q", names)));
        }
        asked.extend(self.contacts(access, cases)?);
        asked.extend(self.activities(access, cases)?);
        Ok(asked)
    }

    /// The contacts that leads were converted to, each once.
    fn contacts(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        if !self.engine.updates("Contact") && !cases.iter().any(|case| case.run.is_some() || self.unsubscribes(case)) {
            return Ok(Vec::new());
        }
        let converted = cases.iter().flat_map(|case| {
            let linked = if let Linked::There(found) = &case.found.linked { Some(found) } else { None };
            let leads = case.found.leads.iter().chain(linked).chain(&case.found.master);
            let contacts = leads.filter_map(|lead| lead.converted_to.and_then(|to| to.contact));
            contacts.filter(|contact| case.found.contacts.iter().all(|known| known.id != *contact))
        });
        let mut contacts: BTreeSet<RecordId> = converted.collect();
        contacts.retain(|contact| self.contacts.insert(*contact));
        self.by_id(access, "Contact", contacts)
    }

    /// The activities of whoever is in doubt, of each record that may be theirs and was not asked for yet.
    fn activities(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut asked = Vec::new();
        let doubtful = cases.iter().filter(|case| case.events.iter().any(|open| open.doubt.is_some()));
        let mut who: BTreeSet<String> = doubtful.flat_map(records).map(|id| id.to_string()).collect();
        who.retain(|record| self.doubtful.insert(record.clone()));
        for object in ["Event", "Task"] {
            // Where activities have a key of ours, a repeat finds what the first try made.
            if !who.is_empty() && self.schemas.key_field(object).is_none() {
                let start = if object == "Event" { ", StartDateTime" } else { "" };
                let head = format!("SELECT Id, WhoId, Subject{start} FROM {object} WHERE WhoId");
                asked.extend(queries(access, Question::Activities(object), &head, &who)?);
            }
        }
        Ok(asked)
    }

    /// The records of those who have an address that somebody else waits for: whether they are there, or merged into one that may be.
    fn twins(&self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut asked = Vec::new();
        for object in ["Lead", "Contact"] {
            let records = cases.iter().filter_map(|case| case.twin.as_ref()?.record.as_ref()).filter(|(of, _)| of.as_str() == object);
            let head = format!("SELECT Id FROM {object} WHERE (IsDeleted = false OR MasterRecordId != null) AND Id");
            asked.extend(queries_with_deleted(access, Question::Twins, &head, &records.map(|(_, id)| id.to_string()).collect())?);
        }
        Ok(asked)
    }

    /// What became of linked records that are gone: a merged one names the one that stays.
    fn merged(&self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut asked = Vec::new();
        for object in ["Lead", "Contact", "Account"] {
            let gone = cases
                .iter()
                .filter(|case| case.found.linked == Linked::Gone && case.found.deleted.is_none())
                .filter_map(|case| case.person.link.as_ref());
            let gone = gone.filter(|link| link.object.as_str() == object).map(|link| link.id.to_string()).collect();
            let head = format!("SELECT Id, MasterRecordId FROM {object} WHERE MasterRecordId != null AND Id");
            asked.extend(queries_with_deleted(access, Question::Masters, &head, &gone)?);
        }
        Ok(asked)
    }

    /// What the second answers raised: the records that others were merged into, and activities of records that were found by them.
    fn third_questions(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut asked = self.activities(access, parts(cases).0)?;
        for object in ["Lead", "Contact", "Account"] {
            let of_object = |case: &&Case| case.person.link.as_ref().is_some_and(|link| link.object.as_str() == object);
            let masters = cases.iter().filter(of_object).filter_map(|case| case.found.merged_into);
            asked.extend(self.by_id(access, object, masters.collect())?);
        }
        Ok(asked)
    }

    /// What the third answers raised: a lead that others were merged into may have been converted since.
    fn fourth_questions(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let people = parts(cases).0;
        let mut asked = self.contacts(access, people)?;
        asked.extend(self.activities(access, people)?);
        Ok(asked)
    }

    fn by_email(&self, access: &Access<'_>, emails: &BTreeSet<String>) -> Result<Vec<Asked>, AccessError> {
        let mut asked = Vec::new();
        for object in ["Contact", "Lead"] {
            if self.schemas.object(object).is_some() {
                let fields = columns(self.engine, object, self.fields(object));
                asked.extend(queries(access, Question::ByEmail(object), &format!("SELECT {fields} FROM {object} WHERE Email"), emails)?);
            }
        }
        Ok(asked)
    }

    /// By the key that people's records are made with, where the org has a field for it.
    fn by_key(&self, access: &Access<'_>, cases: &[&Case]) -> Result<Vec<Asked>, AccessError> {
        self.by_key_among(&["Contact", "Lead"], access, cases)
    }

    fn by_key_among(&self, objects: &[&'static str], access: &Access<'_>, cases: &[&Case]) -> Result<Vec<Asked>, AccessError> {
        let keys: BTreeSet<String> = cases.iter().map(|case| case.person.key.to_string()).collect();
        let mut asked = Vec::new();
        for &object in objects {
            if let Some(field) = self.schemas.key_field(object) {
                let fields = self.fields(object).into_iter().chain([field.clone()]).collect::<BTreeSet<_>>();
                let fields = columns(self.engine, object, fields);
                let head = format!("SELECT {fields} FROM {object} WHERE {field}");
                asked.extend(queries(access, Question::ByKey(object, field), &head, &keys)?);
            }
        }
        Ok(asked)
    }

    fn by_id(&self, access: &Access<'_>, object: &'static str, ids: BTreeSet<RecordId>) -> Result<Vec<Asked>, AccessError> {
        let ids: Vec<RecordId> = ids.into_iter().collect();
        let name = ObjectName::known(object);
        let mut asked = Vec::new();
        for chunk in ids.chunks(collections::MAX_READ) {
            // Records by their ids come without those that they refer to.
            let fields: Vec<FieldName> = self.fields(object).into_iter().filter(|field| !field.is_of_relation()).collect();
            let sub = collections::retrieve(access.version(), "q", &name, chunk, &fields).map_err(SalesforceError::from)?;
            asked.push((Question::ById(object, chunk.to_vec()), sub));
        }
        Ok(asked)
    }

    /// The fields to read: what identifies a record, and those mapped fields that the org has and shows us.
    fn fields(&self, object: &str) -> Vec<FieldName> {
        fields_of(self.engine, self.schemas, object)
    }

    /// Whether an event may be a wish to get no e-mails: whether that is so is decided by what the record says.
    fn unsubscribes(&self, case: &Case) -> bool {
        let mut actions = case.events.iter().flat_map(|open| self.engine.possible_actions(&open.event));
        actions.any(|(_, _, action)| matches!(action, Action::Unsubscribe(_)))
    }

    /// Whether the linked record must be read.
    fn reads_link(&self, case: &Case, object: &str) -> bool {
        let Some(link) = case.person.link.as_ref().filter(|link| link.object.as_str() == object) else { return false };
        if case.found.linked != Linked::NotRead {
            return false;
        }
        let needs = self.engine.updates(object) && self.engine.reads(object);
        link.recheck || needs || case.run.is_some() || self.unsubscribes(case) || case.events.iter().any(|open| open.doubt.is_some())
    }

    /// Asks everything, in as few calls as the limits allow, and takes the answers in.
    async fn ask(&mut self, access: &mut Access<'_>, asked: Vec<Asked>, cases: &mut [Case]) -> Result<(), AccessError> {
        let mut asked = asked.into_iter().peekable();
        while asked.peek().is_some() {
            let (mut questions, mut subs) = (Vec::new(), Vec::new());
            for (i, (question, sub)) in asked.by_ref().take(MAX_QUERIES_AND_COLLECTIONS).enumerate() {
                questions.push(question);
                subs.push(Sub { reference_id: format!("q{i}"), ..sub });
            }
            let answer = access.composite(&Composite::new(subs)).await?;
            for (i, question) in questions.iter().enumerate() {
                self.take(access, question, &format!("q{i}"), &answer, cases).await?;
            }
        }
        Ok(())
    }

    async fn take(
        &mut self,
        access: &mut Access<'_>,
        question: &Question,
        name: &str,
        answer: &CompositeAnswer,
        cases: &mut [Case],
    ) -> Result<(), AccessError> {
        let sub = answer.get(name)?;
        let us = our_user(access);
        if let Question::History(object) = question {
            self.take_history(object, sub);
            return Ok(());
        }
        if let Question::ById(object, ids) = question {
            let rows = collections::parse_retrieved(sub, ids.len())?;
            let about = by(cases, records);
            for (id, row) in ids.iter().zip(rows) {
                take_read(object, *id, row.map(Row::of), us, cases, about.get(id));
            }
            return Ok(());
        }
        let mut page = soql::parse_sub(sub)?;
        let (places, about) = (by(cases, addresses), by(cases, records));
        let called = by(cases, |case| if matches!(question, Question::Accounts) { companies::names(self.engine, case) } else { BTreeSet::new() });
        let keys = by(cases, |case| [case.person.key.to_string()]);
        let mut names = Vec::new();
        loop {
            for row in &page.records {
                match question {
                    Question::ByEmail(object) => take_match(object, row, us, cases, &places),
                    Question::ByKey(object, field) => take_keyed(object, field, row, us, cases, &keys),
                    Question::Users => self.take_user(row),
                    Question::Owners => users::take_owner(row, cases),
                    Question::Queues => self.take_queue(row),
                    Question::Activities(object) => take_activity(object, row, cases, &about),
                    Question::Campaigns => self.take_campaign(row),
                    Question::CampaignNames => names.extend(row.text("Name").map(str::to_owned)),
                    Question::Masters => take_master(row, cases, &about),
                    Question::Twins => take_twin(row, cases),
                    Question::Members => others::take_member(row, us, cases, &places, &about),
                    Question::Accounts => take_account(row, us, cases, &called),
                    Question::Records(object, field) => self.take_record(object, field, row, us),
                    Question::ById(..) | Question::History(_) => {}
                }
            }
            if matches!(question, Question::CampaignNames) {
                self.directory.suggest(&names);
            }
            match page.next.take() {
                Some(next) => page = access.more(&next).await?,
                None => return Ok(()),
            }
        }
    }
}

/// The fields to read of an object: what identifies a record, and those mapped fields that the org has and shows us.
pub(in crate::app) fn fields_of(engine: &Engine, schemas: &Schemas, object: &str) -> Vec<FieldName> {
    let mut fields: BTreeSet<FieldName> = ["Id", "CreatedDate", "LastModifiedDate", "LastModifiedById"].map(FieldName::known).into();
    // What it is found by, and where it has gone.
    let own: &[&'static str] = match object {
        "Account" => &["Name"],
        "Lead" => &["Email", "IsConverted", "ConvertedContactId"],
        _ => &["Email"],
    };
    fields.extend(own.iter().copied().map(FieldName::known));
    let mapped = engine.person_fields(object).into_iter().cloned();
    let known = schemas.object(object).map(|schema| &schema.fields);
    fields.extend(mapped.filter(|field| known.is_some_and(|known| known.contains_key(field))));
    fields.into_iter().collect()
}

pub(in crate::app) fn our_user(access: &Access<'_>) -> Option<RecordId> {
    access.user_id().and_then(|id| RecordId::parse(id).ok())
}

/// The columns of a query for these fields, with the owner's address where a rule has to do with it.
pub(in crate::app) fn columns(engine: &Engine, object: &str, fields: impl IntoIterator<Item = FieldName>) -> String {
    let fields = listed(fields);
    if engine.maps_owner(object) { format!("{fields}, {OWNER_EMAIL}") } else { fields }
}

fn listed(fields: impl IntoIterator<Item = FieldName>) -> String {
    fields.into_iter().map(|field| field.to_string()).collect::<Vec<_>>().join(", ")
}

fn queries(access: &Access<'_>, question: Question, head: &str, values: &BTreeSet<String>) -> Result<Vec<Asked>, AccessError> {
    queries_by(soql::query, access, question, head, values)
}

/// The same, which see deleted and merged records too.
fn queries_with_deleted(access: &Access<'_>, question: Question, head: &str, values: &BTreeSet<String>) -> Result<Vec<Asked>, AccessError> {
    queries_by(soql::query_with_deleted, access, question, head, values)
}

fn queries_by(
    query: fn(&ApiVersion, &str, &str) -> Sub,
    access: &Access<'_>,
    question: Question,
    head: &str,
    values: &BTreeSet<String>,
) -> Result<Vec<Asked>, AccessError> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    // Whoever comes with a value of any length stops nobody else: it is found nowhere, and refused where it is to be written.
    let values: Vec<&str> = values.iter().map(String::as_str).filter(|value| soql::may_be_asked_for(value)).collect();
    let split = soql::in_queries(access.version(), head, &values, "").map_err(SalesforceError::from)?;
    Ok(split.into_iter().map(|split| (question.clone(), query(access.version(), "q", &split.soql))).collect())
}

/// Whether the person is looked for by e-mail address from the start.
fn is_searched(case: &Case) -> bool {
    case.person.link.is_none()
}

/// Whether an earlier try may have made the person a record unseen.
fn may_have_been_made(case: &Case) -> bool {
    case.person.version > 0 || case.events.iter().any(|open| open.doubt.is_some())
}

/// The addresses by which a person is looked for: the one that they have now, and where an earlier try may have made them a record
/// unseen, those that it may have made it with.
fn addresses(case: &Case) -> BTreeSet<String> {
    if case.person.is_company() {
        return BTreeSet::new();
    }
    let doubtful = case.events.iter().any(|open| open.doubt.is_some());
    let stated = case.events.iter().filter(|_| doubtful).filter_map(|open| open.event.email());
    let own = |address: &String| !case.foreign.contains(&email_alias(address));
    stated.filter(own).chain(latest_address(&case.person, &case.events)).collect()
}

/// Every record that may be the person's, each once.
fn records(case: &Case) -> BTreeSet<RecordId> {
    let linked = case.person.link.as_ref().map(|link| link.id);
    let there = if let Linked::There(read) = &case.found.linked { Some(read) } else { None };
    let found = case.found.contacts.iter().chain(&case.found.leads).chain(&case.found.accounts).chain(there);
    linked
        .into_iter()
        .chain(case.found.merged_into)
        .chain(found.chain(&case.found.master).flat_map(|m| [Some(m.id), m.converted_to.and_then(|to| to.contact)].into_iter().flatten()))
        .collect()
}
