//! What stands between the quotes of a text: letters and escapes.
//!
//! Source: SOQL and SOSL Reference, "Quoted String Escape Sequences"; the refusal of any other escape is a recorded answer.

use super::ast::{LiteralValue, PatternPart};
use super::lex::{Kind, Token};
use super::message;
use crate::error::ApiError;

/// Refuses the first text of a query that has an escape which SOQL does not have.
pub(super) fn check(query: &str, all: &[Token<'_>]) -> Result<(), ApiError> {
    let texts = all.iter().filter(|token| token.kind == Kind::Text);
    let mut wrong = texts.filter_map(|token| letters(token.text).err().map(|sequence| (token, sequence)));
    let Some((token, sequence)) = wrong.next() else {
        return Ok(());
    };
    let text = format!("Invalid string literal {}. Illegal character sequence '{sequence}' in string literal.", token.text);
    // The recorded answer points at the character before the text.
    Err(message::at(query, token.at.saturating_sub(1), "MALFORMED_QUERY", &text))
}

/// The value of a text with its quotes; in a pattern `%` and `_` stand for other characters unless they are escaped.
/// `None` for an escape that SOQL does not have.
pub(super) fn value(quoted: &str) -> Option<LiteralValue> {
    let letters = letters(quoted).ok()?;
    let text = letters.iter().map(|(letter, _)| letter).collect();
    let part = |(letter, escaped): (char, bool)| match letter {
        '%' if !escaped => PatternPart::Any,
        '_' if !escaped => PatternPart::One,
        other => PatternPart::Letter(other),
    };
    Some(LiteralValue::Text { text, pattern: letters.into_iter().map(part).collect() })
}

/// The letters meant, each with whether it was escaped; or the escape that is none.
fn letters(quoted: &str) -> Result<Vec<(char, bool)>, String> {
    let inner = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(quoted);
    let mut all = Vec::new();
    let mut rest = inner.chars();
    while let Some(letter) = rest.next() {
        all.push(if letter == '\\' { (escaped(&mut rest)?, true) } else { (letter, false) });
    }
    Ok(all)
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Result<char, String> {
    let Some(letter) = rest.next() else {
        return Err("\\".to_owned());
    };
    Ok(match letter {
        'n' | 'N' => '\n',
        'r' | 'R' => '\r',
        't' | 'T' => '\t',
        'b' | 'B' => '\u{8}',
        'f' | 'F' => '\u{c}',
        '"' | '\'' | '\\' | '_' | '%' => letter,
        'u' | 'U' => {
            let digits: String = rest.as_str().chars().take(4).collect();
            let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            // The two halves of a pair stand for no character alone.
            let meant = code.and_then(char::from_u32).ok_or_else(|| format!("\\{letter}{digits}"))?;
            rest.nth(3);
            meant
        }
        other => return Err(format!("\\{other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_the_letters_they_mean() {
        for (text, want) in [
            (r"'a\nb'", "a\nb"),
            (r"'\N'", "\n"),
            (r"'\r'", "\r"),
            (r"'\t\T'", "\t\t"),
            (r"'\b\B'", "\u{8}\u{8}"),
            (r"'\f\F'", "\u{c}\u{c}"),
            (r#"'\"'"#, "\""),
            (r"'\''", "'"),
            (r"'\\'", "\\"),
            (r"'\\n'", "\\n"),
            (r"'\_\%'", "_%"),
            (r"'\u00e9\u00C9!'", "éÉ!"),
            ("''", ""),
        ] {
            let letters = letters(text).map(|all| all.into_iter().map(|(letter, _)| letter).collect::<String>());
            assert_eq!(letters.as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn other_escapes_are_none() {
        for (text, sequence) in [
            (r"'\-'", r"\-"),
            (r"'a\d'", r"\d"),
            (r"'\ '", r"\ "),
            (r"'\é'", r"\é"),
            (r"'\u12'", r"\u12"),
            (r"'\u+123'", r"\u+123"),
            (r"'\ud83d'", r"\ud83d"),
        ] {
            assert_eq!(letters(text), Err(sequence.to_owned()), "{text}");
        }
    }

    #[test]
    fn only_wildcards_without_an_escape_are_wild() {
        let Some(LiteralValue::Text { text, pattern }) = value(r"'%_\%\_'") else {
            unreachable!("the text has known escapes alone");
        };
        assert_eq!(text, "%_%_");
        assert_eq!(pattern, [PatternPart::Any, PatternPart::One, PatternPart::Letter('%'), PatternPart::Letter('_')]);
    }
}
