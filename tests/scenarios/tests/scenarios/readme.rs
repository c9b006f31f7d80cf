//! The README names the scenario of each thing that happens; a name that no test has would promise nothing.

use std::{fs, path::Path};

fn sources(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn every_scenario_that_the_readme_names_is_a_test() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios"));
    let (_, section) = include_str!("../../README.md").split_once("## What happens to people, records and orgs\n").unwrap();
    let rows: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")).skip(1).collect();
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        let (_, scenarios) = row.split_once(" | ").unwrap();
        for name in scenarios.split(", ").map(|name| name.trim_matches('`')) {
            assert!(sources.contains(&format!("\nasync fn {name}() {{")), "there is no test {name}");
        }
    }
}
