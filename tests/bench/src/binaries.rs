//! Which programs are measured, and where their binaries come from.
//!
//! Knows the names of the functions and what each is first asked; knows nothing of how they are timed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// The name of the yardstick, as it is printed.
pub const HELLO: &str = "hello";
/// The function that works batches.
pub const UPSERT: &str = "upsert";

/// A program to measure.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The short name, as it is printed.
    pub name: &'static str,
    /// The crate to build.
    package: &'static str,
    /// The binary within it.
    binary: &'static str,
    /// The first event it is given: one that costs it as little as its work allows.
    pub event: Value,
}

/// A program whose binary exists.
#[derive(Clone, Debug)]
pub struct Built {
    pub subject: Subject,
    pub path: PathBuf,
}

impl Subject {
    /// The hello function, always, and the functions named; all five where none is.
    ///
    /// # Errors
    /// A name that is no function's.
    pub fn select(only: &[String]) -> Result<Vec<Self>> {
        for name in only {
            ensure!(functions().iter().any(|f| f.name == name), "There is no function called {name}.");
        }
        let mut all = vec![hello()];
        all.extend(functions().into_iter().filter(|f| only.is_empty() || only.iter().any(|name| name == f.name)));
        Ok(all)
    }
}

fn hello() -> Subject {
    Subject { name: HELLO, package: "passerelle-bench-hello", binary: "passerelle-bench-hello", event: json!({}) }
}

fn functions() -> Vec<Subject> {
    let function = |name, binary, event| Subject { name, package: binary, binary, event };
    vec![
        function(
            "oauth-callback",
            "passerelle-oauth-callback",
            request("POST", "/oauth/nobody/start", "POST /oauth/{connection}/start", json!({ "connection": "nobody" }), ""),
        ),
        function(
            "trigger-intake",
            "passerelle-trigger-intake",
            request("POST", "/v1/hooks/nobody", "POST /v1/hooks/{source}", json!({ "source": "nobody" }), "{}"),
        ),
        function(UPSERT, "passerelle-upsert", json!({ "Records": [] })),
        function("reconcile", "passerelle-reconcile", json!({ "due": true })),
        function("console", "passerelle-console", request("GET", "/", "GET /", json!({}), "")),
    ]
}

/// An event of an HTTP API, payload format 2.0.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
fn request(method: &str, path: &str, route: &str, parameters: Value, body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "bench.example", "content-type": "application/json" },
        "pathParameters": parameters,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "bench",
            "domainName": "bench.example",
            "domainPrefix": "bench",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "passerelle-bench"
            },
            "requestId": "bench",
            "routeKey": route,
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_i64
        },
        "body": body,
        "isBase64Encoded": false
    })
}

/// Finds the binaries in a directory, or builds them.
///
/// # Errors
/// A binary that is missing, or that does not build.
pub fn locate(subjects: Vec<Subject>, bin_dir: Option<&Path>) -> Result<Vec<Built>> {
    subjects
        .into_iter()
        .map(|subject| {
            let path = match bin_dir {
                Some(dir) => dir.join(subject.binary),
                None => build(&subject)?,
            };
            ensure!(path.is_file(), "The binary {} does not exist.", path.display());
            Ok(Built { subject, path })
        })
        .collect()
}

/// Builds one program by itself, as a deployment does: built together, the programs would share the union of
/// the features that any of them asks of a dependency.
fn build(subject: &Subject) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--package", subject.package])
        .args(["--bin", subject.binary])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started.")?;
    ensure!(output.status.success(), "cargo could not build {}.", subject.binary);
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        let named = message.pointer("/target/name").and_then(Value::as_str);
        let executable = message.get("executable").and_then(Value::as_str);
        if let (Some(name), Some(path)) = (named, executable)
            && name == subject.binary
        {
            return Ok(path.into());
        }
    }
    bail!("cargo did not say where it put {}.", subject.binary)
}
