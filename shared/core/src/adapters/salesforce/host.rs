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

/// Lets an address pass if it is https under a Salesforce domain on the usual port, or if `allowed` (lower-case `host` or `host:port`) names
/// it. Only this machine, and what is allowed with `http://` before it, may be called without TLS.
pub fn check(url: &Url, allowed: &[String]) -> Result<(), HostRefused> {
    let host = url.host_str().filter(|h| !h.is_empty()).ok_or(HostRefused::Malformed)?;
    let clean = url.username().is_empty() && url.password().is_none();
    if !clean || !matches!(url.scheme(), "http" | "https") {
        return Err(HostRefused::Malformed);
    }
    let port = url.port_or_known_default().unwrap_or_default();
    let with_port = format!("{host}:{port}");
    let is_this = |entry: &str| entry == host || entry == with_port;
    let plainly = allowed.iter().filter_map(|entry| entry.strip_prefix("http://")).any(is_this);
    if plainly || allowed.iter().any(|entry| is_this(entry)) {
        let passes = url.scheme() == "https" || plainly || is_this_machine(url);
        return if passes { Ok(()) } else { Err(HostRefused::Insecure(host.to_owned())) };
    }
    let named = matches!(url.host(), Some(Host::Domain(_)));
    let ours = is_salesforce(host);
    match (url.scheme(), named && ours && url.port().is_none()) {
        ("https", true) => Ok(()),
        (_, true) => Err(HostRefused::Insecure(host.to_owned())),
        _ => Err(HostRefused::Foreign(with_port)),
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a name is under one of Salesforce's domains.
pub(in crate::adapters) fn is_salesforce(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    DOMAINS.iter().any(|domain| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// The host of an allowed `host`, `host:port` or either with `http://` before it.
pub(in crate::adapters) fn without_port(allowed: &str) -> &str {
    let host = allowed.strip_prefix("http://").unwrap_or(allowed);
    host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(host, _)| host)
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
        let allowed = ["127.0.0.1:8070".to_owned(), "sim".to_owned(), "http://plain:80".to_owned(), "localhost".to_owned()];
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
            ("http://sim:9/x", insecure("sim")),
            ("https://sim:9/x", Ok("https://sim:9")),
            ("http://plain/x", Ok("http://plain")),
            ("https://plain:80", Ok("https://plain:80")),
            ("http://plain:81", foreign("plain:81")),
            ("http://localhost:1", Ok("http://localhost:1")),
            ("http://localhost.evil.org", foreign("localhost.evil.org:80")),
            // However an address is spelled, it is none of Salesforce's.
            ("https://2130706433", foreign("127.0.0.1:443")),
            ("https://0x7f.1", foreign("127.0.0.1:443")),
            ("https://0177.0.0.1", foreign("127.0.0.1:443")),
            ("https://169.254.169.254/latest/meta-data", foreign("169.254.169.254:443")),
            ("https://[::ffff:127.0.0.1]", foreign("[::ffff:7f00:1]:443")),
            ("https://[fd00:ec2::254]", foreign("[fd00:ec2::254]:443")),
            ("https://login.salesforce.com.", foreign("login.salesforce.com.:443")),
            ("https://login.salesforce.com%2eevil.org", foreign("login.salesforce.com.evil.org:443")),
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
