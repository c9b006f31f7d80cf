//! Date literals: spans of days in the user's time zone.
//!
//! Source: SOQL and SOSL Reference, "Date Formats and Date Literals". Weeks begin on Sunday where
//! the user's locale says so (the Americas, Japan), else on Monday. The fiscal year is the
//! calendar year.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

/// Days from `start` up to, but without, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) start: Date,
    pub(super) end: Date,
}

impl Days {
    /// The instants of the first midnight and of the one behind the last day, in milliseconds.
    pub(super) fn millis(self, zone: &TimeZone) -> (i64, i64) {
        let at = |date: Date| date.to_zoned(zone.clone()).map_or(0, |midnight| midnight.timestamp().as_millisecond());
        (at(self.start), at(self.end))
    }
}

/// The present, as a user sees it.
#[derive(Clone, Debug)]
pub(super) struct Present {
    pub(super) today: Date,
    pub(super) week_start: Weekday,
}

/// The first day of the week in a locale such as `fr_FR`.
pub(super) fn week_start(locale: &str) -> Weekday {
    const SUNDAY: &[&str] = &["US", "CA", "MX", "BR", "JP"];
    let country = locale.rsplit('_').next().unwrap_or_default();
    if SUNDAY.contains(&country) { Weekday::Sunday } else { Weekday::Monday }
}

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

const UNITS: &[(&str, Unit)] = &[
    ("DAY", Unit::Day),
    ("WEEK", Unit::Week),
    ("MONTH", Unit::Month),
    ("FISCAL_QUARTER", Unit::Quarter),
    ("QUARTER", Unit::Quarter),
    ("FISCAL_YEAR", Unit::Year),
    ("YEAR", Unit::Year),
];

/// A literal taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Literal {
    /// The unit `offset` units from the present one.
    One(Unit, i64),
    /// The `n` units before or after the present one.
    Last(Unit),
    Next(Unit),
    /// The unit `n` units ago.
    Ago(Unit),
    Last90,
    Next90,
}

fn parse(word: &str) -> Option<Literal> {
    let one = |word: &str| UNITS.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit);
    let many = |word: &str| word.strip_suffix('S').and_then(one);
    match word {
        "YESTERDAY" => return Some(Literal::One(Unit::Day, -1)),
        "TODAY" => return Some(Literal::One(Unit::Day, 0)),
        "TOMORROW" => return Some(Literal::One(Unit::Day, 1)),
        "LAST_90_DAYS" => return Some(Literal::Last90),
        "NEXT_90_DAYS" => return Some(Literal::Next90),
        _ => {}
    }
    if let Some(rest) = word.strip_prefix("LAST_N_") {
        return many(rest).map(Literal::Last);
    }
    if let Some(rest) = word.strip_prefix("NEXT_N_") {
        return many(rest).map(Literal::Next);
    }
    if let Some(rest) = word.strip_prefix("N_").and_then(|rest| rest.strip_suffix("_AGO")) {
        return many(rest).map(Literal::Ago);
    }
    for (prefix, offset) in [("LAST_", -1), ("THIS_", 0), ("NEXT_", 1)] {
        let unit = word.strip_prefix(prefix).and_then(one);
        if let Some(unit) = unit.filter(|unit| *unit != Unit::Day) {
            return Some(Literal::One(unit, offset));
        }
    }
    None
}

/// Whether a word in upper case is a date literal.
pub(super) fn is_span(word: &str) -> bool {
    parse(word).is_some()
}

/// The days a literal stands for; `None` when the number is missing or superfluous.
pub(super) fn days(word: &str, count: Option<i64>, present: &Present) -> Option<Days> {
    let today = present.today;
    let start = |unit: Unit, offset: i64| start_of(unit, offset, present);
    let span = |start: Date, end: Date| Some(Days { start, end });
    match (parse(word)?, count) {
        (Literal::One(unit, offset), None) => span(start(unit, offset), start(unit, offset + 1)),
        // The last days include today; all other units exclude the present one.
        (Literal::Last(Unit::Day), Some(n)) => span(moved(today, Unit::Day, -n), start(Unit::Day, 1)),
        (Literal::Last(unit), Some(n)) => span(start(unit, -n), start(unit, 0)),
        (Literal::Next(unit), Some(n)) => span(start(unit, 1), start(unit, n.saturating_add(1))),
        (Literal::Ago(unit), Some(n)) => span(start(unit, -n), start(unit, 1 - n)),
        (Literal::Last90, None) => span(moved(today, Unit::Day, -90), start(Unit::Day, 1)),
        (Literal::Next90, None) => span(start(Unit::Day, 1), start(Unit::Day, 91)),
        _ => None,
    }
}

fn start_of(unit: Unit, offset: i64, present: &Present) -> Date {
    let today = present.today;
    let first = match unit {
        Unit::Day => today,
        Unit::Week => {
            let since = today.weekday().since(present.week_start);
            today.saturating_sub(i64::from(since).days())
        }
        Unit::Month => today.first_of_month(),
        Unit::Quarter => {
            let month = (today.month() - 1) / 3 * 3 + 1;
            Date::new(today.year(), month, 1).unwrap_or(today)
        }
        Unit::Year => today.first_of_year(),
    };
    moved(first, unit, offset)
}

fn moved(date: Date, unit: Unit, by: i64) -> Date {
    // No calendar is longer than that, and the arithmetic stays in bounds.
    let by = by.clamp(-10_000, 10_000);
    let span: Span = match unit {
        Unit::Day => by.days(),
        Unit::Week => by.weeks(),
        Unit::Month => by.months(),
        Unit::Quarter => (by * 3).months(),
        Unit::Year => by.years(),
    };
    date.saturating_add(span)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn literals_and_their_days() {
        // A Wednesday.
        let present = Present { today: "2026-11-25".parse().unwrap(), week_start: Weekday::Monday };
        let cases = [
            ("TODAY", None, "2026-11-25", "2026-11-26"),
            ("YESTERDAY", None, "2026-11-24", "2026-11-25"),
            ("TOMORROW", None, "2026-11-26", "2026-11-27"),
            ("LAST_WEEK", None, "2026-11-16", "2026-11-23"),
            ("THIS_WEEK", None, "2026-11-23", "2026-11-30"),
            ("NEXT_WEEK", None, "2026-11-30", "2026-12-07"),
            ("LAST_MONTH", None, "2026-10-01", "2026-11-01"),
            ("THIS_MONTH", None, "2026-11-01", "2026-12-01"),
            ("NEXT_MONTH", None, "2026-12-01", "2027-01-01"),
            ("LAST_QUARTER", None, "2026-07-01", "2026-10-01"),
            ("THIS_QUARTER", None, "2026-10-01", "2027-01-01"),
            ("NEXT_QUARTER", None, "2027-01-01", "2027-04-01"),
            ("LAST_FISCAL_QUARTER", None, "2026-07-01", "2026-10-01"),
            ("THIS_FISCAL_QUARTER", None, "2026-10-01", "2027-01-01"),
            ("NEXT_FISCAL_QUARTER", None, "2027-01-01", "2027-04-01"),
            ("LAST_YEAR", None, "2025-01-01", "2026-01-01"),
            ("THIS_YEAR", None, "2026-01-01", "2027-01-01"),
            ("NEXT_YEAR", None, "2027-01-01", "2028-01-01"),
            ("LAST_FISCAL_YEAR", None, "2025-01-01", "2026-01-01"),
            ("THIS_FISCAL_YEAR", None, "2026-01-01", "2027-01-01"),
            ("NEXT_FISCAL_YEAR", None, "2027-01-01", "2028-01-01"),
            ("LAST_90_DAYS", None, "2026-08-27", "2026-11-26"),
            ("NEXT_90_DAYS", None, "2026-11-26", "2027-02-24"),
            ("LAST_N_DAYS", Some(3), "2026-11-22", "2026-11-26"),
            ("LAST_N_DAYS", Some(0), "2026-11-25", "2026-11-26"),
            ("NEXT_N_DAYS", Some(2), "2026-11-26", "2026-11-28"),
            ("N_DAYS_AGO", Some(1), "2026-11-24", "2026-11-25"),
            ("LAST_N_WEEKS", Some(2), "2026-11-09", "2026-11-23"),
            ("NEXT_N_WEEKS", Some(2), "2026-11-30", "2026-12-14"),
            ("N_WEEKS_AGO", Some(2), "2026-11-09", "2026-11-16"),
            ("LAST_N_MONTHS", Some(2), "2026-09-01", "2026-11-01"),
            ("NEXT_N_MONTHS", Some(2), "2026-12-01", "2027-02-01"),
            ("N_MONTHS_AGO", Some(2), "2026-09-01", "2026-10-01"),
            ("LAST_N_QUARTERS", Some(2), "2026-04-01", "2026-10-01"),
            ("NEXT_N_QUARTERS", Some(2), "2027-01-01", "2027-07-01"),
            ("N_QUARTERS_AGO", Some(2), "2026-04-01", "2026-07-01"),
            ("LAST_N_FISCAL_QUARTERS", Some(2), "2026-04-01", "2026-10-01"),
            ("NEXT_N_FISCAL_QUARTERS", Some(2), "2027-01-01", "2027-07-01"),
            ("N_FISCAL_QUARTERS_AGO", Some(2), "2026-04-01", "2026-07-01"),
            ("LAST_N_YEARS", Some(2), "2024-01-01", "2026-01-01"),
            ("NEXT_N_YEARS", Some(2), "2027-01-01", "2029-01-01"),
            ("N_YEARS_AGO", Some(2), "2024-01-01", "2025-01-01"),
            ("LAST_N_FISCAL_YEARS", Some(2), "2024-01-01", "2026-01-01"),
            ("NEXT_N_FISCAL_YEARS", Some(2), "2027-01-01", "2029-01-01"),
            ("N_FISCAL_YEARS_AGO", Some(2), "2024-01-01", "2025-01-01"),
        ];
        for (word, count, start, end) in cases {
            let want = Days { start: start.parse().unwrap(), end: end.parse().unwrap() };
            assert_eq!(days(word, count, &present), Some(want), "{word}:{count:?}");
        }
        for (word, count) in [("LAST_N_DAYS", None), ("TODAY", Some(1)), ("THIS_DAY", None), ("LAST_DAY", None), ("SOON", None)] {
            assert_eq!(days(word, count, &present), None, "{word}");
        }
    }

    #[test]
    fn the_week_begins_where_the_locale_says() {
        let present = Present { today: "2026-11-25".parse().unwrap(), week_start: week_start("en_US") };
        let week = days("THIS_WEEK", None, &present).unwrap();
        assert_eq!(week.start.to_string(), "2026-11-22");
        assert_eq!(week_start("fr_FR"), Weekday::Monday);
    }

    #[test]
    fn midnights_are_those_of_the_zone() {
        let present = Present { today: "2026-03-29".parse().unwrap(), week_start: Weekday::Monday };
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let (start, end) = days("TODAY", None, &present).unwrap().millis(&zone);
        // The day on which the clocks go forward has 23 hours.
        assert_eq!(end - start, 23 * 3_600_000);
    }
}
