//! Sentences in the languages that customers read.

use serde::{Deserialize, Serialize};

use super::config::Language;

/// A fixed sentence in French and in English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// French.
    pub fr: &'static str,
    /// English.
    pub en: &'static str,
}

impl Words {
    pub(in crate::domain) const fn new(en: &'static str, fr: &'static str) -> Self {
        Self { fr, en }
    }

    /// The sentence in one of the languages.
    #[must_use]
    pub const fn to(self, language: Language) -> &'static str {
        match language {
            Language::Fr => self.fr,
            Language::En => self.en,
        }
    }
}

/// A sentence that names something, in French and in English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// French.
    pub fr: String,
    /// English.
    pub en: String,
}

impl Sentence {
    /// English first, as the code's own language.
    #[must_use]
    pub fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self { fr: fr.into(), en: en.into() }
    }

    /// The sentence in one of the languages.
    #[must_use]
    pub fn to(&self, language: Language) -> &str {
        match language {
            Language::Fr => &self.fr,
            Language::En => &self.en,
        }
    }
}

impl From<Words> for Sentence {
    fn from(words: Words) -> Self {
        Self { fr: words.fr.to_owned(), en: words.en.to_owned() }
    }
}
