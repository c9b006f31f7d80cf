//! Reads conditions and values.
//!
//! AND, OR and NOT do not mix without brackets: the grammar of SOQL has no precedence among them.
//! Source: SOQL and SOSL Reference, "Condition Expression Syntax".

use winnow::Parser;
use winnow::combinator::{cut_err, opt, separated};
use winnow::token::any;

use super::ast::{Among, Compare, Expr, Literal, LiteralValue};
use super::lex::{Kind, Token};
use super::parse::{Parsed, Tokens, misfit, misfit_before, must, next_is, query_body, term, the};
use crate::org::{Decimal, parse_date, parse_instant};

pub(super) fn condition(input: &mut Tokens<'_, '_>) -> Parsed<Expr> {
    if opt(the("NOT")).parse_next(input)?.is_some() {
        return Ok(Expr::Not(Box::new(simple(input)?)));
    }
    let first = simple(input)?;
    for (word, join) in [("AND", Expr::And as fn(Vec<Expr>) -> Expr), ("OR", Expr::Or)] {
        if next_is(input, word) {
            let mut all = vec![first];
            while opt(the(word)).parse_next(input)?.is_some() {
                all.push(simple(input)?);
            }
            return Ok(join(all));
        }
    }
    Ok(first)
}

fn simple(input: &mut Tokens<'_, '_>) -> Parsed<Expr> {
    if next_is(input, "(") {
        must("(").parse_next(input)?;
        let inner = condition(input)?;
        must(")").parse_next(input)?;
        return Ok(inner);
    }
    let left = term(input)?;
    if opt(the("NOT")).parse_next(input)?.is_some() {
        must("IN").parse_next(input)?;
        return among(input, left, Among::NotIn);
    }
    for (word, op) in [("IN", Among::In), ("INCLUDES", Among::Includes), ("EXCLUDES", Among::Excludes)] {
        if opt(the(word)).parse_next(input)?.is_some() {
            return among(input, left, op);
        }
    }
    let op = operator(input)?;
    let right = literal(input)?;
    Ok(Expr::Compare { left, op, right })
}

fn operator(input: &mut Tokens<'_, '_>) -> Parsed<Compare> {
    const OPERATORS: &[(&str, Compare)] = &[
        ("=", Compare::Equal),
        ("!=", Compare::NotEqual),
        ("<>", Compare::NotEqual),
        ("<=", Compare::LessOrEqual),
        (">=", Compare::GreaterOrEqual),
        ("<", Compare::Less),
        (">", Compare::Greater),
        ("LIKE", Compare::Like),
    ];
    cut_err(any.verify_map(|token: &Token<'_>| OPERATORS.iter().find(|(text, _)| token.is(text)).map(|(_, op)| *op))).parse_next(input)
}

fn among(input: &mut Tokens<'_, '_>, left: super::ast::Term, op: Among) -> Parsed<Expr> {
    must("(").parse_next(input)?;
    let expr = if next_is(input, "SELECT") {
        let negated = match op {
            Among::In => false,
            Among::NotIn => true,
            Among::Includes | Among::Excludes => return misfit(input),
        };
        let query = Box::new(query_body(input)?);
        Expr::Join { left, negated, query }
    } else {
        let values = separated(1.., literal, the(",")).parse_next(input)?;
        Expr::Among { left, op, values }
    };
    must(")").parse_next(input)?;
    Ok(expr)
}

fn literal(input: &mut Tokens<'_, '_>) -> Parsed<Literal> {
    let token = *cut_err(any).parse_next(input)?;
    let value = match token.kind {
        Kind::Text => super::escapes::value(token.text),
        Kind::Number => number_value(token.text),
        Kind::Word => word_value(&token),
        Kind::Sign | Kind::End => None,
    };
    let Some(mut value) = value else {
        return misfit_before(input);
    };
    let mut text = token.text.to_owned();
    if let LiteralValue::Span { count, .. } = &mut value
        && opt(the(":")).parse_next(input)?.is_some()
    {
        let number: &Token<'_> =
            cut_err(any.verify(|next: &&Token<'_>| next.kind == Kind::Number && next.text.parse::<u32>().is_ok())).parse_next(input)?;
        *count = number.text.parse().ok();
        text = format!("{text}:{}", number.text);
    }
    Ok(Literal { value, text, at: token.at })
}

fn number_value(text: &str) -> Option<LiteralValue> {
    if let Some(at) = parse_instant(text) {
        return Some(LiteralValue::Instant(at.as_second() * 1_000));
    }
    if let Some(date) = parse_date(text) {
        return Some(LiteralValue::Date(date));
    }
    text.parse::<Decimal>().ok().map(LiteralValue::Number)
}

fn word_value(token: &Token<'_>) -> Option<LiteralValue> {
    if token.is("null") {
        return Some(LiteralValue::Null);
    }
    if token.is("true") || token.is("false") {
        return Some(LiteralValue::Bool(token.is("true")));
    }
    let word = token.text.to_ascii_uppercase();
    super::dates::is_span(&word).then_some(LiteralValue::Span { word, count: None })
}
