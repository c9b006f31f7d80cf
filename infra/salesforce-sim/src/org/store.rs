//! The records of the org: finding, putting, and taking back what a transaction put.
//!
//! Every write goes through [`Org::put_row`] and [`Org::change_row`], so that a savepoint misses
//! nothing and what is derived from records (users, permissions) follows them.

use super::cell::Cell;
use super::row::Row;
use super::table::{Slot, Table};
use super::{Org, Savepoint, Session};
use crate::id::Id;
use crate::org::row::Draft;
use crate::schema::{FieldNo, FieldType, ObjectDef, ObjectNo};

/// What has to be done to take a write back.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    /// A record was made.
    Made(ObjectNo, Slot),
    /// A record was changed; this is what it was.
    Changed(ObjectNo, Slot, Row),
    /// A record of an object without recycle bin was taken out.
    Removed(ObjectNo, Slot, Row),
}

/// The writes of the open transaction, if one is open.
#[derive(Clone, Debug, Default)]
pub(super) struct UndoLog {
    writes: Vec<Undo>,
    open: usize,
}

impl Org {
    /// Opens a transaction: what is written from now on can be taken back.
    pub fn savepoint(&mut self) -> Savepoint {
        self.undo.open += 1;
        Savepoint(self.undo.writes.len())
    }

    /// Takes back everything written since the savepoint. Ids handed out since then are not used
    /// again.
    pub fn rollback(&mut self, sp: Savepoint) {
        while self.undo.writes.len() > sp.0 {
            if let Some(undo) = self.undo.writes.pop() {
                self.take_back(undo);
            }
        }
        self.close();
    }

    fn take_back(&mut self, undo: Undo) {
        let (object, id) = match undo {
            Undo::Made(object, slot) => {
                let row = self.table_mut(object).and_then(|table| table.remove(slot));
                (object, row.and_then(|row| row.id()))
            }
            Undo::Changed(object, slot, row) => {
                let id = row.id();
                let table = self.table_mut(object);
                let _ = table.and_then(|table| table.replace(slot, row));
                (object, id)
            }
            Undo::Removed(object, slot, row) => {
                let id = row.id();
                if let Some(table) = self.table_mut(object) {
                    table.put_back(slot, row);
                }
                (object, id)
            }
        };
        self.follow(object, id);
    }

    /// Keeps everything written since the savepoint.
    pub fn release(&mut self, sp: Savepoint) {
        let _ = sp;
        self.close();
    }

    fn close(&mut self) {
        self.undo.open = self.undo.open.saturating_sub(1);
        if self.undo.open == 0 {
            self.undo.writes.clear();
        }
    }

    /// Stores a new record.
    pub(super) fn put_row(&mut self, object: ObjectNo, id: Id, row: Row) -> Option<Slot> {
        let slot = self.table_mut(object)?.insert(id, row);
        if self.undo.open > 0 {
            self.undo.writes.push(Undo::Made(object, slot));
        }
        self.follow(object, Some(id));
        Some(slot)
    }

    /// Stores a new version of a record.
    pub(super) fn change_row(&mut self, object: ObjectNo, slot: Slot, row: Row) {
        let id = row.id();
        let Some(old) = self.table_mut(object).and_then(|table| table.replace(slot, row)) else {
            return;
        };
        if self.undo.open > 0 {
            self.undo.writes.push(Undo::Changed(object, slot, old));
        }
        self.follow(object, id);
    }

    /// Takes a record out for good.
    pub(super) fn remove_row(&mut self, object: ObjectNo, slot: Slot) {
        let Some(row) = self.table_mut(object).and_then(|table| table.remove(slot)) else {
            return;
        };
        let id = row.id();
        if self.undo.open > 0 {
            self.undo.writes.push(Undo::Removed(object, slot, row));
        }
        self.follow(object, id);
    }

    /// Lets what is derived from the records of an object follow them.
    fn follow(&mut self, object: ObjectNo, id: Option<Id>) {
        if object == self.places.user {
            if let Some(id) = id {
                self.follow_user(id);
            }
        } else if self.places.grants.contains(&object) {
            self.follow_grants();
        }
    }

    /// The records of an object.
    pub(crate) fn table(&self, object: ObjectNo) -> Option<&Table> {
        self.tables.get(usize::from(object.0))
    }

    pub(super) fn table_mut(&mut self, object: ObjectNo) -> Option<&mut Table> {
        self.tables.get_mut(usize::from(object.0))
    }

    /// The schema of an object.
    pub(crate) fn object(&self, object: ObjectNo) -> Option<&ObjectDef> {
        self.schema.object(object)
    }

    /// The place of a field known to exist.
    pub(crate) fn field_no(&self, object: ObjectNo, name: &str) -> Option<FieldNo> {
        self.object(object)?.field_no(name)
    }

    /// The record with an id, deleted or not.
    pub(crate) fn find(&self, id: &Id) -> Option<(ObjectNo, Slot, &Row)> {
        let (object, _) = self.schema.by_prefix(id.prefix())?;
        let (slot, row) = self.table(object)?.by_id(id)?;
        Some((object, slot, row))
    }

    /// Whether a record lies in the recycle bin.
    pub(crate) fn is_deleted(&self, object: ObjectNo, row: &Row) -> bool {
        self.object(object).and_then(|object| object.known.is_deleted).is_some_and(|field| row.get(field).is_true())
    }

    /// The value of a named field of a record.
    pub(crate) fn named<'a>(&'a self, object: ObjectNo, row: &'a Row, name: &str) -> Cell<'a> {
        self.field_no(object, name).map_or(Cell::Null, |field| self.value(object, row, field))
    }

    /// What a record is called.
    pub(crate) fn name_of(&self, id: &Id) -> Option<String> {
        let (object, _, row) = self.find(id)?;
        let field = self.object(object)?.known.name?;
        let cell = self.value(object, row, field);
        cell.as_text().map(str::to_owned)
    }

    /// The value of a field of a record: stored, or worked out from others.
    pub(crate) fn value<'a>(&'a self, object: ObjectNo, row: &'a Row, field: FieldNo) -> Cell<'a> {
        let cell = row.get(field);
        if !cell.is_null() {
            return cell;
        }
        let Some(def) = self.object(object).and_then(|object| object.field(field)) else {
            return Cell::Null;
        };
        if def.kind == FieldType::Boolean {
            return Cell::Bool(false);
        }
        self.derived(object, row, def)
    }

    /// Leaves the running user's name and the time of the request on a record that is written.
    pub(super) fn stamp(&self, s: &Session, object: ObjectNo, draft: &mut Draft) {
        let Some(known) = self.object(object).map(|object| object.known) else {
            return;
        };
        let now = Cell::instant(s.now);
        for field in [known.modified_date, known.modstamp].into_iter().flatten() {
            draft.insert(field, now.clone());
        }
        if let Some(field) = known.modified_by {
            draft.insert(field, Cell::Id(s.user));
        }
    }
}
