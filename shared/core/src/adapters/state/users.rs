//! The org's users who are asked for as owners: looked up once a day, and from then on known by address.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, StateError, Table};
use crate::domain::{ids::ConnectionId, person::short_hash, planner::User};

/// A user as they were seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredUser {
    /// The user; none where nobody has the address.
    pub user: Option<User>,
    /// When the org was asked.
    pub read_at: Timestamp,
}

impl Table {
    /// Users by normalised address, those that were looked up before.
    pub async fn load_users(&self, c: &ConnectionId, emails: BTreeSet<String>) -> Result<BTreeMap<String, StoredUser>, StateError> {
        let found = self.get_named(emails.into_iter().map(|email| (user(c, &email), email)).collect()).await?;
        Ok(found.into_iter().collect())
    }

    /// Keeps what was found under an address.
    pub async fn save_user(&self, c: &ConnectionId, email: &str, stored: &StoredUser) -> Result<(), StateError> {
        self.put(&user(c, email), stored, None).await
    }
}

fn user(c: &ConnectionId, email: &str) -> Key {
    Key::user(c, &short_hash(email))
}
