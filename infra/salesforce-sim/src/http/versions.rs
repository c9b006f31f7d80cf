//! API versions: which live, which are retired, what each lists.

use http::Method;
use serde_json::{Map, Value, json};

use super::reply::{Failure, Outcome, Reply};
use super::request::Call;
use crate::error::ApiError;
use crate::org::ApiVersion;

/// The oldest version still served; 21 to 30 retired with Summer '25.
pub const OLDEST: ApiVersion = 31;
/// The newest version.
pub const NEWEST: ApiVersion = 67;
/// The oldest version that ever was.
const FIRST: ApiVersion = 7;

/// Three releases a year: version 31 is Summer '14.
fn label(version: ApiVersion) -> String {
    let step = version.saturating_sub(OLDEST);
    let year = 14 + step / 3;
    match step % 3 {
        0 => format!("Summer '{year}"),
        1 => format!("Winter '{}", year + 1),
        _ => format!("Spring '{}", year + 1),
    }
}

/// `GET /services/data`: open to all, no API call, no limit header.
pub fn list(call: &Call) -> Reply {
    if call.method != Method::GET && call.method != Method::HEAD {
        return Reply::errors(&[method_not_allowed(&call.method, &["GET", "HEAD"])]);
    }
    let versions: Vec<Value> = (OLDEST..=NEWEST)
        .map(|version| json!({"label": label(version), "url": format!("/services/data/v{version}.0"), "version": format!("{version}.0")}))
        .collect();
    Reply::json(200, Value::Array(versions))
}

/// 405 in the server's words.
pub fn method_not_allowed(method: &Method, allowed: &[&str]) -> ApiError {
    let text = format!("HTTP Method '{method}' not allowed. Allowed are {}", allowed.join(","));
    ApiError::new(405, "METHOD_NOT_ALLOWED", text)
}

/// Reads a version segment such as `v66.0`.
///
/// # Errors
/// 410 for a retired version, 404 for one that does not exist.
pub fn parse(segment: &str) -> Result<ApiVersion, Failure> {
    let number = segment.strip_prefix('v').and_then(|text| text.strip_suffix(".0")).and_then(|text| text.parse().ok());
    match number {
        Some(version) if (OLDEST..=NEWEST).contains(&version) => Ok(version),
        Some(version) if (FIRST..OLDEST).contains(&version) => {
            Err(Failure::one(410, "GONE", format!("The API version {version}.0 has been retired and is no longer available.")))
        }
        _ => Err(ApiError::not_found().into()),
    }
}

/// What an org lists, built here or not.
pub(super) const RESOURCES: &[&str] = &[
    "actions",
    "analytics",
    "appMenu",
    "chatter",
    "commerce",
    "compactLayouts",
    "composite",
    "connect",
    "jobs",
    "knowledgeManagement",
    "licensing",
    "limits",
    "metadata",
    "parameterizedSearch",
    "process",
    "query",
    "queryAll",
    "quickActions",
    "recent",
    "search",
    "sobjects",
    "support",
    "tabs",
    "theme",
    "tooling",
    "ui-api",
];

/// `GET /services/data/vXX.X`: name → URL.
pub fn resources(version: ApiVersion, identity: &str) -> Outcome {
    let base = format!("/services/data/v{version}.0");
    let mut body: Map<String, Value> = RESOURCES.iter().map(|name| ((*name).to_owned(), json!(format!("{base}/{name}")))).collect();
    body.insert("identity".to_owned(), json!(identity));
    Ok(Reply::json(200, Value::Object(body)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn releases_have_their_names() {
        for (version, want) in
            [(31, "Summer '14"), (32, "Winter '15"), (45, "Spring '19"), (65, "Winter '26"), (66, "Spring '26"), (67, "Summer '26")]
        {
            assert_eq!(label(version), want, "{version}");
        }
    }

    #[test]
    fn versions_live_or_are_gone_or_never_were() {
        for (segment, want) in
            [("v66.0", 0), ("v31.0", 0), ("v30.0", 410), ("v7.0", 410), ("v6.0", 404), ("v999.0", 404), ("66.0", 404), ("v66", 404)]
        {
            assert_eq!(parse(segment).err().map_or(0, |failure| failure.status()), want, "{segment}");
        }
    }
}
