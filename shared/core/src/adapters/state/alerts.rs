//! What a connection's contacts were told.

use super::{Expression, Key, StateError, Table};
use crate::domain::{alert::Alerted, ids::ConnectionId};

impl Table {
    /// What was told last; nothing, where nothing was.
    pub async fn load_alerted(&self, c: &ConnectionId) -> Result<Alerted, StateError> {
        Ok(self.get(&Key::alert(c)).await?.unwrap_or_default())
    }

    /// Notes what is told now. [`StateError::Conflict`] means that somebody else has told.
    pub async fn save_alerted(&self, c: &ConnectionId, told: &Alerted) -> Result<(), StateError> {
        let next = Alerted { version: told.version + 1, ..told.clone() };
        self.put(&Key::alert(c), &next, Some(Expression::unchanged_since(told.version))).await
    }
}
