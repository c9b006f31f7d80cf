//! What the documents promise of the calls.

use super::{Beside, Kind, Setting, Toggle};

/// The most calls that one size of a kind of batch may take.
struct Target {
    people: Kind,
    setting: Setting,
    events: usize,
    most: u64,
}

/// Without references into answers, or where nothing is said here, there is no promise.
const TARGETS: [Target; 5] = [
    Target {
        people: Kind::Unknown,
        setting: Setting { activity: Toggle::On, references: Toggle::On, beside: Beside::Nothing },
        events: 100,
        most: 2,
    },
    Target {
        people: Kind::Unknown,
        setting: Setting { activity: Toggle::Off, references: Toggle::On, beside: Beside::Nothing },
        events: 1_000,
        most: 4,
    },
    Target {
        people: Kind::Unknown,
        setting: Setting { activity: Toggle::On, references: Toggle::On, beside: Beside::Nothing },
        events: 1_000,
        most: 4,
    },
    Target {
        people: Kind::KnownOverwritten,
        setting: Setting { activity: Toggle::Off, references: Toggle::On, beside: Beside::Nothing },
        events: 1_000,
        most: 1,
    },
    Target {
        people: Kind::KnownFiveEach,
        setting: Setting { activity: Toggle::On, references: Toggle::On, beside: Beside::Nothing },
        events: 5_000,
        most: 6,
    },
];

/// The most calls that such a batch may take, if anything is promised.
pub fn most(people: Kind, setting: Setting, events: usize) -> Option<u64> {
    TARGETS.iter().find(|target| (target.people, target.setting, target.events) == (people, setting, events)).map(|target| target.most)
}
