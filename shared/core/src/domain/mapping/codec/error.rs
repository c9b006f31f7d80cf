//! Why a value cannot become one of another type. No message repeats the value: it may be personal.

use thiserror::Error;

use crate::domain::words::Words;

/// Why a value has no form in the wanted type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.words().en)]
pub enum CodecError {
    /// An object, or a list of something other than single values.
    Structure,
    /// Several values where one is wanted.
    Several,
    /// A value of a list with the sign that separates values.
    Separator,
    /// Neither yes nor no. It is never written as no.
    NotBoolean,
    /// No number.
    NotNumber,
    /// More digits than any field takes.
    TooManyDigits,
    /// A number with something behind the point.
    NotWhole,
    /// No day.
    NotDate,
    /// No moment.
    NotDateTime,
    /// No time of day.
    NotTime,
    /// A year that Salesforce does not know.
    YearOutOfRange,
    /// No id of a record.
    NotRecord,
    /// A type whose values cannot be written.
    Closed,
}

impl CodecError {
    /// A stable code, listed in the documentation.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Structure => "value_is_structure",
            Self::Several => "value_is_several",
            Self::Separator => "value_has_separator",
            Self::NotBoolean => "value_not_boolean",
            Self::NotNumber => "value_not_number",
            Self::TooManyDigits => "value_too_many_digits",
            Self::NotWhole => "value_not_whole",
            Self::NotDate => "value_not_date",
            Self::NotDateTime => "value_not_datetime",
            Self::NotTime => "value_not_time",
            Self::YearOutOfRange => "value_year_out_of_range",
            Self::NotRecord => "value_not_record",
            Self::Closed => "value_type_closed",
        }
    }

    /// What is wrong and what helps, in words.
    #[must_use]
    pub const fn words(self) -> Words {
        match self {
            Self::Structure => Words::new(
                "This is a structure and not a value; name one of its parts, like address.city.",
                "C'est une structure et non une valeur ; nommez une de ses parties, par exemple address.city.",
            ),
            Self::Several => Words::new(
                "There are several values, and this field takes one; join them, or map to a multi-select picklist.",
                "Il y a plusieurs valeurs et ce champ n'en prend qu'une ; réunissez-les avec `join`, ou choisissez une liste à choix multiple.",
            ),
            Self::Separator => Words::new(
                "One of the values contains a semicolon, which separates values in Salesforce; replace it by a transformation.",
                "Une des valeurs contient un point-virgule, qui sépare les valeurs dans Salesforce ; remplacez-le par une transformation.",
            ),
            Self::NotBoolean => Words::new(
                "This is neither true nor false; map the platform's words with `values`.",
                "Ce n'est ni vrai ni faux ; traduisez les mots de la plateforme avec `values`.",
            ),
            Self::NotNumber => Words::new(
                "This is not a number; write digits with a point, like 1234.5.",
                "Ce n'est pas un nombre ; écrivez des chiffres avec un point, par exemple 1234.5.",
            ),
            Self::TooManyDigits => {
                Words::new("This number has more digits than any field takes.", "Ce nombre a plus de chiffres qu'aucun champ n'en accepte.")
            }
            Self::NotWhole => Words::new("This field takes whole numbers.", "Ce champ n'accepte que des nombres entiers."),
            Self::NotDate => Words::new(
                "This is not a day; write it like 2026-03-01, or name its format with `date_format`.",
                "Ce n'est pas un jour ; écrivez-le comme 2026-03-01, ou indiquez son format avec `date_format`.",
            ),
            Self::NotDateTime => Words::new(
                "This is not a moment; write it like 2026-03-01T14:05:00+01:00.",
                "Ce n'est pas un instant ; écrivez-le comme 2026-03-01T14:05:00+01:00.",
            ),
            Self::NotTime => Words::new("This is not a time of day; write it like 14:05:00.", "Ce n'est pas une heure ; écrivez-la comme 14:05:00."),
            Self::YearOutOfRange => Words::new("Salesforce knows the years 1700 to 4000.", "Salesforce connaît les années 1700 à 4000."),
            Self::NotRecord => Words::new("This is not the id of a Salesforce record.", "Ce n'est pas l'identifiant d'une fiche Salesforce."),
            Self::Closed => Words::new("Values of this type are not written.", "Les valeurs de ce type ne sont pas écrites."),
        }
    }
}
