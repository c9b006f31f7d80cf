//! The events that wait for an address that somebody else has. What is listed may long have gone on by other news.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Expression, Key, StateError, Table};
use crate::domain::ids::{ConnectionId, EventId};

#[derive(Debug, Default, Deserialize)]
struct Waiting {
    #[serde(default)]
    events: BTreeSet<EventId>,
}

impl Table {
    /// Notes that these events wait for an identity.
    pub async fn wait_for(&self, c: &ConnectionId, alias: &str, events: &BTreeSet<EventId>) -> Result<(), StateError> {
        self.change_waiting(c, alias, "ADD events :e", events).await
    }

    /// The events that wait for an identity.
    pub async fn waiting_for(&self, c: &ConnectionId, alias: &str) -> Result<BTreeSet<EventId>, StateError> {
        Ok(self.get::<Waiting>(&Key::waiting(c, alias)).await?.unwrap_or_default().events)
    }

    /// Forgets that these events wait for an identity.
    pub async fn wait_no_more(&self, c: &ConnectionId, alias: &str, events: &BTreeSet<EventId>) -> Result<(), StateError> {
        self.change_waiting(c, alias, "DELETE events :e", events).await
    }

    async fn change_waiting(&self, c: &ConnectionId, alias: &str, change: &str, events: &BTreeSet<EventId>) -> Result<(), StateError> {
        if events.is_empty() {
            return Ok(());
        }
        let change = Expression::update(change).texts(":e", events.iter().map(EventId::to_string));
        self.update::<serde_json::Value>(&Key::waiting(c, alias), change).await.map(drop)
    }
}
