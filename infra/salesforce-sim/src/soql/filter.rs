//! Turns conditions as written into conditions with names and values resolved.

use std::collections::HashSet;

use super::ast::{Among, Compare, Expr, Literal, LiteralValue, Query, Term};
use super::bind::{Binder, Ground};
use super::message;
use super::plan::Plan;
use super::test::{Key, Test};
use super::value::{Leaf, Operand, Way};
use crate::doubts::MalformedIdInQuery;
use crate::error::ApiError;
use crate::id::Id;
use crate::org::{Cell, OwnedCell};
use crate::schema::{FieldType, Flag};

/// The longest text in a condition, in characters.
const LONGEST_TEXT: usize = 4_000;

/// How the left sides of a condition are found.
pub(super) trait Sides {
    fn operand(&self, term: &Term) -> Result<Operand, ApiError>;
}

/// The left sides of WHERE: fields that can be filtered by.
pub(super) struct RecordSides<'a, 'b> {
    pub(super) binder: &'a Binder<'b>,
    pub(super) ground: &'a Ground,
}

impl Sides for RecordSides<'_, '_> {
    fn operand(&self, term: &Term) -> Result<Operand, ApiError> {
        let operand = self.binder.operand(self.ground, term)?;
        self.binder.check_flag(&operand, term.at(), Flag::FILTER, "filtered")?;
        Ok(operand)
    }
}

impl Binder<'_> {
    /// Refuses a field that cannot be filtered, grouped or sorted by.
    pub(super) fn check_flag(&self, operand: &Operand, at: usize, flag: Flag, done: &str) -> Result<(), ApiError> {
        let way = match operand {
            Operand::Way(way) => way,
            Operand::Call { argument, .. } => {
                return if flag == Flag::GROUP { Ok(()) } else { self.check_flag(argument, at, flag, done) };
            }
            Operand::Result { .. } => return Ok(()),
        };
        if self.has_flag(operand, flag) {
            return Ok(());
        }
        let code = if flag == Flag::FILTER { "INVALID_FIELD" } else { "MALFORMED_QUERY" };
        let text = format!("field '{}' can not be {done} in a query call", way.name);
        Err(message::at(self.query, at, code, &text))
    }

    /// Whether the fields that a value is read from have a capability; what is worked out has every one.
    pub(super) fn has_flag(&self, operand: &Operand, flag: Flag) -> bool {
        let Operand::Way(Way { leaf: Leaf::Fields(fields), .. }) = operand else {
            return true;
        };
        fields.iter().all(|(object, no)| self.org.object(*object).and_then(|def| def.field(*no)).is_some_and(|field| field.has(flag)))
    }

    pub(super) fn test(&self, expr: &Expr, sides: &dyn Sides) -> Result<Test, ApiError> {
        let each = |all: &[Expr]| -> Result<Vec<Test>, ApiError> { all.iter().map(|expr| self.test(expr, sides)).collect() };
        match expr {
            Expr::And(all) => Ok(Test::All(each(all)?)),
            Expr::Or(all) => Ok(Test::Any(each(all)?)),
            Expr::Not(inner) => Ok(Test::Not(Box::new(self.test(inner, sides)?))),
            Expr::Compare { left, op, right } => {
                let operand = sides.operand(left)?;
                self.comparison(left, operand, *op, right)
            }
            Expr::Among { left, op, values } => {
                let operand = sides.operand(left)?;
                self.among(left, operand, *op, values)
            }
            Expr::Join { left, negated, query } => {
                let operand = sides.operand(left)?;
                self.join(left, operand, *negated, query)
            }
        }
    }

    fn comparison(&self, term: &Term, left: Operand, op: Compare, right: &Literal) -> Result<Test, ApiError> {
        if let LiteralValue::Span { word, count } = &right.value {
            let timed = matches!(left.kind(), FieldType::Date | FieldType::DateTime);
            if !timed || op == Compare::Like {
                return Err(self.wrong_type(&left, right));
            }
            let takes_count = word.contains("_N_") || word.starts_with("N_");
            if takes_count != count.is_some() {
                return Err(message::unexpected(self.query, right.at, &right.text));
            }
            return Ok(Test::Span { left, op, word: word.clone(), count: *count });
        }
        if op == Compare::Like {
            return match &right.value {
                LiteralValue::Text { pattern, .. } if left.kind().is_text() => Ok(Test::Like { left, pattern: pattern.clone() }),
                _ => Err(self.invalid_operator(term, &left)),
            };
        }
        let ordered = !matches!(op, Compare::Equal | Compare::NotEqual);
        if ordered && matches!(left.kind(), FieldType::Boolean | FieldType::MultiPicklist) {
            return Err(self.invalid_operator(term, &left));
        }
        let right = self.value(&left, right)?;
        Ok(Test::Compare { left, op, right })
    }

    fn among(&self, term: &Term, left: Operand, op: Among, values: &[Literal]) -> Result<Test, ApiError> {
        let multi = left.kind() == FieldType::MultiPicklist;
        let negated = matches!(op, Among::NotIn | Among::Excludes);
        if matches!(op, Among::Includes | Among::Excludes) {
            if !multi {
                return Err(self.invalid_operator(term, &left));
            }
            let combinations = values
                .iter()
                .map(|literal| {
                    let cell = self.value(&left, literal)?;
                    let text = cell.as_text().unwrap_or_default().to_owned();
                    Ok(text.split(';').map(|part| part.trim().to_owned()).collect())
                })
                .collect::<Result<_, ApiError>>()?;
            return Ok(Test::Choices { left, combinations, negated });
        }
        if values.iter().any(|literal| matches!(literal.value, LiteralValue::Span { .. })) {
            return self.among_spans(term, &left, negated, values);
        }
        let values: Vec<OwnedCell> = values.iter().map(|literal| self.value(&left, literal)).collect::<Result<_, _>>()?;
        let keys: HashSet<Key> = values.iter().map(|cell| Key::of(cell, left.case())).collect();
        Ok(Test::OneOf { left, values, keys, negated })
    }

    /// `IN (TODAY, LAST_MONTH)` is a comparison with each.
    fn among_spans(&self, term: &Term, left: &Operand, negated: bool, values: &[Literal]) -> Result<Test, ApiError> {
        let tests = values.iter().map(|literal| self.comparison(term, left.clone(), Compare::Equal, literal)).collect::<Result<_, _>>()?;
        let any = Test::Any(tests);
        Ok(if negated { Test::Not(Box::new(any)) } else { any })
    }

    fn join(&self, term: &Term, left: Operand, negated: bool, query: &Query) -> Result<Test, ApiError> {
        if !matches!(left.kind(), FieldType::Id | FieldType::Reference) {
            return Err(self.invalid_operator(term, &left));
        }
        let plan = Plan::new(self, query)?;
        if !plan.is_list_of_ids() {
            return Err(message::at(
                self.query,
                query.from.at,
                "MALFORMED_QUERY",
                "The inner select of a semi join must select one ID or reference field.",
            ));
        }
        Ok(Test::Join { left, negated, plan: Box::new(plan) })
    }

    /// A value that the left side can be compared with.
    fn value(&self, left: &Operand, literal: &Literal) -> Result<OwnedCell, ApiError> {
        let wrong = || self.wrong_type(left, literal);
        if let LiteralValue::Text { text, .. } = &literal.value
            && text.chars().count() > LONGEST_TEXT
        {
            let text = "string literals cannot be longer than 4000 characters";
            return Err(message::at(self.query, literal.at, "MALFORMED_QUERY", text));
        }
        let cell = literal.value.cell().ok_or_else(wrong)?;
        if matches!(literal.value, LiteralValue::Null) {
            // A checkbox is never without a value.
            return Ok(if left.kind() == FieldType::Boolean { Cell::Bool(false) } else { cell });
        }
        let text = matches!(literal.value, LiteralValue::Text { .. });
        match left.kind() {
            FieldType::Id | FieldType::Reference => match &cell {
                Cell::Null => Ok(Cell::Null),
                Cell::Text(text) => Id::parse(text).map(Cell::Id).map_err(|_| {
                    let code = match self.org.doubts().malformed_id_in_query {
                        MalformedIdInQuery::InvalidQueryFilterOperator => "INVALID_QUERY_FILTER_OPERATOR",
                        MalformedIdInQuery::MalformedQuery => "MALFORMED_QUERY",
                    };
                    message::at(self.query, literal.at, code, &format!("invalid ID field: {text}"))
                }),
                _ => Err(wrong()),
            },
            FieldType::Boolean => matches!(cell, Cell::Bool(_)).then_some(cell).ok_or_else(wrong),
            FieldType::Date => matches!(cell, Cell::Day(_)).then_some(cell).ok_or_else(wrong),
            FieldType::DateTime => matches!(cell, Cell::Instant(_)).then_some(cell).ok_or_else(wrong),
            kind if kind.is_number() => matches!(cell, Cell::Num(_)).then_some(cell).ok_or_else(wrong),
            FieldType::Address | FieldType::Location => Err(wrong()),
            FieldType::Time => Err(ApiError::not_built("SOQL with a condition on a time of day")),
            _ => text.then_some(cell).ok_or_else(wrong),
        }
    }

    /// Source of the text: recorded answers.
    fn wrong_type(&self, left: &Operand, literal: &Literal) -> ApiError {
        let kind = match left.kind() {
            FieldType::DateTime => "dateTime",
            FieldType::Id | FieldType::Reference => "ID",
            kind if kind.is_text() => "string",
            kind => kind.name(),
        };
        let quotes = if kind == "string" || kind == "ID" { "should be enclosed in quotes" } else { "should not be enclosed in quotes" };
        let text = format!("value of filter criterion for field '{}' must be of type {kind} and {quotes}", operand_name(left));
        message::at(self.query, literal.at, "INVALID_FIELD", &text)
    }

    fn invalid_operator(&self, term: &Term, left: &Operand) -> ApiError {
        let text = format!("invalid operator on {} field", left.kind().name());
        message::at(self.query, term.at(), "INVALID_QUERY_FILTER_OPERATOR", &text)
    }
}

pub(super) fn operand_name(operand: &Operand) -> String {
    match operand {
        Operand::Way(way) => way.name.clone(),
        Operand::Call { argument, .. } => operand_name(argument),
        Operand::Result { number, .. } => format!("expr{number}"),
    }
}
