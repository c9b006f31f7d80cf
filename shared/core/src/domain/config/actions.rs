//! What workflows do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{FieldName, MappingName};

/// One thing that a workflow does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Finds the person in Salesforce and creates or updates the record as the section `people` says.
    Person(PersonAction),
    /// Records what happened on the person's timeline.
    Activity(ActivityAction),
    /// Makes the person a member of a campaign, or moves their status up.
    CampaignMember(MemberAction),
    /// Makes or changes a record of any object, found by a key of its own.
    Record(RecordAction),
    /// Takes the event for a statement that the person wants no e-mails.
    Unsubscribe(UnsubscribeAction),
}

/// Finds, creates or updates the person; has no settings of its own yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonAction {}

/// An activity on the person. Texts are templates over `event`, `person`, `project`, `collaborator`, `data`, `platform`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivityAction {
    /// Event, Task, or `timeline`.
    pub object: ActivityObject,
    /// The subject; the name of an entry of the timeline.
    pub subject: String,
    /// The type, a picklist value of the org. The timeline has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it began: a template that gives an RFC 3339 time. Default: when the event occurred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// When it ended, likewise. Default: when it began. The timeline has none.
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
    /// An entry of the custom object that `salesforce.timeline` names. Repeated, it stays one; those of the last seven days are made
    /// when a document has it for the first time.
    #[serde(rename = "timeline")]
    Timeline,
}

/// Membership in a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberAction {
    /// The campaign; without one, the project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Campaign>,
    /// The member's status, one of the campaign's. `campaigns.order` says which statuses are not taken back.
    pub status: String,
    /// A mapping for CampaignMember, for further fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<MappingName>,
}

/// A campaign, by what people know of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Campaign {
    /// Its name, without regard to case. It is looked up once; from then on its id counts.
    Name(String),
    /// Its id: needed where several have the same name.
    Id(String),
}

impl Campaign {
    /// The name or id as it is looked for.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Name(text) | Self::Id(text) => text.trim(),
        }
    }

    /// Whether it is the name of a campaign called so; Salesforce compares names without regard to case.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        matches!(self, Self::Name(text) if text.trim().eq_ignore_ascii_case(name.trim()))
    }
}

/// What is said of all campaigns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CampaignsSection {
    /// Member statuses, the lowest first, for example `[Registered, Attended]`: a member moves up and never down, however late
    /// an event comes. A status that is not listed is replaced by that of any later event.
    pub order: Vec<String>,
}

impl CampaignsSection {
    /// A status's place in the order; `None` where it is not listed.
    #[must_use]
    pub fn rank(&self, status: &str) -> Option<usize> {
        self.order.iter().position(|known| known.eq_ignore_ascii_case(status.trim()))
    }
}

/// A record of any object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAction {
    /// The mapping: object, operation and fields. Attributes are those of the person as known, and those of this event.
    pub mapping: MappingName,
    /// What tells one record from another.
    pub key: RecordKey,
    /// The fields that point to the person's record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonFields>,
}

/// What tells one record from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordKey {
    /// A field whose values are unique; best an external id, by which a record is never made twice.
    pub field: FieldName,
    /// Its value: a template, for example `{{ event.id }}`.
    pub value: String,
}

/// The fields of a record that point to the person's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PersonFields {
    /// Set where the person is a lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<FieldName>,
    /// Set where the person is a contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<FieldName>,
}

/// The person wants no e-mails: `HasOptedOutOfEmail` is set whatever else is updated, unless they have said otherwise since. It
/// creates nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsubscribeAction {}
