//! What the table keeps of an org for its own sake, and forgets when another one takes its place.

use serde::Deserialize;

use super::{Key, StateError, Table};
use crate::domain::ids::ConnectionId;

#[derive(Deserialize)]
struct Anything {}

impl Table {
    /// Forgets descriptions, users and campaigns of the org, and how far its runs are. What the mapped fields were like when somebody agreed to
    /// them stays: the next org is compared with it.
    pub async fn forget_org(&self, c: &ConnectionId) -> Result<(), StateError> {
        let partition = Key::connection_partition(c);
        for prefix in Key::OF_ORG {
            for (key, Anything {}) in self.pages::<Anything>(&partition, prefix, usize::MAX).await? {
                self.delete(&key, None).await?;
            }
        }
        self.delete(&Key::cursor(c), None).await?;
        Ok(())
    }
}
