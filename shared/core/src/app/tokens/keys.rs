//! The keys of the JWT bearer flow: two at most, so that one can take the other's place without a gap.
//!
//! An app in Salesforce has one certificate at a time. A new key is made beside the old one, and each sign-in that Salesforce refuses with
//! the one is tried with the other: so the old one serves until the new certificate is uploaded, and the new one from then on.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Credentials, TokenError, rewrite};
use crate::{
    domain::{event::hex, ids::ConnectionId},
    ports::Ports,
};

/// A private key, and the certificate that Salesforce knows it by.
#[derive(Clone, Deserialize)]
pub struct SigningKey {
    /// The beginning of the certificate's SHA-256.
    pub id: String,
    /// PKCS#8 in base64.
    pub private_key: SecretString,
    /// The certificate, as PEM.
    pub certificate: String,
    /// Until when the certificate is valid.
    pub expires_at: Timestamp,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The same as text; see `Credentials::to_text`.
#[derive(Serialize)]
pub(super) struct KeyText<'a> {
    id: &'a str,
    private_key: &'a str,
    certificate: &'a str,
    expires_at: Timestamp,
}

impl SigningKey {
    /// A key that was just made. `private_key` is PKCS#8 in base64, `certificate` PEM.
    #[must_use]
    pub fn new(private_key: SecretString, certificate: String, expires_at: Timestamp) -> Self {
        let id = hex(&Sha256::digest(certificate.trim().as_bytes())).chars().take(16).collect();
        Self { id, private_key, certificate, expires_at }
    }

    pub(super) fn text(&self) -> KeyText<'_> {
        KeyText { id: &self.id, private_key: self.private_key.expose_secret(), certificate: &self.certificate, expires_at: self.expires_at }
    }
}

/// Which key signs first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum First {
    /// The one that Salesforce accepted last: whoever is at work.
    Accepted,
    /// The newest: whoever looks whether its certificate is there.
    Newest,
}

impl Credentials {
    /// The keys in the order in which they are tried.
    pub(in crate::app) fn keys_to_try(&self, first: First) -> Vec<&SigningKey> {
        let mut keys: Vec<&SigningKey> = self.keys.iter().collect();
        if first == First::Accepted {
            keys.sort_by_key(|key| self.accepted_key.as_ref() != Some(&key.id));
        }
        keys
    }

    /// The key that signs: the one that Salesforce accepted last, else the newest.
    #[must_use]
    pub fn signing_key(&self) -> Option<&SigningKey> {
        self.keys_to_try(First::Accepted).into_iter().next()
    }

    /// The newest key, unless Salesforce has accepted it.
    #[must_use]
    pub fn key_not_accepted(&self) -> Option<&SigningKey> {
        self.keys.first().filter(|key| self.accepted_key.as_ref() != Some(&key.id))
    }
}

/// Why keys were left as they are.
#[derive(Debug, Error)]
pub enum KeyError {
    /// There are two already.
    #[error("There are two certificates already. Retire the old one first, when Salesforce has accepted the new one.")]
    TwoAlready,
    /// There is one only.
    #[error("There is one certificate only, so none is to be retired. Make a new one first.")]
    OneOnly,
    /// Salesforce has not accepted the newest yet.
    #[error("Salesforce has not accepted the new certificate yet. Upload it to the app, run `passerelle connect`, and retire the old one then.")]
    NotAccepted,
    /// The secret.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl KeyError {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::TwoAlready => "two_certificates",
            Self::OneOnly => "one_certificate",
            Self::NotAccepted => "certificate_not_accepted",
            Self::Token(error) => error.code(),
        }
    }
}

/// Puts a new key beside the one that there is.
pub async fn add_key(ports: Ports<'_>, connection: &ConnectionId, key: SigningKey) -> Result<(), KeyError> {
    rewrite(ports, connection, |former| with_key(former.unwrap_or_default(), key)).await.map(|_| ())
}

fn with_key(mut former: Credentials, key: SigningKey) -> Result<Credentials, KeyError> {
    if former.keys.len() > 1 {
        return Err(KeyError::TwoAlready);
    }
    former.keys.insert(0, key);
    Ok(former)
}

/// Takes the old key away, once Salesforce has accepted the new one. Answers the id of the one that is gone.
pub async fn retire_key(ports: Ports<'_>, connection: &ConnectionId) -> Result<String, KeyError> {
    let mut gone = String::new();
    rewrite(ports, connection, |former| without_old(former.unwrap_or_default(), &mut gone)).await?;
    Ok(gone)
}

fn without_old(mut former: Credentials, gone: &mut String) -> Result<Credentials, KeyError> {
    if former.key_not_accepted().is_some() && former.keys.len() > 1 {
        return Err(KeyError::NotAccepted);
    }
    *gone = former.keys.drain(1.min(former.keys.len())..).next().ok_or(KeyError::OneOnly)?.id;
    Ok(former)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(certificate: &str) -> SigningKey {
        SigningKey::new("private".into(), certificate.to_owned(), Timestamp::UNIX_EPOCH)
    }

    fn tried(credentials: &Credentials, first: First) -> Vec<&str> {
        credentials.keys_to_try(first).into_iter().map(|key| key.certificate.as_str()).collect()
    }

    #[test]
    fn the_old_key_goes_only_when_the_new_one_is_accepted() {
        let mut gone = String::new();
        assert!(matches!(without_old(Credentials::default(), &mut gone), Err(KeyError::OneOnly)));
        let one = Credentials { accepted_key: Some(key("old").id), ..with_key(Credentials::default(), key("old")).unwrap() };
        assert!(matches!(without_old(one.clone(), &mut gone), Err(KeyError::OneOnly)));

        let two = with_key(one, key("new")).unwrap();
        assert_eq!((tried(&two, First::Accepted), tried(&two, First::Newest)), (vec!["old", "new"], vec!["new", "old"]));
        assert_eq!(two.key_not_accepted().map(|key| key.certificate.as_str()), Some("new"));
        assert_eq!(two.signing_key().map(|key| key.certificate.as_str()), Some("old"));
        assert!(matches!(with_key(two.clone(), key("third")), Err(KeyError::TwoAlready)));
        assert!(matches!(without_old(two.clone(), &mut gone), Err(KeyError::NotAccepted)));

        let accepted = Credentials { accepted_key: Some(key("new").id), ..two };
        assert_eq!((tried(&accepted, First::Accepted), accepted.key_not_accepted().is_none()), (vec!["new", "old"], true));
        let left = without_old(accepted, &mut gone).unwrap();
        assert_eq!((tried(&left, First::Accepted), gone), (vec!["new"], key("old").id));
    }

    #[test]
    fn keys_are_read_back_and_not_shown() {
        let credentials = with_key(Credentials::default(), key("c")).unwrap();
        let read = Credentials::parse(&credentials.to_text()).unwrap();
        assert_eq!(read.to_text().expose_secret(), credentials.to_text().expose_secret());
        assert_eq!(read.keys.first().map(|key| key.private_key.expose_secret()), Some("private"));
        assert!(!format!("{read:?} {:?}", read.keys).contains("private"));
    }
}
