//! The records of one object with their indexes.
//!
//! Knows nothing of rules: it stores what it is given. Deleted records stay, marked as such by
//! their own field.

use std::collections::{BTreeSet, HashMap};

use super::cell::{Cell, folded};
use super::row::Row;
use crate::id::{Id, KeyPrefix};
use crate::schema::FieldNo;

/// The place of a record in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// The records of one object.
#[derive(Clone, Debug)]
pub struct Table {
    prefix: KeyPrefix,
    rows: Vec<Option<Row>>,
    by_id: HashMap<Id, Slot>,
    indexes: Vec<Index>,
    next: u64,
    /// Whether every record has a larger id than the one before it.
    in_order: bool,
    largest: Option<Id>,
    /// The field that marks a record deleted.
    mark: Option<FieldNo>,
    /// The records so marked, a bit each: a query over everything need not open a record to see whether it lives.
    marked: Vec<u64>,
}

/// Which records have a certain key in a field. A key of a text, a number or an id is a hash: who
/// looks something up compares the values again. Keys of instants keep their order.
#[derive(Clone, Debug)]
struct Index {
    field: FieldNo,
    entries: BTreeSet<(u64, Slot)>,
}

impl Table {
    /// An empty table of the object with this key prefix. `mark` is the field that marks a record deleted.
    #[must_use]
    pub fn new(prefix: KeyPrefix, mark: Option<FieldNo>) -> Self {
        Self {
            prefix,
            rows: Vec::new(),
            by_id: HashMap::new(),
            indexes: Vec::new(),
            next: 1,
            in_order: true,
            largest: None,
            mark,
            marked: Vec::new(),
        }
    }

    /// Whether the record at a place is marked deleted.
    #[must_use]
    pub fn is_deleted(&self, slot: Slot) -> bool {
        self.marked.get(slot.0 as usize / 64).is_some_and(|bits| bits & (1 << (slot.0 % 64)) != 0)
    }

    fn mark(&mut self, slot: Slot, deleted: bool) {
        let (place, bit) = (slot.0 as usize / 64, 1_u64 << (slot.0 % 64));
        if deleted && self.marked.len() <= place {
            self.marked.resize(place + 1, 0);
        }
        if let Some(bits) = self.marked.get_mut(place) {
            *bits = if deleted { *bits | bit } else { *bits & !bit };
        }
    }

    /// Keeps an index on a field from now on.
    pub fn index(&mut self, field: FieldNo) {
        if self.is_indexed(field) {
            return;
        }
        let entries = self.iter().filter_map(|(slot, row)| Some((key_of(&row.get(field))?, slot))).collect();
        self.indexes.push(Index { field, entries });
    }

    /// Whether there is an index on a field.
    #[must_use]
    pub fn is_indexed(&self, field: FieldNo) -> bool {
        self.indexes.iter().any(|index| index.field == field)
    }

    /// An id no record of this table has had.
    pub fn next_id(&mut self) -> Id {
        loop {
            let id = Id::generate(self.prefix, self.next);
            self.next += 1;
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }

    /// The running number of the next id.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Goes on with this running number.
    pub const fn resume(&mut self, next: u64) {
        self.next = next;
    }

    /// Adds a record.
    pub fn insert(&mut self, id: Id, row: Row) -> Slot {
        let slot = Slot(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        self.note(slot, &row);
        self.in_order &= self.largest < Some(id);
        self.largest = self.largest.max(Some(id));
        self.by_id.insert(id, slot);
        self.rows.push(Some(row));
        slot
    }

    /// Puts another version of a record in place of its present one, which it returns.
    pub fn replace(&mut self, slot: Slot, row: Row) -> Option<Row> {
        let place = self.rows.get_mut(slot.0 as usize)?;
        let old = place.replace(row)?;
        let new = place.as_ref()?;
        let deleted = self.mark.is_some_and(|field| new.get(field).is_true());
        for index in &mut self.indexes {
            let (before, after) = (key_of(&old.get(index.field)), key_of(&new.get(index.field)));
            if before != after {
                before.map(|key| index.entries.remove(&(key, slot)));
                after.map(|key| index.entries.insert((key, slot)));
            }
        }
        self.mark(slot, deleted);
        Some(old)
    }

    /// Takes a record out as if it had never been.
    pub fn remove(&mut self, slot: Slot) -> Option<Row> {
        let row = self.rows.get_mut(slot.0 as usize)?.take()?;
        for index in &mut self.indexes {
            if let Some(key) = key_of(&row.get(index.field)) {
                index.entries.remove(&(key, slot));
            }
        }
        if let Some(id) = row.id() {
            self.by_id.remove(&id);
        }
        self.mark(slot, false);
        while self.rows.last().is_some_and(Option::is_none) {
            self.rows.pop();
        }
        Some(row)
    }

    /// Puts a record that was taken out back to its place.
    pub fn put_back(&mut self, slot: Slot, row: Row) {
        let place = slot.0 as usize;
        if self.rows.len() <= place {
            self.rows.resize(place + 1, None);
        }
        self.note(slot, &row);
        if let Some(id) = row.id() {
            self.by_id.insert(id, slot);
        }
        if let Some(empty) = self.rows.get_mut(place) {
            *empty = Some(row);
        }
    }

    fn note(&mut self, slot: Slot, row: &Row) {
        for index in &mut self.indexes {
            if let Some(key) = key_of(&row.get(index.field)) {
                index.entries.insert((key, slot));
            }
        }
        if self.mark.is_some_and(|field| row.get(field).is_true()) {
            self.mark(slot, true);
        }
    }

    /// The record at a place.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&Row> {
        self.rows.get(slot.0 as usize)?.as_ref()
    }

    /// The place of a record.
    #[must_use]
    pub fn slot(&self, id: &Id) -> Option<Slot> {
        self.by_id.get(id).copied()
    }

    /// The record with an id.
    #[must_use]
    pub fn by_id(&self, id: &Id) -> Option<(Slot, &Row)> {
        let slot = self.slot(id)?;
        Some((slot, self.get(slot)?))
    }

    /// All records in the order of their making.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Row)> {
        (0_u32..).map(Slot).zip(&self.rows).filter_map(|(slot, row)| Some((slot, row.as_ref()?)))
    }

    /// The places of all records in the order of their making.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        (0_u32..).map(Slot).zip(&self.rows).filter(|(_, row)| row.is_some()).map(|(slot, _)| slot)
    }

    /// The places of the records that are not marked deleted, in the order of their making.
    pub fn live_slots(&self) -> impl Iterator<Item = Slot> {
        self.slots().filter(|slot| !self.is_deleted(*slot))
    }

    /// The records that may have this value in an indexed field; `None` without an index.
    /// The caller compares the values.
    #[must_use]
    pub fn candidates(&self, field: FieldNo, value: &Cell<'_>) -> Option<Vec<Slot>> {
        let key = key_of(value)?;
        let range = self.range(field, key, key)?;
        Some(range.map(|(_, slot)| *slot).collect())
    }

    /// How many records there may be with this value, counted up to `limit`.
    #[must_use]
    pub fn count_candidates(&self, field: FieldNo, value: &Cell<'_>, limit: usize) -> Option<usize> {
        let key = key_of(value)?;
        Some(self.range(field, key, key)?.take(limit).count())
    }

    /// The records whose instant lies between two, both included, in the order of the instants and
    /// then of their making.
    #[must_use]
    pub fn walk(&self, field: FieldNo, from: i64, to: i64) -> Option<impl DoubleEndedIterator<Item = Slot> + '_> {
        let (from, to) = (instant_key(from), instant_key(to));
        self.range(field, from, to.max(from)).map(|range| {
            // An empty span must not become one of a single instant.
            range.filter(move |(key, _)| *key <= to).map(|(_, slot)| *slot)
        })
    }

    /// Whether the order of making is the order of the ids.
    #[must_use]
    pub const fn is_in_order(&self) -> bool {
        self.in_order
    }

    fn range(&self, field: FieldNo, from: u64, to: u64) -> Option<std::collections::btree_set::Range<'_, (u64, Slot)>> {
        let index = self.indexes.iter().find(|index| index.field == field)?;
        Some(index.entries.range((from, Slot(0))..=(to, Slot(u32::MAX))))
    }
}

/// The key of a value; nothing is not indexed. Texts that differ in letter case only share a key.
fn key_of(cell: &Cell<'_>) -> Option<u64> {
    match cell {
        Cell::Null => None,
        Cell::Bool(value) => Some(u64::from(*value)),
        Cell::Num(number) => {
            let (mantissa, scale) = number.parts();
            Some(hash(mantissa.to_le_bytes().into_iter().chain([scale])))
        }
        Cell::Text(text) => {
            let mut buffer = [0_u8; 4];
            let mut state = Hash::default();
            for letter in folded(text) {
                for byte in letter.encode_utf8(&mut buffer).bytes() {
                    state.add(byte);
                }
            }
            Some(state.0)
        }
        Cell::Id(id) => Some(hash(id.as_bytes().iter().copied())),
        Cell::Instant(millis) => Some(instant_key(*millis)),
        Cell::Day(day) => Some(instant_key(i64::from(*day))),
    }
}

/// Keeps the order: the smallest instant has the smallest key.
const fn instant_key(millis: i64) -> u64 {
    (millis as u64) ^ (1 << 63)
}

fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    let mut state = Hash::default();
    bytes.for_each(|byte| state.add(byte));
    state.0
}

/// FNV-1a, 64 bits: the same on every machine and in every run.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::org::row::Draft;

    const MAIL: FieldNo = FieldNo(1);
    const AT: FieldNo = FieldNo(2);
    const GONE: FieldNo = FieldNo(3);

    fn row(id: Id, mail: &'static str, at: i64) -> Row {
        let draft: Draft = [(FieldNo(0), Cell::Id(id)), (MAIL, Cell::text(mail)), (AT, Cell::Instant(at))].into_iter().collect();
        Row::pack(&draft)
    }

    fn table() -> (Table, Vec<Slot>) {
        let mut table = Table::new(KeyPrefix::of(b"00Q"), Some(GONE));
        table.index(MAIL);
        let mut slots = Vec::new();
        for (mail, at) in [("a@x.example", 5), ("B@x.example", -3), ("", 9)] {
            let id = table.next_id();
            slots.push(table.insert(id, row(id, mail, at)));
        }
        table.index(AT);
        (table, slots)
    }

    fn walked(table: &Table, from: i64, to: i64) -> Vec<Slot> {
        table.walk(AT, from, to).unwrap().collect()
    }

    #[test]
    fn look_ups_by_text_id_and_instant() {
        let (table, slots) = table();
        let (a, b, c) = (slots[0], slots[1], slots[2]);
        assert_eq!(table.candidates(MAIL, &Cell::text("b@X.example")), Some(vec![b]));
        assert_eq!(table.candidates(MAIL, &Cell::text("c@x.example")), Some(vec![]));
        assert_eq!(table.candidates(MAIL, &Cell::Null), None);
        assert_eq!(table.candidates(FieldNo(7), &Cell::text("a")), None);
        assert_eq!(walked(&table, -3, 5), [b, a]);
        assert_eq!(walked(&table, 6, i64::MAX), [c]);
        assert_eq!(walked(&table, 5, -3), []);
        assert!(table.is_in_order());
        let id = table.get(a).unwrap().id().unwrap();
        assert_eq!(table.slot(&id), Some(a));
    }

    #[test]
    fn deletion_marks_follow_the_records() {
        let (mut table, slots) = table();
        let b = slots[1];
        let row = table.get(b).unwrap().clone();
        let mut draft = row.unpack();
        draft.insert(GONE, Cell::Bool(true));
        table.replace(b, Row::pack(&draft));
        assert_eq!(slots.iter().map(|slot| table.is_deleted(*slot)).collect::<Vec<_>>(), [false, true, false]);
        let taken = table.remove(b).unwrap();
        assert!(!table.is_deleted(b));
        table.put_back(b, taken);
        assert!(table.is_deleted(b));
        table.replace(b, row);
        assert!(!table.is_deleted(b));
    }

    #[test]
    fn indexes_follow_changes_and_removals() {
        let (mut table, slots) = table();
        let (a, c) = (slots[0], slots[2]);
        let id = table.get(a).unwrap().id().unwrap();
        let old = table.replace(a, row(id, "new@x.example", 5)).unwrap();
        assert_eq!(table.candidates(MAIL, &Cell::text("a@x.example")), Some(vec![]));
        table.replace(a, old);
        assert_eq!(table.candidates(MAIL, &Cell::text("a@x.example")), Some(vec![a]));
        let taken = table.remove(c).unwrap();
        assert_eq!(table.iter().count(), 2);
        table.put_back(c, taken.clone());
        assert_eq!(table.get(c), Some(&taken));
        assert_eq!(walked(&table, 9, 9), [c]);
        table.remove(c);
        assert_eq!(walked(&table, 9, 9), []);
        let next = table.next_id();
        assert!(next > id);
        assert_eq!(table.insert(next, row(next, "", 9)), c);
    }
}
