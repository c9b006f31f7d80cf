//! Making custom fields, and giving the integration user the right to them: without it a new field is seen by nobody.
//! Source: Tooling API, CustomField; Object Reference, FieldPermissions and PermissionSetAssignment.

use serde_json::{Map, Value, json};

use super::{ApiVersion, Sub, composite::Method, read_headers};
use crate::domain::{
    ids::RecordId,
    properties::{Property, PropertyType, described_as},
    sfdx::{PERMISSION_SET, lookup, sizes, type_name},
};

/// Salesforce's code for a field whose name is taken.
pub const NAME_TAKEN: &str = "DUPLICATE_DEVELOPER_NAME";

/// The path that custom fields are made at. The Tooling API is no part of composite calls, so each field is a call.
#[must_use]
pub fn custom_fields(version: &ApiVersion) -> String {
    version.path("tooling/sobjects/CustomField")
}

/// The body that makes a field.
#[must_use]
pub fn custom_field(property: &Property) -> Value {
    let mut metadata = Map::from_iter([("label".to_owned(), json!(property.label)), ("type".to_owned(), json!(type_name(property.kind)))]);
    metadata.extend(sizes(property.kind).into_iter().map(|(name, size)| (name.to_owned(), json!(size))));
    metadata.extend(property.description.as_ref().map(|text| ("description".to_owned(), json!(text))));
    if property.kind == PropertyType::Checkbox {
        metadata.insert("defaultValue".to_owned(), json!("false"));
    }
    if let PropertyType::Lookup(object) = property.kind {
        metadata.extend(lookup(property, object).map(|(name, text)| (name.to_owned(), json!(text))));
    }
    let marks = [("externalId", property.external), ("unique", property.unique), ("caseSensitive", property.unique)];
    metadata.extend(marks.into_iter().filter(|(_, is)| *is).map(|(name, is)| (name.to_owned(), json!(is))));
    json!({"FullName": format!("{}.{}", property.object, property.name), "Metadata": metadata})
}

fn create(version: &ApiVersion, reference_id: &str, object: &str, body: Value) -> Sub {
    let url = version.path(&format!("sobjects/{object}"));
    Sub { method: Method::Post, url, reference_id: reference_id.to_owned(), body: Some(body), headers: read_headers() }
}

/// Makes the permission set.
#[must_use]
pub fn permission_set(version: &ApiVersion) -> Sub {
    create(version, "set", "PermissionSet", json!({"Name": PERMISSION_SET, "Label": PERMISSION_SET.replace('_', " ")}))
}

/// Gives a user a permission set.
#[must_use]
pub fn assignment(version: &ApiVersion, user: &str, set: RecordId) -> Sub {
    create(version, "assignment", "PermissionSetAssignment", json!({"AssigneeId": user, "PermissionSetId": set}))
}

/// Lets whoever has the permission set read and edit a field; one sub-request for every object that shows it.
#[must_use]
pub fn permissions(version: &ApiVersion, set: RecordId, property: &Property) -> Vec<Sub> {
    let body = |object: &str| {
        json!({"ParentId": set, "SobjectType": object, "Field": format!("{object}.{}", property.name),
               "PermissionsRead": true, "PermissionsEdit": true})
    };
    let objects = described_as(&property.object).into_iter();
    objects.map(|object| create(version, &format!("{object}_{}", property.name), "FieldPermissions", body(object))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::ids::{FieldName, ObjectName};

    #[test]
    fn a_field_is_told_what_its_type_needs() {
        let property = |kind, key| Property {
            object: ObjectName::known("Activity"),
            name: FieldName::known("X__c"),
            label: "X".to_owned(),
            description: None,
            kind,
            unique: key,
            external: key,
        };
        for (property, want) in [
            (
                property(PropertyType::Text(64), true),
                json!({"label": "X", "type": "Text", "length": 64, "externalId": true, "unique": true, "caseSensitive": true}),
            ),
            (property(PropertyType::Number(2), false), json!({"label": "X", "type": "Number", "precision": 18, "scale": 2})),
            (property(PropertyType::LongText(32_768), false), json!({"label": "X", "type": "LongTextArea", "length": 32_768, "visibleLines": 3})),
            (property(PropertyType::Checkbox, false), json!({"label": "X", "type": "Checkbox", "defaultValue": "false"})),
        ] {
            assert_eq!(custom_field(&property), json!({"FullName": "Activity.X__c", "Metadata": want}));
        }
        let set = RecordId::parse("0PSB0000000TfcR").unwrap();
        let subs = permissions(&ApiVersion::parse("66.0").unwrap(), set, &property(PropertyType::Date, false));
        let fields: Vec<&Value> = subs.iter().map(|sub| &sub.body.as_ref().unwrap()["Field"]).collect();
        assert_eq!(fields, ["Event.X__c", "Task.X__c"]);
    }
}
