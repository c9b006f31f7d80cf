//! Addresses that the platform is called at.

use url::{Host, Url};

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFault {
    /// It is no address, or has a user name, a password or a fragment.
    Malformed,
    /// Its host is a number.
    Numeric,
    /// It is not https.
    Insecure,
}

/// Reads an address: https with a host's name, or http too on this machine itself, which only a local stack calls.
pub fn parse_address(text: &str) -> Result<Url, AddressFault> {
    let url = Url::parse(text.trim()).map_err(|_| AddressFault::Malformed)?;
    let clean = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(host)) if clean && is_this_machine(&host) => Ok(url),
        ("https", Some(Host::Domain(_))) if clean => Ok(url),
        ("https", Some(_)) if clean => Err(AddressFault::Numeric),
        ("http", Some(_)) if clean => Err(AddressFault::Insecure),
        _ => Err(AddressFault::Malformed),
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
