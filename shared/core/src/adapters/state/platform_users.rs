//! The users of a platform who own somebody there: looked up once a day, and from then on known by their names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, StateError, Table};
use crate::domain::{ids::ConnectionId, person::short_hash};

/// A user of the platform as they were seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformUser {
    /// Their address; none where nobody has the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When the platform was asked.
    pub read_at: Timestamp,
}

impl Table {
    /// Users of the platform at an address by the names that it shows, those that were looked up before.
    ///
    /// # Errors
    /// See [`StateError`].
    pub async fn load_platform_users(
        &self,
        c: &ConnectionId,
        platform: &str,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, PlatformUser>, StateError> {
        let found = self.get_named(names.iter().map(|name| (user(c, platform, name), name.clone())).collect()).await?;
        Ok(found.into_iter().collect())
    }

    /// Keeps what was found under a name.
    ///
    /// # Errors
    /// See [`StateError`].
    pub async fn save_platform_user(&self, c: &ConnectionId, platform: &str, name: &str, stored: &PlatformUser) -> Result<(), StateError> {
        self.put(&user(c, platform, name), stored, None).await
    }
}

/// The same name is somebody else at another platform.
fn user(c: &ConnectionId, platform: &str, name: &str) -> Key {
    Key::platform_user(c, &short_hash(&format!("{platform}/{}", name.to_lowercase())))
}
