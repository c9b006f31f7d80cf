//! What an org says about one of its objects, reduced to what planning needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ids::{FieldName, ObjectName},
    mapping::FieldType,
};

/// One object of the org, as the integration user sees it: hidden fields are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSchema {
    /// The object.
    pub object: ObjectName,
    /// Its fields.
    pub fields: BTreeMap<FieldName, Field>,
}

/// One field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// The label in the integration user's language.
    pub label: String,
    /// Greatest length of texts, in UTF-16 units, as Salesforce counts; 0 where it does not apply.
    pub length: u32,
    /// Digits before and after the decimal point together, for numbers; else 0.
    pub precision: u32,
    /// Digits after the decimal point, for numbers; else 0.
    pub scale: u32,
    /// How far from zero the number may be: half of a place on the earth; `None` where only its digits count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<u32>,
    /// Whether it can be set on a new record.
    pub createable: bool,
    /// Whether it can be changed.
    pub updateable: bool,
    /// Whether a new record needs it: createable, not nillable, not defaulted on create.
    pub required: bool,
    /// Whether a value can be taken away.
    #[serde(default = "yes")]
    pub nillable: bool,
    /// Whether Salesforce works the value out itself: a formula, a roll-up or an automatic number.
    #[serde(default)]
    pub computed: bool,
    /// The objects that a reference may point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Whether records can be found and upserted by it.
    pub external_id: bool,
    /// Whether no two records may share a value.
    pub unique: bool,
    /// Whether only listed picklist values are accepted.
    pub restricted: bool,
    /// Whether the org keeps the field's history; `None` where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<bool>,
    /// The active picklist values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub picklist: Vec<String>,
}

impl Field {
    /// The field as it takes the key of the record that it refers to: a text, whatever the id would be.
    #[must_use]
    pub fn as_key(&self) -> Self {
        Self { kind: FieldType::String, length: 255, references: Vec::new(), ..self.clone() }
    }
}

fn yes() -> bool {
    true
}

/// The name of the external id field that Passerelle creates records by, where the org has it.
pub const KEY_FIELD: &str = "Passerelle_Id__c";

/// The objects of an org that planning looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schemas(pub BTreeMap<ObjectName, ObjectSchema>);

impl FromIterator<ObjectSchema> for Schemas {
    /// A contact's fields are those of its account, too, to be read.
    fn from_iter<T: IntoIterator<Item = ObjectSchema>>(schemas: T) -> Self {
        let mut all: BTreeMap<ObjectName, ObjectSchema> = schemas.into_iter().map(|schema| (schema.object.clone(), schema)).collect();
        let account = all.get(&ObjectName::known("Account")).map(|account| account.fields.clone()).unwrap_or_default();
        let read_only = |field: Field| Field { createable: false, updateable: false, required: false, tracked: None, ..field };
        let of_account = account.into_iter().filter_map(|(name, field)| Some((FieldName::parse(&format!("Account.{name}")).ok()?, read_only(field))));
        if let Some(contact) = all.get_mut(&ObjectName::known("Contact")) {
            contact.fields.extend(of_account);
        }
        Self(all)
    }
}

impl Schemas {
    /// The fields of an object; `None` where it was not described.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&ObjectSchema> {
        self.0.values().find(|schema| schema.object.as_str() == name)
    }

    /// [`KEY_FIELD`], where records of that object can be created by it.
    #[must_use]
    pub fn key_field(&self, object: &str) -> Option<FieldName> {
        let field = self.object(object)?.fields.iter().find(|(name, _)| name.as_str() == KEY_FIELD)?;
        (field.1.external_id && field.1.unique && field.1.createable).then(|| field.0.clone())
    }
}
