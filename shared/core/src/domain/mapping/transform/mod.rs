//! Transformations: what happens to a platform value on its way to a field. Chained, typed, compiled once when a document is
//! saved or loaded.
//!
//! Blanks pass through everything but `default`, `concat` and `template`. Of a list each value is transformed, where the
//! step is about single values.

mod compile;
mod format;
mod phone;
mod run;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use compile::Chain;
pub(in crate::domain) use compile::{ROOTS, check_path, parse_country};
pub use run::{TransformError, TransformFault};

/// One transformation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transformation {
    /// Blanks at both ends are left out, and inner ones made single.
    Trim,
    /// Capital letters.
    Upper,
    /// Small letters.
    Lower,
    /// A capital letter at the beginning of every word, small ones elsewhere: `JEAN-MARC DUPONT` → `Jean-Marc Dupont`.
    Capitalize,
    /// A form of phone number.
    Phone(Phone),
    /// Every match of a regular expression is replaced.
    Replace(Replace),
    /// Further values are added behind.
    Concat(Concat),
    /// A template over `value` and over attributes by their paths, for example `{{ value }} ({{ person.company }})`.
    Template(String),
    /// A part of the text, counted in characters as people see them.
    Substring(Substring),
    /// A day or a moment in another form.
    DateFormat(DateFormat),
    /// Values and what they become.
    Values(Values),
    /// The value where there is none.
    Default(Value),
    /// A text becomes several values, cut at every occurrence of this text.
    Split(String),
    /// Several values become one text, with this text between them.
    Join(String),
    /// A number in a written form.
    NumberFormat(NumberFormat),
    /// 64 hexadecimal digits that stand for the value and do not tell it.
    Hash(Hash),
}

/// A form of phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    /// The form.
    pub form: PhoneForm,
    /// The country of numbers that are written without a country code, for example `FR`. Default: the connection's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// The forms of phone numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhoneForm {
    /// `+33612345678`
    E164,
    /// `+33 6 12 34 56 78`
    International,
    /// `0612345678`; a number of another country than the default one is written as E.164.
    National,
    /// `06 12 34 56 78`; likewise.
    NationalSpaced,
}

/// Every match of a regular expression is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// The regular expression, in the syntax of Rust's `regex`.
    pub pattern: String,
    /// What stands in its place; `$1` is the first group.
    pub with: String,
}

/// Further values are added behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concat {
    /// The paths of the further attributes.
    pub with: Vec<String>,
    /// What stands between values; blanks leave no gap.
    #[serde(default = "space")]
    pub separator: String,
}

fn space() -> String {
    " ".to_owned()
}

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Substring {
    /// How many characters are left out at the beginning.
    #[serde(default)]
    pub start: usize,
    /// How many characters are taken; default: all that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}

/// A day or a moment in another form. Formats are those of `strftime`, for example `%d/%m/%Y`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DateFormat {
    /// The form that comes; default: ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The form that goes; default: ISO 8601. Moments are written on the connection's wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Values and what they become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// The platform's values and Salesforce's.
    pub map: BTreeMap<String, String>,
    /// What every other value becomes; default: it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
}

/// A number in a written form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberFormat {
    /// Digits behind the point; more are rounded, fewer are filled up.
    #[serde(default)]
    pub decimals: u32,
    /// The point.
    #[serde(default = "point")]
    pub point: String,
    /// What stands between groups of three digits.
    #[serde(default)]
    pub thousands: String,
}

fn point() -> String {
    ".".to_owned()
}

/// The ways of hashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// SHA-256 of the value's text.
    Sha256,
}

impl Transformation {
    /// Its name in the document.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Capitalize => "capitalize",
            Self::Phone(_) => "phone",
            Self::Replace(_) => "replace",
            Self::Concat(_) => "concat",
            Self::Template(_) => "template",
            Self::Substring(_) => "substring",
            Self::DateFormat(_) => "date_format",
            Self::Values(_) => "values",
            Self::Default(_) => "default",
            Self::Split(_) => "split",
            Self::Join(_) => "join",
            Self::NumberFormat(_) => "number_format",
            Self::Hash(_) => "hash",
        }
    }
}
