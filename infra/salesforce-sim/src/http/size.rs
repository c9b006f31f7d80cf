//! Sizes the server refuses. Source: REST API Developer Guide, "Status Codes and Error Responses".

use bytes::Bytes;
use http::Request;

use super::reply::{HTML, Reply};

/// The longest URI, and the longest URI with headers, in bytes.
const MAX: usize = 16_384;

/// Refuses what is too long, with a page as the edge does.
pub fn check(request: &Request<Bytes>) -> Result<(), Reply> {
    let uri = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if uri > MAX {
        return Err(Reply::text(414, HTML, "<h1>URI Too Long</h1>"));
    }
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if uri + headers > MAX {
        return Err(Reply::text(431, HTML, "<h1>Request Header Fields Too Large</h1>"));
    }
    Ok(())
}
