//! Names of things, parsed once and trusted afterwards. Nothing here knows where they are stored.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a valid {kind}: {rule}")]
pub struct IdError {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String", extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// Parses the text; the error names the rule that it breaks.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { kind: $kind, text: text.chars().take(80).collect(), rule: $rule })
                }
            }

            /// A name that is written in this program and therefore well-formed.
            #[allow(dead_code)]
            pub(crate) fn known(text: &'static str) -> Self {
                Self(text.to_owned())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

fn is_slug(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_api_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') && text.len() <= 80
}

fn is_field_name(text: &str) -> bool {
    text.split_once('.').map_or_else(|| is_api_name(text), |(relation, field)| is_api_name(relation) && is_api_name(field))
}

fn is_opaque(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() && c != '#')
}

text_id!(
    /// One link of a platform account to one Salesforce org; the tenant boundary. Every key of the state table begins with it.
    ConnectionId, "connection id", "1 to 63 lower-case letters, digits and inner hyphens", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", is_slug
);
text_id!(
    /// One platform account's hook.
    SourceId, "source id", "1 to 63 lower-case letters, digits and inner hyphens", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", is_slug
);
text_id!(
    /// A project (an event or a campaign of the platform) by the platform's own id.
    ProjectId, "project id", "1 to 128 visible ASCII characters without '#'", "^[!\"$-~]{1,128}$", is_opaque
);
text_id!(
    /// An event by the id its platform gave it; unique within a connection.
    EventId, "event id", "1 to 128 visible ASCII characters without '#'", "^[!\"$-~]{1,128}$", is_opaque
);
text_id!(
    /// A person as this connection knows them: an internal id, never an e-mail address.
    PersonKey, "person key", "1 to 128 visible ASCII characters without '#'", "^[!\"$-~]{1,128}$", is_opaque
);

impl FieldName {
    /// Whether it is a field of another record than the one at hand.
    #[must_use]
    pub fn is_of_relation(&self) -> bool {
        self.0.contains('.')
    }
}

impl PersonKey {
    /// The key of a person whom a connection meets under that identity for the first time. It is always the same, so that a record made
    /// with it is found again although nothing of the person was stored.
    #[must_use]
    pub fn of(connection: &ConnectionId, identity: &str) -> Self {
        Self(super::person::short_hash(&format!("{connection}/{identity}")))
    }
}

text_id!(
    /// The API name of a Salesforce object, for example `Lead` or `Badge__c`.
    ObjectName, "object name", "a letter, then letters, digits and underscores, 80 at most", "^[A-Za-z][A-Za-z0-9_]{0,79}$", is_api_name
);
text_id!(
    /// The API name of a Salesforce field, for example `LastName` or `kayo_last_audio_duration__c`; or of a field of the record that it refers
    /// to, like `Account.Name`.
    FieldName,
    "field name",
    "a letter, then letters, digits and underscores, 80 at most, perhaps with a relation and a full stop before it",
    "^[A-Za-z][A-Za-z0-9_]{0,79}(\\.[A-Za-z][A-Za-z0-9_]{0,79})?$",
    is_field_name
);
text_id!(
    /// The name of a mapping inside one configuration document.
    MappingName, "mapping name", "1 to 63 lower-case letters, digits and inner hyphens", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", is_slug
);

/// The id of a Salesforce record, always in its 18-character form.
///
/// The last three characters encode the case of the first fifteen, so that two ids that differ in case only stay
/// different where case is lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId([u8; 18]);

impl RecordId {
    /// Accepts 15 characters (the suffix is computed) or 18 (the suffix is verified).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let refuse = |rule| IdError { kind: "record id", text: text.chars().take(80).collect(), rule };
        let bytes = text.as_bytes();
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(refuse("letters and digits only"));
        }
        let Some((head, given)) = bytes.split_at_checked(15) else {
            return Err(refuse("15 or 18 characters"));
        };
        let mut id = [0_u8; 18];
        let suffix = head.chunks(5).map(suffix_character);
        for (slot, byte) in id.iter_mut().zip(head.iter().copied().chain(suffix)) {
            *slot = byte;
        }
        let matches = id.split_at(15).1.eq_ignore_ascii_case(given);
        match given.len() {
            0 => Ok(Self(id)),
            3 if matches => Ok(Self(id)),
            3 => Err(refuse("the last three characters do not match the first fifteen")),
            _ => Err(refuse("15 or 18 characters")),
        }
    }

    /// The 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII letters and digits are ever stored.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// One check character for five id characters: bit i is set where character i is upper-case.
fn suffix_character(chunk: &[u8]) -> u8 {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let bits = chunk.iter().enumerate().filter(|(_, c)| c.is_ascii_uppercase()).fold(0_usize, |bits, (i, _)| bits | (1 << i));
    ALPHABET.get(bits).copied().unwrap_or(b'A')
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for RecordId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> String {
        id.as_str().to_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn record_ids_are_normalised_to_eighteen_characters() {
        // Recorded pairs of documented ids.
        for (short, long) in [("005B0000005Bk90", "005B0000005Bk90IAC"), ("00DB0000000TfcR", "00DB0000000TfcRMAS")] {
            assert_eq!(RecordId::parse(short).unwrap().as_str(), long);
            assert_eq!(RecordId::parse(long).unwrap().as_str(), long);
            assert_eq!(RecordId::parse(&format!("{short}{}", long[15..].to_lowercase())).unwrap().as_str(), long);
        }
    }

    #[test]
    fn record_ids_of_another_shape_are_refused() {
        for text in ["", "00Q", "005B0000005Bk90IAA", "005B0000005Bk90I", "005B0000005Bk9é", "005B0000005Bk90IACX"] {
            assert!(RecordId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn slugs_and_api_names() {
        for (text, slug, api) in [
            ("kayo-demo", true, false),
            ("-kayo", false, false),
            ("Kayo", false, true),
            ("", false, false),
            ("a#b", false, false),
            ("LastName", false, true),
            ("kayo_last__c", false, true),
            ("9lives", true, false),
        ] {
            assert_eq!(ConnectionId::parse(text).is_ok(), slug, "{text}");
            assert_eq!((FieldName::parse(text).is_ok(), ObjectName::parse(text).is_ok()), (api, api), "{text}");
        }
        for (text, field) in [("Account.Name", true), ("Account.", false), (".Name", false), ("Account.Owner.Name", false)] {
            assert_eq!((FieldName::parse(text).is_ok(), ObjectName::parse(text).is_ok()), (field, false), "{text}");
        }
    }
}
