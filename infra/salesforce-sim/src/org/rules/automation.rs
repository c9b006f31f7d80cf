//! The customer's own automation: rewriting values, validation rules, assignment rules.

use crate::error::ApiError;
use crate::org::cell::{Cell, OwnedCell};
use crate::org::row::Row;
use crate::org::save::Change;
use crate::org::{Org, Session};
use crate::seed::RewriteKind;

impl Org {
    /// Lets the org's automation change the values that the request brings.
    pub(in crate::org) fn rewrite(&self, change: &mut Change) {
        let fields: Vec<_> = change.given.iter().copied().collect();
        for field in fields {
            let Some(kinds) = self.rules.rewrites.get(&(change.object, field)) else {
                continue;
            };
            let start = change.get(field).clone();
            let done = kinds.iter().fold(start, |cell, kind| rewritten(*kind, cell));
            change.set(field, done);
        }
    }

    pub(in crate::org) fn check_validation_rules(&self, s: &Session, change: &mut Change) {
        let row = Row::pack(&change.draft);
        for rule in &self.rules.validation {
            if rule.object == change.object && rule.condition.holds(self, s, rule.object, &row) {
                let code = "FIELD_CUSTOM_VALIDATION_EXCEPTION";
                let error = ApiError::new(400, code, rule.message.clone());
                change.errors.push(error.about(rule.field.clone()));
            }
        }
    }

    /// Lets the active assignment rule choose the owner, on creates and changes alike, unless the
    /// caller has switched it off.
    pub(in crate::org) fn assign(&self, s: &Session, change: &mut Change) {
        if !s.auto_assign || self.rules.assignment.is_empty() {
            return;
        }
        let row = Row::pack(&change.draft);
        let entry = self.rules.assignment.iter().find(|entry| {
            let fits = |condition: &crate::soql::Condition| condition.holds(self, s, entry.object, &row);
            entry.object == change.object && entry.condition.as_ref().is_none_or(fits)
        });
        if let Some(owner) = entry.map(|entry| entry.owner) {
            self.put(change, "OwnerId", Cell::Id(owner));
        }
    }
}

fn rewritten(kind: RewriteKind, cell: OwnedCell) -> OwnedCell {
    match (kind, &cell) {
        (RewriteKind::Round, Cell::Num(number)) => Cell::Num(number.rounded(0)),
        (RewriteKind::Round, _) => cell,
        (kind, Cell::Text(text)) => Cell::text(rewritten_text(kind, text)),
        _ => cell,
    }
}

fn rewritten_text(kind: RewriteKind, text: &str) -> String {
    match kind {
        RewriteKind::Trim => text.split_whitespace().collect::<Vec<_>>().join(" "),
        RewriteKind::Upper => text.to_uppercase(),
        RewriteKind::Lower => text.to_lowercase(),
        RewriteKind::Title => title_case(text),
        RewriteKind::PhoneUs => phone_us(text),
        RewriteKind::PhoneFr => phone_fr(text),
        RewriteKind::Round => text.to_owned(),
    }
}

fn title_case(text: &str) -> String {
    let mut start = true;
    text.chars()
        .flat_map(|letter| {
            let cased: Vec<char> = if start { letter.to_uppercase().collect() } else { letter.to_lowercase().collect() };
            start = !letter.is_alphanumeric();
            cased
        })
        .collect()
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn phone_us(text: &str) -> String {
    let digits = digits_of(text);
    match (digits.get(..3), digits.get(3..6), digits.get(6..)) {
        (Some(area), Some(exchange), Some(line)) if digits.len() == 10 => {
            format!("({area}) {exchange}-{line}")
        }
        _ => text.to_owned(),
    }
}

fn phone_fr(text: &str) -> String {
    let digits = digits_of(text);
    let national = digits.strip_prefix("33").or_else(|| digits.strip_prefix('0')).filter(|rest| rest.len() == 9 && !rest.starts_with('0'));
    let Some((first, rest)) = national.and_then(|number| number.split_at_checked(1)) else {
        return text.to_owned();
    };
    let pairs: Vec<&str> = (0..4).filter_map(|pair| rest.get(pair * 2..pair * 2 + 2)).collect();
    format!("+33 {first} {}", pairs.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_automation_makes_of_texts() {
        let cases = [
            (RewriteKind::Trim, " a  b ", "a b"),
            (RewriteKind::Upper, "été", "ÉTÉ"),
            (RewriteKind::Lower, "DUPONT", "dupont"),
            (RewriteKind::Title, "jean-paul DUPONT", "Jean-Paul Dupont"),
            (RewriteKind::PhoneUs, "4155551212", "(415) 555-1212"),
            (RewriteKind::PhoneUs, "+33612345678", "+33612345678"),
            (RewriteKind::PhoneFr, "06 12 34 56 78", "+33 6 12 34 56 78"),
            (RewriteKind::PhoneFr, "+33612345678", "+33 6 12 34 56 78"),
            (RewriteKind::PhoneFr, "0049 30 1234", "0049 30 1234"),
        ];
        for (kind, text, want) in cases {
            assert_eq!(rewritten_text(kind, text), want, "{kind:?} {text}");
        }
    }
}
