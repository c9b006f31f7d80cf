//! What the pages of connecting say, in French and in English. Whole sentences, cause before cure.

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
                "Copiez-le depuis les paramètres de l'application dans Salesforce et appliquez-le avec la configuration, puis demandez un \
                 nouveau lien.",
            ),
            (
                "Passerelle has not been given the app's consumer secret yet.",
                "Copy it from the app's settings in Salesforce and apply it with the configuration, then ask for a new link.",
            ),
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
        "signature_wrong" | "identity_wrong" => [
            (
                "La réponse de Salesforce n'est pas signée comme elle devrait l'être ; rien n'a été enregistré.",
                "Vérifiez que le secret client appliqué est celui de cette application, puis demandez un nouveau lien.",
            ),
            (
                "Salesforce's answer is not signed as it should be; nothing was stored.",
                "Check that the consumer secret that was applied is this app's, then ask for a new link.",
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
                 demandez un nouveau lien.",
            ),
            (
                "The API is not enabled for this org, or not for the user who signed in.",
                "Use an edition of Salesforce with API access, give the user the permission “API Enabled”, then ask for a new link.",
            ),
        ],
        "salesforce_unreachable" | "salesforce_silent" | "salesforce_unreadable" => [
            ("Salesforce ne répond pas, ou pas comme prévu.", "Attendez quelques minutes, puis demandez un nouveau lien."),
            ("Salesforce does not answer, or not as expected.", "Wait some minutes, then ask for a new link."),
        ],
        "unavailable" => [
            ("Passerelle ne peut pas terminer la connexion en ce moment.", "Attendez quelques minutes, puis demandez un nouveau lien."),
            ("Passerelle cannot finish the connection just now.", "Wait some minutes, then ask for a new link."),
        ],
        _ => return None,
    };
    Some(match language {
        Language::Fr => fr,
        Language::En => en,
    })
}

/// Salesforce's: the codes of its sign-in, as its mobile SDK lists them. `{redirect_uri}` is ours.
pub(super) fn theirs(code: &str, language: Language) -> Option<(&'static str, &'static str)> {
    let [fr, en] = match code {
        "access_denied" => [
            (
                "L'accès a été refusé sur la page de Salesforce.",
                "Demandez un nouveau lien et choisissez « Autoriser », avec un utilisateur qui en a le droit.",
            ),
            ("Access was denied on Salesforce's page.", "Ask for a new link and choose “Allow”, as a user who may do so."),
        ],
        "invalid_client" | "invalid_client_id" | "app_not_found" | "invalid_basic_auth_header" => [
            (
                "Salesforce ne reconnaît pas la clé client ou le secret client de l'application.",
                "Vérifiez la clé dans la configuration et appliquez de nouveau le secret. Une application que l'on vient de créer n'est \
                 connue partout qu'après une dizaine de minutes.",
            ),
            (
                "Salesforce does not know the app's consumer key or consumer secret.",
                "Check the key in the configuration, and apply the secret again. An app that was just created is known everywhere only \
                 after some ten minutes.",
            ),
        ],
        "redirect_uri_mismatch" | "redirect_uri_missing" => [
            (
                "L'adresse de rappel n'est pas enregistrée dans l'application.",
                "Ajoutez à ses adresses de rappel, lettre pour lettre : {redirect_uri}",
            ),
            ("The callback address is not registered with the app.", "Add to its callback addresses, letter by letter: {redirect_uri}"),
        ],
        "invalid_grant" | "invalid_request" => [
            (
                "Salesforce n'accepte pas le code d'autorisation : il a expiré, il a déjà servi, ou une restriction d'adresses IP s'y \
                 oppose.",
                "Demandez un nouveau lien et allez jusqu'au bout sans recharger de page. Si l'erreur revient, vérifiez dans Salesforce les \
                 restrictions d'adresses IP de l'application et l'historique des connexions de l'utilisateur.",
            ),
            (
                "Salesforce does not accept the authorization code: it has expired, was used already, or a restriction of IP addresses is \
                 in the way.",
                "Ask for a new link and go through without reloading a page. If the error comes back, check the app's IP restrictions and \
                 the user's login history in Salesforce.",
            ),
        ],
        "invalid_scope" => [
            (
                "L'application n'accorde pas les étendues demandées.",
                "Ajoutez à l'application les étendues « api » et « refresh_token », puis demandez un nouveau lien.",
            ),
            ("The app does not grant the scopes asked for.", "Add the scopes “api” and “refresh_token” to the app, then ask for a new link."),
        ],
        "invalid_app_access" | "app_blocked" | "OAUTH_APP_BLOCKED" | "ecapp_policy_not_found" | "oauth_policy_not_found" | "installation_error" => [
            (
                "L'utilisateur n'a pas le droit d'utiliser l'application dans cette organisation, ou elle y est bloquée.",
                "Un administrateur doit installer ou débloquer l'application et attribuer à l'utilisateur un ensemble d'autorisations qui \
                 y donne accès.",
            ),
            (
                "The user may not use the app in this org, or the app is blocked there.",
                "An administrator has to install or unblock the app, and to assign the user a permission set that gives access to it.",
            ),
        ],
        "oauth_flow_disabled" | "unsupported_grant_type" | "unsupported_response_type" => [
            (
                "Le flux « serveur Web » n'est pas activé pour l'application.",
                "Activez-le dans ses paramètres OAuth, avec PKCE et le secret obligatoire, puis demandez un nouveau lien.",
            ),
            (
                "The web server flow is not enabled for the app.",
                "Enable it in its OAuth settings, with PKCE and a required secret, then ask for a new link.",
            ),
        ],
        "inactive_user" => [
            ("L'utilisateur qui s'est identifié est désactivé dans Salesforce.", "Réactivez-le, ou connectez-vous avec un autre utilisateur."),
            ("The user who signed in is inactive in Salesforce.", "Activate the user, or connect with another one."),
        ],
        "inactive_org" => [
            ("L'organisation Salesforce est désactivée ou verrouillée.", "Adressez-vous à Salesforce ou choisissez une autre organisation."),
            ("The Salesforce org is inactive or locked.", "Turn to Salesforce, or choose another org."),
        ],
        "rate_limit_exceeded" | "service_unavailable" | "system_down" | "server_error" | "slow_down" | "unknown_error" => [
            ("Salesforce est momentanément indisponible.", "Attendez quelques minutes, puis demandez un nouveau lien."),
            ("Salesforce is not available just now.", "Wait some minutes, then ask for a new link."),
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
            cure: "Déconnectez-vous de Salesforce, demandez un nouveau lien et identifiez-vous dans la bonne organisation. Une autre \
                   organisation, même une sandbox actualisée, a besoin d'une connexion à elle."
                .to_owned(),
        },
        Language::En => Explained {
            cause: format!("This connection is tied to the org {pinned}, and you signed in to the org {given}."),
            cure: "Log out of Salesforce, ask for a new link and sign in to the right org. Another org, a refreshed sandbox included, needs \
                   a connection of its own."
                .to_owned(),
        },
    }
}
