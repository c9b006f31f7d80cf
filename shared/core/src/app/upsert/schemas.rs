//! The org's schema: from the cache, else described in one composite call and cached for a day.

use jiff::SignedDuration;

use super::access::{Access, AccessError};
use crate::{
    adapters::salesforce::{composite::Composite, describe},
    domain::{
        ids::{ConnectionId, ObjectName},
        schema::Schemas,
    },
    ports::Ports,
};

/// The objects that planning looks at.
const OBJECTS: [&str; 5] = ["Lead", "Contact", "Account", "Event", "Task"];
/// How long a description is taken for true.
const VALID: SignedDuration = SignedDuration::from_hours(24);

/// The schema, described anew where any part of it is missing or a day old. An object that the integration user may not see
/// is left out.
pub(super) async fn load(ports: Ports<'_>, access: &mut Access<'_>, c: &ConnectionId) -> Result<Schemas, AccessError> {
    let objects = OBJECTS.map(ObjectName::known);
    let now = ports.clock.now();
    let cached = ports.table.load_schemas(c, &objects).await?;
    let fresh = cached.iter().all(|(stored, _)| now.duration_since(stored.read_at) < VALID);
    if cached.len() == objects.len() && fresh {
        return Ok(Schemas(cached.into_iter().filter_map(|(_, schema)| schema).map(|schema| (schema.object.clone(), schema)).collect()));
    }
    let subs = objects.iter().map(|object| describe::describe(access.version(), object.as_str(), object)).collect();
    let answer = access.composite(&Composite::new(subs)).await?;
    let mut schemas = Schemas::default();
    for object in &objects {
        let sub = answer.get(object.as_str())?;
        let schema = match sub.status {
            404 | 403 => None,
            _ => Some(describe::parse_sub(sub)?),
        };
        ports.table.save_schema(c, object, schema.as_ref(), now).await?;
        schemas.0.extend(schema.map(|schema| (object.clone(), schema)));
    }
    Ok(schemas)
}
