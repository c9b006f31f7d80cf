//! The write of the person's own record: field by field, by rule, only what changes.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Match, Situation, confirm,
    events::Live,
    field::{self, Outcome as FieldOutcome},
    owner::{self, owner},
    target::Target,
};
use crate::domain::{
    config::{MappingOperation, Toggle, Ways},
    ids::{FieldName, ObjectName, RecordId},
    mapping::{
        FieldMap, OWNER, Reason, Rule, Scene,
        merge::{Seen, SeenAt, remember},
        preflight,
    },
    person::{Left, Link, Person},
    plan::{Cause, Change, NewValue, Note, Operation, Outcome, PersonPlan, Unchanged, Write},
    words::Sentence,
};

/// Somebody who edited a record so long ago may still be at it.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// What was edited so long ago was edited in an earlier second than this one.
const SETTLED: SignedDuration = SignedDuration::from_secs(2);

/// Plans the write, if one is needed, and brings the person's link up to date. What a new record lacks parks all events:
/// nothing is ever invented.
pub(super) fn plan_record(situation: &Situation<'_>, plan: &mut PersonPlan, target: &Target, live: &[Live]) -> Result<Option<Write>, Outcome> {
    let person_action = live.iter().any(|live| live.person_action);
    match target {
        Target::New { object } => {
            if !person_action && live.iter().all(Live::only_unsubscribes) {
                return Err(Outcome::Unchanged { because: Unchanged::UnknownPerson });
            }
            if !person_action {
                let message = Sentence::new(
                    "Nobody in Salesforce has this person's e-mail address, and this workflow creates nobody.",
                    "Personne dans Salesforce n'a l'adresse e-mail de cette personne, et ce workflow ne crée personne.",
                );
                return Err(Outcome::Parked { problem: Cause::new("person_not_created", situation.engine.say(&message)) });
            }
            plan.person.link = None;
            let rules = rules(situation, &plan.person, map_of(situation, object)?, live, Fields::All);
            plan_new(situation, plan, object, live, rules).map(Some)
        }
        Target::Existing { object, id, read } => {
            relink(&mut plan.person, object, *id, read.as_ref());
            if let (Some(link), Some(read)) = (&mut plan.person.link, read) {
                confirm::confirm(situation, link, read, live, &mut plan.notes);
            }
            let Some(map) = situation.engine.person_map(object) else { return Ok(None) };
            let updates = live.iter().any(|live| live.updates) && situation.engine.updates(object) && map.operation != MappingOperation::Create;
            match (updates, live.iter().any(|live| live.unsubscribes)) {
                (true, _) => plan_update(situation, plan, map, *id, read.as_ref(), live, rules(situation, &plan.person, map, live, Fields::All)),
                // Who wants no e-mails is heard, whatever else is left alone.
                (false, true) => {
                    plan_update(situation, plan, map, *id, read.as_ref(), live, rules(situation, &plan.person, map, live, Fields::OptOut))
                }
                (false, false) => Ok(None),
            }
        }
    }
}

/// Which fields of a record are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fields {
    /// All that have a rule.
    All,
    /// The one that says that somebody wants no e-mails.
    OptOut,
}

/// Makes the link point at the record, forgetting the bases of any other. One that nobody but us has ever touched is one that we made
/// without seeing the answer.
pub(super) fn relink(person: &mut Person, object: &'static str, id: RecordId, read: Option<&Match>) {
    let object = ObjectName::known(object);
    match &mut person.link {
        Some(link) if link.id == id => {
            link.object = object;
            link.recheck = false;
        }
        _ => person.link = Some(Link::new(object, id, read.is_some_and(Match::is_as_we_made_it))),
    }
}

/// The mapping of people for an object, without which nothing can be made.
pub(super) fn map_of<'e>(situation: &Situation<'e>, object: &str) -> Result<&'e FieldMap, Outcome> {
    situation.engine.person_map(object).ok_or_else(|| {
        let message = Sentence::new(
            format!("The configuration has no mapping for {object}."),
            format!("La configuration n'a pas de correspondance pour {object}."),
        );
        Outcome::Parked { problem: Cause::new("no_mapping", situation.engine.say(&message)) }
    })
}

/// Plans a new record.
pub(super) fn plan_new(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    object: &'static str,
    live: &[Live],
    rules: Vec<Ruled<'_>>,
) -> Result<Write, Outcome> {
    let map = map_of(situation, object)?;
    if map.operation == MappingOperation::Update {
        return Err(Outcome::Unchanged { because: Unchanged::UnknownPerson });
    }
    let mut changes = Vec::new();
    let mut missing = Vec::new();
    for (rule, when) in rules {
        match field::plan_field(situation, &plan.person, object, &rule, when, Seen::NoRecord) {
            FieldOutcome::Write(change) => changes.push(change),
            FieldOutcome::Keep(stay) => {
                missing.extend(rule.rule.required.then(|| rule.rule.to.clone()));
                plan.kept.push(stay.kept);
            }
            FieldOutcome::Drop(note) => plan.notes.push(note),
            FieldOutcome::Park(problem) => return Err(Outcome::Parked { problem }),
            FieldOutcome::Take { .. } => {}
        }
    }
    missing.extend(preflight::missing(object, situation.schemas.object(object), &|name| changes.iter().any(|c: &Change| c.field.as_str() == name)));
    missing.sort();
    missing.dedup();
    if !missing.is_empty() {
        let what = Sentence::new(format!("A new {object}"), format!("Une nouvelle fiche {object}"));
        return Err(Outcome::Parked { problem: lacking(situation, &what, &missing) });
    }
    let collaborator = live.iter().find_map(|live| Some(live.open.event.collaborator.as_ref()?.email.as_str()));
    let stated = collaborator.or_else(|| owner::stated(map, &plan.person));
    if changes.iter().all(|change| change.field.as_str() != OWNER)
        && let Some(owner) = owner(situation, object, stated, &mut plan.notes)
    {
        changes.push(plain(OWNER, Value::from(owner.as_str())));
    }
    stamp(situation, map, &mut changes, plan);
    let key = situation.schemas.key_field(object);
    let operation = key.map_or(Operation::Create, |field| Operation::CreateByKey { field, key: plan.person.key.as_str().to_owned() });
    Ok(Write { person: plan.person.key.clone(), object: ObjectName::known(object), operation, changes, step: None, unmodified_since: None })
}

/// Adds the moment of the write, where a field gets it. Without other changes there is no write.
fn stamp(situation: &Situation<'_>, map: &FieldMap, changes: &mut Vec<Change>, plan: &mut PersonPlan) {
    for rule in map.all().filter(|rule| rule.is_stamp()) {
        if changes.iter().any(|change| change.field == rule.to) {
            continue;
        }
        let field = situation.schemas.object(map.object.as_str()).and_then(|schema| schema.fields.get(&rule.to));
        let now = Value::from(situation.now.to_string());
        match rule.to_salesforce(&now, &|_| None, field, &situation.engine.zone) {
            Ok(now) if field.is_some() => {
                let change = Change::plain(rule.to.clone(), NewValue::Value(now));
                changes.push(Change { rule: Some(rule.place.clone()), reason: Reason::Fixed, ..change });
            }
            _ => plan.notes.push(Note::Dropped { field: rule.to.clone(), code: "field_missing".to_owned() }),
        }
    }
}

/// Why a record is not written: fields that it needs have no value.
pub(super) fn lacking(situation: &Situation<'_>, what: &Sentence, missing: &[FieldName]) -> Cause {
    let names: Vec<String> = missing.iter().map(FieldName::to_string).collect();
    let message = Sentence::new(
        format!("{} needs {}, and nothing that is known about the person gives it.", what.en, names.join(" and ")),
        format!("{} exige {}, et rien de ce qui est connu de la personne ne le donne.", what.fr, names.join(" et ")),
    );
    Cause { fields: names, ..Cause::new("missing_required", situation.engine.say(&message)) }
}

/// A rule, and when what the configuration itself says is stated.
pub(super) type Ruled<'r> = (field::Governed<'r>, Timestamp);

/// When somebody else edited a record, where that was just before: they may still be at it. Salesforce's times have whole seconds, so what
/// was edited in this very second can be edited again without another time.
fn fresh(situation: &Situation<'_>, read: &Match) -> Option<Timestamp> {
    let heeded = situation.engine.document.salesforce.if_unmodified_since == Toggle::On && !read.left_by_us;
    read.modified.filter(|modified| heeded && (SETTLED..=FRESH).contains(&situation.now.duration_since(*modified)))
}

/// Plans what changes in a record that exists.
pub(super) fn plan_update(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    map: &FieldMap,
    id: RecordId,
    read: Option<&Match>,
    live: &[Live],
    rules: Vec<Ruled<'_>>,
) -> Result<Option<Write>, Outcome> {
    let (mut changes, mut missing, blank) = (Vec::new(), Vec::new(), Value::Null);
    for (rule, when) in rules {
        let to = &rule.rule.to;
        // What belongs to another record is not always read with this one.
        if to.is_of_relation() && read.is_none_or(|read| !read.values.contains_key(to)) {
            continue;
        }
        let base = plan.person.link.as_ref().and_then(|link| link.bases.get(to)).and_then(|base| base.salesforce.clone());
        let seen = match read {
            Some(read) => {
                let value = read.values.get(to).unwrap_or(&blank);
                Seen::Value { value, base: base.as_ref(), at: stated_at(plan.person.link.as_ref(), read, live, to, value) }
            }
            None => Seen::Unread,
        };
        let rule = field::Governed { owner: read.and_then(|read| read.owner.as_deref()), ..rule };
        match field::plan_field(situation, &plan.person, map.object.as_str(), &rule, when, seen) {
            FieldOutcome::Write(change) => changes.push(change),
            FieldOutcome::Keep(stay) => {
                missing.extend((rule.rule.required && stay.blank).then(|| to.clone()));
                if let (Some(link), Some(bases)) = (&mut plan.person.link, stay.bases) {
                    link.bases.insert(to.clone(), bases);
                }
                plan.kept.push(stay.kept);
                plan.notes.extend(stay.note);
            }
            FieldOutcome::Take { taken, at, bases, note } => {
                plan.person.take(taken.attribute.clone(), taken.new.clone(), at);
                if let Some(link) = &mut plan.person.link {
                    link.bases.insert(to.clone(), bases);
                }
                plan.taken.push(taken);
                plan.notes.extend(note);
            }
            FieldOutcome::Drop(note) => plan.notes.push(note),
            // No event waits for a company's field: the next run looks again.
            FieldOutcome::Park(problem) if plan.person.is_company() => {
                plan.notes.push(Note::Waits { field: to.clone(), code: problem.code.clone() });
                plan.compare |= situation.engine.document.reconciliation.ways().any();
                plan.problem.get_or_insert(problem);
            }
            FieldOutcome::Park(problem) => return Err(Outcome::Parked { problem }),
        }
    }
    if !missing.is_empty() {
        return Err(Outcome::Parked { problem: lacking(situation, &Sentence::new("This record", "Cette fiche"), &missing) });
    }
    plan.looked = read.is_some();
    if changes.is_empty() {
        return Ok(None);
    }
    stamp(situation, map, &mut changes, plan);
    if let (Some(link), Some(read)) = (&mut plan.person.link, read) {
        leave(link, map, read, live, &changes);
    }
    Ok(Some(Write {
        person: plan.person.key.clone(),
        object: map.object.clone(),
        operation: Operation::Update(id),
        changes,
        step: None,
        unmodified_since: read.and_then(|read| fresh(situation, read)),
    }))
}

/// How late the value of a field is. Where nobody has modified the record since we did, what we left as it was is as late as it was then;
/// after a write of ours that nobody lived to note, nothing tells how late it was.
fn stated_at(link: Option<&Link>, read: &Match, live: &[Live], field: &FieldName, value: &Value) -> Option<SeenAt> {
    let left = link.filter(|_| read.left_by_us).and_then(|link| link.left.get(field)).filter(|left| left.value == remember(value));
    match (read.stated_at(field), left) {
        (Some(SeenAt::Record(_)), Some(left)) => Some(SeenAt::Record(left.at)),
        (Some(SeenAt::Record(_)), None) if read.left_by_us && live.iter().any(Live::in_doubt) => None,
        (at, _) => at,
    }
}

/// Notes how late the values are that a write leaves as they are: it makes their record later.
fn leave(link: &mut Link, map: &FieldMap, read: &Match, live: &[Live], changes: &[Change]) {
    for rule in map.all().filter(|rule| rule.goes_by_time()) {
        let value = read.values.get(&rule.to).filter(|_| changes.iter().all(|change| change.field != rule.to));
        let left = value.and_then(|value| match stated_at(Some(link), read, live, &rule.to, value) {
            Some(SeenAt::Record(at)) => Some(Left { value: remember(value), at }),
            _ => None,
        });
        match left {
            Some(left) => _ = link.left.insert(rule.to.clone(), left),
            None => _ = link.left.remove(&rule.to),
        }
    }
}

/// The rules that hold for a person: those of the latest event first, then what earlier events add. A value is governed by
/// the project that stated it: where that is another one, its rule for the field takes the place.
fn rules<'r>(situation: &'r Situation<'_>, person: &Person, map: &'r FieldMap, live: &'r [Live], fields: Fields) -> Vec<Ruled<'r>> {
    let mut rules: Vec<Ruled<'r>> = Vec::new();
    let counts = |live: &&Live| if fields == Fields::All { live.person_action || live.unsubscribes } else { live.unsubscribes };
    for live in live.iter().rev().filter(counts) {
        let scene = live.scene();
        for rule in map.rules(&scene) {
            let left_out = rule.is_stamp() || !(rule.is_opt_out() || fields == Fields::All && live.person_action);
            if left_out || rules.iter().any(|(known, _)| known.rule.to == rule.to) {
                continue;
            }
            if let Some(governed) = govern(situation, person, map, rule, &scene) {
                rules.push((governed, live.open.event.occurred_at));
            }
        }
    }
    rules
}

/// The rules of a run for a person: the connection's, and for each value those of the project that stated it.
pub(super) fn rules_of_run<'r>(situation: &'r Situation<'_>, person: &Person, map: &'r FieldMap, ways: Ways, when: Timestamp) -> Vec<Ruled<'r>> {
    let scene = Scene { project: None, workflows: Vec::new() };
    let governed = map.rules(&scene).into_iter().filter(|rule| !rule.is_stamp()).filter_map(|rule| govern(situation, person, map, rule, &scene));
    governed.filter_map(|governed| Some((field::Governed::of_run(governed.rule, governed.project, ways)?, when))).collect()
}

fn govern<'r>(situation: &'r Situation<'_>, person: &Person, map: &'r FieldMap, rule: &'r Rule, scene: &Scene<'_>) -> Option<field::Governed<'r>> {
    // What is not the company's own is for new accounts only.
    if person.is_company() && !rule.is_of_company() {
        return None;
    }
    let stated = |rule: &Rule| rule.from().and_then(|path| person.attributes.get(path)).map(|dated| dated.project.clone());
    let (rule, project) = match stated(rule) {
        Some(project) if project.as_ref() != scene.project => {
            let there = Scene { project: project.as_ref(), workflows: scene.workflows.clone() };
            (map.rule(&rule.to, &there)?, project)
        }
        _ => (rule, scene.project.cloned()),
    };
    Some(field::Governed::new(rule, situation.engine.project(project.as_ref())))
}

/// A field that no rule of the mapping stands behind.
pub(super) fn plain(field: &'static str, value: Value) -> Change {
    Change::plain(FieldName::known(field), NewValue::Value(value))
}
