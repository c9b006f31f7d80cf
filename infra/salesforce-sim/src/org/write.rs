//! Creating, changing, upserting and deleting records: the calls of the API.

use std::collections::BTreeSet;

use super::cell::Cell;
use super::input::Mode;
use super::row::{Draft, Row};
use super::save::Change;
use super::table::Slot;
use super::{Fields, Org, Session, UpsertError, Upserted};
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::{FieldNo, Flag, ID_FIELD, ObjectNo};

type Saved<T> = Result<T, Vec<ApiError>>;

impl Org {
    /// Makes a record.
    ///
    /// # Errors
    /// Everything that is wrong with the fields.
    pub fn create(&mut self, s: &Session, sobject: &str, fields: &Fields) -> Saved<Id> {
        let object = self.writable(sobject, "create").map_err(|error| vec![error])?;
        let made = self.make(s, object, fields, None);
        made.map_err(|errors| self.in_language_of(s, errors))
    }

    /// Changes the given fields of a record.
    ///
    /// # Errors
    /// Everything that is wrong with the fields; 404 when the record is absent or deleted.
    pub fn update(&mut self, s: &Session, sobject: &str, id: &str, fields: &Fields) -> Saved<()> {
        let object = self.writable(sobject, "update").map_err(|error| vec![error])?;
        let changed = self.live(object, id).map_err(|error| vec![error]).and_then(|(slot, row)| self.amend(s, object, slot, row, fields));
        changed.map_err(|errors| self.in_language_of(s, errors))
    }

    /// Changes the record whose `key_field` is `key`, or makes it.
    ///
    /// `key_field` is an external id, an `idLookup` field or `Id`; with `Id` an empty `key` makes
    /// a record.
    ///
    /// # Errors
    /// [`UpsertError::Many`] when several records have the key.
    pub fn upsert(
        &mut self,
        s: &Session,
        sobject: &str,
        key_field: &str,
        key: &str,
        fields: &Fields,
        update_only: bool,
    ) -> Result<Upserted, UpsertError> {
        let object = self.writable(sobject, "update")?;
        let done = self.upsert_into(s, object, key_field, key, fields, update_only);
        done.map_err(|error| self.upsert_in_language_of(s, error))
    }

    fn upsert_into(
        &mut self,
        s: &Session,
        object: ObjectNo,
        key_field: &str,
        key: &str,
        fields: &Fields,
        update_only: bool,
    ) -> Result<Upserted, UpsertError> {
        let (no, name) = self.key_field(s, object, key_field)?;
        if no == ID_FIELD {
            return self.upsert_by_id(s, object, key, fields, update_only);
        }
        if fields.keys().any(|field| field.eq_ignore_ascii_case(&name)) {
            return Err(ApiError::key_in_body(&name).into());
        }
        let cell = self.key_value(object, no, key)?;
        let found = match self.object(object).and_then(|def| def.field(no)) {
            Some(field) => self.matching(s, object, no, field, &cell),
            None => Vec::new(),
        };
        match found.as_slice() {
            [] if update_only => Err(ApiError::not_found().into()),
            [] => {
                let key = (no, cell);
                let id = self.make(s, object, fields, Some(key))?;
                Ok(Upserted { id, created: true })
            }
            [(slot, id)] => {
                let row = self.table(object).and_then(|table| table.get(*slot)).cloned();
                let row = row.ok_or_else(ApiError::not_found)?;
                self.amend(s, object, *slot, row, fields)?;
                Ok(Upserted { id: *id, created: false })
            }
            several => Err(UpsertError::Many(several.iter().map(|(_, id)| *id).collect())),
        }
    }

    fn upsert_by_id(&mut self, s: &Session, object: ObjectNo, key: &str, fields: &Fields, update_only: bool) -> Result<Upserted, UpsertError> {
        if key.is_empty() && !update_only {
            let id = self.make(s, object, fields, None)?;
            return Ok(Upserted { id, created: true });
        }
        let (slot, row) = self.live(object, key)?;
        let id = row.id().ok_or_else(ApiError::not_found)?;
        self.amend(s, object, slot, row, fields)?;
        Ok(Upserted { id, created: false })
    }

    /// A field records can be looked up by, and its canonical name.
    pub(super) fn key_field(&self, s: &Session, object: ObjectNo, name: &str) -> Result<(FieldNo, String), ApiError> {
        self.visible_field(s, object, name)
            .filter(|(no, field)| *no == ID_FIELD || field.is_key())
            .map(|(no, field)| (no, field.name.to_string()))
            .ok_or_else(|| ApiError::no_external_id(name))
    }

    /// The value of a key that a path or a request names.
    pub(super) fn key_value(&self, object: ObjectNo, no: FieldNo, key: &str) -> Result<Cell<'static>, ApiError> {
        use super::convert::{BadValue, convert};
        let field = self.object(object).and_then(|object| object.field(no)).ok_or_else(ApiError::not_found)?;
        match convert(field, &serde_json::Value::from(key)) {
            Ok(Cell::Null) => Err(ApiError::new(400, "MISSING_ARGUMENT", format!("{} not specified", field.name)).about::<_, String>([])),
            Ok(cell) => Ok(cell),
            Err(BadValue::Invalid(error) | BadValue::Unreadable(error)) => Err(error),
        }
    }

    /// Moves a record to the recycle bin, and with it the records that cannot be without it.
    ///
    /// # Errors
    /// 404 when the record is absent or already there.
    pub fn delete(&mut self, s: &Session, sobject: &str, id: &str) -> Saved<()> {
        let object = self.writable(sobject, "delete").map_err(|error| vec![error])?;
        let slot = self.deletable(s, object, id).map_err(|error| self.in_language_of(s, vec![error]))?;
        self.bin(s, object, slot, 0);
        Ok(())
    }

    /// The place of a record that the user may delete.
    fn deletable(&self, s: &Session, object: ObjectNo, id: &str) -> Result<Slot, ApiError> {
        let (slot, row) = self.live(object, id)?;
        self.check_may_reach(s, row.id())?;
        self.check_may_change(s, object, &row)?;
        self.check_unlocked(&row)?;
        Ok(slot)
    }

    /// Marks a record deleted, and the children that go with it. Children of children follow, up
    /// to a depth no standard object reaches.
    pub(super) fn bin(&mut self, s: &Session, object: ObjectNo, slot: Slot, depth: u8) {
        let Some(row) = self.table(object).and_then(|table| table.get(slot)).cloned() else {
            return;
        };
        let known = self.object(object).map(|object| object.known);
        match known.and_then(|known| known.is_deleted) {
            Some(field) => {
                let mut draft = row.unpack();
                draft.insert(field, Cell::Bool(true));
                self.stamp(s, object, &mut draft);
                self.change_row(object, slot, Row::pack(&draft));
            }
            None => self.remove_row(object, slot),
        }
        if depth < 5 {
            for (child, child_slot) in self.cascading(object, &row) {
                self.bin(s, child, child_slot, depth + 1);
            }
        }
    }

    fn cascading(&self, object: ObjectNo, row: &Row) -> Vec<(ObjectNo, Slot)> {
        let (Some(def), Some(id)) = (self.object(object), row.id()) else {
            return Vec::new();
        };
        self.schema
            .children(def)
            .into_iter()
            .filter(|(.., field)| field.child.cascade)
            .flat_map(|(child, _, _, field)| self.referring(child, &field.name, id).map(move |(slot, _)| (child, slot)))
            .collect()
    }

    /// Makes a record, or changes one, beyond flags, rights and rules: for seeds, and for tests
    /// that need a state the API does not lead to. `Id` among the fields names the record; its
    /// system fields are taken as given.
    ///
    /// # Errors
    /// For unknown names and for values that the field's type cannot hold.
    pub fn force(&mut self, s: &Session, sobject: &str, fields: &Fields) -> Saved<Id> {
        let (object, _) = self.schema.object_named(sobject).ok_or_else(|| vec![ApiError::not_found()])?;
        let mut fields = fields.clone();
        let id = fields.remove("Id").and_then(|id| id.as_str().and_then(|id| Id::parse(id).ok()));
        let input = self.read_input(s, object, &fields, Mode::Force)?;
        if !input.errors.is_empty() {
            return Err(input.errors);
        }
        let before = id.and_then(|id| self.table(object)?.by_id(&id)).map(|(slot, row)| (slot, row.clone()));
        let change = self.change(object, id, before, input.values, true);
        self.save(s, change)
    }

    fn make(&mut self, s: &Session, object: ObjectNo, fields: &Fields, key: Option<(FieldNo, Cell<'static>)>) -> Saved<Id> {
        if self.organization.data_storage_full {
            let error = ApiError::new(400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded");
            return Err(vec![error.about::<_, String>([])]);
        }
        self.check_may_make(s, object).map_err(|error| vec![error])?;
        let mut input = self.read_input(s, object, fields, Mode::Create)?;
        self.check_free(input.values.values().filter_map(Cell::as_id)).map_err(|error| vec![error])?;
        if let Some((no, cell)) = key {
            let field = self.object(object).and_then(|object| object.field(no));
            let field = field.ok_or_else(|| vec![ApiError::not_found()])?;
            if !self.may_write(s, object, no, field, Mode::Create) {
                return Err(vec![ApiError::not_writable(&[field.name.to_string()])]);
            }
            input.values.insert(no, cell);
        }
        let mut change = self.change(object, None, None, input.values, false);
        change.errors = input.errors;
        change.refused = input.refused;
        self.save(s, change)
    }

    fn amend(&mut self, s: &Session, object: ObjectNo, slot: Slot, row: Row, fields: &Fields) -> Saved<()> {
        self.check_may_reach(s, row.id()).map_err(|error| vec![error])?;
        self.check_may_change(s, object, &row).map_err(|error| vec![error])?;
        self.check_unlocked(&row).map_err(|error| vec![error])?;
        let input = self.read_input(s, object, fields, Mode::Update)?;
        let id = row.id();
        let mut change = self.change(object, id, Some((slot, row)), input.values, false);
        change.errors = input.errors;
        change.refused = input.refused;
        self.save(s, change).map(drop)
    }

    fn change(&mut self, object: ObjectNo, id: Option<Id>, before: Option<(Slot, Row)>, values: Draft, forced: bool) -> Change {
        let mut draft = before.as_ref().map(|(_, row)| row.unpack()).unwrap_or_default();
        let given = values.keys().copied().collect();
        draft.extend(values);
        let id = id.unwrap_or_else(|| match self.table_mut(object) {
            Some(table) => table.next_id(),
            None => self.id,
        });
        Change { object, id, before, draft, given, errors: Vec::new(), refused: BTreeSet::new(), forced }
    }

    /// The object with this name, if the API may do this with its records.
    fn writable(&self, sobject: &str, action: &str) -> Result<ObjectNo, ApiError> {
        let (no, object) = self.schema.object_named(sobject).ok_or_else(|| super::no_object(sobject))?;
        let flag = match action {
            "create" => "createable",
            "delete" => "deletable",
            _ => "updateable",
        };
        if object.is(flag) {
            return Ok(no);
        }
        Err(ApiError::new(400, "INVALID_TYPE_FOR_OPERATION", format!("entity type {} does not support {action}", object.name)))
    }

    /// The live record with an id.
    pub(super) fn live(&self, object: ObjectNo, id: &str) -> Result<(Slot, Row), ApiError> {
        let parsed = Id::parse(id).map_err(|_| ApiError::no_external_id(id))?;
        let def = self.object(object).ok_or_else(ApiError::not_found)?;
        if parsed.prefix() != def.prefix {
            return Err(self.malformed_id(object, id));
        }
        let found = self.table(object).and_then(|table| table.by_id(&parsed));
        let (slot, row) = found.ok_or_else(ApiError::not_found)?;
        if self.is_deleted(object, row) {
            return Err(ApiError::deleted());
        }
        Ok((slot, row.clone()))
    }

    /// The error for the id of another kind of record.
    fn malformed_id(&self, object: ObjectNo, id: &str) -> ApiError {
        let label = self.object(object).and_then(|def| def.field(ID_FIELD));
        let label = label.map_or("Record ID", |field| &*field.label);
        ApiError::new(400, "MALFORMED_ID", format!("{label}: id value of incorrect type: {id}")).about(["Id"])
    }

    fn check_unlocked(&self, row: &Row) -> Result<(), ApiError> {
        self.check_free(row.iter().filter_map(|(_, cell)| cell.as_id()))
    }

    fn check_free(&self, mut ids: impl Iterator<Item = Id>) -> Result<(), ApiError> {
        match ids.find(|id| self.locked.contains(id)) {
            None => Ok(()),
            Some(id) => Err(ApiError::new(400, "UNABLE_TO_LOCK_ROW", format!("unable to obtain exclusive access to this record or 1 records: {id}"))
                .about::<_, String>([])),
        }
    }

    /// Holds a record as a long-running transaction would: whoever changes it, or a record that
    /// refers to it, gets `UNABLE_TO_LOCK_ROW` until [`Org::unlock`].
    pub fn lock(&mut self, id: Id) {
        self.locked.insert(id);
    }

    /// Lets a held record go.
    pub fn unlock(&mut self, id: &Id) {
        self.locked.remove(id);
    }

    /// Whether a field of an object is an external id whose values are unique.
    #[must_use]
    pub fn is_unique(&self, sobject: &str, field: &str) -> bool {
        self.schema.object_named(sobject).and_then(|(_, object)| object.field_named(field)).is_some_and(|(_, field)| field.has(Flag::UNIQUE))
    }
}
