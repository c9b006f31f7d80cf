//! A Mautic that is spoken to by its API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::{address::parse_address, rules::is_default};
use crate::domain::words::Sentence;

/// The platform is a Mautic, or a product made of it. The hourly run reads its contacts and companies, and what Salesforce changes is written to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mautic {
    /// Where its pages are, for example `https://automation.example.com`.
    pub url: String,
    /// How Passerelle signs in. Its secret is never part of the document.
    pub auth: MauticAuth,
    /// Fields of the contact that tell which Salesforce record is its own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub record: RecordFields,
    /// Fields of the company that tell which account is its own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub company_record: RecordFields,
}

/// Fields of a contact, or of a company, by their aliases, that get what is known of its Salesforce record. Passerelle alone writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordFields {
    /// A text field for the record's id, in 18 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A text field for its object, for example `Lead`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// A field of the type datetime for when both sides were compared last, so that something went to Mautic. It goes along with what
    /// else is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<String>,
}

impl RecordFields {
    /// The aliases that are named, each with its place below `record`.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [("id", &self.id), ("object", &self.object), ("synced_at", &self.synced_at)];
        all.into_iter().filter_map(|(place, alias)| Some((place, alias.as_deref()?)))
    }

    /// Leaves what stands in these fields out of what Mautic states: we alone write it, so it is no news of theirs.
    pub fn leave_out_of(&self, stated: &mut Map<String, Value>) {
        stated.retain(|alias, _| self.named().all(|(_, ours)| ours != alias));
    }
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
