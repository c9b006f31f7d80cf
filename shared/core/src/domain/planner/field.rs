//! One field of the person's record: from the attribute through transformations, the field's type, the merge and the checks.

use jiff::Timestamp;
use serde_json::Value;

use super::{Match, Situation, owner};
use crate::domain::{
    config::{Project, Ways},
    engine::Engine,
    event::{is_blank, normalise_email},
    ids::FieldName,
    mapping::{
        FieldMap, Reason, Rule, Source, codec,
        merge::{Action, Decision, Direction, EventDecision, Policy, Seen, SeenAt, Sighting, decide_both_ways, decide_event, holds, remember},
        preflight::{self, Fitted, Misfit, Operation, Overflow},
    },
    person::{Base, Person},
    plan::{Cause, Change, Kept, NewValue, Note, Taken},
    schema::{Field, Schemas},
    words::Sentence,
};

/// A rule, and the project whose settings hold for its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Governed<'r> {
    pub rule: &'r Rule,
    pub project: Option<&'r Project>,
    /// Which way values may go here and now.
    pub direction: Direction,
    /// Whether Salesforce's values are taken over.
    pub pulls: bool,
    /// The address of the user who owns the record, as far as it was read.
    pub owner: Option<&'r str>,
}

impl<'r> Governed<'r> {
    /// As an event goes by the rule: nothing is taken over.
    pub const fn new(rule: &'r Rule, project: Option<&'r Project>) -> Self {
        Self { rule, project, direction: rule.direction, pulls: false, owner: None }
    }

    /// As a run goes by it; `None` where nothing may go any way.
    pub fn of_run(rule: &'r Rule, project: Option<&'r Project>, ways: Ways) -> Option<Self> {
        rule.from()?;
        let (to, back) = (ways.push && rule.direction != Direction::ToPlatform, ways.pull && rule.direction != Direction::ToSalesforce);
        let direction = match (to, back) {
            (true, true) => Direction::Both,
            (true, false) => Direction::ToSalesforce,
            (false, true) => Direction::ToPlatform,
            (false, false) => return None,
        };
        Some(Self { rule, project, direction, pulls: back, owner: None })
    }
}

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// It is written.
    Write(Change),
    /// It stays as it is.
    Keep(Stay),
    /// The platform takes Salesforce's value over.
    Take {
        /// What it takes.
        taken: Taken,
        /// Since when Salesforce has it, as far as known.
        at: Timestamp,
        /// The bases from then on.
        bases: Base,
        /// What somebody should know of it.
        note: Option<Note>,
    },
    /// It is left out.
    Drop(Note),
    /// The person's events wait.
    Park(Cause),
}

/// A field that stays as it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stay {
    /// Why.
    pub kept: Kept,
    /// Whether neither side has a value.
    pub blank: bool,
    /// The bases from now on, where both sides were seen.
    pub bases: Option<Base>,
    /// What somebody should know of it.
    pub note: Option<Note>,
}

/// Plans one field. `when` is the time of the event, for values that the configuration sets.
pub(super) fn plan_field(
    situation: &Situation<'_>,
    person: &Person,
    object: &str,
    governed: &Governed<'_>,
    when: Timestamp,
    seen: Seen<'_>,
) -> Outcome {
    let rule = governed.rule;
    let described = situation.schemas.object(object);
    let field = described.and_then(|schema| schema.fields.get(&rule.to));
    // What finds a record by its key is a text of its own, and not the id that the field has.
    let keyed = field.filter(|_| rule.by.is_some()).map(Field::as_key);
    let field = keyed.as_ref().or(field);
    let operation = if matches!(seen, Seen::NoRecord) { Operation::Create } else { Operation::Update };
    let (value, at) = stated(person, rule, when);
    let form = match (described, field) {
        _ if rule.owner => owner::form(situation, rule, person, value, seen, governed.owner),
        // A value for a field that is not there has no form.
        (Some(_), None) if !is_blank(value) => Form::unfit(value.clone(), by_rule(situation.engine, rule, &Misfit::NoField)),
        _ => Form::of(situation.engine, rule, value, person, field, operation),
    };
    let known = person.link.as_ref().and_then(|link| link.bases.get(&rule.to));
    let base = known.and_then(|base| base.platform.as_ref());
    let people = &situation.engine.document.people;
    let policy = Policy { direction: governed.direction, ..rule.policy(governed.project, people) };
    let effective = rule.strategy(governed.project, people);
    let same = |a: &Value, b: &Value| codec::same(field, a, b);
    let (ours, mut back) = (Sighting { value: &form.value, base, at }, None);
    let mut decision = match seen {
        Seen::Value { value, base, at } if governed.pulls => {
            let Decision { action, reason, conflict, bases } = decide_both_ways(&policy, ours, (value, base, at), &same);
            let write = match action {
                Action::ToSalesforce(value) => Some(value),
                Action::ToPlatform(value) => {
                    back = Some(value);
                    None
                }
                Action::Nothing => None,
            };
            EventDecision { write, reason, bases, conflict }
        }
        _ => decide_event(&policy, ours, seen, &same),
    };
    if rule.owner && owner::is_in_queue(seen) {
        decision = EventDecision { write: None, reason: Reason::SalesforceWins, bases: None, conflict: false };
        back = None;
    }
    let stubborn = known.filter(|base| base.is_rewritten()).and(base).is_some_and(|sent| holds(sent, &form.value, &same));
    if stubborn && decision.write.is_some() && !matches!(seen, Seen::NoRecord) {
        decision = EventDecision { write: None, reason: Reason::OrgRewrites, bases: None, conflict: false };
    }
    let by_time = decision.reason == Reason::PlatformChanged && !policy.do_not_contact;
    let stands = known.and_then(|base| base.since).filter(|since| by_time && at.is_some_and(|at| at < *since));
    if stands.is_some() {
        decision = EventDecision { write: None, reason: Reason::SalesforceIsLater, ..decision };
    }
    let (old, seen_at) = match seen {
        Seen::Value { value, at, .. } => (Some(value.clone()), at.filter(|_| rule.goes_by_time())),
        Seen::NoRecord | Seen::Unread => (None, None),
    };
    let conflict = |theirs: &Value| {
        let (platform, salesforce) = (remember(&form.value), remember(theirs));
        Note::Conflict { field: rule.to.clone(), platform, salesforce, rule: rule.place.clone() }
    };
    let note = old.as_ref().filter(|_| decision.conflict).map(conflict);
    if let Some(value) = back {
        return take(situation, person, governed, field, (value, decision.reason), seen, when, note);
    }
    let Some(new) = decision.write else {
        let rewritten = known.filter(|_| decision.reason != Reason::Same).map_or(0, |base| base.rewritten);
        let bases = decision.bases.filter(|_| form.instead.is_none());
        // Two values that differ are settled by time only, and neither gets later by a write of ours to another field.
        let since = match decision.reason {
            Reason::Same => None,
            Reason::Unchanged => known.and_then(|base| base.since),
            _ => stands.or_else(|| seen_at.map(SeenAt::time)),
        };
        let bases = bases.map(|bases| Base { platform: Some(bases.platform), salesforce: Some(bases.salesforce), since, sent: None, rewritten });
        return Outcome::Keep(Stay {
            kept: Kept { field: rule.to.clone(), reason: decision.reason, rule: rule.place.clone(), effective, seen_at },
            blank: is_blank(&form.value) && old.as_ref().is_none_or(is_blank),
            bases,
            note,
        });
    };
    if let Some(instead) = form.instead {
        return instead;
    }
    // Taking a value away is checked only where it is really meant.
    match field.map(|field| preflight::check(field, &new, operation)) {
        Some(Err(misfit)) => by_rule(situation.engine, rule, &misfit),
        None | Some(Ok(())) => Outcome::Write(Change {
            field: rule.to.clone(),
            old,
            new: NewValue::Value(new),
            reason: form.reason.unwrap_or(decision.reason),
            from: Some(rule.from().unwrap_or(&rule.place).to_owned()),
            rule: Some(rule.place.clone()),
            effective: Some(effective),
            seen_at,
            by: rule.by.clone(),
        }),
    }
}

/// Whether the two sides differ in a field in which the later statement stays.
#[must_use]
pub fn differs_by_time(engine: &Engine, schemas: &Schemas, person: &Person, object: &str, read: &Match) -> bool {
    let described = schemas.object(object);
    engine.person_map(object).into_iter().flat_map(FieldMap::all).filter(|rule| rule.goes_by_time()).any(|rule| {
        let Some(stated) = rule.from().and_then(|path| person.value(path)) else { return false };
        let field = described.and_then(|schema| schema.fields.get(&rule.to));
        if rule.owner {
            let owner = read.owner.as_deref().map(normalise_email);
            return owner.is_some() && owner != stated.as_str().map(normalise_email);
        }
        let theirs = read.values.get(&rule.to).unwrap_or(&Value::Null);
        let ours = rule.to_salesforce(stated, &|path| person.value(path), field, &engine.zone);
        ours.is_ok_and(|ours| !codec::same(field, &ours, theirs))
    })
}

/// What the platform gets, in the form of the attribute.
#[allow(clippy::too_many_arguments)] // all that a field is about
fn take(
    situation: &Situation<'_>,
    person: &Person,
    governed: &Governed<'_>,
    field: Option<&Field>,
    (value, reason): (Value, Reason),
    seen: Seen<'_>,
    when: Timestamp,
    note: Option<Note>,
) -> Outcome {
    let at = if let Seen::Value { at: Some(at), .. } = seen { at.time() } else { when };
    let rule = governed.rule;
    let formed = match field {
        _ if rule.owner => governed.owner.map(Value::from),
        field => field.and_then(|field| rule.to_platform(&value, field, &situation.engine.zone).ok()),
    };
    let (Some(new), Some(path)) = (formed, rule.from()) else {
        return Outcome::Drop(Note::Dropped { field: rule.to.clone(), code: "no_form".to_owned() });
    };
    let remembered = Some(remember(&value));
    Outcome::Take {
        taken: Taken {
            attribute: path.to_owned(),
            old: person.value(path).cloned(),
            new,
            field: Some(rule.to.clone()),
            reason,
            rule: rule.place.clone(),
        },
        at,
        bases: Base { platform: remembered.clone(), salesforce: remembered, ..Base::default() },
        note,
    }
}

/// Whether Salesforce will take a value that no field rule stands behind: the text of a template, a name, a key. What an object that
/// was not described takes is not known.
pub(super) fn check_plain(situation: &Situation<'_>, object: &str, name: &FieldName, value: &Value) -> Result<(), Misfit> {
    let Some(schema) = situation.schemas.object(object) else { return Ok(()) };
    let field = schema.fields.get(name).ok_or(Misfit::NoField)?;
    let formed = codec::encode(value, None, field, &situation.engine.zone)?;
    preflight::check(field, &formed.unwrap_or_default(), Operation::Create)
}

/// The same, as what stops an action.
pub(super) fn stop_unfit(situation: &Situation<'_>, object: &str, name: &FieldName, value: &Value) -> Result<(), Cause> {
    check_plain(situation, object, name, value).map_err(|misfit| {
        let words = misfit.words();
        let message = Sentence::new(format!("{object}.{name}: {}", words.en), format!("{object}.{name} : {}", words.fr));
        Cause { fields: vec![name.to_string()], ..Cause::new(misfit.code(), situation.engine.say(&message)) }
    })
}

/// A platform value in the form of its field.
pub(super) struct Form {
    /// The value, or where it has no form, the platform's own: enough to decide whether it would have been written.
    value: Value,
    /// Why it is not the platform's.
    reason: Option<Reason>,
    /// What is done where it would be written and does not fit.
    instead: Option<Outcome>,
}

impl Form {
    /// A value that Salesforce will take as it is.
    pub(super) const fn fits(value: Value) -> Self {
        Self { value, reason: None, instead: None }
    }

    /// A value that is left out where it would be written.
    pub(super) const fn dropped(value: Value, note: Note) -> Self {
        Self { value, reason: None, instead: Some(Outcome::Drop(note)) }
    }

    fn unfit(value: Value, instead: Outcome) -> Self {
        Self { value, reason: None, instead: Some(instead) }
    }

    fn of(engine: &Engine, rule: &Rule, value: &Value, person: &Person, field: Option<&Field>, operation: Operation) -> Self {
        let formed = rule.to_salesforce(value, &|path| person.value(path), field, &engine.zone);
        let (formed, fitted) = match (formed, field) {
            (Ok(formed), None) => return Self { value: formed, reason: None, instead: None },
            (Ok(formed), Some(_)) if is_blank(&formed) => return Self { value: Value::Null, reason: None, instead: None },
            (Ok(formed), Some(field)) => (formed.clone(), preflight::fit(&rule.overflow, field, formed, operation, &engine.zone)),
            (Err(misfit), Some(field)) => (value.clone(), preflight::refit(&rule.overflow, field, None, misfit, operation, &engine.zone)),
            (Err(misfit), None) => return Self::unfit(value.clone(), by_rule(engine, rule, &misfit)),
        };
        match fitted {
            Fitted::Send(value, reason) => Self { value, reason, instead: None },
            Fitted::Drop(misfit) => Self::unfit(formed, dropped(rule, &misfit)),
            Fitted::Park(misfit) => Self::unfit(formed, parked(engine, rule, &misfit)),
        }
    }
}

/// The platform's value and since when it holds: the latest of all that the rule looks at.
pub(super) fn stated<'v>(person: &'v Person, rule: &'v Rule, when: Timestamp) -> (&'v Value, Option<Timestamp>) {
    static NOTHING: Value = Value::Null;
    let path = match &rule.source {
        Source::Fixed(value) => return (value, Some(when)),
        Source::SyncedAt => return (&NOTHING, None),
        Source::Attribute(path) => path.as_str(),
    };
    let dated = std::iter::once(path).chain(rule.chain.paths()).filter_map(|path| person.attributes.get(path));
    (person.value(path).unwrap_or(&NOTHING), dated.map(|dated| dated.at).max())
}

/// What the rule does with a value that nothing can stand in for.
fn by_rule(engine: &Engine, rule: &Rule, misfit: &Misfit) -> Outcome {
    if rule.overflow == Overflow::Drop { dropped(rule, misfit) } else { parked(engine, rule, misfit) }
}

fn dropped(rule: &Rule, misfit: &Misfit) -> Outcome {
    Outcome::Drop(Note::Dropped { field: rule.to.clone(), code: misfit.code().to_owned() })
}

fn parked(engine: &Engine, rule: &Rule, misfit: &Misfit) -> Outcome {
    let (to, place, words) = (&rule.to, &rule.place, misfit.words());
    let message = match rule.from() {
        Some(from) => Sentence::new(format!("{to} from {from}, {place}: {}", words.en), format!("{to} depuis {from}, {place} : {}", words.fr)),
        None => Sentence::new(format!("{to}, {place}: {}", words.en), format!("{to}, {place} : {}", words.fr)),
    };
    Outcome::Park(Cause { fields: vec![to.to_string()], ..Cause::new(misfit.code(), engine.say(&message)) })
}
