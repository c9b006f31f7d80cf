//! The org's own rules and automation as seed data.
//!
//! Conditions are written as the WHERE clause of a query on the object, for example
//! `Score__c > 1000`, because the org can read that already.

use serde::{Deserialize, Serialize};

use super::FieldRule;

/// Rules to add to an org that lives already.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSet {
    /// Who may see and edit which field.
    pub field_security: Vec<FieldRule>,
    /// Conditions under which a record is refused.
    pub validation_rules: Vec<ValidationRule>,
    /// What the org's own automation does to values before it stores them.
    pub rewrites: Vec<Rewrite>,
    /// When records count as duplicates.
    pub duplicate_rules: Vec<DuplicateRule>,
    /// Who gets new and changed records.
    pub assignment_rules: Vec<AssignmentRule>,
    /// Fields whose changes are kept in the object's history.
    pub tracked_fields: Vec<String>,
}

/// A condition under which a record is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRule {
    /// The object.
    pub sobject: String,
    /// A WHERE clause that is true for a record to refuse.
    pub condition: String,
    /// The text of `FIELD_CUSTOM_VALIDATION_EXCEPTION`.
    pub message: String,
    /// The field the error stands at; at the top of the page when absent.
    #[serde(default)]
    pub field: Option<String>,
}

/// What the org's automation does to a field's value before it stores it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The object.
    pub sobject: String,
    /// The field.
    pub field: String,
    /// What happens to its value.
    pub kind: RewriteKind,
}

/// A change of a value before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewriteKind {
    /// Blanks inside are folded into one, those around dropped.
    Trim,
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
    /// A capital at the start of every word.
    Title,
    /// A telephone number of ten digits as `(415) 555-1212`; others stay.
    PhoneUs,
    /// A French telephone number as `+33 6 12 34 56 78`; others stay.
    PhoneFr,
    /// A number without its fraction.
    Round,
}

/// When a record counts as a duplicate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRule {
    /// The rule's API name.
    pub name: String,
    /// The object whose records are checked.
    pub sobject: String,
    /// The object they are compared with; the same one when absent.
    #[serde(default)]
    pub against: Option<String>,
    /// The fields that must all be equal, letter case aside, and not empty.
    pub match_fields: Vec<String>,
    /// What happens.
    pub action: DuplicateAction,
    /// The text shown.
    #[serde(default = "use_one_of_these")]
    pub message: String,
    /// Whether the rule works on updates too.
    #[serde(default)]
    pub on_update: bool,
}

fn use_one_of_these() -> String {
    "Use one of these records?".to_owned()
}

/// What a duplicate rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAction {
    /// The record is saved, and the duplicates are reported.
    Report,
    /// The record is refused unless the caller allows the save.
    Alert,
    /// The record is refused.
    Block,
}

/// An entry of the active assignment rule: the first entry that fits decides.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentRule {
    /// The object.
    pub sobject: String,
    /// A WHERE clause that the record must fulfil; any record when absent.
    #[serde(default)]
    pub condition: Option<String>,
    /// A username or a queue's developer name.
    pub owner: String,
}
