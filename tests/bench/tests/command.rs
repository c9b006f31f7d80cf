//! Runs the command over binaries that are known: copies of the hello function, and a program that is none.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A directory in which the upsert function is the program given.
fn bin_dir(name: &str, upsert: &Path) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let hello = Path::new(env!("CARGO_BIN_EXE_passerelle-bench-stand-in"));
    fs::copy(hello, dir.join("passerelle-bench-hello")).unwrap();
    fs::copy(upsert, dir.join("passerelle-upsert")).unwrap();
    dir
}

fn bench(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_passerelle-bench")).args(arguments).arg("--bin-dir").arg(dir).output().unwrap()
}

fn hello() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_passerelle-bench-stand-in"))
}

#[test]
fn measures_each_function_that_was_asked_for() {
    let dir = bin_dir("measures", hello());
    let output = bench(&dir, &["coldstart", "--rounds", "2", "--only", "upsert", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["function"].as_str().unwrap()).collect();
    assert_eq!(names, ["hello", "upsert"]);
    assert_eq!(rows[0]["init_ratio_to_hello"], 1.0);
    for row in &rows {
        assert_eq!(row["rounds"], 2);
        assert_eq!(row.get("failures"), None);
        for figure in ["init_ms", "first_answer_ms", "idle_mib"] {
            let (min, median) = (row[figure]["min"].as_f64(), row[figure]["median"].as_f64());
            assert!(Some(0.0) < min && min <= median, "{figure}: {row}");
        }
    }
}

#[test]
fn counts_the_bytes_of_a_package_as_zip_does() {
    let dir = bin_dir("sizes", hello());
    // Deflate takes three bytes for a single one, so this package is known to the byte.
    fs::write(dir.join("passerelle-upsert"), b"x").unwrap();
    let output = bench(&dir, &["size", "--only", "upsert", "--json"]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[1]["binary_bytes"], 1);
    assert_eq!(rows[1]["zipped_bytes"], 3 + 116);
}

#[test]
fn says_so_when_a_program_ends_instead_of_asking_for_events() {
    // Asked for an unknown function, the command itself ends at once and says why.
    let dir = bin_dir("ends", Path::new(env!("CARGO_BIN_EXE_passerelle-bench")));
    let output = bench(&dir, &["memory", "--without-batch", "--rounds", "1", "--only", "upsert"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("The function upsert was not measured."), "{said}");
    assert!(said.contains("Usage: passerelle-upsert"), "{said}");
}

#[test]
fn measures_a_small_org_too() {
    let output = Command::new(env!("CARGO_BIN_EXE_passerelle-bench")).args(["org", "--leads", "3000", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["leads"], 3000);
    for rate in ["load_records_per_s", "upsert_new_records_per_s", "upsert_existing_records_per_s"] {
        assert!(figures[rate].as_f64() > Some(0.0), "{rate}: {figures}");
    }
    for page in ["first_page_ms", "next_page_ms", "changed_page_ms"] {
        let (median, max) = (figures[page]["median"].as_f64(), figures[page]["max"].as_f64());
        assert!(Some(0.0) < median && median <= max, "{page}: {figures}");
    }
}

#[test]
fn refuses_a_function_that_does_not_exist() {
    let dir = bin_dir("refuses", hello());
    let output = bench(&dir, &["size", "--only", "upsret"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("There is no function called upsret."), "{said}");
}

#[test]
fn counts_the_calls_of_every_kind_of_batch() {
    let output = Command::new(env!("CARGO_BIN_EXE_passerelle-bench")).args(["calls", "--events", "1,10", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let beside = |people: &str, activity: &str, references: &str, beside: &str| -> Vec<(u64, u64)> {
        let wanted = [("people", people), ("activity", activity), ("references", references), ("beside", beside)];
        let rows = rows.iter().filter(|row| wanted.iter().all(|(name, value)| row[name] == *value));
        rows.map(|row| (row["events"].as_u64().unwrap(), row["api_calls"].as_u64().unwrap())).collect()
    };
    let calls = |people: &str, activity: &str, references: &str| beside(people, activity, references, "nothing");
    assert_eq!(calls("unknown", "on", "on"), [(1, 2), (10, 2)]);
    // Members and accounts are looked up and written along with the people.
    assert_eq!(beside("unknown", "on", "on", "members"), [(1, 2), (10, 2)]);
    assert_eq!(beside("unknown", "on", "on", "accounts"), [(1, 2), (10, 2)]);
    assert_eq!(calls("unknown", "on", "off"), [(1, 3), (10, 3)]);
    assert_eq!(calls("unknown", "off", "on"), [(1, 2), (10, 2)]);
    assert_eq!(calls("known_filled", "off", "on"), [(1, 2), (10, 2)]);
    assert_eq!(calls("known_overwritten", "off", "on"), [(1, 1), (10, 1)], "nothing is looked up");
    // One event cannot be five.
    assert_eq!(calls("known_five_each", "on", "on").len(), 1);
}

#[test]
fn tells_of_each_promise_whether_it_is_kept() {
    let output = Command::new(env!("CARGO_BIN_EXE_passerelle-bench")).args(["calls", "--events", "100"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let row = told.lines().find(|line| line.starts_with("unknown people  ") && line.contains(" on ")).unwrap();
    assert!(row.contains("2 (0.020)") && row.ends_with("2 for 100: met"), "{told}");
    assert!(told.lines().filter(|line| line.contains("3 of 100 failing")).count() == 4, "{told}");
    assert!(output.status.success() && !told.contains("MISSED"), "{told}");
}

#[test]
fn times_single_events_from_the_202_to_the_record() {
    let output = Command::new(env!("CARGO_BIN_EXE_passerelle-bench")).args(["latency", "--events", "2", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let [min, median, max] = ["min_ms", "median_ms", "max_ms"].map(|figure| rows[0][figure].as_f64().unwrap());
    assert!(0.0 < min && min <= median && median <= max && max < 30_000.0, "{rows:?}");
}

#[test]
fn counts_the_calls_of_hourly_runs() {
    let output = Command::new(env!("CARGO_BIN_EXE_passerelle-bench")).args(["runs", "--people", "10", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let calls: Vec<u64> = rows.iter().map(|row| row["api_calls"].as_u64().unwrap()).collect();
    // An idle hour is one question; news of ours are looked at and written after it; what is put back is written with the witness.
    assert_eq!((rows.len(), calls[0], calls[1], calls[2], calls[3]), (7, 1, 1, 2, 3), "{rows:?}");
    // Two statements are held against each other by one more, the history; what no rule reads is written without a witness.
    assert_eq!((&calls[4], &calls[5], &calls[6]), (&1, &2, &2), "{rows:?}");
    assert_eq!(rows[0]["target"], 1);
}

/// The calls of an hour are a count and no time, so what is promised of them can be held.
#[test]
fn hourly_runs_cost_no_more_calls_than_is_promised() {
    let output = Command::new(env!("CARGO_BIN_EXE_passerelle-bench")).args(["runs", "--people", "1000", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let promised: Vec<(u64, u64)> = rows.iter().filter_map(|row| Some((row["api_calls"].as_u64()?, row["target"].as_u64()?))).collect();
    assert_eq!(promised.len(), 5, "{rows:?}");
    assert!(promised.iter().all(|(calls, most)| (1..=*most).contains(calls)), "{rows:?}");
}
