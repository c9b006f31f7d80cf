//! The rules against the org's description, when a document is saved: which pairs of types are exact, converted, lossy or
//! impossible.

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::{
    AttributeType, FieldMap, FieldMaps, FieldType, Rule, Source, codec,
    compat::{self, Compatibility},
    merge::Direction,
    preflight::{self, Misfit, NO_FIELD, Operation, Overflow},
};
use crate::domain::{
    config::MappingOperation,
    ids::{FieldName, ObjectName},
    schema::{Field, Schemas},
    words::Sentence,
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
    /// What is to be said: both sides with their types, and what is between them.
    pub words: Sentence,
}

/// Every finding, in the order of the document's mappings. Objects that were not described are passed over. `zone` is the
/// connection's, for moments that the document itself names.
#[must_use]
pub fn check_rules(maps: &FieldMaps, schemas: &Schemas, zone: &TimeZone) -> Vec<Finding> {
    let mut findings = Vec::new();
    for map in maps.all() {
        let Some(schema) = schemas.object(map.object.as_str()) else { continue };
        for rule in map.all() {
            match schema.fields.get(&rule.to) {
                None => findings.push(missing(map, rule)),
                // A user is found by their address, and told by it.
                Some(field) if rule.owner => {
                    let address = Field { kind: FieldType::Email, length: 80, references: Vec::new(), ..field.clone() };
                    findings.extend(pairs(map, rule, &address));
                }
                Some(field) if rule.by.is_some() && field.kind != FieldType::Reference => {
                    let target = format!("{}.{} ({})", map.object, rule.to, field.kind.as_str());
                    let words = Sentence::new(
                        format!("{target} refers to no record, so none can be found by a key."),
                        format!("{target} ne désigne aucune fiche ; aucune ne peut être trouvée par une clé."),
                    );
                    findings.push(finding(map, rule, Severity::Refused, "type_impossible", words));
                }
                Some(field) if rule.by.is_some() => findings.extend(pairs(map, rule, &field.as_key())),
                Some(field) => {
                    findings.extend(pairs(map, rule, field));
                    findings.extend(constant(map, rule, field, zone));
                }
            }
        }
    }
    findings
}

fn missing(map: &FieldMap, rule: &Rule) -> Finding {
    let target = format!("{}.{}", map.object, rule.to);
    let words = Sentence::new(format!("{target}: {}", NO_FIELD.en), format!("{target} : {}", NO_FIELD.fr));
    finding(map, rule, Severity::Warned, "field_missing", words)
}

/// What is to be said about the types on both sides, one finding for each way that values go.
fn pairs(map: &FieldMap, rule: &Rule, field: &Field) -> Vec<Finding> {
    let target = format!("{}.{} ({})", map.object, rule.to, field.kind.as_str());
    let attribute = |kind: Option<AttributeType>| match (rule.from(), kind) {
        (Some(from), Some(kind)) => format!("{from} ({})", kind.as_str()),
        (Some(from), None) => from.to_owned(),
        (None, _) => rule.place.clone(),
    };
    let mut findings = Vec::new();
    if rule.direction != Direction::ToPlatform {
        let found = match (rule.chain.output(), &rule.source) {
            (Some(kind), Source::Attribute(_)) => compat::to_salesforce(kind, field),
            // What is not declared speaks for itself when it comes, but nothing goes into a closed field.
            _ => compat::closed(field).map_or(Compatibility::Exact, Compatibility::Impossible),
        };
        findings.extend(judge(map, rule, found, &format!("{} → {target}", attribute(rule.chain.output()))));
    }
    if let Some(kind) = rule.kind.filter(|_| rule.direction != Direction::ToSalesforce) {
        findings.extend(judge(map, rule, compat::to_platform(field, kind), &format!("{target} → {}", attribute(Some(kind)))));
    }
    findings
}

fn judge(map: &FieldMap, rule: &Rule, found: Compatibility, pair: &str) -> Option<Finding> {
    let (severity, code) = match found {
        Compatibility::Exact => return None,
        Compatibility::Convertible(_) => (Severity::Noted, "type_converted"),
        Compatibility::Lossy(_) => (Severity::Warned, "type_lossy"),
        Compatibility::Impossible(_) => (Severity::Refused, "type_impossible"),
    };
    let words = found.words()?;
    let words = Sentence::new(format!("{pair}: {}", words.en), format!("{pair} : {}", words.fr));
    Some(finding(map, rule, severity, code, words))
}

/// A value that the document itself names for the field, where Salesforce would not take it: one of another type is refused, one
/// that only does not fit the field as it is now is told.
fn constant(map: &FieldMap, rule: &Rule, field: &Field, zone: &TimeZone) -> Option<Finding> {
    let (value, place): (&Value, String) = match (&rule.source, &rule.overflow) {
        (Source::Fixed(value), _) => (value, rule.place.clone()),
        (_, Overflow::Default(value)) => (value, format!("{}.overflow.default", rule.place)),
        _ => return None,
    };
    // What can take nothing at all is told by its type.
    if rule.direction == Direction::ToPlatform || compat::closed(field).is_some() {
        return None;
    }
    let operation = if map.operation == MappingOperation::Update { Operation::Update } else { Operation::Create };
    let encoded = codec::encode(value, None, field, zone).map_err(Misfit::from);
    let misfit = encoded.and_then(|value| preflight::check(field, &value.unwrap_or_default(), operation)).err()?;
    let severity = match misfit {
        Misfit::Unreadable(_) => Severity::Refused,
        Misfit::NotWritable => return None,
        _ => Severity::Warned,
    };
    let (target, words) = (format!("{}.{} ({})", map.object, rule.to, field.kind.as_str()), misfit.words());
    let words = Sentence::new(format!("{value} → {target}: {}", words.en), format!("{value} → {target} : {}", words.fr));
    Some(Finding { place, ..finding(map, rule, severity, misfit.code(), words) })
}

fn finding(map: &FieldMap, rule: &Rule, severity: Severity, code: &'static str, words: Sentence) -> Finding {
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
            "people": {"lead_mapping": "lead"},
            "mappings": {"lead": {"object": "Lead", "fields": [
                {"from": "person.email", "to": "Email"},
                {"from": "person.bio", "to": "Title"},
                {"from": "person.born", "to": "DoNotCall"},
                {"from": "person.tags", "to": "Description"},
                {"from": "person.score", "to": "Score__c"},
                {"from": "person.score", "to": "Gone__c"},
                {"from": "person.score", "to": "Level__c", "overflow": {"default": "a lot"}},
                {"from": "person.score", "to": "Rank__c", "overflow": {"default": "12345678.5"}},
                {"from": "person.born", "to": "Born_Text__c", "transform": [{"date_format": {"to": "%d/%m/%Y"}}]}],
                "static": {"Met_At__c": "2026-07-01T10:00:00", "Met_On__c": "summer", "Code__c": 12}}},
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
            ("Level__c", Field { scale: 18, precision: 18, ..field(FieldType::Double) }),
            ("Rank__c", Field { scale: 18, precision: 18, ..field(FieldType::Double) }),
            ("Met_At__c", field(FieldType::DateTime)),
            ("Met_On__c", field(FieldType::Date)),
            ("Code__c", field(FieldType::String)),
        ];
        let object: ObjectName = "Lead".parse().unwrap();
        let fields = fields.into_iter().map(|(name, field)| (name.parse().unwrap(), field)).collect();
        let schemas = Schemas([(object.clone(), ObjectSchema { object, fields })].into());
        let findings = check_rules(&FieldMaps::compile(&document).unwrap(), &schemas, &TimeZone::UTC);
        let mut told: Vec<(&str, Severity, &str)> = findings.iter().map(|f| (f.field.as_str(), f.severity, f.code)).collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                ("Description", Severity::Noted, "type_converted"),
                ("DoNotCall", Severity::Refused, "type_impossible"),
                ("Gone__c", Severity::Warned, "field_missing"),
                ("Level__c", Severity::Refused, "value_not_number"),
                ("Met_On__c", Severity::Refused, "value_not_date"),
                ("Rank__c", Severity::Warned, "value_out_of_range"),
                ("Score__c", Severity::Refused, "type_impossible"),
                ("Title", Severity::Warned, "type_lossy"),
            ]
        );
        let place = findings.iter().find(|f| f.field.as_str() == "DoNotCall").unwrap();
        assert_eq!(place.place, "mappings.lead.fields[2].to");
        assert!(place.words.en.starts_with("person.born (date) → Lead.DoNotCall (boolean): "), "{}", place.words.en);
        let default = findings.iter().find(|f| f.field.as_str() == "Level__c").unwrap();
        assert_eq!(default.place, "mappings.lead.fields[6].overflow.default");
    }
}
