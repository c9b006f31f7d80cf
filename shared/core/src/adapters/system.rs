//! The real clock and real randomness.

use std::time::Duration;

use jiff::Timestamp;

use crate::ports::{BoxFuture, Clock, Ids};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// UUIDs of version 7 (they sort by time) and bytes of the operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn fresh(&self) -> String {
        uuid::Uuid::now_v7().simple().to_string()
    }

    fn secret_bytes(&self) -> [u8; 32] {
        // Two version 4 UUIDs carry 244 random bits; hashing spreads them over 32 bytes.
        use sha2::{Digest, Sha256};
        let (a, b) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        Sha256::new().chain_update(a.as_bytes()).chain_update(b.as_bytes()).finalize().into()
    }
}
