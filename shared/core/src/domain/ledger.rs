//! A day's ledger of one connection: every event that was received is in exactly one place.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::{
    finding::{Finding, Severity},
    words::Sentence,
};

/// The events that were received on one day (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day.
    pub day: Date,
    /// How many intake has counted after storing them. A delivery that died between storing and counting is not in it, so
    /// there may be more events than this; never fewer.
    pub received: u64,
    /// Events in the table, by status: an outcome, or `open`.
    pub events: BTreeMap<String, u64>,
}

impl Day {
    /// Events that stand in the table.
    #[must_use]
    pub fn standing(&self) -> u64 {
        self.events.values().sum()
    }

    /// Events without a final outcome that nothing keeps waiting.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        ["open", "retry"].iter().filter_map(|status| self.events.get(*status)).sum()
    }

    /// Events that were accepted and are not there.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.received.saturating_sub(self.standing())
    }

    /// What is wrong with the day, if anything is.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let (missing, received) = (self.missing(), self.received);
        let found = |words, cure| Finding::new(Severity::Error, "events_missing", format!("ledger {}", self.day), words, cure);
        (missing > 0).then(|| found(
            Sentence::new(
                format!("Of {received} events received on this day {missing} are not in the table any more."),
                format!("Sur {received} événements reçus ce jour, {missing} ne sont plus dans la table."),
            ),
            Sentence::new(
                "Restore the table to the time before they went, or have the platform send them again: an id that is known is taken once.",
                "Restaurez la table à un moment antérieur, ou faites renvoyer les événements par la plateforme : un identifiant connu n'est pris qu'une fois.",
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_balances_unless_events_are_missing() {
        let day = |received, events: &[(&str, u64)]| Day {
            day: jiff::civil::date(2026, 9, 1),
            received,
            events: events.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect(),
        };
        for (name, day, in_flight, missing) in [
            ("nothing came", day(0, &[]), 0, 0),
            ("all have ended", day(6, &[("applied", 3), ("unchanged", 1), ("superseded", 1), ("dead", 1)]), 0, 0),
            ("some wait, some are under way", day(6, &[("applied", 1), ("parked", 2), ("open", 2), ("retry", 1)]), 3, 0),
            ("one was stored and not counted", day(1, &[("applied", 2)]), 0, 0),
            ("two are gone", day(5, &[("applied", 3)]), 0, 2),
        ] {
            assert_eq!((day.in_flight(), day.missing(), day.finding().is_some()), (in_flight, missing, missing > 0), "{name}");
        }
    }
}
