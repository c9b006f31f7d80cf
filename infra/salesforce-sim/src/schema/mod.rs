//! The objects of the org: their fields, types, lengths and flags.
//!
//! Owns the standard schema, kept as compact text in `objects/`, its growth by custom objects, custom fields and
//! record types, and the describe documents made from it. Knows nothing of records or users: what
//! a user may see comes in as a function.

mod custom;
mod describe;
mod elsewhere;
mod field;
mod read;
mod standard;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

pub use custom::{CustomError, fields_of};
pub use describe::{DescribeContext, describe_field, describe_global, describe_object, summary};
pub(crate) use elsewhere::{is_elsewhere, is_field_elsewhere, is_relationship_elsewhere};
pub use field::{ChildLink, FieldDef, FieldType, Flag, PicklistValue};
pub(crate) use standard::person_account_field;

use crate::id::{Id, KeyPrefix};
use crate::seed::{CustomObject, FieldAccess};

/// The place of an object in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectNo(pub u16);

/// The place of a field in its object. Places never change while an org lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldNo(pub u16);

/// A record type other than the master record type.
#[derive(Clone, Debug)]
pub struct RecordType {
    /// Its record's id.
    pub id: Id,
    /// The API name.
    pub developer_name: String,
    /// The label.
    pub name: String,
    /// Whether new records get it.
    pub default: bool,
    /// Whether it can be chosen.
    pub active: bool,
}

/// The fields every object has, and those only some have.
#[derive(Clone, Copy, Debug, Default)]
pub struct WellKnown {
    /// `IsDeleted`.
    pub is_deleted: Option<FieldNo>,
    /// `CreatedDate`.
    pub created_date: Option<FieldNo>,
    /// `CreatedById`.
    pub created_by: Option<FieldNo>,
    /// `LastModifiedDate`.
    pub modified_date: Option<FieldNo>,
    /// `LastModifiedById`.
    pub modified_by: Option<FieldNo>,
    /// `SystemModstamp`.
    pub modstamp: Option<FieldNo>,
    /// `OwnerId`.
    pub owner: Option<FieldNo>,
    /// The field that names a record: `Name`, `Subject` and so on.
    pub name: Option<FieldNo>,
    /// `RecordTypeId`.
    pub record_type: Option<FieldNo>,
    /// `IsArchived`.
    pub is_archived: Option<FieldNo>,
}

/// One object.
#[derive(Clone, Debug)]
pub struct ObjectDef {
    /// The API name.
    pub name: Arc<str>,
    /// The first three characters of its ids.
    pub prefix: KeyPrefix,
    /// The label for one record.
    pub label: Box<str>,
    /// The label for several records.
    pub label_plural: Box<str>,
    /// The fields in the order of the describe document; the first is `Id`.
    pub fields: Vec<FieldDef>,
    /// The frequently used fields.
    pub known: WellKnown,
    /// Record types beside the master record type.
    pub record_types: Vec<RecordType>,
    /// When this description last changed.
    pub changed: Timestamp,
    flags: Vec<Box<str>>,
    scopes: Vec<(Box<str>, Box<str>)>,
    urls: Vec<Box<str>>,
    by_name: HashMap<Box<str>, FieldNo>,
}

/// `Id` is always the first field.
pub const ID_FIELD: FieldNo = FieldNo(0);

impl ObjectDef {
    /// The place of a field written in any letter case.
    #[must_use]
    pub fn field_no(&self, name: &str) -> Option<FieldNo> {
        if let Some(no) = self.by_name.get(name) {
            return Some(*no);
        }
        self.by_name.get(name.to_ascii_lowercase().as_str()).copied()
    }

    /// The field at a place.
    #[must_use]
    pub fn field(&self, no: FieldNo) -> Option<&FieldDef> {
        self.fields.get(usize::from(no.0))
    }

    /// A field by name, in any letter case.
    #[must_use]
    pub fn field_named(&self, name: &str) -> Option<(FieldNo, &FieldDef)> {
        let no = self.field_no(name)?;
        Some((no, self.field(no)?))
    }

    /// The reference field with this relationship name, in any letter case: `Owner` gives `OwnerId`.
    #[must_use]
    pub fn relationship(&self, name: &str) -> Option<(FieldNo, &FieldDef)> {
        self.numbered().find(|(_, field)| field.relationship.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)))
    }

    /// The fields with their places.
    pub fn numbered(&self) -> impl Iterator<Item = (FieldNo, &FieldDef)> {
        (0_u16..).map(FieldNo).zip(&self.fields)
    }

    /// Whether the object has this capability, for example `createable`.
    #[must_use]
    pub fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| **own == *flag)
    }

    /// Appends a field.
    ///
    /// # Errors
    /// When a field has this name already, or the object is full.
    pub fn add(&mut self, field: FieldDef) -> Result<FieldNo, CustomError> {
        if self.field_no(&field.name).is_some() {
            return Err(CustomError::Exists(field.name.to_string()));
        }
        let no = u16::try_from(self.fields.len()).ok().filter(|no| *no < 800).map(FieldNo).ok_or_else(|| CustomError::Full(self.name.to_string()))?;
        self.by_name.insert((*field.name).into(), no);
        self.by_name.insert(field.name.to_ascii_lowercase().into(), no);
        self.note(no, &field);
        self.fields.push(field);
        Ok(no)
    }

    /// Puts another definition in a field's place.
    pub fn replace(&mut self, no: FieldNo, field: FieldDef) {
        if let Some(own) = self.fields.get_mut(usize::from(no.0)) {
            *own = field;
        }
    }

    /// Takes a field away: nothing finds, shows or checks it any more. Its place is not given to another.
    pub fn remove(&mut self, no: FieldNo) {
        self.by_name.retain(|_, own| *own != no);
        if let Some(field) = self.fields.get_mut(usize::from(no.0)) {
            let blank = read::blank(&field.name, &field.label, FieldType::String, Flag::default());
            *field = FieldDef { gone: true, access: FieldAccess::Hidden, ..blank };
        }
    }

    /// Adds a record type, and with the first one the field `RecordTypeId`.
    pub fn add_record_type(&mut self, record_type: RecordType) {
        if self.known.record_type.is_none() {
            // A second field of that name cannot be there, and there is room for it.
            let _ = self.add(standard::record_type_field());
        }
        self.record_types.push(record_type);
    }

    fn note(&mut self, no: FieldNo, field: &FieldDef) {
        let known = &mut self.known;
        if field.has(Flag::NAME) {
            known.name = Some(no);
        }
        let place = match &*field.name {
            "IsDeleted" => &mut known.is_deleted,
            "CreatedDate" => &mut known.created_date,
            "CreatedById" => &mut known.created_by,
            "LastModifiedDate" => &mut known.modified_date,
            "LastModifiedById" => &mut known.modified_by,
            "SystemModstamp" => &mut known.modstamp,
            "OwnerId" => &mut known.owner,
            "RecordTypeId" => &mut known.record_type,
            "IsArchived" => &mut known.is_archived,
            _ => return,
        };
        *place = Some(no);
    }
}

/// All objects of an org.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    objects: Vec<ObjectDef>,
    by_name: HashMap<Box<str>, ObjectNo>,
}

impl Schema {
    /// The object written in any letter case.
    #[must_use]
    pub fn object_no(&self, name: &str) -> Option<ObjectNo> {
        if let Some(no) = self.by_name.get(name) {
            return Some(*no);
        }
        self.by_name.get(name.to_ascii_lowercase().as_str()).copied()
    }

    /// The object at a place.
    #[must_use]
    pub fn object(&self, no: ObjectNo) -> Option<&ObjectDef> {
        self.objects.get(usize::from(no.0))
    }

    /// The object at a place, to change it.
    pub fn object_mut(&mut self, no: ObjectNo) -> Option<&mut ObjectDef> {
        self.objects.get_mut(usize::from(no.0))
    }

    /// The object by name, in any letter case.
    #[must_use]
    pub fn object_named(&self, name: &str) -> Option<(ObjectNo, &ObjectDef)> {
        let no = self.object_no(name)?;
        Some((no, self.object(no)?))
    }

    /// The object whose ids start with this prefix.
    #[must_use]
    pub fn by_prefix(&self, prefix: KeyPrefix) -> Option<(ObjectNo, &ObjectDef)> {
        self.numbered().find(|(_, object)| object.prefix == prefix)
    }

    /// The objects with their places.
    pub fn numbered(&self) -> impl Iterator<Item = (ObjectNo, &ObjectDef)> {
        (0_u16..).map(ObjectNo).zip(&self.objects)
    }

    /// The child objects of `parent`: the child, the reference field, and what the link is called
    /// from the parent's side, in the order of the child objects' names.
    #[must_use]
    pub fn children<'a>(&'a self, parent: &'a ObjectDef) -> Vec<(ObjectNo, &'a ObjectDef, FieldNo, &'a FieldDef)> {
        let mut found: Vec<_> = self
            .numbered()
            .flat_map(|(object_no, object)| object.numbered().map(move |(field_no, field)| (object_no, object, field_no, field)))
            .filter(|(.., field)| field.reference_to.iter().any(|to| **to == *parent.name))
            .collect();
        found.sort_by(|a, b| (&a.1.name, &a.3.name).cmp(&(&b.1.name, &b.3.name)));
        found
    }

    /// Adds a custom object.
    ///
    /// # Errors
    /// When its name or its prefix is taken, or not allowed.
    pub fn add_custom_object(&mut self, custom: &CustomObject, changed: Timestamp) -> Result<(), CustomError> {
        let number = self.objects.iter().filter(|object| object.is("custom")).count();
        let object = custom::object_of(custom, number, changed)?;
        if self.object_no(&object.name).is_some() {
            return Err(CustomError::Exists(object.name.to_string()));
        }
        if self.by_prefix(object.prefix).is_some() {
            return Err(CustomError::Prefix(object.prefix.to_string()));
        }
        self.push(object);
        Ok(())
    }

    /// Adds an object.
    fn push(&mut self, object: ObjectDef) {
        let no = ObjectNo(u16::try_from(self.objects.len()).unwrap_or(u16::MAX));
        self.by_name.insert((*object.name).into(), no);
        self.by_name.insert(object.name.to_ascii_lowercase().into(), no);
        self.objects.push(object);
    }
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
