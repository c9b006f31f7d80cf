//! What the pages of connecting say, in French and in English. Whole sentences, cause before cure. What Salesforce's own codes mean
//! stands in `causes`.

use crate::domain::config::Language;

/// A cause and its cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Explained {
    pub cause: String,
    pub cure: String,
}

/// The page between us and Salesforce.
pub(super) struct Leaving {
    pub title: &'static str,
    pub text: &'static str,
    pub link: &'static str,
}

/// The page of a link.
pub(super) struct Offer {
    pub title: &'static str,
    /// `{name}` is the connection's name.
    pub text: &'static str,
    pub button: &'static str,
    pub once: &'static str,
}

/// The page of a connected org.
pub(super) struct Success {
    pub title: &'static str,
    /// `{name}` is the connection's name.
    pub text: &'static str,
    pub organization: &'static str,
    pub address: &'static str,
    pub usage: &'static str,
    pub next: &'static str,
}

pub(super) fn offer(language: Language) -> Offer {
    match language {
        Language::Fr => Offer {
            title: "Connecter Salesforce",
            text: "Ce lien relie votre organisation Salesforce à la connexion « {name} ». Vous allez vous identifier chez Salesforce et \
                   autoriser l'accès à l'API.",
            button: "Connecter Salesforce",
            once: "Le bouton ne sert qu'une fois, dans les dix minutes qui suivent la création du lien.",
        },
        Language::En => Offer {
            title: "Connect Salesforce",
            text: "This link ties your Salesforce org to the connection “{name}”. You will sign in at Salesforce and allow access to the API.",
            button: "Connect Salesforce",
            once: "The button works once, within ten minutes after the link was made.",
        },
    }
}

pub(super) fn leaving(language: Language) -> Leaving {
    match language {
        Language::Fr => Leaving {
            title: "Connexion à Salesforce",
            text: "Vous allez vous identifier chez Salesforce. Si Salesforce affiche une erreur au lieu de revenir ici, la clé client ou \
                   l'adresse de rappel de l'application n'est pas la bonne, ou l'application vient d'être créée : réessayez alors dans \
                   dix minutes.",
            link: "Continuer vers Salesforce",
        },
        Language::En => Leaving {
            title: "Connecting to Salesforce",
            text: "You are about to sign in at Salesforce. If Salesforce shows an error instead of coming back here, the app's consumer \
                   key or callback address is not right, or the app has just been created: in that case try again in ten minutes.",
            link: "Go on to Salesforce",
        },
    }
}

pub(super) fn connected(language: Language) -> Success {
    match language {
        Language::Fr => Success {
            title: "Salesforce est connecté",
            text: "La connexion « {name} » est établie et un premier appel de l'API a réussi.",
            organization: "Organisation",
            address: "Adresse",
            usage: "Appels d'API utilisés sur 24 heures",
            next: "Vous pouvez fermer cette page. Une nouvelle connexion reste à activer ; une connexion rétablie reprend d'elle-même ce \
                   qui attendait.",
        },
        Language::En => Success {
            title: "Salesforce is connected",
            text: "The connection “{name}” is made, and a first call of the API has succeeded.",
            organization: "Organization",
            address: "Address",
            usage: "API calls used in 24 hours",
            next: "You can close this page. A new connection remains to be activated; one that was restored goes on with what was waiting.",
        },
    }
}

pub(super) fn refused_title(language: Language) -> &'static str {
    match language {
        Language::Fr => "Salesforce n'est pas connecté",
        Language::En => "Salesforce is not connected",
    }
}

/// What stands before the name of the user.
pub(super) fn user(language: Language) -> &'static str {
    match language {
        Language::Fr => "Utilisateur",
        Language::En => "User",
    }
}

/// What stands before a code; French sets a no-break space before the colon.
pub(super) fn code(language: Language) -> &'static str {
    match language {
        Language::Fr => "Code\u{a0}:",
        Language::En => "Code:",
    }
}

/// Ours: what went wrong before or after Salesforce's sign-in.
pub(super) fn ours(code: &str, language: Language) -> Option<(&'static str, &'static str)> {
    const NEW_LINK_FR: &str = "Demandez un nouveau lien de connexion et ouvrez-le dans les dix minutes.";
    const NEW_LINK_EN: &str = "Ask for a new connection link and open it within ten minutes.";
    let [fr, en] = match code {
        "connection_unknown" => [
            ("Cette connexion n'existe pas.", "Vérifiez l'adresse, ou appliquez d'abord la configuration de la connexion."),
            ("There is no such connection.", "Check the address, or apply the connection's configuration first."),
        ],
        "ticket_expired" => [
            ("Ce lien de connexion a déjà servi, ou il a plus de dix minutes.", NEW_LINK_FR),
            ("This connection link has been used, or is more than ten minutes old.", NEW_LINK_EN),
        ],
        "state_expired" => [
            ("Cette connexion est déjà terminée, ou elle a été commencée il y a plus de dix minutes.", NEW_LINK_FR),
            ("This connection is finished already, or was begun more than ten minutes ago.", NEW_LINK_EN),
        ],
        "other_browser" => [
            (
                "La connexion a été commencée dans un autre navigateur, ou recommencée entre-temps dans celui-ci.",
                "Demandez un nouveau lien et restez dans le même navigateur jusqu'à la fin. Les cookies doivent y être acceptés.",
            ),
            (
                "The connection was begun in another browser, or begun again in this one meanwhile.",
                "Ask for a new link, and stay in the same browser until the end. It must accept cookies.",
            ),
        ],
        "callback_incomplete" => [
            ("Il manque le code d'autorisation dans la réponse de Salesforce.", NEW_LINK_FR),
            ("The authorization code is missing from Salesforce's answer.", NEW_LINK_EN),
        ],
        "no_consumer_secret" => [
            (
                "Le secret client de l'application n'a pas encore été donné à Passerelle.",
                "Copiez-le depuis les paramètres de l'application dans Salesforce et appliquez-le avec la configuration, puis \
                 reconnectez.",
            ),
            (
                "Passerelle has not been given the app's consumer secret yet.",
                "Copy it from the app's settings in Salesforce and apply it with the configuration, then connect again.",
            ),
        ],
        "no_certificate" => [
            (
                "Il n'y a pas encore de clé pour signer.",
                "Lancez `passerelle certificate`, ajoutez le certificat à l'application dans Salesforce, puis reconnectez.",
            ),
            ("There is no key to sign with yet.", "Run `passerelle certificate`, add the certificate to the app in Salesforce, then connect again."),
        ],
        "signing_key_unusable" => [
            (
                "La clé privée de la connexion ne peut pas être utilisée.",
                "Créez-en une autre avec `passerelle certificate --new`, remplacez le certificat dans l'application, puis reconnectez.",
            ),
            (
                "The connection's private key cannot be used.",
                "Make another one with `passerelle certificate --new`, replace the certificate in the app, then connect again.",
            ),
        ],
        "other_flow" => [
            ("Cette connexion s'établit sans navigateur.", "Lancez `passerelle connect` : la configuration nomme un autre flux que « serveur Web »."),
            ("This connection is made without a browser.", "Run `passerelle connect`: the configuration names another flow than the web server's."),
        ],
        "not_connected" => [
            ("Aucune organisation n'est encore connectée.", "Lancez `passerelle connect`."),
            ("No org is connected yet.", "Run `passerelle connect`."),
        ],
        "organization_changed" => [
            (
                "Salesforce répond pour une autre organisation que celle de cette connexion : une sandbox actualisée, par exemple.",
                "Si c'est voulu, confirmez-la avec `passerelle connection confirm-org`, puis reconnectez.",
            ),
            (
                "Salesforce answers for another org than this connection's: a refreshed sandbox, for example.",
                "If that is wanted, confirm it with `passerelle connection confirm-org`, then connect again.",
            ),
        ],
        "rotation_lost" => [
            (
                "Le dernier jeton d'actualisation s'est perdu avant d'être enregistré, et Salesforce n'accepte plus le précédent.",
                "Reconnectez ; ce qui attend reprendra de lui-même. Les flux JWT et « client credentials » ne connaissent pas ce risque.",
            ),
            (
                "The last refresh token was lost before it was stored, and Salesforce accepts the one before no more.",
                "Connect again; what waits then goes on by itself. The JWT and client credentials flows know no such risk.",
            ),
        ],
        "no_organization" => [
            (
                "Ce n'est pas l'identifiant d'une organisation.",
                "Copiez-le de la configuration de Salesforce, « Informations sur la société » ; il commence par 00D.",
            ),
            ("This is not the id of an org.", "Copy it from Salesforce's setup, “Company Information”; it begins with 00D."),
        ],
        "device_expired" => [
            ("Le code n'a pas été saisi à temps.", "Relancez `passerelle connect` et saisissez le nouveau code dans les dix minutes."),
            ("The code was not typed in within its time.", "Run `passerelle connect` again and type the new code in within ten minutes."),
        ],
        "no_refresh_token" => [
            (
                "Salesforce n'a pas donné de jeton d'actualisation : Passerelle ne pourrait travailler que quelques heures.",
                "Ajoutez à l'application l'étendue « Effectuer des requêtes à tout moment (refresh_token, offline_access) », puis demandez un \
                 nouveau lien.",
            ),
            (
                "Salesforce gave no refresh token: Passerelle could work for some hours only.",
                "Add the scope “Perform requests at any time (refresh_token, offline_access)” to the app, then ask for a new link.",
            ),
        ],
        "identity_wrong" => [
            (
                "La réponse de Salesforce ne nomme pas une organisation et un utilisateur à une adresse de Salesforce ; rien n'a été enregistré.",
                "Vérifiez l'hôte Salesforce dans la configuration et qu'aucun proxy ne récrit les réponses, puis reconnectez.",
            ),
            (
                "Salesforce's answer does not name an org and a user at an address of Salesforce; nothing was stored.",
                "Check the Salesforce host in the configuration, and that no proxy rewrites answers, then connect again.",
            ),
        ],
        "signature_wrong" => [
            (
                "La réponse de Salesforce n'est pas signée comme elle devrait l'être ; rien n'a été enregistré.",
                "Vérifiez que le secret client appliqué est celui de cette application, puis reconnectez.",
            ),
            (
                "Salesforce's answer is not signed as it should be; nothing was stored.",
                "Check that the consumer secret that was applied is this app's, then connect again.",
            ),
        ],
        "host_refused" => [
            (
                "L'adresse de connexion ou de l'organisation n'est pas celle d'un serveur de Salesforce.",
                "Corrigez l'hôte Salesforce dans la configuration. Un serveur d'essai doit être autorisé par l'exploitant.",
            ),
            (
                "The sign-in address or the org's address is not that of a Salesforce server.",
                "Correct the Salesforce host in the configuration. A test server must be allowed by the operator.",
            ),
        ],
        "api_disabled" => [
            (
                "L'API n'est pas activée pour cette organisation ou pour l'utilisateur qui s'est identifié.",
                "Choisissez une édition de Salesforce avec accès à l'API et donnez à l'utilisateur la permission « API activée », puis \
                 reconnectez.",
            ),
            (
                "The API is not enabled for this org, or not for the user who signed in.",
                "Use an edition of Salesforce with API access, give the user the permission “API Enabled”, then connect again.",
            ),
        ],
        "salesforce_unreachable" | "salesforce_silent" | "salesforce_unreadable" => [
            ("Salesforce ne répond pas, ou pas comme prévu.", "Attendez quelques minutes, puis réessayez."),
            ("Salesforce does not answer, or not as expected.", "Wait some minutes, then try again."),
        ],
        "unavailable" => [
            ("Passerelle ne peut pas terminer la connexion en ce moment.", "Attendez quelques minutes, puis réessayez."),
            ("Passerelle cannot finish the connection just now.", "Wait some minutes, then try again."),
        ],
        _ => return None,
    };
    Some(match language {
        Language::Fr => fr,
        Language::En => en,
    })
}

/// Where the code is none that we know.
pub(super) fn unknown(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::Fr => (
            "Salesforce a refusé la connexion.",
            "Le code ci-dessous en dit la raison ; l'historique des connexions de l'utilisateur, dans Salesforce, en dit souvent plus.",
        ),
        Language::En => {
            ("Salesforce refused the connection.", "The code below tells the reason; the user's login history in Salesforce often tells more.")
        }
    }
}

/// Another org than the one that the connection is tied to.
pub(super) fn other_organization(language: Language, pinned: &str, given: &str) -> Explained {
    match language {
        Language::Fr => Explained {
            cause: format!("Cette connexion est liée à l'organisation {pinned}, et vous vous êtes identifié dans l'organisation {given}."),
            cure: format!(
                "Connectez-vous à la bonne organisation. Si {given} doit prendre sa place (une sandbox actualisée, par exemple), un \
                 administrateur le confirme avec `passerelle connection confirm-org` et l'identifiant {given} ; reconnectez ensuite."
            ),
        },
        Language::En => Explained {
            cause: format!("This connection is tied to the org {pinned}, and you signed in to the org {given}."),
            cure: format!(
                "Sign in to the right org. If {given} is to take its place (a refreshed sandbox, for example), an administrator confirms it \
                 with `passerelle connection confirm-org` and the id {given}; connect again then."
            ),
        },
    }
}
