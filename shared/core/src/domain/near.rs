//! The name that was probably meant.

use strsim::levenshtein;

/// Of the known names the one that is nearest to the written one, if it is near at all: a third of its characters wrong at most.
#[must_use]
pub fn near<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let most = written.chars().count().div_ceil(3);
    known.into_iter().map(|name| (levenshtein(written, name), name)).filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_told_and_no_other() {
        let known = ["person", "project", "event", "data"];
        for (written, want) in [
            ("perosn", Some("person")),
            ("persn", Some("person")),
            ("Person", Some("person")),
            ("projet", Some("project")),
            ("date", Some("data")),
            ("customer", None),
            ("", None),
        ] {
            assert_eq!(near(written, known), want, "{written}");
        }
    }

    /// What `near` goes by: characters, not bytes; two that only changed places count as two.
    #[test]
    fn distances() {
        for (a, b, want) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("é", "e", 1), ("same", "same", 0)] {
            assert_eq!((levenshtein(a, b), levenshtein(b, a)), (want, want), "{a} {b}");
        }
    }
}
