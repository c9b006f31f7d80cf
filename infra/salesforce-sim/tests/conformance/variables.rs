//! `${name}` in the texts of a case: variables that answers filled, and values made on the spot.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// The variables of one case.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
    /// How far the org's clock is ahead of this machine's.
    pub ahead: SignedDuration,
}

impl Variables {
    pub fn new(values: BTreeMap<String, String>, ahead: SignedDuration) -> Variables {
        Variables { values, ahead }
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    /// Puts values for all names in a text; unknown names stay and show in the failure.
    pub fn fill(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            out.push_str(before);
            out.push_str(&self.value(name).unwrap_or_else(|| format!("<no variable {name}>")));
            rest = after;
        }
        out + rest
    }

    /// `name`, `name+1`, `chars:NAME:COUNT`, `repeat:TEXT:COUNT`; and from now on `time:SECONDS`, `offset:SECONDS` (the same
    /// instant in another zone), `wire:SECONDS` as answers have it, `http:SECONDS`, `day:DAYS`.
    fn value(&self, name: &str) -> Option<String> {
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        let at = |seconds: &str| Some(self.now() + SignedDuration::from_secs(seconds.parse().ok()?));
        match name.split_once(':') {
            Some(("repeat", rest)) => {
                let (text, count) = rest.rsplit_once(':')?;
                Some(text.repeat(count.parse().ok()?))
            }
            Some(("time", seconds)) => Some(at(seconds)?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            Some(("wire", seconds)) => Some(at(seconds)?.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()),
            Some(("offset", seconds)) => Some((at(seconds)? + SignedDuration::from_hours(1)).strftime("%Y-%m-%dT%H:%M:%S+01:00").to_string()),
            Some(("http", seconds)) => Some(at(seconds)?.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
            Some(("day", days)) => Some((self.now() + SignedDuration::from_hours(24 * days.parse::<i64>().ok()?)).strftime("%Y-%m-%d").to_string()),
            Some(("chars", rest)) => {
                let (name, count) = rest.split_once(':')?;
                Some(self.values.get(name)?.chars().take(count.parse().ok()?).collect())
            }
            _ => {
                let (name, number) = name.split_once('+')?;
                let value: i64 = self.values.get(name)?.parse().ok()?;
                Some((value + number.parse::<i64>().ok()?).to_string())
            }
        }
    }

    /// Fills every text of a value. `{"$repeat": N, "of": X}` becomes a list of N times X with `${n}` from 0.
    pub fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.fill_value(item)).collect()),
            Value::Object(fields) => match (fields.get("$repeat").and_then(Value::as_u64), fields.get("of")) {
                (Some(count), Some(item)) => Value::Array((0..count).map(|n| self.with("n", n).fill_value(item)).collect()),
                _ => Value::Object(fields.iter().map(|(key, item)| (self.fill(key), self.fill_value(item))).collect::<Map<_, _>>()),
            },
            other => other.clone(),
        }
    }

    /// The same variables and a number.
    pub fn with(&self, name: &str, number: u64) -> Variables {
        let mut own = self.clone();
        own.set(name, number.to_string());
        own
    }
}
