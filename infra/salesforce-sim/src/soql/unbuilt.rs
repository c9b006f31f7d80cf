//! What a real org reads in a query and this one does not: known, so that it answers 501 and not the error of a query that
//! nobody reads.
//!
//! Source: SOQL and SOSL Reference.

use super::lex::{Kind, Token};
use crate::error::ApiError;

/// Words that follow one another, and what they are called.
const PHRASES: &[(&[&str], &str)] = &[
    (&["GROUP", "BY", "ROLLUP", "("], "GROUP BY ROLLUP"),
    (&["GROUP", "BY", "CUBE", "("], "GROUP BY CUBE"),
    (&["GROUPING", "("], "GROUPING"),
    (&["FORMAT", "("], "FORMAT"),
    (&["CONVERTCURRENCY", "("], "convertCurrency"),
    (&["DISTANCE", "("], "DISTANCE"),
    (&["GEOLOCATION", "("], "GEOLOCATION"),
    (&["USING", "LISTVIEW"], "USING ListView"),
    (&["WITH", "DATA", "CATEGORY"], "WITH DATA CATEGORY"),
    (&["WITH", "RECORDVISIBILITYCONTEXT"], "WITH RecordVisibilityContext"),
    (&["UPDATE", "TRACKING"], "UPDATE TRACKING"),
    (&["UPDATE", "VIEWSTAT"], "UPDATE VIEWSTAT"),
];

/// Refuses a query that has any of these, whatever else it has: the rest cannot be judged without them.
pub(super) fn check(all: &[Token<'_>]) -> Result<(), ApiError> {
    let begins = |start: usize, words: &[&str]| {
        all.get(start..start + words.len()).is_some_and(|tokens| tokens.iter().zip(words).all(|(token, word)| token.is(word)))
    };
    for start in 0..all.len() {
        if let Some((_, name)) = PHRASES.iter().find(|(words, _)| begins(start, words)) {
            return Err(ApiError::not_built(&format!("SOQL with {name}")));
        }
        let amount = all.get(start).filter(|token| token.kind == Kind::Word && is_amount(token.text));
        if let Some(amount) = amount.filter(|_| start > 0 && all.get(start - 1).is_some_and(is_comparison)) {
            return Err(ApiError::not_built(&format!("SOQL with the currency literal {}", amount.text)));
        }
    }
    Ok(())
}

fn is_comparison(token: &Token<'_>) -> bool {
    ["=", "!=", "<>", "<", ">", "<=", ">=", "(", ","].iter().any(|sign| token.is(sign))
}

/// `USD5000`: an amount in a currency.
fn is_amount(text: &str) -> bool {
    text.split_at_checked(3).is_some_and(|(currency, digits)| {
        currency.bytes().all(|byte| byte.is_ascii_uppercase()) && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
