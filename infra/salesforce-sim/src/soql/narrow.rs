//! Chooses the index that leaves the fewest records to look at.

use super::ast::Compare;
use super::test::Test;
use crate::org::{OwnedCell, Slot, Table};
use crate::schema::{FieldNo, ID_FIELD};

/// Counting goes no further than this: more records are as good as all.
const FAR: usize = 20_000;

/// A way to the records that may fulfil a condition.
#[derive(Clone, Debug)]
pub(super) enum Access {
    /// The records with one of these values in an indexed field.
    Values(FieldNo, Vec<OwnedCell>),
    /// The records with an instant between two, both included, in a field indexed by time.
    Between(FieldNo, i64, i64),
    /// The records of several ways.
    Union(Vec<Access>),
}

/// The best way to the records that may fulfil a condition; `None` means all records.
pub(super) fn choose(test: &Test, table: &Table) -> Option<Access> {
    let (access, _) = best(test, table)?;
    Some(access)
}

fn best(test: &Test, table: &Table) -> Option<(Access, usize)> {
    match test {
        Test::All(tests) => {
            let ranges = merged_ranges(tests, table);
            let others = tests.iter().filter_map(|test| best(test, table));
            ranges.into_iter().chain(others).min_by_key(|(_, count)| *count)
        }
        Test::Any(tests) => {
            let all: Option<Vec<_>> = tests.iter().map(|test| best(test, table)).collect();
            let all = all?;
            let count = all.iter().map(|(_, count)| count).sum();
            let ways = all.into_iter().map(|(access, _)| access).collect();
            Some((Access::Union(ways), count))
        }
        Test::Compare { left, op: Compare::Equal, right } => values(table, left.direct()?, vec![right.clone()]),
        Test::OneOf { left, values: all, negated: false, .. } => values(table, left.direct()?, all.clone()),
        Test::Ids { left, negated: false, ids } => {
            let mut ids: Vec<_> = ids.iter().copied().collect();
            ids.sort_unstable();
            let cells = ids.into_iter().map(OwnedCell::Id).collect();
            values(table, left.direct()?, cells)
        }
        other => {
            let (field, from, to) = range(other)?;
            between(table, field, from, to)
        }
    }
}

fn values(table: &Table, field: FieldNo, values: Vec<OwnedCell>) -> Option<(Access, usize)> {
    if values.iter().any(OwnedCell::is_null) {
        return None;
    }
    let mut count = 0;
    if field == ID_FIELD {
        count = values.len();
    } else {
        for value in &values {
            count += table.count_candidates(field, value, FAR)?;
        }
    }
    Some((Access::Values(field, values), count))
}

fn between(table: &Table, field: FieldNo, from: i64, to: i64) -> Option<(Access, usize)> {
    let count = table.walk(field, from, to)?.take(FAR).count();
    Some((Access::Between(field, from, to), count))
}

/// A comparison of a field with an instant as a range.
fn range(test: &Test) -> Option<(FieldNo, i64, i64)> {
    const LAST: i64 = i64::MAX;
    let (left, op, from, to) = match test {
        Test::Compare { left, op, right } => {
            let at = right.as_millis()?;
            (left, op, at, at.saturating_add(1))
        }
        Test::Within { left, op, from, to } => (left, op, from.as_millis()?, to.as_millis()?),
        _ => return None,
    };
    let (from, to) = match op {
        Compare::Equal => (from, to - 1),
        Compare::Less => (i64::MIN, from - 1),
        Compare::LessOrEqual => (i64::MIN, to - 1),
        Compare::Greater => (to, LAST),
        Compare::GreaterOrEqual => (from, LAST),
        Compare::NotEqual | Compare::Like => return None,
    };
    Some((left.direct()?, from, to))
}

/// Lower and upper bounds of the same field belong together.
fn merged_ranges(tests: &[Test], table: &Table) -> Vec<(Access, usize)> {
    let mut merged: Vec<(FieldNo, i64, i64)> = Vec::new();
    for (field, from, to) in tests.iter().filter_map(range) {
        match merged.iter_mut().find(|(own, ..)| *own == field) {
            Some((_, start, end)) => {
                *start = from.max(*start);
                *end = to.min(*end);
            }
            None => merged.push((field, from, to)),
        }
    }
    merged.into_iter().filter_map(|(field, from, to)| between(table, field, from, to)).collect()
}

/// The records of a way, each once, in the order of their making.
pub(super) fn slots(access: &Access, table: &Table) -> Vec<Slot> {
    let mut found = Vec::new();
    collect(access, table, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(access: &Access, table: &Table, found: &mut Vec<Slot>) {
    match access {
        Access::Values(field, values) => {
            for value in values {
                if *field == ID_FIELD {
                    found.extend(value.as_id().and_then(|id| table.slot(&id)));
                } else {
                    found.extend(table.candidates(*field, value).unwrap_or_default());
                }
            }
        }
        Access::Between(field, from, to) => {
            found.extend(table.walk(*field, *from, *to).into_iter().flatten());
        }
        Access::Union(all) => all.iter().for_each(|access| collect(access, table, found)),
    }
}
