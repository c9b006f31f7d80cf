//! One value of one field of one record.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::decimal::Decimal;
use crate::id::Id;
use crate::schema::FieldType;

/// A value; texts may be borrowed from the record they stand in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// No value. An empty text is no value either.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Num(Decimal),
    /// A text.
    Text(Cow<'a, str>),
    /// A record id.
    Id(Id),
    /// An instant in milliseconds since 1970, UTC.
    Instant(i64),
    /// A day, counted from 1970-01-01.
    Day(i32),
}

/// A value on its own feet.
pub type OwnedCell = Cell<'static>;

impl<'a> Cell<'a> {
    /// A text; an empty one is [`Cell::Null`].
    #[must_use]
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }

    /// A whole number.
    #[must_use]
    pub const fn whole(number: i64) -> Self {
        Self::Num(Decimal::whole(number))
    }

    /// An instant without the fraction of its second: Salesforce keeps whole seconds.
    #[must_use]
    pub fn instant(at: Timestamp) -> Self {
        Self::Instant(at.as_second() * 1_000)
    }

    /// A day.
    #[must_use]
    pub fn day(date: Date) -> Self {
        Self::Day(day_number(date))
    }

    /// Whether there is no value.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, where it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The id, where it is one.
    #[must_use]
    pub const fn as_id(&self) -> Option<Id> {
        match self {
            Self::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// The instant in milliseconds, where it is one.
    #[must_use]
    pub const fn as_millis(&self) -> Option<i64> {
        match self {
            Self::Instant(millis) => Some(*millis),
            _ => None,
        }
    }

    /// The number, where it is one.
    #[must_use]
    pub const fn as_number(&self) -> Option<Decimal> {
        match self {
            Self::Num(number) => Some(*number),
            _ => None,
        }
    }

    /// The date, where it is one.
    #[must_use]
    pub fn as_date(&self) -> Option<Date> {
        match self {
            Self::Day(day) => Some(date_of(*day)),
            _ => None,
        }
    }

    /// Whether it is the value `true`.
    #[must_use]
    pub const fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// The value without a borrow.
    #[must_use]
    pub fn into_owned(self) -> OwnedCell {
        match self {
            Self::Null => Cell::Null,
            Self::Bool(value) => Cell::Bool(value),
            Self::Num(value) => Cell::Num(value),
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::Id(id) => Cell::Id(id),
            Self::Instant(millis) => Cell::Instant(millis),
            Self::Day(day) => Cell::Day(day),
        }
    }

    /// The value as answers carry it: `kind` tells whole numbers from others.
    #[must_use]
    pub fn to_json(&self, kind: FieldType) -> Value {
        serde_json::to_value(Shown(self, kind)).unwrap_or_default()
    }

    /// The order of ORDER BY among values of one field: nothing first, texts without letter case.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Num(a), Self::Num(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => order_texts(a, b),
            (Self::Id(a), Self::Id(b)) => a.cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Day(a), Self::Day(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Num(_) => 2,
            Self::Text(_) => 3,
            Self::Id(_) => 4,
            Self::Instant(_) => 5,
            Self::Day(_) => 6,
        }
    }
}

/// A value as answers carry it, of a field of this type.
pub(crate) struct Shown<'a>(pub &'a Cell<'a>, pub FieldType);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (Cell::Null, _) => serializer.serialize_unit(),
            (Cell::Bool(value), _) => serializer.serialize_bool(*value),
            // Whole numbers as integers; others as floating-point numbers, so that 1000 of a currency field is
            // written `1000.0`.
            (Cell::Num(number), FieldType::Int) if !number.has_fraction() => number.to_i64().serialize(serializer),
            (Cell::Num(number), _) => serializer.serialize_f64(number.to_f64()),
            (Cell::Text(text), _) => serializer.serialize_str(text),
            (Cell::Id(id), _) => serializer.serialize_str(id.as_str()),
            (Cell::Instant(millis), _) => serializer.serialize_str(&format_instant(*millis)),
            (Cell::Day(day), _) => serializer.collect_str(&date_of(*day)),
        }
    }
}

/// The order of texts: without letter case first, then with it so that the order is total.
#[must_use]
pub fn order_texts(a: &str, b: &str) -> Ordering {
    folded(a).cmp(folded(b)).then_with(|| a.cmp(b))
}

/// The characters of a text without letter case.
pub fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// Whether two texts are equal letter case aside.
#[must_use]
pub fn same_text(a: &str, b: &str) -> bool {
    a == b || folded(a).eq(folded(b))
}

/// An instant as answers carry it: `2012-07-12T17:49:01.000+0000`.
#[must_use]
pub fn format_instant(millis: i64) -> String {
    const DAY: i64 = 86_400_000;
    let (day, rest) = (i32::try_from(millis.div_euclid(DAY)).unwrap_or(0), millis.rem_euclid(DAY));
    let (seconds, fraction) = (rest / 1_000, rest % 1_000);
    format!("{}T{:02}:{:02}:{:02}.{fraction:03}+0000", date_of(day), seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// The day number of a date.
#[must_use]
pub fn day_number(date: Date) -> i32 {
    let span = date.since((jiff::Unit::Day, Date::new(1970, 1, 1).unwrap_or(Date::ZERO)));
    span.map_or(0, |span| span.get_days())
}

/// The date of a day number.
#[must_use]
pub fn date_of(day: i32) -> Date {
    let epoch = Date::new(1970, 1, 1).unwrap_or(Date::ZERO);
    epoch.saturating_add(day.days())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn values_in_answers() {
        let at: Timestamp = "2012-07-12T17:49:01.987Z".parse().unwrap();
        let date: Date = "2026-02-28".parse().unwrap();
        let cases = [
            (Cell::Null, FieldType::String, json!(null)),
            (Cell::text(""), FieldType::String, json!(null)),
            (Cell::text("é"), FieldType::String, json!("é")),
            (Cell::whole(5), FieldType::Int, json!(5)),
            (Cell::whole(5), FieldType::Double, json!(5.0)),
            (Cell::instant(at), FieldType::DateTime, json!("2012-07-12T17:49:01.000+0000")),
            (Cell::day(date), FieldType::Date, json!("2026-02-28")),
        ];
        for (cell, kind, want) in cases {
            assert_eq!(cell.to_json(kind), want);
        }
    }

    #[test]
    fn days_count_from_1970() {
        for (text, number) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-03-01", 11_017)] {
            let date: Date = text.parse().unwrap();
            assert_eq!(day_number(date), number);
            assert_eq!(date_of(number), date);
        }
    }

    #[test]
    fn texts_sort_without_letter_case() {
        let mut texts = ["b", "A", "a", "C", "É", "é"];
        texts.sort_by(|a, b| order_texts(a, b));
        assert_eq!(texts, ["A", "a", "b", "C", "É", "é"]);
        assert!(same_text("ÉCOLE", "école"));
        assert!(!same_text("ecole", "école"));
    }
}
