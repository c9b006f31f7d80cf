//! What was learnt about an org. What it would not tell is `None`, and the check says so.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::CampaignFact;
use crate::domain::{
    config::OwnerFallback,
    ids::{ObjectName, RecordId},
    schema::{ObjectSchema, Schemas},
};

/// What was learnt about an org.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The objects that the integration user sees, of those that the document needs.
    pub objects: BTreeMap<ObjectName, ObjectFacts>,
    /// API calls used in the last 24 hours and allowed, by everybody.
    pub usage: Option<(u64, u64)>,
    /// The organisation.
    pub organization: Option<Organization>,
    /// What the integration user may do.
    pub rights: Option<Rights>,
    /// The objects of which the integration user sees all records by "View All".
    pub view_all: Option<BTreeSet<String>>,
    /// The active duplicate rules.
    pub duplicate_rules: Option<Vec<DuplicateRule>>,
    /// The campaigns that have a name or an id of the document's, and some of the others; `None` where it names none.
    pub campaigns: Option<Vec<CampaignFact>>,
    /// The active users (by normalised address) and queues that the document names as owners and that there are; `None` where
    /// nobody was asked, or the org does not tell.
    pub substitutes: Option<BTreeSet<OwnerFallback>>,
    /// The fields that exist, seen or not, by object and name, with whether their history is tracked.
    pub definitions: Option<BTreeMap<(String, String), bool>>,
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectFacts {
    /// Its fields.
    pub schema: ObjectSchema,
    /// Whether the integration user may make records.
    pub createable: bool,
    /// Whether the integration user may change records.
    pub updateable: bool,
    /// Its record types, the master one left out.
    pub record_types: Vec<RecordType>,
}

/// One record type, as it stands for the integration user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordType {
    /// Its id.
    pub id: RecordId,
    /// Its API name.
    pub name: String,
    /// Whether the user can choose it.
    pub available: bool,
    /// Whether records get it that name none.
    pub default: bool,
}

/// The organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// The edition, for example `Enterprise Edition`.
    pub edition: String,
    /// The objects whose records not everybody sees, by the organization-wide defaults.
    pub private: BTreeSet<String>,
}

/// What the integration user may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// "View All Data".
    pub view_all_data: bool,
    /// "Modify All Data".
    pub modify_all_data: bool,
    /// "Customize Application".
    pub customize_application: bool,
}

/// An active duplicate rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateRule {
    /// The object whose records it looks at.
    pub object: String,
    /// Its name, for people.
    pub name: String,
}

/// Why nothing could be learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreached {
    /// A stable code: ours, or Salesforce's.
    pub code: String,
    /// Whether somebody has to connect the org again.
    pub reauthorise: bool,
}

impl Facts {
    /// The descriptions alone.
    #[must_use]
    pub fn schemas(&self) -> Schemas {
        self.objects.values().map(|object| object.schema.clone()).collect()
    }

    /// One object, by its API name.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&ObjectFacts> {
        self.objects.values().find(|object| object.schema.object.as_str() == name)
    }
}
