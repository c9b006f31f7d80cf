//! The rules against the org's description, when a document is saved: which pairs of types are exact, converted, lossy or
//! impossible.

use serde::Serialize;

use super::{
    FieldMap, FieldMaps, Rule, Source, Words,
    compat::{self, Compatibility},
    merge::Direction,
    preflight::NO_FIELD,
};
use crate::domain::{
    ids::{FieldName, ObjectName},
    schema::{Field, Schemas},
};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The document is refused.
    Refused,
    /// Something may be lost, or is missing in the org.
    Warned,
    /// Something is rewritten.
    Noted,
}

/// One thing to say about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable code.
    pub code: &'static str,
    /// Where the rule stands in the document.
    pub place: String,
    /// The object.
    pub object: ObjectName,
    /// The field.
    pub field: FieldName,
    /// What is to be said.
    pub words: Words,
}

/// Every finding, in the order of the document's mappings. Objects that were not described are passed over.
#[must_use]
pub fn check_rules(maps: &FieldMaps, schemas: &Schemas) -> Vec<Finding> {
    let mut findings = Vec::new();
    for map in maps.configured() {
        let Some(schema) = schemas.object(map.object.as_str()) else { continue };
        for rule in map.all() {
            match schema.fields.get(&rule.to) {
                None => findings.push(finding(map, rule, Severity::Warned, "field_missing", NO_FIELD)),
                Some(field) => findings.extend(compatibilities(rule, field).filter_map(|found| judge(map, rule, found))),
            }
        }
    }
    findings
}

fn compatibilities(rule: &Rule, field: &Field) -> impl Iterator<Item = Compatibility> {
    let there = (rule.direction != Direction::ToPlatform).then(|| match (rule.chain.output(), &rule.source) {
        (Some(kind), Source::Attribute(_)) => compat::to_salesforce(kind, field),
        // What is not declared speaks for itself when it comes, but nothing goes into a closed field.
        _ => compat::closed(field).map_or(Compatibility::Exact, Compatibility::Impossible),
    });
    let back = (rule.direction != Direction::ToSalesforce).then_some(rule.kind).flatten().map(|kind| compat::to_platform(field, kind));
    there.into_iter().chain(back)
}

fn judge(map: &FieldMap, rule: &Rule, found: Compatibility) -> Option<Finding> {
    let (severity, code) = match found {
        Compatibility::Exact => return None,
        Compatibility::Convertible(_) => (Severity::Noted, "type_converted"),
        Compatibility::Lossy(_) => (Severity::Warned, "type_lossy"),
        Compatibility::Impossible(_) => (Severity::Refused, "type_impossible"),
    };
    found.words().map(|words| finding(map, rule, severity, code, words))
}

fn finding(map: &FieldMap, rule: &Rule, severity: Severity, code: &'static str, words: Words) -> Finding {
    Finding { severity, code, place: format!("{}.to", rule.place), object: map.object.clone(), field: rule.to.clone(), words }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{config::parse_document, mapping::FieldType, schema::ObjectSchema};
    use serde_json::json;

    #[test]
    fn every_kind_of_finding() {
        let document = parse_document(&json!({
            "connection": {"id": "c", "name": "C", "time_zone": "Europe/Paris"},
            "source": {"id": "s"},
            "platform": {"name": "P", "attributes": [
                {"name": "person.email", "type": "email"}, {"name": "person.bio", "type": "long_text"},
                {"name": "person.born", "type": "date"}, {"name": "person.tags", "type": "multi_select"}, {"name": "person.score", "type": "number"}]},
            "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "k"}}},
            "mappings": {"lead": {"object": "Lead", "fields": [
                {"from": "person.email", "to": "Email"},
                {"from": "person.bio", "to": "Title"},
                {"from": "person.born", "to": "DoNotCall"},
                {"from": "person.tags", "to": "Description"},
                {"from": "person.score", "to": "Score__c"},
                {"from": "person.score", "to": "Gone__c"},
                {"from": "person.born", "to": "Born_Text__c", "transform": [{"date_format": {"to": "%d/%m/%Y"}}]}]}},
            "workflows": []
        }))
        .unwrap();
        let field = |kind: FieldType| Field { kind, length: 128, precision: 9, scale: 2, createable: true, updateable: true, ..Field::default() };
        let fields = [
            ("Email", field(FieldType::Email)),
            ("Title", field(FieldType::String)),
            ("DoNotCall", field(FieldType::Boolean)),
            ("Description", field(FieldType::TextArea)),
            ("Score__c", Field { computed: true, createable: false, updateable: false, ..field(FieldType::Double) }),
            ("Born_Text__c", field(FieldType::String)),
        ];
        let object: ObjectName = "Lead".parse().unwrap();
        let fields = fields.into_iter().map(|(name, field)| (name.parse().unwrap(), field)).collect();
        let schemas = Schemas([(object.clone(), ObjectSchema { object, fields })].into());
        let findings = check_rules(&FieldMaps::compile(&document).unwrap(), &schemas);
        let mut told: Vec<(&str, Severity, &str)> = findings.iter().map(|f| (f.field.as_str(), f.severity, f.code)).collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                ("Description", Severity::Noted, "type_converted"),
                ("DoNotCall", Severity::Refused, "type_impossible"),
                ("Gone__c", Severity::Warned, "field_missing"),
                ("Score__c", Severity::Refused, "type_impossible"),
                ("Title", Severity::Warned, "type_lossy"),
            ]
        );
        let place = findings.iter().find(|f| f.field.as_str() == "DoNotCall").unwrap();
        assert_eq!(place.place, "mappings.lead.fields[2].to");
    }
}
