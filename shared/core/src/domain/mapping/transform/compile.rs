//! From the document's transformations to a chain that is ready to run, with every fault at its place.

use std::collections::{BTreeMap, BTreeSet};

use phonenumber::country;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{DateFormat, NumberFormat, PhoneForm, Substring, Transformation};
use crate::domain::{config::ConfigFault, mapping::AttributeType, template::Template};

/// Bytes that a compiled regular expression may take.
const MAX_REGEX: usize = 256 * 1024;
/// The roots of paths that templates and `concat` may name.
pub(in crate::domain) const ROOTS: [&str; 6] = ["person", "company", "event", "project", "collaborator", "data"];

/// A compiled chain of transformations.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    pub(super) steps: Vec<Step>,
    paths: BTreeSet<String>,
    output: Option<AttributeType>,
}

/// One compiled transformation.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Trim,
    Upper,
    Lower,
    Capitalize,
    Phone { form: PhoneForm, country: Option<country::Id> },
    Replace { pattern: Box<Regex>, with: String },
    Concat { with: Vec<String>, separator: String },
    Template { template: Template, paths: Vec<String> },
    Substring(Substring),
    DateFormat(DateFormat),
    Values { map: BTreeMap<String, String>, otherwise: Option<String> },
    Default(Value),
    Split(String),
    Join(String),
    NumberFormat(NumberFormat),
    Hash,
}

/// What a step may be given.
#[derive(Clone, Copy, PartialEq)]
enum Wants {
    Anything,
    /// A text, or something that is written as one.
    Text,
    List,
    Number,
    Date,
}

impl Chain {
    /// Compiles. `input` is the declared type of the attribute, `country` the connection's.
    ///
    /// # Errors
    /// Every step that cannot be compiled or cannot follow the one before it, at its place: `{place}[1]`.
    pub fn compile(steps: &[Transformation], place: &str, input: Option<AttributeType>, country: Option<&str>) -> Result<Self, Vec<ConfigFault>> {
        let (mut chain, mut faults) = (Self { output: input, ..Self::default() }, Vec::new());
        for (i, step) in steps.iter().enumerate() {
            let place = format!("{place}[{i}].{}", step.name());
            if !fits(wants(step), chain.output) {
                let message = format!("`{}` cannot follow: the value is a {} by then.", step.name(), word(chain.output));
                faults.push(ConfigFault { place: place.clone(), message });
            }
            chain.output = output(step, chain.output);
            match compile(step, country) {
                Ok(step) => {
                    chain.paths.extend(step.paths().iter().cloned());
                    chain.steps.push(step);
                }
                Err(message) => faults.push(ConfigFault { place, message }),
            }
        }
        if faults.is_empty() { Ok(chain) } else { Err(faults) }
    }

    /// Notes the type of the attribute, as the platform tells it; what transformations make of a value has a type of its own.
    pub fn begin_with(&mut self, input: AttributeType) {
        if self.steps.is_empty() {
            self.output = Some(input);
        }
    }

    /// The attributes that the chain reads besides its own.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// The same, each with the position of its step.
    pub fn step_paths(&self) -> impl Iterator<Item = (usize, &str)> {
        self.steps.iter().enumerate().flat_map(|(i, step)| step.paths().iter().map(move |path| (i, path.as_str())))
    }

    /// The type that comes out; `None` where only the value can tell.
    #[must_use]
    pub const fn output(&self) -> Option<AttributeType> {
        self.output
    }

    /// Whether a value that comes back from Salesforce can be taken for the platform's: it would be sent as it came.
    #[must_use]
    pub fn goes_back(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Trim | Step::Upper | Step::Lower | Step::Capitalize | Step::Phone { .. } | Step::Default(_) => true,
            Step::Values { map, otherwise } => otherwise.is_none() && map.values().collect::<BTreeSet<_>>().len() == map.len(),
            _ => false,
        })
    }

    /// The platform's value for one of Salesforce's: value maps are read backwards.
    #[must_use]
    pub fn back(&self, value: Value) -> Value {
        self.steps.iter().rev().fold(value, |value, step| match (step, &value) {
            (Step::Values { map, .. }, Value::String(text)) => {
                map.iter().find(|(_, to)| *to == text).map_or(value.clone(), |(from, _)| Value::from(from.as_str()))
            }
            _ => value,
        })
    }
}

impl Step {
    fn paths(&self) -> &[String] {
        match self {
            Self::Concat { with, .. } => with,
            Self::Template { paths, .. } => paths,
            _ => &[],
        }
    }
}

const fn wants(step: &Transformation) -> Wants {
    match step {
        Transformation::Template(_) | Transformation::Concat(_) | Transformation::Values(_) | Transformation::Default(_) => Wants::Anything,
        Transformation::Join(_) => Wants::List,
        Transformation::NumberFormat(_) => Wants::Number,
        Transformation::DateFormat(_) => Wants::Date,
        _ => Wants::Text,
    }
}

fn fits(wants: Wants, input: Option<AttributeType>) -> bool {
    use AttributeType as A;
    let Some(input) = input else { return true };
    let text = matches!(input, A::Text | A::LongText | A::Email | A::Phone | A::Url | A::Select);
    match wants {
        Wants::Anything => !matches!(input, A::File | A::Picture),
        // Of a list every value is transformed.
        Wants::Text => text || matches!(input, A::Integer | A::Number | A::MultiSelect),
        Wants::List => input == A::MultiSelect,
        Wants::Number => text || matches!(input, A::Integer | A::Number),
        Wants::Date => text || matches!(input, A::Date | A::Datetime),
    }
}

fn output(step: &Transformation, input: Option<AttributeType>) -> Option<AttributeType> {
    use AttributeType as A;
    match step {
        Transformation::Split(_) => Some(A::MultiSelect),
        Transformation::Default(_) => input,
        Transformation::Phone(_) if input != Some(A::MultiSelect) => Some(A::Phone),
        Transformation::Values(_) if input != Some(A::MultiSelect) => Some(A::Select),
        Transformation::Trim | Transformation::Upper | Transformation::Lower | Transformation::Capitalize
            if !matches!(input, Some(A::Integer | A::Number)) =>
        {
            input
        }
        Transformation::DateFormat(format) if format.to.is_none() => match input {
            Some(A::Date | A::Datetime) => input,
            _ => Some(A::Text),
        },
        Transformation::Replace(_)
        | Transformation::Substring(_)
        | Transformation::Phone(_)
        | Transformation::Values(_)
        | Transformation::Hash(_)
            if matches!(input, Some(A::MultiSelect) | None) =>
        {
            input
        }
        _ => Some(A::Text),
    }
}

fn word(kind: Option<AttributeType>) -> &'static str {
    kind.map_or("value", AttributeType::as_str)
}

fn compile(step: &Transformation, country: Option<&str>) -> Result<Step, String> {
    Ok(match step {
        Transformation::Trim => Step::Trim,
        Transformation::Upper => Step::Upper,
        Transformation::Lower => Step::Lower,
        Transformation::Capitalize => Step::Capitalize,
        Transformation::Phone(phone) => {
            Step::Phone { form: phone.form, country: phone.country.as_deref().or(country).map(parse_country).transpose()? }
        }
        Transformation::Replace(replace) => Step::Replace { pattern: Box::new(pattern(&replace.pattern)?), with: replace.with.clone() },
        Transformation::Concat(concat) => {
            concat.with.iter().try_for_each(|path| check_path(path))?;
            Step::Concat { with: concat.with.clone(), separator: concat.separator.clone() }
        }
        Transformation::Template(source) => template(source)?,
        Transformation::Substring(part) if part.length == Some(0) => return Err("No character would be left; take one at least.".to_owned()),
        Transformation::Substring(part) => Step::Substring(*part),
        Transformation::DateFormat(format) => {
            [&format.from, &format.to].into_iter().flatten().try_for_each(|text| super::format::check_date_format(text))?;
            Step::DateFormat(format.clone())
        }
        Transformation::Values(values) => Step::Values { map: values.map.clone(), otherwise: values.otherwise.clone() },
        Transformation::Default(Value::Object(_) | Value::Null) => return Err("Write a text, a number, true, false or a list of texts.".to_owned()),
        Transformation::Default(value) => Step::Default(value.clone()),
        Transformation::Split(separator) if separator.is_empty() => return Err("Write the text that separates the values.".to_owned()),
        Transformation::Split(separator) => Step::Split(separator.clone()),
        Transformation::Join(separator) => Step::Join(separator.clone()),
        Transformation::NumberFormat(format) if format.decimals > 18 => return Err("Salesforce keeps 18 digits; write 0 to 18.".to_owned()),
        Transformation::NumberFormat(format) => Step::NumberFormat(format.clone()),
        Transformation::Hash(_) => Step::Hash,
    })
}

/// A country by its two letters.
pub(in crate::domain) fn parse_country(text: &str) -> Result<country::Id, String> {
    text.parse().map_err(|_| format!("{text:?} is not a country; write its two letters, like FR."))
}

fn pattern(source: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(source).size_limit(MAX_REGEX).dfa_size_limit(MAX_REGEX).build();
    compiled.map_err(|error| format!("The regular expression cannot be read: {error}"))
}

fn template(source: &str) -> Result<Step, String> {
    let template = Template::compile(source).map_err(|error| format!("The template cannot be read: {error}"))?;
    let paths: Vec<String> = template.variables().into_iter().filter(|path| path != "value").collect();
    paths.iter().try_for_each(|path| check_path(path))?;
    Ok(Step::Template { template, paths })
}

/// Refuses what is no dotted path to something that an event carries.
pub(in crate::domain) fn check_path(path: &str) -> Result<(), String> {
    let (root, rest) = path.split_once('.').unwrap_or((path, ""));
    if rest.is_empty() || rest.split('.').any(str::is_empty) || !ROOTS.contains(&root) {
        return Err(format!(
            "{path:?} is not an attribute; write a path that begins with person, company, event, project, collaborator or data, like person.email."
        ));
    }
    Ok(())
}
