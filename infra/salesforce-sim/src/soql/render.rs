//! How the records of an answer look.

use serde_json::{Map, Value, json};

use super::run::{Runner, subject};
use super::shape::{Children, Parent, Shape, Source};
use crate::org::{Row, Session};
use crate::schema::ObjectNo;

impl<'a> Runner<'a> {
    pub(super) fn render(&self, s: &Session, shape: &Shape, object: ObjectNo, row: &'a Row) -> Value {
        let Some(def) = self.org.object(object) else {
            return Value::Null;
        };
        let mut out = row.id().map_or_else(Map::new, |id| self.org.attributes(s, &def.name, id));
        for column in &shape.columns {
            let value = match &column.source {
                Source::Type => json!(self.reader.kind_of(object, row).as_text()),
                Source::Value(operand) => {
                    let cell = self.reader.read(operand, subject(object, row));
                    cell.to_json(operand.kind())
                }
                Source::Field(fields) => fields
                    .iter()
                    .find(|(own, _)| *own == object)
                    .and_then(|(_, no)| Some((*no, def.field(*no)?)))
                    .map_or(Value::Null, |(no, field)| self.org.rendered(object, row, no, field)),
            };
            out.insert(column.name.clone(), value);
        }
        for parent in &shape.parents {
            out.insert(parent.name.clone(), self.parent(s, parent, object, row));
        }
        for children in &shape.children {
            out.insert(children.name.clone(), self.child_records(s, children, row));
        }
        Value::Object(out)
    }

    fn parent(&self, s: &Session, parent: &Parent, object: ObjectNo, row: &'a Row) -> Value {
        let Some((object, row)) = self.reader.step(&parent.hop, (object, row)) else {
            return Value::Null;
        };
        let case = parent.cases.iter().find(|(own, _)| *own == object);
        let shape = case.map_or(&parent.shape, |(_, shape)| shape);
        self.render(s, shape, object, row)
    }

    /// `null` when there are none.
    fn child_records(&self, s: &Session, children: &Children, row: &Row) -> Value {
        let super::plan::PlanKind::Records(shape) = &children.plan.kind else {
            return Value::Null;
        };
        let object = children.plan.object;
        let table = self.org.table(object);
        let slots = row.id().map(|id| self.children(&children.plan, children.link, id));
        let records: Vec<Value> =
            slots.unwrap_or_default().into_iter().filter_map(|slot| table?.get(slot)).map(|row| self.render(s, shape, object, row)).collect();
        if records.is_empty() {
            return Value::Null;
        }
        json!({"totalSize": records.len(), "done": true, "records": records})
    }
}
