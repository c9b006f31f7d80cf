//! Do-not-contact: the field must be seen, on leads and contacts alike, and its history tells which statement is the later one.

use super::{View, error, info, warning};
use crate::domain::{
    finding::{Finding, Sentence},
    ids::FieldName,
    mapping::OPT_OUT,
    uses::{Use, mapping_place},
};

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let rule = |object: &str| view.uses.iter().find(|used| used.object.as_str() == object && used.field.as_str() == OPT_OUT);
    match (rule("Lead"), rule("Contact")) {
        (None, None) => vec![info(
            "opt_out_unmapped",
            "mappings",
            Sentence::new(
                format!("No rule writes {OPT_OUT}: whether somebody wants e-mails is not exchanged."),
                format!("Aucune règle n'écrit {OPT_OUT} : le souhait de ne plus recevoir d'e-mails n'est pas échangé."),
            ),
            Sentence::new(
                "Map it for leads and contacts, where the platform knows it.",
                "Associez-le pour les leads et les contacts, si la plateforme le connaît.",
            ),
        )],
        (lead, contact) => {
            let sides = [("Lead", lead), ("Contact", contact)];
            sides
                .into_iter()
                .filter_map(|(object, used)| match used {
                    Some(used) => one(view, object, used),
                    None => Some(one_sided(view, object)),
                })
                .collect()
        }
    }
}

fn one(view: &View<'_>, object: &str, used: &Use) -> Option<Finding> {
    view.schemas.object(object)?;
    let place = format!("{}.to", used.place);
    if view.field(object, &FieldName::known(OPT_OUT)).is_none() {
        return Some(error(
            "opt_out_hidden",
            place,
            Sentence::new(
                format!("The integration user does not see {object}.{OPT_OUT}: somebody who said no could be written to."),
                format!("L'utilisateur d'intégration ne voit pas {object}.{OPT_OUT} : on pourrait écrire à quelqu'un qui a dit non."),
            ),
            Sentence::new(
                "Give the integration user's permission set the right to read and edit the field; Salesforce hides it from everybody at first.",
                "Donnez au jeu d'autorisations de l'utilisateur d'intégration le droit de lire et modifier ce champ ; Salesforce le masque d'origine.",
            ),
        ));
    }
    let Some(definitions) = &view.facts.definitions else { return Some(unknown(object, place)) };
    let tracked = definitions.get(&(object.to_owned(), OPT_OUT.to_owned())).copied().unwrap_or(false);
    (!tracked).then(|| {
        warning(
            "opt_out_untracked",
            place,
            Sentence::new(
                format!("The history of {object}.{OPT_OUT} is not tracked, so nobody can tell which of two statements is the later one. The opt-out then wins."),
                format!("L'historique de {object}.{OPT_OUT} n'est pas suivi : on ne peut pas savoir laquelle de deux déclarations est la dernière. Le refus l'emporte alors."),
            ),
            Sentence::new(
                format!("In Setup, {object}, \"Set History Tracking\", tick the field."),
                format!("Dans la configuration, {object}, « Définir le suivi de l'historique », cochez ce champ."),
            ),
        )
    })
}

/// The org does not tell, so the document is not to be taken for safe.
fn unknown(object: &str, place: String) -> Finding {
    info(
        "opt_out_history_unknown",
        place,
        Sentence::new(
            format!(
                "The org does not tell whether the history of {object}.{OPT_OUT} is tracked. Where it is not, the opt-out wins whichever is later."
            ),
            format!(
                "L'organisation ne dit pas si l'historique de {object}.{OPT_OUT} est suivi. S'il ne l'est pas, le refus l'emporte quel que soit le dernier."
            ),
        ),
        Sentence::new(
            format!("Look in Setup, {object}, \"Set History Tracking\", whether the field is ticked."),
            format!("Vérifiez dans la configuration, {object}, « Définir le suivi de l'historique », que ce champ est coché."),
        ),
    )
}

fn one_sided(view: &View<'_>, object: &str) -> Finding {
    warning(
        "opt_out_one_sided",
        mapping_place(view.document, object),
        Sentence::new(
            format!("{OPT_OUT} is not mapped for {object}, but is for the other form that a person can have."),
            format!("{OPT_OUT} n'est pas associé pour {object}, mais l'est pour l'autre forme qu'une personne peut avoir."),
        ),
        Sentence::new("Map it for both.", "Associez-le pour les deux."),
    )
}
