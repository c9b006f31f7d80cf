//! The environment variables of the functions, read once at start.

use thiserror::Error;

/// A variable that is missing or wrong.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("The environment variable {name} is {fault}. {cure}")]
pub struct SettingsError {
    name: &'static str,
    fault: &'static str,
    cure: &'static str,
}

/// The installation's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `PASSERELLE_TABLE`: name of the state table. Required.
    pub table: String,
    /// `PASSERELLE_SECRET_PREFIX`: what every secret's name begins with, without a slash at the end. Required.
    pub secret_prefix: String,
    /// `PASSERELLE_PUBLIC_URL`: base address of the HTTP API as browsers see it, without a slash at the end.
    /// Default: taken from each request's host.
    pub public_url: Option<String>,
    /// `PASSERELLE_ALLOWED_HOSTS`: further hosts (`host` or `host:port`, separated by commas) that may be called as
    /// Salesforce, at private addresses too. With `http://` before it a host may be called without TLS; this machine always may. Default: none.
    /// For simulated orgs, and for Salesforce behind a private address.
    pub allowed_hosts: Vec<String>,
    /// `PASSERELLE_PLATFORM_HOSTS`: further hosts, written likewise, that a platform's webhook may be at, over plain http and at private
    /// addresses too. Default: none. For the local stack and tests only.
    pub platform_hosts: Vec<String>,
    /// `PASSERELLE_ALERT_SENDER`: the address that mail to the contacts of connections is sent from, verified in SES. Default: none, and no
    /// mail is sent.
    pub alert_sender: Option<String>,
    /// `PASSERELLE_SECRETS_KEY`: the KMS key that new secrets are sealed with. Default: the account's own for Secrets Manager. Functions make no
    /// secrets; the command takes it from the stack's output.
    pub secrets_key: Option<String>,
}

impl Settings {
    /// Reads the variables through `read` (usually [`std::env::var`]).
    pub fn read(read: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let required = |name: &'static str, cure: &'static str| {
            let value = read(name).map(|v| v.trim_end_matches('/').to_owned()).filter(|v| !v.is_empty());
            value.ok_or(SettingsError { name, fault: "missing", cure })
        };
        let hosts = |name: &str| {
            let list = read(name).unwrap_or_default();
            list.split(',').map(|h| h.trim().to_ascii_lowercase()).filter(|h| !h.is_empty()).collect()
        };
        Ok(Self {
            table: required("PASSERELLE_TABLE", "Set it to the name of the DynamoDB table.")?,
            secret_prefix: required("PASSERELLE_SECRET_PREFIX", "Set it to the prefix of the secrets' names, for example passerelle/prod.")?,
            public_url: read("PASSERELLE_PUBLIC_URL").map(|v| v.trim_end_matches('/').to_owned()).filter(|v| !v.is_empty()),
            allowed_hosts: hosts("PASSERELLE_ALLOWED_HOSTS"),
            platform_hosts: hosts("PASSERELLE_PLATFORM_HOSTS"),
            alert_sender: read("PASSERELLE_ALERT_SENDER").map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()),
            secrets_key: read("PASSERELLE_SECRETS_KEY").filter(|v| !v.is_empty()),
        })
    }

    /// Reads the process environment.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(|name| std::env::var(name).ok())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn missing_variables_are_named_with_the_cure() {
        let error = Settings::read(|_| None).unwrap_err().to_string();
        assert_eq!(error, "The environment variable PASSERELLE_TABLE is missing. Set it to the name of the DynamoDB table.");
    }

    #[test]
    fn slashes_and_blanks_are_trimmed() {
        let settings = Settings::read(|name| match name {
            "PASSERELLE_TABLE" => Some("t".into()),
            "PASSERELLE_SECRET_PREFIX" => Some("passerelle/prod/".into()),
            "PASSERELLE_ALLOWED_HOSTS" => Some("LocalHost:1, ,127.0.0.1:1".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(settings.secret_prefix, "passerelle/prod");
        assert_eq!(settings.allowed_hosts, ["localhost:1", "127.0.0.1:1"]);
        assert_eq!(settings.platform_hosts, [] as [String; 0]);
        assert_eq!(settings.public_url, None);
    }
}
