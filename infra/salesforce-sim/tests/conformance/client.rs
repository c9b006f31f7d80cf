//! Sending one request and holding its answer.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

/// An answer as it came over the wire.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as text; a compressed one is unpacked.
    pub fn text(&self) -> String {
        if self.header("content-encoding") == Some("gzip") {
            let mut text = String::new();
            if std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(self.bytes.as_slice()), &mut text).is_ok() {
                return text;
            }
        }
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON, or as a text when it is none.
    pub fn json(&self) -> Value {
        let text = self.text();
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where the `Location` header leads: `{to, query}`.
    pub fn redirect(&self) -> Value {
        let Some(location) = self.header("location") else {
            return Value::Null;
        };
        let (to, query) = location.split_once('?').unwrap_or((location, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query: Map<String, Value> = pairs.map(|(name, value)| (name.to_owned(), json!(decode(value)))).collect();
        json!({"to": to, "query": query})
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Percent-encodes everything but letters and digits.
pub fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub fn pairs(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

/// A body before it is sent.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pub media_type: Option<&'static str>,
    pub bytes: Vec<u8>,
}

impl Body {
    pub fn packed(self) -> Body {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.bytes).unwrap();
        Body { bytes: encoder.finish().unwrap(), ..self }
    }
}

/// Sends without following redirects and without unpacking answers, so that the wire is what is judged.
#[derive(Clone)]
pub struct Wire(reqwest::Client);

impl Wire {
    pub fn new() -> Wire {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_gzip().no_proxy();
        Wire(client.build().unwrap())
    }

    /// # Errors
    /// Words for a connection that failed.
    pub async fn send(&self, method: &str, url: &str, headers: &[(String, String)], body: Body) -> Result<Answer, String> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = self.0.request(method, url);
        let own_type = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some(media_type) = body.media_type.filter(|_| !own_type) {
            request = request.header("content-type", media_type);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.body(body.bytes).send().await.map_err(|error| format!("{url}: {error:?}"))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.map_err(|error| error.to_string())?.to_vec();
        Ok(Answer { status, headers, bytes })
    }
}
