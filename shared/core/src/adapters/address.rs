//! Which addresses a name may lead to. It is checked where the connection is made: a name may lead elsewhere a moment after it was looked at.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use super::salesforce::host;

/// A name that leads to no public address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} has no public address")]
pub struct PrivateAddress(pub String);

/// Whose addresses must be public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guarded {
    /// Every name's.
    AllNames,
    /// Those of names under Salesforce's domains. The same client reaches AWS, which may be at private addresses.
    Salesforce,
}

/// The system's names, of which only addresses that may be called are handed on.
#[derive(Debug)]
pub(super) struct CheckedNames {
    guarded: Guarded,
    allowed_hosts: Arc<[String]>,
}

impl CheckedNames {
    /// `allowed_hosts` (`host` or `host:port`) may be at any address.
    pub fn new(guarded: Guarded, allowed_hosts: &[String]) -> Self {
        Self { guarded, allowed_hosts: allowed_hosts.into() }
    }

    /// Whether a name may lead anywhere.
    fn is_free(&self, name: &str) -> bool {
        let named = |allowed: &String| host::without_port(allowed).eq_ignore_ascii_case(name);
        let guarded = self.guarded == Guarded::AllNames || host::is_salesforce(name);
        !guarded || self.allowed_hosts.iter().any(named)
    }

    /// The addresses of a name that may be called.
    fn pick(&self, name: &str, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, PrivateAddress> {
        let free = self.is_free(name);
        let addresses: Vec<SocketAddr> = found.filter(|address| free || is_public(address.ip())).collect();
        if addresses.is_empty() { Err(PrivateAddress(name.to_owned())) } else { Ok(addresses) }
    }
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let own = Self { guarded: self.guarded, allowed_hosts: Arc::clone(&self.allowed_hosts) };
        Box::pin(async move {
            let found = look_up(name.as_str()).await?;
            Ok(Box::new(own.pick(name.as_str(), found.into_iter())?.into_iter()) as Addrs)
        })
    }
}

/// What the system's names say. Tests have names besides that lead where they say.
async fn look_up(name: &str) -> io::Result<Vec<SocketAddr>> {
    #[cfg(test)]
    if let Some(address) = tests::said_by(name) {
        return Ok(vec![SocketAddr::new(address, 0)]);
    }
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
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

/// Of IPv6 only 2000::/3 is given out; in it are documentation, and tunnels that carry IPv4 addresses: Teredo, 6to4, and ISATAP in the last
/// half of any address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, b, ..] if b < 0x0200 || b == 0x0db8 => false,
        [0x2002 | 0x3fff, ..] => false,
        [.., 0x0000 | 0x0200, 0x5efe, _, _] => false,
        [a, ..] => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;

    /// The address in a name like `ip-10-0-0-1.my.salesforce.com` or `ip6-fd00-ec2-0-0-0-0-0-254.example.com`.
    pub fn said_by(name: &str) -> Option<IpAddr> {
        let label = name.split('.').next()?;
        let v4 = label.strip_prefix("ip-").map(|numbers| numbers.replace('-', ".").parse::<IpAddr>());
        let v6 = || label.strip_prefix("ip6-").map(|groups| groups.replace('-', ":").parse());
        v4.or_else(v6)?.ok()
    }

    /// Addresses that nobody may be led to, as labels of such a name.
    pub const NOT_PUBLIC: [&str; 7] = [
        "ip-127-0-0-1",
        "ip-10-0-0-1",
        "ip-192-168-1-1",
        "ip-169-254-169-254",
        "ip6-0-0-0-0-0-0-0-1",
        "ip6-fd00-ec2-0-0-0-0-0-254",
        "ip6-0-0-0-0-0-ffff-a00-1",
    ];

    /// What a client's error says of the address that it was led to.
    pub fn refused<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e PrivateAddress> {
        std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
    }

    /// What it is, the address, and whether it is public.
    const CASES: [(&str, &str, bool); 66] = [
        ("a resolver of everybody's", "8.8.8.8", true),
        ("Salesforce", "13.108.0.1", true),
        ("before shared space", "100.63.255.255", true),
        ("after shared space", "100.128.0.0", true),
        ("before 172.16/12", "172.15.255.255", true),
        ("after 172.16/12", "172.32.0.0", true),
        ("between the special ones of 192.0", "192.0.1.1", true),
        ("beside 192.168/16", "192.169.0.1", true),
        ("beside 6to4's relays", "192.88.98.1", true),
        ("after the benchmarks", "198.20.0.1", true),
        ("beside link-local", "169.253.255.255", true),
        ("the last that is given out", "223.255.255.255", true),
        ("AWS by IPv6", "2600:1f18::1", true),
        ("Europe by IPv6", "2a00:1450::1", true),
        ("after the special ones of 2001", "2001:200::1", true),
        ("this network", "0.0.0.0", false),
        ("somebody in this network", "0.1.2.3", false),
        ("private, class A", "10.0.0.0", false),
        ("private, class A, its end", "10.255.255.255", false),
        ("shared space of carriers", "100.64.0.1", false),
        ("shared space, its end", "100.127.255.255", false),
        ("Alibaba's metadata", "100.100.100.200", false),
        ("this machine", "127.0.0.1", false),
        ("this machine by another number", "127.255.255.254", false),
        ("link-local", "169.254.0.1", false),
        ("metadata of AWS, Azure and Google", "169.254.169.254", false),
        ("credentials of AWS's containers", "169.254.170.2", false),
        ("time of AWS", "169.254.169.123", false),
        ("private, class B", "172.16.0.1", false),
        ("private, class B, its end", "172.31.255.255", false),
        ("protocol assignments", "192.0.0.1", false),
        ("Oracle's metadata", "192.0.0.192", false),
        ("documentation 1", "192.0.2.1", false),
        ("6to4's relays", "192.88.99.1", false),
        ("private, class C", "192.168.1.1", false),
        ("benchmarks", "198.18.0.1", false),
        ("benchmarks, their end", "198.19.255.255", false),
        ("documentation 2", "198.51.100.1", false),
        ("documentation 3", "203.0.113.1", false),
        ("multicast", "224.0.0.1", false),
        ("reserved", "240.0.0.1", false),
        ("broadcast", "255.255.255.255", false),
        ("unspecified", "::", false),
        ("this machine by IPv6", "::1", false),
        ("a private one, mapped", "::ffff:10.0.0.1", false),
        ("this machine, mapped", "::ffff:127.0.0.1", false),
        ("metadata, mapped", "::ffff:169.254.169.254", false),
        ("a public one, mapped", "::ffff:8.8.8.8", true),
        ("a private one, compatible", "::10.0.0.1", false),
        ("a public one, compatible, which nobody routes", "::8.8.8.8", false),
        ("a private one, translated (SIIT)", "::ffff:0:10.0.0.1", false),
        ("a private one, by NAT64", "64:ff9b::10.0.0.1", false),
        ("metadata, by NAT64", "64:ff9b::a9fe:a9fe", false),
        ("by the local NAT64", "64:ff9b:1::10.0.0.1", false),
        ("discard only", "100::1", false),
        ("unique local", "fc00::1", false),
        ("AWS's metadata by IPv6", "fd00:ec2::254", false),
        ("link-local by IPv6", "fe80::1", false),
        ("site-local of old", "fec0::1", false),
        ("a private one, by Teredo", "2001:0:a00:1::1", false),
        ("benchmarks by IPv6", "2001:2::1", false),
        ("documentation by IPv6", "2001:db8::1", false),
        ("more documentation", "3fff::1", false),
        ("a private one, by 6to4", "2002:a00:1::", false),
        ("a private one, by ISATAP", "2600:1f18::5efe:10.0.0.1", false),
        ("multicast by IPv6", "ff02::1", false),
    ];

    #[test]
    fn addresses_that_are_not_everybodys_are_not_public() {
        for (what, text, public) in CASES {
            assert_eq!(is_public(text.parse().unwrap()), public, "{what}: {text}");
        }
    }

    /// The same where connections are made, for both clients: what is not public is not called under a guarded name, in any company.
    #[test]
    fn a_guarded_name_leads_to_public_addresses_only() {
        let public: SocketAddr = "8.8.8.8:443".parse().unwrap();
        for (what, text, is_public) in CASES {
            let address = SocketAddr::new(text.parse().unwrap(), 443);
            for (guarded, name) in [(Guarded::Salesforce, "acme.my.salesforce.com"), (Guarded::AllNames, "platform.example.com")] {
                let names = CheckedNames::new(guarded, &[]);
                assert_eq!(names.pick(name, [address].into_iter()).is_ok(), is_public, "{what}: {name}");
                let beside = names.pick(name, [public, address].into_iter()).unwrap();
                assert_eq!(beside.contains(&address), is_public, "{what}: {name}");
            }
        }
    }

    #[test]
    fn only_what_is_guarded_and_not_allowed_is_checked() {
        let allowed = ["localhost:9000".to_owned(), "http://org.local".to_owned(), "Private.My.Salesforce.com".to_owned()];
        for (guarded, name, free) in [
            (Guarded::AllNames, "localhost", true),
            (Guarded::AllNames, "org.local", true),
            (Guarded::AllNames, "localhost.example.com", false),
            (Guarded::AllNames, "dynamodb.eu-west-3.amazonaws.com", false),
            (Guarded::Salesforce, "dynamodb.eu-west-3.amazonaws.com", true),
            (Guarded::Salesforce, "login.salesforce.com", false),
            (Guarded::Salesforce, "acme.my.salesforce.com", false),
            (Guarded::Salesforce, "acme.FORCE.com", false),
            (Guarded::Salesforce, "private.my.salesforce.com", true),
            (Guarded::Salesforce, "evilsalesforce.com", true),
        ] {
            assert_eq!(CheckedNames::new(guarded, &allowed).is_free(name), free, "{name}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_leads_nowhere_unless_the_operator_allows_it() {
        for (allowed, passes) in [("localhost", true), ("localhost:9000", true), ("receiver", false), ("localhost.example.com", false)] {
            let names = CheckedNames::new(Guarded::AllNames, &[allowed.to_owned()]);
            match names.resolve("localhost".parse().unwrap()).await {
                Ok(mut addresses) => assert!(passes && addresses.all(|address| address.ip().is_loopback()), "{allowed}"),
                Err(error) => {
                    let refused = PrivateAddress("localhost".to_owned());
                    assert!(!passes && error.downcast_ref() == Some(&refused), "{allowed}: {error:?}");
                }
            }
        }
    }
}
