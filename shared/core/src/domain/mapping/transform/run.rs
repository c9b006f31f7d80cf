//! Running a chain.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use thiserror::Error;
use unicode_segmentation::UnicodeSegmentation;

use super::{
    compile::{Chain, Step},
    format, phone,
};
use crate::domain::{
    event::{hex, is_blank},
    mapping::codec::{CodecError, number},
    template::Template,
    words::{Sentence, Words},
};

/// Why a transformation gives nothing. No message repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.words().en)]
pub enum TransformError {
    /// The value has no form that the step can work on.
    Value(CodecError),
    /// No phone number.
    Phone,
    /// A date in another form than the one named.
    DateFormat,
    /// A template that cannot be filled.
    Template,
}

impl From<CodecError> for TransformError {
    fn from(error: CodecError) -> Self {
        Self::Value(error)
    }
}

impl TransformError {
    /// A stable code, listed in the documentation.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Value(error) => error.code(),
            Self::Phone => "value_not_phone",
            Self::DateFormat => "value_not_in_date_format",
            Self::Template => "template_failed",
        }
    }

    /// What is wrong, in words.
    #[must_use]
    pub const fn words(&self) -> Words {
        match self {
            Self::Value(error) => error.words(),
            Self::Phone => Words::new("This is not a phone number of that country.", "Ce n'est pas un numéro de téléphone de ce pays."),
            Self::DateFormat => {
                Words::new("This is not a date in the form that the rule names.", "Ce n'est pas une date dans le format que la règle indique.")
            }
            Self::Template => Words::new("The template could not be filled.", "Le modèle n'a pas pu être rempli."),
        }
    }
}

/// A failed transformation and its position in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.words().en)]
pub struct TransformFault {
    /// The position, from 0.
    pub step: usize,
    /// What happened.
    pub error: TransformError,
}

impl TransformFault {
    /// Which step it was and what is wrong, in words.
    #[must_use]
    pub fn words(&self) -> Sentence {
        let (step, words) = (self.step + 1, self.error.words());
        Sentence::new(format!("Transformation {step}: {}", words.en), format!("Transformation {step} : {}", words.fr))
    }
}

impl Chain {
    /// Runs the chain. `other` answers the attributes that templates and `concat` name.
    ///
    /// # Errors
    /// The first step that cannot work on its value.
    pub fn run<'v>(&self, value: &'v Value, other: &dyn Fn(&str) -> Option<&'v Value>, zone: &TimeZone) -> Result<Cow<'v, Value>, TransformFault> {
        let mut value = Cow::Borrowed(value);
        for (i, step) in self.steps.iter().enumerate() {
            match step.run(&value, other, zone) {
                Ok(Some(next)) => value = Cow::Owned(next),
                Ok(None) => {}
                Err(error) => return Err(TransformFault { step: i, error }),
            }
        }
        Ok(value)
    }
}

impl Step {
    /// The new value; `None` where it stays as it is.
    fn run<'v>(&self, value: &Value, other: &dyn Fn(&str) -> Option<&'v Value>, zone: &TimeZone) -> Result<Option<Value>, TransformError> {
        match self {
            Self::Default(default) => return Ok(is_blank(value).then(|| default.clone())),
            Self::Concat { with, separator } => return concat(value, with.iter().filter_map(|path| other(path)), separator).map(Some),
            Self::Template { template, paths } => return fill(template, value, paths, other).map(Some),
            _ if is_blank(value) => return Ok(None),
            Self::Join(separator) => return concat(value, std::iter::empty(), separator).map(Some),
            Self::Split(separator) if !value.is_array() => {
                let text = text(value)?;
                let parts = text.split(separator.as_str()).map(str::trim).filter(|part| !part.is_empty());
                return Ok(Some(parts.map(Value::from).collect()));
            }
            _ => {}
        }
        match value {
            Value::Array(items) => {
                let changed = items.iter().filter(|item| !is_blank(item)).map(|item| self.one(item, zone));
                Ok(Some(Value::Array(changed.collect::<Result<_, _>>()?)))
            }
            single => self.one(single, zone).map(Some),
        }
    }

    /// Transforms one value that is no list and not blank.
    fn one(&self, value: &Value, zone: &TimeZone) -> Result<Value, TransformError> {
        if let Self::NumberFormat(format) = self {
            return Ok(Value::String(format::number(number::parse(value)?, format)));
        }
        let text = text(value)?;
        Ok(Value::String(match self {
            Self::Trim => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
            Self::Capitalize => capitalize(&text),
            Self::Phone { form, country } => phone::write(&text, *form, *country).ok_or(TransformError::Phone)?,
            Self::Replace { pattern, with } => pattern.replace_all(&text, with.as_str()).into_owned(),
            Self::Substring(part) => text.graphemes(true).skip(part.start).take(part.length.unwrap_or(usize::MAX)).collect(),
            Self::DateFormat(format) => format::date(&text, format, zone)?,
            Self::Values { map, otherwise } => match map.get(text.as_ref()).or(otherwise.as_ref()) {
                Some(to) => to.clone(),
                None => return Ok(value.clone()),
            },
            Self::Hash => hex(&Sha256::digest(text.as_bytes())),
            _ => return Ok(value.clone()),
        }))
    }
}

fn text(value: &Value) -> Result<Cow<'_, str>, CodecError> {
    match value {
        Value::String(text) => Ok(Cow::Borrowed(text.trim())),
        Value::Bool(value) => Ok(Cow::Owned(value.to_string())),
        Value::Number(_) => number::parse(value).map(|number| Cow::Owned(number.to_string())),
        _ => Err(CodecError::Structure),
    }
}

/// The texts of all values that are not blank, one behind the other.
fn concat<'m>(value: &Value, more: impl Iterator<Item = &'m Value>, separator: &str) -> Result<Value, TransformError> {
    let mut parts = Vec::new();
    gather(value, &mut parts)?;
    for value in more {
        gather(value, &mut parts)?;
    }
    Ok(Value::String(parts.join(separator)))
}

fn gather(value: &Value, parts: &mut Vec<String>) -> Result<(), CodecError> {
    match value {
        value if is_blank(value) => Ok(()),
        Value::Array(items) => items.iter().try_for_each(|item| gather(item, parts)),
        value => text(value).map(|text| parts.push(text.into_owned())),
    }
}

fn fill<'v>(template: &Template, value: &Value, paths: &[String], other: &dyn Fn(&str) -> Option<&'v Value>) -> Result<Value, TransformError> {
    let mut context = Map::new();
    context.insert("value".to_owned(), value.clone());
    for path in paths {
        if let Some(value) = other(path) {
            place(&mut context, path, value);
        }
    }
    template.render(&Value::Object(context)).map(Value::String).map_err(|_| TransformError::Template)
}

/// Puts a value at its dotted path.
fn place(context: &mut Map<String, Value>, path: &str, value: &Value) {
    match path.split_once('.') {
        None => {
            context.insert(path.to_owned(), value.clone());
        }
        Some((root, rest)) => {
            let inner = context.entry(root).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}

/// A capital letter wherever a word begins: after anything that is no letter, digit or apostrophe.
fn capitalize(text: &str) -> String {
    let mut begins = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if begins {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        begins = !(c.is_alphanumeric() || c == '\'' || c == '’');
    }
    out
}
