//! Where semi- and anti-joins may stand, and what they may be.
//!
//! Source: SOQL and SOSL Reference, "Comparison Operators", the limits of subqueries in WHERE.

use super::ast::{Expr, Query};
use super::bind::Binder;
use crate::error::ApiError;

/// The most of them in one condition.
const MOST: usize = 2;

impl Binder<'_> {
    /// Refuses a condition whose joins stand where none may stand.
    pub(super) fn check_joins(&self, query: &Query) -> Result<(), ApiError> {
        let Some(filter) = &query.filter else {
            return Ok(());
        };
        let mut found = Vec::new();
        collect(filter, Place::Top, &mut found);
        for (place, at, inner) in &found {
            let text = match place {
                Place::Or => "Semi join sub-selects are not allowed with the 'OR' operator",
                Place::Nested => "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions.",
                Place::Top if inner.from.text.eq_ignore_ascii_case(&query.from.text) => {
                    "The inner and outer selects should not be on the same object type"
                }
                Place::Top if !inner.order.is_empty() || inner.limit.is_some() || inner.offset.is_some() => {
                    "Semi join sub-selects can't have ORDER BY, LIMIT or OFFSET"
                }
                Place::Top => continue,
            };
            return Err(self.malformed(*at, text));
        }
        match found.get(MOST) {
            Some((_, at, _)) => Err(self.malformed(*at, "Maximum 2 semi join sub-selects are allowed.")),
            None => Ok(()),
        }
    }
}

/// What a join stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Top,
    Or,
    Nested,
}

fn collect<'e>(expr: &'e Expr, place: Place, found: &mut Vec<(Place, usize, &'e Query)>) {
    match expr {
        Expr::And(all) => all.iter().for_each(|part| collect(part, place, found)),
        Expr::Or(all) => all.iter().for_each(|part| collect(part, Place::Or, found)),
        Expr::Not(inner) => collect(inner, if place == Place::Top { Place::Nested } else { place }, found),
        Expr::Join { left, query, .. } => found.push((place, left.at(), query)),
        Expr::Compare { .. } | Expr::Among { .. } => {}
    }
}
