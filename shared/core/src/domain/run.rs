//! A run of the hourly reconciliation: what it has read, and what came of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ids::{FieldName, ObjectName, PersonKey, ProjectId, RecordId},
    person::Person,
    place::Place,
    plan::{Note, PersonPlan, WriteResult},
};

/// The most conflicts that a report names; all are counted.
const CONFLICTS_NAMED: usize = 100;

/// What stands among the objects of a run and is none: contacts whose account has changed, and they have not. They are read where a rule for
/// contacts takes a field of the account.
pub const CONTACTS_OF_ACCOUNTS: &str = "ContactsOfAccounts";

/// A run, under way or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// When it began, by our clock.
    pub started_at: Timestamp,
    /// It looks at what was modified since then, by Salesforce's clock.
    pub since: Timestamp,
    /// How far each object is.
    pub positions: BTreeMap<ObjectName, Position>,
    /// How far it is with what has changed at the platform, where it reads there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<FromPlatform>,
    /// Whether those who wait for a run are done.
    #[serde(default)]
    pub pushed: bool,
    /// Everybody whom it looks at because somebody asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everybody: Option<Everybody>,
    /// What came of it so far.
    #[serde(default)]
    pub sheet: Sheet,
    /// API calls that it cost.
    #[serde(default)]
    pub api_calls: u32,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why Salesforce did not list what has changed, where a job was refused or has failed: the run went on page by page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_refused: Option<String>,
    /// Why it was stopped for a person to look at: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

impl Run {
    /// Whether nothing is left to be done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let everybody = self.everybody.as_ref().is_none_or(|everybody| everybody.done);
        let platform = self.platform.as_ref().is_none_or(FromPlatform::is_over);
        self.stopped.is_some() || self.pushed && everybody && platform && self.positions.values().all(|position| position.done)
    }

    /// Whether everything that it has read, on either side, is accounted for.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.sheet.balances() && self.platform.as_ref().is_none_or(FromPlatform::balances)
    }
}

/// How far a run is with an object: after this record, in the order of `SystemModstamp` and id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The last record that was taken in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<(Timestamp, RecordId)>,
    /// Whether there are no more.
    #[serde(default)]
    pub done: bool,
    /// The job that lists what comes after it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<Listing>,
}

/// How far a run is with a job of the Bulk API 2.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The job's id.
    pub job: String,
    /// When it was made.
    pub at: Timestamp,
    /// Whether its results can be fetched.
    #[serde(default)]
    pub ready: bool,
    /// Where the page of results begins; absent = the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locator: Option<String>,
    /// How many rows of that page are done.
    #[serde(default)]
    pub worked: usize,
}

/// A synchronisation of everybody, or of a project, that somebody has asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When.
    pub at: Timestamp,
    /// Only people of that project's events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
}

/// How far a run is with everybody. Those who are changed meanwhile stand behind its end: whatever changes them looks at them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Everybody {
    /// What was asked for.
    pub asked: Asked,
    /// Who was looked at last.
    pub after: Place,
    /// The end.
    pub until: Place,
    /// How many people of the connection it has come by.
    #[serde(default)]
    pub seen: u64,
    /// Whether there are no more.
    #[serde(default)]
    pub done: bool,
}

impl Everybody {
    /// From the first one on, up to those who are changed from now on.
    #[must_use]
    pub fn of(asked: Asked, now: Timestamp) -> Self {
        Self { asked, after: Place::at(Timestamp::UNIX_EPOCH), until: Place::at(now), seen: 0, done: false }
    }

    /// Whether somebody is concerned.
    #[must_use]
    pub fn concerns(&self, person: &Person) -> bool {
        self.asked.project.as_ref().is_none_or(|project| person.projects.contains(project))
    }
}

/// How far a run is with what has changed at the platform, contacts before companies, and what it has found there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromPlatform {
    /// It looks at what was modified or added since then, by the platform's clock.
    pub since: Timestamp,
    /// How far it is with what was modified.
    pub modified: ContactPlace,
    /// How far it is with what was added.
    pub added: ContactPlace,
    /// Contacts that were read.
    #[serde(default)]
    pub contacts: Tally,
    /// Events that those became which say what was not known.
    #[serde(default)]
    pub events: u64,
    /// Requests that it cost there.
    #[serde(default)]
    pub calls: u32,
    /// How far it is with companies, where it reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companies: Option<CompaniesThere>,
    /// Why the platform could not be read to the end: a stable code. The next run begins where this one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How far a run is with the contacts of the platform in the order of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContactPlace {
    /// At the beginning.
    Start,
    /// Among those of this date, after this id.
    Within(Timestamp, u64),
    /// After all those of this date.
    Beyond(Timestamp),
    /// There are no more.
    Done,
}

/// How far a run is with the companies of the platform, and what it has found there. They go by their ids: those that were modified, then
/// those that were added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompaniesThere {
    /// It looks at what was modified or added since then, by the platform's clock.
    pub since: Timestamp,
    /// Which of the two it is at.
    pub at: CompanyPlace,
    /// Companies that were read.
    #[serde(default)]
    pub tally: Tally,
}

/// What a run has read of one kind at the platform: each is in exactly one of the outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Those that the platform gave.
    pub read: u64,
    /// Those that say what was not known: they became events, or it is noted on the company.
    pub news: u64,
    /// Those of which everything is known.
    pub known: u64,
    /// Those that are none that can be read.
    pub unreadable: u64,
}

impl Tally {
    /// Whether everything that was read is accounted for.
    #[must_use]
    pub const fn balances(&self) -> bool {
        self.read == self.news + self.known + self.unreadable
    }
}

/// Where a run is among the companies of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CompanyPlace {
    /// Among those that were modified, after this id.
    Modified(u64),
    /// Among those that were added, after this id.
    Added(u64),
    /// There are no more.
    Done,
}

impl CompaniesThere {
    /// All companies, where nobody has read them before; then those that have changed since.
    #[must_use]
    pub fn new(since: Option<Timestamp>) -> Self {
        // Whatever was modified was added before.
        let at = if since.is_some() { CompanyPlace::Modified(0) } else { CompanyPlace::Added(0) };
        Self { since: since.unwrap_or(Timestamp::UNIX_EPOCH), at, tally: Tally::default() }
    }
}

impl FromPlatform {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(since: Timestamp, companies: Option<CompaniesThere>) -> Self {
        let (modified, added, contacts) = (ContactPlace::Start, ContactPlace::Start, Tally::default());
        Self { since, modified, added, contacts, events: 0, calls: 0, companies, problem: None }
    }

    /// Whether everything that was read is accounted for.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.contacts.balances() && self.companies.as_ref().is_none_or(|companies| companies.tally.balances())
    }

    /// Whether there is no more to read in this run.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.problem.is_some() || self.has_contacts() && self.companies.as_ref().is_none_or(|companies| companies.at == CompanyPlace::Done)
    }

    /// Whether the contacts were read to their end.
    #[must_use]
    pub fn has_contacts(&self) -> bool {
        self.modified == ContactPlace::Done && self.added == ContactPlace::Done
    }

    /// Whether the companies were read to their end.
    #[must_use]
    pub fn has_companies(&self) -> bool {
        self.companies.as_ref().is_some_and(|companies| companies.at == CompanyPlace::Done)
    }
}

/// The balance sheet of a run: each record that was read, and each person who waited or was asked for, is in exactly one of the outcomes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sheet {
    /// Records that Salesforce gave.
    pub read: u64,
    /// Of those: accounts. Below, companies count as people do.
    pub accounts: u64,
    /// People who waited for a run.
    pub waited: u64,
    /// People whom somebody asked to look at.
    pub asked: u64,
    /// Records of nobody whom the platform knows.
    pub unknown: u64,
    /// Further records of somebody who has another one, or who was read already.
    pub further: u64,
    /// People whose two sides say the same, or are to differ.
    pub unchanged: u64,
    /// People of whom anything went either way.
    pub applied: u64,
    /// People who wait for the next run.
    pub later: u64,
    /// People whom Salesforce refused, or whose values do not fit.
    pub parked: u64,
    /// Of those applied: people whose record was written.
    pub to_salesforce: u64,
    /// Of those applied: people who took values over.
    pub to_platform: u64,
    /// Records that were deleted, merged into others, converted.
    pub deleted: u64,
    /// People of whom the run has noted that their record was deleted.
    pub marked: u64,
    /// Merged into others.
    pub merged: u64,
    /// Converted.
    pub converted: u64,
    /// Conflicts that nothing could decide, and edits in the moment of a write.
    pub conflicts: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<Conflict>,
}

/// Both sides had changed a field, and nothing told who did so later, or somebody changed it in the moment of a write: Salesforce's value
/// stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// Whose.
    pub person: PersonKey,
    /// The field.
    pub field: FieldName,
    /// The platform's value.
    pub platform: Value,
    /// Salesforce's value.
    pub salesforce: Value,
    /// Where the rule stands in the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Sheet {
    /// Whether everything that came in is accounted for.
    #[must_use]
    pub const fn balances(&self) -> bool {
        self.read + self.waited + self.asked == self.unknown + self.further + self.unchanged + self.applied + self.later + self.parked
    }

    /// How many people were found among the records that were read.
    #[must_use]
    pub const fn people_read(&self) -> u64 {
        self.read.saturating_sub(self.unknown + self.further)
    }

    /// Takes in what became of one person.
    pub fn count(&mut self, person: &PersonPlan, results: &[WriteResult]) {
        let write = person.record.and_then(|id| results.get(id.0));
        let saved = matches!(write, Some(WriteResult::Saved(_)));
        let taken = !person.taken.is_empty();
        match write {
            _ if person.problem.is_some() => self.parked += 1,
            Some(WriteResult::Refused(_)) => self.parked += 1,
            Some(WriteResult::Saved(_)) => self.applied += 1,
            Some(_) => self.later += 1,
            None if taken => self.applied += 1,
            None => self.unchanged += 1,
        }
        self.to_salesforce += u64::from(saved);
        self.to_platform += u64::from(taken);
        for note in &person.notes {
            match note {
                Note::Merged { .. } => self.merged += 1,
                Note::Converted { .. } => self.converted += 1,
                Note::Conflict { field, platform, salesforce, rule } => self.conflict(person, field, (platform, salesforce), Some(rule)),
                Note::Covered { field, written, theirs, rule, .. } => self.conflict(person, field, (written, theirs), rule.as_ref()),
                _ => {}
            }
        }
    }

    fn conflict(&mut self, person: &PersonPlan, field: &FieldName, (platform, salesforce): (&Value, &Value), rule: Option<&String>) {
        self.conflicts += 1;
        if self.named.len() < CONFLICTS_NAMED {
            let (person, field, rule) = (person.person.key.clone(), field.clone(), rule.cloned());
            self.named.push(Conflict { person, field, platform: platform.clone(), salesforce: salesforce.clone(), rule });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(sheet: Sheet, platform: Option<FromPlatform>) -> Run {
        Run {
            id: "r".to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            since: Timestamp::UNIX_EPOCH,
            positions: BTreeMap::new(),
            platform,
            pushed: true,
            everybody: None,
            sheet,
            api_calls: 0,
            ended_at: None,
            bulk_refused: None,
            stopped: None,
        }
    }

    #[test]
    fn a_run_that_has_lost_a_record_a_contact_or_a_company_does_not_balance() {
        let tally = Tally { read: 6, news: 3, known: 2, unreadable: 1 };
        let whole = FromPlatform {
            contacts: tally,
            companies: Some(CompaniesThere { tally, ..CompaniesThere::new(None) }),
            ..FromPlatform::new(Timestamp::UNIX_EPOCH, None)
        };
        let sheet = Sheet { read: 2, unchanged: 1, further: 1, ..Sheet::default() };
        assert!(run(sheet.clone(), None).balances() && run(sheet.clone(), Some(whole.clone())).balances());
        assert!(!run(Sheet { further: 0, ..sheet.clone() }, Some(whole.clone())).balances());
        for lost in [Tally { news: 2, ..tally }, Tally { known: 1, ..tally }, Tally { unreadable: 0, ..tally }, Tally { read: 5, ..tally }] {
            assert!(!run(sheet.clone(), Some(FromPlatform { contacts: lost, ..whole.clone() })).balances(), "{lost:?}");
            let companies = whole.companies.clone().map(|companies| CompaniesThere { tally: lost, ..companies });
            assert!(!run(sheet.clone(), Some(FromPlatform { companies, ..whole.clone() })).balances(), "{lost:?}");
        }
    }
}
