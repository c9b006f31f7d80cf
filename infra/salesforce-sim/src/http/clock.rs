//! Times as they stand in answers and headers.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// `2012-07-12T17:49:01.000+0000`: system times have whole seconds.
pub fn wire(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// Reads a time of an answer, or any offset form a query parameter may have.
pub fn parse(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    // `+0000` instead of `+00:00`, as in answers.
    let at = text.len().checked_sub(2)?;
    let (head, minutes) = text.split_at_checked(at)?;
    format!("{head}:{minutes}").parse().ok()
}

/// Reads a date of a conditional header, `EEE, dd MMM yyyy HH:mm:ss z`.
pub fn parse_http(text: &str) -> Option<Timestamp> {
    let at = httpdate::parse_http_date(text.trim()).ok()?;
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Timestamp::from_second(i64::try_from(since.as_secs()).ok()?).ok()
}

/// A date for a header.
pub fn http_date(at: Timestamp) -> String {
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_go_out_and_come_back() {
        let at: Timestamp = "2026-11-23T08:09:10.987Z".parse().unwrap();
        assert_eq!(wire(at), "2026-11-23T08:09:10.000+0000");
        assert_eq!(parse("2026-11-23T08:09:10.000+0000").unwrap().to_string(), "2026-11-23T08:09:10Z");
        assert_eq!(parse("2026-11-23T09:09:10+01:00").unwrap().to_string(), "2026-11-23T08:09:10Z");
        assert_eq!(http_date(at), "Mon, 23 Nov 2026 08:09:10 GMT");
        assert_eq!(parse_http("Mon, 23 Nov 2026 08:09:10 GMT").unwrap().to_string(), "2026-11-23T08:09:10Z");
        assert!(parse("tomorrow").is_none() && parse_http("tomorrow").is_none() && parse("é").is_none());
    }
}
