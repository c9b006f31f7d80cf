//! Reads the fields of a request into the values of a record: names, rights, types, references.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cell::{Cell, OwnedCell, same_text};
use super::convert::{BadValue, convert, wrong_id};
use super::row::Draft;
use super::{Fields, Org, Session};
use crate::doubts::{AbsentReference, MistypedReference};
use crate::error::ApiError;
use crate::id::Id;
use crate::org::table::Slot;
use crate::schema::{FieldDef, FieldNo, Flag, ID_FIELD, ObjectDef, ObjectNo};
use crate::seed::FieldAccess;

/// What is going to happen with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Update,
    /// Whatever the flags and the rights say: the seed and tests set any stored field.
    Force,
}

/// The values of a request, and what is wrong with them beyond what stops the reading.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) values: Draft,
    pub(super) errors: Vec<ApiError>,
    /// The fields whose values break a rule.
    pub(super) refused: BTreeSet<FieldNo>,
}

impl Org {
    /// Reads the fields of a request.
    ///
    /// A name that is unknown, a field that may not be written, or a value of the wrong type is
    /// the only error; the rules that values break come together with those found later.
    pub(super) fn read_input(&self, s: &Session, object: ObjectNo, fields: &Fields, mode: Mode) -> Result<Input, Vec<ApiError>> {
        let mut input = Input::default();
        let mut unwritable = Vec::new();
        let def = self.object(object).ok_or_else(|| vec![ApiError::not_found()])?;
        for (name, value) in fields {
            if name.eq_ignore_ascii_case("attributes") {
                continue;
            }
            if let Some((no, field)) = self.nameable(s, object, name, mode) {
                if no == ID_FIELD {
                    return Err(vec![ApiError::key_in_body("Id")]);
                }
                if !self.may_write(s, object, no, field, mode) {
                    unwritable.push(field.name.to_string());
                    continue;
                }
                let read = self.read_value(s, field, value);
                take(&mut input, no, read)?;
            } else if let Some((no, field)) = self.parent_named(s, object, def, name, value) {
                let read = self.parent_by_key(s, field, name, value);
                take(&mut input, no, read)?;
            } else {
                return Err(vec![super::no_field(name, &def.name)]);
            }
        }
        if unwritable.is_empty() { Ok(input) } else { Err(vec![ApiError::not_writable(&unwritable)]) }
    }

    fn nameable(&self, s: &Session, object: ObjectNo, name: &str, mode: Mode) -> Option<(FieldNo, &FieldDef)> {
        if mode == Mode::Force {
            return self.object(object)?.field_named(name);
        }
        self.visible_field(s, object, name)
    }

    pub(super) fn may_write(&self, s: &Session, object: ObjectNo, no: FieldNo, field: &FieldDef, mode: Mode) -> bool {
        let by_schema = match mode {
            Mode::Create => field.has(Flag::CREATE) || self.may_set_audit(s, object, no),
            Mode::Update => field.has(Flag::UPDATE),
            Mode::Force => return !field.is_compound(),
        };
        by_schema && self.access(s, object, no, field) == FieldAccess::Edit
    }

    /// "Set Audit Fields upon Record Creation".
    fn may_set_audit(&self, s: &Session, object: ObjectNo, no: FieldNo) -> bool {
        let known = self.object(object).map(|object| object.known);
        let audit = known.is_some_and(|known| [known.created_by, known.created_date, known.modified_by, known.modified_date].contains(&Some(no)));
        audit && self.permissions(s).set_audit_fields
    }

    fn read_value(&self, s: &Session, field: &FieldDef, value: &Value) -> Result<OwnedCell, BadValue> {
        let cell = convert(field, value)?;
        if let Cell::Id(id) = cell {
            // The id of the master record type is the same as having none.
            if &*field.name == "RecordTypeId" && id.short() == "012000000000000" {
                return Ok(Cell::Null);
            }
            self.check_reference(s, field, id).map_err(BadValue::Invalid)?;
        }
        Ok(cell)
    }

    /// Refuses an id of the wrong kind, and one that no live record has.
    fn check_reference(&self, s: &Session, field: &FieldDef, id: Id) -> Result<(), ApiError> {
        let target = self.schema.by_prefix(id.prefix());
        let allowed = match target {
            Some((_, object)) => field.reference_to.iter().any(|to| **to == *object.name),
            // Some objects that a real org has are not simulated: their records are unknown.
            None => field.reference_to.iter().any(|to| self.schema.object_no(to).is_none()),
        };
        if !allowed {
            let error = wrong_id(field, id.as_str());
            return Err(match self.doubts().mistyped_reference {
                MistypedReference::MalformedId => error,
                MistypedReference::FieldIntegrityException => ApiError::integrity(error.message, &[&*field.name]),
            });
        }
        match self.find(&id) {
            None => Err(self.absent_reference(&id)),
            Some((object, _, row)) if self.is_deleted(object, row) => Err(ApiError { status: 400, ..ApiError::deleted() }),
            Some(_) => self.check_may_reach(s, Some(id)),
        }
    }

    fn absent_reference(&self, id: &Id) -> ApiError {
        let error = match self.doubts().absent_reference {
            AbsentReference::InvalidCrossReferenceKey => ApiError::new(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
            AbsentReference::InsufficientAccess => {
                let text = format!("insufficient access rights on cross-reference id: {}", self.quoted(id));
                ApiError::new(400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", text)
            }
        };
        error.about::<_, String>([])
    }

    /// The reference field behind a name such as `Account` or `Parent__r` with an object as value.
    fn parent_named<'a>(&self, s: &Session, object: ObjectNo, def: &'a ObjectDef, name: &str, value: &Value) -> Option<(FieldNo, &'a FieldDef)> {
        let (no, field) = def.relationship(name).filter(|_| value.is_object())?;
        let open = self.access(s, object, no, field) == FieldAccess::Edit;
        (field.has(Flag::CREATE) && open).then_some((no, field))
    }

    /// The parent named by its own key: `{"Account": {"Ext__c": "p1"}}`.
    ///
    /// For parents of several kinds nothing reliable is known: a setting of the org decides.
    fn parent_by_key(&self, s: &Session, field: &FieldDef, name: &str, value: &Value) -> Result<OwnedCell, BadValue> {
        let refuse = |message: String| BadValue::Unreadable(ApiError::new(400, "INVALID_FIELD", message).about([name]));
        let Some(target) = self.target_by_key(field, value) else {
            return Err(refuse(format!(
                "A foreign key external ID cannot be used for the field {name}, which refers to \
                 several objects"
            )));
        };
        let keys: Vec<(&String, &Value)> =
            value.as_object().into_iter().flatten().filter(|(key, _)| !key.eq_ignore_ascii_case("attributes")).collect();
        let ([(key, value)], Some(object)) = (keys.as_slice(), self.schema.object_no(target)) else {
            return Err(refuse(format!("The external foreign key reference does not reference a valid entity: {name}")));
        };
        let Some((no, key_field)) = self.visible_field(s, object, key).filter(|(_, field)| field.is_key()) else {
            return Err(BadValue::Unreadable(ApiError::no_such_column(key, target)));
        };
        let wanted = convert(key_field, value)?;
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut found = self.with_key(object, no, key_field, &wanted);
        found.retain(|(_, id)| !self.is_hidden(s.user, id));
        match found.as_slice() {
            [(_, id)] => Ok(Cell::Id(*id)),
            [] => Err(refuse(format!("Foreign key external ID: {shown} not found for field {} in entity {target}", key_field.name))),
            _ => Err(BadValue::Unreadable(
                ApiError::new(400, "DUPLICATE_EXTERNAL_ID", format!("Foreign key external ID: {shown} found more than once in {target}"))
                    .about([name]),
            )),
        }
    }

    /// The object that a parent given by its key belongs to: the only one, or the one its `attributes` name.
    fn target_by_key<'a>(&self, field: &'a FieldDef, value: &Value) -> Option<&'a str> {
        if let [target] = field.reference_to.as_slice() {
            return Some(target);
        }
        let named = value.pointer("/attributes/type").and_then(Value::as_str).filter(|_| self.doubts().polymorphic_parents_by_key)?;
        field.reference_to.iter().find(|to| to.eq_ignore_ascii_case(named)).map(|to| &**to)
    }

    /// The live records that an upsert by a key takes for the one meant. A unique key leads to records that the user
    /// does not see, another one does not.
    ///
    /// Source: REST API Developer Guide, "Insert or Update (Upsert) a Record Using an External ID".
    pub(super) fn matching(&self, s: &Session, object: ObjectNo, no: FieldNo, field: &FieldDef, value: &Cell<'_>) -> Vec<(Slot, Id)> {
        let mut found = self.with_key(object, no, field, value);
        if !field.has(Flag::UNIQUE) {
            found.retain(|(_, id)| !self.is_hidden(s.user, id));
        }
        found
    }

    /// The live records with a value in a key field. Only a case-sensitive field tells upper from
    /// lower case.
    pub(super) fn with_key(&self, object: ObjectNo, no: FieldNo, field: &FieldDef, value: &Cell<'_>) -> Vec<(Slot, Id)> {
        let Some(table) = self.table(object) else {
            return Vec::new();
        };
        let equal = |other: &Cell<'_>| match (value, other) {
            (Cell::Text(a), Cell::Text(b)) if !field.has(Flag::CASE) => same_text(a, b),
            _ => value == other,
        };
        table
            .candidates(no, value)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|slot| Some((slot, table.get(slot)?)))
            .filter(|(_, row)| equal(&row.get(no)) && !self.is_deleted(object, row))
            .filter_map(|(slot, row)| Some((slot, row.id()?)))
            .collect()
    }
}

fn take(input: &mut Input, no: FieldNo, read: Result<OwnedCell, BadValue>) -> Result<(), Vec<ApiError>> {
    match read {
        Ok(cell) => {
            input.values.insert(no, cell);
        }
        Err(BadValue::Invalid(error)) => {
            input.errors.push(error);
            input.refused.insert(no);
        }
        Err(BadValue::Unreadable(error)) => return Err(vec![error]),
    }
    Ok(())
}
