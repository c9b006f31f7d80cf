//! Where the org's time comes from: the machine, or a test that sets it.
//!
//! Nothing else in the crate asks for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The org's time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved. Clones share the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `start`, to the millisecond.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.as_millisecond())))
    }

    /// Moves the clock to `now`, back if need be.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millisecond(), Ordering::SeqCst);
    }

    /// Moves the clock by `by`.
    pub fn advance(&self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Another clock, moved by a distance that the control plane sets.
pub(crate) struct ShiftedClock {
    inner: Arc<dyn Clock>,
    offset_ms: AtomicI64,
}

impl ShiftedClock {
    pub(crate) fn new(inner: Arc<dyn Clock>) -> Self {
        Self { inner, offset_ms: AtomicI64::new(0) }
    }

    pub(crate) fn set_offset(&self, offset: SignedDuration) {
        self.offset_ms.store(i64::try_from(offset.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.offset_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(self.offset_ms.load(Ordering::SeqCst));
        self.inner.now().checked_add(offset).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_share_its_time() {
        let start: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let clock = ManualClock::new(start);
        let other = clock.clone();
        other.advance(SignedDuration::from_secs(90));
        assert_eq!(clock.now().to_string(), "2026-11-23T08:01:30Z");
        clock.set(start);
        assert_eq!(other.now(), start);
    }
}
