//! Field history: a row for each change of a tracked field.
//!
//! Source: Object Reference, StandardObjectHistory.

use crate::org::cell::{Cell, OwnedCell};
use crate::org::row::{Draft, Row};
use crate::org::save::Change;
use crate::org::{Org, Session};
use crate::schema::{FieldDef, FieldNo, FieldType, ID_FIELD};

impl Org {
    pub(in crate::org) fn write_history(&mut self, s: &Session, change: &Change) {
        if self.rules.tracked.is_empty() || change.forced {
            return;
        }
        let Some(def) = self.object(change.object) else {
            return;
        };
        let mut rows: Vec<[(&str, OwnedCell); 4]> = Vec::new();
        let tracked = |no: FieldNo| self.rules.tracked.contains(&(change.object, no));
        if change.is_new() {
            if def.numbered().any(|(no, _)| tracked(no)) {
                rows.push(line("created", "Text", Cell::Null, Cell::Null));
            }
        } else {
            let changed = def.numbered().filter(|(no, _)| tracked(*no) && change.changes(*no));
            for (no, field) in changed {
                rows.extend(self.lines(change, no, field));
            }
        }
        let parent = format!("{}Id", def.name);
        let Some(object) = self.schema.object_no(&format!("{}History", def.name)) else {
            return;
        };
        for row in rows {
            let Some(id) = self.table_mut(object).map(|table| table.next_id()) else {
                return;
            };
            let own = [(&*parent, Cell::Id(change.id)), ("CreatedById", Cell::Id(s.user)), ("CreatedDate", Cell::instant(s.now))];
            let mut draft: Draft = [(ID_FIELD, Cell::Id(id))].into_iter().collect();
            for (name, cell) in own.into_iter().chain(row) {
                if let Some(field) = self.field_no(object, name) {
                    draft.insert(field, cell);
                }
            }
            self.put_row(object, id, Row::pack(&draft));
        }
    }

    /// A reference leaves two rows: one with the names, one with the ids.
    fn lines(&self, change: &Change, no: FieldNo, field: &FieldDef) -> Vec<[(&'static str, OwnedCell); 4]> {
        let (old, new) = (change.old(no).into_owned(), change.get(no).clone());
        let name = field.name.strip_suffix("Id").filter(|_| !field.custom);
        let name = name.unwrap_or(&field.name);
        match field.kind {
            FieldType::Reference => {
                let called = |cell: &OwnedCell| {
                    let name = cell.as_id().and_then(|id| self.name_of(&id));
                    name.map_or(Cell::Null, Cell::text)
                };
                vec![line(name, "Text", called(&old), called(&new)), line(name, "EntityId", old, new)]
            }
            // Long texts leave only the fact that they changed.
            FieldType::TextArea if field.length > 255 => {
                vec![line(name, "LongTextArea", Cell::Null, Cell::Null)]
            }
            kind => vec![line(name, data_type(kind), old, new)],
        }
    }
}

fn line(field: &str, kind: &'static str, old: OwnedCell, new: OwnedCell) -> [(&'static str, OwnedCell); 4] {
    [("Field", Cell::text(field.to_owned())), ("DataType", Cell::text(kind)), ("OldValue", old), ("NewValue", new)]
}

const fn data_type(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Boolean => "Boolean",
        FieldType::Int | FieldType::Double => "Double",
        FieldType::Currency => "Currency",
        FieldType::Percent => "Percent",
        FieldType::Date => "DateOnly",
        FieldType::DateTime => "DateTime",
        FieldType::Email => "Email",
        FieldType::Phone => "PhoneNumber",
        FieldType::Url => "Url",
        FieldType::Picklist => "DynamicEnum",
        FieldType::MultiPicklist => "MultiEnum",
        _ => "Text",
    }
}
