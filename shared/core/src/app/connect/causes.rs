//! What Salesforce's refusals mean and what cures them, in French and in English: its codes, as its mobile SDK lists them, and our names for
//! the texts that tell apart what shares a code.

use crate::domain::config::Language;

/// Cause and cure of a refusal. `{redirect_uri}` is our callback address.
pub(super) fn theirs(code: &str, language: Language) -> Option<(&'static str, &'static str)> {
    let [fr, en] = of_app(code).or_else(|| of_user(code)).or_else(|| of_grant(code)).or_else(|| of_org(code))?;
    Some(match language {
        Language::Fr => fr,
        Language::En => en,
    })
}

type Pair = [(&'static str, &'static str); 2];

/// The app: unknown, not reachable, not allowed to.
fn of_app(code: &str) -> Option<Pair> {
    Some(match code {
        "invalid_client_id" | "app_not_found" => [
            (
                "Salesforce ne connaît pas la clé client de l'application.",
                "Vérifiez-la dans la configuration. Une application que l'on vient de créer n'est connue partout qu'après une dizaine de \
                 minutes : réessayez alors.",
            ),
            (
                "Salesforce does not know the app's consumer key.",
                "Check it in the configuration. An app that was just created is known everywhere only after some ten minutes: try again then.",
            ),
        ],
        "invalid_client" | "invalid_basic_auth_header" => [
            (
                "Salesforce n'accepte pas le secret client de l'application.",
                "Copiez de nouveau le secret depuis les paramètres de l'application et appliquez-le avec PASSERELLE_CONSUMER_SECRET, puis \
                 réessayez. Un secret que l'on vient de changer n'est connu partout qu'après une dizaine de minutes.",
            ),
            (
                "Salesforce does not accept the app's consumer secret.",
                "Copy the secret from the app's settings again and apply it with PASSERELLE_CONSUMER_SECRET, then try again. A secret that was \
                 just changed is known everywhere only after some ten minutes.",
            ),
        ],
        "redirect_uri_mismatch" | "redirect_uri_missing" => [
            (
                "L'adresse de rappel n'est pas enregistrée dans l'application.",
                "Ajoutez à ses adresses de rappel, lettre pour lettre, celle de cette connexion, et attendez une dizaine de minutes : {redirect_uri}",
            ),
            (
                "The callback address is not registered with the app.",
                "Add this connection's to its callback addresses, letter by letter, and wait some ten minutes: {redirect_uri}",
            ),
        ],
        "invalid_scope" => [
            (
                "L'application n'accorde pas les étendues demandées.",
                "Ajoutez à l'application les étendues « api » et « refresh_token », puis reconnectez.",
            ),
            ("The app does not grant the scopes asked for.", "Add the scopes “api” and “refresh_token” to the app, then connect again."),
        ],
        "app_not_installed" | "installation_error" | "OAUTH_APPROVAL_ERROR_GENERIC" => [
            (
                "L'application n'est pas installée dans cette organisation, et Salesforce bloque celles qui ne le sont pas.",
                "Un administrateur l'installe dans « Applications connectées, utilisation OAuth », ou crée dans l'organisation sa propre \
                 application cliente externe.",
            ),
            (
                "The app is not installed in this org, and Salesforce blocks those that are not.",
                "An administrator installs it under “Connected Apps OAuth Usage”, or makes an External Client App of the org's own.",
            ),
        ],
        "app_blocked" | "OAUTH_APP_BLOCKED" | "fail_close_app_blocked" => [
            (
                "L'application est bloquée dans cette organisation.",
                "Un administrateur la débloque dans « Applications connectées, utilisation OAuth ».",
            ),
            ("The app is blocked in this org.", "An administrator unblocks it under “Connected Apps OAuth Usage”."),
        ],
        "oauth_flow_disabled" | "unsupported_grant_type" | "unsupported_response_type" => [
            (
                "Ce flux OAuth n'est pas activé pour l'application.",
                "Activez-le dans ses paramètres OAuth, ou nommez-en un autre dans la configuration. Le flux par appareil est bloqué pour les \
                 applications qui ne sont pas installées.",
            ),
            (
                "This OAuth flow is not enabled for the app.",
                "Enable it in its OAuth settings, or name another one in the configuration. The device flow is blocked for apps that are not \
                 installed.",
            ),
        ],
        "no_run_as_user" => [
            (
                "L'application ne nomme pas d'utilisateur pour le flux « client credentials », ou ce flux n'est pas activé.",
                "Activez-le dans les règles de l'application et choisissez l'utilisateur d'exécution (« Run As »).",
            ),
            (
                "The app names no user for the client credentials flow, or the flow is not enabled.",
                "Enable it in the app's policies and choose the user to run as.",
            ),
        ],
        "wrong_domain" => [
            ("Salesforce n'accepte ce flux qu'à l'adresse propre à l'organisation.", "Écrivez `my_domain` comme hôte dans la configuration."),
            ("Salesforce serves this flow at the org's own host only.", "Write `my_domain` as the host in the configuration."),
        ],
        _ => return None,
    })
}

/// The user, and where they come from.
fn of_user(code: &str) -> Option<Pair> {
    Some(match code {
        "access_denied" => [
            ("L'accès a été refusé sur la page de Salesforce.", "Recommencez et choisissez « Autoriser », avec un utilisateur qui en a le droit."),
            ("Access was denied on Salesforce's page.", "Begin again and choose “Allow”, as a user who may do so."),
        ],
        "user_not_approved" | "invalid_app_access" | "ecapp_policy_not_found" | "oauth_policy_not_found" | "OAUTH_APP_ACCESS_DENIED" => [
            (
                "L'utilisateur n'est pas autorisé d'avance à utiliser l'application.",
                "Dans les règles de l'application, choisissez « Les utilisateurs approuvés par l'administrateur sont préautorisés » et \
                 attribuez-lui l'ensemble d'autorisations qui y donne accès.",
            ),
            (
                "The user is not authorized in advance to use the app.",
                "In the app's policies choose “Admin approved users are pre-authorized”, and assign the user the permission set that gives access.",
            ),
        ],
        "ip_restricted" => [
            (
                "Salesforce n'accepte pas l'adresse IP d'où vient Passerelle.",
                "Autorisez l'adresse de sortie de Passerelle dans les règles de l'application et le profil de l'utilisateur, ou assouplissez \
                 la restriction d'adresses IP de l'application.",
            ),
            (
                "Salesforce does not accept the IP address that Passerelle comes from.",
                "Allow Passerelle's outgoing address in the app's policies and in the user's profile, or relax the app's IP restriction.",
            ),
        ],
        "inactive_user" => [
            ("L'utilisateur est désactivé ou gelé dans Salesforce.", "Réactivez-le, ou connectez-vous avec un autre utilisateur."),
            ("The user is inactive or frozen in Salesforce.", "Activate the user, or connect with another one."),
        ],
        "authentication_failure" | "login_error" => [
            (
                "Salesforce ne laisse pas cet utilisateur s'identifier.",
                "L'historique des connexions de l'utilisateur, dans Salesforce, en dit la raison : mot de passe expiré, heures ou adresse non \
                 permises.",
            ),
            (
                "Salesforce does not let this user sign in.",
                "The user's login history in Salesforce tells why: an expired password, hours or an address that are not allowed.",
            ),
        ],
        "invalid_session_level" => [
            (
                "Salesforce exige pour cela une session plus sûre.",
                "Retirez à l'application ou au profil l'exigence d'une session « à haute assurance » pour l'utilisateur d'intégration.",
            ),
            (
                "Salesforce asks for a safer session for this.",
                "Take the requirement of a high assurance session from the app, or from the integration user's profile.",
            ),
        ],
        _ => return None,
    })
}

/// What was shown: codes, tokens, signatures.
fn of_grant(code: &str) -> Option<Pair> {
    Some(match code {
        "code_expired" => [
            ("Le code d'autorisation a expiré, ou il a déjà servi.", "Recommencez et allez jusqu'au bout sans recharger de page."),
            ("The authorization code has expired, or was used already.", "Begin again, and go through without reloading a page."),
        ],
        "token_expired" => [
            (
                "Le jeton d'actualisation a expiré ou a été révoqué ou remplacé.",
                "Reconnectez ; ce qui attend reprendra de lui-même. Salesforce garde cinq jetons par utilisateur et application : utilisez un \
                 utilisateur d'intégration par installation.",
            ),
            (
                "The refresh token has expired, or was revoked or replaced.",
                "Connect again; what waits then goes on by itself. Salesforce keeps five tokens per user and app: use an integration user for \
                 each installation.",
            ),
        ],
        "pkce_required" | "pkce_refused" => [
            (
                "Salesforce n'accepte pas la preuve PKCE de l'échange.",
                "Recommencez dans un seul navigateur. Si l'erreur revient, laissez PKCE activé dans l'application et retirez tout proxy qui \
                 récrit les adresses.",
            ),
            (
                "Salesforce does not accept the exchange's PKCE proof.",
                "Begin again within one browser. If the error comes back, leave PKCE on in the app, and remove any proxy that rewrites addresses.",
            ),
        ],
        "assertion_refused" => [
            (
                "Salesforce ne reconnaît pas la signature : le certificat de l'application n'est pas celui de Passerelle.",
                "Lancez `passerelle certificate`, mettez ce certificat dans l'application, attendez une dizaine de minutes et réessayez. \
                 Vérifiez aussi que le flux JWT y est activé.",
            ),
            (
                "Salesforce does not know the signature: the app's certificate is not Passerelle's.",
                "Run `passerelle certificate`, put that certificate into the app, wait some ten minutes and try again. Check as well that the \
                 JWT bearer flow is enabled there.",
            ),
        ],
        "assertion_expired" => [
            (
                "Pour Salesforce, la signature est expirée ou vient de l'avenir.",
                "Réglez l'horloge de la machine qui exécute Passerelle, puis réessayez.",
            ),
            ("To Salesforce the signature is expired, or of the future.", "Set the clock of the machine that runs Passerelle, then try again."),
        ],
        "audience_wrong" => [
            (
                "La signature est destinée à un autre hôte que celui de l'organisation.",
                "Corrigez l'hôte dans la configuration : `production`, `sandbox`, ou l'adresse « My Domain » de l'organisation.",
            ),
            (
                "The signature is meant for another host than the org's.",
                "Correct the host in the configuration: `production`, `sandbox`, or the org's My Domain.",
            ),
        ],
        "invalid_grant" | "invalid_request" => [
            (
                "Salesforce n'accepte pas ce qui lui a été montré : un code ou un jeton expiré ou déjà utilisé, une signature inconnue, ou une \
                 restriction d'adresses IP s'y oppose.",
                "Reconnectez. Si l'erreur revient, vérifiez dans Salesforce les restrictions d'adresses IP de l'application et l'historique \
                 des connexions de l'utilisateur.",
            ),
            (
                "Salesforce does not accept what it was shown: a code or token that has expired or was used already, an unknown signature, or a \
                 restriction of IP addresses is in the way.",
                "Connect again. If the error comes back, check the app's IP restrictions and the user's login history in Salesforce.",
            ),
        ],
        _ => return None,
    })
}

/// The org, and Salesforce itself.
fn of_org(code: &str) -> Option<Pair> {
    Some(match code {
        "inactive_org" | "ORG_LOCKED" => [
            (
                "L'organisation Salesforce est désactivée, suspendue ou verrouillée.",
                "Adressez-vous à Salesforce ou choisissez une autre organisation.",
            ),
            ("The Salesforce org is inactive, suspended or locked.", "Turn to Salesforce, or choose another org."),
        ],
        "REQUEST_LIMIT_EXCEEDED" => [
            (
                "Les appels d'API de l'organisation pour 24 heures sont épuisés.",
                "Attendez qu'il y en ait de nouveau, ou achetez des appels ; puis réessayez.",
            ),
            ("The org's API calls of 24 hours are used up.", "Wait until there are some again, or buy more; then try again."),
        ],
        "INVALID_SESSION_ID" => [
            (
                "L'organisation ne laisse pas la session de cet utilisateur utiliser l'API.",
                "Donnez-lui la permission « API activée » et à l'application l'étendue « api » ; vérifiez aussi dans l'organisation le \
                 verrouillage des sessions à une adresse IP.",
            ),
            (
                "The org does not let this user's session use the API.",
                "Give the user the permission “API Enabled”, and the app the scope “api”; check as well whether the org locks sessions to an IP \
                 address.",
            ),
        ],
        "rate_limit_exceeded" | "service_unavailable" | "system_down" | "server_error" | "slow_down" | "unknown_error" => [
            ("Salesforce est momentanément indisponible.", "Attendez quelques minutes, puis réessayez."),
            ("Salesforce is not available just now.", "Wait some minutes, then try again."),
        ],
        _ => return None,
    })
}
