//! Words and how they are found in a text: without regard to case, with `*` and `?`, several of them in a row.

/// Words that must stand one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    words: Vec<String>,
}

impl Term {
    /// The words of a text; `None` when there are none. `*` and `?` belong to words.
    pub(super) fn new(text: &str) -> Option<Self> {
        let words = split(text, |c| matches!(c, '*' | '?'));
        let solid = words.iter().any(|word| word.chars().any(char::is_alphanumeric));
        solid.then_some(Self { words })
    }

    /// Whether a text has these words.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let words = split(text, |_| false);
        words.windows(self.words.len()).any(|window| window.iter().zip(&self.words).all(|(word, wanted)| fits(wanted, word)))
    }

    /// A LIKE pattern that every text with these words fits.
    pub(super) fn pattern(&self) -> String {
        let words: Vec<String> = self.words.iter().map(|word| word.replace('*', "%").replace('?', "_")).collect();
        format!("%{}%", words.join("%"))
    }
}

fn split(text: &str, also: impl Fn(char) -> bool) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && !also(c));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Whether a word fits one with wildcards.
fn fits(wanted: &str, word: &str) -> bool {
    let Some(first) = wanted.chars().next() else {
        return word.is_empty();
    };
    let rest = wanted.get(first.len_utf8()..).unwrap_or_default();
    match first {
        '*' => word.char_indices().map(|(at, _)| at).chain([word.len()]).any(|at| word.get(at..).is_some_and(|tail| fits(rest, tail))),
        '?' => word.chars().next().is_some_and(|c| fits(rest, word.get(c.len_utf8()..).unwrap_or_default())),
        c => word.strip_prefix(c).is_some_and(|tail| fits(rest, tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_wildcards_and_phrases() {
        let cases = [
            ("lee", "Ann Lee", true),
            ("le", "Ann Lee", false),
            ("le*", "Ann Lee", true),
            ("*e", "Ann Lee", true),
            ("l?e", "Ann Lee", true),
            ("ann lee", "Lee, Ann", false),
            ("ann lee", "Ann Lee & Sons", true),
            ("a.b@c.example", "A.B@C.example", true),
            ("b@c.example", "ab@c.example", false),
            ("ÉTÉ", "l'été", true),
        ];
        for (wanted, text, want) in cases {
            assert_eq!(Term::new(wanted).is_some_and(|term| term.is_in(text)), want, "{wanted} in {text}");
        }
        assert_eq!(Term::new("*"), None);
    }
}
