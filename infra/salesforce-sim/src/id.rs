//! Salesforce record ids: 15 characters that tell upper from lower case, and three check
//! characters behind them that let a reader recover the case.
//!
//! Knows nothing of which objects exist.
//! Source of the check characters: Salesforce help article 000385585 and the recorded ids below.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The alphabet of the check characters: one for each number of five bits.
const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
/// Digits of the running number, in ASCII order so that ids sort in the order of creation.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The three characters between key prefix and running number: the pod of this simulated org.
const POD: [u8; 3] = *b"D00";

/// A record id, always held in its 18-character form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 18]);

/// Why a text is no record id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Neither 15 nor 18 characters.
    #[error("a record id has 15 or 18 characters")]
    Length,
    /// A character that is neither an ASCII letter nor a digit.
    #[error("a record id consists of letters and digits")]
    Character,
    /// The last three characters do not belong to the first fifteen.
    #[error("the check characters of the record id do not fit")]
    Check,
}

impl Id {
    /// Reads an id of 15 or 18 characters.
    ///
    /// # Errors
    /// When the length, a character or the check characters are wrong. A text of 18 characters is
    /// taken as it stands: its letter case is not repaired from the check characters.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let bytes = text.as_bytes();
        if bytes.len() != 15 && bytes.len() != 18 {
            return Err(IdError::Length);
        }
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(IdError::Character);
        }
        let mut short = [b'0'; 15];
        for (to, from) in short.iter_mut().zip(bytes) {
            *to = *from;
        }
        let id = Self::complete(short);
        if bytes.len() == 18 && id.0 != *bytes {
            return Err(IdError::Check);
        }
        Ok(id)
    }

    /// The id with running number `number` of the object with this key prefix.
    /// Larger numbers give larger ids.
    #[must_use]
    pub fn generate(prefix: KeyPrefix, number: u64) -> Self {
        let mut short = [b'0'; 15];
        for (to, from) in short.iter_mut().zip(prefix.0.iter().chain(&POD)) {
            *to = *from;
        }
        let mut rest = number;
        for to in short.iter_mut().skip(6).rev() {
            let digit = usize::try_from(rest % 62).unwrap_or(0);
            *to = DIGITS.get(digit).copied().unwrap_or(b'0');
            rest /= 62;
        }
        Self::complete(short)
    }

    fn complete(short: [u8; 15]) -> Self {
        let mut all = [b'A'; 18];
        for (to, from) in all.iter_mut().zip(short) {
            *to = from;
        }
        for (to, group) in all.iter_mut().skip(15).zip(short.chunks(5)) {
            let bits = group.iter().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase()).fold(0_usize, |bits, (place, _)| bits | (1 << place));
            *to = CHECK.get(bits).copied().unwrap_or(b'A');
        }
        Self(all)
    }

    /// All 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // An id holds ASCII only, so this never falls back.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first 15 characters, the form that tells upper from lower case.
    #[must_use]
    pub fn short(&self) -> &str {
        self.as_str().get(..15).unwrap_or_default()
    }

    /// The three characters that name the object.
    #[must_use]
    pub fn prefix(&self) -> KeyPrefix {
        let [a, b, c, ..] = self.0;
        KeyPrefix([a, b, c])
    }

    /// The 18 bytes, for compact storage.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 18] {
        &self.0
    }

    /// An id from the bytes of [`Id::as_bytes`]; `None` when they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let all: [u8; 18] = bytes.try_into().ok()?;
        all.iter().all(u8::is_ascii_alphanumeric).then_some(Self(all))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The first three characters of an id: they name the object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix([u8; 3]);

impl KeyPrefix {
    /// A prefix known when the program is built.
    #[must_use]
    pub const fn of(text: &'static [u8; 3]) -> Self {
        Self(*text)
    }

    /// Reads a prefix of three letters or digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes))
    }

    /// The three characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPrefix({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Ids recorded in documentation and by public clients.
    const RECORDED: &[&str] =
        &["00DB0000000TfcRMAS", "005B0000005Bk90IAC", "012000000000000AAA", "00Q000000000999EAA", "01gRO0000016PIAYA2", "001D000000INjVeIAL"];

    #[test]
    fn check_characters_are_those_of_recorded_ids() {
        for text in RECORDED {
            let short = text.get(..15).unwrap();
            assert_eq!(Id::parse(short).unwrap().as_str(), *text);
            assert_eq!(Id::parse(text).unwrap().short(), short);
        }
    }

    #[test]
    fn refusals() {
        let cases = [
            ("", IdError::Length),
            ("abc", IdError::Length),
            ("00Q0000000009990", IdError::Length),
            ("00Q00000000099-", IdError::Character),
            ("00Qé0000000099", IdError::Character),
            ("00Q000000000999AAA", IdError::Check),
            ("00q000000000999EAA", IdError::Check),
        ];
        for (text, want) in cases {
            assert_eq!(Id::parse(text), Err(want), "{text}");
        }
    }

    #[test]
    fn generated_ids_sort_by_number_and_read_back() {
        let lead = KeyPrefix::of(b"00Q");
        let mut last = Id::generate(lead, 0);
        for number in [1, 9, 10, 61, 62, 3_843, 1_000_000, u64::from(u32::MAX)] {
            let id = Id::generate(lead, number);
            assert!(id > last, "{id} follows {last}");
            assert_eq!(Id::parse(id.as_str()), Ok(id));
            assert_eq!(id.prefix(), lead);
            last = id;
        }
    }

    #[test]
    fn ids_are_strings_in_json() {
        let id = Id::generate(KeyPrefix::of(b"003"), 7);
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<Id>(&text).unwrap(), id);
        assert!(serde_json::from_str::<Id>("\"nope\"").is_err());
    }
}
