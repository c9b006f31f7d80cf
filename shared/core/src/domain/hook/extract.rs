//! Events taken out of any JSON by expressions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::id_of;
use crate::domain::{
    config::{Extraction, Members},
    event::{EventFault, is_blank},
    expression::{Expression, Variables},
    ids::EventId,
};

/// Seconds since 1970 stay below this until the year 5138; greater numbers are milliseconds.
const MOST_SECONDS: i64 = 100_000_000_000;

/// A compiled extraction.
#[derive(Debug, Clone)]
pub struct Extractor {
    each: Option<Expression>,
    id: Option<Expression>,
    kind: Expression,
    occurred_at: Expression,
    /// `person`, `company`, `project`, `collaborator` and `data`, as far as they are told.
    objects: Vec<(&'static str, Parts)>,
}

#[derive(Debug, Clone)]
enum Parts {
    Whole(Expression),
    Each(BTreeMap<String, Expression>),
}

impl Extractor {
    pub(super) fn compile(extraction: &Extraction) -> Result<Self, Vec<(String, String)>> {
        let mut compiler = Compiler::default();
        let objects = [
            ("person", Some(&extraction.person)),
            ("company", extraction.company.as_ref()),
            ("project", extraction.project.as_ref()),
            ("collaborator", extraction.collaborator.as_ref()),
            ("data", extraction.data.as_ref()),
        ];
        let each = extraction.each.as_deref().and_then(|source| compiler.over(&["body"], "each", source));
        let id = compiler.optional("id", extraction.id.as_deref());
        let kind = compiler.one("type", &extraction.kind);
        let occurred_at = compiler.one("occurred_at", &extraction.occurred_at);
        let objects = objects.into_iter().filter_map(|(name, members)| Some((name, compiler.members(name, members?)?))).collect();
        match (kind, occurred_at) {
            (Some(kind), Some(occurred_at)) if compiler.faults.is_empty() => Ok(Self { each, id, kind, occurred_at, objects }),
            _ => Err(compiler.faults),
        }
    }

    /// The delivery's events in our own shape, to be checked.
    pub(super) fn events(&self, body: &Value) -> Result<Vec<Value>, Vec<EventFault>> {
        let fault = |place: String, message: String| vec![EventFault { place, message }];
        let variables = Variables::new([("body", body)]).map_err(|error| fault("body".to_owned(), error.to_string()))?;
        let items = match &self.each {
            None => match body {
                Value::Array(items) => items.clone(),
                single => vec![single.clone()],
            },
            Some(each) => {
                match each.evaluate(&variables).map_err(|error| fault("body".to_owned(), format!("The events cannot be found: {error}")))? {
                    Some(Value::Array(items)) => items,
                    _ => return Err(fault("body".to_owned(), "The expression for the events gives no list.".to_owned())),
                }
            }
        };
        let (mut events, mut faults) = (Vec::new(), Vec::new());
        for (i, item) in items.iter().enumerate() {
            match self.event(&variables, item) {
                Ok(event) => events.push(event),
                Err((part, message)) => faults.extend(fault(format!("events[{i}].{part}"), message)),
            }
        }
        if faults.is_empty() { Ok(events) } else { Err(faults) }
    }

    /// One event; or the part of it whose expression failed, and how.
    fn event(&self, body: &Variables<'_>, item: &Value) -> Result<Value, (String, String)> {
        let variables = body.with("item", item).map_err(|error| ("item".to_owned(), error.to_string()))?;
        let value = |part: &str, expression: &Expression| {
            let found = expression.evaluate(&variables).map_err(|error| (part.to_owned(), format!("The expression fails: {error}")))?;
            Ok::<_, (String, String)>(found.filter(|value| !value.is_null()))
        };
        let mut event = Map::new();
        event.extend(value("type", &self.kind)?.map(|kind| ("type".to_owned(), kind)));
        event.extend(value("occurred_at", &self.occurred_at)?.map(|at| ("occurred_at".to_owned(), moment(at))));
        for (name, parts) in &self.objects {
            let object = match parts {
                Parts::Whole(expression) => value(name, expression)?,
                Parts::Each(members) => {
                    let mut object = Map::new();
                    for (member, expression) in members {
                        let found = value(&format!("{name}.{member}"), expression)?;
                        object.extend(found.map(|found| (member.clone(), found)));
                    }
                    Some(Value::Object(object))
                }
            };
            // A project or a colleague of whom nothing is known is none, and so is a company that nothing names.
            let told = |object: &Map<String, Value>| match *name {
                "person" => true,
                "company" => ["id", "name"].into_iter().any(|known| object.get(known).is_some_and(|value| !is_blank(value))),
                _ => object.values().any(|value| !is_blank(value)),
            };
            let object = object.filter(|object| object.as_object().is_none_or(told));
            event.extend(object.map(|object| ((*name).to_owned(), text_id(name, object))));
        }
        let id = match &self.id {
            Some(id) => value("id", id)?.map(event_id),
            None => Some(id_of(&Value::Object(event.clone()))),
        };
        event.extend(id.map(|id| ("id".to_owned(), id)));
        Ok(Value::Object(event))
    }
}

/// Projects have texts for ids.
fn text_id(name: &str, mut object: Value) -> Value {
    if name == "project"
        && let Some(id) = object.get_mut("id").filter(|id| id.is_number())
    {
        *id = Value::from(id.to_string());
    }
    object
}

/// A number becomes its text; a text that our ids do not allow becomes its hash.
fn event_id(id: Value) -> Value {
    match &id {
        Value::Number(number) => Value::from(number.to_string()),
        Value::String(text) if !text.is_empty() && EventId::parse(text).is_err() => id_of(&id),
        _ => id,
    }
}

/// A number of seconds or milliseconds since 1970 becomes a time; all else stays as it is.
fn moment(at: Value) -> Value {
    let number = at.as_i64().or_else(|| at.as_str()?.parse().ok());
    let time = number.and_then(|n| if n.abs() < MOST_SECONDS { Timestamp::from_second(n).ok() } else { Timestamp::from_millisecond(n).ok() });
    time.map_or(at, |time| Value::from(time.to_string()))
}

#[derive(Default)]
struct Compiler {
    faults: Vec<(String, String)>,
}

impl Compiler {
    fn one(&mut self, place: &str, source: &str) -> Option<Expression> {
        self.over(&["body", "item"], place, source)
    }

    /// An expression over the variables that are there by then.
    fn over(&mut self, known: &[&str], place: &str, source: &str) -> Option<Expression> {
        let compiled = Expression::compile(source, known);
        compiled.map_err(|error| self.faults.push((format!("extract.{place}"), format!("The expression cannot be read: {error}")))).ok()
    }

    fn optional(&mut self, place: &str, source: Option<&str>) -> Option<Expression> {
        source.and_then(|source| self.one(place, source))
    }

    fn members(&mut self, place: &str, members: &Members) -> Option<Parts> {
        match members {
            Members::Whole(source) => self.one(place, source).map(Parts::Whole),
            Members::Each(sources) => {
                let compiled = sources.iter().filter_map(|(name, source)| Some((name.clone(), self.one(&format!("{place}.{name}"), source)?)));
                Some(Parts::Each(compiled.collect()))
            }
        }
    }
}
