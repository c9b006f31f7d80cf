//! Connections, sources and configuration versions.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CONNECTIONS, Expression, Key, StateError, Table};
use crate::domain::{
    config::Hook,
    ids::{ConnectionId, SourceId},
};

/// Where a connection stands. Nothing is sent to Salesforce unless it is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Configured; no org is connected yet.
    Draft,
    /// Connected; waits to be activated.
    Ready,
    /// At work.
    Active,
    /// Stopped by a person.
    Paused,
    /// The org's grant is gone; work waits for somebody to reconnect.
    Broken,
}

/// A connection's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Its name, for people.
    pub name: String,
    /// Where it stands.
    pub status: Status,
    /// The hook that feeds it.
    pub source: SourceId,
    /// The current configuration version; 0 = none.
    pub config_version: u64,
    /// The configuration version with which parked events were last taken up again.
    pub resumed_version: u64,
    /// The org that it is tied to, once connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Why it is broken: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A source and the connections that it feeds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The connections.
    #[serde(default)]
    pub connections: BTreeSet<ConnectionId>,
    /// How its deliveries are read and verified.
    #[serde(default)]
    pub hook: Hook,
}

/// A stored configuration version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredConfig {
    /// The document as JSON text.
    pub document: String,
    /// When it was saved.
    pub saved_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Listed {}

impl Table {
    /// A connection's state.
    pub async fn load_meta(&self, c: &ConnectionId) -> Result<Option<Meta>, StateError> {
        self.get(&Key::meta(c)).await
    }

    /// Stores a connection that is new (`former` is `None`) or unchanged since `former` was read.
    pub async fn save_meta(&self, c: &ConnectionId, former: Option<&Meta>, meta: &Meta) -> Result<(), StateError> {
        let condition = match former {
            None => Expression::condition("attribute_not_exists(pk)"),
            Some(former) => Expression::condition("config_version = :v AND #s = :s AND resumed_version = :r")
                .name("#s", "status")
                .number(":v", former.config_version)
                .number(":r", former.resumed_version)
                .value(":s", &former.status)?,
        };
        self.put(&Key::meta(c), meta, Some(condition)).await?;
        self.put(&Key::listed(c), &Listed {}, None).await
    }

    /// The connections that a source feeds; `None` where there is no such source.
    pub async fn load_source(&self, s: &SourceId) -> Result<Option<Source>, StateError> {
        self.get(&Key::source(s)).await
    }

    /// Makes a source feed these connections, and no others.
    pub async fn save_source(&self, s: &SourceId, source: &Source) -> Result<(), StateError> {
        self.put(&Key::source(s), source, None).await
    }

    /// Stores a configuration version, which must be new.
    pub async fn save_config(&self, c: &ConnectionId, version: u64, config: &StoredConfig) -> Result<(), StateError> {
        self.put(&Key::config(c, version), config, Some(Expression::condition("attribute_not_exists(pk)"))).await
    }

    /// A configuration version.
    pub async fn load_config(&self, c: &ConnectionId, version: u64) -> Result<Option<StoredConfig>, StateError> {
        self.get(&Key::config(c, version)).await
    }

    /// One page of the list of all connections, and where to go on.
    pub async fn list_connections(&self, after: Option<&Key>) -> Result<(Vec<ConnectionId>, Option<Key>), StateError> {
        let (items, next) = self.page::<Listed>(CONNECTIONS, "", after, 100).await?;
        Ok((items.iter().filter_map(|(key, _)| ConnectionId::parse(&key.sk).ok()).collect(), next))
    }

    /// All connections of the installation.
    pub async fn all_connections(&self) -> Result<Vec<ConnectionId>, StateError> {
        let items = self.pages::<Listed>(CONNECTIONS, "", usize::MAX).await?;
        Ok(items.iter().filter_map(|(key, _)| ConnectionId::parse(&key.sk).ok()).collect())
    }
}
