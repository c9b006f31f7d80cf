//! HTTP to the platform: any host with a public address, by https and its name. Its address comes from a document, so nothing within our own
//! network may be reached by it, whatever a name resolves to.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
};
use thiserror::Error;
use url::{Host, Url};

use super::http::{builder, exchange};
use crate::ports::{BoxFuture, Transport, TransportError};

/// Most bytes of an answer of the platform, unless the request says otherwise.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Most bytes of the answer to a request that carries this as an extension.
#[derive(Debug, Clone, Copy)]
pub struct MostBytes(pub usize);

/// An address of the platform that may not be called.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlatformRefused {
    /// Not https under a name.
    #[error("{0} is not called by https and a name")]
    Insecure(String),
    /// Its name leads to no public address.
    #[error("{0} has no public address")]
    Private(String),
    /// There is no HTTP client.
    #[error("the HTTP client cannot be made")]
    NoClient,
}

/// Lets an address pass that is https under a name other than this machine's, or whose `host` or `host:port` is among `allowed`; those may
/// be http too.
pub fn check(url: &Url, allowed: &[String]) -> Result<(), PlatformRefused> {
    let host = url.host_str().unwrap_or_default();
    let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    if allowed.iter().any(|allowed| allowed == host || *allowed == with_port) {
        return Ok(());
    }
    match (url.scheme(), url.host()) {
        ("https", Some(Host::Domain(name))) if name != "localhost" => Ok(()),
        _ => Err(PlatformRefused::Insecure(host.to_owned())),
    }
}

/// The transport to the platform. Its client is made with the first request: most functions never send one.
#[derive(Debug)]
pub struct PlatformTransport {
    client: OnceLock<Option<Client>>,
    allowed_hosts: Arc<[String]>,
}

impl PlatformTransport {
    /// Calls public hosts, and those that the operator allows besides (`Settings::platform_hosts`).
    #[must_use]
    pub fn new(allowed_hosts: &[String]) -> Self {
        Self { client: OnceLock::new(), allowed_hosts: allowed_hosts.into() }
    }

    async fn exchange(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, TransportError> {
        let client = self.client.get_or_init(|| {
            let names = PublicNames { allowed_hosts: Arc::clone(&self.allowed_hosts) };
            builder().dns_resolver(Arc::new(names)).build().ok()
        });
        let check = |url: &Url| match client {
            Some(client) => check(url, &self.allowed_hosts).map(|()| client.clone()),
            None => Err(PlatformRefused::NoClient),
        };
        let most = request.extensions().get::<MostBytes>().map_or(MAX_BODY_BYTES, |most| most.0);
        exchange(request, timeout, most, |url| Ok(check(url)?)).await
    }
}

impl Transport for PlatformTransport {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(self.exchange(request, timeout))
    }
}

/// The system's names, of which only public addresses are handed on: checked where the connection is made, since a name may lead elsewhere
/// a moment after it was looked at.
#[derive(Debug)]
struct PublicNames {
    allowed_hosts: Arc<[String]>,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let is_host = |allowed: &String| allowed.split_once(':').map_or(allowed.as_str(), |(host, _)| host) == name.as_str();
        let any = self.allowed_hosts.iter().any(is_host);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> = found.filter(|address| any || is_public(address.ip())).collect();
            if addresses.is_empty() {
                return Err(PlatformRefused::Private(name.as_str().to_owned()).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is reached over the internet by everybody alike. Source: IANA's registries of special-purpose addresses,
/// <https://www.iana.org/assignments/iana-ipv4-special-registry> and its like for IPv6.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127 | 224.., ..) | (169, 254, _) | (192, 168, _) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) => true,
        (100, b, _) => (64..128).contains(&b),
        (172, b, _) => (16..32).contains(&b),
        (198, b, _) => (18..20).contains(&b),
        _ => false,
    };
    !special
}

/// Of IPv6 only 2000::/3 is given out; in it are documentation, and tunnels that carry IPv4 addresses.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, b, ..] if b < 0x0200 || b == 0x0db8 => false,
        [0x2002 | 0x3fff, ..] => false,
        [a, ..] => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_https_under_a_name_and_what_the_operator_allows() {
        let allowed = ["127.0.0.1:9000".to_owned(), "receiver".to_owned()];
        for (text, passes) in [
            ("https://platform.example.com/hook", true),
            ("https://platform.example.com:8443/hook", true),
            ("http://127.0.0.1:9000/hook", true),
            ("http://receiver:80/hook", true),
            ("http://platform.example.com/hook", false),
            ("https://localhost/hook", false),
            ("https://127.0.0.1/hook", false),
            ("http://127.0.0.1:9001/hook", false),
            ("https://[::1]/hook", false),
            ("https://10.0.0.1/hook", false),
            ("ftp://platform.example.com/hook", false),
        ] {
            assert_eq!(check(&Url::parse(text).unwrap(), &allowed).is_ok(), passes, "{text}");
        }
    }

    #[test]
    fn addresses_of_our_own_network_are_not_public() {
        for (text, public) in [
            ("8.8.8.8", true),
            ("100.63.255.255", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("192.0.1.1", true),
            ("198.20.0.1", true),
            ("223.255.255.1", true),
            ("2600:1f18::1", true),
            ("2a00:1450::1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.1", false),
            ("192.0.2.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::a00:1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:a00:1::", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_leads_nowhere_unless_the_operator_allows_it() {
        for (allowed, passes) in [("localhost", true), ("localhost:9000", true), ("receiver", false), ("localhost.example.com", false)] {
            let names = PublicNames { allowed_hosts: [allowed.to_owned()].into() };
            match names.resolve("localhost".parse().unwrap()).await {
                Ok(mut addresses) => assert!(passes && addresses.all(|address| address.ip().is_loopback()), "{allowed}"),
                Err(error) => {
                    let refused = PlatformRefused::Private("localhost".to_owned());
                    assert!(!passes && error.downcast_ref() == Some(&refused), "{allowed}: {error:?}");
                }
            }
        }
    }
}
