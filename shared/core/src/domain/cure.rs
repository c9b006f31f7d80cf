//! What cures the causes of events that wait, and of deliveries that were given up. Salesforce's own codes are here as far as an administrator can do something about
//! them; for the others the message has to do.

use super::words::Words;

/// What to do about a cause, by its code.
#[must_use]
pub fn of(code: &str) -> Option<Words> {
    let (en, fr) = CURES.iter().find(|(codes, ..)| codes.contains(&code)).map(|(_, en, fr)| (*en, *fr))?;
    Some(Words::new(en, fr))
}

/// Codes, and their cure in English and French.
type Cure = (&'static [&'static str], &'static str, &'static str);

const CURES: &[Cure] = &[
    (
        &["missing_required", "REQUIRED_FIELD_MISSING"],
        "Have the platform send the field, map another attribute to it, or give it a static value. Nothing is invented.",
        "Faites envoyer le champ par la plateforme, associez-lui un autre attribut, ou donnez-lui une valeur fixe. Rien n'est inventé.",
    ),
    (
        &["unknown_project"],
        "Add the project to the configuration, or accept projects that are not listed.",
        "Ajoutez le projet à la configuration, ou acceptez les projets non listés.",
    ),
    (&["no_mapping"], "Add a mapping for the object.", "Ajoutez une correspondance pour l'objet."),
    (
        &["person_not_created"],
        "Let the workflow create people, or create the person in Salesforce.",
        "Laissez le workflow créer des personnes, ou créez la personne dans Salesforce.",
    ),
    (
        &["record_taken"],
        "Merge the two people at the platform, or correct the e-mail address of one of them.",
        "Fusionnez les deux personnes sur la plateforme, ou corrigez l'adresse e-mail de l'une d'elles.",
    ),
    (
        &["same_email"],
        "Correct the e-mail address of one of the two people at the platform, or let people with one address be one person. Where the record of the one was deleted in Salesforce, set the other's events going again.",
        "Corrigez l'adresse e-mail de l'une des deux personnes sur la plateforme, ou laissez une même adresse désigner une seule personne. Si la fiche de l'une a été supprimée dans Salesforce, relancez les événements de l'autre.",
    ),
    (
        &["filter_failed", "template_failed", "ends_before_it_starts"],
        "Correct the filter or the template that the message names, or what the platform sends.",
        "Corrigez le filtre ou le modèle que le message nomme, ou ce que la plateforme envoie.",
    ),
    (
        &["campaign_not_found", "campaign_ambiguous", "campaign_status_unknown"],
        "Correct the campaign or its statuses in the configuration, or in Salesforce.",
        "Corrigez la campagne ou ses statuts dans la configuration, ou dans Salesforce.",
    ),
    (
        &["field_missing", "field_not_writable", "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INSUFFICIENT_ACCESS_OR_READONLY"],
        "Create the field, or give the integration user's permission set read and edit on it.",
        "Créez le champ, ou donnez à l'ensemble d'autorisations de l'utilisateur d'intégration le droit de le lire et de le modifier.",
    ),
    (
        &["value_not_in_picklist", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"],
        "Map the platform's words with `values`, or add the value to the picklist.",
        "Associez les mots de la plateforme avec `values`, ou ajoutez la valeur à la liste.",
    ),
    (
        &["value_too_long", "STRING_TOO_LONG"],
        "Say `overflow: truncate` in the rule, or lengthen the field.",
        "Indiquez `overflow: truncate` dans la règle, ou allongez le champ.",
    ),
    (
        &["value_not_email", "INVALID_EMAIL_ADDRESS"],
        "Correct the address at the platform, or leave the field out with `overflow: drop`.",
        "Corrigez l'adresse sur la plateforme, ou omettez le champ avec `overflow: drop`.",
    ),
    (
        &["FIELD_CUSTOM_VALIDATION_EXCEPTION"],
        "A validation rule of the org refuses the record. Correct the data at the platform, or the rule in Setup.",
        "Une règle de validation de l'org refuse la fiche. Corrigez les données sur la plateforme, ou la règle dans la configuration.",
    ),
    (
        &["DUPLICATES_DETECTED"],
        "A duplicate rule of the org objects. Merge the records that the message names, or set `duplicates: save`.",
        "Une règle de doublons de l'org s'y oppose. Fusionnez les fiches que le message nomme, ou indiquez `duplicates: save`.",
    ),
    (
        &["INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"],
        "Give the integration user's permission set the right that the message names, or mend the org's automation.",
        "Donnez à l'ensemble d'autorisations de l'utilisateur d'intégration le droit que le message nomme, ou corrigez l'automatisation de l'org.",
    ),
    (
        &["UNABLE_TO_LOCK_ROW"],
        "Another process holds the record. If it lasts, look for automation that works on these records.",
        "Un autre traitement verrouille la fiche. Si cela dure, cherchez l'automatisation qui travaille sur ces fiches.",
    ),
    (
        &["delivery_refused", "platform_refused", "platform_not_found"],
        "The platform refuses what it is told; its log says why. Correct that, and what changes afterwards arrives.",
        "La plateforme refuse ce qui lui est transmis ; son journal dit pourquoi. Corrigez cela, et ce qui change ensuite arrivera.",
    ),
    (
        &["delivery_silent", "platform_silent", "platform_busy", "platform_unreadable"],
        "The platform does not answer as it should. Correct its address in the configuration, or the platform; what changes afterwards arrives.",
        "La plateforme ne répond pas comme il faut. Corrigez son adresse dans la configuration, ou la plateforme ; ce qui change ensuite arrivera.",
    ),
    (
        &["delivery_without_webhook", "platform_none"],
        "The configuration names no address of the platform any more. Name one again, if the platform is to hear of Salesforce's changes.",
        "La configuration ne nomme plus d'adresse de la plateforme. Nommez-en une de nouveau si elle doit apprendre ce qui change dans Salesforce.",
    ),
    (
        &["delivery_unsigned"],
        "Give the connection a webhook key: set PASSERELLE_WEBHOOK_KEY, and apply the configuration.",
        "Donnez une clé de webhook à la connexion : renseignez PASSERELLE_WEBHOOK_KEY, et appliquez la configuration.",
    ),
    (
        &["delivery_gone"],
        "Nothing has to be done: the contact or the company is not in Mautic any more, and is not made again.",
        "Il n'y a rien à faire : le contact ou la société n'est plus dans Mautic, et n'y est pas recréé.",
    ),
    (
        &["delivery_company_unknown"],
        "Make the company in Mautic under this name, if it is wanted there; the next hourly run learns its id. Passerelle makes no companies in Mautic.",
        "Créez la société dans Mautic sous ce nom, si elle doit y être ; la prochaine synchronisation horaire apprend son identifiant. Passerelle ne crée pas de sociétés dans Mautic.",
    ),
    (
        &["delivery_nobody"],
        "Give the record an e-mail address in Salesforce: without one Mautic has nothing to find the contact by.",
        "Donnez une adresse e-mail à la fiche dans Salesforce : sans elle, Mautic ne peut pas retrouver le contact.",
    ),
    (
        &["delivery_unreadable", "platform_secret_unread", "platform_state"],
        "This is a fault of Passerelle or of its surroundings. Please report it.",
        "C'est une défaillance de Passerelle ou de son environnement. Merci de la signaler.",
    ),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_cure_in_two_languages() {
        let mut codes: Vec<&str> = CURES.iter().flat_map(|(codes, ..)| codes.iter().copied()).collect();
        for code in &codes {
            let words = of(code).unwrap();
            assert!(words.en.ends_with('.') && words.fr.ends_with('.') && words.en != words.fr, "{code}");
        }
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
        assert_eq!(of("SOMETHING_ELSE"), None);
    }
}
