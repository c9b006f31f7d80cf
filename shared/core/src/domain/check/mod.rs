//! "Check configuration": everything that a document and an org can be told about each other before anything is sent.
//!
//! Pure: facts about the org come in, findings go out. Who gathers the facts is `app::check`. One module per group.

mod campaigns;
mod connection;
mod consent;
mod facts;
mod fields;
mod keys;
mod objects;
mod pairs;
mod platform;
mod records;
mod required;
mod rules;
mod volume;

#[cfg(test)]
mod tests;

pub use campaigns::{CampaignFact, CampaignUse, campaign_uses};
pub use connection::unreached;
pub use facts::{DuplicateRule, Facts, ObjectFacts, Organization, RecordType, Rights, Unreached};
pub use pairs::{Verdict, judge, judge_org};
pub use platform::{check_platform, unasked_platform};

use super::{
    config::Document,
    finding::{Finding, Sentence, Severity},
    ids::FieldName,
    mapping::{FieldMaps, preflight::Operation},
    schema::{Field, Schemas},
    uses::{Target, Use, targets, uses},
};

/// Every code that a finding of the check can have; what stands for one value of the document has the code of its misfit.
pub const CODES: [&str; 55] = [
    "api_disabled",
    "attributes_undeclared",
    "campaign_ambiguous",
    "campaign_inactive",
    "campaign_not_found",
    "campaign_status_unknown",
    "company_is_account",
    "device_flow",
    "duplicate_rule",
    "duplicate_rules_unknown",
    "field_hidden",
    "field_missing",
    "field_not_writable",
    "field_partly_writable",
    "grant_gone",
    "key_field_missing",
    "key_field_wrong",
    "mautic_field_missing",
    "mautic_field_type",
    "mautic_unasked",
    "not_connected",
    "object_hidden",
    "object_not_createable",
    "object_not_updateable",
    "opt_out_hidden",
    "opt_out_history_unknown",
    "opt_out_one_sided",
    "opt_out_unmapped",
    "opt_out_untracked",
    "org_unreachable",
    "owner_fallback",
    "owner_fallback_unknown",
    "owner_overruled",
    "person_accounts",
    "quota",
    "quota_nearly_used",
    "quota_used_up",
    "record_type_default",
    "record_type_unknown",
    "required_from_optional",
    "required_unfilled",
    "required_unmapped",
    "sharing_unknown",
    "timeline_reference_not_unique",
    "too_many_rights",
    "type_converted",
    "type_impossible",
    "type_lossy",
    "value_not_in_picklist",
    "value_too_long",
    "view_all_missing",
    "volume",
    "volume_high",
    "volume_too_high",
    "volume_unknown",
];

/// What every group looks at.
struct View<'a> {
    document: &'a Document,
    maps: &'a FieldMaps,
    facts: &'a Facts,
    schemas: Schemas,
    uses: Vec<Use>,
    targets: Vec<Target>,
}

impl View<'_> {
    fn field(&self, object: &str, name: &FieldName) -> Option<&Field> {
        self.schemas.object(object)?.fields.get(name)
    }

    fn target(&self, object: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.object.as_str() == object)
    }

    /// An error where records of the object are written, else a warning: nothing fails as long as nothing is sent.
    fn weight(&self, object: &str) -> Severity {
        match self.target(object) {
            Some(target) if !target.creates && !target.updates => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

/// What happens with records of a target, the stricter first.
fn operation(target: &Target) -> Operation {
    if target.creates { Operation::Create } else { Operation::Update }
}

/// Every finding, the gravest first, then in the order of their places.
#[must_use]
pub fn evaluate(document: &Document, maps: &FieldMaps, facts: &Facts) -> Vec<Finding> {
    let view = View { document, maps, facts, schemas: facts.schemas(), uses: uses(document, maps), targets: targets(document) };
    let groups = [
        connection::findings,
        objects::findings,
        fields::findings,
        required::findings,
        keys::findings,
        records::findings,
        rules::findings,
        consent::findings,
        campaigns::findings,
        volume::findings,
    ];
    let mut found: Vec<Finding> = groups.iter().flat_map(|group| group(&view)).collect();
    found.sort_by(|a, b| (a.severity, &a.place, &a.code).cmp(&(b.severity, &b.place, &b.code)));
    found
}

fn error(code: &'static str, place: impl Into<String>, words: Sentence, cure: Sentence) -> Finding {
    Finding::new(Severity::Error, code, place, words, cure)
}

fn warning(code: &'static str, place: impl Into<String>, words: Sentence, cure: Sentence) -> Finding {
    Finding::new(Severity::Warning, code, place, words, cure)
}

fn info(code: &'static str, place: impl Into<String>, words: Sentence, cure: Sentence) -> Finding {
    Finding::new(Severity::Info, code, place, words, cure)
}

/// The cure of what needs none.
fn nothing_to_do() -> Sentence {
    Sentence::new("Nothing needs to be done.", "Il n'y a rien à faire.")
}
