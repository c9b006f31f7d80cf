//! inwink's short form of a mapping, `{"attribute": "API_Name__c"}`, written out before the document is read.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::{FieldRule, Mapping};
use crate::domain::mapping::transform::ROOTS;

/// Writes every short form of the document out: whole mappings, and the `fields` of mappings and overlays.
#[must_use]
pub(super) fn expand(json: &Value) -> Value {
    let mut document = json.clone();
    let people = document.get("people").cloned().unwrap_or_default();
    if let Some(mappings) = document.get_mut("mappings").and_then(Value::as_object_mut) {
        for (name, mapping) in mappings.iter_mut() {
            expand_mapping(name, mapping, &people);
        }
    }
    let workflows = document.get_mut("workflows").and_then(Value::as_array_mut).into_iter().flatten().filter_map(|w| w.get_mut("mappings"));
    workflows.for_each(expand_overlays);
    let projects = document.pointer_mut("/projects/list").and_then(Value::as_object_mut).into_iter().flatten();
    projects.filter_map(|(_, project)| project.get_mut("mappings")).for_each(expand_overlays);
    document
}

fn expand_mapping(name: &str, mapping: &mut Value, people: &Value) {
    if let Some(short) = short_form(mapping)
        && let Some(object) = object(name, people)
    {
        *mapping = json!({"object": object, "fields": rules(short)});
        return;
    }
    expand_fields(mapping);
}

fn expand_overlays(overlays: &mut Value) {
    overlays.as_object_mut().into_iter().flatten().for_each(|(_, overlay)| expand_fields(overlay));
}

fn expand_fields(mapping: &mut Value) {
    if let Some(fields) = mapping.get_mut("fields")
        && let Some(short) = short_form(fields)
    {
        *fields = Value::Array(rules(short));
    }
}

/// The pairs of a short form: texts only, and no object named.
fn short_form(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object().filter(|pairs| !pairs.contains_key("object") && pairs.values().all(Value::is_string))
}

/// An attribute without a root is the person's.
fn rules(short: &Map<String, Value>) -> Vec<Value> {
    let path = |name: &str| {
        let rooted = name.split_once('.').is_some_and(|(root, _)| ROOTS.contains(&root));
        if rooted { name.to_owned() } else { format!("person.{name}") }
    };
    short.iter().map(|(name, field)| json!({"from": path(name), "to": field})).collect()
}

/// The object of a short form: what the people section uses it for, or what its name says.
fn object(name: &str, people: &Value) -> Option<&'static str> {
    let used = |key: &str| people.get(key).and_then(Value::as_str) == Some(name);
    match name {
        _ if used("lead_mapping") => Some("Lead"),
        _ if used("contact_mapping") => Some("Contact"),
        "lead" | "leads" => Some("Lead"),
        "contact" | "contacts" => Some("Contact"),
        "account" | "accounts" => Some("Account"),
        "campaign-member" | "campaign-members" => Some("CampaignMember"),
        _ => None,
    }
}

fn pairs_schema() -> Schema {
    json_schema!({
        "type": "object",
        "description": "The short form: attributes and the API names of their fields. An attribute without a root is the person's.",
        "additionalProperties": {"type": "string"}
    })
}

/// The schema of `fields`: a list of rules, or pairs.
pub(super) fn fields_schema(generator: &mut SchemaGenerator) -> Schema {
    let rules = Vec::<FieldRule>::json_schema(generator);
    json_schema!({"anyOf": [rules, pairs_schema()]})
}

/// The schema of `mappings`: by name, in full or as pairs.
pub(super) fn mappings_schema(generator: &mut SchemaGenerator) -> Schema {
    let full = generator.subschema_for::<Mapping>();
    json_schema!({"type": "object", "additionalProperties": {"anyOf": [full, pairs_schema()]}})
}
