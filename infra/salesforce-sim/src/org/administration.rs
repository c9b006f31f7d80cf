//! What an org's administrators do while it lives: they change and delete fields, and switch person accounts on.

use super::{Org, Row};
use crate::schema::{CustomError, FieldNo, ObjectNo, field_of, person_account_field};
use crate::seed::CustomField;

impl Org {
    /// Puts another definition in the place of a custom field. Records keep the values that they hold.
    ///
    /// # Errors
    /// When the field does not exist, or a setting is not allowed.
    pub fn change_custom_field(&mut self, custom: &CustomField) -> Result<(), CustomError> {
        let field = field_of(custom)?;
        let now = self.clock.now();
        let objects = self.objects_of(&custom.sobject, &custom.name)?;
        let own = self.definition.custom_fields.iter_mut().find(|own| is_called(own, &custom.sobject, &custom.name));
        if let Some(own) = own {
            *own = custom.clone();
        }
        for object in objects {
            let Some(def) = self.schema.object_mut(object) else { continue };
            if let Some(no) = def.field_no(&custom.name) {
                def.replace(no, field.clone());
                def.changed = now;
            }
        }
        Ok(())
    }

    /// Deletes a custom field, and with it its values and what everybody may do with it.
    ///
    /// # Errors
    /// When the field does not exist.
    pub fn delete_custom_field(&mut self, sobject: &str, name: &str) -> Result<(), CustomError> {
        let now = self.clock.now();
        let objects = self.objects_of(sobject, name)?;
        self.definition.custom_fields.retain(|own| !is_called(own, sobject, name));
        self.definition.field_security.retain(|rule| !(rule.sobject.eq_ignore_ascii_case(sobject) && rule.field.eq_ignore_ascii_case(name)));
        for object in objects {
            let Some(def) = self.schema.object_mut(object) else { continue };
            if let Some(no) = def.field_no(name) {
                def.remove(no);
                def.changed = now;
                self.security.forget((object, no));
                self.empty(object, no);
            }
        }
        Ok(())
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

    /// Switches person accounts on: an org never goes back from there.
    pub fn enable_person_accounts(&mut self) {
        self.organization.person_accounts = true;
        self.show_person_accounts();
    }

    pub(super) fn show_person_accounts(&mut self) {
        let now = self.clock.now();
        if let Some(def) = self.schema.object_mut(self.places.account) {
            // Where the field is there already, person accounts are on.
            if def.add(person_account_field()).is_ok() {
                def.changed = now;
            }
        }
    }

    /// The objects that have a custom field; those of `Activity` are Event and Task.
    fn objects_of(&self, sobject: &str, name: &str) -> Result<Vec<ObjectNo>, CustomError> {
        let named = if sobject.eq_ignore_ascii_case("Activity") {
            self.places.activities.to_vec()
        } else {
            self.schema.object_no(sobject).into_iter().collect()
        };
        let has = |object: &ObjectNo| self.object(*object).and_then(|def| def.field_named(name)).is_some_and(|(_, field)| field.custom);
        let found: Vec<ObjectNo> = named.into_iter().filter(has).collect();
        if found.is_empty() { Err(CustomError::Setting("the object has no such custom field")) } else { Ok(found) }
    }
}

fn is_called(own: &CustomField, sobject: &str, name: &str) -> bool {
    own.sobject.eq_ignore_ascii_case(sobject) && own.name.eq_ignore_ascii_case(name)
}
