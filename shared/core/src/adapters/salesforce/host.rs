//! Which addresses may be called as Salesforce: the guard against a forged `instance_url` and a mistyped host.

use thiserror::Error;
use url::{Host, Url};

/// The domains that Salesforce serves orgs under.
const DOMAINS: [&str; 5] = ["salesforce.com", "force.com", "cloudforce.com", "salesforce.mil", "sfcrmproducts.cn"];

/// An address that may not be called.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostRefused {
    /// Not an address with a host, or one with a user name or password.
    #[error("the text is not an address of a server")]
    Malformed,
    /// Not https.
    #[error("{0} must be called by https")]
    Insecure(String),
    /// Not under a Salesforce domain, nor allowed by the operator.
    #[error("{0} is not a host of Salesforce")]
    Foreign(String),
}

/// Lets an address pass if it is https under a Salesforce domain on the usual port, or if `allowed` (lower-case
/// `host` or `host:port`) names it; those may be http too.
pub fn check(url: &Url, allowed: &[String]) -> Result<(), HostRefused> {
    let host = url.host_str().filter(|h| !h.is_empty()).ok_or(HostRefused::Malformed)?;
    let clean = url.username().is_empty() && url.password().is_none();
    if !clean || !matches!(url.scheme(), "http" | "https") {
        return Err(HostRefused::Malformed);
    }
    let port = url.port_or_known_default().unwrap_or_default();
    let with_port = format!("{host}:{port}");
    if allowed.iter().any(|a| a == host || *a == with_port) {
        return Ok(());
    }
    let named = matches!(url.host(), Some(Host::Domain(_)));
    let ours = DOMAINS.iter().any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    match (url.scheme(), named && ours && url.port().is_none()) {
        ("https", true) => Ok(()),
        (_, true) => Err(HostRefused::Insecure(host.to_owned())),
        _ => Err(HostRefused::Foreign(with_port)),
    }
}

/// Reads an address, checks it, and cuts it down to scheme, host and port without a slash at the end.
pub fn parse_origin(text: &str, allowed: &[String]) -> Result<String, HostRefused> {
    let url = Url::parse(text.trim()).map_err(|_| HostRefused::Malformed)?;
    check(&url, allowed)?;
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_salesforce_and_what_the_operator_allows() {
        let allowed = ["127.0.0.1:8070".to_owned(), "sim".to_owned()];
        let foreign = |host: &str| Err(HostRefused::Foreign(host.to_owned()));
        let insecure = |host: &str| Err(HostRefused::Insecure(host.to_owned()));
        for (text, want) in [
            ("https://login.salesforce.com", Ok("https://login.salesforce.com")),
            ("https://salesforce.com/", Ok("https://salesforce.com")),
            ("https://X.My.Salesforce.com/services/data/", Ok("https://x.my.salesforce.com")),
            ("https://x--dev.sandbox.my.salesforce.com", Ok("https://x--dev.sandbox.my.salesforce.com")),
            ("https://x.cloudforce.com", Ok("https://x.cloudforce.com")),
            ("https://x.my.salesforce.mil", Ok("https://x.my.salesforce.mil")),
            ("https://x.my.sfcrmproducts.cn", Ok("https://x.my.sfcrmproducts.cn")),
            ("https://x.my.salesforce.com:443", Ok("https://x.my.salesforce.com")),
            ("http://127.0.0.1:8070/x", Ok("http://127.0.0.1:8070")),
            ("http://sim:9/x", Ok("http://sim:9")),
            ("https://sim", Ok("https://sim")),
            ("http://login.salesforce.com", insecure("login.salesforce.com")),
            ("http://127.0.0.1:8071", foreign("127.0.0.1:8071")),
            ("https://127.0.0.1", foreign("127.0.0.1:443")),
            ("https://evilsalesforce.com", foreign("evilsalesforce.com:443")),
            ("https://salesforce.com.evil.org", foreign("salesforce.com.evil.org:443")),
            ("https://x.salesforce.com:8443", foreign("x.salesforce.com:8443")),
            ("https://login.salesforce.com@evil.org", Err(HostRefused::Malformed)),
            ("https://me:pw@login.salesforce.com", Err(HostRefused::Malformed)),
            ("ftp://login.salesforce.com", Err(HostRefused::Malformed)),
            ("file:///etc/passwd", Err(HostRefused::Malformed)),
            ("login.salesforce.com", Err(HostRefused::Malformed)),
            ("", Err(HostRefused::Malformed)),
        ] {
            assert_eq!(parse_origin(text, &allowed).as_deref(), want.as_ref().map(|w: &&str| *w), "{text}");
        }
    }
}
