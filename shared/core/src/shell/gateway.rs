//! API Gateway's payloads (HTTP API, version 2.0): bodies in, responses out.

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
};
use base64::Engine;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

use super::problem::{MEDIA_TYPE, Problem};

/// The request's body as bytes.
pub fn body(request: &ApiGatewayV2httpRequest) -> Result<Vec<u8>, Problem> {
    let text = request.body.as_deref().unwrap_or_default();
    if !request.is_base64_encoded {
        return Ok(text.as_bytes().to_vec());
    }
    let broken = |_| Problem::new(400, "body_unreadable", "The body cannot be decoded.");
    base64::engine::general_purpose::STANDARD.decode(text).map_err(broken)
}

/// A JSON answer.
pub fn json<T: Serialize>(status: i64, value: &T) -> ApiGatewayV2httpResponse {
    text(status, "application/json", serde_json::to_string(value).unwrap_or_default())
}

/// A refusal.
#[must_use]
pub fn refuse(problem: &Problem) -> ApiGatewayV2httpResponse {
    text(i64::from(problem.status), MEDIA_TYPE, problem.body())
}

/// A page for people. It may load nothing, and nobody may keep it or frame it.
#[must_use]
pub fn page(status: i64, html: String) -> ApiGatewayV2httpResponse {
    let mut response = text(status, "text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    response.headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response.headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn text(status: i64, media_type: &'static str, body: String) -> ApiGatewayV2httpResponse {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response.headers = headers;
    response.body = Some(Body::Text(body));
    response
}
