//! The device flow's first answer: a code for us, and one that somebody types in.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::OAuthError;
use crate::adapters::salesforce::host;

/// Least and most seconds between two questions, whatever Salesforce says.
const INTERVAL_S: std::ops::RangeInclusive<u64> = 1..=60;

/// What Salesforce answered.
#[derive(Debug, Clone)]
pub struct DeviceCode {
    /// With it we ask whether the code was typed in.
    pub device_code: SecretString,
    /// What somebody types in.
    pub user_code: String,
    /// Where: checked to be one of Salesforce's pages.
    pub verification_url: String,
    /// How long to wait between two questions.
    pub interval: Duration,
}

#[derive(Deserialize)]
struct Answer {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    interval: u64,
}

/// Reads an answer. The page must be one of Salesforce, or of a host that the operator allows.
pub fn parse_device(status: u16, body: &[u8], allowed_hosts: &[String]) -> Result<DeviceCode, OAuthError> {
    if !(200..300).contains(&status) {
        return Err(OAuthError::refused(status, body));
    }
    // A parser's message may quote the body, and with it the code.
    let unreadable = || OAuthError::Unreadable { status, source: "the body is no device code".into() };
    let answer: Answer = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let url = Url::parse(&answer.verification_uri).map_err(|_| unreadable())?;
    host::check(&url, allowed_hosts).map_err(OAuthError::Host)?;
    Ok(DeviceCode {
        device_code: answer.device_code,
        user_code: answer.user_code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect(),
        verification_url: url.into(),
        interval: Duration::from_secs(answer.interval.clamp(*INTERVAL_S.start(), *INTERVAL_S.end())),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_code_is_read_and_its_page_is_salesforces() {
        let answer = |uri: &str, interval: u64| {
            let body = json!({"device_code": "dc", "user_code": "ABCD\u{1b}[1m12", "verification_uri": uri, "interval": interval});
            parse_device(200, body.to_string().as_bytes(), &[])
        };
        let code = answer("https://login.salesforce.com/setup/connect", 5).unwrap();
        assert_eq!((code.user_code.as_str(), code.interval.as_secs()), ("ABCD1m12", 5), "what a terminal would take for a command is left out");
        assert_eq!(code.verification_url, "https://login.salesforce.com/setup/connect");
        assert_eq!(answer("https://login.salesforce.com/x", 0).unwrap().interval.as_secs(), 1);
        assert_eq!(answer("https://evil.example/setup/connect", 5).unwrap_err().code(), "host_refused");
        assert_eq!(answer("no address", 5).unwrap_err().code(), "salesforce_unreadable");
        let refused = parse_device(400, br#"{"error":"oauth_flow_disabled"}"#, &[]).unwrap_err();
        assert_eq!(refused.code(), "oauth_flow_disabled");
    }
}
