//! The connection itself: can the org be reached, may the API be used, how much of the day's calls is left.

use super::{Unreached, View, error, info, nothing_to_do, warning};
use crate::domain::finding::{Finding, Sentence};

/// From here on the day's calls count as nearly used, in per cent.
const NEARLY_USED_PERCENT: u64 = 80;

/// The one finding where nothing could be learnt about the org.
#[must_use]
pub fn unreached(why: &Unreached) -> Finding {
    let code = &why.code;
    match code.as_str() {
        "not_connected" => error(
            "not_connected",
            "connection",
            Sentence::new("No Salesforce org is connected yet.", "Aucune organisation Salesforce n'est encore connectée."),
            Sentence::new(
                "Run `passerelle connect` and send the link to an administrator of the org.",
                "Lancez `passerelle connect` et envoyez le lien à un administrateur de l'organisation.",
            ),
        ),
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => error(
            "api_disabled",
            "salesforce",
            Sentence::new(
                "The org's API is switched off, or its edition has none.",
                "L'API de l'organisation est désactivée, ou son édition n'en a pas.",
            ),
            Sentence::new(
                "Give the integration user the permission \"API Enabled\", or have Salesforce switch the API on for the org.",
                "Donnez à l'utilisateur d'intégration l'autorisation « API activée », ou faites activer l'API par Salesforce.",
            ),
        ),
        "REQUEST_LIMIT_EXCEEDED" => error(
            "quota_used_up",
            "salesforce",
            Sentence::new("The org's API calls of the last 24 hours are used up.", "Les appels d'API de l'organisation pour 24 heures sont épuisés."),
            Sentence::new(
                "Find out in Setup, \"API usage\", who uses them, or buy more calls. Events wait until there are calls again.",
                "Cherchez dans la configuration, « Utilisation de l'API », qui les consomme, ou achetez des appels. Les événements attendent.",
            ),
        ),
        _ if why.reauthorise => error(
            "grant_gone",
            "salesforce.auth",
            Sentence::new(
                format!("Salesforce refuses the stored grant ({code})."),
                format!("Salesforce refuse l'autorisation enregistrée ({code})."),
            ),
            Sentence::new(
                "Run `passerelle connect` and have the org connected again; waiting work then goes on.",
                "Lancez `passerelle connect` et faites reconnecter l'organisation ; le travail en attente reprendra.",
            ),
        ),
        _ => error(
            "org_unreachable",
            "salesforce.host",
            Sentence::new(format!("The org could not be asked ({code})."), format!("L'organisation n'a pas pu être interrogée ({code}).")),
            Sentence::new(
                "Try again in a few minutes; check the host and the API version.",
                "Réessayez dans quelques minutes ; vérifiez l'hôte et la version de l'API.",
            ),
        ),
    }
}

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let Some((used, max)) = view.facts.usage.filter(|(_, max)| *max > 0) else { return Vec::new() };
    let words = Sentence::new(
        format!("Of the org's {max} API calls in 24 hours, {used} are used."),
        format!("Des {max} appels d'API de l'organisation en 24 heures, {used} sont utilisés."),
    );
    if used.saturating_mul(100) < max.saturating_mul(NEARLY_USED_PERCENT) {
        return vec![info("quota", "salesforce", words, nothing_to_do())];
    }
    let cure = Sentence::new(
        "Find out in Setup, \"API usage\", who uses the calls, or buy more, before events have to wait.",
        "Cherchez dans la configuration, « Utilisation de l'API », qui les consomme, ou achetez-en, avant que des événements n'attendent.",
    );
    vec![warning("quota_nearly_used", "salesforce", words, cure)]
}
