//! The platform's own webhook, which hears of what Salesforce changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::address::{AddressFault, parse_address};
use crate::domain::words::Sentence;

/// Where the platform hears of what Salesforce changes. Deliveries are signed as Standard Webhooks says, with the connection's
/// webhook key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address that deliveries are sent to by POST. It begins with `https://` and a public name.
    pub url: String,
}

impl Webhook {
    /// The address. https with a host's name, or http too on this machine itself, which only a local stack calls.
    ///
    /// # Errors
    /// What is wrong with it and what would be right, in both languages.
    pub fn parse_url(&self) -> Result<Url, Sentence> {
        parse_address(&self.url).map_err(|fault| match fault {
            AddressFault::Malformed => Sentence::new(
                "This is not the address of a webhook; write one like https://platform.example.com/hooks/salesforce, without user name, password or fragment.",
                "Ce n'est pas l'adresse d'un webhook ; écrivez par exemple https://plateforme.example.com/hooks/salesforce, sans identifiant, mot de passe ni fragment.",
            ),
            AddressFault::Numeric => Sentence::new(
                "The webhook's host is a number; write its name, which its certificate is for.",
                "L'hôte du webhook est une adresse IP ; écrivez son nom, celui de son certificat.",
            ),
            AddressFault::Insecure => Sentence::new(
                "The webhook must be called by https, because deliveries tell of people; write https:// before its host.",
                "Le webhook doit être appelé en https, car les envois parlent de personnes ; écrivez https:// devant son hôte.",
            ),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_under_a_name() {
        for (text, refusal) in [
            ("https://platform.example.com/hooks/salesforce?tenant=1", None),
            ("https://platform.example.com:8443/", None),
            (" https://platform.example.com ", None),
            ("http://localhost:9000/hook", None),
            ("http://127.0.0.1:9000/hook", None),
            ("http://[::1]:9000/hook", None),
            ("http://platform.example.com/", Some("https")),
            ("http://localhost.example.com/", Some("https")),
            ("https://203.0.113.7/", Some("its name")),
            ("https://[2001:db8::1]/", Some("its name")),
            ("https://me:pw@platform.example.com/", Some("without user name")),
            ("https://platform.example.com/#top", Some("without user name")),
            ("ftp://platform.example.com/", Some("address of a webhook")),
            ("platform.example.com/hook", Some("address of a webhook")),
            ("", Some("address of a webhook")),
        ] {
            let parsed = Webhook { url: text.to_owned() }.parse_url();
            match refusal {
                None => assert!(parsed.is_ok(), "{text}: {parsed:?}"),
                Some(part) => assert!(parsed.as_ref().unwrap_err().en.contains(part), "{text}: {parsed:?}"),
            }
        }
    }
}
