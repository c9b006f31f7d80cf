//! When what has failed is tried again.

use jiff::SignedDuration;

use super::person::spread;
use crate::planted::{self, Bug};

/// How long to wait after so many tries before one that failed: one minute, doubled with every try, an hour at most. It is up to a quarter
/// less, by `key`, which spreads those who failed together.
#[must_use]
pub fn backoff(tries: u32, key: &str) -> SignedDuration {
    if planted::is(Bug::RetryForever) {
        return SignedDuration::ZERO;
    }
    let whole = SignedDuration::from_secs(60 * i64::from(1_u32 << tries.min(6))).min(SignedDuration::from_hours(1));
    whole - whole * i32::from(spread(&format!("{key}/{tries}"))) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour_and_differ_from_person_to_person() {
        let of = |tries, key: &str| backoff(tries, key).as_secs();
        for (tries, whole) in [(0, 60), (1, 120), (2, 240), (5, 1_920), (6, 3_600), (60, 3_600)] {
            let waits: Vec<i64> = (0..50).map(|n| of(tries, &format!("p{n}"))).collect();
            assert!(waits.iter().all(|wait| (whole * 3 / 4..=whole).contains(wait)), "{tries}: {waits:?}");
            assert!(waits.iter().min() != waits.iter().max(), "{tries}");
        }
        assert_eq!(of(3, "p1"), of(3, "p1"), "the same each time");
    }
}
