//! What the Salesforce secret of a connection holds.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::keys::{KeyText, SigningKey};
use crate::adapters::salesforce::oauth::Grant;

/// Consumer secret or signing keys and, once connected, tokens.
#[derive(Clone, Default, Deserialize)]
pub struct Credentials {
    /// The consumer secret of the customer's app.
    #[serde(default)]
    pub client_secret: Option<SecretString>,
    /// The keys of the JWT bearer flow, newest first; two while one takes the other's place.
    #[serde(default)]
    pub keys: Vec<SigningKey>,
    /// The id of the key whose certificate Salesforce accepted last.
    #[serde(default)]
    pub accepted_key: Option<String>,
    /// The right to call the org; dies after some hours.
    #[serde(default)]
    pub access_token: Option<SecretString>,
    /// The right to ask for access tokens.
    #[serde(default)]
    pub refresh_token: Option<SecretString>,
    /// Where the org is: an origin that was checked when it was stored.
    #[serde(default)]
    pub instance_url: Option<String>,
    /// The identity address of the user who approved.
    #[serde(default)]
    pub identity: Option<String>,
    /// The org that the connection is tied to.
    #[serde(default)]
    pub organization_id: Option<String>,
    /// The user who approved.
    #[serde(default)]
    pub user_id: Option<String>,
    /// When the access token was issued, in milliseconds since 1970, as text.
    #[serde(default)]
    pub issued_at: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("organization_id", &self.organization_id).finish_non_exhaustive()
    }
}

/// The JSON of the secret; borrows, so that no copies of tokens are left in memory besides the text itself.
#[derive(Serialize)]
struct Text<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<&'a str>,
}

impl Credentials {
    /// A consumer secret, not connected.
    #[must_use]
    pub fn new(client_secret: SecretString) -> Self {
        Self { client_secret: Some(client_secret), ..Self::default() }
    }

    /// Reads a secret's text; `None` if it is not of this shape. The parser's message is not kept: it may quote the text.
    #[must_use]
    pub fn parse(text: &SecretString) -> Option<Self> {
        serde_json::from_str(text.expose_secret()).ok()
    }

    /// The secret's text.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let text = Text {
            client_secret: self.client_secret.as_ref().map(ExposeSecret::expose_secret),
            keys: self.keys.iter().map(SigningKey::text).collect(),
            accepted_key: self.accepted_key.as_deref(),
            access_token: self.access_token.as_ref().map(ExposeSecret::expose_secret),
            refresh_token: self.refresh_token.as_ref().map(ExposeSecret::expose_secret),
            instance_url: self.instance_url.as_deref(),
            identity: self.identity.as_deref(),
            organization_id: self.organization_id.as_deref(),
            user_id: self.user_id.as_deref(),
            issued_at: self.issued_at.as_deref(),
        };
        // Texts and options of texts always serialise.
        serde_json::to_string(&text).unwrap_or_default().into()
    }

    /// With the tokens of a grant. A grant without a refresh token leaves the one that there was: the org does not rotate.
    #[must_use]
    pub fn with(&self, grant: &Grant) -> Self {
        Self {
            client_secret: self.client_secret.clone(),
            keys: self.keys.clone(),
            accepted_key: self.accepted_key.clone(),
            access_token: Some(grant.access_token.clone()),
            refresh_token: grant.refresh_token.clone().or_else(|| self.refresh_token.clone()),
            instance_url: Some(grant.instance_url.clone()),
            identity: Some(grant.identity.clone()),
            organization_id: Some(grant.organization_id.to_string()),
            user_id: Some(grant.user_id.to_string()),
            issued_at: grant.issued_at.map(|at| at.as_millisecond().to_string()),
        }
    }

    /// Without tokens: what is left signs in again.
    #[must_use]
    pub fn signed_out(self) -> Self {
        Self { client_secret: self.client_secret, keys: self.keys, accepted_key: self.accepted_key, ..Self::default() }
    }

    /// Whether `next` carries more than a younger access token for the same place.
    #[must_use]
    pub fn differs_lastingly(&self, next: &Self) -> bool {
        !same(self.refresh_token.as_ref(), next.refresh_token.as_ref())
            || !same(self.client_secret.as_ref(), next.client_secret.as_ref())
            || self.accepted_key != next.accepted_key
            || self.keys.iter().map(|key| &key.id).ne(next.keys.iter().map(|key| &key.id))
            || self.instance_url != next.instance_url
            || self.organization_id != next.organization_id
            || self.user_id != next.user_id
    }

    /// Whether both carry the same tokens.
    #[must_use]
    pub fn same_tokens(&self, other: &Self) -> bool {
        self.same_access(other) && same(self.refresh_token.as_ref(), other.refresh_token.as_ref())
    }

    /// Whether both carry the same access token.
    #[must_use]
    pub fn same_access(&self, other: &Self) -> bool {
        same(self.access_token.as_ref(), other.access_token.as_ref())
    }
}

fn same(a: Option<&SecretString>, b: Option<&SecretString>) -> bool {
    a.map(ExposeSecret::expose_secret) == b.map(ExposeSecret::expose_secret)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;
    use crate::domain::ids::RecordId;

    /// A grant of access token `access`, and `refresh` where the org rotates.
    pub fn grant(access: &str, refresh: Option<&str>) -> Grant {
        Grant {
            access_token: access.into(),
            refresh_token: refresh.map(SecretString::from),
            instance_url: "https://acme.my.salesforce.com".to_owned(),
            identity: "https://login.salesforce.com/id/00DB0000000TfcRMAS/005B0000005Bk90IAC".to_owned(),
            organization_id: RecordId::parse("00DB0000000TfcR").unwrap(),
            user_id: RecordId::parse("005B0000005Bk90").unwrap(),
            issued_at: Some(jiff::Timestamp::from_millisecond(1_558_553_873_237).unwrap()),
            scope: None,
        }
    }

    #[test]
    fn the_text_is_read_back() {
        let bare = Credentials::new("s3".into());
        assert_eq!(bare.to_text().expose_secret(), r#"{"client_secret":"s3"}"#);
        let connected = bare.with(&grant("A1", Some("R1")));
        let text = connected.to_text();
        let want = r#"{"client_secret":"s3","access_token":"A1","refresh_token":"R1","instance_url":"https://acme.my.salesforce.com","#;
        assert!(text.expose_secret().starts_with(want));
        let read = Credentials::parse(&text).unwrap();
        assert_eq!(read.to_text().expose_secret(), text.expose_secret());
        assert_eq!(read.issued_at.as_deref(), Some("1558553873237"));
        assert_eq!(Credentials::parse(&"{}".into()).unwrap().to_text().expose_secret(), "{}");
        assert_eq!(connected.signed_out().to_text().expose_secret(), r#"{"client_secret":"s3"}"#);
        assert!(Credentials::parse(&"no json".into()).is_none());
    }

    #[test]
    fn only_a_younger_access_token_is_no_lasting_difference() {
        let old = Credentials::new("s3".into()).with(&grant("A1", Some("R1")));
        let mut moved = grant("A2", None);
        moved.instance_url = "https://na2.my.salesforce.com".to_owned();
        for (name, next, lasting, access) in [
            ("not rotated", grant("A2", None), false, false),
            ("same refresh token again", grant("A2", Some("R1")), false, false),
            ("rotated", grant("A2", Some("R2")), true, false),
            ("org migrated", moved, true, false),
            ("nothing new", grant("A1", None), false, true),
        ] {
            let next = old.with(&next);
            assert_eq!((old.differs_lastingly(&next), old.same_access(&next)), (lasting, access), "{name}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let shown = format!("{:?}", Credentials::new("s3".into()).with(&grant("A1", Some("R1"))));
        assert_eq!(shown, r#"Credentials { organization_id: Some("00DB0000000TfcRMAS"), .. }"#);
    }
}
