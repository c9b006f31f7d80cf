//! The org's schema: from the cache, else described in one composite call, cached for a day, and held against the lock.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{
    access::{Access, AccessError},
    check::why,
    connections,
    tokens::SessionCache,
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
        check::Unreached,
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
    let described = describe_all(access, objects(&engine.document)).await?;
    keep(ports, &engine.document, engine.version, engine.maps(), &described).await?;
    Ok(described.into_values().flatten().collect())
}

/// What an org says about the objects of a document that does not count yet.
pub(super) struct Learnt {
    /// What is known, of whatever age.
    pub schemas: Schemas,
    /// What was described just now, to be kept once the document counts.
    pub described: BTreeMap<ObjectName, Option<ObjectSchema>>,
    /// Why the org could not be asked.
    pub unasked: Option<Unreached>,
}

/// Whether an org may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// It may, where the cache is not enough.
    Yes,
    /// There is nobody to ask.
    No,
}

/// What is known about a document's objects: from the cache where that is whole and of the last day, else by one call.
pub(super) async fn learn(ports: Ports<'_>, engine: &Engine, ask: Ask) -> Result<Learnt, StateError> {
    let objects = objects(&engine.document);
    let (now, c) = (ports.clock.now(), &engine.document.connection.id);
    let cached = ports.table.load_schemas(c, &objects).await?;
    let whole = cached.len() == objects.len() && cached.iter().all(|(stored, _)| now.duration_since(stored.read_at) < VALID);
    let asked = match ask {
        Ask::Yes if !whole => Some(ask_anew(ports, engine, objects).await),
        _ => None,
    };
    let known = || cached.into_iter().filter_map(|(_, schema)| schema).collect();
    Ok(match asked {
        None => Learnt { schemas: known(), described: BTreeMap::new(), unasked: None },
        Some(Ok(described)) => Learnt { schemas: described.values().flatten().cloned().collect(), described, unasked: None },
        Some(Err(error)) => Learnt { schemas: known(), described: BTreeMap::new(), unasked: Some(why(error)?) },
    })
}

async fn ask_anew(ports: Ports<'_>, engine: &Engine, objects: Vec<ObjectName>) -> Result<BTreeMap<ObjectName, Option<ObjectSchema>>, AccessError> {
    let sessions = SessionCache::default();
    let mut access = Access::open(ports, &sessions, engine).await?;
    let described = describe_all(&mut access, objects).await;
    access.spend().await?;
    described
}

async fn describe_all(access: &mut Access<'_>, objects: Vec<ObjectName>) -> Result<BTreeMap<ObjectName, Option<ObjectSchema>>, AccessError> {
    let subs = objects.iter().map(|object| describe::describe(access.version(), object.as_str(), object)).collect();
    let answer = access.composite(&Composite::new(subs)).await?;
    let mut described = BTreeMap::new();
    for object in objects {
        let sub = answer.get(object.as_str())?;
        let schema = if describe::is_hidden(sub) { None } else { Some(describe::parse_sub(sub)?) };
        described.insert(object, schema);
    }
    Ok(described)
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
    cache(ports, c, described).await?;
    let schemas: Schemas = described.values().flatten().cloned().collect();
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

/// Caches descriptions. Where they differ from the former ones, what was parked for what the org was like may go now.
pub(super) async fn cache(ports: Ports<'_>, c: &ConnectionId, described: &BTreeMap<ObjectName, Option<ObjectSchema>>) -> Result<(), StateError> {
    let now = ports.clock.now();
    let objects: Vec<ObjectName> = described.keys().cloned().collect();
    let former: Schemas = ports.table.load_schemas(c, &objects).await?.into_iter().filter_map(|(_, schema)| schema).collect();
    for (object, schema) in described {
        ports.table.save_schema(c, object, schema.as_ref(), now).await?;
    }
    let schemas: Schemas = described.values().flatten().cloned().collect();
    if former != Schemas::default() && !described.is_empty() && schemas != former {
        connections::resume_all(ports, c).await?;
    }
    Ok(())
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
