//! What an org says about itself in records that nobody makes: duplicate rules, definitions of fields, and the permissions of
//! whoever asks. They are worked out when a query names them.
//!
//! Source: Object Reference, DuplicateRule, FieldDefinition, UserPermissionAccess.

use serde_json::{Value, json};

use super::{Fields, Org, Session};
use crate::schema::ObjectNo;

impl Org {
    /// Brings the records up to date that a query may ask for.
    pub(crate) fn refresh_catalogue(&mut self, s: &Session, soql: &str) {
        for (sobject, records) in [
            ("DuplicateRule", Self::duplicate_rules as fn(&Self, &Session, &str) -> Vec<Value>),
            ("FieldDefinition", Self::field_definitions),
            ("UserPermissionAccess", Self::permission_access),
        ] {
            if let (true, Some(object)) = (soql.contains(sobject), self.schema.object_no(sobject)) {
                let records = records(self, s, soql);
                self.replace_all(s, object, sobject, records);
            }
        }
    }

    fn replace_all(&mut self, s: &Session, object: ObjectNo, sobject: &str, records: Vec<Value>) {
        let slots: Vec<_> = self.table(object).into_iter().flat_map(|table| table.iter()).map(|(slot, _)| slot).collect();
        for slot in slots {
            self.remove_row(object, slot);
        }
        for record in records {
            let fields: Fields = record.as_object().cloned().unwrap_or_default();
            // The fields are those of the object's own description, so nothing can be refused.
            let _ = self.force(s, sobject, &fields);
        }
    }

    fn duplicate_rules(&self, _: &Session, _: &str) -> Vec<Value> {
        let name = |object| self.object(object).map(|def| def.name.to_string());
        let rules = self.rules.duplicates.iter();
        rules
            .map(|rule| json!({"DeveloperName": rule.name, "MasterLabel": rule.name.replace('_', " "), "SobjectType": name(rule.object), "IsActive": true}))
            .collect()
    }

    /// The fields of the objects that the query names.
    fn field_definitions(&self, _: &Session, soql: &str) -> Vec<Value> {
        let named = self.schema.numbered().filter(|(_, def)| soql.contains(&format!("'{}'", def.name)));
        let fields = named.flat_map(|(object, def)| def.numbered().map(move |(no, field)| (object, def, no, field)));
        fields
            .filter(|(.., field)| !field.gone)
            .map(|(object, def, no, field)| {
                json!({"DurableId": format!("{}.{}", def.name, field.name), "EntityDefinitionId": def.name, "QualifiedApiName": field.name,
                       "Label": field.label, "IsFieldHistoryTracked": self.rules.tracked.contains(&(object, no))})
            })
            .collect()
    }

    fn permission_access(&self, s: &Session, _: &str) -> Vec<Value> {
        let own = self.permissions(s);
        vec![json!({"PermissionsApiEnabled": own.api_enabled, "PermissionsViewAllData": own.view_all_data,
                    "PermissionsModifyAllData": own.modify_all_data, "PermissionsCustomizeApplication": own.customize_application})]
    }
}
