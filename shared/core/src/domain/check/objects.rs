//! The objects: seen, writable, whole. Records that sharing hides cannot be found, and so come a second time.

use super::{View, error, info, warning};
use crate::domain::{
    config::AccountMode,
    finding::{Finding, Sentence},
    schema::ObjectSchema,
    uses::Target,
};

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = view.targets.iter().flat_map(|target| access(view, target)).collect();
    found.extend(view.facts.object("Account").and_then(|account| person_accounts(&account.schema)));
    found.extend(sharing(view));
    found
}

fn access(view: &View<'_>, target: &Target) -> Vec<Finding> {
    let object = &target.object;
    let cure = |en: &str, fr: &str| {
        Sentence::new(
            format!("Give the integration user's permission set the right to {en} {object}."),
            format!("Donnez au jeu d'autorisations de l'utilisateur d'intégration le droit de {fr} {object}."),
        )
    };
    let Some(facts) = view.facts.objects.get(object) else {
        let words = Sentence::new(
            format!("The integration user does not see the object {object}."),
            format!("L'utilisateur d'intégration ne voit pas l'objet {object}."),
        );
        return vec![error("object_hidden", &*target.place, words, cure("read, create and edit", "lire, créer et modifier"))];
    };
    let mut found = Vec::new();
    if target.creates && !facts.createable {
        let words = Sentence::new(
            format!("The integration user may not create records of {object}."),
            format!("L'utilisateur d'intégration ne peut pas créer de fiches {object}."),
        );
        found.push(error("object_not_createable", &*target.place, words, cure("create", "créer")));
    }
    if target.updates && !facts.updateable {
        let words = Sentence::new(
            format!("The integration user may not change records of {object}."),
            format!("L'utilisateur d'intégration ne peut pas modifier les fiches {object}."),
        );
        found.push(error("object_not_updateable", &*target.place, words, cure("edit", "modifier")));
    }
    found
}

/// In an org with person accounts a contact may be an account at the same time; Passerelle does not work there.
pub(super) fn person_accounts(account: &ObjectSchema) -> Option<Finding> {
    account.fields.keys().find(|field| field.as_str() == "IsPersonAccount")?;
    Some(error(
        "person_accounts",
        "salesforce",
        Sentence::new(
            "Person Accounts are switched on in this org. Passerelle does not support them: a person could be a contact and an account at once.",
            "Les comptes personnels sont activés dans cette organisation. Passerelle ne les gère pas : une personne serait à la fois contact et compte.",
        ),
        Sentence::new(
            "Connect an org without Person Accounts. They cannot be switched off again in this one.",
            "Connectez une organisation sans comptes personnels. Ils ne peuvent plus être désactivés dans celle-ci.",
        ),
    ))
}

fn sharing(view: &View<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let accounts = (view.document.people.account.mode != AccountMode::Off).then_some("Account");
    for object in ["Lead", "Contact"].into_iter().chain(accounts).filter(|object| view.facts.object(object).is_some()) {
        let place = if object == "Account" { "people.account.mode" } else { view.target(object).map_or("people", |target| target.place.as_str()) };
        match sees_all(view, object) {
            Some(true) => {}
            Some(false) => found.push(warning(
                "view_all_missing",
                place,
                Sentence::new(
                    format!("Records of {object} are private in this org, and the integration user does not see all of them. A hidden record is not found, and the person comes a second time."),
                    format!("Les fiches {object} sont privées dans cette organisation, et l'utilisateur d'intégration ne les voit pas toutes. Une fiche cachée n'est pas trouvée, et la personne est créée en double."),
                ),
                Sentence::new(
                    format!("Give the integration user's permission set \"View All Records\" on {object}."),
                    format!("Donnez au jeu d'autorisations de l'utilisateur d'intégration « Afficher tout » sur {object}."),
                ),
            )),
            None => found.push(info(
                "sharing_unknown",
                place,
                Sentence::new(
                    format!("The org does not tell whether the integration user sees all records of {object}."),
                    format!("L'organisation ne dit pas si l'utilisateur d'intégration voit toutes les fiches {object}."),
                ),
                Sentence::new(
                    format!("Look in Setup whether {object} is private and the permission set has \"View All Records\"; records that are hidden come twice."),
                    format!("Vérifiez dans la configuration si {object} est privé et si le jeu d'autorisations a « Afficher tout » ; les fiches cachées seraient créées en double."),
                ),
            )),
        }
    }
    found
}

/// Whether the integration user sees every record of an object; `None` where the org does not tell.
fn sees_all(view: &View<'_>, object: &str) -> Option<bool> {
    let facts = view.facts;
    if facts.rights.is_some_and(|rights| rights.view_all_data) || facts.view_all.as_ref().is_some_and(|seen| seen.contains(object)) {
        return Some(true);
    }
    let private = facts.organization.as_ref()?.private.contains(object);
    if private && (facts.rights.is_none() || facts.view_all.is_none()) { None } else { Some(!private) }
}
