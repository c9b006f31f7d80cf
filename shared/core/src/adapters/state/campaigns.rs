//! The campaigns that documents name: looked up once, and from then on known by id.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, StateError, Table};
use crate::domain::{
    config::Campaign,
    ids::{ConnectionId, RecordId},
    person::short_hash,
};

/// A campaign as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCampaign {
    /// Its id.
    pub id: RecordId,
    /// The statuses that its members may have.
    pub statuses: Vec<String>,
    /// When it was seen.
    pub read_at: Timestamp,
}

/// What a campaign is kept under: how the document names it.
#[must_use]
pub fn campaign_hash(campaign: &Campaign) -> String {
    let kind = if matches!(campaign, Campaign::Name(_)) { "name" } else { "id" };
    short_hash(&format!("{kind}:{}", campaign.text().to_lowercase()))
}

impl Table {
    /// A campaign, if it was looked up before.
    pub async fn load_campaign(&self, c: &ConnectionId, campaign: &Campaign) -> Result<Option<StoredCampaign>, StateError> {
        self.get(&Key::campaign(c, &campaign_hash(campaign))).await
    }

    /// Keeps a campaign.
    pub async fn save_campaign(&self, c: &ConnectionId, campaign: &Campaign, stored: &StoredCampaign) -> Result<(), StateError> {
        self.put(&Key::campaign(c, &campaign_hash(campaign)), stored, None).await
    }
}
