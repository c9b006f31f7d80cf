//! Duplicate rules: a record like one that is there is reported, held up or refused.
//!
//! Source of the answer's shape: REST API Developer Guide, "Duplicate Rule Header", and recorded
//! answers, in which the key is spelt `duplicateResut`.

use serde_json::{Value, json};

use super::Duplicates;
use crate::error::ApiError;
use crate::id::Id;
use crate::org::cell::Cell;
use crate::org::save::Change;
use crate::org::{Org, Session};
use crate::seed::DuplicateAction;

impl Org {
    pub(in crate::org) fn check_duplicates(&self, s: &Session, change: &Change) -> Result<(), ApiError> {
        for rule in &self.rules.duplicates {
            let applies = rule.object == change.object && (change.is_new() || rule.on_update);
            let stops = match rule.action {
                DuplicateAction::Report => false,
                DuplicateAction::Alert => !s.duplicates.allow_save,
                DuplicateAction::Block => true,
            };
            if !applies || !stops {
                continue;
            }
            let mut matches = self.matches(rule, change);
            if s.duplicates.run_as_current {
                matches.retain(|id| !self.is_hidden(s.user, id));
            }
            if !matches.is_empty() {
                return Err(self.duplicates_detected(s, rule, &matches));
            }
        }
        Ok(())
    }

    fn matches(&self, rule: &Duplicates, change: &Change) -> Vec<Id> {
        let wanted: Vec<_> = rule.fields.iter().map(|(own, other)| (*other, change.get(*own))).collect();
        let Some(table) = self.table(rule.against) else {
            return Vec::new();
        };
        if wanted.is_empty() || wanted.iter().any(|(_, cell)| cell.is_null()) {
            return Vec::new();
        }
        let narrowed = wanted.iter().find_map(|(field, cell)| table.candidates(*field, cell));
        let slots = narrowed.unwrap_or_else(|| table.iter().map(|(slot, _)| slot).collect());
        slots
            .into_iter()
            .filter_map(|slot| table.get(slot))
            .filter(|row| !self.is_deleted(rule.against, row))
            .filter(|row| {
                wanted.iter().all(|(field, cell)| match (*cell, &self.value(rule.against, row, *field)) {
                    (Cell::Text(a), Cell::Text(b)) => crate::org::cell::same_text(a, b),
                    (a, b) => a == b,
                })
            })
            .filter_map(|row| row.id())
            .filter(|id| *id != change.id)
            .collect()
    }

    fn duplicates_detected(&self, s: &Session, rule: &Duplicates, matches: &[Id]) -> ApiError {
        let name = |object| self.object(object).map(|def| def.name.to_string());
        let other = name(rule.against).unwrap_or_default();
        let records: Vec<Value> = matches
            .iter()
            .map(|id| {
                let mut record = self.attributes(s, &other, *id);
                if s.duplicates.include_details
                    && let Ok(Value::Object(full)) = self.retrieve(s, &other, id.as_str(), None)
                {
                    record = full;
                }
                record.insert("Id".to_owned(), json!(id));
                json!({"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0,
                       "record": record})
            })
            .collect();
        let result = json!({
            "allowSave": rule.action == DuplicateAction::Alert,
            "duplicateRule": rule.name,
            "duplicateRuleEntityType": name(rule.object),
            "errorMessage": rule.message,
            "matchResults": [{
                "entityType": other,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": records,
                "rule": format!("{}_Match", rule.name),
                "size": matches.len(),
                "success": true,
            }],
        });
        let key = if self.doubts().duplicate_result_spelt_right { "duplicateResult" } else { "duplicateResut" };
        ApiError::new(400, "DUPLICATES_DETECTED", rule.message.clone()).about::<_, String>([]).with(key, result)
    }
}
