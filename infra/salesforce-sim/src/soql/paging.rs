//! How much of an open query goes on one page.
//!
//! Source: REST API Developer Guide, "Query": the records of sub-queries count as records of the page, and pages are small
//! where long texts are asked for.

use std::sync::Arc;

use super::plan::PlanKind;
use super::run::Runner;
use super::shape::{Children, Shape, Source};
use super::{Cursor, Rows, window};
use crate::org::{Org, Session, Slot, Table};
use crate::schema::FieldType;

/// The page of a query that asks for several long texts.
const SMALL: usize = 200;
/// What makes a text a long one, in characters.
const LONG: u32 = 255;

/// The records that go on a page.
#[derive(Debug, Default)]
pub(crate) struct Fit {
    /// How many of the query's own.
    pub(crate) count: usize,
    /// Where one record has more children than a page has room for: what is left of each relationship.
    pub(crate) left: Vec<Left>,
}

/// The children of one record, of which only some go on the page.
#[derive(Debug)]
pub(crate) struct Left {
    /// The relationship.
    pub(crate) name: String,
    /// How many go on the page.
    pub(crate) kept: usize,
    /// All of them.
    pub(crate) cursor: Cursor,
}

/// Children that go on with another page, as the answer says it.
#[derive(Debug)]
pub(crate) struct Continued {
    pub(crate) name: String,
    pub(crate) kept: usize,
    pub(crate) next: String,
}

impl Org {
    /// The size of a query's pages, given the one asked for.
    fn page_size(&self, cursor: &Cursor, asked: usize) -> usize {
        let PlanKind::Records(shape) = &cursor.plan.kind else {
            return asked;
        };
        let texts = shape.columns.iter().filter(|column| match &column.source {
            Source::Field(fields) => fields.iter().any(|(object, no)| {
                let field = self.object(*object).and_then(|def| def.field(*no));
                field.is_some_and(|field| field.kind == FieldType::TextArea && field.length > LONG)
            }),
            _ => false,
        });
        if texts.count() >= 2 { asked.min(SMALL) } else { asked }
    }

    /// What goes on a page that begins with number `from`, of as many records as were asked for at most.
    pub(crate) fn fit(&self, s: &Session, cursor: &Cursor, from: usize, asked: usize) -> Fit {
        let size = self.page_size(cursor, asked);
        let (Rows::Records(slots), PlanKind::Records(shape)) = (&cursor.rows, &cursor.plan.kind) else {
            return Fit { count: size, left: Vec::new() };
        };
        if shape.children.is_empty() {
            return Fit { count: size, left: Vec::new() };
        }
        let Some(table) = self.table(cursor.plan.object) else {
            return Fit::default();
        };
        let runner = Runner::new(self, s, cursor.scope);
        let slots = slots.get(window(slots.len(), from, size)).unwrap_or_default();
        let mut room = size;
        for (count, slot) in slots.iter().enumerate() {
            let rows = 1 + below(&runner, table, *slot, shape);
            match room.checked_sub(rows) {
                Some(rest) => room = rest,
                None if count == 0 => return Fit { count: 1, left: cut(&runner, table, *slot, shape, cursor, size - 1) },
                None => return Fit { count, left: Vec::new() },
            }
        }
        Fit { count: slots.len(), left: Vec::new() }
    }
}

/// The children of one record through one relationship.
fn children(runner: &Runner<'_>, table: &Table, slot: Slot, children: &Children) -> Vec<Slot> {
    let id = table.get(slot).and_then(|row| row.id());
    id.map(|id| runner.children(&children.plan, children.link, id)).unwrap_or_default()
}

/// How many records hang on one.
fn below(runner: &Runner<'_>, table: &Table, slot: Slot, shape: &Shape) -> usize {
    let each = shape.children.iter().map(|relation| {
        let slots = children(runner, table, slot, relation);
        let deeper = match (&relation.plan.kind, runner.org.table(relation.plan.object)) {
            (PlanKind::Records(shape), Some(table)) if !shape.children.is_empty() => {
                slots.iter().map(|slot| below(runner, table, *slot, shape)).sum()
            }
            _ => 0,
        };
        slots.len() + deeper
    });
    each.sum()
}

/// The relationships whose records do not all have room.
fn cut(runner: &Runner<'_>, table: &Table, slot: Slot, shape: &Shape, cursor: &Cursor, mut room: usize) -> Vec<Left> {
    let mut left = Vec::new();
    for relation in &shape.children {
        let slots = children(runner, table, slot, relation);
        let kept = slots.len().min(room);
        room -= kept;
        if kept < slots.len() {
            let cursor = Cursor { plan: Arc::new(relation.plan.clone()), scope: cursor.scope, rows: Rows::Records(slots) };
            left.push(Left { name: relation.name.clone(), kept, cursor });
        }
    }
    left
}
