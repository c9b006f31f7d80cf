//! From untrusted JSON to a document that can be relied on, with every fault named by its place.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Action, Document, short_form};
use crate::domain::{
    event::CONTEXT,
    hook::Reader,
    ids::MappingName,
    mapping::{FieldMaps, transform},
    near::near,
    template::Template,
    workflow::Filter,
};

/// One fault of a document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConfigFault {
    /// Where, as a path, for example `workflows[2].actions[0].activity.subject`.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Functions that every template has.
const GLOBALS: [&str; 4] = ["range", "dict", "namespace", "debug"];

/// Parses and validates a document. All faults of the second kind (references, templates, filters, field rules, time zone)
/// are listed at once; a wrong shape stops at the first, with its place.
pub fn parse_document(json: &Value) -> Result<Document, Vec<ConfigFault>> {
    let document: Document = serde_path_to_error::deserialize(short_form::expand(json))
        .map_err(|error| vec![ConfigFault { place: error.path().to_string(), message: format!("{}.", error.inner()) }])?;
    let faults = faults(&document);
    if faults.is_empty() { Ok(document) } else { Err(faults) }
}

/// The JSON Schema of the document, as text with a line feed at the end.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Document);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn faults(document: &Document) -> Vec<ConfigFault> {
    let mut faults = Vec::new();
    let mut fault = |place: String, message: String| faults.push(ConfigFault { place, message });

    if jiff::tz::TimeZone::get(&document.connection.time_zone).is_err() {
        let message = format!("{:?} is not a time zone; write one like Europe/Paris.", document.connection.time_zone);
        fault("connection.time_zone".to_owned(), message);
    }
    if let Some(Err(message)) = document.connection.country.as_deref().map(transform::parse_country) {
        fault("connection.country".to_owned(), message);
    }
    let people = &document.people;
    mapping_fault(document, "lead", people.lead_mapping.as_ref(), &mut fault);
    mapping_fault(document, "contact", people.contact_mapping.as_ref(), &mut fault);
    attribute_faults(document, &mut fault);
    workflow_faults(document, &mut fault);
    for (place, message) in Reader::compile(&document.source.format).err().into_iter().flatten() {
        faults.push(ConfigFault { place: format!("source.format.{place}"), message });
    }
    if let Err(more) = FieldMaps::compile(document) {
        faults.extend(more);
    }
    faults
}

fn mapping_fault(document: &Document, kind: &str, name: Option<&MappingName>, fault: &mut impl FnMut(String, String)) {
    let place = format!("people.{kind}_mapping");
    match name.map(|name| (name, document.mappings.get(name))) {
        None => {}
        Some((name, None)) => fault(place, format!("There is no mapping called {name}.")),
        Some((name, Some(mapping))) if !mapping.object.as_str().eq_ignore_ascii_case(kind) => {
            fault(place, format!("The mapping {name} is for {}, not for {kind}s.", mapping.object))
        }
        Some(_) => {}
    }
}

fn attribute_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    let mut names = BTreeSet::new();
    for (i, attribute) in document.platform.attributes.iter().enumerate() {
        let place = format!("platform.attributes[{i}].name");
        if let Err(message) = transform::check_path(&attribute.name) {
            fault(place.clone(), message);
        }
        if !names.insert(&attribute.name) {
            fault(place, format!("{} is declared already; an attribute has one type.", attribute.name));
        }
    }
}

fn workflow_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    let mut names = BTreeSet::new();
    for (w, workflow) in document.workflows.iter().enumerate() {
        if !names.insert(&workflow.name) {
            fault(format!("workflows[{w}].name"), format!("Another workflow is called {:?}; explanations cite the name.", workflow.name));
        }
        if let Some(Err(error)) = workflow.filter.as_deref().map(Filter::compile) {
            fault(format!("workflows[{w}].filter"), format!("The filter cannot be read: {error}"));
        }
        for (a, action) in workflow.actions.iter().enumerate() {
            let Action::Activity(activity) = action else { continue };
            let texts = [
                ("subject", Some(&activity.subject)),
                ("kind", activity.kind.as_ref()),
                ("description", activity.description.as_ref()),
                ("start", activity.start.as_ref()),
                ("end", activity.end.as_ref()),
            ];
            for (name, text) in texts {
                let place = || format!("workflows[{w}].actions[{a}].activity.{name}");
                match text.map(|text| Template::compile(text)) {
                    None => {}
                    Some(Err(error)) => fault(place(), format!("The template cannot be read: {error}")),
                    Some(Ok(template)) => strangers(&template).into_iter().for_each(|message| fault(place(), message)),
                }
            }
        }
    }
}

/// The names in a template that stand for nothing: they would be written as nothing, and nobody would know why.
fn strangers(template: &Template) -> Vec<String> {
    let variables = template.variables();
    let roots: BTreeSet<&str> = variables.iter().map(|path| path.split_once('.').map_or(path.as_str(), |(root, _)| root)).collect();
    let unknown = roots.into_iter().filter(|root| !CONTEXT.contains(root) && !GLOBALS.contains(root));
    unknown
        .map(|root| {
            let end = near(root, CONTEXT).map_or_else(|| ".".to_owned(), |name| format!("; did you mean {name}?"));
            format!("Nothing is called {root}{end} A text sees {}.", CONTEXT.join(", "))
        })
        .collect()
}
