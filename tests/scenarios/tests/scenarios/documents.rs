//! What is committed beside the code and must agree with it: the schema of the configuration, the presets, the error codes.

use std::path::PathBuf;

use passerelle_core::domain::config::{json_schema, parse_document};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let committed = std::fs::read_to_string(root().join("docs/configuration.schema.json")).unwrap_or_default();
    assert!(committed == json_schema(), "It is stale: cargo run -- schema > docs/configuration.schema.json");
}

#[test]
fn every_preset_is_a_valid_document() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("infra/presets")).unwrap() {
        let path = entry.unwrap().path();
        let document: Value = serde_norway::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if let Err(faults) = parse_document(&document) {
            panic!("{}: {faults:?}", path.display());
        }
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn unknown_keys_and_broken_references_are_refused_with_their_place() {
    let preset: Value = serde_norway::from_str(passerelle_scenarios::KAYO).unwrap();
    type Change = fn(&mut Value);
    let table: [(&str, Change, &str); 8] = [
        ("unknown key", |d| d["people"]["colour"] = "blue".into(), "people.colour"),
        ("unknown strategy", |d| d["mappings"]["lead"]["fields"][0]["strategy"] = "never".into(), "mappings.lead.fields[0].strategy"),
        ("no such mapping", |d| d["people"]["lead_mapping"] = "leads".into(), "people.lead_mapping"),
        ("mapping of another object", |d| d["people"]["lead_mapping"] = "contact".into(), "people.lead_mapping"),
        ("no such zone", |d| d["connection"]["time_zone"] = "Paris".into(), "connection.time_zone"),
        ("broken template", |d| d["workflows"][0]["actions"][1]["activity"]["subject"] = "{{ a".into(), "workflows[0].actions[1].activity.subject"),
        ("broken filter", |d| d["workflows"][1]["filter"] = "a ==".into(), "workflows[1].filter"),
        ("a field twice", |d| d["mappings"]["lead"]["fields"][1]["to"] = "Email".into(), "mappings.lead.fields[1].to"),
    ];
    for (name, change, place) in table {
        let mut document = preset.clone();
        change(&mut document);
        let faults = parse_document(&document).unwrap_err();
        assert!(faults.iter().any(|fault| fault.place == place), "{name}: {faults:?}");
    }
}

/// The domain is pure: it names no clock, no randomness, no network, no storage and no environment.
#[test]
fn the_domain_imports_nothing_impure() {
    let forbidden = [
        "tokio",
        "reqwest",
        "aws_",
        "std::env",
        "std::fs",
        "std::net",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        "rand::",
        "uuid::",
        "crate::app",
        "crate::adapters",
        "crate::ports",
        "crate::shell",
    ];
    let mut folders = vec![root().join("shared/core/src/domain")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for word in forbidden {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    }
    assert!(files > 10);
}
