//! What the five functions are made of: one TLS provider, one HTTP stack. A second of either costs size, memory and start, and
//! is easily dragged in by a feature of a dependency.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

const FUNCTIONS: [&str; 5] =
    ["passerelle-oauth-callback", "passerelle-trigger-intake", "passerelle-upsert", "passerelle-reconcile", "passerelle-console"];

/// The parts of the one stack: each is there, in one version.
const ONCE: [&str; 8] = ["aws-lc-rs", "aws-lc-sys", "http", "hyper", "hyper-rustls", "reqwest", "rustls", "tokio-rustls"];

/// Other ways to the same ends.
const OTHERS: [&str; 10] =
    ["aws-lc-fips-sys", "aws-smithy-http-client", "boring", "h2", "hyper-tls", "native-tls", "openssl", "openssl-sys", "ring", "s2n-tls"];

/// What stands in for AWS and Salesforce on a developer's machine.
const STAND_INS: [&str; 4] = ["dynoxide-rs", "libsqlite3-sys", "passerelle-local", "salesforce-sim"];

/// The versions of every crate in what one function is built from, tests left out, features as when it is built by itself.
fn tree(function: &str) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--package", function])
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut crates = BTreeMap::<_, BTreeSet<_>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut words = line.split(' ').map(str::to_owned);
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            crates.entry(name).or_default().insert(version);
        }
    }
    crates
}

#[test]
fn every_function_ships_one_tls_provider_and_one_http_stack() {
    for function in FUNCTIONS {
        let crates = tree(function);
        for name in ONCE {
            let versions = crates.get(name).cloned().unwrap_or_default();
            assert_eq!(versions.len(), 1, "{function} is built from these versions of {name}: {versions:?}");
        }
        let others: Vec<_> = OTHERS.iter().chain(&STAND_INS).filter(|name| crates.contains_key(**name)).collect();
        assert!(others.is_empty(), "{function} also ships {others:?}; `cargo tree -p {function} -e normal,build -i NAME` says why");
    }
}

/// The command that people run on their own machine speaks TLS the same way. (AWS's SDK for CloudFormation and its like come to it,
/// the stand-ins too.)
#[test]
fn the_command_has_one_tls_provider_too() {
    let crates = tree("passerelle");
    for name in ["aws-lc-rs", "hyper", "reqwest", "rustls"] {
        assert_eq!(crates.get(name).map(BTreeSet::len), Some(1), "{name}: {:?}", crates.get(name));
    }
    let others: Vec<_> = ["boring", "native-tls", "openssl", "ring", "s2n-tls"].into_iter().filter(|name| crates.contains_key(*name)).collect();
    assert!(others.is_empty(), "passerelle is also built from {others:?}");
}
