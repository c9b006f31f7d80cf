//! What an event adds to the person's timeline.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::{
    FoundActivity, Situation,
    events::Live,
    field,
    owner::owner,
    record::plain,
    target::Target,
    timeline::{self, About},
};
use crate::domain::{
    config::{Action, ActivityAction, ActivityObject},
    engine::{ActivityTemplates, Engine},
    event::Event,
    ids::{FieldName, ObjectName, RecordId},
    mapping::codec::salesforce_datetime,
    person::short_hash,
    plan::{Cause, Change, NewValue, Operation, PersonPlan, Step, Write, WriteId},
    template::TemplateError,
    words::Sentence,
};
use crate::planted::{self, Bug};

/// Whom an action is about.
#[derive(Debug, Clone)]
pub(super) struct Who {
    /// Lead or Contact.
    pub object: &'static str,
    /// The record's id, or the write that makes it.
    pub value: NewValue,
    /// The record's id, if it is there.
    pub existing: Option<RecordId>,
    /// The write of the person's record, which every event of the person shares.
    record: Option<WriteId>,
    /// The write of the account that the record hangs on, if one is made.
    account: Option<WriteId>,
}

impl Who {
    pub(super) fn of(target: &Target, record: Option<WriteId>, account: Option<WriteId>) -> Self {
        let (object, value, existing) = match (target, record) {
            (Target::Existing { object, id, .. }, _) => (*object, NewValue::Value(Value::from(id.as_str())), Some(*id)),
            (Target::New { object }, Some(record)) => (*object, NewValue::Created(record), None),
            (Target::New { object }, None) => (*object, NewValue::Value(Value::Null), None),
        };
        Self { object, value, existing, record, account }
    }

    /// The writes that every event of the person waits for.
    pub(super) fn writes(&self) -> impl Iterator<Item = WriteId> {
        self.account.into_iter().chain(self.record)
    }
}

/// The activities of an event.
#[derive(Debug, Default)]
pub(super) struct Activities {
    /// Those that stand in Salesforce already.
    pub there: Vec<RecordId>,
    /// Those to be made.
    pub writes: Vec<Write>,
}

/// Plans the activities of one event.
pub(super) fn plan_activities(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    live: &Live,
    who: &Who,
    standing: &[FoundActivity],
) -> Result<Activities, Cause> {
    let (mut activities, mut entries) = (Activities::default(), 0);
    for act in live.acts(situation.engine) {
        let Action::Activity(action) = act.action else { continue };
        let Some(templates) = situation.engine.activity(act.w, act.a) else { continue };
        let step = act.step(live);
        if live.open.done.contains_key(&step.name) {
            entries += usize::from(action.object == ActivityObject::Timeline);
            continue;
        }
        let texts = Texts::fill(situation.engine, templates, (&live.open.event, &live.context))?;
        if action.object == ActivityObject::Timeline {
            let about = About { person: &plan.person.key, object: who.object, value: who.value.clone() };
            activities.writes.push(timeline::write(situation, (&live.open.event, &live.context), &texts, step, entries, about)?);
            entries += 1;
            continue;
        }
        let object = situation.engine.document.object_of_activity(action.object);
        // An earlier try may have made it unseen: then it stands there with the same person, subject and start.
        let standing = if planted::is(Bug::RepeatActivity) { &[] } else { standing };
        let seen = standing.iter().find(|found| live.in_doubt() && texts.describe(found, &object, who));
        match seen {
            Some(found) => activities.there.push(found.id),
            None => {
                let write = write(situation, plan, (action, object.clone()), &texts, step, live, who);
                for change in &write.changes {
                    if let NewValue::Value(value) = &change.new {
                        field::stop_unfit(situation, object.as_str(), &change.field, value)?;
                    }
                }
                activities.writes.push(write);
            }
        }
    }
    Ok(activities)
}

/// The filled texts and times of an activity.
pub(super) struct Texts {
    pub subject: String,
    kind: Option<String>,
    pub description: Option<String>,
    pub start: Timestamp,
    end: Timestamp,
}

impl Texts {
    pub(super) fn fill(engine: &Engine, templates: &ActivityTemplates, (event, context): (&Event, &Value)) -> Result<Self, Cause> {
        let failed = |error: TemplateError| {
            let message = Sentence::new(
                format!("A template could not be filled from the event: {error}"),
                format!("Un modèle n'a pas pu être rempli depuis l'événement : {error}"),
            );
            Cause::new("template_failed", engine.say(&message))
        };
        let text = |template: &Option<_>| -> Result<Option<String>, Cause> {
            let Some(template): &Option<crate::domain::template::Template> = template else { return Ok(None) };
            Ok(Some(template.render(context).map_err(failed)?).filter(|text| !text.is_empty()))
        };
        let time = |template: &Option<_>, otherwise: Timestamp| match text(template)? {
            Some(written) => parse_time(&written, &engine.zone).ok_or_else(|| {
                let message = Sentence::new(
                    "A start or end of the event is not a time; write times like 2026-03-01T14:05:00+01:00.",
                    "Un début ou une fin de l'événement n'est pas une heure ; écrivez-la comme 2026-03-01T14:05:00+01:00.",
                );
                Cause::new("template_failed", engine.say(&message))
            }),
            None => Ok(otherwise),
        };
        let start = time(&templates.start, event.occurred_at)?;
        let end = time(&templates.end, start)?;
        if end < start {
            let message = Sentence::new("The activity would end before it starts.", "L'activité se terminerait avant de commencer.");
            return Err(Cause::new("ends_before_it_starts", engine.say(&message)));
        }
        let subject = templates.subject.render(context).map_err(failed)?;
        Ok(Self { subject, kind: text(&templates.kind)?, description: text(&templates.description)?, start, end })
    }

    /// Whether an activity that stands in Salesforce is this one. Salesforce keeps whole seconds, and of a task the day.
    fn describe(&self, found: &FoundActivity, object: &ObjectName, who: &Who) -> bool {
        let starts = object.as_str() == "Task" || found.start.is_some_and(|start| start.as_second() == self.start.as_second());
        found.object == *object && Some(found.who) == who.existing && found.subject == self.subject && starts
    }
}

/// A time with its offset, or one in the connection's zone.
fn parse_time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local = |text: &str| text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>().ok().or_else(|| local(text))
}

fn write(
    situation: &Situation<'_>,
    plan: &mut PersonPlan,
    (action, object): (&ActivityAction, ObjectName),
    texts: &Texts,
    step: Step,
    live: &Live,
    who: &Who,
) -> Write {
    let mut changes = vec![Change::plain(FieldName::known("WhoId"), who.value.clone()), plain("Subject", Value::from(texts.subject.as_str()))];
    let optional = [("Type", &texts.kind), ("Description", &texts.description)];
    changes.extend(optional.into_iter().filter_map(|(field, text)| text.as_deref().map(|text| plain(field, Value::from(text)))));
    match action.object {
        ActivityObject::Event => {
            changes.push(plain("StartDateTime", Value::from(salesforce_datetime(texts.start))));
            changes.push(plain("EndDateTime", Value::from(salesforce_datetime(texts.end))));
            changes.push(plain("IsReminderSet", Value::from(false)));
        }
        ActivityObject::Task | ActivityObject::Timeline => {
            let day = texts.start.to_zoned(situation.engine.zone.clone()).date();
            changes.push(plain("ActivityDate", Value::from(day.to_string())));
            changes.push(plain("Status", Value::from("Completed")));
        }
    }
    let collaborator = live.open.event.collaborator.as_ref().map(|c| c.email.as_str());
    if let Some(user) = owner(situation, object.as_str(), collaborator, &mut plan.notes) {
        changes.push(plain("OwnerId", Value::from(user.as_str())));
    }
    let operation = match situation.schemas.key_field(object.as_str()).filter(|_| !planted::is(Bug::RepeatActivity)) {
        Some(field) => Operation::CreateByKey { field, key: short_hash(&format!("{}/{}", step.event, step.name)) },
        None => Operation::Create,
    };
    Write { person: plan.person.key.clone(), object, operation, changes, step: Some(step), unmodified_since: None }
}
