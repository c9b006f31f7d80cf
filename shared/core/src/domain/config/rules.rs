//! Mappings and workflows: what goes where, and when.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    actions::{Action, PersonAction},
    document::{AccountMode, Document},
    short_form::fields_schema,
};
pub use crate::domain::mapping::{
    merge::{Direction, Strategy},
    preflight::Overflow,
    transform::Transformation,
};
use crate::domain::{
    event::PERSON_UPSERTED,
    ids::{FieldName, MappingName, ObjectName},
};

/// A named list of field rules for one Salesforce object.
///
/// inwink's short form, `{"attribute": "API_Name__c", …}`, is accepted in its place, for the whole mapping or for `fields`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FullMapping")]
pub struct Mapping {
    /// The Salesforce object.
    pub object: ObjectName,
    /// Whether records are made, changed, or both.
    #[serde(default, skip_serializing_if = "is_default")]
    pub operation: MappingOperation,
    /// The rules, one per target field.
    #[schemars(schema_with = "fields_schema")]
    pub fields: Vec<FieldRule>,
    /// Fields that get the same value for everybody.
    #[serde(rename = "static", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed: BTreeMap<FieldName, Value>,
}

/// Changes to a mapping for one project or one workflow. What is not named stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    /// Rules that are added, or that take the place of the rule for the same field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldRule>,
    /// Fields that get the same value for everybody.
    #[serde(rename = "static", skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed: BTreeMap<FieldName, Value>,
    /// Fields that are not sent.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unmapped: BTreeSet<FieldName>,
}

impl Document {
    /// The object of a mapping that the document names, or of a default one.
    #[must_use]
    pub fn object_of(&self, name: &MappingName) -> Option<ObjectName> {
        let named = self.mappings.get(name).map(|mapping| mapping.object.clone());
        named.or_else(|| self.default_called(name).map(ObjectName::known))
    }

    /// The mapping of people that become records of an object: the one that the people section names, else the one that has the
    /// object's name, `lead` or `contact`; `None` where the default one holds. For `Account` that of their companies, where there are any.
    #[must_use]
    pub fn mapping_of(&self, object: &str) -> Option<&MappingName> {
        let named = match object {
            "Lead" => self.people.lead_mapping.as_ref(),
            "Contact" => self.people.contact_mapping.as_ref(),
            "Account" => return self.people.account.mapping.as_ref().filter(|_| self.people.account.mode != AccountMode::Off),
            _ => return None,
        };
        let own = || self.mappings.iter().find(|(name, mapping)| mapping.object.as_str() == object && object.eq_ignore_ascii_case(name.as_str()));
        named.or_else(|| own().map(|(name, _)| name))
    }

    /// The object whose default mapping has this name, where it holds: `lead` or `contact`.
    #[must_use]
    pub fn default_called(&self, name: &MappingName) -> Option<&'static str> {
        let object = ["Lead", "Contact"].into_iter().find(|object| object.to_lowercase() == name.as_str())?;
        (self.mapping_of(object).is_none() && !self.mappings.contains_key(name)).then_some(object)
    }
}

/// Whether a mapping makes records, changes them, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MappingOperation {
    /// Records are made; those that exist stay as they are.
    Create,
    /// Records that exist are changed; none is made.
    Update,
    /// Both.
    #[default]
    CreateOrUpdate,
}

/// How one field of Salesforce gets its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// The attribute, a dotted path that begins with `person`, `company`, `event`, `project`, `collaborator` or `data`, for example
    /// `person.email` or `person.address.city`.
    pub from: String,
    /// The field of the Salesforce object.
    pub to: FieldName,
    /// For a field that refers to another record: an external id of that record's object, by which the value finds it, for
    /// example `Customer_Number__c`. Values go to Salesforce only. For `OwnerId`, `Email`: the active user with that address, who is
    /// read back as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<FieldName>,
    /// Which side's value stays when both have one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strategy: Strategy,
    /// Which way values may go.
    #[serde(default, skip_serializing_if = "is_default")]
    pub direction: Direction,
    /// Whether a blank on either side is filled whatever the strategy.
    #[serde(default, skip_serializing_if = "is_default")]
    pub update_blanks: bool,
    /// Whether a value that is taken away on one side is taken away on the other.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clears: bool,
    /// What is done with a value that Salesforce would not take.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overflow: Overflow,
    /// Whether the person waits until there is a value.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: bool,
    /// What happens to the platform's value on its way, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transform: Vec<Transformation>,
    /// Platform values and the Salesforce values they become, after `transform`; other values are kept as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

impl FieldRule {
    /// A rule that says no more than what goes where.
    #[must_use]
    pub fn plain(from: &str, to: FieldName) -> Self {
        Self {
            from: from.to_owned(),
            to,
            by: None,
            strategy: Strategy::default(),
            direction: Direction::default(),
            update_blanks: false,
            clears: false,
            overflow: Overflow::default(),
            required: false,
            transform: Vec::new(),
            values: BTreeMap::new(),
        }
    }
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What happens when an event arrives: one per combination of trigger and use case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// The name that people see and that explanations cite.
    pub name: String,
    /// The type of the events that it handles, for example `contact_captured`.
    pub trigger: String,
    /// A CEL expression over `event`, `person`, `company`, `project`, `collaborator` and `data`; without one, all events pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// What is done, in this order.
    pub actions: Vec<Action>,
    /// Changes to mappings for the events of this workflow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mappings: BTreeMap<MappingName, Overlay>,
}

impl Workflow {
    /// What becomes of [`PERSON_UPSERTED`] where no workflow of the document says so.
    #[must_use]
    pub fn of_people() -> Self {
        let actions = vec![Action::Person(PersonAction::default())];
        Self { name: "people".to_owned(), trigger: PERSON_UPSERTED.to_owned(), filter: None, actions, mappings: BTreeMap::new() }
    }
}
