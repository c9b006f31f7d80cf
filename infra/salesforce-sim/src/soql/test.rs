//! Conditions with names and values resolved, and whether a record fulfils them.

use std::collections::HashSet;

use super::ast::{Compare, PatternPart};
use super::plan::Plan;
use super::value::{Operand, Reader, Subject};
use crate::id::Id;
use crate::org::{Cell, OwnedCell, folded, same_text};

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    /// A comparison with one value. LIKE is no such.
    Compare {
        left: Operand,
        op: Compare,
        right: OwnedCell,
    },
    /// A comparison with a span of time: from the first value up to, but without, the second.
    Within {
        left: Operand,
        op: Compare,
        from: OwnedCell,
        to: OwnedCell,
    },
    /// A date literal whose days depend on when and for whom the query runs.
    Span {
        left: Operand,
        op: Compare,
        word: String,
        count: Option<i64>,
    },
    Like {
        left: Operand,
        pattern: Vec<PatternPart>,
    },
    OneOf {
        left: Operand,
        values: Vec<OwnedCell>,
        keys: HashSet<Key>,
        negated: bool,
    },
    /// Some value of a multi-select picklist among combinations: `'A;B'` means both.
    Choices {
        left: Operand,
        combinations: Vec<Vec<String>>,
        negated: bool,
    },
    /// A query that has to be answered first.
    Join {
        left: Operand,
        negated: bool,
        plan: Box<Plan>,
    },
    /// Its answer.
    Ids {
        left: Operand,
        negated: bool,
        ids: HashSet<Id>,
    },
}

/// A value in a form that equal values share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Num(i64, u8),
    Text(String),
    Id(Id),
    Instant(i64),
    Day(i32),
}

impl Key {
    pub(super) fn of(cell: &Cell<'_>, case: bool) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Bool(value) => Self::Bool(*value),
            Cell::Num(number) => {
                let (mantissa, scale) = number.parts();
                Self::Num(mantissa, scale)
            }
            Cell::Text(text) if case => Self::Text(text.to_string()),
            Cell::Text(text) => Self::Text(folded(text).collect()),
            Cell::Id(id) => Self::Id(*id),
            Cell::Instant(millis) => Self::Instant(*millis),
            Cell::Day(day) => Self::Day(*day),
        }
    }
}

impl<'a> Reader<'a> {
    /// Whether a record fulfils a condition. Spans and joins must have been resolved before: what
    /// is not resolved is not fulfilled.
    pub(super) fn holds(&self, test: &Test, subject: Subject<'a>) -> bool {
        match test {
            Test::All(tests) => tests.iter().all(|test| self.holds(test, subject)),
            Test::Any(tests) => tests.iter().any(|test| self.holds(test, subject)),
            Test::Not(test) => !self.holds(test, subject),
            Test::Compare { left, op, right } => compare(&self.read(left, subject), *op, right, left.case()),
            Test::Within { left, op, from, to } => within(&self.read(left, subject), *op, from, to),
            Test::Like { left, pattern } => match self.read(left, subject) {
                Cell::Text(text) => like(&text, pattern),
                Cell::Id(id) => like(id.as_str(), pattern),
                _ => false,
            },
            Test::OneOf { left, keys, negated, .. } => keys.contains(&Key::of(&self.read(left, subject), left.case())) != *negated,
            Test::Choices { left, combinations, negated } => {
                let cell = self.read(left, subject);
                let chosen: Vec<&str> = cell.as_text().into_iter().flat_map(|text| text.split(';')).collect();
                let has = |wanted: &String| chosen.iter().any(|own| same_text(own.trim(), wanted));
                combinations.iter().any(|all| all.iter().all(has)) != *negated
            }
            Test::Ids { left, negated, ids } => {
                let id = self.read(left, subject).as_id();
                id.is_some_and(|id| ids.contains(&id)) != *negated
            }
            Test::Span { .. } | Test::Join { .. } => false,
        }
    }
}

/// Nothing equals nothing, is unequal to everything else, and is neither smaller nor greater.
fn compare(left: &Cell<'_>, op: Compare, right: &Cell<'_>, case: bool) -> bool {
    let equal = match (left, right) {
        (Cell::Text(a), Cell::Text(b)) if !case => same_text(a, b),
        (a, b) => a == b,
    };
    match op {
        Compare::Equal => return equal,
        Compare::NotEqual => return !equal,
        _ => {}
    }
    if left.is_null() || right.is_null() {
        return false;
    }
    let order = left.order(right);
    match op {
        Compare::Less => order.is_lt() && !equal,
        Compare::LessOrEqual => order.is_lt() || equal,
        Compare::Greater => order.is_gt() && !equal,
        Compare::GreaterOrEqual => order.is_gt() || equal,
        Compare::Equal | Compare::NotEqual | Compare::Like => false,
    }
}

/// `<` compares with the beginning of the span, `>` with its end, `=` means inside.
fn within(left: &Cell<'_>, op: Compare, from: &Cell<'_>, to: &Cell<'_>) -> bool {
    let inside = !left.is_null() && left.order(from).is_ge() && left.order(to).is_lt();
    match op {
        Compare::Equal => inside,
        Compare::NotEqual => !inside,
        _ if left.is_null() => false,
        Compare::Less => left.order(from).is_lt(),
        Compare::LessOrEqual => left.order(to).is_lt(),
        Compare::Greater => left.order(to).is_ge(),
        Compare::GreaterOrEqual => left.order(from).is_ge(),
        Compare::Like => false,
    }
}

/// Whether a text fits a pattern, letter case aside. Goes back to the last `%` when it fails, so
/// the time grows with the product of the lengths at most.
pub(super) fn like(text: &str, pattern: &[PatternPart]) -> bool {
    let letters: Vec<char> = folded(text).collect();
    let parts: Vec<PatternPart> = pattern
        .iter()
        .flat_map(|part| match part {
            PatternPart::Letter(letter) => letter.to_lowercase().map(PatternPart::Letter).collect(),
            other => vec![*other],
        })
        .collect();
    let (mut at, mut part) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let fits = match (parts.get(part), letters.get(at)) {
            (Some(PatternPart::Any), _) => {
                back = Some((part, at));
                part += 1;
                continue;
            }
            (None, None) => return true,
            (Some(PatternPart::One), Some(_)) => true,
            (Some(PatternPart::Letter(wanted)), Some(letter)) => wanted == letter,
            _ => false,
        };
        if fits {
            at += 1;
            part += 1;
            continue;
        }
        match back {
            Some((any, start)) if start < letters.len() => {
                back = Some((any, start + 1));
                part = any + 1;
                at = start + 1;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let parse = |text: &str| -> Vec<PatternPart> {
            text.chars()
                .map(|letter| match letter {
                    '%' => PatternPart::Any,
                    '_' => PatternPart::One,
                    other => PatternPart::Letter(other),
                })
                .collect()
        };
        let cases = [
            ("Acme", "ac%", true),
            ("Acme", "%ME", true),
            ("Acme", "%c%e", true),
            ("Acme", "a_me", true),
            ("Acme", "a_e", false),
            ("Acme", "acme%", true),
            ("Acme", "", false),
            ("aab", "%ab", true),
            ("aXbXc", "a%b%c%d", false),
            ("ÉCOLE", "éc%", true),
            ("x", "%%%", true),
        ];
        for (text, pattern, want) in cases {
            assert_eq!(like(text, &parse(pattern)), want, "{text} LIKE {pattern}");
        }
        let long = "a".repeat(2_000);
        assert!(!like(&long, &parse("%a%a%a%a%a%a%b")));
    }

    #[test]
    fn nothing_is_unequal_but_never_smaller() {
        let one = Cell::whole(1);
        let cases = [(Compare::Equal, false), (Compare::NotEqual, true), (Compare::Less, false), (Compare::GreaterOrEqual, false)];
        for (op, want) in cases {
            assert_eq!(compare(&Cell::Null, op, &one, false), want, "{op:?}");
        }
        assert!(compare(&Cell::Null, Compare::Equal, &Cell::Null, false));
    }
}
