//! A plan: every write with its field changes and the rule behind each, and every event's outcome. Data only:
//! serialisable, comparable, ordered. Executing it decides nothing.

mod check;
mod identities;
mod note;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use check::{PlanFault, check};
pub use identities::{Identities, address};
pub use note::Note;
pub use told::{Times, Told};

use super::{
    ids::{EventId, FieldName, ObjectName, PersonKey, RecordId},
    mapping::{
        Effective, OPT_OUT, Reason,
        merge::{SeenAt, Strategy},
    },
    person::Person,
};

/// What is to be done for a batch of people of one connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plan {
    /// The configuration version that it was made with.
    pub config_version: u64,
    /// The writes, parents before children.
    pub writes: Vec<Write>,
    /// What becomes of each person.
    pub people: Vec<PersonPlan>,
    /// Records that keep times of their own, of which these people's events tell something new.
    pub told: Vec<Told>,
}

/// A write's position in [`Plan::writes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WriteId(pub usize);

/// One record to create or change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Write {
    /// For whom.
    pub person: PersonKey,
    /// The object.
    pub object: ObjectName,
    /// Create or update.
    pub operation: Operation,
    /// The fields, each once.
    pub changes: Vec<Change>,
    /// The name under which an event remembers that this is done; `None` for the person's own record.
    pub step: Option<Step>,
    /// It is written only if nobody has modified it since, by a call of its own; `None` = by any call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmodified_since: Option<Timestamp>,
}

/// How a record is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Operation {
    /// A new record.
    Create,
    /// A new record that Salesforce takes only once: that it is there already means that somebody made it, perhaps we ourselves
    /// unseen, and it is looked for again.
    CreateUnique,
    /// A new record with a value that is unique: that another has it means that an earlier try has made it, and it is done.
    CreateOnce {
        /// The field with the value.
        field: FieldName,
    },
    /// A new record, or the one that has this key already: a repeat finds what the first try made.
    CreateByKey {
        /// The external id field.
        field: FieldName,
        /// Its value.
        key: String,
    },
    /// Fields of a record that exists.
    Update(RecordId),
}

/// One step of one event, done at most once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Step {
    /// The event.
    pub event: EventId,
    /// The step's name within the event: `workflow/action`.
    pub name: String,
}

/// One field of a write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The field.
    pub field: FieldName,
    /// What Salesforce had, where it was read.
    pub old: Option<Value>,
    /// What it gets.
    pub new: NewValue,
    /// Why.
    pub reason: Reason,
    /// The attribute that the value comes from; `None` for texts and times of activities and for references.
    pub from: Option<String>,
    /// Where the rule stands in the document, for example `mappings.lead.fields[3]`; `None` likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The strategy that held, and who decided about it; `None` likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<Effective>,
    /// How late Salesforce's value was, where that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<SeenAt>,
    /// The external id of the record that the field refers to, by which the value finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<FieldName>,
}

impl Change {
    /// What the change was decided on: Salesforce's value as it was read; `None` where that did not matter.
    #[must_use]
    pub fn decided_on(&self) -> Option<&Value> {
        let always = self.effective.is_some_and(|effective| effective.strategy == Strategy::AlwaysPlatform);
        self.old.as_ref().filter(|_| self.effective.is_some() && (!always || self.field.as_str() == OPT_OUT))
    }

    /// A field that no rule of a mapping stands behind.
    #[must_use]
    pub fn plain(field: FieldName, new: NewValue) -> Self {
        Self { field, old: None, new, reason: Reason::NewRecord, from: None, rule: None, effective: None, seen_at: None, by: None }
    }
}

/// One field of a person's record that stayed as it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    /// The field.
    pub field: FieldName,
    /// Why.
    pub reason: Reason,
    /// Where the rule stands in the document.
    pub rule: String,
    /// The strategy that held, and who decided about it.
    pub effective: Effective,
    /// How late Salesforce's value was, where that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<SeenAt>,
}

/// The value that a field gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum NewValue {
    /// A value.
    Value(Value),
    /// The id of the record that an earlier write creates.
    Created(WriteId),
}

/// What becomes of a person, or of a company.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonPlan {
    /// The person as they will be stored, but for what the writes bring back.
    pub person: Person,
    /// What becomes of the identities that lead to them.
    pub identities: Identities,
    /// Whether anything about them is to be stored.
    pub save: bool,
    /// The write of the person's own record, if there is one.
    pub record: Option<WriteId>,
    /// The fields of the record that were looked at and stay as they are.
    pub kept: Vec<Kept>,
    /// Remarks for the record: ambiguity, a fallback owner.
    pub notes: Vec<Note>,
    /// The record that they had until now.
    pub former: Option<RecordId>,
    /// What is taken over from Salesforce.
    pub taken: Vec<Taken>,
    /// Whether their record was read, and all fields of it compared.
    pub looked: bool,
    /// Whether the next run looks at them, whoever has changed: they have been tied to a record that a run may have read as nobody's, or
    /// a run could do nothing about them.
    pub compare: bool,
    /// Why a run could do nothing about them, or why a company's account was not written, or not all of it.
    pub problem: Option<Cause>,
    /// Whether a run looks at them.
    pub run: bool,
    /// What becomes of the events.
    pub events: Vec<EventPlan>,
    /// The companies that the events tell of: what is known of those is stored first.
    pub companies: BTreeSet<PersonKey>,
}

/// One attribute of a person that gets Salesforce's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Taken {
    /// The attribute's path.
    pub attribute: String,
    /// What the platform had.
    pub old: Option<Value>,
    /// What it gets; null takes its value away.
    pub new: Value,
    /// The field that the value comes from; `None` for what becomes of the record itself.
    pub field: Option<FieldName>,
    /// Why.
    pub reason: Reason,
    /// Where the rule stands in the document.
    pub rule: String,
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventPlan {
    /// The event.
    pub event: EventId,
    /// Its fate.
    pub fate: Fate,
}

/// The fate of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Fate {
    /// Known now.
    Settled(Outcome),
    /// Applied when all these writes have succeeded.
    After(Vec<WriteId>),
    /// Parked, but not before these writes are done: what is known of the person is written all the same.
    Blocked {
        /// The writes.
        waits: Vec<WriteId>,
        /// What the rest of the event waits for.
        problem: Cause,
    },
}

impl Fate {
    /// The writes that it waits for.
    #[must_use]
    pub fn waits(&self) -> &[WriteId] {
        match self {
            Fate::Settled(_) => &[],
            Fate::After(waits) | Fate::Blocked { waits, .. } => waits,
        }
    }
}

/// How an event ended, or where it waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is in Salesforce.
    Applied {
        /// The records it touched.
        records: BTreeSet<RecordId>,
    },
    /// There was nothing to do.
    Unchanged {
        /// Why.
        because: Unchanged,
    },
    /// Later events had said all that it says.
    Superseded,
    /// It waits until something changes.
    Parked {
        /// The problem.
        problem: Cause,
    },
    /// It is tried again later.
    Retry {
        /// Why it did not go now.
        problem: Cause,
    },
    /// It was given up; the event is kept for replay.
    Dead {
        /// The last problem.
        problem: Cause,
    },
}

impl Outcome {
    /// Its name, as counted and shown.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Applied { .. } => "applied",
            Outcome::Unchanged { .. } => "unchanged",
            Outcome::Superseded => "superseded",
            Outcome::Parked { .. } => "parked",
            Outcome::Retry { .. } => "retry",
            Outcome::Dead { .. } => "dead",
        }
    }

    /// Whether nothing can follow.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Outcome::Parked { .. } | Outcome::Retry { .. })
    }
}

/// Why there was nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unchanged {
    /// No workflow handles it.
    NoWorkflow,
    /// Its project is switched off.
    ProjectOff,
    /// Salesforce does not know the person, and the configuration makes nothing of unknown people.
    UnknownPerson,
    /// Salesforce has these values already, or keeps its own.
    SameValues,
    /// It sets nothing off; what it tells of the person goes with the next hourly run.
    WithRun,
}

/// What keeps an event from Salesforce. Codes are stable and listed in `docs/errors.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Ours, or Salesforce's code as it stands.
    pub code: String,
    /// A sentence; Salesforce's own message where it gave one.
    pub message: String,
    /// The fields concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

impl Cause {
    /// A cause without fields.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), fields: Vec::new() }
    }

    /// The cause of a write that never left.
    #[must_use]
    pub fn not_sent() -> Self {
        Self::new("not_sent", "This write was not sent.")
    }
}

/// What became of one write.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteResult {
    /// The record is there.
    Saved(RecordId),
    /// It was there before.
    There,
    /// Salesforce refused it, and would again.
    Refused(Cause),
    /// It did not go, and may go later.
    Failed(Cause),
    /// It may have gone: look before the next try.
    InDoubt(Cause),
    /// The record that it was meant for is gone, merged or converted: look again.
    Gone(Cause),
}

/// What is written back about one event.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The event.
    pub event: EventId,
    /// Its outcome.
    pub outcome: Outcome,
    /// The steps that are done, with their records.
    pub done: BTreeMap<String, RecordId>,
    /// Set where a write may have gone unseen.
    pub doubt: Option<Timestamp>,
}

/// Turns what became of the writes into the events' outcomes. `results` has one entry per write of the plan.
#[must_use]
pub fn settle(plan: &Plan, person: &PersonPlan, results: &[WriteResult], now: Timestamp) -> Vec<Settled> {
    person.events.iter().map(|event| settle_event(plan, event, results, now)).collect()
}

fn settle_event(plan: &Plan, event: &EventPlan, results: &[WriteResult], now: Timestamp) -> Settled {
    let blocked = match &event.fate {
        Fate::Settled(outcome) => {
            return Settled { event: event.event.clone(), outcome: outcome.clone(), done: BTreeMap::new(), doubt: None };
        }
        Fate::After(_) => None,
        Fate::Blocked { problem, .. } => Some(problem.clone()),
    };
    let missing = WriteResult::Failed(Cause::not_sent());
    let (mut records, mut done, mut doubt) = (BTreeSet::new(), BTreeMap::new(), None);
    let (mut refused, mut later) = (None, None);
    for id in event.fate.waits() {
        match results.get(id.0).unwrap_or(&missing) {
            WriteResult::Saved(record) => {
                records.insert(*record);
                if let Some(step) = plan.writes.get(id.0).and_then(|write| write.step.as_ref()).filter(|step| step.event == event.event) {
                    done.insert(step.name.clone(), *record);
                }
            }
            WriteResult::There => {}
            WriteResult::Refused(cause) => refused = refused.or(Some(cause.clone())),
            WriteResult::Failed(cause) | WriteResult::Gone(cause) => later = later.or(Some(cause.clone())),
            WriteResult::InDoubt(cause) => {
                doubt = Some(now);
                later = later.or(Some(cause.clone()));
            }
        }
    }
    // What may still go is tried again before what was refused is parked.
    let outcome = match (later, refused.or(blocked)) {
        (Some(problem), _) => Outcome::Retry { problem },
        (None, Some(problem)) => Outcome::Parked { problem },
        (None, None) => Outcome::Applied { records },
    };
    Settled { event: event.event.clone(), outcome, done, doubt }
}

impl Plan {
    /// The same people, of whom nothing is written and all events are parked.
    #[must_use]
    pub fn parked(self, problem: &Cause) -> Self {
        let park = |event: EventPlan| EventPlan { fate: Fate::Settled(Outcome::Parked { problem: problem.clone() }), ..event };
        let people = self.people.into_iter().map(|person| PersonPlan {
            save: false,
            record: None,
            kept: Vec::new(),
            notes: Vec::new(),
            taken: Vec::new(),
            looked: false,
            compare: false,
            problem: person.events.is_empty().then(|| problem.clone()),
            events: person.events.into_iter().map(park).collect(),
            ..person
        });
        Self { config_version: self.config_version, writes: Vec::new(), people: people.collect(), told: Vec::new() }
    }

    /// The events that any of these writes is for.
    pub fn waiting_for(&self, writes: &BTreeSet<WriteId>) -> impl Iterator<Item = &EventId> {
        let waits = |fate: &Fate| fate.waits().iter().any(|write| writes.contains(write));
        self.people.iter().flat_map(|person| &person.events).filter(move |event| waits(&event.fate)).map(|event| &event.event)
    }
}

impl PersonPlan {
    /// Somebody of whom nothing is planned yet, and how they were.
    #[must_use]
    pub fn new(person: Person, before: &Person, run: bool) -> Self {
        Self {
            identities: Identities::between(before, &person, &BTreeMap::new()),
            person,
            save: false,
            record: None,
            kept: Vec::new(),
            notes: Vec::new(),
            former: before.link.as_ref().map(|link| link.id),
            taken: Vec::new(),
            looked: false,
            compare: false,
            problem: None,
            run,
            events: Vec::new(),
            companies: BTreeSet::new(),
        }
    }

    /// Whether nothing of what the person waits for has left: then their events are as due as before, and no try counts.
    #[must_use]
    pub fn is_untouched(&self, results: &[WriteResult]) -> bool {
        let mut writes = self.events.iter().flat_map(|event| event.fate.waits()).peekable();
        let unsent = |write: &WriteId| matches!(results.get(write.0), Some(WriteResult::Failed(cause)) if *cause == Cause::not_sent());
        writes.peek().is_some() && writes.all(unsent)
    }
}
