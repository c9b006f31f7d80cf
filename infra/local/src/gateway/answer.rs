//! A function's answer as the response that API Gateway makes of it.
//!
//! The answer is written as JSON first and read as API Gateway reads it. So what AWS would drop is dropped here too: of
//! a header with several values the first alone arrives, and `multiValueHeaders` is no member of format 2.0.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use axum::{body::Body, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

/// The members of an answer in payload format 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response for an answer; one that API Gateway cannot read becomes its 500.
pub(super) fn response(given: ApiGatewayV2httpResponse) -> Response {
    if !given.multi_value_headers.is_empty() {
        tracing::warn!("an answer has multiValueHeaders, which an HTTP API ignores: cookies belong into cookies");
    }
    let read = serde_json::to_value(given).and_then(serde_json::from_value::<Answer>).ok();
    read.and_then(built).unwrap_or_else(|| {
        tracing::error!("a function's answer is none that an HTTP API could send");
        message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    })
}

fn built(answer: Answer) -> Option<Response> {
    let status = StatusCode::from_u16(answer.status_code).ok()?;
    let body = answer.body.unwrap_or_default();
    let bytes = if answer.is_base64_encoded { STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in answer.headers {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name: HeaderName = name.parse().ok()?;
        // The server frames the body itself.
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING && name != header::CONNECTION {
            headers.insert(name, text.parse().ok()?);
        }
    }
    for cookie in answer.cookies {
        headers.append(header::SET_COOKIE, cookie.parse().ok()?);
    }
    Some(response)
}

/// An answer of API Gateway itself.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(serde_json::json!({ "message": text }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use axum::body::to_bytes;

    use super::*;

    async fn sent(change: impl FnOnce(&mut ApiGatewayV2httpResponse)) -> (StatusCode, http::HeaderMap, Vec<u8>) {
        let mut given = ApiGatewayV2httpResponse::default();
        given.status_code = 200;
        change(&mut given);
        let (parts, body) = response(given).into_parts();
        (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn cookies_each_have_their_header() {
        let (_, headers, _) = sent(|a| a.cookies = vec!["a=1; HttpOnly".to_owned(), "b=2".to_owned()]).await;
        let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1; HttpOnly", "b=2"]);
    }

    #[tokio::test]
    async fn bodies_are_text_or_decoded() {
        let text = |text: &str| Some(aws_lambda_events::encodings::Body::Text(text.to_owned()));
        let (_, _, body) = sent(|a| a.body = text("é")).await;
        assert_eq!(body, "é".as_bytes());
        let (_, _, body) = sent(|a| (a.body, a.is_base64_encoded) = (text("/wA="), true)).await;
        assert_eq!(body, [0xff, 0]);
        let (_, _, body) = sent(|a| (a.body, a.is_base64_encoded) = (Some(aws_lambda_events::encodings::Body::Binary(vec![0xff, 0])), true)).await;
        assert_eq!(body, [0xff, 0]);
    }

    #[tokio::test]
    async fn headers_arrive_and_json_is_the_default_type() {
        let (status, headers, _) = sent(|a| {
            a.status_code = 302;
            a.headers.insert("location", "https://login.example/".parse().unwrap());
        })
        .await;
        assert_eq!((status.as_u16(), headers["location"].to_str().unwrap()), (302, "https://login.example/"));
        assert_eq!(headers["content-type"], "application/json");
        let (_, headers, _) = sent(|a| drop(a.headers.insert("content-type", "text/html".parse().unwrap()))).await;
        assert_eq!(headers["content-type"], "text/html");
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_a_500() {
        let broken = Some(aws_lambda_events::encodings::Body::Text("not base64!".to_owned()));
        let (status, _, body) = sent(|a| (a.body, a.is_base64_encoded) = (broken, true)).await;
        assert_eq!((status.as_u16(), body.as_slice()), (500, br#"{"message":"Internal Server Error"}"#.as_slice()));
        assert_eq!(sent(|a| a.status_code = 0).await.0, 500);
    }
}
