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
        if !theirs.is_empty() && theirs != ours {
            wrong.push(format!("{} has the statuses {:?} and not {ours:?}", case.id, published.status));
        }
    }
    assert!(wrong.is_empty(), "{} of the published cases: \n{}", wrong.len(), wrong.join("\n"));
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
