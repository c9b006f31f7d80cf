//! What a shift knows of the org besides people: queues as long as the shift lasts, campaigns and users for a day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::{
    adapters::state::{
        StateError,
        campaigns::{StoredCampaign, campaign_hash},
    },
    domain::{
        config::{Action, Campaign},
        engine::Engine,
        finding::{Finding, Sentence, Severity},
        ids::RecordId,
        near::near,
        planner::{CampaignState, Case, KeyOfRecord, Known, timed},
    },
    ports::Ports,
};

/// How long a campaign and its statuses are taken for true.
const VALID: SignedDuration = SignedDuration::from_hours(24);

/// What a shift knows of the org besides people.
#[derive(Debug, Default)]
pub(in crate::app::upsert) struct Directory {
    /// What the planner sees.
    pub known: Known,
    /// Addresses that users were looked for by.
    pub(super) users_asked: BTreeSet<String>,
    /// Those of them whom the org was asked for now.
    pub(super) users_new: BTreeSet<String>,
    /// Whether what the table has of users is out of date.
    pub(super) users_anew: bool,
    /// Whether the queues were looked for.
    pub(super) queues_asked: bool,
    /// When a campaign was seen.
    seen: BTreeMap<Campaign, Timestamp>,
    /// Campaigns that are looked for in this batch, with what came of it.
    pub(super) asked: BTreeMap<Campaign, Vec<CampaignRow>>,
}

/// A campaign as Salesforce shows it.
#[derive(Debug, Clone)]
pub(super) struct CampaignRow {
    pub id: RecordId,
    pub name: String,
    pub statuses: Vec<String>,
}

impl Directory {
    /// Recalls the campaigns and users of these events, and notes which campaigns have to be looked for.
    pub async fn recall(&mut self, ports: Ports<'_>, engine: &Engine, cases: &[Case]) -> Result<(), StateError> {
        let (c, now) = (&engine.document.connection.id, ports.clock.now());
        // Of the batch before.
        self.asked.clear();
        self.known.records.clear();
        for (campaign, statuses) in wanted(engine, cases) {
            if !self.seen.contains_key(campaign)
                && let Some(stored) = ports.table.load_campaign(c, campaign).await?
            {
                self.seen.insert(campaign.clone(), stored.read_at);
                self.known.campaigns.insert(campaign.clone(), CampaignState::Found { id: stored.id, statuses: stored.statuses });
            }
            let has_all = match self.known.campaigns.get(campaign) {
                Some(CampaignState::Found { statuses: have, .. }) => {
                    statuses.iter().all(|status| have.iter().any(|own| own.eq_ignore_ascii_case(status)))
                }
                _ => false,
            };
            let fresh = self.seen.get(campaign).is_some_and(|seen| now.duration_since(*seen) < VALID);
            if !(has_all && fresh) {
                self.asked.insert(campaign.clone(), Vec::new());
            }
        }
        self.recall_users(ports, engine, cases).await
    }

    /// Campaigns of this batch that the org does not show.
    pub(super) fn has_missing(&self) -> bool {
        self.asked.values().any(Vec::is_empty)
    }

    /// Notes the names of campaigns that are like those that are missing.
    pub(super) fn suggest(&mut self, names: &[String]) {
        for (campaign, rows) in &self.asked {
            if rows.is_empty() {
                let near = near(campaign.text(), names.iter().map(String::as_str)).map(str::to_owned);
                self.known.campaigns.insert(campaign.clone(), CampaignState::Missing { near: near.into_iter().collect() });
            }
        }
    }

    /// Takes what was found for what is known.
    pub(super) fn settle(&mut self) {
        for (campaign, rows) in &self.asked {
            let state = match rows.as_slice() {
                [] => CampaignState::Missing { near: Vec::new() },
                [row] => CampaignState::Found { id: row.id, statuses: row.statuses.clone() },
                several => CampaignState::Several { ids: several.iter().map(|row| row.id).collect() },
            };
            self.known.campaigns.insert(campaign.clone(), state);
        }
    }

    /// The id by which a campaign is asked for, where it was found before.
    pub(super) fn id_of(&self, campaign: &Campaign) -> Option<RecordId> {
        match (self.known.campaigns.get(campaign), campaign) {
            (Some(CampaignState::Found { id, .. }), _) => Some(*id),
            (_, Campaign::Id(id)) => RecordId::parse(id.trim()).ok(),
            _ => None,
        }
    }

    /// Recalls when the records of these events were told of their fields; it takes the campaigns to be known.
    pub async fn recall_times(&mut self, ports: Ports<'_>, engine: &Engine, cases: &[Case]) -> Result<(), StateError> {
        let keys: BTreeSet<KeyOfRecord> = cases.iter().flat_map(|case| timed(engine, &self.known, case)).collect();
        self.known.times = ports.table.load_times(&engine.document.connection.id, keys).await?;
        Ok(())
    }

    /// Keeps what was found, and tells of campaigns that are called otherwise now.
    pub async fn keep(&mut self, ports: Ports<'_>, engine: &Engine) -> Result<(), StateError> {
        let (c, now) = (&engine.document.connection.id, ports.clock.now());
        for (campaign, rows) in std::mem::take(&mut self.asked) {
            let [row] = rows.as_slice() else { continue };
            ports.table.save_campaign(c, &campaign, &StoredCampaign { id: row.id, statuses: row.statuses.clone(), read_at: now }).await?;
            let source = format!("campaign {}", campaign_hash(&campaign));
            let renamed = renamed(&campaign, row);
            if renamed.is_some() || self.seen.contains_key(&campaign) {
                ports.table.settle_problems(c, &source, &renamed.into_iter().collect::<Vec<_>>(), now).await?;
            }
            self.seen.insert(campaign, now);
        }
        self.keep_users(ports, engine).await
    }
}

fn renamed(campaign: &Campaign, row: &CampaignRow) -> Option<Finding> {
    let Campaign::Name(name) = campaign else { return None };
    let (name, now) = (name.trim(), row.name.trim());
    (!name.eq_ignore_ascii_case(now)).then(|| {
        Finding::new(
            Severity::Info,
            "campaign_renamed",
            format!("campaign {name}"),
            Sentence::new(
                format!("The campaign {name} is called {now} now; it is known by its id {} and goes on being used.", row.id),
                format!("La campagne {name} s'appelle maintenant {now} ; elle est connue par son identifiant {} et reste utilisée.", row.id),
            ),
            Sentence::new(
                "Write the new name, or the id, into the configuration.",
                "Écrivez le nouveau nom, ou l'identifiant, dans la configuration.",
            ),
        )
    })
}

/// The campaigns of the open events, each with the statuses that are to be written.
pub(super) fn wanted<'e>(engine: &'e Engine, cases: &'e [Case]) -> BTreeMap<&'e Campaign, BTreeSet<&'e str>> {
    let mut wanted = BTreeMap::<&Campaign, BTreeSet<&str>>::new();
    for event in cases.iter().flat_map(|case| &case.events).map(|open| &open.event) {
        for (_, _, action) in engine.possible_actions(event) {
            if let Action::CampaignMember(member) = action
                && let Some(campaign) = engine.campaign_of(member, event)
            {
                wanted.entry(campaign).or_default().insert(member.status.trim());
            }
        }
    }
    wanted
}
