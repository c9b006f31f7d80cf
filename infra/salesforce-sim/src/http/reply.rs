//! One answer before it is bytes, so that a composite request can hold it as well as the wire.
//! Owns status, headers and body of answers and errors; refuses to know what they are about.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::error::ApiError;

/// Media type of every JSON answer of the data API.
pub const JSON: &str = "application/json;charset=UTF-8";
/// Media type of pages.
pub const HTML: &str = "text/html; charset=UTF-8";

/// The body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing, as with 204 and 304.
    Empty,
    /// JSON.
    Json(Value),
    /// JSON that is written already.
    Written(Vec<u8>),
    /// Anything else, with its media type.
    Text(&'static str, String),
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beyond the content type.
    pub headers: Vec<(HeaderName, String)>,
    /// Body.
    pub content: Content,
}

/// What a handler returns.
pub type Outcome = Result<Reply, Failure>;

/// A refusal: errors of the data API, or an answer in some other shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// `[{message, errorCode, fields?}]`; the status is that of the first.
    Api(Vec<ApiError>),
    /// An answer that is not an array of errors (300, 412 without a body, an OAuth error …).
    Other(Box<Reply>),
}

impl Reply {
    /// An answer with JSON.
    pub fn json(status: u16, value: Value) -> Reply {
        Reply { status, headers: Vec::new(), content: Content::Json(value) }
    }

    /// An answer with JSON that is written already.
    pub fn written(status: u16, text: Vec<u8>) -> Reply {
        Reply { status, headers: Vec::new(), content: Content::Written(text) }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), content: Content::Empty }
    }

    /// An answer with text of some media type.
    pub fn text(status: u16, media_type: &'static str, text: impl Into<String>) -> Reply {
        Reply { status, headers: Vec::new(), content: Content::Text(media_type, text.into()) }
    }

    /// A 302 to `location`.
    pub fn redirect(location: impl Into<String>) -> Reply {
        Reply::empty(302).with(header::LOCATION, location)
    }

    /// An array of errors.
    pub fn errors(errors: &[ApiError]) -> Reply {
        let status = errors.first().map_or(500, |error| error.status);
        Reply::json(status, Value::Array(errors.iter().map(ApiError::to_json).collect()))
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// The same body under another content type.
    #[must_use]
    pub fn retyped(self, media_type: &str) -> Reply {
        self.with(header::CONTENT_TYPE, media_type)
    }

    /// The body as JSON, `null` when it is none: what a composite answer shows.
    pub fn body(&self) -> Value {
        match &self.content {
            Content::Json(value) => value.clone(),
            Content::Written(text) => serde_json::from_slice(text).unwrap_or_default(),
            Content::Empty => Value::Null,
            Content::Text(_, text) => Value::String(text.clone()),
        }
    }

    /// Whether the request did what it asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status) || self.status == 304
    }

    /// The bytes and headers for the wire; compressed when `gzip` and when there is a body.
    pub fn into_response(self, gzip: bool) -> Response<Bytes> {
        let (media_type, bytes) = match self.content {
            Content::Empty => (None, Bytes::new()),
            Content::Json(value) => (Some(JSON), Bytes::from(value.to_string())),
            Content::Written(text) => (Some(JSON), Bytes::from(text)),
            Content::Text(media_type, text) => (Some(media_type), Bytes::from(text)),
        };
        let mut response = Response::new(bytes);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(media_type) = media_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        for (name, value) in self.headers {
            match HeaderValue::from_str(&value) {
                Ok(value) if name == header::CONTENT_TYPE => drop(headers.insert(name, value)),
                Ok(value) => drop(headers.append(name, value)),
                Err(_) => {}
            }
        }
        if gzip
            && !response.body().is_empty()
            && let Some(packed) = super::gzip::encode(response.body())
        {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            *response.body_mut() = packed;
        }
        set_length(&mut response);
        response
    }
}

fn set_length(response: &mut Response<Bytes>) {
    if matches!(response.status().as_u16(), 204 | 304) {
        return;
    }
    let length = HeaderValue::from(response.body().len());
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length);
}

impl Failure {
    /// One error of the data API.
    pub fn one(status: u16, code: &'static str, message: impl Into<String>) -> Failure {
        Failure::Api(vec![ApiError::new(status, code, message)])
    }

    /// 501 for a route that exists in Salesforce and is not built here.
    pub fn not_built(route: &str) -> Failure {
        ApiError::not_built(&format!("this route: {route}")).into()
    }

    /// The status the client sees.
    #[cfg(test)]
    pub fn status(&self) -> u16 {
        match self {
            Failure::Api(errors) => errors.first().map_or(500, |error| error.status),
            Failure::Other(reply) => reply.status,
        }
    }

    /// The body the client sees, as JSON.
    #[cfg(test)]
    pub fn body(&self) -> Value {
        self.clone().into_reply().body()
    }

    /// The refusal as an answer.
    pub fn into_reply(self) -> Reply {
        match self {
            Failure::Api(errors) => Reply::errors(&errors),
            Failure::Other(reply) => *reply,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        Failure::Api(vec![error])
    }
}

impl From<Vec<ApiError>> for Failure {
    fn from(errors: Vec<ApiError>) -> Failure {
        Failure::Api(errors)
    }
}

impl From<Reply> for Failure {
    fn from(reply: Reply) -> Failure {
        Failure::Other(Box::new(reply))
    }
}
