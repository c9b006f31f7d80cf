//! The document's top level: source, connection, platform, Salesforce, people, projects.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Action, ActivityAction, ActivityObject, Auth, Campaign, CampaignsSection, Host, Mapping, Mautic, Overlay, ReconciliationSection, SourceSection,
    TimelineSection, Webhook, Workflow, rules::is_default, short_form::mappings_schema,
};
use crate::domain::{
    budget::ApiCalls,
    ids::{ConnectionId, MappingName, ObjectName, ProjectId},
    mapping::Attribute,
};

/// One connection's configuration document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The link between a platform account and a Salesforce org.
    pub connection: ConnectionSection,
    /// The hook that the platform's events arrive on.
    pub source: SourceSection,
    /// The product that meets people.
    pub platform: PlatformSection,
    /// The org, and how to sign in to it.
    pub salesforce: SalesforceSection,
    /// What people become in Salesforce.
    #[serde(default)]
    pub people: PeopleSection,
    /// Named lists of field rules, each for one Salesforce object. Leads and contacts without one get first name, last name,
    /// e-mail, job title and, leads only, company; projects and workflows change those as the mappings `lead` and `contact`.
    #[serde(default)]
    #[schemars(schema_with = "mappings_schema")]
    pub mappings: BTreeMap<MappingName, Mapping>,
    /// What happens when an event arrives.
    pub workflows: Vec<Workflow>,
    /// What is said of all campaigns.
    #[serde(default, skip_serializing_if = "is_default")]
    pub campaigns: CampaignsSection,
    /// The hourly run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reconciliation: ReconciliationSection,
    /// Which projects take part. Events of a project that is not listed are parked.
    #[serde(default)]
    pub projects: Projects,
}

impl Document {
    /// The object whose records an activity makes. Where the timeline's prefix makes no name, which saving refuses, it is left out.
    #[must_use]
    pub fn object_of_activity(&self, object: ActivityObject) -> ObjectName {
        match object {
            ActivityObject::Event => ObjectName::known("Event"),
            ActivityObject::Task => ObjectName::known("Task"),
            ActivityObject::Timeline => self.timeline().object,
        }
    }

    /// The org's timeline, with the names that its API has.
    #[must_use]
    pub fn timeline(&self) -> TimelineSection {
        let timeline = &self.salesforce.timeline;
        timeline.named().unwrap_or_else(|_| timeline.clone())
    }

    /// The activities that go to the timeline, with the position of their workflow and their own.
    pub fn timeline_actions(&self) -> impl Iterator<Item = (usize, usize, &ActivityAction)> {
        let actions =
            self.workflows.iter().enumerate().flat_map(|(w, workflow)| workflow.actions.iter().enumerate().map(move |(a, action)| (w, a, action)));
        actions.filter_map(|(w, a, action)| match action {
            Action::Activity(activity) if activity.object == ActivityObject::Timeline => Some((w, a, activity)),
            _ => None,
        })
    }
}

/// The link between a platform account and a Salesforce org.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSection {
    /// The connection's id; part of its addresses and of every key.
    pub id: ConnectionId,
    /// The name that people see.
    pub name: String,
    /// IANA time zone in which times without an offset are read and texts are written, for example `Europe/Paris`.
    pub time_zone: String,
    /// The country, in two letters, of phone numbers that are written without a country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Z]{2}$"))]
    pub country: Option<String>,
    /// The language of messages to this customer.
    #[serde(default)]
    pub language: Language,
    /// How many events are expected in a day; the check predicts their API calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_per_day: Option<u32>,
    /// Whom to tell when something needs a person.
    #[serde(default)]
    pub contacts: Vec<String>,
}

impl ConnectionSection {
    /// The time zone; UTC where there is none of that name, which saving refuses.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }
}

/// A language that customers read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

/// The product that meets people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformSection {
    /// Its name, as texts in Salesforce show it.
    pub name: String,
    /// What it knows about people. Where anything is listed, field rules may name only what is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// The address of a person's page there: a template over `person`, for example
    /// `https://automation.example.com/s/contacts/view/{{ person.id }}`. Rules map it as `platform.person_page`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_page: Option<String>,
    /// Its webhook, which hears of what Salesforce changes. Without one it hears of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// The API of the Mautic that it is; then it needs no webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mautic: Option<Mautic>,
}

impl PlatformSection {
    /// Whether it hears of what Salesforce changes.
    #[must_use]
    pub const fn hears(&self) -> bool {
        self.webhook.is_some() || self.mautic.is_some()
    }
}

/// The org, and how to sign in to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SalesforceSection {
    /// Where users of this org sign in.
    pub host: Host,
    /// Version of the REST API, for example `66.0`.
    #[serde(default = "default_api_version")]
    #[schemars(regex(pattern = r"^\d{2,3}\.0$"))]
    pub api_version: String,
    /// How Passerelle signs in.
    pub auth: Auth,
    /// Whether an answer's array may be referenced inside one composite call (`@{ref[0].id}`). Where it is off,
    /// dependent records follow in a second call.
    #[serde(default)]
    pub references_into_collections: Toggle,
    /// Whether the org refuses an update with `If-Unmodified-Since` where somebody has modified the record since. Where it is on, a record
    /// that somebody else has edited in the minute before is written by a call of its own, and never over an edit that was not seen.
    #[serde(default)]
    pub if_unmodified_since: Toggle,
    /// Whether the org's own assignment rules may choose owners.
    #[serde(default)]
    pub assignment_rules: Toggle,
    /// What happens when a duplicate rule of the org objects.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// The custom object that activities may go to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeline: TimelineSection,
    /// How many API calls may be spent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub api_calls: ApiCalls,
}

/// The version that was current when this was written (Spring '26).
fn default_api_version() -> String {
    "66.0".to_owned()
}

/// On or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Toggle {
    /// Off.
    #[default]
    Off,
    /// On.
    On,
}

/// What happens when a duplicate rule of the org objects to a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The event is parked and the matching records are named.
    #[default]
    Park,
    /// The record is saved all the same, where the rule lets it.
    Save,
}

/// What people become in Salesforce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PeopleSection {
    /// What a person becomes whom Salesforce does not know.
    pub when_unknown: WhenUnknown,
    /// The mapping for leads; without it the one called `lead`, where there is one.
    pub lead_mapping: Option<MappingName>,
    /// The mapping for contacts; without it the one called `contact`, where there is one.
    pub contact_mapping: Option<MappingName>,
    /// Whether fields of leads that exist are updated.
    pub update_leads: Toggle,
    /// Whether fields of contacts that exist are updated. Off: they get activities only.
    pub update_contacts: Toggle,
    /// Whether people of different ids and the same e-mail address are one person.
    #[serde(skip_serializing_if = "is_default")]
    pub same_email: SameEmail,
    /// Who owns new records.
    pub owner: Owner,
    /// Who owns them where no active user has the collaborator's address: the first of these that can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner_fallback: Vec<OwnerFallback>,
    /// The accounts of people's companies.
    #[serde(skip_serializing_if = "is_default")]
    pub account: AccountSection,
    /// What "inherit" means when neither field nor project says otherwise: off = fill if blank, on = always platform.
    pub overwrite: Toggle,
}

impl Default for PeopleSection {
    fn default() -> Self {
        Self {
            when_unknown: WhenUnknown::Lead,
            lead_mapping: None,
            contact_mapping: None,
            update_leads: Toggle::On,
            update_contacts: Toggle::Off,
            same_email: SameEmail::default(),
            owner: Owner::Collaborator,
            owner_fallback: Vec::new(),
            account: AccountSection::default(),
            overwrite: Toggle::Off,
        }
    }
}

/// What a new id of the platform with a known e-mail address means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SameEmail {
    /// The person whom the address belongs to: event apps issue a new id for each event.
    #[default]
    OnePerson,
    /// Somebody else: an address is one person's at a time, and the events of others wait until one of them has another one.
    Park,
}

/// What an unknown person becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnknown {
    /// A new lead.
    #[default]
    Lead,
    /// A new contact.
    Contact,
    /// Nothing: only people whom Salesforce knows are served.
    Nothing,
}

/// Who owns what Passerelle creates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The active Salesforce user with the collaborator's e-mail address, else the integration user.
    #[default]
    Collaborator,
    /// The integration user.
    Integration,
}

/// Who owns a record whose collaborator is no active user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnerFallback {
    /// The active user with this e-mail address.
    User(String),
    /// The queue of this developer name; for leads only.
    Queue(String),
    /// Whoever the org's assignment rules choose (`salesforce.assignment_rules: on`); for leads only.
    AssignmentRules,
    /// The integration user.
    Integration,
}

/// The accounts of people's companies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccountSection {
    /// Whether contacts get one.
    pub mode: AccountMode,
    /// The attribute of `person` or `data` with the company's name, for events without a `company` of that name.
    pub name_from: String,
    /// A mapping for Account: for those that are made, and, where its rules take from `company`, for those that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<MappingName>,
}

impl Default for AccountSection {
    fn default() -> Self {
        Self { mode: AccountMode::Off, name_from: "person.company".to_owned(), mapping: None }
    }
}

/// Whether new contacts get an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountMode {
    /// They get none.
    #[default]
    Off,
    /// They get the one with the company's name, if there is one.
    Find,
    /// They get the one with the company's name; where there is none, it is made.
    FindOrCreate,
}

/// The projects that take part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Projects {
    /// What happens to events of a project that is not listed.
    pub unlisted: Unlisted,
    /// The projects, by the platform's id.
    pub list: BTreeMap<ProjectId, Project>,
}

/// What happens to events of a project that is not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unlisted {
    /// They are parked until the project is configured.
    #[default]
    Park,
    /// They are handled like those of a listed project without settings of its own.
    Accept,
}

/// One event or campaign of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Whether its events go to Salesforce.
    #[serde(default = "on")]
    pub integration: Toggle,
    /// What "inherit" means in this project.
    #[serde(default)]
    pub overwrite: Option<Toggle>,
    /// The campaign whose members its people become, where a workflow makes members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Campaign>,
    /// Changes to mappings for this project.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mappings: BTreeMap<MappingName, Overlay>,
}

fn on() -> Toggle {
    Toggle::On
}
