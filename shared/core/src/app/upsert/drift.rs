//! An org that is no longer as it was described: a description holds for a day, and changes in Setup do not wait for it.

use std::collections::BTreeSet;

use crate::domain::{
    ids::EventId,
    plan::{Plan, WriteId, WriteResult},
};

/// What a batch goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Description {
    /// What was described within the last day.
    Known,
    /// The org was described anew for this batch; it is not asked twice.
    Anew,
}

/// Whether Salesforce refuses, by this code, an owner who was active when they were looked up.
pub(super) fn is_of_owner(code: &str) -> bool {
    code == "INACTIVE_OWNER_OR_USER"
}

/// Whether Salesforce refuses, by this code, what a true description would not have let through.
pub(super) fn is_code(code: &str) -> bool {
    matches!(
        code,
        "INVALID_FIELD"
            | "INVALID_TYPE"
            | "INVALID_FIELD_FOR_INSERT_UPDATE"
            | "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
            | "REQUIRED_FIELD_MISSING"
            | "STRING_TOO_LONG"
    )
}

/// Whether any write was refused so.
pub(super) fn is_told_by(results: &[WriteResult], is: fn(&str) -> bool) -> bool {
    results.iter().any(|result| matches!(result, WriteResult::Refused(cause) if is(&cause.code)))
}

/// Makes such refusals failures that are tried again, and answers the events that wait for them.
pub(super) fn put_back(plan: &Plan, results: &mut [WriteResult], is: fn(&str) -> bool) -> Vec<EventId> {
    let mut back = BTreeSet::new();
    for (i, result) in results.iter_mut().enumerate() {
        if let WriteResult::Refused(cause) = result
            && is(&cause.code)
        {
            *result = WriteResult::Failed(cause.clone());
            back.insert(WriteId(i));
        }
    }
    plan.waiting_for(&back).cloned().collect()
}
