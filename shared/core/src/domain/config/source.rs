//! The hook that a platform's events arrive on: its address, what its bodies look like, how they are signed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::SourceId;

/// The hook that the platform's events arrive on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSection {
    /// The source's id; events arrive at `/v1/hooks/{id}`. One source may feed several connections, whose documents then say
    /// the same of it.
    pub id: SourceId,
    /// What the bodies look like.
    #[serde(default, skip_serializing_if = "is_default")]
    pub format: Format,
    /// How deliveries are signed. Without it as the format says: Mautic's own signature, else Standard Webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How a source's deliveries are read and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// What the bodies look like.
    pub format: Format,
    /// How they are signed.
    pub signature: Signature,
}

impl Default for Hook {
    fn default() -> Self {
        Self { format: Format::default(), signature: Signature::StandardWebhooks }
    }
}

impl SourceSection {
    /// How the source's deliveries are read and verified.
    #[must_use]
    pub fn hook(&self) -> Hook {
        let signature = self.signature.clone().unwrap_or_else(|| match self.format {
            Format::Mautic => Signature::Hmac(HmacSignature {
                header: "Webhook-Signature".to_owned(),
                algorithm: Algorithm::Sha256,
                encoding: Encoding::Base64,
                prefix: String::new(),
            }),
            Format::Passerelle | Format::Extract(_) => Signature::StandardWebhooks,
        });
        Hook { format: self.format.clone(), signature }
    }
}

/// What the bodies of a hook look like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Passerelle's own events: one, a list, or `{"events": […]}`.
    #[default]
    Passerelle,
    /// Mautic's webhooks, from Webmecanik Automation too. An event's type is the trigger's name without `mautic.`.
    Mautic,
    /// Any other JSON: expressions tell what is what.
    Extract(Box<Extraction>),
}

/// Where the parts of an event stand in another product's JSON. Every text is a CEL expression over `body` (all of the
/// delivery) and `item` (one event of it). What an expression does not find is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extraction {
    /// The list of events, for example `body.contacts`. Without it each element of a list, or the body as one event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// The event's id, a text or a number. Without it, a hash of the event's content: the same content is the same event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The event's type, for example `item.kind`, or `'card_shared'` where all are of one type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened: a time with its offset, or a number of seconds or milliseconds since 1970.
    pub occurred_at: String,
    /// The person: an expression for each attribute, or one that gives an object.
    pub person: Members,
    /// The person's company: `id` or `name`, or both, and further attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Members>,
    /// The project: `id` and, if known, `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Members>,
    /// The colleague on the platform's side: `email` and, if known, `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collaborator: Option<Members>,
    /// Everything else that field rules, filters and templates shall see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Members>,
}

/// The members of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Members {
    /// One expression that gives the object.
    Whole(String),
    /// An expression for each member.
    Each(BTreeMap<String, String>),
}

/// How deliveries prove where they come from. The key is the webhook's key of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// [Standard Webhooks](https://www.standardwebhooks.com): id, time and body are signed, and a delivery that is more than
    /// five minutes old is refused.
    StandardWebhooks,
    /// A keyed hash of the body in a header. It covers no time: a delivery that is sent again is recognised by its events' ids.
    Hmac(HmacSignature),
    /// The key itself, as `Authorization: Bearer KEY`.
    Bearer,
    /// The key itself in a header.
    ApiKey(ApiKeySignature),
}

/// A keyed hash of the body in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HmacSignature {
    /// The header, for example `X-Signature`.
    pub header: String,
    /// The hash.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How its bytes are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// What stands before it in the header, for example `sha256=`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// The key itself in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeySignature {
    /// The header, for example `X-Api-Key`.
    pub header: String,
}

/// A hash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How bytes are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hexadecimal digits of either case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}
