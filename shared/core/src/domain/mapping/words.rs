//! A sentence in the languages that customers read.

use crate::domain::config::Language;

/// The same sentence in French and in English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// French.
    pub fr: &'static str,
    /// English.
    pub en: &'static str,
}

impl Words {
    pub(super) const fn new(en: &'static str, fr: &'static str) -> Self {
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
