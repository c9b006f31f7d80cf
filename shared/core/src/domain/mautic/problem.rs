//! What somebody should know where the platform's API cannot be used.

use crate::domain::{
    config::MAUTIC_URL,
    finding::{Finding, Severity},
    words::Sentence,
};

/// Where the document says how to sign in.
const AUTH: &str = "platform.mautic.auth";

/// What a code means for somebody who can do something about it; `None` of codes that pass.
#[must_use]
pub fn problem(code: &str) -> Option<Finding> {
    PROBLEMS.iter().find(|(known, ..)| *known == code).map(|(code, place, [words_en, words_fr], [cure_en, cure_fr])| {
        Finding::new(Severity::Error, code, *place, Sentence::new(*words_en, *words_fr), Sentence::new(*cure_en, *cure_fr))
    })
}

/// What is said as long as an owner in Salesforce has no user in Mautic. It names nobody.
#[must_use]
pub fn owner_unknown() -> Finding {
    Finding::new(
        Severity::Warning,
        "delivery_owner_unknown",
        "platform.mautic",
        Sentence::new(
            "Somebody who owns records in Salesforce has no user in Mautic: no published user there has the e-mail address. The contacts keep the owner that they have, and the rest is written.",
            "Un propriétaire d'enregistrements dans Salesforce n'a pas d'utilisateur dans Mautic : aucun utilisateur publié n'y a son adresse e-mail. Les contacts gardent leur propriétaire, et le reste est écrit.",
        ),
        Sentence::new(
            "Make the user in Mautic, or give them the address that they have in Salesforce; then change the owner once more.",
            "Créez l'utilisateur dans Mautic, ou donnez-lui l'adresse qu'il a dans Salesforce ; puis changez encore une fois le propriétaire.",
        ),
    )
}

/// Code, place, what is so, and its cure, in English and in French.
type Problem = (&'static str, &'static str, [&'static str; 2], [&'static str; 2]);

const PROBLEMS: &[Problem] = &[
    (
        "platform_secret_missing",
        AUTH,
        ["No secret is known that signs in to Mautic.", "Aucun secret n'est connu pour se connecter à Mautic."],
        [
            "Set PASSERELLE_PLATFORM_SECRET to the secret of the credentials, or to the user's password, and apply the configuration.",
            "Donnez à PASSERELLE_PLATFORM_SECRET le secret des identifiants, ou le mot de passe de l'utilisateur, et appliquez la configuration.",
        ],
    ),
    (
        "platform_credentials",
        AUTH,
        ["Mautic refuses the credentials.", "Mautic refuse les identifiants."],
        [
            "Check the client, or the user, in the configuration; set PASSERELLE_PLATFORM_SECRET to its secret, and apply. For a user, switch on HTTP basic authentication in Mautic's API settings; a client must have been made by an administrator.",
            "Vérifiez le client, ou l'utilisateur, dans la configuration ; donnez son secret à PASSERELLE_PLATFORM_SECRET, et appliquez. Pour un utilisateur, activez l'authentification HTTP basic dans les paramètres de l'API de Mautic ; un client doit avoir été créé par un administrateur.",
        ],
    ),
    (
        "platform_api_disabled",
        MAUTIC_URL,
        ["Mautic's API is switched off.", "L'API de Mautic est désactivée."],
        [
            "Switch it on in Mautic: Configuration, API settings, API enabled. Then clear Mautic's cache.",
            "Activez-la dans Mautic : Configuration, Paramètres de l'API, API activée. Puis videz le cache de Mautic.",
        ],
    ),
    (
        "platform_forbidden",
        AUTH,
        [
            "Mautic does not permit that contacts or companies are read or written.",
            "Mautic ne permet pas de lire ou d'écrire les contacts ou les sociétés.",
        ],
        [
            "Give the role of the user whose credentials they are view, edit and create on all contacts, and view on fields and users.",
            "Donnez au rôle de l'utilisateur de ces identifiants la consultation, la modification et la création de tous les contacts, et la consultation des champs et des utilisateurs.",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_no_problem_and_the_others_are_told_in_two_languages() {
        assert_eq!(problem("platform_busy"), None);
        for (code, ..) in PROBLEMS {
            let told = problem(code).map(|finding| (finding.words, finding.cure));
            assert!(told.is_some_and(|(words, cure)| words.en != words.fr && cure.en != cure.fr && cure.en.ends_with('.')), "{code}");
        }
    }
}
