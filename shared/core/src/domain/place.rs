//! Where somebody stands among a connection's people, in the order of their last changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::PersonKey;

/// A time that sorts as text, in whole seconds.
#[must_use]
pub fn sortable(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Somebody's place among a connection's people, in the order of their last changes. No two have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place(String);

impl Place {
    /// Of somebody who was changed then.
    #[must_use]
    pub fn of(person: &PersonKey, at: Timestamp) -> Self {
        Self(format!("{}#{person}", sortable(at)))
    }

    /// Before everybody who was changed in that second or later.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(sortable(time))
    }

    /// Reads a place as it was given out; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(text.to_owned())).filter(|place| place.time().is_some())
    }

    /// When whoever stands there was changed.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.0.split('#').next()?.parse().ok()
    }

    /// It as a text, which sorts likewise.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn places_sort_by_time_and_then_by_person() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let of = |key: &str, second| Place::of(&PersonKey::parse(key).unwrap(), at(second));
        let places = [of("z", 1), Place::at(at(2)), of("a", 2), of("b", 2), of("a", 3)];
        assert!(places.is_sorted());
        assert_eq!(places.map(|place| place.time().unwrap()), [1, 2, 2, 2, 3].map(at));
        assert_eq!((Place::parse("yesterday"), Place::parse("")), (None, None));
    }
}
