//! What became of an event and why its person's record is as it is, in sentences.

use std::fmt::Write as _;

use passerelle_core::domain::{mapping::Reason, plan::Note};
use serde_json::Value;

/// The report of an event, as `status CONNECTION EVENT` tells it.
pub fn in_words(report: &Value) -> String {
    let mut text = format!("{}: {} after {} tries.", show(report, "/event"), show(report, "/status"), show(report, "/tries"));
    for record in report.pointer("/outcome/records").and_then(Value::as_array).into_iter().flatten() {
        _ = write!(text, "\n  record {}", bare(record));
    }
    if let Some(problem) = report.pointer("/outcome/problem") {
        _ = write!(text, "\n  {}  {}", show(problem, "/code"), show(problem, "/message"));
    }
    if let Some(because) = report.pointer("/outcome/because") {
        _ = write!(text, "\n  {}", bare(because));
    }
    if let Some(waits) = report.pointer("/waits/en") {
        _ = write!(text, "\n  {}", bare(waits));
    }
    for why in report.get("why").and_then(Value::as_array).into_iter().flatten() {
        _ = write!(text, "\n  {}  record {}  configuration {}", show(why, "/at"), show(why, "/record"), show(why, "/config_version"));
        for change in list(why, "changes") {
            let new = change.pointer("/new/Value").unwrap_or(&Value::Null);
            let old = change.get("old").filter(|old| !old.is_null()).map(|old| format!("{old} → ")).unwrap_or_default();
            _ = write!(text, "\n    {}  {old}{new}  {}", show(change, "/field"), reason(change));
        }
        for taken in list(why, "taken") {
            let old = taken.get("old").filter(|old| !old.is_null()).map(|old| format!("{old} → ")).unwrap_or_default();
            let new = taken.get("new").unwrap_or(&Value::Null);
            _ = write!(text, "\n    {} takes over {old}{new}  {}", show(taken, "/attribute"), reason(taken));
        }
        for kept in list(why, "kept") {
            _ = write!(text, "\n    {} stays  {}", show(kept, "/field"), reason(kept));
        }
        for note in list(why, "notes") {
            let words = serde_json::from_value::<Note>(note.clone()).map(|note| note.sentence().en);
            _ = write!(text, "\n    {}", words.unwrap_or_else(|_| note.to_string()));
        }
    }
    text
}

/// A reason with the rule behind it: `Only the platform has changed. (mappings.lead.fields[3]; most_recent, said by the rule)`, and
/// where time counts, with that of Salesforce's value.
pub fn reason(field: &Value) -> String {
    let words = field.get("reason").and_then(|reason| serde_json::from_value::<Reason>(reason.clone()).ok()).map(|reason| reason.words().en);
    let mut text = words.unwrap_or_default().to_owned();
    if let Some(rule) = field.get("rule").and_then(Value::as_str) {
        _ = write!(text, " ({rule}");
        if let Some(effective) = field.get("effective").filter(|effective| !effective.is_null()) {
            _ = write!(text, "; {}, said by the {}", show(effective, "/strategy"), show(effective, "/by"));
        }
        for (name, source) in [("field", "the field's history"), ("record", "the record's last change")] {
            if let Some(at) = field.get("seen_at").and_then(|seen| seen.get(name)) {
                _ = write!(text, "; Salesforce's value is of {} by {source}", bare(at));
            }
        }
        text.push(')');
    }
    text
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn show(value: &Value, path: &str) -> String {
    value.pointer(path).map(bare).unwrap_or_default()
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_explained_in_sentences() {
        let report = json!({
            "event": "e1", "status": "applied", "tries": 1, "outcome": {"outcome": "applied", "records": ["00Q000000000001EAA"]},
            "why": [{"at": "2026-09-01T08:00:00Z", "record": "00Q000000000001EAA", "config_version": 3,
                "changes": [{"field": "Title", "old": "Engineer", "new": {"Value": "CTO"}, "reason": "platform_changed",
                             "rule": "mappings.lead.fields[3]", "effective": {"strategy": "most_recent", "by": "rule"},
                             "seen_at": {"field": "2026-08-31T12:00:00Z"}}],
                "kept": [{"field": "Phone", "reason": "both_filled", "rule": "mappings.lead.fields[4]",
                          "effective": {"strategy": "fill_if_blank", "by": "project"}}],
                "notes": [{"note": "converted", "lead": "00Q000000000002EAA"}]}]});
        let want = "e1: applied after 1 tries.
  record 00Q000000000001EAA
  2026-09-01T08:00:00Z  record 00Q000000000001EAA  configuration 3
    Title  \"Engineer\" → \"CTO\"  Only the platform has changed. (mappings.lead.fields[3]; most_recent, said by the rule; \
Salesforce's value is of 2026-08-31T12:00:00Z by the field's history)
    Phone stays  Both sides have a value, and only blanks are filled. (mappings.lead.fields[4]; fill_if_blank, said by the project)
    The lead 00Q000000000002EAA was converted; its contact was taken.";
        assert_eq!(in_words(&report), want);
        let parked = json!({"event": "e2", "status": "parked", "tries": 2, "why": [],
            "outcome": {"outcome": "parked", "problem": {"code": "missing_required", "message": "A new Lead needs Company."}}});
        assert_eq!(in_words(&parked), "e2: parked after 2 tries.\n  missing_required  A new Lead needs Company.");
    }
}
