//! The campaigns that the document names, and the statuses that their members are to have.

use super::{View, error, warning};
use crate::domain::{
    config::{Action, Campaign, Document},
    finding::{Finding, Sentence},
    ids::RecordId,
    near::near,
};

/// A campaign of the org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignFact {
    /// Its id.
    pub id: RecordId,
    /// Its name.
    pub name: String,
    /// Whether it is active.
    pub active: bool,
    /// The statuses that its members may have.
    pub statuses: Vec<String>,
}

/// One place where the document names a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignUse<'d> {
    /// The place.
    pub place: String,
    /// The campaign.
    pub campaign: &'d Campaign,
    /// The statuses that members get there.
    pub statuses: Vec<&'d str>,
}

/// Every place where the document names a campaign, with the statuses that members get there.
#[must_use]
pub fn campaign_uses(document: &Document) -> Vec<CampaignUse<'_>> {
    let members = || {
        document.workflows.iter().enumerate().flat_map(|(w, workflow)| {
            workflow.actions.iter().enumerate().filter_map(move |(a, action)| match action {
                Action::CampaignMember(member) => Some((format!("workflows[{w}].actions[{a}].campaign_member.campaign"), member)),
                _ => None,
            })
        })
    };
    let of_projects: Vec<&str> = members().filter(|(_, member)| member.campaign.is_none()).map(|(_, member)| member.status.trim()).collect();
    let own = members()
        .filter_map(|(place, member)| member.campaign.as_ref().map(|campaign| CampaignUse { place, campaign, statuses: vec![member.status.trim()] }));
    let projects = document.projects.list.iter().filter_map(|(id, project)| {
        let campaign = project.campaign.as_ref()?;
        Some(CampaignUse { place: format!("projects.list.{id}.campaign"), campaign, statuses: of_projects.clone() })
    });
    own.chain(projects).collect()
}

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let Some(known) = &view.facts.campaigns else { return Vec::new() };
    campaign_uses(view.document).iter().flat_map(|used| judge(used, known)).collect()
}

fn judge(used: &CampaignUse<'_>, known: &[CampaignFact]) -> Vec<Finding> {
    let text = used.campaign.text();
    let is = |fact: &&CampaignFact| match used.campaign {
        Campaign::Name(_) => used.campaign.is_named(&fact.name),
        Campaign::Id(_) => RecordId::parse(text).is_ok_and(|id| id == fact.id),
    };
    let found: Vec<&CampaignFact> = known.iter().filter(is).collect();
    match found.as_slice() {
        [] => {
            let like = near(text, known.iter().map(|fact| fact.name.as_str()));
            let (en, fr) = like.map_or_else(Default::default, |name| (format!(" There is {name}."), format!(" Il y a {name}.")));
            vec![error(
                "campaign_not_found",
                &*used.place,
                Sentence::new(format!("The org shows no campaign {text}.{en}"), format!("L'org ne montre pas de campagne {text}.{fr}")),
                Sentence::new(
                    "Correct the name, or give the integration user the right to read campaigns.",
                    "Corrigez le nom, ou donnez à l'utilisateur d'intégration le droit de lire les campagnes.",
                ),
            )]
        }
        [only] => one(used, only),
        several => {
            let ids = several.iter().map(|fact| fact.id.as_str()).collect::<Vec<_>>().join(", ");
            vec![error(
                "campaign_ambiguous",
                &*used.place,
                Sentence::new(format!("Several campaigns are called {text}."), format!("Plusieurs campagnes s'appellent {text}.")),
                Sentence::new(format!("Write `id:` and one of these: {ids}."), format!("Écrivez `id:` et l'un de ceux-ci : {ids}.")),
            )]
        }
    }
}

fn one(used: &CampaignUse<'_>, fact: &CampaignFact) -> Vec<Finding> {
    let missing = used.statuses.iter().filter(|status| fact.statuses.iter().all(|own| !own.eq_ignore_ascii_case(status)));
    let mut findings: Vec<Finding> = missing
        .map(|status| {
            let have = fact.statuses.join(", ");
            error(
                "campaign_status_unknown",
                &*used.place,
                Sentence::new(
                    format!("The campaign {} has no member status {status}; it has {have}.", fact.name),
                    format!("La campagne {} n'a pas de statut de membre {status} ; elle a {have}.", fact.name),
                ),
                Sentence::new(
                    "Add the status to the campaign, or name one that it has in the workflow.",
                    "Ajoutez le statut à la campagne, ou nommez-en un autre dans le workflow.",
                ),
            )
        })
        .collect();
    if !fact.active {
        findings.push(warning(
            "campaign_inactive",
            &*used.place,
            Sentence::new(format!("The campaign {} is not active.", fact.name), format!("La campagne {} n'est pas active.", fact.name)),
            Sentence::new("Activate it in Salesforce, if it is the right one.", "Activez-la dans Salesforce, si c'est la bonne."),
        ));
    }
    findings
}
