//! Reads that are stale, where a test asks for them: Secrets Manager is eventually consistent, so a read may be answered by one who has not heard of
//! the last change yet.

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
