//! The command as it is typed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[cfg(unix)]
mod flows;
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

#[test]
fn the_attributes_of_a_document_are_brought_up_to_date_by_the_platforms_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let file = path("document.yaml", include_str!("../../../presets/webmecanik.yaml"));
    let list = path(
        "fields.json",
        r#"{"fields": {"1": {"alias": "email", "label": "Mail", "type": "email"}, "2": {"alias": "budget", "label": "Budget", "type": "number"}}}"#,
    );
    let output = passerelle(&["attributes", &file, &list]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let section: Value = serde_norway::from_slice(&output.stdout).unwrap();
    let types: Vec<(&str, &str)> =
        section["attributes"].as_array().unwrap().iter().map(|a| (a["name"].as_str().unwrap(), a["type"].as_str().unwrap())).collect();
    assert_eq!(types[..3], [("person.email", "email"), ("person.budget", "number"), ("person.id", "text")]);
    // The document's own label stays, and rules of what is no more are named.
    assert_eq!(section["attributes"][0]["label"]["fr"], "E-mail");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("mappings.lead.fields[1].from: person.firstname is not declared"), "{said}");
}

#[test]
fn an_example_body_is_shown_as_what_it_becomes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let preset = include_str!("../../../presets/kayo.yaml");
    let format = "  format:\n    extract: {type: \"'contact_captured'\", occurred_at: item.at, person: {email: item.mail}, project: {id: \"'salon-du-bourget'\"}}\n";
    let file = write("document.yaml", &preset.replace("source:\n  id: kayo\n", &format!("source:\n  id: kayo\n{format}")));
    let body = write("body.json", r#"{"at": "2026-03-01T10:00:00Z", "mail": "a@example.org"}"#);
    let output = passerelle(&["try", &file, &body, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told[0]["event"]["person"]["email"], "a@example.org");
    assert_eq!(told[0]["workflows"], serde_json::json!(["capture"]));
    assert_eq!(told[0]["without_writing"][0]["problem"]["code"], "missing_required", "{told}");
    // With a name and a company it becomes a lead and an event, each field with its rule.
    let body = write("whole.json", r#"{"at": "2026-03-01T10:00:00Z", "mail": "a@example.org", "name": "A", "firm": "F"}"#);
    let file = write(
        "whole.yaml",
        &std::fs::read_to_string(&file).unwrap().replace("{email: item.mail}", "{email: item.mail, last_name: item.name, company: item.firm}"),
    );
    let output = passerelle(&["try", &file, &body, "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (lead, event) = (&told[0]["writes"][0], &told[0]["writes"][1]);
    let company = lead["fields"].as_array().unwrap().iter().find(|field| field["field"] == "Company").unwrap_or_else(|| panic!("{told}"));
    assert_eq!((&company["value"], &company["from"], &company["rule"]), (&"F".into(), &"person.company".into(), &"mappings.lead.fields[4]".into()));
    let subject = event["fields"].as_array().unwrap().iter().find(|field| field["field"] == "Subject").unwrap_or_else(|| panic!("{told}"));
    assert_eq!(
        (&lead["object"], &event["object"], &subject["value"]),
        (&"Lead".into(), &"Event".into(), &"[KAYO] Capture sur Salon du Bourget".into())
    );

    let body = write("nobody.json", r#"{"at": "yesterday"}"#);
    let output = passerelle(&["try", &file, &body]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("events[0].occurred_at") && said.contains("events[0].person"), "{said}");
}
