//! The name that was probably meant.

/// Of the known names the one that is nearest to the written one, if it is near at all: a third of its characters wrong at most.
#[must_use]
pub fn near<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let most = written.chars().count().div_ceil(3);
    known.into_iter().map(|name| (distance(written, name), name)).filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

/// How many characters have to be changed, added or taken away. Two that only changed places count as two.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            left = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
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

    #[test]
    fn distances() {
        for (a, b, want) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("é", "e", 1), ("same", "same", 0)] {
            assert_eq!((distance(a, b), distance(b, a)), (want, want), "{a} {b}");
        }
    }
}
