//! The custom object that a marketing platform's activities go to.
//!
//! Source: the instructions of Mautic's and Webmecanik Automation's Salesforce plugins.

use super::{CustomField, CustomFieldKind, CustomObject, Seed};

impl Seed {
    /// The same org with the object, as the instructions have an administrator make it; `prefix` stands before every API name.
    #[must_use]
    pub fn with_timeline(mut self, prefix: &str) -> Self {
        let object = format!("{prefix}mautic_timeline__c");
        let field = |name: &str, kind| CustomField { sobject: object.clone(), name: format!("{prefix}{name}"), kind, ..CustomField::default() };
        let lookup = |to: &str| CustomFieldKind::Lookup { to: to.to_owned(), relationship: Some(format!("Timeline_of_{to}")) };
        self.custom_fields.extend([
            field("ActivityDate__c", CustomFieldKind::DateTime),
            field("contact_id__c", lookup("Contact")),
            field("Description__c", CustomFieldKind::LongTextArea { length: 131_072 }),
            field("WhoId__c", lookup("Lead")),
            CustomField { external_id: true, ..field("MauticLead__c", CustomFieldKind::Number { precision: 18, scale: 0 }) },
            field("Mautic_url__c", CustomFieldKind::Url),
            CustomField { unique: true, ..field("ReferenceId__c", CustomFieldKind::Text { length: 255 }) },
        ]);
        self.custom_objects.push(CustomObject { name: object, label: "Timeline".to_owned(), ..CustomObject::default() });
        self
    }
}
