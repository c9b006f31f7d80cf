//! The types of Salesforce's fields, as descriptions name them.

use serde::{Deserialize, Serialize};

/// The type of a field. Source: "Field Types" of the Object Reference; the names are those of `describe`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FieldType {
    /// `string`
    #[default]
    String,
    /// `textarea`: plain or rich, of any length.
    TextArea,
    /// `email`
    Email,
    /// `phone`
    Phone,
    /// `url`
    Url,
    /// `picklist`
    Picklist,
    /// `multipicklist`
    MultiPicklist,
    /// `combobox`
    Combobox,
    /// `boolean`
    Boolean,
    /// `int`
    Int,
    /// `long`
    Long,
    /// `double`
    Double,
    /// `currency`
    Currency,
    /// `percent`
    Percent,
    /// `date`
    Date,
    /// `datetime`
    DateTime,
    /// `time`
    Time,
    /// `id`
    Id,
    /// `reference`
    Reference,
    /// `address`: a view on fields of their own.
    Address,
    /// `location`: a view on two fields, latitude and longitude.
    Location,
    /// `base64`
    Base64,
    /// `encryptedstring`
    EncryptedString,
    /// A type that is not known here; it keeps Salesforce's word.
    Other(String),
}

/// What values of a type are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// A text.
    Text,
    /// One of a list.
    Choice,
    /// Several of a list.
    Choices,
    /// Yes or no.
    Boolean,
    /// A number without anything behind the point.
    Whole,
    /// A number.
    Number,
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// A time of day.
    Time,
    /// The id of a record.
    Record,
    /// Nothing that could be written.
    Closed,
}

const NAMES: [(FieldType, &str, Family); 23] = [
    (FieldType::String, "string", Family::Text),
    (FieldType::TextArea, "textarea", Family::Text),
    (FieldType::Email, "email", Family::Text),
    (FieldType::Phone, "phone", Family::Text),
    (FieldType::Url, "url", Family::Text),
    (FieldType::Picklist, "picklist", Family::Choice),
    (FieldType::MultiPicklist, "multipicklist", Family::Choices),
    (FieldType::Combobox, "combobox", Family::Text),
    (FieldType::Boolean, "boolean", Family::Boolean),
    (FieldType::Int, "int", Family::Whole),
    (FieldType::Long, "long", Family::Whole),
    (FieldType::Double, "double", Family::Number),
    (FieldType::Currency, "currency", Family::Number),
    (FieldType::Percent, "percent", Family::Number),
    (FieldType::Date, "date", Family::Date),
    (FieldType::DateTime, "datetime", Family::DateTime),
    (FieldType::Time, "time", Family::Time),
    (FieldType::Id, "id", Family::Record),
    (FieldType::Reference, "reference", Family::Record),
    (FieldType::Address, "address", Family::Closed),
    (FieldType::Location, "location", Family::Closed),
    (FieldType::Base64, "base64", Family::Closed),
    (FieldType::EncryptedString, "encryptedstring", Family::Closed),
];

impl FieldType {
    /// Every type that is known here.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(kind, ..)| kind.clone())
    }

    /// Salesforce's name of the type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => NAMES.iter().find(|(kind, ..)| kind == known).map_or("", |(_, name, _)| name),
        }
    }

    /// What values are made of.
    #[must_use]
    pub fn family(&self) -> Family {
        NAMES.iter().find(|(kind, ..)| kind == self).map_or(Family::Closed, |(.., family)| *family)
    }
}

impl From<&str> for FieldType {
    fn from(name: &str) -> Self {
        NAMES.iter().find(|(_, own, _)| *own == name).map_or_else(|| Self::Other(name.to_owned()), |(kind, ..)| kind.clone())
    }
}

impl From<String> for FieldType {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<FieldType> for String {
    fn from(kind: FieldType) -> String {
        kind.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_and_unknown_ones_too() {
        for kind in FieldType::all() {
            assert_eq!(FieldType::from(kind.as_str()), kind);
        }
        assert_eq!(FieldType::from("hologram").as_str(), "hologram");
        assert_eq!(FieldType::from("hologram").family(), Family::Closed);
    }
}
