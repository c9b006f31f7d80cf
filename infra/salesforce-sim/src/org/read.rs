//! Reading records: by id, by key, several at once; and how a record looks in an answer.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::cell::Cell;
use super::row::Row;
use super::{ApiVersion, Org, QueryScope, Session, Table, UpsertError};
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::{FieldDef, FieldNo, ID_FIELD, ObjectNo};
use crate::seed::FieldAccess;

impl Org {
    /// `{attributes:{type,url}, …}`: all readable fields, or those named.
    ///
    /// # Errors
    /// 404 when the record is absent or deleted, 400 for an unknown field.
    pub fn retrieve(&self, s: &Session, sobject: &str, id: &str, fields: Option<&[String]>) -> Result<Value, ApiError> {
        let object = self.object_no(sobject)?;
        let fields = self.chosen(s, object, fields)?;
        let (_, row) = self.live(object, id)?;
        self.check_may_see(s, row.id())?;
        Ok(self.render(s, object, &row, &fields))
    }

    /// The same by external id or `idLookup` field.
    ///
    /// # Errors
    /// [`UpsertError::Many`] when several records have the key.
    pub fn retrieve_by(&self, s: &Session, sobject: &str, key_field: &str, key: &str, fields: Option<&[String]>) -> Result<Value, UpsertError> {
        let object = self.object_no(sobject)?;
        let (no, _) = self.key_field(s, object, key_field)?;
        if no == ID_FIELD {
            return Ok(self.retrieve(s, sobject, key, fields)?);
        }
        let fields = self.chosen(s, object, fields)?;
        let cell = self.key_value(object, no, key)?;
        let def = self.object(object).and_then(|def| def.field(no));
        let found = def.map_or_else(Vec::new, |field| self.with_key(object, no, field, &cell));
        match found.as_slice() {
            [] => Err(ApiError::not_found().into()),
            [(slot, _)] => {
                let row = self.table(object).and_then(|table| table.get(*slot));
                let row = row.ok_or_else(ApiError::not_found)?;
                self.check_may_see(s, row.id())?;
                Ok(self.render(s, object, row, &fields))
            }
            several => Err(UpsertError::Many(several.iter().map(|(_, id)| *id).collect())),
        }
    }

    /// The records `ids` in that order, `None` for those absent or deleted: what
    /// `GET /composite/sobjects/X` answers.
    ///
    /// # Errors
    /// 400 for an unknown field.
    pub fn retrieve_many(&self, s: &Session, sobject: &str, ids: &[String], fields: &[String]) -> Result<Vec<Option<Value>>, ApiError> {
        let object = self.object_no(sobject)?;
        let fields = self.chosen(s, object, Some(fields))?;
        let one = |id: &String| {
            let (_, row) = self.live(object, id).ok()?;
            self.check_may_see(s, row.id()).ok()?;
            Some(self.render(s, object, &row, &fields))
        };
        Ok(ids.iter().map(one).collect())
    }

    /// All records of an object in the order of their making, with the fields that the user sees: for tests, which want to
    /// know what is there and not what a query would find of it.
    ///
    /// # Errors
    /// 404 when there is no such object.
    pub fn all(&self, s: &Session, sobject: &str, scope: QueryScope) -> Result<Vec<Value>, ApiError> {
        let object = self.object_no(sobject)?;
        let mut fields = self.chosen(s, object, None)?;
        fields.retain(|no| self.object(object).and_then(|def| def.field(*no)).is_some_and(|field| !field.is_compound()));
        let rows = self.table(object).into_iter().flat_map(Table::iter);
        let wanted = rows.filter(|(_, row)| scope == QueryScope::All || !self.is_deleted(object, row));
        Ok(wanted.map(|(_, row)| self.render(s, object, row, &fields)).collect())
    }

    /// An object by name in any letter case.
    pub(crate) fn object_no(&self, sobject: &str) -> Result<ObjectNo, ApiError> {
        self.schema.object_no(sobject).ok_or_else(|| super::no_object(sobject))
    }

    fn chosen(&self, s: &Session, object: ObjectNo, names: Option<&[String]>) -> Result<Vec<FieldNo>, ApiError> {
        let def = self.object(object).ok_or_else(ApiError::not_found)?;
        let Some(names) = names else {
            let visible = |no: FieldNo, field: &FieldDef| self.access(s, object, no, field) > FieldAccess::Hidden;
            let all = def.numbered().filter(|(no, field)| visible(*no, field));
            return Ok(all.map(|(no, _)| no).collect());
        };
        names
            .iter()
            .map(|name| self.visible_field(s, object, name.trim()).map(|(no, _)| no).ok_or_else(|| super::no_field(name, &def.name)))
            .collect()
    }

    /// A record with its attributes and these fields.
    pub(crate) fn render(&self, s: &Session, object: ObjectNo, row: &Row, fields: &[FieldNo]) -> Value {
        let Some(def) = self.object(object) else {
            return Value::Null;
        };
        let mut out = row.id().map_or_else(Map::new, |id| self.attributes(s, &def.name, id));
        for no in fields {
            if let Some(field) = def.field(*no) {
                out.insert(field.name.to_string(), self.rendered(object, row, *no, field));
            }
        }
        Value::Object(out)
    }

    /// The value of one field as answers carry it.
    pub(crate) fn rendered(&self, object: ObjectNo, row: &Row, no: FieldNo, field: &FieldDef) -> Value {
        if field.is_compound() {
            return self.compound(object, row, field);
        }
        self.value(object, row, no).to_json(field.kind)
    }

    /// `{"attributes": {"type": …, "url": …}}` of a record.
    pub(crate) fn attributes(&self, s: &Session, name: &str, id: Id) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("attributes".to_owned(), json!(Attributes { version: s.version, sobject: name, id }));
        out
    }

    /// An address or a place, put together from the fields that belong to it; none without any of them.
    fn compound(&self, object: ObjectNo, row: &Row, whole: &FieldDef) -> Value {
        let Some(def) = self.object(object) else {
            return Value::Null;
        };
        let prefix = whole
            .name
            .strip_suffix("__c")
            .map_or_else(|| whole.name.strip_suffix("Address").unwrap_or_default().to_owned(), |stem| format!("{stem}__"));
        let parts = def.numbered().filter(|(_, field)| field.compound.as_deref() == Some(&*whole.name));
        let mut out = Map::new();
        let mut empty = true;
        for (no, field) in parts {
            let cell: Cell<'_> = row.get(no);
            empty &= cell.is_null();
            let name = field.name.strip_prefix(&*prefix).unwrap_or(&field.name).trim_end_matches("__s");
            out.insert(lower_first(name), cell.to_json(field.kind));
        }
        if empty { Value::Null } else { Value::Object(out) }
    }
}

/// What every record in an answer says of itself.
pub(crate) struct Attributes<'a> {
    pub version: ApiVersion,
    pub sobject: &'a str,
    pub id: Id,
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(2))?;
        out.serialize_entry("type", self.sobject)?;
        out.serialize_entry("url", &format_args!("/services/data/v{}.0/sobjects/{}/{}", self.version, self.sobject, self.id))?;
        out.end()
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
