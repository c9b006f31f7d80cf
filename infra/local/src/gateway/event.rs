//! A request as the event that API Gateway sends (payload format 2.0).
//!
//! The event is written as JSON and read back into the type that the functions take, so that they see here what they
//! would see in AWS. Format: "Working with AWS Lambda proxy integrations for HTTP APIs" of the API Gateway guide.

use std::{collections::BTreeMap, net::SocketAddr};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header, request::Parts};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::{Match, route::decode};
use crate::ACCOUNT;

/// When and from where a request came.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The caller's address.
    pub caller: SocketAddr,
    /// The instant of arrival.
    pub time: Timestamp,
    /// The request's id.
    pub request_id: String,
}

/// The event for a request.
pub(super) fn event(parts: &Parts, body: &[u8], found: &Match, arrival: &Arrival) -> Result<ApiGatewayV2httpRequest, serde_json::Error> {
    serde_json::from_value(json(parts, body, found, arrival))
}

fn json(parts: &Parts, body: &[u8], found: &Match, arrival: &Arrival) -> Value {
    let query = parts.uri.query().unwrap_or_default();
    let headers = headers(&parts.headers, arrival);
    let mut event = json!({
        "version": "2.0",
        "routeKey": found.route.key,
        // Unlike the query, the path comes decoded.
        "rawPath": decode(parts.uri.path()),
        "rawQueryString": query,
        "requestContext": context(parts, &headers, found, arrival),
        "headers": headers,
        "isBase64Encoded": false,
    });
    let mut set = |name: &str, value: Value| {
        if let Some(fields) = event.as_object_mut() {
            fields.insert(name.to_owned(), value);
        }
    };
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        set("cookies", json!(cookies));
    }
    if !query.is_empty() {
        set("queryStringParameters", json!(query_parameters(query)));
    }
    if !found.parameters.is_empty() {
        set("pathParameters", json!(found.parameters));
    }
    if !body.is_empty() {
        let text = is_text(&parts.headers).then(|| std::str::from_utf8(body).ok()).flatten();
        set("isBase64Encoded", text.is_none().into());
        set("body", text.map_or_else(|| STANDARD.encode(body), str::to_owned).into());
    }
    event
}

fn context(parts: &Parts, headers: &BTreeMap<String, String>, found: &Match, arrival: &Arrival) -> Value {
    let host = headers.get("host").map(String::as_str).unwrap_or_default();
    let domain = host.rsplit_once(':').map_or(host, |(name, _)| name);
    json!({
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.split('.').next(),
        "http": {
            "method": parts.method.as_str(),
            "path": decode(parts.uri.path()),
            "protocol": format!("{:?}", parts.version),
            "sourceIp": arrival.caller.ip().to_string(),
            "userAgent": headers.get("user-agent").map(String::as_str).unwrap_or_default(),
        },
        "requestId": arrival.request_id,
        "routeKey": found.route.key,
        "stage": "$default",
        "time": arrival.time.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
        "timeEpoch": arrival.time.as_millisecond(),
    })
}

/// Names in lower case, several values of one name joined by commas, cookies apart, and what API Gateway adds.
fn headers(headers: &HeaderMap, arrival: &Arrival) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for name in headers.keys().filter(|name| **name != header::COOKIE) {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        all.insert(name.as_str().to_owned(), values.join(","));
    }
    let caller = arrival.caller.ip().to_string();
    let forwarded = all.get("x-forwarded-for").map_or_else(|| caller.clone(), |before| format!("{before}, {caller}"));
    let port = all.get("host").and_then(|host| host.rsplit_once(':')).map_or("80", |(_, port)| port).to_owned();
    all.insert("x-forwarded-for".to_owned(), forwarded);
    all.insert("x-forwarded-port".to_owned(), port);
    all.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    all
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    lines.flat_map(|line| line.split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>()).filter(|c| !c.is_empty()).collect()
}

/// Decoded; the values of a name that comes more than once are joined by commas.
fn query_parameters(query: &str) -> Map<String, Value> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        parameters.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    parameters.into_iter().map(|(name, values)| (name, values.join(",").into())).collect()
}

/// Whether a body is handed on as text. API Gateway does so for these media types alone: forms, bodies without a type
/// and JSON under other names come as base64.
fn is_text(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/") || ["application/json", "application/xml", "application/javascript"].contains(&media_type.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use http::Request;

    use super::{super::find, *};

    fn arrival() -> Arrival {
        Arrival { caller: "127.0.0.1:50000".parse().unwrap(), time: "2026-11-23T08:00:00.5Z".parse().unwrap(), request_id: "r1".to_owned() }
    }

    fn made(request: http::request::Builder, body: &[u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let found = find(&parts.method, parts.uri.path()).unwrap();
        json(&parts, body, &found, &arrival())
    }

    #[test]
    fn an_event_has_every_part() {
        let request = Request::post("/v1/hooks/kayo?a=1&b=x%20y&a=2").header("Host", "localhost:8000").header("User-Agent", "curl/8");
        let request = request.header("Content-Type", "application/json; charset=utf-8").header("X-Note", "one").header("X-Note", "two");
        let event = made(request.header("Cookie", "k=v; l=w"), b"{}");
        let want = json!({
            "version": "2.0",
            "routeKey": "POST /v1/hooks/{source}",
            "rawPath": "/v1/hooks/kayo",
            "rawQueryString": "a=1&b=x%20y&a=2",
            "cookies": ["k=v", "l=w"],
            "headers": {
                "content-type": "application/json; charset=utf-8", "host": "localhost:8000", "user-agent": "curl/8", "x-note": "one,two",
                "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "8000", "x-forwarded-proto": "http",
            },
            "queryStringParameters": { "a": "1,2", "b": "x y" },
            "pathParameters": { "source": "kayo" },
            "requestContext": {
                "accountId": "000000000000", "apiId": "local", "domainName": "localhost", "domainPrefix": "localhost",
                "http": { "method": "POST", "path": "/v1/hooks/kayo", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "curl/8" },
                "requestId": "r1", "routeKey": "POST /v1/hooks/{source}", "stage": "$default",
                "time": "23/Nov/2026:08:00:00 +0000", "timeEpoch": 1_795_420_800_500_i64,
            },
            "body": "{}",
            "isBase64Encoded": false,
        });
        assert_eq!(event, want);
    }

    #[test]
    fn what_a_request_lacks_the_event_lacks() {
        let event = made(Request::get("/"), b"");
        for absent in ["cookies", "queryStringParameters", "pathParameters", "body"] {
            assert_eq!(event.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn bodies_are_text_or_base64() {
        let cases: &[(Option<&str>, &[u8], bool)] = &[
            (Some("application/json"), b"{}", false),
            (Some("Application/JSON; charset=utf-8"), b"{}", false),
            (Some("text/csv"), b"a,b", false),
            (Some("application/xml"), b"<a/>", false),
            (Some("application/json"), b"\xff", true),
            (Some("application/x-www-form-urlencoded"), b"a=b", true),
            (Some("application/vnd.api+json"), b"{}", true),
            (Some("application/octet-stream"), b"x", true),
            (None, b"{}", true),
        ];
        for (media_type, body, encoded) in cases {
            let mut request = Request::post("/v1/hooks/s");
            if let Some(media_type) = media_type {
                request = request.header("content-type", *media_type);
            }
            let event = made(request, body);
            assert_eq!(event["isBase64Encoded"], *encoded, "{media_type:?}");
            let want = if *encoded { STANDARD.encode(body) } else { String::from_utf8(body.to_vec()).unwrap() };
            assert_eq!(event["body"], want, "{media_type:?}");
        }
    }

    #[test]
    fn the_functions_type_reads_it() {
        let (parts, ()) = Request::get("/oauth/acme/callback?state=s%2B1&code=c").header("cookie", "a=b").body(()).unwrap().into_parts();
        let found = find(&parts.method, parts.uri.path()).unwrap();
        let event = event(&parts, b"", &found, &arrival()).unwrap();
        assert_eq!(event.path_parameters["connection"], "acme");
        assert_eq!(event.query_string_parameters.first("state"), Some("s+1"));
        assert_eq!(event.cookies, Some(vec!["a=b".to_owned()]));
        assert_eq!(event.request_context.http.method, http::Method::GET);
        assert_eq!(event.request_context.time_epoch, 1_795_420_800_500);
    }
}
