//! The org's schema: from the cache, else described in one composite call, cached for a day, and held against the lock.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{
    access::{Access, AccessError},
    connections,
};
use crate::{
    adapters::{
        salesforce::{
            composite::{Composite, MAX_SUBS},
            describe,
        },
        state::{StateError, schema::StoredLock},
    },
    domain::{
        config::Document,
        engine::Engine,
        finding::Finding,
        ids::{ConnectionId, ObjectName},
        lock::Lock,
        mapping::FieldMaps,
        schema::{ObjectSchema, Schemas},
        uses::{targets, uses},
    },
    ports::Ports,
};

/// The objects that planning looks at, whatever the document says.
const OBJECTS: [&str; 5] = ["Lead", "Contact", "Account", "Event", "Task"];
/// How long a description is taken for true.
const VALID: SignedDuration = SignedDuration::from_hours(24);
/// Whose problems are settled here.
const SOURCE: &str = "lock";

/// The objects that are described for a document: those of planning, and those of its mappings.
pub(super) fn objects(document: &Document) -> Vec<ObjectName> {
    let mut objects: Vec<ObjectName> = OBJECTS.map(ObjectName::known).into();
    objects.extend(targets(document).into_iter().map(|target| target.object).filter(|object| !OBJECTS.contains(&object.as_str())));
    objects.truncate(MAX_SUBS);
    objects
}

/// The schema, described anew where any part of it is missing or a day old: an hour without work costs no call. An object that
/// the integration user may not see is left out.
pub(super) async fn load(ports: Ports<'_>, access: &mut Access<'_>, engine: &Engine) -> Result<Schemas, AccessError> {
    let objects = objects(&engine.document);
    let now = ports.clock.now();
    let cached = ports.table.load_schemas(&engine.document.connection.id, &objects).await?;
    let fresh = cached.iter().all(|(stored, _)| now.duration_since(stored.read_at) < VALID);
    if cached.len() == objects.len() && fresh {
        return Ok(cached.into_iter().filter_map(|(_, schema)| schema).collect());
    }
    reload(ports, access, engine).await
}

/// Whether what is known of the org is a day old, or nothing is.
pub(super) async fn is_old(ports: Ports<'_>, c: &ConnectionId) -> Result<bool, StateError> {
    let lead = ports.table.load_schemas(c, &[ObjectName::known("Lead")]).await?;
    Ok(lead.first().is_none_or(|(stored, _)| ports.clock.now().duration_since(stored.read_at) >= VALID))
}

/// Describes every object anew, in one call.
pub(super) async fn reload(ports: Ports<'_>, access: &mut Access<'_>, engine: &Engine) -> Result<Schemas, AccessError> {
    let objects = objects(&engine.document);
    let subs = objects.iter().map(|object| describe::describe(access.version(), object.as_str(), object)).collect();
    let answer = access.composite(&Composite::new(subs)).await?;
    let mut described = BTreeMap::new();
    for object in objects {
        let sub = answer.get(object.as_str())?;
        let schema = if describe::is_hidden(sub) { None } else { Some(describe::parse_sub(sub)?) };
        described.insert(object, schema);
    }
    keep(ports, &engine.document, engine.version, engine.maps(), &described).await?;
    Ok(described.into_values().flatten().collect())
}

/// Caches descriptions and holds them against the lock. What has become worse is stored as problems, what has become good
/// again is stored no more; answered are those that stand.
pub(super) async fn keep(
    ports: Ports<'_>,
    document: &Document,
    version: u64,
    maps: &FieldMaps,
    described: &BTreeMap<ObjectName, Option<ObjectSchema>>,
) -> Result<Vec<Finding>, StateError> {
    let (c, now) = (&document.connection.id, ports.clock.now());
    let objects: Vec<ObjectName> = described.keys().cloned().collect();
    let former: Schemas = ports.table.load_schemas(c, &objects).await?.into_iter().filter_map(|(_, schema)| schema).collect();
    for (object, schema) in described {
        ports.table.save_schema(c, object, schema.as_ref(), now).await?;
    }
    let schemas: Schemas = described.values().flatten().cloned().collect();
    if former != Schemas::default() && schemas != former {
        // What was parked for what the org was like may go now.
        connections::resume_all(ports, c).await?;
    }
    let uses = uses(document, maps);
    let problems = match ports.table.load_lock(c).await? {
        Some(stored) if stored.version == version => stored.lock.compare(document, &uses, &schemas),
        // Nobody has agreed to anything under this version yet.
        _ => {
            let lock = Lock::take(document, &uses, &schemas);
            ports.table.save_lock(c, &StoredLock { version, lock, taken_at: now }).await?;
            Vec::new()
        }
    };
    for problem in &problems {
        tracing::warn!(connection.id = %c, code = %problem.code, place = problem.place, "the org has changed");
    }
    ports.table.settle_problems(c, SOURCE, &problems, now).await?;
    Ok(problems)
}

/// Takes the fields for agreed to as they were described last: whoever applies a document has been told.
pub(super) async fn agree(ports: Ports<'_>, c: &ConnectionId, document: &Document, version: u64, maps: &FieldMaps) -> Result<(), StateError> {
    let cached = ports.table.load_schemas(c, &objects(document)).await?;
    if !cached.is_empty() {
        let schemas: Schemas = cached.into_iter().filter_map(|(_, schema)| schema).collect();
        let lock = Lock::take(document, &uses(document, maps), &schemas);
        ports.table.save_lock(c, &StoredLock { version, lock, taken_at: ports.clock.now() }).await?;
    }
    ports.table.settle_problems(c, SOURCE, &[], ports.clock.now()).await
}
