//! Bases: what a side's value was when the sides were last compared. Long values are kept as hashes.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::event::{hex, is_blank};

/// Bytes up to which a base is kept as it is.
const LONGEST: usize = 1024;
/// The member that tells a hash from a value: values of fields are never objects.
const HASH: &str = "sha256";

/// What is stored of a value.
#[must_use]
pub fn remember(value: &Value) -> Value {
    match value {
        _ if is_blank(value) => Value::Null,
        Value::String(text) if text.len() > LONGEST => json!({ HASH: hash(text) }),
        other => other.clone(),
    }
}

/// Whether the value is still what the base remembers.
#[must_use]
pub fn holds(base: &Value, value: &Value, same: &dyn Fn(&Value, &Value) -> bool) -> bool {
    match base.get(HASH).and_then(Value::as_str) {
        Some(known) => value.as_str().is_some_and(|text| hash(text) == known),
        None => same(base, value),
    }
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.trim().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_hashes_and_recognised() {
        let long = Value::from("é".repeat(LONGEST));
        let base = remember(&long);
        assert!(base.is_object());
        let same = |a: &Value, b: &Value| a == b;
        assert!(holds(&base, &long, &same));
        assert!(holds(&base, &json!(format!("{} ", long.as_str().unwrap_or_default())), &same));
        assert!(!holds(&base, &json!("é".repeat(LONGEST + 1)), &same));
        assert_eq!(remember(&json!("short")), json!("short"));
        assert_eq!(remember(&json!("  ")), Value::Null);
    }
}
