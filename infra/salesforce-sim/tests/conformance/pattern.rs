//! Comparing an answer with what a case says of it.
//!
//! A pattern is JSON. Objects may have more keys than the pattern names, arrays may not have more elements.
//! Texts beginning with `$` are conditions; every other text is compared as it stands, after ids and times were
//! made alike. Texts for people (`message`, `error_description`) count in strict cases only.

use serde_json::{Map, Value};

use crate::case::Strictness;

/// Keys whose texts are meant for people.
const FOR_PEOPLE: &[&str] = &["message", "error_description"];

/// What differs, with its place; `None` when nothing does.
pub fn differs(pattern: &Value, actual: &Value, strict: Strictness) -> Option<String> {
    compare(pattern, Some(actual), strict, "")
}

fn compare(pattern: &Value, actual: Option<&Value>, strict: Strictness, place: &str) -> Option<String> {
    if let Value::String(text) = pattern
        && let Some(condition) = text.strip_prefix('$')
    {
        return holds(condition, actual, place);
    }
    let Some(actual) = actual else {
        return Some(format!("{place} is missing"));
    };
    match (pattern, actual) {
        (Value::Object(wanted), found) if wanted.keys().any(|key| key.starts_with('$')) => operators(wanted, found, strict, place),
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().find_map(|(key, value)| compare(value, found.get(key), strict, &format!("{place}/{key}")))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            if wanted.len() != found.len() {
                return Some(format!("{place} has {} elements instead of {}: {}", found.len(), wanted.len(), short(actual)));
            }
            let mut pairs = wanted.iter().zip(found).enumerate();
            pairs.find_map(|(index, (wanted, found))| compare(wanted, Some(found), strict, &format!("{place}/{index}")))
        }
        (Value::String(wanted), Value::String(found)) => texts(wanted, found, strict, place),
        (Value::Number(wanted), Value::Number(found)) if wanted.as_f64() == found.as_f64() => None,
        _ if pattern == actual => None,
        _ => Some(format!("{place} is {} instead of {}", short(actual), short(pattern))),
    }
}

fn texts(wanted: &str, found: &str, strict: Strictness, place: &str) -> Option<String> {
    let key = place.rsplit('/').next().unwrap_or_default();
    if strict != Strictness::S && FOR_PEOPLE.contains(&key) {
        return found.is_empty().then(|| format!("{place} is empty"));
    }
    (normal(wanted) != normal(found)).then(|| format!("{place} is {found:?} instead of {wanted:?}"))
}

/// `$each`, `$contains`, `$length`, `$only`, `$keys`: conditions on a whole list or object.
fn operators(wanted: &Map<String, Value>, found: &Value, strict: Strictness, place: &str) -> Option<String> {
    let items = found.as_array().map(Vec::as_slice).unwrap_or_default();
    wanted.iter().find_map(|(operator, argument)| match operator.as_str() {
        "$each" if items.is_empty() => Some(format!("{place} is no list, or empty")),
        "$each" => items.iter().enumerate().find_map(|(index, item)| compare(argument, Some(item), strict, &format!("{place}/{index}"))),
        "$contains" => argument
            .as_array()
            .into_iter()
            .flatten()
            .find(|wanted| items.iter().all(|item| compare(wanted, Some(item), strict, place).is_some()))
            .map(|wanted| format!("{place} lacks {}", short(wanted))),
        "$lacks" => argument
            .as_array()
            .into_iter()
            .flatten()
            .find(|wanted| items.iter().any(|item| compare(wanted, Some(item), strict, place).is_none()))
            .map(|wanted| format!("{place} has {}", short(wanted))),
        "$length" => (Some(items.len() as u64) != argument.as_u64()).then(|| format!("{place} has {} elements", items.len())),
        "$keys" => {
            let mut keys: Vec<&str> = found.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
            let mut names: Vec<&str> = argument.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            keys.sort_unstable();
            names.sort_unstable();
            (keys != names).then(|| format!("{place} has the keys {keys:?} instead of {names:?}"))
        }
        "$is" => compare(argument, Some(found), strict, place),
        other => Some(format!("{other} is no condition")),
    })
}

/// One condition written as text.
fn holds(condition: &str, actual: Option<&Value>, place: &str) -> Option<String> {
    let (name, argument) = condition.split_once(':').unwrap_or((condition, ""));
    if name == "absent" {
        return actual.map(|found| format!("{place} is {} and must be absent", short(found)));
    }
    let Some(actual) = actual else {
        return Some(format!("{place} is missing"));
    };
    let text = actual.as_str().unwrap_or_default();
    let good = match name {
        "any" => true,
        "string" => actual.as_str().is_some_and(|text| !text.is_empty()),
        "int" => actual.is_i64() || actual.is_u64(),
        "number" => actual.is_number(),
        "bool" => actual.is_boolean(),
        "object" => actual.is_object(),
        "list" => actual.is_array(),
        "id" => salesforce_sim::Id::parse(text).is_ok_and(|id| id.to_string() == text) && text.starts_with(argument),
        "time" => is_time(text),
        "after" => is_time(text) && text > argument,
        "from" => is_time(text) && text >= argument,
        "until" => is_time(text) && text <= argument,
        "not" => text != argument,
        "like" => like(argument, text),
        "in" => argument.split('|').any(|item| item == text || serde_json::from_str(item).is_ok_and(|value: Value| value == *actual)),
        _ => return Some(format!("${name} is no condition")),
    };
    (!good).then(|| format!("{place} is {} and not ${condition}", short(actual)))
}

/// `2026-11-23T08:09:10.000+0000`, always with whole seconds.
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000+0000" && text.ends_with(".000+0000")
}

/// A glob: `*` stands for any text.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    let mut rest = rest;
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The same text with ids reduced to their prefix and times to a word.
fn normal(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        out.push_str(&normal_word(&std::mem::take(&mut word)));
        if c != '\0' {
            out.push(c);
        }
    }
    if is_time(text) { "<time>".to_owned() } else { out }
}

fn normal_word(word: &str) -> String {
    let id = matches!(word.len(), 15 | 18) && word.starts_with(|c: char| c.is_ascii_digit());
    if id { word.chars().take(3).collect::<String>() + "<id>" } else { word.to_owned() }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 400 { text.chars().take(400).collect::<String>() + "…" } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_and_their_refusals() {
        let id = "00Q000000000999EAA";
        let cases = [
            (json!({"a": 1}), json!({"a": 1, "b": 2}), true),
            (json!({"a": 1}), json!({"a": 2}), false),
            (json!({"a": "$absent"}), json!({"a": null}), false),
            (json!({"a": "$absent"}), json!({}), true),
            (json!([1]), json!([1, 2]), false),
            (json!("$id:00Q"), json!(id), true),
            (json!("$id:003"), json!(id), false),
            (json!("$id:00Q"), json!("00Q000000000999EAB"), false),
            (json!("$time"), json!("2026-11-23T08:09:10.000+0000"), true),
            (json!("$time"), json!("2026-11-23T08:09:10.123+0000"), false),
            (json!("$like:a*c*"), json!("abcd"), true),
            (json!("$like:a*c"), json!("abcd"), false),
            (json!("$in:a|b"), json!("b"), true),
            (json!("$in:a|b"), json!("c"), false),
            (json!({"$each": {"a": 1}}), json!([{"a": 1}, {"a": 2}]), false),
            (json!({"$contains": [{"a": 2}]}), json!([{"a": 1}, {"a": 2}]), true),
            (json!({"$lacks": [{"a": 2}]}), json!([{"a": 1}, {"a": 2}]), false),
            (json!({"$length": 2}), json!([1, 2]), true),
            (json!({"$keys": ["a"]}), json!({"a": 1, "b": 1}), false),
            (json!({"$nonsense": 1}), json!([]), false),
            (json!("$nonsense"), json!(1), false),
        ];
        for (pattern, actual, want) in cases {
            assert_eq!(differs(&pattern, &actual, Strictness::S).is_none(), want, "{pattern} {actual}");
        }
    }

    #[test]
    fn texts_for_people_count_in_strict_cases_only() {
        let (wanted, found) = (json!({"message": "a", "errorCode": "X"}), json!({"message": "b", "errorCode": "X"}));
        assert!(differs(&wanted, &found, Strictness::S).is_some());
        assert!(differs(&wanted, &found, Strictness::C).is_none());
        assert!(differs(&wanted, &json!({"message": "", "errorCode": "X"}), Strictness::C).is_some());
        assert!(differs(&wanted, &json!({"message": "b", "errorCode": "Y"}), Strictness::T).is_some());
    }

    #[test]
    fn ids_of_either_length_and_times_are_alike_in_texts() {
        let text = |id: &str| json!({"message": format!("on record with id: {id}")});
        assert!(differs(&text("00Q000000000999"), &text("00Q00000000ABCDEAA"), Strictness::S).is_none());
        assert!(differs(&text("00Q000000000999"), &text("003000000000999"), Strictness::S).is_some());
    }
}
