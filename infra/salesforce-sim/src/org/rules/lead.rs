//! What is special about leads: a converted one is read-only, and converting is no plain change.

use super::converted_lead;
use crate::error::ApiError;
use crate::org::save::Change;
use crate::org::{Org, Session};

impl Org {
    pub(super) fn lead_rules(&self, s: &Session, change: &mut Change) {
        if change.forced {
            return;
        }
        let was_converted = change.before.as_ref().is_some_and(|(_, row)| self.named(change.object, row, "IsConverted").is_true());
        if was_converted && !self.permissions(s).edit_converted_leads {
            change.errors.push(converted_lead());
            return;
        }
        // Conversion happens in the pages for people and by convertLead, not by a status.
        if self.is_changed(change, "Status") && !was_converted {
            let status = self.got(change, "Status").as_text().unwrap_or_default();
            if self.converts(status) {
                change.errors.push(ApiError::new(400, "INVALID_STATUS", format!("invalid status: {status}")).about(["Status"]));
            }
        }
    }

    /// Whether a lead status stands for a converted lead.
    pub(in crate::org) fn converts(&self, status: &str) -> bool {
        let Some(object) = self.schema.object_no("LeadStatus") else {
            return false;
        };
        let mut rows = self.table(object).into_iter().flat_map(|table| table.iter());
        rows.any(|(_, row)| self.named(object, row, "ApiName").as_text() == Some(status) && self.named(object, row, "IsConverted").is_true())
    }
}
