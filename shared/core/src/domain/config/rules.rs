//! Mappings and workflows: what goes where, and when.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{FieldName, ObjectName};

/// A named list of field rules for one Salesforce object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The Salesforce object.
    pub object: ObjectName,
    /// The rules, one per target field.
    pub fields: Vec<FieldRule>,
}

/// How one field of Salesforce gets its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// The attribute of the person, for example `email` or `address.city`.
    pub from: String,
    /// The field of the Salesforce object.
    pub to: FieldName,
    /// Which side's value stays when both have one.
    #[serde(default)]
    pub strategy: Strategy,
    /// Platform values and the Salesforce values they become; other values are kept as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// Which side's value a field keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The platform's value replaces Salesforce's.
    AlwaysPlatform,
    /// Salesforce's value stays; the platform's is used for new records only.
    AlwaysSalesforce,
    /// The platform's value is written where Salesforce has none.
    FillIfBlank,
    /// The later of the two statements stays.
    MostRecent,
    /// As the project says, else as the connection says.
    #[default]
    Inherit,
}

/// What happens when an event arrives: one per combination of trigger and use case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// The name that people see and that explanations cite.
    pub name: String,
    /// The type of the events that it handles, for example `contact_captured`.
    pub trigger: String,
    /// A CEL expression over `event`, `person`, `project`, `collaborator` and `data`; without one, all events pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// What is done, in this order.
    pub actions: Vec<Action>,
}

/// One thing that a workflow does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Finds the person in Salesforce and creates or updates the record as the section `people` says.
    Person(PersonAction),
    /// Records what happened on the person's timeline.
    Activity(ActivityAction),
}

/// Finds, creates or updates the person; has no settings of its own yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonAction {}

/// An activity on the person. Texts are templates over `event`, `person`, `project`, `collaborator`, `data`, `platform`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityAction {
    /// Event or Task.
    pub object: ActivityObject,
    /// The subject.
    pub subject: String,
    /// The type, a picklist value of the org.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it began: a template that gives an RFC 3339 time. Default: when the event occurred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// When it ended, likewise. Default: when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// The Salesforce object of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ActivityObject {
    /// An entry of the calendar, with start and end.
    Event,
    /// A task, entered as completed.
    Task,
}

impl ActivityObject {
    /// The object's API name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ActivityObject::Event => "Event",
            ActivityObject::Task => "Task",
        }
    }
}
