//! HTTP to the platform: any host with a public address, by https and its name. Its address comes from a document, so nothing within our own
//! network may be reached by it, whatever a name resolves to.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use reqwest::Client;
use thiserror::Error;
use url::{Host, Url};

use super::{
    address::{CheckedNames, Guarded},
    http::{builder, exchange},
};
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
            let names = CheckedNames::new(Guarded::AllNames, &self.allowed_hosts);
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::adapters::address::{
        PrivateAddress,
        tests::{NOT_PUBLIC, refused},
    };

    const LONG: Duration = Duration::from_secs(30);

    fn post(url: &str) -> Request<Bytes> {
        Request::post(url).body(Bytes::new()).unwrap()
    }

    /// Every name, as documents give it, by the client as functions have it.
    #[tokio::test]
    async fn a_name_that_leads_to_no_public_address_means_not_sent() {
        let transport = PlatformTransport::new(&[]);
        for (label, domain) in NOT_PUBLIC.into_iter().flat_map(|label| ["example.com", "my.salesforce.com"].map(|domain| (label, domain))) {
            let host = format!("{label}.{domain}");
            let error = transport.send(post(&format!("https://{host}/hook")), LONG).await.unwrap_err();
            let TransportError::NotSent { source, .. } = error else { unreachable!("{host}") };
            assert_eq!(refused(source.as_ref()), Some(&PrivateAddress(host)));
        }
    }

    /// The witness of the test above.
    #[tokio::test]
    async fn a_name_that_the_operator_allows_leads_to_this_machine() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("ip-127-0-0-1.example.com:{}", listener.local_addr().unwrap().port());
        let transport = PlatformTransport::new(std::slice::from_ref(&host));
        let sent = tokio::spawn(async move { transport.send(post(&format!("http://{host}/hook")), LONG).await });
        // Whoever is called has been led there.
        drop(listener.accept().await.unwrap());
        assert!(matches!(sent.await.unwrap(), Err(TransportError::MaybeSent { .. })));
    }

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
}
