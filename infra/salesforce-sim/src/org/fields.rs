//! The custom fields of the org: made, changed, deleted, and what each is as data.

use super::setup::deserves_index;
use super::{Org, Row};
use crate::id::{Id, KeyPrefix};
use crate::schema::{CustomError, FieldDef, FieldNo, ObjectNo, fields_of};
use crate::seed::{CustomField, FieldRule, Seed};

/// What the ids of custom fields begin with.
const CUSTOM_FIELD: KeyPrefix = KeyPrefix::of(b"00N");

impl Org {
    /// Adds a field to an object; one of `Activity` appears on Event and Task. Answers the field's id.
    ///
    /// # Errors
    /// When the object is unknown, the name is taken, or a setting is not allowed.
    pub fn add_custom_field(&mut self, custom: &CustomField) -> Result<Id, CustomError> {
        let fields = fields_of(custom)?;
        let objects = self.objects_of(&custom.sobject);
        if objects.is_empty() {
            return Err(CustomError::Setting("the object of the field does not exist"));
        }
        let taken = |name: &str| objects.iter().any(|object| self.object(*object).is_some_and(|def| def.field_no(name).is_some()));
        if let Some(field) = fields.iter().find(|field| taken(&field.name)) {
            return Err(CustomError::Exists(field.name.to_string()));
        }
        let id = self.field_id(custom)?;
        for (object, field) in objects.into_iter().flat_map(|object| fields.iter().map(move |field| (object, field))) {
            if let Some(def) = self.schema.object_mut(object) {
                def.add(field.clone())?;
            }
            self.settle_field(object, field);
        }
        self.definition.custom_fields.push(CustomField { id: Some(id.to_string()), ..custom.clone() });
        Ok(id)
    }

    /// The custom fields with their ids, in the order of their making.
    pub(crate) fn custom_fields(&self) -> impl Iterator<Item = (Id, &CustomField)> {
        self.definition.custom_fields.iter().filter_map(|field| Some((Id::parse(field.id.as_deref()?).ok()?, field)))
    }

    /// The custom field with an id.
    pub(crate) fn custom_field(&self, id: Id) -> Option<&CustomField> {
        self.custom_fields().find(|(own, _)| *own == id).map(|(_, field)| field)
    }

    /// Puts another definition in the place of a custom field. Records keep the values that they hold.
    ///
    /// # Errors
    /// When the field does not exist, or a setting is not allowed.
    pub fn change_custom_field(&mut self, custom: &CustomField) -> Result<(), CustomError> {
        let fields = fields_of(custom)?;
        let objects = self.objects_with(&custom.sobject, &custom.name)?;
        for (object, field) in objects.into_iter().flat_map(|object| fields.iter().map(move |field| (object, field))) {
            if let Some(def) = self.schema.object_mut(object)
                && let Some(no) = def.field_no(&field.name)
            {
                def.replace(no, field.clone());
            }
            self.settle_field(object, field);
        }
        let own = self.definition.custom_fields.iter_mut().find(|own| is_called(own, &custom.sobject, &custom.name));
        if let Some(own) = own {
            *own = CustomField { id: own.id.take(), ..custom.clone() };
        }
        Ok(())
    }

    /// Deletes a custom field, and with it its values and what everybody may do with it.
    ///
    /// # Errors
    /// When the field does not exist.
    pub fn delete_custom_field(&mut self, sobject: &str, name: &str) -> Result<(), CustomError> {
        let now = self.clock.now();
        for object in self.objects_with(sobject, name)? {
            let part = |field: &FieldDef| field.compound.as_deref().is_some_and(|compound| compound.eq_ignore_ascii_case(name));
            let parts = self.object(object).into_iter().flat_map(|def| def.numbered()).filter(|(_, field)| part(field));
            let names: Vec<String> = parts.map(|(_, field)| field.name.to_string()).chain([name.to_owned()]).collect();
            for name in names {
                self.forget_rights(object, &name);
                let Some(def) = self.schema.object_mut(object) else { continue };
                let Some(no) = def.field_no(&name) else { continue };
                def.remove(no);
                def.changed = now;
                self.security.forget((object, no));
                self.empty(object, no);
            }
        }
        self.definition.custom_fields.retain(|own| !is_called(own, sobject, name));
        self.follow_grants();
        Ok(())
    }

    /// Whether a rule of the org names a custom field. Conditions are searched for the word: one too many rather than one
    /// too few.
    pub(crate) fn is_in_rules(&self, field: &CustomField) -> bool {
        let named = |object: &ObjectNo| self.object(*object).map(|def| def.name.to_string());
        let objects: Vec<String> = self.objects_of(&field.sobject).iter().filter_map(named).collect();
        objects.iter().any(|object| is_named(&self.definition, object, &field.name))
    }

    /// The objects that have a custom field.
    fn objects_with(&self, sobject: &str, name: &str) -> Result<Vec<ObjectNo>, CustomError> {
        let has = |object: &ObjectNo| self.object(*object).and_then(|def| def.field_named(name)).is_some_and(|(_, field)| field.custom);
        let found: Vec<ObjectNo> = self.objects_of(sobject).into_iter().filter(has).collect();
        if found.is_empty() { Err(CustomError::Setting("the object has no such custom field")) } else { Ok(found) }
    }

    /// The objects that a field of this object appears on.
    fn objects_of(&self, sobject: &str) -> Vec<ObjectNo> {
        if sobject.eq_ignore_ascii_case("Activity") { self.places.activities.to_vec() } else { self.schema.object_no(sobject).into_iter().collect() }
    }

    /// The id a field brings, or the next one that is free.
    fn field_id(&mut self, custom: &CustomField) -> Result<Id, CustomError> {
        let Some(text) = &custom.id else {
            self.fields_made += 1;
            let mut id = Id::generate(CUSTOM_FIELD, self.fields_made);
            while self.custom_field(id).is_some() {
                self.fields_made += 1;
                id = Id::generate(CUSTOM_FIELD, self.fields_made);
            }
            return Ok(id);
        };
        let id = Id::parse(text).ok().filter(|id| id.prefix() == CUSTOM_FIELD && self.custom_field(*id).is_none());
        id.ok_or_else(|| CustomError::Id(text.clone()))
    }

    /// What follows when an object has a new or changed field: an index, and another time of description.
    fn settle_field(&mut self, object: ObjectNo, field: &FieldDef) {
        let now = self.clock.now();
        let Some(def) = self.schema.object_mut(object) else { return };
        def.changed = now;
        let no = def.field_no(&field.name);
        if let (Some(no), Some(table)) = (no.filter(|_| deserves_index(field)), self.table_mut(object)) {
            table.index(no);
        }
    }

    fn forget_rights(&mut self, object: ObjectNo, name: &str) {
        let owner = self.object(object).map(|def| def.name.to_string()).unwrap_or_default();
        let is_rule = |rule: &FieldRule| rule.sobject.eq_ignore_ascii_case(&owner) && rule.field.eq_ignore_ascii_case(name);
        self.definition.field_security.retain(|rule| !is_rule(rule));
        let path = format!("{owner}.{name}");
        let Some(grants) = self.schema.object_no("FieldPermissions") else { return };
        let rows = self.table(grants).into_iter().flat_map(|table| table.iter());
        let own = rows.filter(|(_, row)| self.named(grants, row, "Field").as_text().is_some_and(|field| field.eq_ignore_ascii_case(&path)));
        let slots: Vec<_> = own.map(|(slot, _)| slot).collect();
        for slot in slots {
            self.remove_row(grants, slot);
        }
    }

    /// Takes the values of a field out of every record.
    fn empty(&mut self, object: ObjectNo, no: FieldNo) {
        let rows = self.table(object).into_iter().flat_map(|table| table.iter()).filter(|(_, row)| !row.get(no).is_null());
        let rows: Vec<_> = rows.map(|(slot, row)| (slot, row.unpack())).collect();
        for (slot, mut draft) in rows {
            draft.remove(&no);
            self.change_row(object, slot, Row::pack(&draft));
        }
    }
}

fn is_called(own: &CustomField, sobject: &str, name: &str) -> bool {
    own.sobject.eq_ignore_ascii_case(sobject) && own.name.eq_ignore_ascii_case(name)
}

/// Whether a rule names a field of an object.
fn is_named(rules: &Seed, sobject: &str, field: &str) -> bool {
    let own = |object: &str| object.eq_ignore_ascii_case(sobject);
    let this = |name: &str| name.eq_ignore_ascii_case(field);
    let path = format!("{sobject}.{field}");
    let says = |condition: &str| condition.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(this);
    rules.validation_rules.iter().any(|rule| own(&rule.sobject) && (says(&rule.condition) || rule.field.as_deref().is_some_and(this)))
        || rules.assignment_rules.iter().any(|rule| own(&rule.sobject) && rule.condition.as_deref().is_some_and(says))
        || rules.rewrites.iter().any(|rule| own(&rule.sobject) && this(&rule.field))
        || rules.tracked_fields.iter().any(|tracked| tracked.eq_ignore_ascii_case(&path))
        || rules.duplicate_rules.iter().any(|rule| {
            let either = own(&rule.sobject) || rule.against.as_deref().is_some_and(own);
            either && rule.match_fields.iter().any(|name| this(name))
        })
}
