//! Why an org was not connected. Every refusal has a code, a status, a cause and a cure.

use super::{
    causes,
    words::{self, Explained},
};
use crate::{
    adapters::salesforce::{
        Class, SalesforceError,
        oauth::{OAuthError, cause_of},
    },
    adapters::state::StateError,
    app::{connections::ConnectionError, tokens::TokenError},
    domain::config::Language,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why an org was not connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No configuration.
    UnknownConnection,
    /// The ticket was used, has expired or never was.
    TicketExpired,
    /// The state was used, has expired or never was.
    StateExpired,
    /// The cookie is missing or another's.
    OtherBrowser,
    /// No code.
    Incomplete,
    /// No consumer secret was applied.
    NoConsumerSecret,
    /// The document names a flow without a browser.
    OtherFlow,
    /// Nobody has connected an org yet.
    NotConnected,
    /// Nobody has typed the code in.
    DeviceExpired,
    /// The id is none of an org.
    NoOrganization,
    /// Salesforce's sign-in refused, or its answer was not to be trusted.
    SignIn { code: String, redirect_uri: String },
    /// The app has no scope for it.
    NoRefreshToken,
    /// Another org than before.
    OtherOrganization { pinned: String, given: String },
    /// The first API call was refused.
    FirstCall { code: String },
    /// Ours or our neighbours' in AWS; the cause was logged.
    Unavailable,
}

/// A refusal in words.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{cause} {cure} ({code})")]
pub struct Refused {
    /// A stable code; Salesforce's own where it says enough.
    pub code: String,
    /// What is so, in the connection's language.
    pub cause: String,
    /// What helps, likewise.
    pub cure: String,
}

impl Refusal {
    /// A stable name: Salesforce's own code where it gave one.
    pub fn code(&self) -> &str {
        match self {
            Self::UnknownConnection => "connection_unknown",
            Self::TicketExpired => "ticket_expired",
            Self::StateExpired => "state_expired",
            Self::OtherBrowser => "other_browser",
            Self::Incomplete => "callback_incomplete",
            Self::NoConsumerSecret => "no_consumer_secret",
            Self::OtherFlow => "other_flow",
            Self::NotConnected => "not_connected",
            Self::DeviceExpired => "device_expired",
            Self::NoOrganization => "no_organization",
            Self::SignIn { code, .. } | Self::FirstCall { code } => code,
            Self::NoRefreshToken => "no_refresh_token",
            Self::OtherOrganization { .. } => "other_organization",
            Self::Unavailable => "unavailable",
        }
    }

    /// The status of the page.
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownConnection => 404,
            Self::TicketExpired | Self::StateExpired | Self::DeviceExpired => 410,
            Self::OtherBrowser | Self::Incomplete | Self::NoOrganization => 400,
            Self::NoConsumerSecret | Self::OtherFlow | Self::NotConnected | Self::OtherOrganization { .. } => 409,
            Self::SignIn { .. } | Self::NoRefreshToken | Self::FirstCall { .. } => 403,
            Self::Unavailable => 503,
        }
    }

    /// Whether whoever is refused has shown nothing that we gave out, and so learns nothing about the connection.
    pub fn is_of_a_stranger(&self) -> bool {
        matches!(self, Self::TicketExpired | Self::StateExpired)
    }

    /// Cause and cure.
    pub fn words(&self, language: Language) -> Explained {
        let (key, redirect_uri) = match self {
            Self::OtherOrganization { pinned, given } => return words::other_organization(language, pinned, given),
            Self::SignIn { code, redirect_uri } => (code.as_str(), redirect_uri.as_str()),
            other => (other.code(), ""),
        };
        let found = words::ours(key, language).or_else(|| causes::theirs(key, language));
        let (cause, cure) = found.unwrap_or_else(|| words::unknown(language));
        Explained { cause: cause.to_owned(), cure: cure.replace("{redirect_uri}", redirect_uri) }
    }

    /// The refusal for whoever runs a command.
    pub fn told(&self, language: Language) -> Refused {
        let Explained { cause, cure } = self.words(language);
        Refused { code: self.code().to_owned(), cause, cure }
    }

    /// Salesforce's refusal as the browser brought it. Anybody can write that address, so only what looks like a code is kept, and of the text
    /// no more than which cause it is that we know.
    pub fn brought(code: &str, description: &str, redirect_uri: String) -> Self {
        let legal = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let code = if legal { cause_of(code, description).unwrap_or(code) } else { "sign_in_refused" };
        Self::SignIn { code: code.to_owned(), redirect_uri }
    }

    pub fn sign_in(error: &OAuthError, redirect_uri: &str) -> Self {
        if error.class() == Class::Bug {
            return Self::Unavailable;
        }
        Self::SignIn { code: error.cause().to_owned(), redirect_uri: redirect_uri.to_owned() }
    }

    pub fn first_call(error: &SalesforceError) -> Self {
        let code = match error.code() {
            "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => "api_disabled",
            other => other,
        };
        Self::FirstCall { code: code.to_owned() }
    }
}

fn unavailable(error: &dyn std::error::Error) -> Refusal {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(error = %error, cause, code = "unavailable", "connecting failed");
    Refusal::Unavailable
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        unavailable(&error)
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NotConnected => Self::NotConnected,
            TokenError::Broken { cause } if cause == "no_consumer_secret" => Self::NoConsumerSecret,
            TokenError::Broken { cause } => Self::SignIn { code: cause, redirect_uri: String::new() },
            TokenError::SignIn(error) => Self::sign_in(&error, ""),
            other => unavailable(&other),
        }
    }
}

impl From<ConnectionError> for Refusal {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Unknown(_) => Self::UnknownConnection,
            other => unavailable(&other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const BOTH: [Language; 2] = [Language::Fr, Language::En];

    fn sign_in(code: &str) -> Refusal {
        Refusal::SignIn { code: code.to_owned(), redirect_uri: "https://p.example/oauth/c/callback".to_owned() }
    }

    #[test]
    fn every_refusal_of_ours_has_its_own_words_in_both_languages() {
        let other = Refusal::OtherOrganization { pinned: "00DA".into(), given: "00DB".into() };
        let disabled = Refusal::FirstCall { code: "api_disabled".into() };
        let ours = [
            Refusal::UnknownConnection,
            Refusal::TicketExpired,
            Refusal::StateExpired,
            Refusal::OtherBrowser,
            Refusal::Incomplete,
            Refusal::NoConsumerSecret,
            Refusal::NoRefreshToken,
            Refusal::Unavailable,
            other,
            disabled,
            sign_in("signature_wrong"),
            sign_in("identity_wrong"),
            sign_in("host_refused"),
            sign_in("salesforce_silent"),
            Refusal::OtherFlow,
            Refusal::NotConnected,
            Refusal::DeviceExpired,
            Refusal::NoOrganization,
            sign_in("no_certificate"),
            sign_in("signing_key_unusable"),
            sign_in("organization_changed"),
            sign_in("rotation_lost"),
        ];
        let said: BTreeSet<String> = ours.iter().flat_map(|r| BOTH.map(|language| r.words(language).cause)).collect();
        assert_eq!(said.len(), 2 * ours.len());
        for words in ours.iter().flat_map(|r| BOTH.map(|language| r.words(language))) {
            assert_ne!(words.cause, words::unknown(Language::Fr).0);
            assert_ne!(words.cause, words::unknown(Language::En).0);
            assert!(words.cause.ends_with('.') && words.cure.ends_with('.'), "{words:?}");
        }
    }

    #[test]
    fn a_browser_brings_codes_only() {
        for (brought, text, want) in [
            ("access_denied", "end-user denied authorization", "access_denied"),
            ("invalid_request", "missing required code challenge", "pkce_required"),
            ("invalid_request", "<b>something new</b>", "invalid_request"),
            ("a b", "missing required code challenge", "sign_in_refused"),
            ("", "", "sign_in_refused"),
            (&"x".repeat(65), "", "sign_in_refused"),
        ] {
            assert_eq!(Refusal::brought(brought, text, String::new()).code(), want);
        }
    }

    #[test]
    fn known_codes_of_salesforce_are_explained() {
        for code in [
            "access_denied",
            "invalid_client",
            "invalid_client_id",
            "redirect_uri_mismatch",
            "invalid_grant",
            "invalid_scope",
            "invalid_app_access",
            "OAUTH_APP_BLOCKED",
            "oauth_flow_disabled",
            "inactive_user",
            "inactive_org",
            "rate_limit_exceeded",
            "OAUTH_APPROVAL_ERROR_GENERIC",
            "OAUTH_APP_ACCESS_DENIED",
            "app_not_installed",
            "assertion_expired",
            "assertion_refused",
            "audience_wrong",
            "authentication_failure",
            "code_expired",
            "ip_restricted",
            "no_run_as_user",
            "pkce_refused",
            "pkce_required",
            "token_expired",
            "user_not_approved",
            "wrong_domain",
            "INVALID_SESSION_ID",
            "REQUEST_LIMIT_EXCEEDED",
        ] {
            for language in BOTH {
                assert_ne!(sign_in(code).words(language).cause, words::unknown(language).0, "{code}");
            }
        }
        assert_eq!(sign_in("something_new").words(Language::En).cause, words::unknown(Language::En).0);
        for language in BOTH {
            assert!(sign_in("redirect_uri_mismatch").words(language).cure.ends_with(" https://p.example/oauth/c/callback"));
        }
    }
}
