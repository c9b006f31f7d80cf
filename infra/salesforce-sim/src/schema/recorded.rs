//! The standard objects beside the describes of real orgs, where those are at hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::describe_global;
use super::tests::{describe, standard};

/// The recorded describes, seen from the repository's root.
const DESCRIBES: &str = "../shared/salesforce/describe";
/// The objects whose own describe was recorded.
const OWN: [&str; 4] = ["Lead", "Contact", "Account", "Event"];
/// The version that the recorded list of objects was asked of.
const RECORDED_VERSION: u16 = 52;

/// The folder of recorded describes. Where there is none a line says so past the test harness, which shows the output of
/// failed tests alone.
fn folder() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = std::env::var_os("CONFORMANCE_DESCRIBES").map_or_else(|| root.join(DESCRIBES), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let _ = writeln!(std::io::stdout(), "skipped: {} is not there, so describes cannot be compared with it", folder.display());
    None
}

fn recorded(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}

#[test]
fn the_standard_objects_agree_with_recorded_describes() {
    let Some(folder) = folder() else { return };
    let schema = standard();
    for name in OWN {
        let theirs = recorded(&folder, name);
        let ours = describe(&schema, name);
        compare_objects(name, &ours, &theirs);
        let ours = by_name(&ours, "fields");
        for (field, theirs) in by_name(&theirs, "fields") {
            if !theirs["custom"].as_bool().unwrap() && !field.ends_with("__c") {
                compare_fields(name, &field, &ours[&field], &theirs);
            }
        }
    }
}

/// An org has hundreds of objects, this one some; those that both have say the same of themselves. The recordings are of
/// several orgs: where the list disagrees with an object's own describe, the latter is followed.
#[test]
fn the_list_of_objects_agrees_with_the_recorded_one() {
    let Some(folder) = folder() else { return };
    let theirs = recorded(&folder, "Global");
    let ours = describe_global(&standard(), RECORDED_VERSION);
    for (key, value) in theirs.as_object().unwrap().iter().filter(|(key, _)| *key != "sobjects") {
        assert_eq!(&ours[key], value, "{key}");
    }
    assert_eq!(keys(&ours), keys(&theirs));
    let ours = by_name(&ours, "sobjects");
    let mut compared = 0;
    for (name, theirs) in by_name(&theirs, "sobjects") {
        if let Some(ours) = ours.get(&name) {
            assert_eq!(keys(ours), keys(&theirs), "{name}");
            let own = OWN.contains(&name.as_str()).then(|| recorded(&folder, &name));
            let mut differing = keys(&theirs);
            differing.retain(|key| ours[*key] != theirs[*key] && own.as_ref().is_none_or(|own| own[*key] == theirs[*key]));
            assert_eq!(differing, Vec::<&String>::new(), "{name}: {ours} {theirs}");
            compared += 1;
        }
    }
    assert!(compared >= 5, "only {compared} objects are in both");
}

fn keys(document: &Value) -> Vec<&String> {
    document.as_object().unwrap().keys().collect()
}

fn by_name(document: &Value, list: &str) -> BTreeMap<String, Value> {
    let items = document[list].as_array().unwrap().iter();
    items.map(|item| (item["name"].as_str().unwrap().to_owned(), item.clone())).collect()
}

fn compare_objects(name: &str, ours: &Value, theirs: &Value) {
    for (key, value) in theirs.as_object().unwrap() {
        assert!(!ours[key].is_null() || value.is_null(), "{name} lacks {key}");
        // The org, the host and the objects installed differ; sets of keys must not.
        let differs = ["urls", "childRelationships", "fields", "recordTypeInfos"].contains(&key.as_str());
        if !differs {
            assert_eq!(&ours[key], value, "{name} {key}");
        }
    }
    assert_eq!(keys(&ours["urls"]), keys(&theirs["urls"]), "{name} urls");
}

fn compare_fields(name: &str, field: &str, ours: &Value, theirs: &Value) {
    assert_eq!(keys(ours), keys(theirs), "{name}.{field}");
    for key in keys(theirs) {
        // What an activity may be about depends on the features an org has bought.
        if !(field == "WhatId" && key == "referenceTo") {
            assert_eq!(ours[key], theirs[key], "{name}.{field} {key}");
        }
    }
}
