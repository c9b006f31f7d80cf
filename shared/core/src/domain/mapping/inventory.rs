//! A platform's own list of its attributes, as a file has it: our own form, or the fields of contacts or of companies that Mautic's API answers.

use serde::Deserialize;
use serde_json::Value;

use super::{Attribute, AttributeType, Labels};

/// The roots of what Mautic lists.
const PERSON: &str = "person.";
const COMPANY: &str = "company.";
/// Mautic's field with a company's name, which is the company's `name` here.
const COMPANY_NAME: &str = "companyname";
/// What Mautic's hook tells of a contact beside its fields. Source: `domain::hook::mautic`.
const BESIDE: [(&str, AttributeType); 4] = [
    ("id", AttributeType::Text),
    ("points", AttributeType::Integer),
    ("tags", AttributeType::MultiSelect),
    ("do_not_contact", AttributeType::Boolean),
];

/// One field of `GET /api/contacts/list/fields` or of `GET /api/fields/contact` and `/company`.
#[derive(Deserialize)]
struct MauticField {
    alias: String,
    #[serde(default)]
    object: Option<String>,
    label: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, rename = "isRequired")]
    required: Value,
}

/// Reads a list of attributes: `[{"name": …, "type": …}, …]`, or Mautic's list of the fields of contacts, or of companies.
///
/// # Errors
/// What is wrong with the list, in a sentence.
pub fn parse_inventory(json: &Value) -> Result<Vec<Attribute>, String> {
    let listed = json.get("fields").unwrap_or(json);
    let items: Vec<&Value> = match listed {
        Value::Array(items) => items.iter().collect(),
        // Mautic keys its fields by their ids.
        Value::Object(fields) => fields.values().collect(),
        _ => return Err("This is neither a list of attributes nor Mautic's list of contact fields.".to_owned()),
    };
    if items.iter().all(|item| item.get("alias").is_none()) {
        return items.into_iter().enumerate().map(|(i, item)| own(item).map_err(|error| format!("[{i}]: {error}."))).collect();
    }
    let mut attributes: Vec<Attribute> = Vec::with_capacity(items.len() + BESIDE.len());
    for (i, item) in items.into_iter().enumerate() {
        let field = MauticField::deserialize(item).map_err(|error| format!("[{i}]: {error}."))?;
        attributes.push(attribute(&field));
    }
    let of_companies = attributes.iter().all(|attribute| attribute.name.starts_with(COMPANY));
    let (root, beside) = if of_companies { (COMPANY, BESIDE.get(..1).unwrap_or_default()) } else { (PERSON, &BESIDE[..]) };
    let beside =
        beside.iter().map(|(name, kind)| Attribute { name: format!("{root}{name}"), kind: *kind, label: Labels::default(), required: *name == "id" });
    attributes.extend(beside.into_iter().filter(|own| attributes.iter().all(|known| known.name != own.name)).collect::<Vec<_>>());
    Ok(attributes)
}

fn own(item: &Value) -> Result<Attribute, serde_json::Error> {
    Attribute::deserialize(item)
}

fn attribute(field: &MauticField) -> Attribute {
    use AttributeType as A;
    // Source: Mautic, `LeadBundle/Entity/LeadField` and the types of its form.
    let kind = match field.kind.as_str() {
        "textarea" | "html" => A::LongText,
        "email" => A::Email,
        "tel" => A::Phone,
        "url" => A::Url,
        "number" => A::Number,
        "boolean" => A::Boolean,
        "date" => A::Date,
        "datetime" => A::Datetime,
        "time" => A::Time,
        "select" | "country" | "region" | "locale" | "timezone" => A::Select,
        "multiselect" => A::MultiSelect,
        "file" => A::File,
        _ => A::Text,
    };
    let required = matches!(&field.required, Value::Bool(true)) || field.required.as_i64() == Some(1) || field.required.as_str() == Some("1");
    let label = Labels { fr: Some(field.label.clone()), en: None };
    let name = match (field.object.as_deref(), field.alias.as_str()) {
        (Some("company"), COMPANY_NAME) => format!("{COMPANY}name"),
        (Some("company"), alias) => format!("{COMPANY}{alias}"),
        (_, alias) => format!("{PERSON}{alias}"),
    };
    Attribute { name, kind, label, required }
}

/// The declared attributes after the platform's list: those of people as the platform has them now, all others as they were.
#[must_use]
pub fn take_over(declared: &[Attribute], platform: Vec<Attribute>) -> Vec<Attribute> {
    let roots: Vec<String> = platform.iter().filter_map(|attribute| Some(format!("{}.", attribute.name.split_once('.')?.0))).collect();
    let others = declared.iter().filter(|attribute| !roots.iter().any(|root| attribute.name.starts_with(root.as_str()))).cloned();
    let mut attributes = super::reload(declared, platform);
    attributes.extend(others);
    attributes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(attributes: &[Attribute]) -> Vec<(&str, &str, bool)> {
        attributes.iter().map(|attribute| (attribute.name.as_str(), attribute.kind.as_str(), attribute.required)).collect()
    }

    #[test]
    fn mautics_list_of_fields_with_tags_and_flags() {
        let list = json!({"total": 4, "fields": {
            "1": {"id": 1, "alias": "email", "label": "E-mail", "type": "email", "isRequired": true, "group": "core"},
            "2": {"id": 2, "alias": "birth", "label": "Naissance", "type": "date", "isRequired": false},
            "3": {"id": 3, "alias": "hobbies", "label": "Loisirs", "type": "multiselect", "isRequired": 0},
            "4": {"id": 4, "alias": "points", "label": "Points", "type": "number", "isRequired": "0"}}});
        let attributes = parse_inventory(&list).unwrap();
        let want = [
            ("person.email", "email", true),
            ("person.birth", "date", false),
            ("person.hobbies", "multi_select", false),
            ("person.points", "number", false),
            ("person.id", "text", true),
            ("person.tags", "multi_select", false),
            ("person.do_not_contact", "boolean", false),
        ];
        assert_eq!(told(&attributes), want);
        assert_eq!(attributes.first().unwrap().label.fr.as_deref(), Some("E-mail"));
    }

    #[test]
    fn mautics_list_of_the_fields_of_companies() {
        let list = json!({"total": 2, "fields": [
            {"alias": "companyname", "label": "Nom", "type": "text", "isRequired": true, "object": "company"},
            {"alias": "companysize", "label": "Effectif", "type": "number", "object": "company"}]});
        let want = [("company.name", "text", true), ("company.companysize", "number", false), ("company.id", "text", true)];
        assert_eq!(told(&parse_inventory(&list).unwrap()), want);
    }

    #[test]
    fn our_own_list_and_what_is_none() {
        let list = json!([{"name": "person.job", "type": "text", "label": {"en": "Job"}}]);
        assert_eq!(told(&parse_inventory(&list).unwrap()), [("person.job", "text", false)]);
        for (wrong, want) in [
            (json!("x"), "neither a list"),
            (json!([{"name": "person.job"}]), "[0]: missing field `type`."),
            (json!([{"name": "person.job", "type": "hologram"}]), "[0]: unknown variant `hologram`"),
            (json!([{"alias": "job"}]), "[0]: missing field `label`."),
        ] {
            let error = parse_inventory(&wrong).unwrap_err();
            assert!(error.contains(want), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_is_not_the_persons_stays_declared() {
        let of = |name: &str| Attribute { name: name.to_owned(), kind: AttributeType::Text, label: Labels::default(), required: false };
        let taken = take_over(&[of("person.gone"), of("data.note"), of("person.job")], vec![of("person.job"), of("person.new")]);
        let names: Vec<&str> = taken.iter().map(|attribute| attribute.name.as_str()).collect();
        assert_eq!(names, ["person.job", "person.new", "data.note"]);
    }
}
