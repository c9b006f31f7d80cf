//! Executes a plan's writes: composite calls of sObject Collections, parents before children. Decides nothing.
//!
//! A call carries up to five collections of up to 200 records. Children refer to parents of the same call where the org is
//! known to allow it; otherwise, and where such a reference was halted because a sibling's parent failed, they follow in
//! another call with real ids. Where a change was decided on a value that was read, the call begins with a witness: a look at the same
//! records, which tells whether anybody has changed them meanwhile. A collection that the org's own automation refuses as a whole is sent again in shorter ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pace::{FEW, Together};
use crate::{
    adapters::salesforce::{
        ApiVersion, CallOptions, SalesforceError, Sub,
        collections::{self, Alone, FieldValue, MAX_WRITTEN, Record},
        composite::{Composite, CompositeAnswer, MAX_QUERIES_AND_COLLECTIONS, Method},
        error::{CONVERTED, Class, ENTITY_IS_DELETED, RecordError, WriteKind},
        soql::Row,
    },
    domain::{
        ids::{FieldName, ObjectName, RecordId},
        mapping::{codec, relationship},
        plan::{Cause, Change, NewValue, Operation, Plan, Write, WriteId, WriteResult},
    },
    planted::{self, Bug},
};

/// Salesforce's code for a value that another record has, where only one may.
const DUPLICATE_VALUE: &str = "DUPLICATE_VALUE";

/// How many records are written by calls of their own, at most, before the others.
const MOST_ALONE: usize = 10;

/// What execution needs to know of the org.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    pub version: ApiVersion,
    pub options: CallOptions,
    pub references: bool,
}

/// Sends calls, each after announcing it.
pub(super) trait Caller {
    /// The most records that the next call may carry; one at least.
    fn most(&self) -> usize;

    /// The most records of an object that one collection of it may carry; one at least.
    fn most_together(&self, object: &ObjectName) -> usize;

    /// Lets whoever has a record in hand finish.
    async fn rest(&self) {}

    /// A collection with so many records of an object was taken, or refused as a whole.
    fn learn(&mut self, object: &ObjectName, records: usize, ended: Together);

    /// Sends a call. `Err(None)`: it must not be sent, the lease is lost or the time is up.
    async fn call(&mut self, plan: &Plan, writes: &BTreeSet<WriteId>, call: &Composite) -> Result<CompositeAnswer, Option<SalesforceError>>;

    /// Writes one record by a call of its own; likewise.
    async fn alone(&mut self, plan: &Plan, write: WriteId, call: &Alone) -> Result<(), Option<SalesforceError>>;
}

/// The collections of one call.
struct Group {
    object: ObjectName,
    kind: Kind,
    writes: Vec<WriteId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Create,
    CreateUnique,
    CreateOnce(FieldName),
    Upsert(FieldName),
    Update,
}

/// What became of a plan's writes.
pub(super) struct Executed {
    /// Of each, in the plan's order.
    pub results: Vec<WriteResult>,
    /// What was covered by them.
    pub covered: Vec<Covered>,
}

/// A value that somebody gave a field after we had looked, and that our write has covered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Covered {
    pub write: WriteId,
    pub field: FieldName,
    pub theirs: Value,
}

/// Executes the writes and answers what became of each.
pub(super) async fn execute(plan: &Plan, dialect: &Dialect, caller: &mut impl Caller) -> Executed {
    let mut run = Run { plan, dialect, results: BTreeMap::new(), halted: BTreeSet::new(), split: 0, covered: Vec::new() };
    let mut goes_on = run.write_fresh(caller).await.is_ok();
    while goes_on {
        run.spread_failures();
        let groups = run.next_groups(caller);
        let before = run.progress();
        goes_on = !groups.is_empty() && run.send(&groups, caller).await.is_ok() && before != run.progress();
    }
    let covered = std::mem::take(&mut run.covered);
    let results = (0..plan.writes.len()).map(|i| run.results.remove(&WriteId(i)).unwrap_or_else(|| WriteResult::Failed(Cause::not_sent())));
    Executed { results: results.collect(), covered }
}

struct Run<'p> {
    plan: &'p Plan,
    dialect: &'p Dialect,
    results: BTreeMap<WriteId, WriteResult>,
    /// Writes whose reference was halted: they go with real ids only.
    halted: BTreeSet<WriteId>,
    /// How many collections were too long, and go again in shorter ones.
    split: usize,
    covered: Vec<Covered>,
}

/// Nothing more can be sent.
struct Stopped;

impl Run<'_> {
    /// Something that every call changes, unless nothing comes of it.
    fn progress(&self) -> (usize, usize, usize) {
        (self.results.len(), self.halted.len(), self.split)
    }

    fn pending(&self) -> impl Iterator<Item = (WriteId, &Write)> {
        self.plan.writes.iter().enumerate().map(|(i, write)| (WriteId(i), write)).filter(|(id, _)| !self.results.contains_key(id))
    }

    /// Records that somebody is at are written first, each by itself and only as it was read. Very many of them are written with the others.
    async fn write_fresh(&mut self, caller: &mut impl Caller) -> Result<(), Stopped> {
        let fresh = self.plan.writes.iter().enumerate().filter(|(_, write)| is_update(write) && parents(write).next().is_none());
        for (i, write, since) in fresh.filter_map(|(i, write)| Some((i, write, write.unmodified_since?))).take(MOST_ALONE) {
            let (id, Operation::Update(record)) = (WriteId(i), &write.operation) else { continue };
            let Ok(call) = collections::update_unmodified(&self.dialect.version, &self.record(write, &[]), since, self.dialect.options) else {
                continue;
            };
            match caller.alone(self.plan, id, &call).await {
                Ok(()) => _ = self.results.insert(id, WriteResult::Saved(*record)),
                Err(Some(error)) => {
                    let Some(result) = refused_alone(&error, &write.object) else {
                        return self.stop(&[Group { object: write.object.clone(), kind: Kind::Update, writes: vec![id] }], &error);
                    };
                    self.results.insert(id, result);
                }
                Err(None) => return Err(Stopped),
            }
        }
        Ok(())
    }

    /// What became of a parent that is not there becomes of its children. Parents come first, so one pass is enough.
    fn spread_failures(&mut self) {
        for (i, write) in self.plan.writes.iter().enumerate() {
            let failed = parents(write).find_map(|parent| self.results.get(&parent).filter(|result| !matches!(result, WriteResult::Saved(_))));
            if let Some(failed) = failed.cloned() {
                // A child of a doubtful parent was not sent with it unless it has a result of its own.
                let failed = match failed {
                    WriteResult::InDoubt(cause) | WriteResult::Gone(cause) => WriteResult::Failed(cause),
                    other => other,
                };
                self.results.entry(WriteId(i)).or_insert(failed);
            }
        }
    }

    /// Packs pending writes into the collections of the next call.
    fn next_groups(&self, caller: &impl Caller) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut place: BTreeMap<WriteId, usize> = BTreeMap::new();
        let mut watched: BTreeSet<&ObjectName> = BTreeSet::new();
        for (id, write) in self.pending() {
            if place.len() >= caller.most() {
                break;
            }
            let open: Vec<WriteId> = parents(write).filter(|parent| !self.results.contains_key(parent)).collect();
            if !open.is_empty() && (!self.dialect.references || self.halted.contains(&id)) {
                continue;
            }
            // A child's collection must come after its parent's.
            let Some(first) = open.iter().map(|parent| place.get(parent).map(|group| group + 1)).try_fold(0, |a, b| b.map(|b| a.max(b))) else {
                continue;
            };
            let kind = kind(&write.operation);
            let most = caller.most_together(&write.object).min(MAX_WRITTEN);
            let fits = |group: &Group| group.object == write.object && group.kind == kind && group.writes.len() < most;
            let group = groups.iter().enumerate().skip(first).find(|(_, group)| fits(group)).map(|(g, _)| g);
            let witness = self.watched(id).filter(|object| !watched.contains(object));
            let room = MAX_QUERIES_AND_COLLECTIONS.saturating_sub(watched.len() + usize::from(witness.is_some()));
            match group {
                Some(g) if groups.len() <= room => {
                    place.insert(id, g);
                    groups.get_mut(g).into_iter().for_each(|group| group.writes.push(id));
                }
                None if groups.len() < room => {
                    place.insert(id, groups.len());
                    groups.push(Group { object: write.object.clone(), kind, writes: vec![id] });
                }
                _ => continue,
            }
            watched.extend(witness);
        }
        groups
    }

    async fn send(&mut self, groups: &[Group], caller: &mut impl Caller) -> Result<(), Stopped> {
        let witnesses = self.witnesses(groups);
        let mut subs = Vec::new();
        for (w, witness) in witnesses.iter().enumerate() {
            let ids: Vec<RecordId> = witness.writes.iter().map(|(_, record)| *record).collect();
            let fields: Vec<FieldName> = witness.fields.iter().cloned().collect();
            match collections::retrieve(&self.dialect.version, &witness_id(w), &witness.object, &ids, &fields) {
                Ok(sub) => subs.push(sub),
                Err(error) => return self.stop(groups, &error.into()),
            }
        }
        for (g, group) in groups.iter().enumerate() {
            match self.sub(g, group, groups) {
                Ok(sub) => subs.push(sub),
                Err(error) => return self.stop(groups, &error),
            }
        }
        let writes = groups.iter().flat_map(|group| group.writes.iter().copied()).collect();
        let answer = match caller.call(self.plan, &writes, &Composite::new(subs)).await {
            Ok(answer) => answer,
            Err(Some(error)) => return self.stop(groups, &error),
            Err(None) => return Err(Stopped),
        };
        for (g, group) in groups.iter().enumerate() {
            let ended = self.read(g, group, &answer);
            ended.into_iter().for_each(|ended| caller.learn(&group.object, group.writes.len(), ended));
        }
        for (w, witness) in witnesses.iter().enumerate() {
            self.hear(witness, &witness_id(w), &answer);
        }
        Ok(())
    }

    /// The object of a write that was decided on values that were read.
    fn watched(&self, id: WriteId) -> Option<&ObjectName> {
        let write = self.plan.writes.get(id.0)?;
        (is_update(write) && write.changes.iter().any(|change| change.decided_on().is_some())).then_some(&write.object)
    }

    /// A look at what the writes of a call were decided on, one per object.
    fn witnesses(&self, groups: &[Group]) -> Vec<Witness> {
        let mut witnesses = BTreeMap::<&ObjectName, Witness>::new();
        for id in groups.iter().flat_map(|group| &group.writes) {
            let (Some(object), Some(write)) = (self.watched(*id), self.plan.writes.get(id.0)) else { continue };
            let Operation::Update(record) = write.operation else { continue };
            let witness = witnesses.entry(object).or_insert_with(|| Witness { object: object.clone(), fields: BTreeSet::new(), writes: Vec::new() });
            let fields = write.changes.iter().filter(|change| change.decided_on().is_some()).map(|change| change.field.clone());
            witness.fields.extend(fields);
            witness.writes.push((*id, record));
        }
        witnesses.into_values().collect()
    }

    /// Compares what a witness saw with what was decided on.
    fn hear(&mut self, witness: &Witness, name: &str, answer: &CompositeAnswer) {
        let rows = answer.get(name).and_then(|sub| collections::parse_retrieved(sub, witness.writes.len()));
        let Ok(rows) = rows.inspect_err(|error| tracing::warn!(code = error.code(), "a witness could not be heard")) else { return };
        if planted::is(Bug::DeafToWitness) {
            return;
        }
        for ((id, _), row) in witness.writes.iter().zip(rows) {
            let (Some(row), Some(write)) = (row.map(Row::of), self.plan.writes.get(id.0)) else { continue };
            if !matches!(self.results.get(id), Some(WriteResult::Saved(_))) {
                continue;
            }
            for change in &write.changes {
                let theirs = row.get(change.field.as_str()).cloned().unwrap_or_default();
                if change.decided_on().is_some_and(|old| !codec::same(None, old, &theirs)) {
                    self.covered.push(Covered { write: *id, field: change.field.clone(), theirs });
                }
            }
        }
    }

    /// The whole call failed.
    fn stop(&mut self, groups: &[Group], error: &SalesforceError) -> Result<(), Stopped> {
        // A call over the day's limit was refused before anything of it was done: it counts as no try.
        let cause = if error.class() == Class::Pause { Cause::not_sent() } else { cause_of_call(error) };
        for id in groups.iter().flat_map(|group| &group.writes) {
            let result = if error.in_doubt() { WriteResult::InDoubt(cause.clone()) } else { WriteResult::Failed(cause.clone()) };
            self.results.insert(*id, result);
        }
        Err(Stopped)
    }

    fn sub(&self, g: usize, group: &Group, groups: &[Group]) -> Result<Sub, SalesforceError> {
        let records: Vec<Record> = group.writes.iter().filter_map(|id| self.plan.writes.get(id.0)).map(|write| self.record(write, groups)).collect();
        let (version, options, name) = (&self.dialect.version, self.dialect.options, reference_id(g));
        let sub = match &group.kind {
            Kind::Create | Kind::CreateUnique | Kind::CreateOnce(_) => collections::create(version, &name, &records, options),
            Kind::Update => collections::update(version, &name, &records, options),
            Kind::Upsert(key) => collections::upsert(version, &name, &group.object, key, &records, options),
        };
        Ok(sub?)
    }

    fn record(&self, write: &Write, groups: &[Group]) -> Record {
        let value = |new: &NewValue| match new {
            NewValue::Value(value) => FieldValue::Literal(value.clone()),
            NewValue::Created(parent) => match self.results.get(parent) {
                Some(WriteResult::Saved(id)) => FieldValue::Literal(Value::from(id.as_str())),
                _ => reference(*parent, groups),
            },
        };
        let mut fields: BTreeMap<FieldName, FieldValue> = write.changes.iter().map(|change| field(change, value(&change.new))).collect();
        let mut id = None;
        match &write.operation {
            Operation::Create | Operation::CreateUnique | Operation::CreateOnce { .. } => {}
            Operation::Update(record) => id = Some(*record),
            Operation::CreateByKey { field, key } => {
                fields.insert(field.clone(), FieldValue::Literal(Value::from(key.as_str())));
            }
        }
        Record { object: write.object.clone(), id, fields }
    }

    /// Takes in what became of a collection. `None` where that says nothing about its length.
    fn read(&mut self, g: usize, group: &Group, answer: &CompositeAnswer) -> Option<Together> {
        let method = if matches!(group.kind, Kind::Create | Kind::CreateUnique | Kind::CreateOnce(_)) { Method::Post } else { Method::Patch };
        let sub = answer.get(&reference_id(g));
        let halted = sub.as_ref().is_ok_and(|sub| sub.is_halted());
        let results = sub.and_then(|sub| collections::parse_saved(sub, method, group.writes.len()));
        match results {
            Ok(results) => {
                let saved = results.iter().any(Result::is_ok);
                let too_long = !saved && group.writes.len() > FEW && results.iter().any(|result| result.as_ref().is_err_and(is_automation));
                self.split += usize::from(too_long);
                for (id, result) in group.writes.iter().zip(results) {
                    let result = match result {
                        Ok(saved) => WriteResult::Saved(saved.id),
                        // Nothing of it was kept, so it goes again, with fewer others.
                        Err(error) if too_long && is_automation(&error) => continue,
                        Err(error) => mistaken(&error).unwrap_or_else(|| refused(&error, &group.kind, &group.object)),
                    };
                    self.results.insert(*id, result);
                }
                return if too_long { Some(Together::Overwhelmed) } else { saved.then_some(Together::Went) };
            }
            // A sibling's parent failed and took the whole collection along: the others go again with real ids.
            Err(_) if halted && !group.writes.iter().all(|id| self.halted.contains(id)) => self.halted.extend(group.writes.iter().copied()),
            Err(error) => {
                let cause = cause_of_call(&error);
                let result = match error.class() {
                    _ if error.in_doubt() => WriteResult::InDoubt(cause),
                    Class::Park | Class::Bug => WriteResult::Refused(cause),
                    _ => WriteResult::Failed(cause),
                };
                self.results.extend(group.writes.iter().map(|id| (*id, result.clone())));
            }
        }
        None
    }
}

/// A look at records that a call is about to write.
struct Witness {
    object: ObjectName,
    fields: BTreeSet<FieldName>,
    writes: Vec<(WriteId, RecordId)>,
}

fn is_update(write: &Write) -> bool {
    matches!(write.operation, Operation::Update(_))
}

fn witness_id(witness: usize) -> String {
    format!("w{witness}")
}

/// Whether a flow or a trigger of the org failed. Where that takes a whole collection along, it was more than the automation
/// can do in the time and with the queries that one transaction has.
fn is_automation(error: &RecordError) -> bool {
    matches!(error.code.as_str(), "CANNOT_EXECUTE_FLOW_TRIGGER" | "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" | "APEX_ERROR")
}

/// A field and what it gets; a record that is found by a key is written under the relationship's name.
fn field(change: &Change, value: FieldValue) -> (FieldName, FieldValue) {
    match (&change.by, relationship(&change.field), value) {
        (Some(by), Some(relationship), FieldValue::Literal(key)) if !key.is_null() => {
            (relationship, FieldValue::Literal(serde_json::json!({ by.as_str(): key })))
        }
        (_, _, value) => (change.field.clone(), value),
    }
}

fn parents(write: &Write) -> impl Iterator<Item = WriteId> {
    write.changes.iter().filter_map(|change| match change.new {
        NewValue::Created(parent) => Some(parent),
        NewValue::Value(_) => None,
    })
}

fn kind(operation: &Operation) -> Kind {
    match operation {
        Operation::Create => Kind::Create,
        Operation::CreateUnique => Kind::CreateUnique,
        Operation::CreateOnce { field } => Kind::CreateOnce(field.clone()),
        Operation::CreateByKey { field, .. } => Kind::Upsert(field.clone()),
        Operation::Update(_) => Kind::Update,
    }
}

fn reference_id(group: usize) -> String {
    format!("c{group}")
}

/// The parent's place in this call. A parent that is nowhere gives an empty value, which Salesforce refuses.
fn reference(parent: WriteId, groups: &[Group]) -> FieldValue {
    let place = groups.iter().enumerate().find_map(|(g, group)| Some((g, group.writes.iter().position(|id| *id == parent)?)));
    place.map_or(FieldValue::Literal(Value::from("")), |(g, index)| FieldValue::Reference { reference_id: reference_id(g), index })
}

/// What a planted bug takes a refusal for.
fn mistaken(error: &RecordError) -> Option<WriteResult> {
    let mistaken = planted::is(Bug::IgnorePartialFailure) || planted::is(Bug::UnknownIsSuccess) && error.is_unknown();
    mistaken.then(|| RecordId::parse("00Q000000000000").ok().map(WriteResult::Saved)).flatten()
}

/// What a record's refusal means.
fn refused(error: &RecordError, kind: &Kind, object: &ObjectName) -> WriteResult {
    let write_kind = match kind {
        Kind::Create | Kind::CreateUnique | Kind::CreateOnce(_) => WriteKind::Create,
        Kind::Upsert(_) => WriteKind::Upsert,
        Kind::Update => WriteKind::Update,
    };
    if let Kind::CreateOnce(field) = kind
        && error.code == DUPLICATE_VALUE
        && (error.message.contains(field.as_str()) || error.fields.iter().any(|name| name == field.as_str()))
    {
        return WriteResult::There;
    }
    let mut cause = Cause { fields: error.fields.clone(), ..Cause::new(&error.code, &error.message) };
    let twins: Vec<String> = error.duplicates().iter().map(RecordId::to_string).collect();
    if !twins.is_empty() {
        cause.message = format!("{} (matching records: {})", cause.message, twins.join(", "));
    }
    let gone = matches!(error.code.as_str(), ENTITY_IS_DELETED | CONVERTED | "NOT_FOUND" | "INVALID_CROSS_REFERENCE_KEY");
    match error.class_of_write(write_kind, object) {
        _ if gone && *kind == Kind::Update => WriteResult::Gone(cause),
        // It is there, perhaps since an earlier try of ours: the next one finds it.
        _ if *kind == Kind::CreateUnique && error.code == DUPLICATE_VALUE => WriteResult::InDoubt(cause),
        Class::Retry { .. } | Class::Pause | Class::Reauthorise => WriteResult::Failed(cause),
        Class::Park | Class::Done | Class::Bug => WriteResult::Refused(cause),
    }
}

/// What the refusal of a record that was written by itself means; `None` where the call itself failed. Whoever has modified the record is
/// looked at by the next try.
fn refused_alone(error: &SalesforceError, object: &ObjectName) -> Option<WriteResult> {
    let SalesforceError::Refused { status, errors, .. } = error else { return None };
    match (*status, error.class()) {
        (collections::PRECONDITION_FAILED, _) => Some(WriteResult::Failed(cause_of_call(error))),
        _ if error.in_doubt() => None,
        (_, Class::Pause | Class::Reauthorise) => None,
        _ => errors.first().map(|first| refused(first, &Kind::Update, object)),
    }
}

fn cause_of_call(error: &SalesforceError) -> Cause {
    let own = match error {
        SalesforceError::Refused { errors, .. } => errors.first().map(|error| error.message.clone()).filter(|message| !message.is_empty()),
        _ => None,
    };
    Cause::new(error.code(), own.unwrap_or_else(|| format!("{error}.")))
}

#[cfg(test)]
mod tests;
