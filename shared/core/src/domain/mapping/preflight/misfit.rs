//! Why Salesforce would not take a value.

use crate::domain::{
    mapping::{CodecError, transform::TransformFault},
    words::{Sentence, Words},
};

/// Said of a field that the org's description does not have.
pub(in crate::domain::mapping) const NO_FIELD: Words = Words::new(
    "The org has no such field, or hides it from the integration user; create it or give the permission.",
    "L'organisation n'a pas ce champ, ou le cache à l'utilisateur d'intégration ; créez-le ou donnez la permission.",
);

/// Why Salesforce would not take a value. No message repeats the value: it may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words().en)]
pub enum Misfit {
    /// The org has no such field, or hides it.
    NoField,
    /// It cannot be set.
    NotWritable,
    /// It cannot be taken away.
    Needed,
    /// It is longer than the field.
    TooLong {
        /// The value's, in UTF-16 units.
        length: usize,
        /// The field's.
        limit: u32,
    },
    /// The picklist has no such value and takes no other.
    NotListed,
    /// No e-mail address as Salesforce takes it.
    NotEmail,
    /// More digits before the point than the field has.
    OutOfRange {
        /// The field's digits before the point.
        digits: u32,
    },
    /// No latitude or longitude of a place on the earth.
    OutOfBounds {
        /// How far from zero the number may be.
        bound: u32,
    },
    /// The id of another kind of record.
    OtherRecord,
    /// No value of the field's type.
    Unreadable(CodecError),
    /// A transformation that could not work on the value.
    Transform(TransformFault),
}

impl From<CodecError> for Misfit {
    fn from(error: CodecError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<TransformFault> for Misfit {
    fn from(fault: TransformFault) -> Self {
        Self::Transform(fault)
    }
}

impl Misfit {
    /// A stable code, listed in the documentation.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoField => "field_missing",
            Self::NotWritable => "field_not_writable",
            Self::Needed => "value_needed",
            Self::TooLong { .. } => "value_too_long",
            Self::NotListed => "value_not_in_picklist",
            Self::NotEmail => "value_not_email",
            Self::OutOfRange { .. } | Self::OutOfBounds { .. } => "value_out_of_range",
            Self::OtherRecord => "value_of_other_record",
            Self::Unreadable(error) => error.code(),
            Self::Transform(fault) => fault.error.code(),
        }
    }

    /// What is wrong and what helps, in words.
    #[must_use]
    pub fn words(&self) -> Sentence {
        let words = match self {
            Self::TooLong { length, limit } => {
                return Sentence::new(
                    format!("The value has {length} characters, and the field takes {limit}."),
                    format!("La valeur a {length} caractères, et le champ en accepte {limit}."),
                );
            }
            Self::OutOfRange { digits } => {
                return Sentence::new(
                    format!("The number has more digits than the field, which takes {digits} before the point."),
                    format!("Le nombre a plus de chiffres que le champ, qui en accepte {digits} avant la virgule."),
                );
            }
            Self::OutOfBounds { bound } => {
                return Sentence::new(
                    format!("The number is no place on the earth: the field takes {bound} at most, north and south or east and west."),
                    format!(
                        "Le nombre ne désigne aucun lieu sur Terre : le champ accepte {bound} au plus, au nord et au sud ou à l'est et à l'ouest."
                    ),
                );
            }
            Self::Transform(fault) => return fault.words(),
            Self::Unreadable(error) => error.words(),
            Self::NoField => NO_FIELD,
            Self::NotWritable => Words::new(
                "The integration user may not write this field; give it the permission.",
                "L'utilisateur d'intégration ne peut pas écrire ce champ ; donnez-lui la permission.",
            ),
            Self::Needed => Words::new(
                "Salesforce needs a value here; it cannot be taken away.",
                "Salesforce exige une valeur ici ; elle ne peut pas être retirée.",
            ),
            Self::NotListed => Words::new(
                "The picklist takes only the values of its list, and this is none of them; map it with `values`, or add it to the picklist.",
                "La liste n'accepte que ses propres valeurs, et celle-ci n'en est pas ; traduisez-la avec `values`, ou ajoutez-la à la liste.",
            ),
            Self::NotEmail => {
                Words::new("Salesforce does not take this as an e-mail address.", "Salesforce n'accepte pas ceci comme adresse e-mail.")
            }
            Self::OtherRecord => Words::new(
                "This is not the id of a record that the field can point to.",
                "Ce n'est pas l'identifiant d'une fiche vers laquelle ce champ peut pointer.",
            ),
        };
        words.into()
    }

    /// The code that Salesforce would answer. Source: "Status Codes and Error Responses" and recorded answers.
    #[must_use]
    pub const fn salesforce_code(&self) -> &'static str {
        match self {
            Self::NoField => "INVALID_FIELD",
            Self::NotWritable => "INVALID_FIELD_FOR_INSERT_UPDATE",
            Self::Needed => "REQUIRED_FIELD_MISSING",
            Self::TooLong { .. } => "STRING_TOO_LONG",
            Self::NotListed => "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            Self::NotEmail => "INVALID_EMAIL_ADDRESS",
            Self::OutOfRange { .. } | Self::OutOfBounds { .. } | Self::Unreadable(CodecError::TooManyDigits) => "NUMBER_OUTSIDE_VALID_RANGE",
            Self::OtherRecord | Self::Unreadable(CodecError::NotRecord) => "MALFORMED_ID",
            Self::Unreadable(_) | Self::Transform(_) => "JSON_PARSER_ERROR",
        }
    }
}
