//! What is known of an org besides the people of a batch.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Match, User};
use crate::domain::{
    config::Campaign,
    ids::{FieldName, ObjectName, RecordId},
    plan::Times,
};

/// What is known of an org besides the people of a batch.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Salesforce users by normalised e-mail address.
    pub users: BTreeMap<String, User>,
    /// Queues that may own leads, by developer name.
    pub queues: BTreeMap<String, RecordId>,
    /// Campaigns that the document names.
    pub campaigns: BTreeMap<Campaign, CampaignState>,
    /// Records that a workflow's key leads to.
    pub records: BTreeMap<KeyOfRecord, Match>,
    /// When records that keep times of their own were told of their fields.
    pub times: BTreeMap<KeyOfRecord, Times>,
}

/// A record of any object, by a field whose values are unique.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct KeyOfRecord {
    /// The object.
    pub object: ObjectName,
    /// The field.
    pub field: FieldName,
    /// Its value.
    pub value: String,
}

/// What the org has under a campaign's name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CampaignState {
    /// One campaign.
    Found {
        /// Its id.
        id: RecordId,
        /// The statuses that its members may have.
        statuses: Vec<String>,
    },
    /// None; with names that are like it.
    Missing {
        /// The nearest first.
        near: Vec<String>,
    },
    /// Several of the same name.
    Several {
        /// Their ids.
        ids: Vec<RecordId>,
    },
}
