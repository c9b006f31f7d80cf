//! Cuts a query into tokens.

use winnow::Parser;
use winnow::ascii::multispace0;
use winnow::combinator::{alt, preceded, repeat};
use winnow::error::ModalResult;
use winnow::stream::{LocatingSlice, Location};
use winnow::token::{any, none_of, one_of, take_while};

/// The kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// A text with its quotes.
    Text,
    /// A number, a date or an instant.
    Number,
    /// Anything else.
    Sign,
    /// The end of the query.
    End,
}

/// A token, its text as written and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'q> {
    pub(super) kind: Kind,
    pub(super) text: &'q str,
    pub(super) at: usize,
}

impl Token<'_> {
    /// Whether it is this keyword, in any letter case, or this sign.
    pub(super) fn is(&self, text: &str) -> bool {
        match self.kind {
            Kind::Word => self.text.eq_ignore_ascii_case(text),
            Kind::Sign => self.text == text,
            Kind::Text | Kind::Number | Kind::End => false,
        }
    }
}

type Input<'q> = LocatingSlice<&'q str>;

/// A text without a closing quote, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenText(pub(super) usize);

/// The tokens of a query, the last one being its end. A character that belongs to nothing is a
/// sign: the grammar refuses it where it stands.
pub(super) fn tokens(query: &str) -> Result<Vec<Token<'_>>, OpenText> {
    let mut input = LocatingSlice::new(query);
    let read: ModalResult<Vec<Token<'_>>> = repeat(0.., preceded(multispace0, token)).parse_next(&mut input);
    let mut all = read.map_err(|_| OpenText(query.len()))?;
    let _: ModalResult<&str> = multispace0.parse_next(&mut input);
    let place = input.current_token_start();
    if place < query.len() {
        return Err(OpenText(place));
    }
    all.push(Token { kind: Kind::End, text: "<EOF>", at: query.len() });
    Ok(all)
}

fn token<'q>(input: &mut Input<'q>) -> ModalResult<Token<'q>> {
    let at = input.current_token_start();
    let (kind, text) = alt((
        word.map(|text| (Kind::Word, text)),
        number.map(|text| (Kind::Number, text)),
        text.map(|text| (Kind::Text, text)),
        sign.map(|text| (Kind::Sign, text)),
    ))
    .parse_next(input)?;
    Ok(Token { kind, text, at })
}

fn word<'q>(input: &mut Input<'q>) -> ModalResult<&'q str> {
    (one_of(|c: char| c.is_alphabetic() || c == '_'), take_while(0.., |c: char| c.is_alphanumeric() || c == '_')).take().parse_next(input)
}

fn number<'q>(input: &mut Input<'q>) -> ModalResult<&'q str> {
    (
        take_while(0..=1, ['+', '-']),
        one_of(|c: char| c.is_ascii_digit()),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || ['.', ':', '+', '-'].contains(&c)),
    )
        .take()
        .parse_next(input)
}

fn text<'q>(input: &mut Input<'q>) -> ModalResult<&'q str> {
    let inner = repeat::<_, _, (), _, _>(0.., alt((('\\', any).void(), one_of(|c: char| c != '\'' && c != '\\').void())));
    ('\'', inner, '\'').take().parse_next(input)
}

fn sign<'q>(input: &mut Input<'q>) -> ModalResult<&'q str> {
    // A quote here belongs to a text that does not end.
    alt(("!=", "<>", "<=", ">=", none_of('\'').take())).parse_next(input)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tokens_and_their_places() {
        let query = "SELECT a.b FROM X WHERE c>=-1.5 AND d = 'it\\'s' AND e<2026-01-01T00:00:00+01:00";
        let all = tokens(query).unwrap();
        let texts: Vec<_> = all.iter().map(|token| token.text).collect();
        assert_eq!(
            texts,
            [
                "SELECT",
                "a",
                ".",
                "b",
                "FROM",
                "X",
                "WHERE",
                "c",
                ">=",
                "-1.5",
                "AND",
                "d",
                "=",
                "'it\\'s'",
                "AND",
                "e",
                "<",
                "2026-01-01T00:00:00+01:00",
                "<EOF>"
            ]
        );
        for token in all.iter().filter(|token| token.kind != Kind::End) {
            assert_eq!(query.get(token.at..token.at + token.text.len()), Some(token.text));
        }
    }

    #[test]
    fn a_text_needs_its_end() {
        assert_eq!(tokens("SELECT Id FROM X WHERE a = 'b"), Err(OpenText(27)));
        assert_eq!(tokens("  ").unwrap().len(), 1);
        assert!(tokens("a ; \u{1f600}").is_ok());
    }
}
