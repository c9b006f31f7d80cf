//! The command as it is typed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(unix)]
mod local;

use std::process::{Command, Output};

use serde_json::Value;

fn passerelle(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_passerelle")).args(arguments).env_remove("PASSERELLE_LOG").output().unwrap()
}

#[test]
fn the_demonstration_prints_one_json_object_that_balances() {
    let output = passerelle(&["demo", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{report}"));
    let outcomes = ["applied", "unchanged", "superseded", "parked", "retry", "dead"];
    let sum: u64 = outcomes.iter().map(|outcome| number(&report["events"][outcome])).sum();
    assert_eq!(number(&report["events"]["received"]), sum, "{report}");
    // What was sent holds both what Salesforce takes and what it must not be given.
    assert!(number(&report["events"]["applied"]) > 0 && number(&report["events"]["parked"]) > 0, "{report}");
    assert_eq!((number(&report["events"]["retry"]), number(&report["events"]["dead"])), (0, 0), "{report}");
    assert_eq!(number(&report["records"]["Event"]), number(&report["events"]["applied"]), "one activity for each event applied");
    assert!(number(&report["people"]) >= number(&report["records"]["Lead"]), "{report}");
    assert!(number(&report["api_calls"]) < number(&report["people"]), "{report}");
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_schema_is_printed_as_json() {
    let output = passerelle(&["schema"]);
    assert!(output.status.success());
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["title"], "Document");
}

#[test]
fn a_document_that_cannot_be_read_is_named_with_the_cause() {
    let output = passerelle(&["apply", "no/such/file.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("no/such/file.yaml cannot be read."), "{said}");
}
