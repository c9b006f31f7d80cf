//! What a conformance case is made of, as the YAML files hold it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How closely an answer must agree with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Strictness {
    /// Status, code and text, after ids and times are made alike.
    S,
    /// Status, code and shape: texts for people may differ.
    C,
    /// Any listed alternative.
    T,
}

/// One file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    pub area: String,
    pub cases: Vec<Case>,
}

/// One case: what is given, what is asked, what must come back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    pub strict: Strictness,
    pub title: String,
    /// Every status that the answer the case is about may have.
    #[serde(default)]
    pub status: Vec<u16>,
    /// Further statuses of answers around it.
    #[serde(default)]
    pub also: Vec<u16>,
    /// Takes the org to have no other records, so that only one which can be reset will do.
    #[serde(default)]
    pub alone: bool,
    /// Names of fixtures, set up in this order.
    #[serde(default)]
    pub given: Vec<String>,
    pub steps: Vec<Step>,
}

/// Something a case does. A step with an expectation is judged; any other belongs to the setting up and must
/// merely succeed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// `METHOD target`: relative to the version, absolute with `/`, or on the login host with `login:/`.
    pub request: Option<String>,
    /// `METHOD path` below the control plane.
    pub control: Option<String>,
    /// Seconds by which the org's clock is put forward.
    pub advance: Option<i64>,
    /// Walks a person through login and consent.
    pub sign_in: Option<SignIn>,
    /// Signs an assertion and saves it as `assertion`.
    pub jwt: Option<Jwt>,
    /// Names a variable that must be the HMAC of another under a secret.
    pub signature: Option<Signature>,
    /// Which user's token goes along: `U1`, `U2`, `nobody`, `dead`.
    #[serde(rename = "as")]
    pub user: Option<String>,
    /// A token by value.
    pub token: Option<String>,
    /// API version, `66.0` when absent.
    pub version: Option<String>,
    /// SOQL, as the parameter `q`.
    pub q: Option<String>,
    pub params: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    pub json: Option<Value>,
    pub form: Option<BTreeMap<String, String>>,
    /// A body as it stands.
    pub text: Option<String>,
    /// Compresses the body.
    pub gzip: bool,
    /// Times the step is repeated, with `${i}` from 0.
    pub repeat: Option<usize>,
    /// Requests sent at once; each of their answers must satisfy the step.
    pub parallel: Option<usize>,
    /// The answer does not arrive.
    pub lost: bool,
    pub expect: Option<Expect>,
    pub any_of: Vec<Expect>,
    /// Variables from the answer: a JSON pointer, `header:NAME`, `query:NAME` of the redirect, or `body`.
    pub save: BTreeMap<String, String>,
}

/// What an answer must be.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    pub status: Option<OneOrMany>,
    pub body: Option<Value>,
    /// A pattern for the body as text.
    pub text: Option<Value>,
    pub headers: Map<String, Value>,
    /// `{to, query}` of the `Location` header.
    pub redirect: Option<Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(u16),
    Many(Vec<u16>),
}

impl OneOrMany {
    pub fn all(&self) -> Vec<u16> {
        match self {
            OneOrMany::One(status) => vec![*status],
            OneOrMany::Many(all) => all.clone(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub user: String,
    /// Parameters of the authorize request; an empty one is left out.
    pub params: BTreeMap<String, String>,
    #[serde(default)]
    pub deny: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    /// Seconds until it expires.
    pub exp: i64,
    /// Signs with a key nobody registered.
    #[serde(default)]
    pub wrong_key: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    pub of: String,
    pub secret: String,
    pub is: String,
}

/// Fixtures and variables that all cases share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixtures {
    pub variables: BTreeMap<String, String>,
    pub fixtures: BTreeMap<String, Vec<Step>>,
}

impl Step {
    /// Whether no token goes along: OAuth on the login host is asked without one.
    pub fn is_bare(&self) -> bool {
        let login = self.request.as_deref().is_some_and(|request| request.contains(" login:"));
        login && self.user.is_none() && self.token.is_none()
    }

    /// What is judged: no expectation means a step of the setting up.
    pub fn expectations(&self) -> Vec<&Expect> {
        self.expect.iter().chain(&self.any_of).collect()
    }

    /// Whether only a target with a control plane can do this: the login's pages are the simulator's own, too.
    pub fn needs_control(&self) -> bool {
        self.control.is_some() || self.advance.is_some() || self.sign_in.is_some()
    }
}

/// Reads a YAML file below the suite's folder.
pub fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_norway::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The suite's folder.
pub fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// All areas, in the order of their files.
pub fn areas() -> Vec<Area> {
    let mut paths: Vec<_> = std::fs::read_dir(folder().join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).map(|path| read(path)).collect()
}
