//! Coupling properties: the custom fields that a document needs, as the org would have to make them.

use std::collections::BTreeMap;

use super::{
    config::{Document, Language},
    ids::{FieldName, ObjectName},
    mapping::{AttributeType, FieldMap, FieldMaps},
    schema::{KEY_FIELD, Schemas},
    uses::{Use, targets, uses},
};

/// Most characters of a label. Source: Salesforce help, "Custom Field Fields".
pub const MAX_LABEL: usize = 40;

/// One custom field that the document needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The object; `Activity` for those that events and tasks share.
    pub object: ObjectName,
    /// The API name.
    pub name: FieldName,
    /// The label, 40 characters at most.
    pub label: String,
    /// The whole label, where it had to be shortened; else what the field is for, where that is known.
    pub description: Option<String>,
    /// The type.
    pub kind: PropertyType,
    /// Whether no two records have the same value.
    pub unique: bool,
    /// Whether records are found by it.
    pub external: bool,
}

/// The type of a custom field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyType {
    /// A line of that many characters.
    Text(u16),
    /// Several lines of that many characters together.
    LongText(u32),
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// An address of the web.
    Url,
    /// A number with that many digits behind the point.
    Number(u8),
    /// Yes or no.
    Checkbox,
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// A time of day.
    Time,
    /// A record of that object.
    Lookup(&'static str),
}

/// The characters of a long text where nothing says how many it needs.
const LONG: u32 = 32_768;

impl PropertyType {
    /// The field for values of an attribute; lists of choices become texts, because only the platform knows its choices.
    const fn of(kind: Option<AttributeType>) -> Self {
        match kind {
            None | Some(AttributeType::Text | AttributeType::Select | AttributeType::File | AttributeType::Picture) => Self::Text(255),
            Some(AttributeType::LongText | AttributeType::MultiSelect) => Self::LongText(LONG),
            Some(AttributeType::Email) => Self::Email,
            Some(AttributeType::Phone) => Self::Phone,
            Some(AttributeType::Url) => Self::Url,
            Some(AttributeType::Integer) => Self::Number(0),
            Some(AttributeType::Number) => Self::Number(4),
            Some(AttributeType::Boolean) => Self::Checkbox,
            Some(AttributeType::Date) => Self::Date,
            Some(AttributeType::Datetime) => Self::DateTime,
            Some(AttributeType::Time) => Self::Time,
        }
    }
}

/// Every custom field that the document needs, by object and name. Those of leads are wanted on contacts too: a converted lead
/// hands its values on.
#[must_use]
pub fn needed(document: &Document, maps: &FieldMaps) -> Vec<Property> {
    let mut found = BTreeMap::new();
    for target in targets(document).into_iter().filter(|target| target.creates) {
        match target.object.as_str() {
            "Event" | "Task" => add(&mut found, key(ObjectName::known("Activity"))),
            object if is_timeline(document, object) => timeline(document).into_iter().for_each(|property| add(&mut found, property)),
            _ => add(&mut found, key(target.object)),
        }
    }
    let uses: Vec<Use> = uses(document, maps).into_iter().filter(|used| is_own(&used.field)).collect();
    for used in &uses {
        add(&mut found, property(document, maps, used, used.object.clone()));
    }
    for used in uses.iter().filter(|used| used.object.as_str() == "Lead") {
        add(&mut found, property(document, maps, used, ObjectName::known("Contact")));
    }
    found.into_values().collect()
}

/// Whether an object is the one that activities of the document go to.
#[must_use]
pub fn is_timeline(document: &Document, object: &str) -> bool {
    document.timeline_actions().next().is_some() && document.timeline().object.as_str() == object
}

/// The fields of the timeline, as the instructions have an administrator make them.
fn timeline(document: &Document) -> Vec<Property> {
    let names = document.timeline();
    // What has a prefix belongs to a package.
    if document.salesforce.timeline.namespace.is_some() {
        return Vec::new();
    }
    let property = |name: &FieldName, kind, unique, external| Property {
        object: names.object.clone(),
        name: name.clone(),
        label: label_of(name),
        description: None,
        kind,
        unique,
        external,
    };
    vec![
        property(&names.date, PropertyType::DateTime, false, false),
        property(&names.contact, PropertyType::Lookup("Contact"), false, false),
        property(&names.description, PropertyType::LongText(131_072), false, false),
        property(&names.lead, PropertyType::Lookup("Lead"), false, false),
        property(&names.platform_id, PropertyType::Number(0), false, true),
        property(&names.url, PropertyType::Url, false, false),
        property(&names.reference, PropertyType::Text(255), true, false),
    ]
}

fn label_of(name: &FieldName) -> String {
    name.as_str().trim_end_matches("__c").replace('_', " ")
}

/// Those that the org does not show. An object that was not described is passed over, because nothing could be made on it, unless it is
/// the org's own: that one can be deployed.
#[must_use]
pub fn lacking(needed: &[Property], schemas: &Schemas) -> Vec<Property> {
    let lacks = |property: &&Property| {
        if property.object.as_str().ends_with("__c") && !is_shown(&property.object, schemas) {
            return true;
        }
        let mut shown = described_as(&property.object).into_iter().filter_map(|object| schemas.object(object));
        shown.any(|schema| !schema.fields.contains_key(&property.name))
    };
    needed.iter().filter(lacks).cloned().collect()
}

/// Whether the org shows an object.
#[must_use]
pub fn is_shown(object: &ObjectName, schemas: &Schemas) -> bool {
    described_as(object).into_iter().any(|object| schemas.object(object).is_some())
}

/// The objects in whose descriptions a field of an object shows.
#[must_use]
pub fn described_as(object: &ObjectName) -> Vec<&str> {
    match object.as_str() {
        "Activity" => vec!["Event", "Task"],
        other => vec![other],
    }
}

type Found = BTreeMap<(ObjectName, FieldName), Property>;

/// The first to need a field decides what it is like.
fn add(found: &mut Found, property: Property) {
    found.entry((property.object.clone(), property.name.clone())).or_insert(property);
}

/// Custom fields of the org itself. Those of packages, `ns__Name__c`, come with their package.
fn is_own(field: &FieldName) -> bool {
    field.as_str().strip_suffix("__c").is_some_and(|stem| !stem.contains("__"))
}

fn key(object: ObjectName) -> Property {
    Property {
        object,
        name: FieldName::known(KEY_FIELD),
        label: "Passerelle Id".to_owned(),
        description: Some("Passerelle creates records by this key, so that a repeat finds what the first try made.".to_owned()),
        kind: PropertyType::Text(64),
        unique: true,
        external: true,
    }
}

fn property(document: &Document, maps: &FieldMaps, used: &Use, object: ObjectName) -> Property {
    let attribute = document.platform.attributes.iter().find(|attribute| Some(&attribute.name) == used.from.as_ref());
    let label = attribute.and_then(|attribute| match document.connection.language {
        Language::Fr => attribute.label.fr.as_ref().or(attribute.label.en.as_ref()),
        Language::En => attribute.label.en.as_ref().or(attribute.label.fr.as_ref()),
    });
    let whole = label.cloned().unwrap_or_else(|| label_of(&used.field));
    let label = shortened(&whole);
    let description = (label != whole).then_some(whole);
    let rule = maps.all().flat_map(FieldMap::all).find(|rule| rule.place == used.place);
    let kind = PropertyType::of(rule.and_then(|rule| rule.chain.output()));
    Property { object, name: used.field.clone(), label, description, kind, unique: false, external: false }
}

/// At most 40 characters, cut behind a word where there is one.
fn shortened(label: &str) -> String {
    if label.chars().count() <= MAX_LABEL {
        return label.to_owned();
    }
    let head: String = label.chars().take(MAX_LABEL - 1).collect();
    let cut = head.rfind(' ').filter(|cut| *cut > MAX_LABEL / 2).and_then(|cut| head.get(..cut)).unwrap_or(&head);
    format!("{}…", cut.trim_end_matches([' ', '(', ',', '-']))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{
        config::parse_document,
        schema::{Field, ObjectSchema},
    };

    fn needed_by(fields: serde_json::Value) -> Vec<Property> {
        let document = parse_document(&json!({
            "connection": {"id": "c", "name": "C", "time_zone": "Europe/Paris", "language": "fr"},
            "source": {"id": "s"},
            "platform": {"name": "P", "attributes": [
                {"name": "person.last_name", "type": "text"},
                {"name": "person.heard", "type": "text", "label": {"fr": "Dernier document audio consulté (temps de consultation)", "en": "Heard"}},
                {"name": "person.score", "type": "number"}, {"name": "person.ok", "type": "boolean", "label": {"en": "Fine"}}]},
            "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "k"}}},
            "people": {"lead_mapping": "lead"},
            "mappings": {"lead": {"object": "Lead", "fields": fields}},
            "workflows": []
        }))
        .unwrap();
        needed(&document, &FieldMaps::compile(&document).unwrap())
    }

    #[test]
    fn custom_fields_are_wanted_on_both_forms_of_a_person_and_nothing_else() {
        let needed = needed_by(json!([{"from": "person.last_name", "to": "LastName"}, {"from": "person.heard", "to": "heard__c"},
                                      {"from": "person.score", "to": "pkg__Score__c"}]));
        let names: Vec<(&str, &str)> = needed.iter().map(|property| (property.object.as_str(), property.name.as_str())).collect();
        assert_eq!(names, [("Contact", "heard__c"), ("Lead", "Passerelle_Id__c"), ("Lead", "heard__c")]);
    }

    #[test]
    fn labels_are_shortened_and_kept_whole() {
        let needed = needed_by(json!([{"from": "person.heard", "to": "heard__c"}, {"from": "person.ok", "to": "ok__c"},
                                      {"from": "person.score", "to": "last_score__c", "transform": [{"number_format": {"decimals": 1}}]}]));
        let of = |name: &str| needed.iter().find(|property| property.name.as_str() == name).unwrap();
        assert_eq!(of("heard__c").label, "Dernier document audio consulté (temps…");
        assert_eq!(of("heard__c").description.as_deref(), Some("Dernier document audio consulté (temps de consultation)"));
        assert_eq!((of("ok__c").label.as_str(), of("ok__c").kind), ("Fine", PropertyType::Checkbox));
        assert_eq!((of("last_score__c").label.as_str(), of("last_score__c").kind), ("last score", PropertyType::Text(255)));
        let word = "x".repeat(60);
        for (label, want) in [
            ("x".repeat(40), "x".repeat(40)),
            (word.clone(), format!("{}…", "x".repeat(39))),
            (format!("{} abc", "é".repeat(38)), format!("{}…", "é".repeat(38))),
        ] {
            assert_eq!(shortened(&label), want);
            assert!(shortened(&label).chars().count() <= MAX_LABEL);
        }
    }

    #[test]
    fn what_the_org_shows_is_not_lacking() {
        let needed = needed_by(json!([{"from": "person.heard", "to": "heard__c"}]));
        let schema = |object: &'static str, fields: &[&'static str]| {
            let fields = fields.iter().map(|name| (FieldName::known(name), Field::default())).collect();
            (ObjectName::known(object), ObjectSchema { object: ObjectName::known(object), fields })
        };
        let schemas = Schemas([schema("Lead", &["heard__c"]), schema("Contact", &[])].into());
        let names: Vec<String> = lacking(&needed, &schemas).iter().map(|property| format!("{}.{}", property.object, property.name)).collect();
        assert_eq!(names, ["Contact.heard__c", "Lead.Passerelle_Id__c"]);
        assert!(lacking(&needed, &Schemas::default()).is_empty());
    }
}
