//! The external id by which records are created: with it a repeat finds what the first try made.

use super::{View, info, warning};
use crate::domain::{
    finding::{Finding, Sentence},
    ids::FieldName,
    properties::is_timeline,
    schema::KEY_FIELD,
    uses::Target,
};

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    // A person is a member of a campaign once, and a workflow's record and an entry of the timeline have keys of their own.
    let keyless = |target: &&Target| {
        let object = target.object.as_str();
        object == "CampaignMember" || target.place.ends_with(".record.mapping") || is_timeline(view.document, object)
    };
    view.targets.iter().filter(|target| target.creates && !keyless(target)).filter_map(|target| key(view, target)).collect()
}

fn key(view: &View<'_>, target: &Target) -> Option<Finding> {
    let object = target.object.as_str();
    let schema = view.schemas.object(object)?;
    if view.schemas.key_field(object).is_some() {
        return None;
    }
    let cure = Sentence::new(
        "Run `passerelle fields` with `--create` or `--sfdx` to add the field with its permission.",
        "Lancez `passerelle fields` avec `--create` ou `--sfdx` pour ajouter le champ et son autorisation.",
    );
    if schema.fields.contains_key(&FieldName::known(KEY_FIELD)) {
        let words = Sentence::new(
            format!("{object}.{KEY_FIELD} is there, but is no unique external id that the integration user may set."),
            format!("{object}.{KEY_FIELD} existe, mais n'est pas un identifiant externe unique que l'utilisateur d'intégration peut renseigner."),
        );
        let cure = Sentence::new(
            "Make it an external id and unique, and give the integration user the right to edit it.",
            "Faites-en un identifiant externe unique, et donnez à l'utilisateur d'intégration le droit de le modifier.",
        );
        return Some(warning("key_field_wrong", &*target.place, words, cure));
    }
    let words = Sentence::new(
        format!("{object} has no field {KEY_FIELD}. After a lost answer Passerelle has to look for the record before it repeats."),
        format!("{object} n'a pas de champ {KEY_FIELD}. Après une réponse perdue, Passerelle doit chercher la fiche avant de répéter."),
    );
    Some(info("key_field_missing", &*target.place, words, cure))
}
