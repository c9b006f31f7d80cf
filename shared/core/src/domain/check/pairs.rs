//! A document's rules against the org, as far as that decides whether the document may be stored or its connection work.

use super::{nothing_to_do, objects::person_accounts, rules::device_flow};
use crate::domain::{
    config::Document,
    finding::{Finding, Sentence, Severity},
    mapping::{self, FieldMaps, check_rules},
    schema::Schemas,
};

/// What is said about a document before it is stored, or before its connection works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What cannot work, and is refused.
    pub refused: Vec<Finding>,
    /// What may get lost, or is not there yet.
    pub warnings: Vec<Finding>,
}

/// Judges the rules of a document by what is known of the org. Objects that were not described are passed over.
#[must_use]
pub fn judge(document: &Document, maps: &FieldMaps, schemas: &Schemas) -> Verdict {
    let zone = document.connection.zone();
    let mut verdict = Verdict::default();
    for found in check_rules(maps, schemas, &zone) {
        match found.severity {
            mapping::Severity::Refused => verdict.refused.push(told(found, Severity::Error)),
            mapping::Severity::Warned => verdict.warnings.push(told(found, Severity::Warning)),
            mapping::Severity::Noted => {}
        }
    }
    verdict.warnings.extend(device_flow(document));
    verdict
}

/// What forbids that a connection works: types that cannot go together, and an org with Person Accounts.
#[must_use]
pub fn judge_org(document: &Document, maps: &FieldMaps, schemas: &Schemas) -> Verdict {
    let mut verdict = judge(document, maps, schemas);
    verdict.refused.extend(schemas.object("Account").and_then(person_accounts));
    verdict
}

/// What is said of a rule, as people read it. `refused` is the weight of what is impossible.
pub(super) fn told(found: mapping::Finding, refused: Severity) -> Finding {
    let severity = match found.severity {
        mapping::Severity::Refused => refused,
        mapping::Severity::Warned => Severity::Warning,
        mapping::Severity::Noted => Severity::Info,
    };
    let cure = match found.code {
        "type_impossible" => {
            Sentence::new("Map another field, or change the value by a transformation.", "Choisissez un autre champ, ou transformez la valeur.")
        }
        "type_lossy" => Sentence::new(
            "Choose what happens to such values with `overflow`, or map a field that takes them whole.",
            "Choisissez avec `overflow` ce qui arrive à ces valeurs, ou un champ qui les accepte entières.",
        ),
        "type_converted" => nothing_to_do(),
        "field_missing" => Sentence::new(
            "Correct the API name, or create the field: `passerelle fields` with `--create` or `--sfdx` does it with its permission.",
            "Corrigez le nom d'API, ou créez le champ : `passerelle fields` avec `--create` ou `--sfdx` le fait, autorisation comprise.",
        ),
        _ => Sentence::new(
            "Change the value in the document, or the field in Salesforce.",
            "Changez la valeur dans le document, ou le champ dans Salesforce.",
        ),
    };
    Finding::new(severity, found.code, found.place, found.words, cure)
}
