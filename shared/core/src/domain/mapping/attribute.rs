//! What the platform knows about people: its attributes, with their types and labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One attribute of the platform, as field rules name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// The dotted path that field rules use, for example `person.first_name` or `data.document.title`.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// How people call it.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub label: Labels,
    /// Whether the platform always has a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// A name in the languages that customers read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// French.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fr: Option<String>,
    /// English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Labels {
    fn is_empty(&self) -> bool {
        self.fr.is_none() && self.en.is_none()
    }
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// A text of one line.
    Text,
    /// A text of any length.
    LongText,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// An address of the web.
    Url,
    /// A number without anything behind the point.
    Integer,
    /// A number. Write it as a text where it has more than 15 digits: many JSON programs lose the rest.
    Number,
    /// Yes or no; a flag.
    Boolean,
    /// A day, `2026-03-01`.
    Date,
    /// A moment, with its offset or in the connection's time zone.
    Datetime,
    /// A time of day, `14:05:00`.
    Time,
    /// One value of a list.
    Select,
    /// Several values of a list; tags.
    MultiSelect,
    /// A file or a document.
    File,
    /// A picture.
    Picture,
}

impl AttributeType {
    /// Every type.
    pub const ALL: [Self; 15] = [
        Self::Text,
        Self::LongText,
        Self::Email,
        Self::Phone,
        Self::Url,
        Self::Integer,
        Self::Number,
        Self::Boolean,
        Self::Date,
        Self::Datetime,
        Self::Time,
        Self::Select,
        Self::MultiSelect,
        Self::File,
        Self::Picture,
    ];

    /// Its name in the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long_text",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Time => "time",
            Self::Select => "select",
            Self::MultiSelect => "multi_select",
            Self::File => "file",
            Self::Picture => "picture",
        }
    }
}

/// Takes over what the platform says about its attributes now. Labels that somebody wrote into the document stay; an
/// attribute that the platform has no more is left out. The result keeps the platform's order.
#[must_use]
pub fn reload(declared: &[Attribute], platform: Vec<Attribute>) -> Vec<Attribute> {
    let former = |name: &str| declared.iter().find(|attribute| attribute.name == name);
    let label = |attribute: &Attribute| match former(&attribute.name) {
        Some(known) => Labels {
            fr: known.label.fr.clone().or_else(|| attribute.label.fr.clone()),
            en: known.label.en.clone().or_else(|| attribute.label.en.clone()),
        },
        None => attribute.label.clone(),
    };
    platform.into_iter().map(|attribute| Attribute { label: label(&attribute), ..attribute }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str, kind: AttributeType, fr: Option<&str>) -> Attribute {
        let label = Labels { fr: fr.map(str::to_owned), en: None };
        Attribute { name: name.to_owned(), kind, label, required: false }
    }

    #[test]
    fn types_are_named_as_the_document_names_them() {
        for kind in AttributeType::ALL {
            assert_eq!(serde_json::to_value(kind).ok(), Some(serde_json::Value::from(kind.as_str())));
        }
    }

    #[test]
    fn reloading_takes_types_and_keeps_labels() {
        let declared = [attribute("person.job", AttributeType::Text, Some("Métier")), attribute("person.gone", AttributeType::Text, None)];
        let platform = vec![
            attribute("person.tags", AttributeType::MultiSelect, Some("Étiquettes")),
            attribute("person.job", AttributeType::Select, Some("Fonction")),
        ];
        let want = [
            attribute("person.tags", AttributeType::MultiSelect, Some("Étiquettes")),
            attribute("person.job", AttributeType::Select, Some("Métier")),
        ];
        assert_eq!(reload(&declared, platform), want);
    }
}
