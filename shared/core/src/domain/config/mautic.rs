//! A Mautic that is spoken to by its API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::address::parse_address;
use crate::domain::words::Sentence;

/// The platform is a Mautic, or a product made of it. The hourly run reads its contacts, and what Salesforce changes is written to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mautic {
    /// Where its pages are, for example `https://automation.example.com`.
    pub url: String,
    /// How Passerelle signs in. Its secret is never part of the document.
    pub auth: MauticAuth,
}

/// How Passerelle signs in to Mautic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MauticAuth {
    /// OAuth 2, with credentials that an administrator has made.
    ClientCredentials {
        /// The public key of the credentials.
        client_id: String,
    },
    /// A user's name and password, where basic authentication is switched on.
    Basic {
        /// The user's name.
        user: String,
    },
}

impl Mautic {
    /// The address.
    ///
    /// # Errors
    /// What is wrong with it and what would be right, in both languages.
    pub fn parse_url(&self) -> Result<Url, Sentence> {
        let url = parse_address(&self.url).ok().filter(|url| url.query().is_none());
        url.ok_or_else(|| {
            Sentence::new(
                "This is not the address of a Mautic; write one like https://automation.example.com, by https and the host's name, without user name, password or query.",
                "Ce n'est pas l'adresse d'un Mautic ; écrivez par exemple https://automation.example.com, en https et avec le nom de l'hôte, sans identifiant, mot de passe ni paramètre.",
            )
        })
    }
}
