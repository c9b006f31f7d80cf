//! The org's schema: from the cache, else described in one composite call, cached for a day, and held against the lock.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::{
    access::{Access, AccessError},
    check::why,
    connections, problems,
    tokens::SessionCache,
    tracking,
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
        budget::Purpose,
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
    // One more is asked in the same call.
    objects.truncate(MAX_SUBS - 1);
    objects
}

/// The schema, described anew where any part of it is missing or a day old: an hour without work costs no call. Where no calls are left,
/// an older one has to do. An object that
/// the integration user may not see is left out.
pub(super) async fn load(ports: Ports<'_>, access: &mut Access<'_>, engine: &Engine) -> Result<Schemas, AccessError> {
    let objects = objects(&engine.document);
    let cached = cached(ports, &engine.document.connection.id, &objects).await?;
    let enough = cached.is_enough(engine) || cached.is_whole && access.must_wait().is_some();
    if enough { Ok(cached.schemas) } else { reload(ports, access, engine).await }
}

/// What the cache has.
struct Cached {
    schemas: Schemas,
    /// Whether it has every object.
    is_whole: bool,
    /// Whether it has, each read within a day.
    is_true: bool,
}

impl Cached {
    /// Whether it tells all that a document asks of it.
    fn is_enough(&self, engine: &Engine) -> bool {
        self.is_true && tracking::is_known(engine, &self.schemas)
    }
}

async fn cached(ports: Ports<'_>, c: &ConnectionId, objects: &[ObjectName]) -> Result<Cached, StateError> {
    let now = ports.clock.now();
    let found = ports.table.load_schemas(c, objects).await?;
    let is_whole = found.len() == objects.len();
    let is_true = is_whole && found.iter().all(|(stored, _)| now.duration_since(stored.read_at) < VALID);
    Ok(Cached { schemas: found.into_iter().filter_map(|(_, schema)| schema).collect(), is_whole, is_true })
}

/// Whether events are parked for what the org is like, which was looked at a day ago, or never: it may have changed.
pub(super) async fn may_free_parked(ports: Ports<'_>, c: &ConnectionId) -> Result<bool, StateError> {
    if ports.table.parked_events(c, 1).await?.is_empty() {
        return Ok(false);
    }
    Ok(!cached(ports, c, &[ObjectName::known("Lead")]).await?.is_true)
}

/// Describes every object anew, in one call.
pub(super) async fn reload(ports: Ports<'_>, access: &mut Access<'_>, engine: &Engine) -> Result<Schemas, AccessError> {
    let described = describe_all(access, engine, objects(&engine.document)).await?;
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

/// What is known about a document's objects: from the cache where that is whole and of the last day, or no calls are left, else by one
/// call.
pub(super) async fn learn(ports: Ports<'_>, engine: &Engine, ask: Ask) -> Result<Learnt, StateError> {
    let objects = objects(&engine.document);
    let cached = cached(ports, &engine.document.connection.id, &objects).await?;
    let enough = cached.is_enough(engine) || cached.is_whole && problems::waits(ports, &engine.document, Purpose::Live).await?.is_some();
    let asked = if ask == Ask::No || enough { None } else { Some(ask_anew(ports, engine, objects).await) };
    Ok(match asked {
        None => Learnt { schemas: cached.schemas, described: BTreeMap::new(), unasked: None },
        Some(Ok(described)) => Learnt { schemas: described.values().flatten().cloned().collect(), described, unasked: None },
        Some(Err(error)) => Learnt { schemas: cached.schemas, described: BTreeMap::new(), unasked: Some(why(error)?) },
    })
}

async fn ask_anew(ports: Ports<'_>, engine: &Engine, objects: Vec<ObjectName>) -> Result<BTreeMap<ObjectName, Option<ObjectSchema>>, AccessError> {
    let sessions = SessionCache::default();
    let mut access = Access::open(ports, &sessions, engine).await?;
    let described = describe_all(&mut access, engine, objects).await;
    access.spend().await?;
    described
}

async fn describe_all(
    access: &mut Access<'_>,
    engine: &Engine,
    objects: Vec<ObjectName>,
) -> Result<BTreeMap<ObjectName, Option<ObjectSchema>>, AccessError> {
    let described = objects.iter().map(|object| describe::describe(access.version(), object.as_str(), object));
    let subs = described.chain(tracking::question(access.version(), engine)).collect();
    let answer = access.composite(&Composite::new(subs)).await?;
    let mut described = BTreeMap::new();
    for object in objects {
        let sub = answer.get(object.as_str())?;
        let schema = if describe::is_hidden(sub) { None } else { Some(describe::parse_sub(sub)?) };
        described.insert(object, schema);
    }
    tracking::take(engine, &answer, &mut described);
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
    let former = cached(ports, c, &objects).await?.schemas;
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
