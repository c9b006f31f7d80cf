//! The routes of the HTTP API, as `template.yaml` has them (a test compares), and which one a request takes.

use std::{cmp::Reverse, collections::HashMap};

use http::Method;
use percent_encoding::percent_decode_str;

/// A function behind the HTTP API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Takes webhooks.
    TriggerIntake,
    /// Leads an administrator through the consent of an org.
    OauthCallback,
    /// The admin API and the page.
    Console,
}

/// One route.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, or `ANY`, and the path with `{parameters}`.
    pub key: &'static str,
    /// Where it leads.
    pub function: Function,
}

/// All routes.
pub const ROUTES: &[Route] = &[
    Route { key: "GET /oauth/{connection}/connect", function: Function::OauthCallback },
    Route { key: "POST /oauth/{connection}/start", function: Function::OauthCallback },
    Route { key: "GET /oauth/{connection}/callback", function: Function::OauthCallback },
    Route { key: "POST /v1/hooks/{source}", function: Function::TriggerIntake },
    Route { key: "GET /v1/hooks/{source}/events/{event}", function: Function::TriggerIntake },
    Route { key: "GET /v1/hooks/{source}/people", function: Function::TriggerIntake },
    Route { key: "GET /v1/hooks/{source}/people/{person}", function: Function::TriggerIntake },
    Route { key: "PUT /v1/hooks/{source}/people/{person}", function: Function::TriggerIntake },
    Route { key: "GET /", function: Function::Console },
    Route { key: "ANY /v1/{proxy+}", function: Function::Console },
];

/// A route that a request takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Match {
    /// The route.
    pub route: &'static Route,
    /// Values of its path parameters, decoded.
    pub parameters: HashMap<String, String>,
}

/// The route for a method and an encoded path. Of several the most specific: a route of parts before one that takes the
/// rest of the path, a method before `ANY`.
#[must_use]
pub fn find(method: &Method, path: &str) -> Option<Match> {
    let matches = ROUTES.iter().filter_map(|route| {
        let (wanted, pattern) = route.key.split_once(' ')?;
        if wanted != "ANY" && wanted != method.as_str() {
            return None;
        }
        let parameters = parameters(pattern, path)?;
        Some((pattern.contains("+}"), wanted == "ANY", Match { route, parameters }))
    });
    matches.min_by_key(|(greedy, any, found)| (*greedy, *any, Reverse(found.route.key.len()))).map(|(_, _, found)| found)
}

fn parameters(pattern: &str, path: &str) -> Option<HashMap<String, String>> {
    let mut parameters = HashMap::new();
    let mut rest = path.strip_prefix('/')?;
    let mut parts = pattern.strip_prefix('/')?.split('/').peekable();
    while let Some(part) = parts.next() {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix("+}")) {
            return (!rest.is_empty()).then(|| {
                parameters.insert(name.to_owned(), decode(rest));
                parameters
            });
        }
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => {
                parameters.insert(name.to_owned(), decode(segment));
            }
            None if part == segment => {}
            _ => return None,
        }
        // Both must end together, or neither.
        match (after, parts.peek().is_some()) {
            (Some(after), true) => rest = after,
            (None, false) => return Some(parameters),
            _ => return None,
        }
    }
    None
}

/// Percent-decoding as API Gateway does it: what is no UTF-8 becomes U+FFFD.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requests_find_their_route() {
        type Found = (&'static str, &'static [(&'static str, &'static str)]);
        let cases: &[(&str, &str, Option<Found>)] = &[
            ("GET", "/", Some(("GET /", &[]))),
            ("POST", "/", None),
            ("HEAD", "/", None),
            ("POST", "/v1/hooks/kayo-prod", Some(("POST /v1/hooks/{source}", &[("source", "kayo-prod")]))),
            ("POST", "/v1/hooks/a%20b", Some(("POST /v1/hooks/{source}", &[("source", "a b")]))),
            ("GET", "/v1/hooks/kayo/events/e%3A1", Some(("GET /v1/hooks/{source}/events/{event}", &[("source", "kayo"), ("event", "e:1")]))),
            ("PUT", "/v1/hooks/kayo/people/p%2F5", Some(("PUT /v1/hooks/{source}/people/{person}", &[("source", "kayo"), ("person", "p/5")]))),
            // Nobody but the console answers the other methods and the longer paths.
            ("GET", "/v1/hooks/kayo-prod", Some(("ANY /v1/{proxy+}", &[("proxy", "hooks/kayo-prod")]))),
            ("POST", "/v1/hooks/kayo-prod/", Some(("ANY /v1/{proxy+}", &[("proxy", "hooks/kayo-prod/")]))),
            ("DELETE", "/v1/connections/c/people/p", Some(("ANY /v1/{proxy+}", &[("proxy", "connections/c/people/p")]))),
            ("GET", "/oauth/acme/connect", Some(("GET /oauth/{connection}/connect", &[("connection", "acme")]))),
            ("POST", "/oauth/acme/start", Some(("POST /oauth/{connection}/start", &[("connection", "acme")]))),
            ("GET", "/oauth/acme/callback", Some(("GET /oauth/{connection}/callback", &[("connection", "acme")]))),
            ("GET", "/oauth/acme/start", None),
            ("HEAD", "/oauth/acme/start", None),
            ("POST", "/oauth/acme/connect", None),
            ("POST", "/oauth//start", None),
            ("POST", "/oauth/acme/start/", None),
            ("GET", "/v1", None),
            ("GET", "/v1/", None),
            ("GET", "/favicon.ico", None),
            ("GET", "//", None),
        ];
        for (method, path, want) in cases {
            let found = find(&method.parse().unwrap(), path);
            let found = found.as_ref().map(|found| (found.route.key, &found.parameters));
            let want = want.map(|(key, parameters)| (key, parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()));
            assert_eq!(found, want.as_ref().map(|(key, parameters)| (*key, parameters)), "{method} {path}");
        }
    }
}
