//! Error texts in the running user's language. Only texts differ: codes and fields stay.
//!
//! Source: a recorded answer to a user whose language is Spanish. The others follow its pattern.

use super::{Org, Session};
use crate::error::ApiError;

/// The beginning of a message by the beginning of the language's key.
const REQUIRED: &[(&str, &str)] =
    &[("es", "Faltan campos obligatorios:"), ("fr", "Champs obligatoires manquants :"), ("de", "Erforderliche Felder fehlen:")];

impl Org {
    pub(super) fn in_language_of(&self, s: &Session, mut errors: Vec<ApiError>) -> Vec<ApiError> {
        let language = self.user(&s.user).map_or("en", |user| &user.language);
        let words = REQUIRED.iter().find(|(key, _)| language.starts_with(key));
        if let Some((_, words)) = words {
            for error in &mut errors {
                if let Some(rest) = error.message.strip_prefix("Required fields are missing:") {
                    error.message = format!("{words}{rest}");
                }
            }
        }
        errors
    }
}
