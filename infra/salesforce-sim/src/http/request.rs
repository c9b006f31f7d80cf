//! One call as the simulator sees it: method, host role, decoded path and query, headers, body.
//! Owns reading an HTTP request; refuses to know routes, sessions and records.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::reply::Failure;

/// Which of the org's two faces a request was addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostRole {
    /// The login host: OAuth only.
    Login,
    /// The instance host: data, and OAuth as on a My Domain.
    Instance,
    /// Both faces share one authority, or the authority is neither: everything is served.
    Any,
    /// An instance host the org has moved away from: every session is dead there.
    Retired,
}

/// The body of a call: none, bytes from the wire, or a value from inside a composite request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// No entity body.
    Empty,
    /// Bytes, already decompressed.
    Raw(Bytes),
    /// The `body` or `richInput` of a sub-request.
    Json(Value),
}

/// One request, decoded once.
#[derive(Clone, Debug)]
pub struct Call {
    /// Method, after `_HttpMethod` was applied.
    pub method: Method,
    /// Host role.
    pub host: HostRole,
    /// Path as sent, without query.
    pub raw_path: String,
    /// Decoded path segments; a trailing slash leaves no empty segment.
    pub segments: Vec<String>,
    /// Decoded query pairs in order.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Body,
    /// Whether it is part of a composite request.
    pub nested: bool,
}

impl Call {
    /// Decodes a request. `role` is what the authority means to this org.
    ///
    /// # Errors
    /// A [`Failure`] when the request's content encoding is unknown or the compressed body is broken.
    pub fn from_request(request: Request<Bytes>, role: HostRole) -> Result<Call, Failure> {
        let (parts, bytes) = request.into_parts();
        let raw_path = parts.uri.path().to_owned();
        let query = pairs(parts.uri.query().unwrap_or_default());
        let bytes = super::gzip::decode(&parts.headers, bytes)?;
        let body = if bytes.is_empty() { Body::Empty } else { Body::Raw(bytes) };
        Ok(Call::assemble(parts.method, role, raw_path, query, parts.headers, body))
    }

    /// A call made inside another one (composite, batch): `url` is path and query, percent-encoded.
    pub fn inner(method: Method, url: &str, headers: HeaderMap, body: Body) -> Call {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Call { nested: true, ..Call::assemble(method, HostRole::Instance, path.to_owned(), pairs(query), headers, body) }
    }

    fn assemble(method: Method, host: HostRole, raw_path: String, query: Vec<(String, String)>, headers: HeaderMap, body: Body) -> Call {
        let mut segments: Vec<String> = raw_path.split('/').skip(1).map(decode_segment).collect();
        while segments.last().is_some_and(String::is_empty) {
            segments.pop();
        }
        let mut call = Call { method, host, raw_path, segments, query, headers, body, nested: false };
        if call.method == Method::POST
            && let Some(wanted) = call.param("_HttpMethod")
            && let Ok(method) = Method::from_bytes(wanted.to_ascii_uppercase().as_bytes())
        {
            call.method = method;
        }
        call
    }

    /// The first query parameter of that name (case-sensitive, as in Salesforce).
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header's text, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The bearer token: `Bearer` and the older `OAuth` scheme are taken alike.
    pub fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?.trim();
        let (scheme, token) = value.split_once(' ')?;
        let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth");
        (known && !token.trim().is_empty()).then(|| token.trim())
    }

    /// The media type of the body, lower case, without parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header(header::CONTENT_TYPE.as_str())?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 415 for a body that does not claim to be JSON, 400 `JSON_PARSER_ERROR` for no body or a broken one.
    pub fn json(&self) -> Result<Value, Failure> {
        match &self.body {
            Body::Json(value) => Ok(value.clone()),
            Body::Empty => Err(Failure::one(400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.")),
            Body::Raw(bytes) => {
                match self.media_type().as_deref() {
                    None | Some("application/json") => {}
                    Some(other) => {
                        let message = format!("Content-Type header specified in HTTP request is not supported: {other}");
                        return Err(Failure::one(415, "UNSUPPORTED_MEDIA_TYPE", message));
                    }
                }
                parse_json(bytes)
            }
        }
    }

    /// The fields of an `application/x-www-form-urlencoded` body; `None` for any other kind of body.
    pub fn form(&self) -> Option<Vec<(String, String)>> {
        match &self.body {
            Body::Empty => Some(Vec::new()),
            Body::Raw(bytes) if self.media_type().as_deref() == Some("application/x-www-form-urlencoded") => {
                Some(pairs(&String::from_utf8_lossy(bytes)))
            }
            _ => None,
        }
    }

    /// The body as text, for matching faults.
    pub fn body_text(&self) -> String {
        match &self.body {
            Body::Empty => String::new(),
            Body::Raw(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Body::Json(value) => value.to_string(),
        }
    }
}

fn decode_segment(raw: &str) -> String {
    percent_decode_str(raw).decode_utf8_lossy().into_owned()
}

/// Decodes `a=b&c=d` with `+` for blanks.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// The first value of a form field.
pub fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Parses JSON and words a mistake the way the server's parser does.
///
/// # Errors
/// 400 `JSON_PARSER_ERROR` with line and column.
pub fn parse_json(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column().max(1));
        let text = String::from_utf8_lossy(bytes);
        let found = text.lines().nth(line.saturating_sub(1)).and_then(|line| line.chars().nth(column.saturating_sub(1)));
        let message = match (error.is_eof(), found) {
            (false, Some(found)) => format!(
                "Unexpected character ('{found}' (code {})): was expecting a valid JSON token at [line:{line}, column:{}]",
                u32::from(found),
                column + 1
            ),
            _ => format!("Unexpected end-of-input: expected close marker at [line:{line}, column:{}]", column + 1),
        };
        Failure::one(400, "JSON_PARSER_ERROR", message)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn call(uri: &str) -> Call {
        Call::from_request(Request::get(uri).body(Bytes::new()).unwrap(), HostRole::Any).unwrap()
    }

    #[test]
    fn an_encoded_slash_stays_inside_its_segment() {
        let call = call("/services/data/v66.0/sobjects/Lead/Ext__c/a%2Fb%20%25%2B%C3%A9");
        assert_eq!(call.segments.last().unwrap(), "a/b %+é");
        assert_eq!(call.segments.len(), 7);
    }

    #[test]
    fn a_trailing_slash_is_no_segment() {
        assert_eq!(call("/services/data/").segments, ["services", "data"]);
    }

    #[test]
    fn a_plus_in_a_query_is_a_blank_and_an_encoded_plus_is_a_plus() {
        assert_eq!(call("/q?q=a+b%2Bc").param("q"), Some("a b+c"));
    }

    #[test]
    fn the_method_parameter_wins_over_post_only() {
        let post = Request::post("/x?_HttpMethod=PATCH").body(Bytes::new()).unwrap();
        assert_eq!(Call::from_request(post, HostRole::Any).unwrap().method, Method::PATCH);
        assert_eq!(call("/x?_HttpMethod=DELETE").method, Method::GET);
    }

    #[test]
    fn broken_json_names_its_place() {
        let failure = parse_json(b"{bad json").unwrap_err();
        let body = failure.body().to_string();
        assert!(body.contains("JSON_PARSER_ERROR") && body.contains("[line:1, column:"), "{body}");
    }

    #[test]
    fn both_authorization_schemes_carry_a_token() {
        for (value, want) in [("Bearer T", Some("T")), ("OAuth T", Some("T")), ("Basic T", None), ("Bearer ", None), ("T", None)] {
            let request = Request::get("/").header("authorization", value).body(Bytes::new()).unwrap();
            assert_eq!(Call::from_request(request, HostRole::Any).unwrap().bearer(), want, "{value}");
        }
    }
}
