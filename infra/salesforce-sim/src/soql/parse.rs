//! Reads tokens into a query.
//!
//! The grammar decides by the next token alone, so the first token that fits nowhere is the one
//! the error is about. Source: SOQL and SOSL Reference.

use winnow::Parser;
use winnow::combinator::{cut_err, opt, peek, preceded, repeat, separated, terminated};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{Stream, TokenSlice};
use winnow::token::any;

use super::ast::{Expr, FieldSet, Item, Name, Order, Path, Query, Term};
use super::lex::{Kind, OpenText, Token, tokens};
use super::{conditions, escapes, message, unbuilt};
use crate::error::ApiError;

/// The longest query in characters.
const LONGEST: usize = 100_000;
/// The deepest nesting of brackets.
const DEEPEST: usize = 100;

pub(super) type Tokens<'t, 'q> = TokenSlice<'t, Token<'q>>;
pub(super) type Parsed<T> = Result<T, ErrMode<Misfit>>;

/// A token that fits nowhere: how many tokens were left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    left: usize,
}

impl ParserError<Tokens<'_, '_>> for Misfit {
    type Inner = Self;

    fn from_input(input: &Tokens<'_, '_>) -> Self {
        Self { left: input.eof_offset() }
    }

    fn or(self, other: Self) -> Self {
        // The branch that came further knows more.
        if self.left < other.left { self } else { other }
    }

    fn into_inner(self) -> Result<Self::Inner, Self> {
        Ok(self)
    }
}

/// Reads a whole query.
pub(crate) fn parse(query: &str) -> Result<Query, ApiError> {
    read(query, query_body)
}

/// Reads a condition that stands alone, as the rules of an org have it.
pub(super) fn parse_condition(text: &str) -> Result<Expr, ApiError> {
    read(text, conditions::condition)
}

fn read<'q, T>(query: &'q str, grammar: impl for<'t> Fn(&mut Tokens<'t, 'q>) -> Parsed<T>) -> Result<T, ApiError> {
    if query.chars().count() > LONGEST {
        return Err(ApiError::new(400, "MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters."));
    }
    let all = tokens(query).map_err(|OpenText(at)| {
        let text = format!("line 1:{at} mismatched character '<EOF>' expecting '''");
        ApiError::new(400, "MALFORMED_QUERY", text)
    })?;
    check_depth(query, &all)?;
    escapes::check(query, &all)?;
    unbuilt::check(&all)?;
    let mut input = TokenSlice::new(&all);
    let parsed = grammar(&mut input).and_then(|parsed| end(&mut input).map(|()| parsed));
    parsed.map_err(|error| {
        let left = match error {
            ErrMode::Backtrack(misfit) | ErrMode::Cut(misfit) => misfit.left,
            ErrMode::Incomplete(_) => 1,
        };
        let place = all.len().saturating_sub(left.max(1));
        match all.get(place) {
            Some(token) => message::unexpected(query, token.at, token.text),
            None => message::unexpected(query, query.len(), "<EOF>"),
        }
    })
}

/// Brackets nest as deep as a person would nest them, so that reading a query needs little stack.
fn check_depth(query: &str, all: &[Token<'_>]) -> Result<(), ApiError> {
    let mut depth = 0_usize;
    for token in all {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        }
        if depth > DEEPEST {
            return Err(message::unexpected(query, token.at, token.text));
        }
    }
    Ok(())
}

fn end(input: &mut Tokens<'_, '_>) -> Parsed<()> {
    any.verify(|token: &Token<'_>| token.kind == Kind::End).void().parse_next(input)
}

/// A keyword or a sign.
pub(super) fn the<'t, 'q: 't>(text: &'static str) -> impl Parser<Tokens<'t, 'q>, Token<'q>, ErrMode<Misfit>> {
    any.verify(move |token: &Token<'q>| token.is(text)).map(|token: &Token<'q>| *token)
}

/// A keyword or a sign that must stand here.
pub(super) fn must<'t, 'q: 't>(text: &'static str) -> impl Parser<Tokens<'t, 'q>, Token<'q>, ErrMode<Misfit>> {
    cut_err(the(text))
}

/// Whether the next token is this keyword or sign.
pub(super) fn next_is(input: &mut Tokens<'_, '_>, text: &str) -> bool {
    let next: Parsed<&Token<'_>> = peek(any).parse_next(input);
    next.is_ok_and(|token| token.is(text))
}

/// The error about the next token.
pub(super) fn misfit<T>(input: &Tokens<'_, '_>) -> Parsed<T> {
    Err(ErrMode::Cut(Misfit::from_input(input)))
}

/// Words that end a list of names or begin the next part.
const RESERVED: &[&str] = &[
    "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "USING", "WITH", "ALL", "AND", "OR", "NOT", "IN", "LIKE", "INCLUDES",
    "EXCLUDES", "ASC", "DESC", "NULLS", "SELECT", "END", "WHEN", "THEN", "ELSE", "UPDATE",
];

pub(super) fn name(input: &mut Tokens<'_, '_>) -> Parsed<Name> {
    any.verify(|token: &Token<'_>| token.kind == Kind::Word && !RESERVED.iter().any(|word| token.is(word)))
        .map(|token: &Token<'_>| Name { text: token.text.to_owned(), at: token.at })
        .parse_next(input)
}

/// An object may be named like a word of the language: `FROM Group`, `FROM Order`.
fn object_name(input: &mut Tokens<'_, '_>) -> Parsed<Name> {
    let start = input.checkpoint();
    let word = opt(any.verify(|token: &Token<'_>| token.is("GROUP") || token.is("ORDER"))).parse_next(input)?;
    match word {
        Some(token) if !next_is(input, "BY") => Ok(Name { text: token.text.to_owned(), at: token.at }),
        _ => {
            input.reset(&start);
            name(input)
        }
    }
}

pub(super) fn path(input: &mut Tokens<'_, '_>) -> Parsed<Path> {
    let mut parts = vec![cut_err(name).parse_next(input)?];
    while opt(the(".")).parse_next(input)?.is_some() {
        parts.push(cut_err(name).parse_next(input)?);
    }
    Ok(Path { parts })
}

/// A field or a function of one.
pub(super) fn term(input: &mut Tokens<'_, '_>) -> Parsed<Term> {
    let path = path(input)?;
    if !next_is(input, "(") {
        return Ok(Term::Path(path));
    }
    let mut parts = path.parts;
    let (Some(name), true) = (parts.pop(), parts.is_empty()) else {
        return misfit(input);
    };
    must("(").parse_next(input)?;
    let argument = Box::new(term(input)?);
    must(")").parse_next(input)?;
    Ok(Term::Call { name, argument })
}

pub(super) fn query_body(input: &mut Tokens<'_, '_>) -> Parsed<Query> {
    must("SELECT").parse_next(input)?;
    let select = separated(1.., item, the(",")).parse_next(input)?;
    must("FROM").parse_next(input)?;
    let first = cut_err(object_name).parse_next(input)?;
    let relationship = opt(preceded(the("."), cut_err(name))).parse_next(input)?;
    let (within, from) = match relationship {
        Some(relationship) => (Some(first), relationship),
        None => (None, first),
    };
    let alias = alias(input)?;
    let ways: Vec<(Path, Name)> = repeat(0.., preceded(the(","), cut_err((path, named)))).parse_next(input)?;
    let scope = opt(preceded((the("USING"), must("SCOPE")), cut_err(name))).parse_next(input)?;
    let filter = opt(preceded(the("WHERE"), cut_err(conditions::condition))).parse_next(input)?;
    with_mode(input)?;
    let group: Option<Vec<Term>> = opt(preceded((the("GROUP"), must("BY")), cut_err(separated(1.., term, the(","))))).parse_next(input)?;
    let having = opt(preceded(the("HAVING"), cut_err(conditions::condition))).parse_next(input)?;
    let order: Option<Vec<Order>> = opt(preceded((the("ORDER"), must("BY")), cut_err(separated(1.., order, the(","))))).parse_next(input)?;
    let limit = opt(preceded(the("LIMIT"), cut_err(count))).parse_next(input)?;
    let offset = opt(preceded(the("OFFSET"), cut_err(count))).parse_next(input)?;
    ignored(input)?;
    let all_rows = opt((the("ALL"), must("ROWS"))).parse_next(input)?.is_some();
    Ok(Query {
        select,
        from,
        within,
        alias,
        ways,
        scope,
        filter,
        group: group.unwrap_or_default(),
        having,
        order: order.unwrap_or_default(),
        limit: limit.map(|(count, _)| count),
        offset,
        all_rows,
    })
}

/// A name of one's own for an object, with or without `AS`.
fn alias(input: &mut Tokens<'_, '_>) -> Parsed<Option<Name>> {
    if next_is(input, "AS") { named(input).map(Some) } else { opt(name).parse_next(input) }
}

fn named(input: &mut Tokens<'_, '_>) -> Parsed<Name> {
    preceded(opt(the("AS")), cut_err(name)).parse_next(input)
}

/// `WITH SECURITY_ENFORCED` and its like change nothing: a session sees only what it may see.
fn with_mode(input: &mut Tokens<'_, '_>) -> Parsed<()> {
    let mode = any.verify(|token: &Token<'_>| ["SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"].iter().any(|mode| token.is(mode)));
    opt(preceded(the("WITH"), cut_err(mode))).void().parse_next(input)
}

/// `FOR VIEW`, `FOR REFERENCE` and `FOR UPDATE` change nothing in an answer.
fn ignored(input: &mut Tokens<'_, '_>) -> Parsed<()> {
    while opt(the("FOR")).parse_next(input)?.is_some() {
        cut_err(any.verify(|token: &Token<'_>| ["VIEW", "REFERENCE", "UPDATE"].iter().any(|word| token.is(word)))).parse_next(input)?;
    }
    Ok(())
}

fn count(input: &mut Tokens<'_, '_>) -> Parsed<(usize, usize)> {
    any.verify_map(|token: &Token<'_>| {
        let number = token.text.parse().ok()?;
        (token.kind == Kind::Number).then_some((number, token.at))
    })
    .parse_next(input)
}

fn item(input: &mut Tokens<'_, '_>) -> Parsed<Item> {
    if next_is(input, "(") {
        must("(").parse_next(input)?;
        let query = terminated(query_body, must(")")).parse_next(input)?;
        return Ok(Item::Children(Box::new(query)));
    }
    if next_is(input, "TYPEOF") {
        return type_of(input);
    }
    if next_is(input, "FIELDS")
        && let Some(fields) = opt(fields).parse_next(input)?
    {
        return Ok(fields);
    }
    let start = input.checkpoint();
    let is_count = opt((the("COUNT"), the("("), the(")"))).parse_next(input)?;
    if is_count.is_some() {
        return Ok(Item::Count);
    }
    input.reset(&start);
    let term = term(input)?;
    let alias = opt(name).parse_next(input)?;
    Ok(Item::Term { term, alias })
}

fn fields(input: &mut Tokens<'_, '_>) -> Parsed<Item> {
    let (word, _) = (the("FIELDS"), the("(")).parse_next(input)?;
    let which = cut_err(any.verify_map(|token: &Token<'_>| {
        let sets = [("ALL", FieldSet::All), ("STANDARD", FieldSet::Standard), ("CUSTOM", FieldSet::Custom)];
        sets.into_iter().find(|(name, _)| token.is(name)).map(|(_, set)| set)
    }))
    .parse_next(input)?;
    must(")").parse_next(input)?;
    Ok(Item::Fields { which, at: word.at })
}

fn type_of(input: &mut Tokens<'_, '_>) -> Parsed<Item> {
    must("TYPEOF").parse_next(input)?;
    let subject = path(input)?;
    let mut cases = Vec::new();
    while opt(the("WHEN")).parse_next(input)?.is_some() {
        let kind = cut_err(name).parse_next(input)?;
        must("THEN").parse_next(input)?;
        cases.push((kind, separated(1.., path, the(",")).parse_next(input)?));
    }
    let otherwise: Option<Vec<Path>> = opt(preceded(the("ELSE"), separated(1.., path, the(",")))).parse_next(input)?;
    must("END").parse_next(input)?;
    Ok(Item::TypeOf { path: subject, cases, otherwise: otherwise.unwrap_or_default() })
}

fn order(input: &mut Tokens<'_, '_>) -> Parsed<Order> {
    let term = term(input)?;
    let ascending = opt(the("ASC")).parse_next(input)?.is_some();
    let descending = !ascending && opt(the("DESC")).parse_next(input)?.is_some();
    let nulls_last = if opt(the("NULLS")).parse_next(input)?.is_some() {
        let first = opt(the("FIRST")).parse_next(input)?.is_some();
        if !first {
            must("LAST").parse_next(input)?;
        }
        !first
    } else {
        false
    };
    Ok(Order { term, descending, nulls_last })
}

/// The error about the token that was just taken.
pub(super) fn misfit_before<T>(input: &Tokens<'_, '_>) -> Parsed<T> {
    Err(ErrMode::Cut(Misfit { left: input.eof_offset() + 1 }))
}
