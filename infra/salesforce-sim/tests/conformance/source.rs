//! Whether every published case has been restated, where the published list is at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::case::{Case, Strictness, areas};
use crate::report::say;

/// The published list, seen from the repository's root.
const LIST: &str = "../shared/salesforce/conformance.jsonl";

#[derive(Deserialize)]
struct Published {
    id: String,
    status: String,
    strict: Strictness,
    expect: String,
}

fn list() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let path = std::env::var_os("CONFORMANCE_LIST").map_or_else(|| root.join(LIST), PathBuf::from);
    path.exists().then_some(path)
}

/// The three-digit numbers of a text such as `400 (401 tolerated)`; `2xx` stands for the usual three.
fn statuses(text: &str) -> BTreeSet<u16> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .flat_map(|word| match word {
            "2xx" => vec![200, 201, 204],
            word if word.len() == 3 => word.parse().into_iter().collect(),
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn every_published_case_is_restated() {
    let Some(path) = list() else {
        say(&format!("skipped: {LIST} is not there, so the cases cannot be compared with it"));
        return;
    };
    let areas = areas();
    let own: BTreeMap<&str, &Case> = areas.iter().flat_map(|area| &area.cases).map(|case| (case.id.as_str(), case)).collect();
    let mut wrong = Vec::new();
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let published: Published = serde_json::from_str(line).unwrap();
        let Some(case) = own.get(published.id.as_str()) else {
            wrong.push(format!("{} is not restated", published.id));
            continue;
        };
        if case.strict != published.strict {
            wrong.push(format!("{} is {:?} and not {:?}", case.id, published.strict, case.strict));
        }
        let (theirs, ours) = (statuses(&published.status), BTreeSet::from_iter(case.status.iter().copied()));
        wrong.extend(unsaid(&published, case).into_iter().map(|what| format!("{} does not expect {what}", case.id)));
        if !theirs.is_empty() && theirs != ours {
            wrong.push(format!("{} has the statuses {:?} and not {ours:?}", case.id, published.status));
        }
    }
    assert!(wrong.is_empty(), "{} of the published cases: \n{}", wrong.len(), wrong.join("\n"));
}

/// The error codes that a text names: words such as `NOT_FOUND`, and the names of OAuth errors.
fn codes(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.contains('_'));
    let date = |word: &&str| ["LAST_", "NEXT_", "THIS_", "N_"].iter().any(|beginning| word.starts_with(beginning));
    let shouted = |word: &&str| word.chars().all(|c| c.is_ascii_uppercase() || c == '_') && !word.starts_with('_') && !word.ends_with('_');
    let oauth = |word: &&str| {
        ["invalid_", "unsupported_", "inactive_"].iter().any(|beginning| word.starts_with(beginning))
            || ["access_denied", "authorization_pending", "immediate_unsuccessful", "redirect_uri_mismatch", "slow_down"].contains(word)
    };
    words.filter(|word| (shouted(word) && !date(word)) || oauth(word)).collect()
}

/// Texts between quotes, as far as they are told: `…` stands for what differs from org to org.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(char, String)> = None;
    let mut before = ' ';
    for c in text.chars() {
        open = match open {
            Some((quote, text)) if c == quote => {
                found.push(text);
                None
            }
            Some((quote, text)) => Some((quote, text + c.encode_utf8(&mut [0; 4]))),
            // A quote inside a word is an apostrophe.
            None if matches!(c, '\'' | '"') && !before.is_alphanumeric() => Some((c, String::new())),
            None => None,
        };
        before = c;
    }
    let told = found.into_iter().map(|text| match text.split_once('…') {
        Some((told, _)) => told.rsplit_once(' ').map_or("", |(words, _)| words).to_owned(),
        None => text,
    });
    told.filter(|text| text.contains(' ') && text.len() > 12).collect()
}

/// What a published expectation names and a case's own expectations do not: of a strict case every code and text, of others
/// at least one code of those it names.
fn unsaid(published: &Published, case: &Case) -> Vec<String> {
    let judged: Vec<_> = case.steps.iter().flat_map(|step| step.expectations()).collect();
    let ours = serde_json::to_string(&judged).unwrap().replace("\\\"", "\"");
    let named = codes(&published.expect);
    let missing: Vec<&str> = named.iter().copied().filter(|code| !ours.contains(code)).collect();
    if published.strict != Strictness::S {
        let none = !named.is_empty() && missing.len() == named.len();
        return if none { vec![format!("any of {named:?}")] } else { Vec::new() };
    }
    let texts = quoted(&published.expect).into_iter().filter(|text| !ours.contains(text.as_str()));
    missing.into_iter().map(str::to_owned).chain(texts).map(|text| format!("{text:?}")).collect()
}

#[test]
fn a_wrong_expectation_of_ours_is_found() {
    let case = |strict: &str, error: &str, message: &str| -> Case {
        let text = format!(
            "{{id: X, strict: {strict}, title: t, steps: [{{request: GET x, expect: {{body: [{{errorCode: {error}, message: '{message}'}}]}}}}]}}"
        );
        serde_norway::from_str(&text).unwrap()
    };
    let cases = [
        ("S", "entity is deleted", "[{errorCode:'ENTITY_IS_DELETED', message:'entity is deleted'}]", vec![]),
        ("S", "entity is gone", "[{errorCode:'ENTITY_IS_DELETED', message:'entity is deleted'}]", vec!["\"entity is deleted\""]),
        ("S", "x", "NOT_FOUND, the user's", vec!["\"NOT_FOUND\""]),
        ("C", "x", "NOT_FOUND or ENTITY_IS_DELETED 'whatever it may say'", vec![]),
        ("C", "x", "NOT_FOUND or MALFORMED_ID", vec!["any of {\"MALFORMED_ID\", \"NOT_FOUND\"}"]),
        ("S", "owner of lead", "'owner of lead 005…] is inactive'", vec![]),
        ("T", "x", "LAST_N_DAYS:1 includes today", vec![]),
    ];
    for (strict, message, expect, want) in cases {
        let case = case(strict, "ENTITY_IS_DELETED", message);
        let published = Published { id: "X".to_owned(), status: String::new(), strict: case.strict, expect: expect.to_owned() };
        assert_eq!(unsaid(&published, &case), want, "{expect}");
    }
}

#[test]
fn statuses_are_read_from_words() {
    for (text, want) in [("400 (401 tolerated)", vec![400, 401]), ("200; 412", vec![200, 412]), ("n/a", vec![]), ("201+400 X", vec![201, 400])] {
        assert_eq!(statuses(text), BTreeSet::from_iter(want), "{text}");
    }
}

#[test]
fn strict_cases_allow_one_status_an_answer_and_ids_are_unique() {
    let mut seen = BTreeSet::new();
    for case in areas().iter().flat_map(|area| &area.cases) {
        assert!(seen.insert(case.id.clone()), "{} comes twice", case.id);
        let judged: Vec<_> = case.steps.iter().flat_map(|step| step.expectations()).collect();
        let checked = !judged.is_empty() || case.steps.iter().any(|step| step.signature.is_some());
        assert!(checked, "{} expects nothing", case.id);
        for expect in judged {
            let statuses = expect.status.as_ref().map(|status| status.all()).unwrap_or_default();
            if case.strict == Strictness::S {
                assert!(statuses.len() <= 1, "{} is strict and takes any of {statuses:?}", case.id);
            }
            let listed = case.status.is_empty() || statuses.iter().all(|status| case.status.contains(status) || case.also.contains(status));
            assert!(listed, "{} does not list all of {statuses:?}", case.id);
        }
    }
}
