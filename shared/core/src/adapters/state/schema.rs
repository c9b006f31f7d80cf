//! The cached descriptions of an org's objects, and the lock of the mapped fields.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, StateError, Table};
use crate::domain::{
    ids::{ConnectionId, ObjectName},
    lock::Lock,
    schema::ObjectSchema,
};

/// A description, and when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSchema {
    /// The description as JSON text; `None` where the integration user may not see the object.
    #[serde(default)]
    pub schema: Option<String>,
    /// When it was read.
    pub read_at: Timestamp,
}

/// The fingerprints that somebody agreed to, and under which configuration version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLock {
    /// The configuration version.
    pub version: u64,
    /// The fingerprints.
    pub lock: Lock,
    /// When they were taken.
    pub taken_at: Timestamp,
}

impl Table {
    /// The fingerprints of the mapped fields; `None` where none were taken yet.
    pub async fn load_lock(&self, c: &ConnectionId) -> Result<Option<StoredLock>, StateError> {
        self.get(&Key::lock(c)).await
    }

    /// Keeps the fingerprints of the mapped fields.
    pub async fn save_lock(&self, c: &ConnectionId, lock: &StoredLock) -> Result<(), StateError> {
        self.put(&Key::lock(c), lock, None).await
    }

    /// The cached descriptions of these objects; absent ones are left out.
    pub async fn load_schemas(&self, c: &ConnectionId, objects: &[ObjectName]) -> Result<Vec<(StoredSchema, Option<ObjectSchema>)>, StateError> {
        let keys: Vec<Key> = objects.iter().map(|object| Key::schema(c, object)).collect();
        let found = self.get_many::<StoredSchema>(&keys).await?;
        let read = |(key, stored): (Key, StoredSchema)| {
            let schema = stored.schema.as_deref().map(serde_json::from_str).transpose();
            let schema = schema.map_err(|source| StateError::Corrupt { key, source: Box::new(source) })?;
            Ok((stored, schema))
        };
        found.into_iter().map(read).collect()
    }

    /// Caches the description of an object.
    pub async fn save_schema(&self, c: &ConnectionId, object: &ObjectName, schema: Option<&ObjectSchema>, now: Timestamp) -> Result<(), StateError> {
        let schema = schema.and_then(|schema| serde_json::to_string(schema).ok());
        self.put(&Key::schema(c, object), &StoredSchema { schema, read_at: now }, None).await
    }
}
