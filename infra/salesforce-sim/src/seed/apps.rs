//! OAuth applications as seed data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A connected app or an external client app.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppSeed {
    /// The name on the consent page.
    pub name: String,
    /// The consumer key.
    pub client_id: String,
    /// The consumer secret; none for a public client.
    pub secret: Option<String>,
    /// The callback URLs; a request must name one of them exactly.
    pub callback_urls: Vec<String>,
    /// The scopes the app may ask for, for example `api`, `refresh_token`, `id`, `openid`.
    pub scopes: Vec<String>,
    /// Whether an authorisation without `code_challenge` is refused.
    pub pkce_required: bool,
    /// Whether every refresh gives a new refresh token and kills the old one.
    pub rotation: bool,
    /// Whether code and refresh grants need the secret.
    pub require_secret: bool,
    /// Whether the app is installed in the org; if not, only users with "Approve Uninstalled
    /// Connected Apps" may use it.
    pub installed: bool,
    /// Whether an administrator has blocked the app in the org.
    pub blocked: bool,
    /// Whether the app's policies refuse the address that token requests come from.
    pub ip_restricted: bool,
    /// From when on the sign-in servers know the app; a new one is not known for some ten minutes. Always when absent.
    pub known_from: Option<Timestamp>,
    /// The OAuth flows that are switched on.
    pub flows: Flows,
    /// The username the client credentials flow runs as.
    pub run_as: Option<String>,
    /// Usernames that need not approve the app ("Admin approved users are pre-authorized").
    pub pre_authorized: Vec<String>,
    /// The public key of the JWT bearer flow: PEM, a certificate or an RSA public key.
    pub certificate_pem: Option<String>,
    /// Seconds an access token lives; the org's session time-out when absent.
    pub access_token_seconds: Option<u64>,
    /// Idle seconds after which a refresh token dies; never when absent.
    pub refresh_idle_seconds: Option<u64>,
}

impl Default for AppSeed {
    fn default() -> Self {
        Self {
            name: "App".to_owned(),
            client_id: String::new(),
            secret: None,
            callback_urls: Vec::new(),
            scopes: ["api", "refresh_token", "id", "openid"].map(str::to_owned).to_vec(),
            pkce_required: true,
            rotation: true,
            require_secret: true,
            installed: true,
            blocked: false,
            ip_restricted: false,
            known_from: None,
            flows: Flows::default(),
            run_as: None,
            pre_authorized: Vec::new(),
            certificate_pem: None,
            access_token_seconds: None,
            refresh_idle_seconds: None,
        }
    }
}

/// The OAuth flows of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flows {
    /// Authorization code.
    pub web_server: bool,
    /// JWT bearer.
    pub jwt_bearer: bool,
    /// Client credentials.
    pub client_credentials: bool,
    /// Device.
    pub device: bool,
}

impl Default for Flows {
    fn default() -> Self {
        Self { web_server: true, jwt_bearer: false, client_credentials: false, device: false }
    }
}
