//! Why a value cannot become one of another type. No message repeats the value: it may be personal.

use thiserror::Error;

/// Why a value has no form in the wanted type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodecError {
    /// An object, or a list of something other than single values.
    #[error("This is a structure and not a value; name one of its parts, like address.city.")]
    Structure,
    /// Several values where one is wanted.
    #[error("There are several values, and this field takes one; join them, or map to a multi-select picklist.")]
    Several,
    /// A value of a list with the sign that separates values.
    #[error("One of the values contains a semicolon, which separates values in Salesforce; replace it by a transformation.")]
    Separator,
    /// Neither yes nor no. It is never written as no.
    #[error("This is neither true nor false; map the platform's words with `values`.")]
    NotBoolean,
    /// No number.
    #[error("This is not a number; write digits with a point, like 1234.5.")]
    NotNumber,
    /// More digits than any field takes.
    #[error("This number has more digits than any field takes.")]
    TooManyDigits,
    /// A number with something behind the point.
    #[error("This field takes whole numbers.")]
    NotWhole,
    /// No day.
    #[error("This is not a day; write it like 2026-03-01, or name its format with `date_format`.")]
    NotDate,
    /// No moment.
    #[error("This is not a moment; write it like 2026-03-01T14:05:00+01:00.")]
    NotDateTime,
    /// No time of day.
    #[error("This is not a time of day; write it like 14:05:00.")]
    NotTime,
    /// A year that Salesforce does not know.
    #[error("Salesforce knows the years 1700 to 4000.")]
    YearOutOfRange,
    /// No id of a record.
    #[error("This is not the id of a Salesforce record.")]
    NotRecord,
    /// A type whose values cannot be written.
    #[error("Values of this type are not written.")]
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
}
