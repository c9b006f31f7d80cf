//! What is late, where a test asks for it. Secrets Manager is eventually consistent, so a read may be answered by one who has not heard of the last
//! change yet; and what is deleted at once keeps its name for a while.

use std::collections::BTreeMap;

use super::store::Store;

/// Which reads are stale, and what they see.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// One in so many; 0 = none.
    one_in: u64,
    reads: u64,
    struck: u64,
    /// The secrets as before the last change; kept only while it is asked for.
    former: Option<Store>,
}

impl Lag {
    pub fn be_stale(&mut self, one_in: u64) {
        *self = Self { one_in, ..Self::default() };
    }

    /// Takes the secrets as they were before a change.
    pub fn keep(&mut self, former: Store) {
        if self.one_in > 0 {
            self.former = Some(former);
        }
    }

    /// What the next read sees, if it is stale.
    pub fn former(&mut self) -> Option<Store> {
        self.reads += u64::from(self.one_in > 0);
        self.former.clone().filter(|_| self.reads.is_multiple_of(self.one_in))
    }

    /// Notes whether it made a difference.
    pub fn note(&mut self, struck: bool) {
        self.struck += u64::from(struck);
    }

    pub fn struck(&self) -> u64 {
        self.struck
    }
}

/// Names that are not free yet, although their secrets are gone.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    /// How often a secret of a name that was deleted from now on cannot be made.
    refusals: u64,
    /// How often it still cannot, by name.
    left: BTreeMap<String, u64>,
}

impl Lingering {
    pub fn linger(&mut self, refusals: u64) {
        *self = Self { refusals, ..Self::default() };
    }

    /// Notes a name whose secret is gone.
    pub fn gone(&mut self, name: &str) {
        if self.refusals > 0 {
            self.left.insert(name.to_owned(), self.refusals);
        }
    }

    /// Whether a secret of this name cannot be made yet.
    pub fn refuses(&mut self, name: &str) -> bool {
        let Some(left) = self.left.get_mut(name).filter(|left| **left > 0) else { return false };
        *left -= 1;
        true
    }
}
