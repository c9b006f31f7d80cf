//! The `Sforce-*` request headers.

use http::HeaderMap;
use jiff::Timestamp;

use crate::id::Id;
use crate::org::{ApiVersion, DuplicateHeader, Session};

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The pairs of a header such as `allowSave=true; includeRecordDetails=true`.
fn settings<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let parts = text(headers, name).unwrap_or_default().split([';', ',']);
    parts.filter_map(|part| part.split_once('=')).map(|(key, value)| (key.trim(), value.trim()))
}

fn setting<'a>(headers: &'a HeaderMap, name: &str, key: &str) -> Option<&'a str> {
    settings(headers, name).find(|(found, _)| found.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

/// The client name of `Sforce-Call-Options`.
pub fn client(headers: &HeaderMap) -> Option<String> {
    setting(headers, "sforce-call-options", "client").map(str::to_owned)
}

/// The page size of `Sforce-Query-Options`, held between 200 and 2,000; 2,000 without the header.
pub fn batch_size(headers: &HeaderMap) -> usize {
    let asked = setting(headers, "sforce-query-options", "batchSize").and_then(|size| size.parse::<usize>().ok());
    asked.map_or(2000, |size| size.clamp(200, 2000))
}

/// The session these headers make.
pub fn session(user: Id, version: ApiVersion, headers: &HeaderMap, now: Timestamp) -> Session {
    let flag = |key: &str| setting(headers, "sforce-duplicate-rule-header", key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut session = Session::new(user, now);
    session.version = version;
    session.client = client(headers);
    session.auto_assign = !text(headers, "sforce-auto-assign").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
    session.duplicates =
        DuplicateHeader { allow_save: flag("allowSave"), include_details: flag("includeRecordDetails"), run_as_current: flag("runAsCurrentUser") };
    session
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::id::KeyPrefix;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn headers_become_a_session() {
        let user = Id::generate(KeyPrefix::of(b"005"), 1);
        let plain = session(user, 66, &headers(&[]), Timestamp::UNIX_EPOCH);
        assert!(plain.auto_assign && !plain.duplicates.allow_save && plain.client.is_none());
        let set = headers(&[
            ("sforce-auto-assign", "FALSE"),
            ("sforce-call-options", "client=acme-sync, defaultNamespace=x"),
            ("sforce-duplicate-rule-header", "allowSave=true; includeRecordDetails = TRUE"),
        ]);
        let session = session(user, 52, &set, Timestamp::UNIX_EPOCH);
        assert!(!session.auto_assign && session.duplicates.allow_save && session.duplicates.include_details);
        assert_eq!(session.client.as_deref(), Some("acme-sync"));
    }

    #[test]
    fn page_sizes_are_held_in_their_range() {
        for (value, want) in [("batchSize=200", 200), ("batchSize=1", 200), ("batchSize=9999", 2000), ("x=1", 2000)] {
            assert_eq!(batch_size(&headers(&[("sforce-query-options", value)])), want, "{value}");
        }
    }
}
