//! What sign-in refuses, and what follows from it.

use serde_json::Value;
use thiserror::Error;
use url::form_urlencoded;

use super::super::{error::Class, host::HostRefused};
use crate::ports::{Cause, TransportError};

/// A failed token request, or an answer that cannot be trusted.
#[derive(Debug, Error)]
pub enum OAuthError {
    /// No answer came.
    #[error("Salesforce's sign-in did not answer")]
    Unanswered(#[source] TransportError),
    /// Salesforce refused, with one of its codes.
    #[error("Salesforce's sign-in refused with {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its code, for example `invalid_grant`.
        code: String,
        /// Its text for people, always in English; may be empty.
        description: String,
    },
    /// The answer is not of the documented shape: a proxy's page, for example.
    #[error("the answer of Salesforce's sign-in, with status {status}, cannot be read")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The signature is missing or not made with the consumer secret.
    #[error("the answer of Salesforce's sign-in is not signed with the consumer secret")]
    Signature,
    /// The identity address does not name an organization and a user, or is none of Salesforce.
    #[error("the answer of Salesforce's sign-in does not name an organization and a user")]
    Identity(#[source] Cause),
    /// The host is not one of Salesforce.
    #[error("the address of the org is not allowed")]
    Host(#[source] HostRefused),
    /// The private key of the connection cannot be used.
    #[error("the connection's private key cannot be used")]
    SigningKey,
    /// The request could not be made.
    #[error("the request to Salesforce's sign-in cannot be made")]
    Unsendable(#[source] Cause),
}

impl OAuthError {
    /// From an answer with an error status: JSON, or a form as revocation gives it.
    pub(super) fn refused(status: u16, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let from_json = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        let from_form = |key: &str| form_urlencoded::parse(body).find(|(k, _)| k == key).map(|(_, v)| v.into_owned());
        let text = |key: &str| from_json(key).or_else(|| from_form(key));
        match text("error") {
            Some(code) => Self::Refused { status, code, description: text("error_description").unwrap_or_default() },
            None => Self::Unreadable { status, source: "no error code".into() },
        }
    }

    /// A stable name: Salesforce's own code where it gave one.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unanswered(TransportError::NotSent { .. }) => "salesforce_unreachable",
            Self::Unanswered(TransportError::MaybeSent { .. }) => "salesforce_silent",
            Self::Refused { code, .. } => code,
            Self::Unreadable { .. } => "salesforce_unreadable",
            Self::Signature => "signature_wrong",
            Self::Identity(_) => "identity_wrong",
            Self::Host(_) => "host_refused",
            Self::SigningKey => "signing_key_unusable",
            Self::Unsendable(_) => "salesforce_request_wrong",
        }
    }

    /// The same where Salesforce's code says all; else, told by its text, which of the things that share a code it is. These texts are never
    /// translated, and where one is not known the code stands. Source: answers that Salesforce's own and other clients have recorded.
    #[must_use]
    pub fn cause(&self) -> &str {
        match self {
            Self::Refused { code, description, .. } => cause_of(code, description).unwrap_or(code),
            other => other.code(),
        }
    }

    /// [`Class::Retry`] for what passes by itself, [`Class::Reauthorise`] for what a person has to mend.
    ///
    /// A page without a code (a proxy, maintenance) says nothing about the grant, whatever its status.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Unanswered(_) | Self::Unreadable { .. } => Class::Retry { after: None },
            Self::Refused { status, code, .. } => match code.as_str() {
                "rate_limit_exceeded"
                | "service_unavailable"
                | "system_down"
                | "server_error"
                | "slow_down"
                | "unknown_error"
                | "fail_close_app_blocked" => Class::Retry { after: None },
                _ if *status >= 500 || matches!(status, 408 | 420 | 429) => Class::Retry { after: None },
                _ => Class::Reauthorise,
            },
            Self::Signature | Self::Identity(_) | Self::Host(_) | Self::SigningKey => Class::Reauthorise,
            Self::Unsendable(_) => Class::Bug,
        }
    }

    /// Whether Salesforce may have done what was asked: a refresh token may have been rotated, and the new one lost.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        match self {
            Self::Unanswered(TransportError::MaybeSent { .. }) | Self::Unreadable { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
            // These came with tokens.
            Self::Signature | Self::Identity(_) | Self::Host(_) => true,
            Self::Unanswered(TransportError::NotSent { .. }) | Self::SigningKey | Self::Unsendable(_) => false,
        }
    }
}

/// Texts of the codes that say too little, each with our name for what it means. The first that fits counts.
const TEXTS: [(&str, &str); 20] = [
    ("ip restricted", "ip_restricted"),
    ("inactive user", "inactive_user"),
    ("inactive org", "inactive_org"),
    ("authorization code", "code_expired"),
    ("missing required code", "pkce_required"),
    ("code verifier", "pkce_refused"),
    ("code challenge", "pkce_refused"),
    ("access/refresh token", "token_expired"),
    ("token validity expired", "token_expired"),
    ("hasn't approved", "user_not_approved"),
    ("not admin approved", "user_not_approved"),
    ("no client credentials user", "no_run_as_user"),
    ("not supported on this domain", "wrong_domain"),
    ("audience", "audience_wrong"),
    ("expired assertion", "assertion_expired"),
    ("assertion expiry", "assertion_expired"),
    ("invalid assertion", "assertion_refused"),
    ("authentication failure", "authentication_failure"),
    ("must be installed", "app_not_installed"),
    ("device code", "code_expired"),
];

/// Our name for what a code and its text mean together; `None` where the code alone has to do.
pub fn cause_of(code: &str, description: &str) -> Option<&'static str> {
    if !matches!(code, "invalid_grant" | "invalid_request" | "invalid_client" | "invalid_app_access") {
        return None;
    }
    let description = description.to_ascii_lowercase();
    let known = TEXTS.iter().find(|(text, _)| description.contains(text)).map(|(_, cause)| *cause);
    known.or_else(|| (code == "invalid_app_access").then_some("user_not_approved"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_tell_apart_what_shares_a_code() {
        for (code, description, want) in [
            ("invalid_grant", "expired access/refresh token", "token_expired"),
            ("invalid_grant", "IP restricted", "ip_restricted"),
            ("invalid_grant", "inactive organization", "inactive_org"),
            ("invalid_grant", "user hasn't approved this consumer", "user_not_approved"),
            ("invalid_grant", "authentication failure - Invalid Password", "authentication_failure"),
            ("invalid_grant", "something new", "invalid_grant"),
            ("invalid_grant", "", "invalid_grant"),
            ("invalid_app_access", "", "user_not_approved"),
            ("invalid_client", "app must be installed into org", "app_not_installed"),
            ("invalid_client", "invalid client credentials", "invalid_client"),
            ("invalid_client_id", "client identifier invalid", "invalid_client_id"),
            ("invalid_request", "invalid code verifier", "pkce_refused"),
            ("invalid_request", "missing required code challenge", "pkce_required"),
            ("inactive_user", "ip restricted", "inactive_user"),
        ] {
            let error = OAuthError::Refused { status: 400, code: code.to_owned(), description: description.to_owned() };
            assert_eq!((error.cause(), error.code()), (want, code), "{description}");
        }
        assert_eq!(OAuthError::Signature.cause(), "signature_wrong");
    }

    #[test]
    fn refusals_have_a_code_and_a_class() {
        let retry = Class::Retry { after: None };
        for (name, status, body, code, class, doubt) in [
            (
                "revoked",
                400,
                r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#,
                "invalid_grant",
                Class::Reauthorise,
                false,
            ),
            ("inactive user", 400, r#"{"error":"inactive_user"}"#, "inactive_user", Class::Reauthorise, false),
            (
                "wrong secret",
                400,
                r#"{"error":"invalid_client","error_description":"invalid client credentials"}"#,
                "invalid_client",
                Class::Reauthorise,
                false,
            ),
            ("new code", 400, r#"{"error":"something_new"}"#, "something_new", Class::Reauthorise, false),
            ("rate", 400, r#"{"error":"rate_limit_exceeded"}"#, "rate_limit_exceeded", retry, false),
            ("down", 400, r#"{"error":"system_down"}"#, "system_down", retry, false),
            ("unavailable", 503, r#"{"error":"service_unavailable"}"#, "service_unavailable", retry, true),
            ("server", 500, r#"{"error":"odd"}"#, "odd", retry, true),
            ("throttled", 429, r#"{"error":"odd"}"#, "odd", retry, false),
            (
                "form",
                400,
                "error=unsupported_token_type&error_description=this+token+type+is+not+supported",
                "unsupported_token_type",
                Class::Reauthorise,
                false,
            ),
            ("page", 403, "<html>Blocked</html>", "salesforce_unreadable", retry, true),
            ("nothing", 400, "", "salesforce_unreadable", retry, true),
        ] {
            let error = OAuthError::refused(status, body.as_bytes());
            assert_eq!((error.code(), error.class(), error.in_doubt()), (code, class, doubt), "{name}");
        }
    }
}
