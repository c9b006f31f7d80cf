//! Record types: those that the document names, and the one that records get by themselves.

use super::{View, error, info};
use crate::domain::{
    finding::{Finding, Sentence},
    ids::RecordId,
    uses::{Use, mapping_place},
};

const RECORD_TYPE: &str = "RecordTypeId";

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let named = view.uses.iter().filter(|used| used.field.as_str() == RECORD_TYPE);
    named.filter_map(|used| unknown(view, used)).chain(defaults(view)).collect()
}

fn unknown(view: &View<'_>, used: &Use) -> Option<Finding> {
    let object = view.facts.objects.get(&used.object)?;
    let available = |value: &serde_json::Value| {
        let id = value.as_str().and_then(|text| RecordId::parse(text).ok());
        object.record_types.iter().any(|own| own.available && Some(own.id) == id)
    };
    let wrong = used.constants.iter().find(|value| !available(value))?;
    let names: Vec<String> =
        object.record_types.iter().filter(|own| own.available).map(|own| format!("{} ({})", own.name, own.id.as_str())).collect();
    let names = names.join(", ");
    Some(error(
        "record_type_unknown",
        &*used.place,
        Sentence::new(
            format!("{wrong} is no record type of {} that the integration user can choose.", used.object),
            format!("{wrong} n'est pas un type d'enregistrement de {} que l'utilisateur d'intégration peut choisir.", used.object),
        ),
        Sentence::new(
            format!("Write one of these, or assign the record type to the user: {names}."),
            format!("Écrivez l'un de ceux-ci, ou attribuez le type d'enregistrement à l'utilisateur : {names}."),
        ),
    ))
}

/// Where there is a choice and the document makes none, people should know which record type new records get.
fn defaults(view: &View<'_>) -> Vec<Finding> {
    let chosen = |object: &str| view.uses.iter().any(|used| used.object.as_str() == object && used.field.as_str() == RECORD_TYPE);
    let created = view.targets.iter().filter(|target| target.creates && !chosen(target.object.as_str()));
    created
        .filter_map(|target| {
            let types = &view.facts.objects.get(&target.object)?.record_types;
            let available = types.iter().filter(|own| own.available).count();
            let default = types.iter().find(|own| own.default)?;
            (available > 1).then(|| {
                info(
                    "record_type_default",
                    mapping_place(view.document, target.object.as_str()),
                    Sentence::new(
                        format!("New records of {} get the record type {}, the integration user's default.", target.object, default.name),
                        format!(
                            "Les nouvelles fiches {} reçoivent le type d'enregistrement {}, celui par défaut de l'utilisateur d'intégration.",
                            target.object, default.name
                        ),
                    ),
                    Sentence::new(
                        "Name another one in the mapping's `static: { RecordTypeId: … }` where it should be another.",
                        "S'il en faut un autre, nommez-le dans `static: { RecordTypeId: … }` de la correspondance.",
                    ),
                )
            })
        })
        .collect()
}
