//! Compression both ways: request bodies by `Content-Encoding`, answers by `Accept-Encoding`.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::{Compression, read, write::GzEncoder};
use http::{HeaderMap, header};

use super::reply::Failure;

/// The most a compressed request body may unfold to, in bytes.
const MAX_BODY: u64 = 256 * 1024 * 1024;

/// Undoes the request's content encoding.
///
/// # Errors
/// 415 for an unknown encoding, 400 for bytes that are not what the header says.
pub fn decode(headers: &HeaderMap, bytes: Bytes) -> Result<Bytes, Failure> {
    let encoding = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("identity");
    let mut out = Vec::new();
    let outcome = match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(bytes),
        "gzip" => read::MultiGzDecoder::new(bytes.as_ref()).take(MAX_BODY).read_to_end(&mut out),
        // Some clients send the bare stream that the name suggests, without the frame that the standard asks for.
        "deflate" => read::ZlibDecoder::new(bytes.as_ref()).take(MAX_BODY).read_to_end(&mut out).or_else(|_| {
            out.clear();
            read::DeflateDecoder::new(bytes.as_ref()).take(MAX_BODY).read_to_end(&mut out)
        }),
        other => {
            let message = format!("Content-Encoding header specified in HTTP request is not supported: {other}");
            return Err(Failure::one(415, "UNSUPPORTED_MEDIA_TYPE", message));
        }
    };
    match outcome {
        Ok(_) => Ok(Bytes::from(out)),
        Err(_) => Err(Failure::one(400, "JSON_PARSER_ERROR", format!("The request body is not valid {encoding} data."))),
    }
}

/// Whether the client takes gzip.
pub fn accepts(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Compresses an answer; `None` if that fails, and then the answer goes out as it is.
pub fn encode(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn what_was_packed_unpacks() {
        let packed = encode(b"hello hello").unwrap();
        assert_eq!(decode(&headers(header::CONTENT_ENCODING, "gzip"), packed).unwrap(), "hello hello");
    }

    #[test]
    fn unknown_and_broken_encodings_are_refused() {
        assert_eq!(decode(&headers(header::CONTENT_ENCODING, "br"), "x".into()).unwrap_err().status(), 415);
        assert_eq!(decode(&headers(header::CONTENT_ENCODING, "gzip"), "x".into()).unwrap_err().status(), 400);
    }

    #[test]
    fn a_zero_weight_refuses_gzip() {
        for (value, want) in [("gzip", true), ("br, gzip;q=0.5", true), ("gzip;q=0", false), ("identity", false)] {
            assert_eq!(accepts(&headers(header::ACCEPT_ENCODING, value)), want, "{value}");
        }
    }
}
