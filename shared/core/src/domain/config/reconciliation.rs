//! What the hourly run does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Toggle;

/// The hourly run: whatever changed on either side is compared field by field, and goes where the rules send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReconciliationSection {
    /// Whether what events set off writes records that are there. Off: their fields go with the next hourly `push`, and only who is needed
    /// for something else is made at once.
    pub push_on_events: Toggle,
    /// Whether what the platform knows of people goes to Salesforce each hour, beside what their events set off.
    pub push: Toggle,
    /// Whether Salesforce's changes are taken over each hour, in fields whose `direction` lets them through.
    pub pull: Toggle,
    /// How far back the first run looks.
    pub first_run: FirstRun,
    /// How many minutes before the last run each one begins: changes that take longer to become visible are missed.
    pub overlap_minutes: u16,
    /// What becomes of leads and contacts whom the platform does not know.
    pub unknown_records: UnknownRecords,
    /// The attribute that tells whether a person's record was deleted in Salesforce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    /// The attribute that tells whether a company's account was deleted in Salesforce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_company: Option<String>,
    /// A run that would mark more than this percentage of the people of a page as deleted, and more than 20, stops.
    pub brake_percent: u8,
    /// Whether Salesforce lists the changed records by jobs of the Bulk API 2.0 where a run has read more than `bulk_above`.
    pub bulk: Toggle,
    /// How many records a run reads page by page before it has the rest of them listed.
    pub bulk_above: u32,
}

impl Default for ReconciliationSection {
    fn default() -> Self {
        Self {
            push_on_events: Toggle::On,
            push: Toggle::Off,
            pull: Toggle::Off,
            first_run: FirstRun::default(),
            overlap_minutes: 15,
            unknown_records: UnknownRecords::default(),
            deleted: None,
            deleted_company: None,
            brake_percent: 20,
            bulk: Toggle::On,
            bulk_above: 20_000,
        }
    }
}

/// Which ways a run carries values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// From the platform to Salesforce.
    pub push: bool,
    /// From Salesforce to the platform.
    pub pull: bool,
}

impl Ways {
    /// Whether there are runs at all.
    #[must_use]
    pub const fn any(self) -> bool {
        self.push || self.pull
    }
}

impl ReconciliationSection {
    /// What is switched on.
    #[must_use]
    pub fn ways(&self) -> Ways {
        Ways { push: self.push == Toggle::On, pull: self.pull == Toggle::On }
    }
}

/// How far back a connection's first run looks, in Salesforce and at the platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstRun {
    /// At what was modified in the seven days before.
    #[default]
    Week,
    /// At everything.
    Everything,
}

/// What becomes of leads and contacts whom the platform does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownRecords {
    /// They are left alone.
    #[default]
    Ignore,
    /// They become people, where they have an e-mail address.
    Person,
}
