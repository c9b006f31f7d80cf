//! How the records of an answer look.
//!
//! Records are written as they are serialized, without a tree of values in between: pages of 2,000 rows are what clients
//! ask for most.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::paging::Continued;
use super::plan::{Plan, PlanKind};
use super::run::{Runner, subject};
use super::shape::{Children, Parent, Shape, Source};
use crate::org::{Attributes, Row, Session, Shown, Slot};
use crate::schema::ObjectNo;

/// Some records of a plan, as a list.
pub(super) struct Records<'r, 'a> {
    pub(super) runner: &'r Runner<'a>,
    pub(super) session: &'r Session,
    pub(super) plan: &'r Plan,
    pub(super) slots: &'r [Slot],
    /// What a record's children go on with, where they do not all have room.
    pub(super) continued: &'r [Continued],
}

/// One record.
struct Record<'r, 'a> {
    runner: &'r Runner<'a>,
    session: &'r Session,
    shape: &'r Shape,
    object: ObjectNo,
    row: &'a Row,
    continued: &'r [Continued],
}

impl Serialize for Records<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let object = self.plan.object;
        if let (PlanKind::Records(shape), Some(table)) = (&self.plan.kind, self.runner.org.table(object)) {
            let rows = self.slots.iter().filter_map(|slot| Some((*slot, table.get(*slot)?)));
            for (_, row) in rows.filter(|(slot, row)| self.runner.is_visible(self.plan, table, *slot, row)) {
                list.serialize_element(&Record { runner: self.runner, session: self.session, shape, object, row, continued: self.continued })?;
            }
        }
        list.end()
    }
}

impl Serialize for Record<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let org = self.runner.org;
        let Some(def) = org.object(self.object) else {
            return serializer.serialize_unit();
        };
        let mut out = serializer.serialize_map(None)?;
        if let Some(id) = self.row.id() {
            out.serialize_entry("attributes", &Attributes { version: self.session.version, sobject: &def.name, id })?;
        }
        for column in &self.shape.columns {
            match &column.source {
                Source::Type => out.serialize_entry(&column.name, &self.runner.reader.kind_of(self.object, self.row).as_text())?,
                Source::Value(operand) => {
                    let cell = self.runner.reader.read(operand, subject(self.object, self.row));
                    out.serialize_entry(&column.name, &Shown(&cell, operand.kind()))?;
                }
                Source::Field(fields) => {
                    let field = fields.iter().find(|(own, _)| *own == self.object).and_then(|(_, no)| Some((*no, def.field(*no)?)));
                    match field {
                        Some((no, field)) if field.is_compound() => {
                            out.serialize_entry(&column.name, &org.rendered(self.object, self.row, no, field))?
                        }
                        Some((no, field)) => out.serialize_entry(&column.name, &Shown(&org.value(self.object, self.row, no), field.kind))?,
                        None => out.serialize_entry(&column.name, &())?,
                    }
                }
            }
        }
        for parent in &self.shape.parents {
            out.serialize_entry(&parent.name, &self.parent(parent))?;
        }
        for children in &self.shape.children {
            out.serialize_entry(&children.name, &ChildRecords { of: self, children })?;
        }
        out.end()
    }
}

impl<'r, 'a> Record<'r, 'a> {
    fn parent(&self, parent: &'r Parent) -> Option<Record<'r, 'a>> {
        let (object, row) = self.runner.reader.step(&parent.hop, (self.object, self.row))?;
        let case = parent.cases.iter().find(|(own, _)| *own == object);
        let shape = case.map_or(&parent.shape, |(_, shape)| shape);
        Some(Record { runner: self.runner, session: self.session, shape, object, row, continued: &[] })
    }
}

/// The records that belong to one; `null` when there are none.
struct ChildRecords<'r, 'a> {
    of: &'r Record<'r, 'a>,
    children: &'r Children,
}

impl Serialize for ChildRecords<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (record, plan) = (self.of, &self.children.plan);
        let slots = record.row.id().map(|id| record.runner.children(plan, self.children.link, id)).unwrap_or_default();
        if slots.is_empty() {
            return serializer.serialize_unit();
        }
        let continued = record.continued.iter().find(|continued| continued.name == self.children.name);
        let shown = continued.and_then(|continued| slots.get(..continued.kept)).unwrap_or(&slots);
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("totalSize", &slots.len())?;
        out.serialize_entry("done", &continued.is_none())?;
        if let Some(continued) = continued {
            out.serialize_entry("nextRecordsUrl", &continued.next)?;
        }
        out.serialize_entry("records", &Records { runner: record.runner, session: record.session, plan, slots: shown, continued: &[] })?;
        out.end()
    }
}
