//! What is done with a value that does not fit its field.

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::{Misfit, Operation, check, length};
use crate::domain::{
    mapping::{Family, Reason, codec},
    schema::Field,
};

/// What is done with a value that Salesforce would not take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The event waits until somebody mends the value, the rule or the field.
    #[default]
    Park,
    /// Texts are cut to the field's length, between two characters; everything else waits.
    Truncate,
    /// The field is left out and the rest is written.
    Drop,
    /// This value is written instead, in the form of the field's type.
    Default(Value),
}

/// A value after the checks.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitted {
    /// It is written; with the reason, where it is not the value that came.
    Send(Value, Option<Reason>),
    /// The field is left out.
    Drop(Misfit),
    /// The event waits.
    Park(Misfit),
}

/// Checks a value and does what the rule says where it does not fit. `zone` is the connection's: a moment that stands in for
/// another may be written without an offset.
#[must_use]
pub fn fit(overflow: &Overflow, field: &Field, value: Value, operation: Operation, zone: &TimeZone) -> Fitted {
    match check(field, &value, operation) {
        Ok(()) => Fitted::Send(value, None),
        Err(misfit) => refit(overflow, field, Some(&value), misfit, operation, zone),
    }
}

/// Does what the rule says with a value that does not fit; `None` where it has no form in the field's type.
#[must_use]
pub fn refit(overflow: &Overflow, field: &Field, value: Option<&Value>, misfit: Misfit, operation: Operation, zone: &TimeZone) -> Fitted {
    let replacement = match (overflow, &misfit, value) {
        (Overflow::Drop, ..) => return Fitted::Drop(misfit),
        (Overflow::Truncate, Misfit::TooLong { limit, .. }, Some(Value::String(text))) => {
            Some((Value::from(shortened(text, *limit, field.kind.family())), Reason::Truncated))
        }
        // What the document names is a value like any other, and takes the form of the field.
        (Overflow::Default(value), ..) => codec::encode(value, None, field, zone).ok().flatten().map(|value| (value, Reason::Replaced)),
        _ => None,
    };
    match replacement {
        // What stands in its place must fit itself: a shortened address need not be one.
        Some((value, reason)) if check(field, &value, operation).is_ok() => Fitted::Send(value, Some(reason)),
        _ => Fitted::Park(misfit),
    }
}

/// The longest beginning of the text that fits, never ending in the middle of a character as people see it; of a list of
/// choices, the first ones.
pub(super) fn shortened(text: &str, limit: u32, family: Family) -> String {
    let text = text.trim();
    let pieces: Box<dyn Iterator<Item = &str>> =
        if family == Family::Choices { Box::new(text.split_inclusive(';')) } else { Box::new(text.graphemes(true)) };
    let (mut units, mut end) = (0, 0);
    for piece in pieces {
        units += length(piece.trim_end_matches(if family == Family::Choices { ";" } else { "" }));
        if units > limit as usize {
            break;
        }
        end += piece.len();
        units += usize::from(family == Family::Choices && piece.ends_with(';'));
    }
    text.get(..end).unwrap_or_default().trim_end_matches([';', ' ']).trim_end().to_owned()
}
