//! The org's own rules, and what they do to what Passerelle writes: duplicates, owners, rights.

use super::{View, info, nothing_to_do, warning};
use crate::domain::{
    config::{Auth, Document, Duplicates, Owner, OwnerFallback, Toggle},
    event::normalise_email,
    finding::{Finding, Sentence},
};

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    duplicates(view).into_iter().chain(owner(view)).chain(substitutes(view)).chain(rights(view)).chain(device_flow(view.document)).collect()
}

fn duplicates(view: &View<'_>) -> Vec<Finding> {
    let place = "salesforce.duplicates";
    let Some(rules) = &view.facts.duplicate_rules else {
        return vec![info(
            "duplicate_rules_unknown",
            place,
            Sentence::new("The org does not tell its duplicate rules.", "L'organisation ne communique pas ses règles de doublons."),
            Sentence::new(
                "Look in Setup whether rules for leads and contacts stand in the way of the integration user.",
                "Vérifiez dans la configuration si des règles sur les leads et contacts gênent l'utilisateur d'intégration.",
            ),
        )];
    };
    let written = |object: &str| view.target(object).is_some_and(|target| target.creates || target.updates);
    let rules = rules.iter().filter(|rule| written(&rule.object));
    rules
        .map(|rule| {
            let (name, object) = (&rule.name, &rule.object);
            match view.document.salesforce.duplicates {
                Duplicates::Park => warning(
                    "duplicate_rule",
                    place,
                    Sentence::new(
                        format!("The duplicate rule \"{name}\" is active on {object}. People whom it takes for duplicates wait for a decision."),
                        format!("La règle de doublons « {name} » est active sur {object}. Les personnes qu'elle prend pour des doublons attendront une décision."),
                    ),
                    Sentence::new(
                        "Exempt the integration user from the rule, or set `salesforce.duplicates: save`.",
                        "Exemptez l'utilisateur d'intégration de la règle, ou écrivez `salesforce.duplicates: save`.",
                    ),
                ),
                Duplicates::Save => info(
                    "duplicate_rule",
                    place,
                    Sentence::new(
                        format!("The duplicate rule \"{name}\" is active on {object}. Records are saved all the same, unless the rule blocks."),
                        format!("La règle de doublons « {name} » est active sur {object}. Les fiches sont enregistrées quand même, sauf si la règle bloque."),
                    ),
                    Sentence::new(
                        "If its action is \"Block\", exempt the integration user from the rule.",
                        "Si son action est « Bloquer », exemptez l'utilisateur d'intégration de la règle.",
                    ),
                ),
            }
        })
        .collect()
}

/// Those who are to own what nobody else does, and are not there.
fn substitutes(view: &View<'_>) -> Vec<Finding> {
    let Some(known) = &view.facts.substitutes else { return Vec::new() };
    let absent = |substitute: &OwnerFallback| match substitute {
        OwnerFallback::User(email) => !known.contains(&OwnerFallback::User(normalise_email(email))),
        OwnerFallback::Queue(_) => !known.contains(substitute),
        OwnerFallback::AssignmentRules | OwnerFallback::Integration => false,
    };
    let listed = view.document.people.owner_fallback.iter().enumerate().filter(|(_, substitute)| absent(substitute));
    listed
        .map(|(i, substitute)| {
            let (en, fr) = match substitute {
                OwnerFallback::Queue(name) => (format!("The org has no queue {name}."), format!("L'org n'a pas de file d'attente {name}.")),
                OwnerFallback::User(email) => {
                    (format!("No active user has the address {email}."), format!("Aucun utilisateur actif n'a l'adresse {email}."))
                }
                OwnerFallback::AssignmentRules | OwnerFallback::Integration => Default::default(),
            };
            warning(
                "owner_fallback_unknown",
                format!("people.owner_fallback[{i}]"),
                Sentence::new(format!("{en} Records go to the next in the list."), format!("{fr} Les fiches vont au suivant de la liste.")),
                Sentence::new("Correct the address or the developer name.", "Corrigez l'adresse ou le nom d'API."),
            )
        })
        .collect()
}

fn owner(view: &View<'_>) -> Option<Finding> {
    if view.document.people.owner != Owner::Collaborator || !view.document.people.owner_fallback.is_empty() {
        return None;
    }
    if view.document.salesforce.assignment_rules == Toggle::On {
        return Some(warning(
            "owner_overruled",
            "salesforce.assignment_rules",
            Sentence::new(
                "The org's assignment rules are on: on leads they choose the owner, not the collaborator, also on every update.",
                "Les règles d'attribution de l'organisation sont actives : elles choisissent le propriétaire des leads à la place du collaborateur, à chaque mise à jour aussi.",
            ),
            Sentence::new(
                "Set `assignment_rules: off`, or `people.owner: integration`.",
                "Écrivez `assignment_rules: off`, ou `people.owner: integration`.",
            ),
        ));
    }
    Some(info(
        "owner_fallback",
        "people.owner",
        Sentence::new(
            "Where no active Salesforce user has the collaborator's e-mail address, the integration user owns the record.",
            "Si aucun utilisateur Salesforce actif n'a l'adresse e-mail du collaborateur, la fiche appartient à l'utilisateur d'intégration.",
        ),
        nothing_to_do(),
    ))
}

/// What whoever chooses the device flow should know.
pub(super) fn device_flow(document: &Document) -> Option<Finding> {
    matches!(document.salesforce.auth, Auth::Device(_)).then_some(())?;
    Some(warning(
        "device_flow",
        "salesforce.auth.device",
        Sentence::new(
            "Salesforce blocks the device flow for apps that are not installed in the org.",
            "Salesforce bloque le flux par appareil pour les applications qui ne sont pas installées dans l'organisation.",
        ),
        Sentence::new(
            "Use `jwt_bearer` or `client_credentials`, which also need no refresh token that could be lost.",
            "Utilisez `jwt_bearer` ou `client_credentials`, qui n'ont pas non plus de jeton d'actualisation à perdre.",
        ),
    ))
}

fn rights(view: &View<'_>) -> Option<Finding> {
    view.facts.rights.filter(|rights| rights.modify_all_data)?;
    Some(warning(
        "too_many_rights",
        "salesforce.auth",
        Sentence::new(
            "The integration user may modify all data of the org. That is much more than Passerelle needs.",
            "L'utilisateur d'intégration peut modifier toutes les données de l'organisation. C'est bien plus que nécessaire.",
        ),
        Sentence::new(
            "Connect with a user of its own that has the permission set of `passerelle fields --sfdx`, and not with an administrator.",
            "Connectez-vous avec un utilisateur dédié qui a le jeu d'autorisations de `passerelle fields --sfdx`, pas avec un administrateur.",
        ),
    ))
}
