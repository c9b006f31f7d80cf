//! Finds what the names of a query mean for a user: objects, fields, relationships.

use super::ast::{Name, Path, Query, Term};
use super::message;
use super::value::{Fields, Function, Leaf, Operand, Way};
use crate::error::ApiError;
use crate::org::{Org, Session};
use crate::schema::{FieldDef, FieldNo, FieldType, Flag, ObjectNo};
use crate::seed::FieldAccess;

/// The longest way in references.
const FARTHEST: usize = 5;
/// What the common face of users, queues, leads and contacts has. Source: Object Reference, Name.
const NAME_FIELDS: &[&str] = &["Id", "Name", "FirstName", "LastName", "Title", "Email", "Phone", "Username", "Alias", "IsActive", "ProfileId"];

/// Looks names up on behalf of a user, or of the org itself.
pub(super) struct Binder<'a> {
    pub(super) org: &'a Org,
    /// The user whose rights count; none for the org's own rules.
    pub(super) session: Option<&'a Session>,
    pub(super) query: &'a str,
}

/// The object of a query, and what else it may be called there.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) object: ObjectNo,
    pub(super) names: Vec<String>,
    /// The names that the query gives to ways over its relationships.
    pub(super) ways: Vec<(String, Vec<Name>)>,
}

impl Ground {
    /// The same with these names for ways to other records.
    pub(super) fn with_ways(mut self, binder: &Binder<'_>, ways: &[(Path, Name)]) -> Result<Self, ApiError> {
        for (path, name) in ways {
            let mut place = Place::one(self.object);
            for relation in binder.relative(&self, path) {
                place = binder.hop(&place, &relation)?.1;
            }
            self.ways.push((name.text.clone(), path.parts.clone()));
        }
        Ok(self)
    }
}

impl Binder<'_> {
    pub(super) fn ground(&self, query: &Query) -> Result<Ground, ApiError> {
        let from = &query.from;
        if let Some(within) = &query.within {
            return Err(message::no_object(self.query, within.at, &format!("{}.{}", within.text, from.text)));
        }
        let found = self.org.schema().object_named(&from.text);
        let (object, def) = found.ok_or_else(|| self.no_object(from))?;
        if !def.is("queryable") {
            return Err(message::no_object(self.query, from.at, &from.text));
        }
        self.ground_of(object, query.alias.as_ref()).with_ways(self, &query.ways)
    }

    /// The answer about an object that this org does not have: 501 for one that a real org has.
    pub(super) fn no_object(&self, name: &Name) -> ApiError {
        match crate::schema::is_elsewhere(&name.text) {
            true => ApiError::not_built(&format!("the object {}", name.text)),
            false => message::no_object(self.query, name.at, &name.text),
        }
    }

    pub(super) fn ground_of(&self, object: ObjectNo, alias: Option<&Name>) -> Ground {
        let name = self.org.object(object).map(|def| def.name.to_string());
        let alias = alias.map(|alias| alias.text.clone());
        Ground { object, names: name.into_iter().chain(alias).collect(), ways: Vec::new() }
    }

    /// The path without the object's own name in front, and with a way's own name resolved.
    pub(super) fn relative(&self, ground: &Ground, path: &Path) -> Vec<Name> {
        let mut parts = path.parts.clone();
        // A way may begin with the name of one before it.
        for _ in 0..=ground.ways.len() {
            let Some((first, rest)) = parts.split_first().filter(|(_, rest)| !rest.is_empty()) else {
                break;
            };
            let named = |name: &str| name.eq_ignore_ascii_case(&first.text);
            if self.relation(ground.object, &first.text).is_some() {
                break;
            }
            if ground.names.iter().any(|name| named(name)) {
                return rest.to_vec();
            }
            let Some((_, way)) = ground.ways.iter().find(|(name, _)| named(name)) else {
                break;
            };
            let at = first.at;
            let way = way.iter().map(|name| Name { at, ..name.clone() });
            parts = way.chain(rest.iter().cloned()).collect();
        }
        parts
    }

    pub(super) fn way(&self, ground: &Ground, path: &Path) -> Result<Way, ApiError> {
        let parts = self.relative(ground, path);
        let Some((last, relations)) = parts.split_last() else {
            return Err(message::unexpected(self.query, path.at(), "."));
        };
        self.check_distance(relations.len(), path.at())?;
        let mut place = Place::one(ground.object);
        let mut hops = Vec::new();
        for relation in relations {
            let (hop, next) = self.hop(&place, relation)?;
            hops.push(hop);
            place = next;
        }
        self.leaf(&place, hops, last, path.at())
    }

    /// Refuses a path over too many relationships.
    pub(super) fn check_distance(&self, relations: usize, at: usize) -> Result<(), ApiError> {
        if relations > FARTHEST {
            return Err(message::at(self.query, at, "INVALID_FIELD", "A query can follow at most 5 relationships from child to parent."));
        }
        Ok(())
    }

    /// Follows a relationship from a place.
    pub(super) fn hop(&self, place: &Place, name: &Name) -> Result<(Fields, Place), ApiError> {
        let mut hop = Fields::new();
        let mut targets = Vec::new();
        let mut kinds = 0;
        for object in &place.objects {
            let Some((no, field)) = self.relation(*object, &name.text) else {
                continue;
            };
            hop.push((*object, no));
            kinds = kinds.max(field.reference_to.len());
            let known = field.reference_to.iter().filter_map(|to| self.org.schema().object_no(to));
            for object in known {
                if !targets.contains(&object) {
                    targets.push(object);
                }
            }
        }
        if targets.is_empty() && !hop.is_empty() {
            return Err(ApiError::not_built(&format!("the records that {} leads to", name.text)));
        }
        if targets.is_empty() {
            self.check_elsewhere(place, name)?;
            return Err(message::no_relationship(self.query, name.at, &name.text));
        }
        let place = Place { objects: targets, polymorphic: kinds > 1 };
        Ok((hop, place))
    }

    /// The field at the end of a way.
    pub(super) fn end(&self, place: &Place, name: &Name, at: usize) -> Result<Way, ApiError> {
        self.leaf(place, Vec::new(), name, at)
    }

    fn leaf(&self, place: &Place, hops: Vec<Fields>, name: &Name, at: usize) -> Result<Way, ApiError> {
        if place.polymorphic && name.text.eq_ignore_ascii_case("Type") {
            return Ok(Way { hops, leaf: Leaf::Type, kind: FieldType::Picklist, case: false, name: "Type".to_owned() });
        }
        let open = !place.polymorphic || NAME_FIELDS.iter().any(|own| own.eq_ignore_ascii_case(&name.text));
        let found: Vec<(ObjectNo, FieldNo, &FieldDef)> = place
            .objects
            .iter()
            .filter(|_| open)
            .filter_map(|object| {
                let (no, field) = self.field(*object, &name.text)?;
                Some((*object, no, field))
            })
            .collect();
        let Some((_, _, first)) = found.first() else {
            self.check_elsewhere(place, name)?;
            let entity = self.entity(place);
            return Err(message::no_column(self.query, at, &name.text, &entity));
        };
        Ok(Way {
            hops,
            kind: first.kind,
            case: first.has(Flag::CASE),
            name: first.name.to_string(),
            leaf: Leaf::Fields(found.iter().map(|(object, no, _)| (*object, *no)).collect()),
        })
    }

    /// Refuses a name that a real org knows at this place.
    fn check_elsewhere(&self, place: &Place, name: &Name) -> Result<(), ApiError> {
        let known = |object: &ObjectNo| self.org.object(*object).filter(|def| crate::schema::is_field_elsewhere(&def.name, &name.text));
        match place.objects.iter().find_map(known).filter(|_| !place.polymorphic) {
            Some(def) => Err(ApiError::not_built(&format!("the field {}.{}", def.name, name.text))),
            None => Ok(()),
        }
    }

    fn entity(&self, place: &Place) -> String {
        match place.objects.as_slice() {
            [object] if !place.polymorphic => self.org.object(*object).map_or_else(String::new, |def| def.name.to_string()),
            _ => "Name".to_owned(),
        }
    }

    /// A field the user may see.
    pub(super) fn field(&self, object: ObjectNo, name: &str) -> Option<(FieldNo, &FieldDef)> {
        match self.session {
            Some(s) => self.org.visible_field(s, object, name),
            None => self.org.object(object)?.field_named(name),
        }
    }

    pub(super) fn sees(&self, object: ObjectNo, no: FieldNo, field: &FieldDef) -> bool {
        self.session.is_none_or(|s| self.org.access(s, object, no, field) > FieldAccess::Hidden)
    }

    fn relation(&self, object: ObjectNo, name: &str) -> Option<(FieldNo, &FieldDef)> {
        let (no, field) = self.org.object(object)?.relationship(name)?;
        self.sees(object, no, field).then_some((no, field))
    }

    /// A field or a function of one, as filters and selections have them.
    pub(super) fn operand(&self, ground: &Ground, term: &Term) -> Result<Operand, ApiError> {
        match term {
            Term::Path(path) => Ok(Operand::Way(self.way(ground, path)?)),
            Term::Call { name, argument } => {
                let function = Function::parse(&name.text).ok_or_else(|| message::unexpected(self.query, name.at, &name.text))?;
                let argument = self.operand(ground, argument)?;
                let kind = function.kind(argument.kind()).ok_or_else(|| {
                    let text = format!("the function {} does not take this field", name.text);
                    message::at(self.query, name.at, "MALFORMED_QUERY", &text)
                })?;
                Ok(Operand::Call { function, argument: Box::new(argument), kind })
            }
        }
    }
}

/// The kinds of records that may stand at a place of a way.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) objects: Vec<ObjectNo>,
    pub(super) polymorphic: bool,
}

impl Place {
    pub(super) fn one(object: ObjectNo) -> Self {
        Self { objects: vec![object], polymorphic: false }
    }
}
