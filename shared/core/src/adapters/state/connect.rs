//! Connect tickets and OAuth states: single use, ten minutes, stored by the hash of their text only.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Expression, Key, StateError, Table};
use crate::domain::ids::ConnectionId;

/// How long a ticket or a state can be used. Checked in code; the table's own expiry only tidies up.
pub const VALID: SignedDuration = SignedDuration::from_mins(10);

#[derive(Serialize, Deserialize)]
struct Ticket {
    expires_at_ms: i64,
    ttl: i64,
}

/// An authorization that a browser has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthState {
    /// The hash of the cookie that the same browser must bring back.
    pub browser: String,
    /// Where the browser was told to come back to; the code exchange repeats it.
    pub redirect_uri: String,
}

#[derive(Serialize, Deserialize)]
struct StoredState {
    #[serde(flatten)]
    state: OAuthState,
    expires_at_ms: i64,
    ttl: i64,
}

impl Table {
    /// Stores a ticket.
    pub async fn save_ticket(&self, c: &ConnectionId, hash: &str, now: Timestamp) -> Result<(), StateError> {
        let (expires_at_ms, ttl) = expiry(now);
        self.put(&Key::ticket(c, hash), &Ticket { expires_at_ms, ttl }, None).await
    }

    /// Looks at a ticket without using it up.
    pub async fn is_ticket(&self, c: &ConnectionId, hash: &str, now: Timestamp) -> Result<bool, StateError> {
        let stored: Option<Ticket> = self.get(&Key::ticket(c, hash)).await?;
        Ok(stored.is_some_and(|stored| stored.expires_at_ms > now.as_millisecond()))
    }

    /// Uses a ticket up. `false` = it was used, has expired or never was.
    pub async fn take_ticket(&self, c: &ConnectionId, hash: &str, now: Timestamp) -> Result<bool, StateError> {
        self.take(&Key::ticket(c, hash), now).await
    }

    /// Stores a state.
    pub async fn save_oauth_state(&self, c: &ConnectionId, hash: &str, state: &OAuthState, now: Timestamp) -> Result<(), StateError> {
        let (expires_at_ms, ttl) = expiry(now);
        self.put(&Key::oauth_state(c, hash), &StoredState { state: state.clone(), expires_at_ms, ttl }, None).await
    }

    /// Looks at a state without using it up; `None` = it was used, has expired or never was.
    pub async fn load_oauth_state(&self, c: &ConnectionId, hash: &str, now: Timestamp) -> Result<Option<OAuthState>, StateError> {
        let stored: Option<StoredState> = self.get(&Key::oauth_state(c, hash)).await?;
        Ok(stored.filter(|stored| stored.expires_at_ms > now.as_millisecond()).map(|stored| stored.state))
    }

    /// Uses a state up. `false` = somebody else did, or it has expired.
    pub async fn take_oauth_state(&self, c: &ConnectionId, hash: &str, now: Timestamp) -> Result<bool, StateError> {
        self.take(&Key::oauth_state(c, hash), now).await
    }

    async fn take(&self, key: &Key, now: Timestamp) -> Result<bool, StateError> {
        let valid = Expression::condition("expires_at_ms > :now").number(":now", now.as_millisecond());
        match self.delete(key, Some(valid)).await {
            Err(StateError::Conflict { .. }) => Ok(false),
            other => other,
        }
    }
}

/// In milliseconds for the check, and in seconds for the table's own expiry.
fn expiry(now: Timestamp) -> (i64, i64) {
    let at = now.saturating_add(VALID).unwrap_or(now);
    (at.as_millisecond(), at.as_second())
}
