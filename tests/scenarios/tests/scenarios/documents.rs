//! What is committed beside the code and must agree with it: the schema of the configuration, the presets, the error codes.

use std::{collections::BTreeSet, path::PathBuf};

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
fn no_object_of_the_schema_takes_unknown_keys() {
    fn walk(value: &Value, place: &str, open: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                // Objects with keys of their own say what stands behind each key.
                let closed = members.get("additionalProperties").is_some_and(|more| *more == Value::Bool(false) || more.is_object());
                let keyed = members.contains_key("patternProperties");
                if members.get("type").is_some_and(|kind| kind == "object") && !closed && !keyed {
                    open.push(place.to_owned());
                }
                members.iter().for_each(|(name, value)| walk(value, &format!("{place}/{name}"), open));
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| walk(item, &format!("{place}/{i}"), open)),
            _ => {}
        }
    }
    let mut open = Vec::new();
    walk(&serde_json::from_str(&json_schema()).unwrap(), "", &mut open);
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn cargo_run_alone_is_the_command_and_functions_are_thin_shells() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.lines().any(|line| line.trim() == "default-members = [\"infra/cli\"]"), "`cargo run` alone runs the command");
    for function in ["oauth-callback", "trigger-intake", "upsert", "reconcile", "console"] {
        let main = std::fs::read_to_string(root().join(format!("functions/{function}/src/main.rs"))).unwrap();
        assert!(main.lines().count() <= 40, "{function}");
    }
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
fn every_code_of_the_check_is_explained() {
    let text = std::fs::read_to_string(root().join("docs/checks.md")).unwrap();
    for code in passerelle_core::domain::check::CODES.iter().chain(&passerelle_core::domain::lock::CODES) {
        assert!(text.contains(&format!("`{code}`")), "docs/checks.md does not explain {code}");
    }
}

#[test]
fn unknown_keys_and_broken_references_are_refused_with_their_place() {
    let preset: Value = serde_norway::from_str(passerelle_scenarios::KAYO).unwrap();
    type Change = fn(&mut Value);
    let table: [(&str, Change, &str); 16] = [
        ("unknown key", |d| d["people"]["colour"] = "blue".into(), "people.colour"),
        ("unknown strategy", |d| d["mappings"]["lead"]["fields"][0]["strategy"] = "never".into(), "mappings.lead.fields[0].strategy"),
        ("no such mapping", |d| d["people"]["lead_mapping"] = "leads".into(), "people.lead_mapping"),
        ("mapping of another object", |d| d["people"]["lead_mapping"] = "contact".into(), "people.lead_mapping"),
        ("no such zone", |d| d["connection"]["time_zone"] = "Paris".into(), "connection.time_zone"),
        ("broken template", |d| d["workflows"][0]["actions"][1]["activity"]["subject"] = "{{ a".into(), "workflows[0].actions[1].activity.subject"),
        ("broken filter", |d| d["workflows"][1]["filter"] = "a ==".into(), "workflows[1].filter"),
        ("rules that are off", |d| d["people"]["owner_fallback"] = serde_json::json!(["assignment_rules"]), "people.owner_fallback[0]"),
        (
            "no campaign",
            |d| d["workflows"][0]["actions"][1] = serde_json::json!({"campaign_member": {"status": "Met"}}),
            "workflows[0].actions[1].campaign_member",
        ),
        (
            "no id of a campaign",
            |d| d["projects"]["list"]["salon-du-bourget"]["campaign"] = serde_json::json!({"id": "00Q000000000001"}),
            "projects.list.salon-du-bourget.campaign.id",
        ),
        (
            "a key of nothing",
            |d| {
                d["workflows"][0]["actions"][1] =
                    serde_json::json!({"record": {"mapping": "lead", "key": {"field": "A__c", "value": "{{ evnt.id }}"}}})
            },
            "workflows[0].actions[1].record.key.value",
        ),
        ("no consumer key", |d| d["salesforce"]["auth"]["web_server"]["client_id"] = " ".into(), "salesforce.auth"),
        (
            "the app's own sign-in at a host of all orgs",
            |d| d["salesforce"]["auth"] = serde_json::json!({"client_credentials": {"client_id": "x"}}),
            "salesforce.host",
        ),
        (
            "no user name",
            |d| d["salesforce"]["auth"] = serde_json::json!({"jwt_bearer": {"client_id": "x", "username": "integration"}}),
            "salesforce.auth.jwt_bearer.username",
        ),
        (
            "the device flow without a word",
            |d| d["salesforce"]["auth"] = serde_json::json!({"device": {"client_id": "x"}}),
            "salesforce.auth.device.enabled",
        ),
        ("a field twice", |d| d["mappings"]["lead"]["fields"][1]["to"] = "Email".into(), "mappings.lead.fields[1].to"),
    ];
    for (name, change, place) in table {
        let mut document = preset.clone();
        change(&mut document);
        let faults = parse_document(&document).unwrap_err();
        assert!(faults.iter().any(|fault| fault.place == place), "{name}: {faults:?}");
    }
}

/// The codes in the first column of the tables of `docs/errors.md`.
fn listed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let columns = text.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    columns.flat_map(|column| column.split(", ")).map(|code| code.trim_matches('`').to_owned()).collect()
}

/// The text between the first pair of quotation marks.
fn first_text(source: &str) -> &str {
    source.split('"').nth(1).unwrap_or_default()
}

/// The codes that the shipped sources name, each where such codes are made.
fn made() -> BTreeSet<String> {
    let is_code = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut codes = BTreeSet::new();
    for path in sources(&["shared/core/src", "functions"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("\nmod tests {").next().unwrap();
        for maker in ["Cause::new(", "Problem::new(", "Self::new(", "refuse("] {
            codes.extend(text.split(maker).skip(1).map(first_text).filter(|text| is_code(text)).map(str::to_owned));
        }
        codes.extend(text.split('"').filter(|text| text.starts_with("salesforce_") && is_code(text)).map(str::to_owned));
        for prefix in ["delivery_", "platform_"] {
            codes.extend(text.split('"').filter(|text| text.starts_with(prefix) && is_code(text)).map(str::to_owned));
        }
        let values = text.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next());
        codes.extend(values.filter(|text| text.starts_with("value_") || text.starts_with("field_")).map(str::to_owned));
        if path.ends_with("planner/owner.rs") {
            codes.extend(text.split("code: \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
        if ["app/connections.rs", "tokens/keys.rs", "app/webhook_keys.rs"].iter().any(|file| path.ends_with(file)) {
            codes.extend(text.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
        if path.ends_with("connect/words.rs") || path.ends_with("connect/causes.rs") {
            let arms = text.lines().filter_map(|line| line.trim_start().strip_suffix("=> [")).filter(|arm| arm.starts_with('"'));
            codes.extend(arms.flat_map(|arm| arm.split('"').filter(|text| is_code(text))).map(str::to_owned));
        }
    }
    codes
}

#[test]
fn every_code_is_listed_and_every_listed_code_is_made() {
    let (made, listed) = (made(), listed());
    assert!(made.contains("invalid_events") && made.contains("unknown_project") && made.contains("state_expired"), "{made:?}");
    let unlisted: Vec<_> = made.difference(&listed).collect();
    assert!(unlisted.is_empty(), "docs/errors.md lacks {unlisted:?}");
    let stale: Vec<_> = listed.difference(&made).collect();
    assert!(stale.is_empty(), "docs/errors.md lists {stale:?}, which nothing makes");
}

/// The Rust files of these folders that are no tests.
fn sources(folders: &[&str]) -> Vec<PathBuf> {
    let (mut folders, mut files): (Vec<_>, _) = (folders.iter().map(|folder| root().join(folder)).collect(), Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            match (path.is_dir(), name) {
                (_, "tests" | "tests.rs" | "target") => {}
                (true, _) => folders.push(path),
                (false, name) if name.ends_with(".rs") => files.push(path),
                _ => {}
            }
        }
    }
    files
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
    let files = sources(&["shared/core/src/domain"]);
    assert!(files.len() > 10);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in forbidden {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}
