//! Reads `FIND {…} IN … FIELDS RETURNING Object(fields WHERE … ORDER BY … LIMIT n), … LIMIT n`.

use serde_json::Value;

use super::words::Term;
use crate::error::ApiError;

/// A search.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// Any of these lists must be there in full.
    pub(super) terms: Vec<Vec<Term>>,
    pub(super) group: Group,
    pub(super) returning: Vec<Returning>,
    pub(super) limit: Option<usize>,
}

/// Which fields are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    All,
    Name,
    Email,
    Phone,
}

/// What one object brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Returning {
    pub(super) object: String,
    /// As written, separated by commas.
    pub(super) fields: String,
    pub(super) condition: Option<String>,
    pub(super) order: Option<String>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

impl Group {
    /// Whether a described field belongs to the group.
    pub(super) fn covers(self, field: &Value) -> bool {
        let text = |name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default();
        match self {
            Group::Email => text("type") == "email",
            Group::Phone => text("type") == "phone",
            Group::Name => matches!(text("name"), "Name" | "FirstName" | "LastName" | "Company" | "Subject"),
            Group::All => matches!(text("type"), "string" | "email" | "phone" | "url" | "textarea" | "combobox"),
        }
    }
}

/// A search that cannot be read.
pub(super) fn malformed(text: impl Into<String>) -> ApiError {
    ApiError::new(400, "MALFORMED_SEARCH", text)
}

/// Clauses that a real org reads. Source: SOQL and SOSL Reference, "SOSL Syntax".
const CLAUSES: &[&str] = &["WITH", "UPDATE", "USING"];

fn unexpected(rest: &str) -> ApiError {
    let word = rest.split_whitespace().next().unwrap_or_default();
    if let Some(clause) = CLAUSES.iter().find(|clause| clause.eq_ignore_ascii_case(word)) {
        return ApiError::not_built(&format!("SOSL with {clause}"));
    }
    malformed(format!("unexpected token: {}", rest.split_whitespace().next().unwrap_or("<EOF>")))
}

pub(super) fn parse(text: &str) -> Result<Search, ApiError> {
    let rest = keyword(text, "FIND").ok_or_else(|| unexpected(text.trim_start()))?;
    let rest = rest.strip_prefix('{').ok_or_else(|| unexpected(rest))?;
    let (find, mut rest) = braces(rest).ok_or_else(|| unexpected(""))?;
    let terms = terms(&find)?;
    let mut group = Group::All;
    if let Some(after) = keyword(rest, "IN") {
        let (word, after) = word(after);
        group = match word.to_ascii_uppercase().as_str() {
            "ALL" | "SIDEBAR" => Group::All,
            "NAME" => Group::Name,
            "EMAIL" => Group::Email,
            "PHONE" => Group::Phone,
            _ => return Err(unexpected(word)),
        };
        rest = keyword(after, "FIELDS").ok_or_else(|| unexpected(after))?;
    }
    let mut returning = Vec::new();
    if let Some(after) = keyword(rest, "RETURNING") {
        (returning, rest) = objects(after)?;
    }
    let mut limit = None;
    if let Some(after) = keyword(rest, "LIMIT") {
        let (number, after) = word(after);
        limit = Some(number.parse().map_err(|_| unexpected(number))?);
        rest = after;
    }
    if rest.trim().is_empty() { Ok(Search { terms, group, returning, limit }) } else { Err(unexpected(rest)) }
}

/// What follows a keyword, where it stands next.
fn keyword<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let (head, rest) = text.split_at_checked(wanted.len())?;
    let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    (head.eq_ignore_ascii_case(wanted) && ends).then(|| rest.trim_start())
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// The text up to the closing brace, and what follows. A backslash takes the next character as it is.
fn braces(text: &str) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '}' => return Some((inner, text.get(at + 1..)?)),
            // Escaped signs are no wildcards, and signs do not count in words.
            '\\' => inner.push(chars.next().map(|(_, c)| c).filter(|c| c.is_alphanumeric()).unwrap_or(' ')),
            c => inner.push(c),
        }
    }
    None
}

/// Words and quoted phrases; all are needed, or those on one side of an OR.
fn terms(find: &str) -> Result<Vec<Vec<Term>>, ApiError> {
    if find.trim().chars().count() < 2 {
        return Err(malformed(format!("search term must be longer than one character: {}", find.trim())));
    }
    let mut all = vec![Vec::new()];
    for (place, part) in find.split('"').enumerate() {
        let words: Vec<&str> = if place % 2 == 1 { vec![part] } else { part.split_whitespace().collect() };
        for word in words {
            match word {
                "OR" => all.push(Vec::new()),
                "AND" => {}
                "NOT" => return Err(ApiError::not_built("NOT in a search")),
                word => {
                    if let (Some(terms), Some(term)) = (all.last_mut(), Term::new(word)) {
                        terms.push(term);
                    }
                }
            }
        }
    }
    if all.iter().any(Vec::is_empty) { Err(malformed("The search has no words.")) } else { Ok(all) }
}

fn objects(text: &str) -> Result<(Vec<Returning>, &str), ApiError> {
    let mut all = Vec::new();
    let mut rest = text;
    loop {
        let (object, after) = word(rest);
        if object.is_empty() {
            return Err(unexpected(rest));
        }
        let mut one = Returning { object: object.to_owned(), ..Returning::default() };
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix('(') {
            let end = closing(after).ok_or_else(|| unexpected(""))?;
            let (inner, after) = after.split_at_checked(end).unwrap_or((after, ""));
            fill(&mut one, inner)?;
            rest = after.strip_prefix(')').unwrap_or(after).trim_start();
        }
        all.push(one);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return Ok((all, rest)),
        }
    }
}

/// The place of the bracket that closes, outside quotes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    outside_quotes(text).find_map(|(at, c)| match c {
        '(' => {
            depth += 1;
            None
        }
        ')' if depth == 0 => Some(at),
        ')' => {
            depth -= 1;
            None
        }
        _ => None,
    })
}

fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut quoted = false;
    let mut escaped = false;
    text.char_indices().filter(move |(_, c)| {
        let outside = !quoted && *c != '\'';
        if escaped {
            escaped = false;
        } else if *c == '\\' && quoted {
            escaped = true;
        } else if *c == '\'' {
            quoted = !quoted;
        }
        outside
    })
}

/// Fields, then the parts that begin with a keyword.
fn fill(one: &mut Returning, inner: &str) -> Result<(), ApiError> {
    const PARTS: [&str; 4] = ["WHERE", "ORDER", "LIMIT", "OFFSET"];
    let starts: Vec<usize> = outside_quotes(inner)
        .map(|(at, _)| at)
        .filter(|at| {
            let before = inner.get(..*at).unwrap_or_default();
            let begins = before.is_empty() || before.ends_with(|c: char| c.is_whitespace() || c == ')');
            begins
                && inner
                    .get(*at..)
                    .is_some_and(|rest| PARTS.iter().any(|part| !rest.starts_with(char::is_whitespace) && keyword(rest, part).is_some()))
        })
        .collect();
    let ends = starts.iter().skip(1).copied().chain([inner.len()]);
    one.fields = inner.get(..starts.first().copied().unwrap_or(inner.len())).unwrap_or_default().trim().to_owned();
    for (start, end) in starts.iter().zip(ends) {
        let part = inner.get(*start..end).unwrap_or_default();
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| unexpected(text));
        if let Some(text) = keyword(part, "WHERE") {
            one.condition = Some(text.trim().to_owned());
        } else if let Some(text) = keyword(part, "ORDER").and_then(|text| keyword(text, "BY")) {
            one.order = Some(text.trim().to_owned());
        } else if let Some(text) = keyword(part, "LIMIT") {
            one.limit = Some(number(text)?);
        } else if let Some(text) = keyword(part, "OFFSET") {
            one.offset = number(text)?;
        } else {
            return Err(unexpected(part));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn all_parts_are_read() {
        let text = "find {ann \"b c\" OR lee*} in email fields returning Lead(Id, Name where Title = 'a) LIMIT' order by Name limit 5 offset 1), Contact limit 9";
        let search = parse(text).unwrap();
        assert_eq!((search.terms[0].len(), search.terms[1].len(), search.group, search.limit), (2, 1, Group::Email, Some(9)));
        let lead = Returning {
            object: "Lead".to_owned(),
            fields: "Id, Name".to_owned(),
            condition: Some("Title = 'a) LIMIT'".to_owned()),
            order: Some("Name".to_owned()),
            limit: Some(5),
            offset: 1,
        };
        assert_eq!(search.returning, [lead, Returning { object: "Contact".to_owned(), ..Returning::default() }]);
    }

    #[test]
    fn what_is_no_search() {
        for text in [
            "",
            "FIND x",
            "FIND {x",
            "FIND {x}",
            "FIND {abc} IN NOWHERE FIELDS",
            "FIND {abc} RETURNING",
            "FIND {abc} RETURNING Lead(Id",
            "FIND {abc} x",
            "FIND {**}",
        ] {
            assert_eq!(parse(text).err().map(|error| error.status), Some(400), "{text}");
        }
        assert_eq!(parse("FIND {abc NOT d}").err().map(|error| error.status), Some(501));
    }
}
