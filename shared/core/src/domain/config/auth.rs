//! How Passerelle signs in to an org, and where. No secret is ever part of the document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Toggle;

/// Where users of an org sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// `https://login.salesforce.com`
    Production,
    /// `https://test.salesforce.com`
    Sandbox,
    /// `https://{name}.my.salesforce.com`; a sandbox is written `name--sandbox.sandbox`.
    MyDomain(String),
    /// Any address, without a path. It must be https under a Salesforce domain, or allowed by the operator.
    Url(String),
}

/// The hosts that belong to all orgs.
const SHARED: [&str; 2] = ["https://login.salesforce.com", "https://test.salesforce.com"];

impl Host {
    /// The address, without a slash at the end.
    #[must_use]
    pub fn login_url(&self) -> String {
        let [production, sandbox] = SHARED;
        match self {
            Host::Production => production.to_owned(),
            Host::Sandbox => sandbox.to_owned(),
            Host::MyDomain(name) => format!("https://{name}.my.salesforce.com"),
            Host::Url(url) => url.trim().trim_end_matches('/').to_owned(),
        }
    }

    /// Whether the host is the org's own, and not one that all orgs share.
    #[must_use]
    pub fn is_of_one_org(&self) -> bool {
        !SHARED.contains(&self.login_url().to_ascii_lowercase().as_str())
    }
}

/// How Passerelle signs in to the org. Consumer secret and private key are never part of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// A user of the org approves Passerelle in the browser.
    WebServer(WebServer),
    /// Passerelle signs with a private key of its own for a user whom an administrator has approved in advance. Nobody signs in, nothing
    /// expires, and no refresh token can be lost.
    JwtBearer(JwtBearer),
    /// The app itself signs in with its consumer key and secret, as the user whom its settings name. Only at the org's own host (`my_domain`).
    ClientCredentials(ClientCredentials),
    /// Somebody types a code into a page of Salesforce. Salesforce blocks this flow for apps that are not installed in the org, so it is off
    /// unless `enabled` says otherwise.
    Device(Device),
}

impl Auth {
    /// The consumer key.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::WebServer(flow) => &flow.client_id,
            Self::JwtBearer(flow) => &flow.client_id,
            Self::ClientCredentials(flow) => &flow.client_id,
            Self::Device(flow) => &flow.client_id,
        }
    }

    /// The scopes that are asked for; none where the app's settings alone decide.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        match self {
            Self::WebServer(flow) => &flow.scopes,
            Self::Device(flow) => &flow.scopes,
            Self::JwtBearer(_) | Self::ClientCredentials(_) => &[],
        }
    }

    /// Whether sessions are renewed by a refresh token, which can expire, be revoked, or get lost in a rotation.
    #[must_use]
    pub const fn refreshes(&self) -> bool {
        matches!(self, Self::WebServer(_) | Self::Device(_))
    }
}

/// The OAuth 2.0 web server flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebServer {
    /// The consumer key of the customer's External Client App.
    pub client_id: String,
    /// The scopes asked for.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
}

/// The OAuth 2.0 JWT bearer flow. `passerelle certificate` prints the certificate that the app needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtBearer {
    /// The consumer key of the customer's External Client App.
    pub client_id: String,
    /// The name with which the integration user signs in; it looks like an e-mail address, and is often not theirs.
    pub username: String,
}

/// The OAuth 2.0 client credentials flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// The consumer key of the customer's External Client App.
    pub client_id: String,
}

/// The OAuth 2.0 device flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The consumer key of the customer's External Client App.
    pub client_id: String,
    /// The scopes asked for.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// Whether the flow may be used, although Salesforce blocks it for apps that are not installed in the org.
    #[serde(default)]
    pub enabled: Toggle,
}

fn default_scopes() -> Vec<String> {
    vec!["api".to_owned(), "refresh_token".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_hosts_are_told_from_those_of_one_org() {
        for (host, url, own) in [
            (Host::Production, "https://login.salesforce.com", false),
            (Host::Sandbox, "https://test.salesforce.com", false),
            (Host::MyDomain("acme--dev.sandbox".into()), "https://acme--dev.sandbox.my.salesforce.com", true),
            (Host::Url("https://acme.my.salesforce.com/".into()), "https://acme.my.salesforce.com", true),
            (Host::Url(" https://Login.Salesforce.com/".into()), "https://Login.Salesforce.com", false),
        ] {
            assert_eq!((host.login_url().as_str(), host.is_of_one_org()), (url, own), "{host:?}");
        }
    }
}
