//! Filter criteria of an event source mapping, as far as this project uses them: exact values.

use serde_json::Value;

/// Whether an event passes a pattern. An object asks for each of its members, a list for one of its values.
#[must_use]
pub fn matches(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, pattern)| event.get(name).is_some_and(|event| matches(pattern, event))),
        Value::Array(values) => values.contains(event),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn only_new_events_pass() {
        let pattern = serde_json::from_str(super::super::PATTERN).unwrap();
        let record = |name: &str, sk: Value| json!({ "eventName": name, "dynamodb": { "Keys": { "pk": { "S": "p" }, "sk": sk } } });
        let cases = [
            (record("INSERT", json!({ "S": "EVENT" })), true),
            (record("MODIFY", json!({ "S": "EVENT" })), false),
            (record("REMOVE", json!({ "S": "EVENT" })), false),
            (record("INSERT", json!({ "S": "PERSON" })), false),
            (record("INSERT", json!({ "S": "EVENT#1" })), false),
            (record("INSERT", json!({ "N": "1" })), false),
            (json!({ "eventName": "INSERT" }), false),
        ];
        for (event, want) in cases {
            assert_eq!(matches(&pattern, &event), want, "{event}");
        }
    }
}
