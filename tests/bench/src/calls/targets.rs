//! What the documents promise of the calls.

use super::{Beside, Kind, Setting, Toggle};

/// What a batch is about, whether it makes activities, its events, and the most calls that it may take; with references into answers, and
/// nothing made beside. Where nothing is said here, there is no promise.
const TARGETS: [(Kind, Toggle, usize, u64); 5] = [
    (Kind::Unknown, Toggle::On, 100, 2),
    (Kind::Unknown, Toggle::Off, 1_000, 4),
    (Kind::Unknown, Toggle::On, 1_000, 4),
    (Kind::KnownOverwritten, Toggle::Off, 1_000, 1),
    (Kind::KnownFiveEach, Toggle::On, 5_000, 6),
];

/// The most calls that such a batch may take, if anything is promised.
pub fn most(people: Kind, setting: Setting, events: usize) -> Option<u64> {
    if setting.references == Toggle::Off || setting.beside != Beside::Nothing {
        return None;
    }
    let target = TARGETS.iter().find(|(kind, activity, size, _)| (*kind, *activity, *size) == (people, setting.activity, events));
    target.map(|(.., most)| *most)
}
