//! What a query asks for, as a tree: fields, the records they lead to, the records that belong to
//! a record.

use super::ast::{FieldSet, Item, Name, Path, Term};
use super::bind::{Binder, Ground, Place};
use super::message;
use super::plan::Plan;
use super::value::{Fields, Leaf, Operand};
use crate::error::ApiError;
use crate::schema::{FieldNo, ObjectNo};

/// The fields of one record in an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) columns: Vec<Column>,
    pub(super) parents: Vec<Parent>,
    pub(super) children: Vec<Children>,
}

/// One key of a record.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) source: Source,
}

/// Where the value of a key comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Field(Fields),
    /// The name of the object.
    Type,
    Value(Operand),
}

/// A record that the record refers to.
#[derive(Clone, Debug)]
pub(super) struct Parent {
    pub(super) name: String,
    pub(super) hop: Fields,
    pub(super) shape: Shape,
    /// Other shapes for some kinds of record.
    pub(super) cases: Vec<(ObjectNo, Shape)>,
}

/// The records that refer to the record.
#[derive(Clone, Debug)]
pub(super) struct Children {
    pub(super) name: String,
    pub(super) link: FieldNo,
    pub(super) plan: Plan,
}

/// How many records FIELDS may bring at most.
const FIELDS_LIMIT: usize = 200;

impl Binder<'_> {
    pub(super) fn shape(&self, ground: &Ground, items: &[Item], limit: Option<usize>) -> Result<Shape, ApiError> {
        let mut shape = Shape::default();
        for item in items {
            match item {
                Item::Term { term, alias } => self.add_term(&mut shape, ground, term, alias.as_ref())?,
                Item::Count => {
                    return Err(self.malformed(0, "COUNT() must be the only element of a selection"));
                }
                Item::Fields { which, at } => {
                    self.add_fields(&mut shape, ground, *which, *at, limit)?;
                }
                Item::Children(query) => {
                    let children = Plan::of_children(self, ground, query)?;
                    shape.children.push(children);
                }
                Item::TypeOf { path, cases, otherwise } => self.add_type_of(&mut shape, ground, path, cases, otherwise)?,
            }
        }
        Ok(shape)
    }

    pub(super) fn malformed(&self, at: usize, text: &str) -> ApiError {
        message::at(self.query, at, "MALFORMED_QUERY", text)
    }

    fn add_term(&self, shape: &mut Shape, ground: &Ground, term: &Term, alias: Option<&Name>) -> Result<(), ApiError> {
        match (term, alias) {
            (Term::Path(_), Some(alias)) => Err(self.malformed(alias.at, "only aggregate expressions use field aliasing")),
            (Term::Path(path), None) => {
                let place = Place::one(ground.object);
                let parts = self.relative(ground, path);
                self.check_distance(parts.len().saturating_sub(1), path.at())?;
                self.add_path(shape, &place, &parts, path.at())
            }
            (Term::Call { .. }, alias) => {
                let operand = self.operand(ground, term)?;
                let name = alias.map_or_else(|| super::filter::operand_name(&operand), |alias| alias.text.clone());
                self.add_column(shape, name, Source::Value(operand), term.at())
            }
        }
    }

    /// Adds a field, and on the way to it the records it leads over.
    fn add_path(&self, shape: &mut Shape, place: &Place, parts: &[Name], at: usize) -> Result<(), ApiError> {
        let Some((first, rest)) = parts.split_first() else {
            return Ok(());
        };
        if rest.is_empty() {
            let way = self.end(place, first, at)?;
            let source = match way.leaf {
                Leaf::Fields(fields) => Source::Field(fields),
                Leaf::Type => Source::Type,
            };
            return self.add_column(shape, way.name, source, at);
        }
        let (hop, next) = self.hop(place, first)?;
        let name = self.relationship_name(&hop, &first.text);
        let known = shape.parents.iter().position(|parent| parent.name == name);
        let number = match known {
            Some(number) => number,
            None => {
                shape.parents.push(Parent { name, hop, shape: Shape::default(), cases: Vec::new() });
                shape.parents.len() - 1
            }
        };
        match shape.parents.get_mut(number) {
            Some(parent) => self.add_path(&mut parent.shape, &next, rest, at),
            None => Ok(()),
        }
    }

    fn relationship_name(&self, hop: &Fields, written: &str) -> String {
        hop.first()
            .and_then(|(object, no)| self.org.object(*object)?.field(*no))
            .and_then(|field| field.relationship.as_deref())
            .unwrap_or(written)
            .to_owned()
    }

    fn add_column(&self, shape: &mut Shape, name: String, source: Source, at: usize) -> Result<(), ApiError> {
        if shape.columns.iter().any(|column| column.name == name) {
            let text = format!("duplicate field selected: {name}");
            return Err(message::at(self.query, at, "INVALID_FIELD", &text));
        }
        shape.columns.push(Column { name, source });
        Ok(())
    }

    fn add_fields(&self, shape: &mut Shape, ground: &Ground, which: FieldSet, at: usize, limit: Option<usize>) -> Result<(), ApiError> {
        if which != FieldSet::Standard && limit.is_none_or(|limit| limit > FIELDS_LIMIT) {
            let text = "The SOQL FIELDS function must have a LIMIT of at most 200";
            return Err(self.malformed(at, text));
        }
        let Some(def) = self.org.object(ground.object) else {
            return Ok(());
        };
        for (no, field) in def.numbered() {
            let wanted = match which {
                FieldSet::All => true,
                FieldSet::Standard => !field.custom,
                FieldSet::Custom => field.custom,
            };
            let there = shape.columns.iter().any(|column| column.name == *field.name);
            if wanted && !there && self.sees(ground.object, no, field) {
                shape.columns.push(Column { name: field.name.to_string(), source: Source::Field(vec![(ground.object, no)]) });
            }
        }
        Ok(())
    }

    fn add_type_of(&self, shape: &mut Shape, ground: &Ground, path: &Path, cases: &[(Name, Vec<Path>)], otherwise: &[Path]) -> Result<(), ApiError> {
        let parts = self.relative(ground, path);
        let [relation] = parts.as_slice() else {
            return Err(self.malformed(path.at(), "TYPEOF needs one relationship"));
        };
        let (hop, place) = self.hop(&Place::one(ground.object), relation)?;
        let mut parent = Parent { name: self.relationship_name(&hop, &relation.text), hop, shape: Shape::default(), cases: Vec::new() };
        for path in otherwise {
            self.add_path(&mut parent.shape, &place, &path.parts, path.at())?;
        }
        for (kind, paths) in cases {
            let object = self.org.schema().object_no(&kind.text).filter(|object| place.objects.contains(object));
            let object = object.ok_or_else(|| self.no_object(kind))?;
            let mut own = Shape::default();
            for path in paths {
                self.add_path(&mut own, &Place::one(object), &path.parts, path.at())?;
            }
            parent.cases.push((object, own));
        }
        shape.parents.push(parent);
        Ok(())
    }
}
