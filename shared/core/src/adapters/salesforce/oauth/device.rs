//! The device flow's first answer: a code for us, and one that somebody types in.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::OAuthError;
use crate::adapters::salesforce::host;

/// Least and most seconds between two questions, whatever Salesforce says.
const INTERVAL_S: std::ops::RangeInclusive<u64> = 1..=60;

/// How long a code can be typed in. Source: Salesforce help, "OAuth 2.0 Device Flow".
const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// What Salesforce answered. Whoever waits keeps it; it is stored nowhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceCode {
    /// With it we ask whether the code was typed in.
    #[serde(serialize_with = "shown")]
    pub device_code: SecretString,
    /// What somebody types in.
    pub user_code: String,
    /// Where: checked to be one of Salesforce's pages.
    pub verification_url: String,
    /// How long to wait between two questions, in seconds.
    pub interval_s: u64,
    /// Until when the code can be typed in.
    pub until: Timestamp,
}

fn shown<S: Serializer>(code: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(code.expose_secret())
}

#[derive(Deserialize)]
struct Answer {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    interval: u64,
}

/// Reads an answer. The page must be one of Salesforce, or of a host that the operator allows.
pub fn parse_device(status: u16, body: &[u8], allowed_hosts: &[String], now: Timestamp) -> Result<DeviceCode, OAuthError> {
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
        interval_s: answer.interval.clamp(*INTERVAL_S.start(), *INTERVAL_S.end()),
        until: now.saturating_add(LIFE).unwrap_or(now),
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
            parse_device(200, body.to_string().as_bytes(), &[], Timestamp::UNIX_EPOCH)
        };
        let code = answer("https://login.salesforce.com/setup/connect", 5).unwrap();
        assert_eq!((code.user_code.as_str(), code.interval_s), ("ABCD1m12", 5), "what a terminal would take for a command is left out");
        assert_eq!(code.verification_url, "https://login.salesforce.com/setup/connect");
        assert_eq!(answer("https://login.salesforce.com/x", 0).unwrap().interval_s, 1);
        assert_eq!(answer("https://evil.example/setup/connect", 5).unwrap_err().code(), "host_refused");
        assert_eq!(answer("no address", 5).unwrap_err().code(), "salesforce_unreadable");
        let refused = parse_device(400, br#"{"error":"oauth_flow_disabled"}"#, &[], Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(refused.code(), "oauth_flow_disabled");
    }
}
