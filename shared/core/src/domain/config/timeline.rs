//! The custom object of the org that activities may go to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{FieldName, ObjectName};

/// The object that activities with `object: timeline` go to, and its fields, as the instructions of Mautic and Webmecanik Automation have
/// an administrator make them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimelineSection {
    /// The namespace prefix that the org puts before the names of its own objects and fields, without underscores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The object.
    pub object: ObjectName,
    /// When it happened; a date and time.
    pub date: FieldName,
    /// Whom it is about, where that is a contact; a lookup.
    pub contact: FieldName,
    /// Whom it is about, where that is a lead; a lookup.
    pub lead: FieldName,
    /// The description; a long text.
    pub description: FieldName,
    /// The person's id on the platform, where that is a number.
    pub platform_id: FieldName,
    /// The address of the person's page on the platform, `platform.person_page`.
    pub url: FieldName,
    /// What no two entries have in common; a text that is unique in the org.
    pub reference: FieldName,
}

impl Default for TimelineSection {
    fn default() -> Self {
        Self {
            namespace: None,
            object: ObjectName::known("mautic_timeline__c"),
            date: FieldName::known("ActivityDate__c"),
            contact: FieldName::known("contact_id__c"),
            lead: FieldName::known("WhoId__c"),
            description: FieldName::known("Description__c"),
            platform_id: FieldName::known("MauticLead__c"),
            url: FieldName::known("Mautic_url__c"),
            reference: FieldName::known("ReferenceId__c"),
        }
    }
}

impl TimelineSection {
    /// The same names with the prefix before each, as the API has them.
    ///
    /// # Errors
    /// The name that the prefix makes none of the API's.
    pub fn named(&self) -> Result<Self, String> {
        let Some(namespace) = &self.namespace else { return Ok(self.clone()) };
        let prefixed = |name: &str| format!("{}__{name}", namespace.trim());
        let field = |name: &FieldName| FieldName::parse(&prefixed(name.as_str())).map_err(|_| prefixed(name.as_str()));
        Ok(Self {
            namespace: None,
            object: ObjectName::parse(&prefixed(self.object.as_str())).map_err(|_| prefixed(self.object.as_str()))?,
            date: field(&self.date)?,
            contact: field(&self.contact)?,
            lead: field(&self.lead)?,
            description: field(&self.description)?,
            platform_id: field(&self.platform_id)?,
            url: field(&self.url)?,
            reference: field(&self.reference)?,
        })
    }

    /// Its fields.
    #[must_use]
    pub fn fields(&self) -> [&FieldName; 7] {
        [&self.date, &self.contact, &self.lead, &self.description, &self.platform_id, &self.url, &self.reference]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_stands_before_every_name() {
        let section = |namespace: &str| TimelineSection { namespace: Some(namespace.to_owned()), ..TimelineSection::default() };
        let named = section("acme").named().unwrap();
        assert_eq!(named.object.as_str(), "acme__mautic_timeline__c");
        let fields = named.fields().map(FieldName::as_str);
        assert!(fields.iter().all(|field| field.starts_with("acme__")) && fields.contains(&"acme__ReferenceId__c"), "{fields:?}");
        assert_eq!(TimelineSection::default().named().unwrap(), TimelineSection::default());
        assert!(section("a b").named().is_err());
    }
}
