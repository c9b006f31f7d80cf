//! The cached descriptions of an org's objects.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, StateError, Table};
use crate::domain::{
    ids::{ConnectionId, ObjectName},
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

impl Table {
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
