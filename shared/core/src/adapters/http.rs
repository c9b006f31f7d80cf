//! HTTP by reqwest: https only, no redirect, nothing repeated, every answer capped.
//!
//! Owns the split between "not sent" and "may have been sent". Refuses to know what is said; which hosts may be called
//! is [`host::check`]'s, and for the platform [`platform::check`](super::platform::check)'s.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use reqwest::{Client, ClientBuilder, redirect, retry};
use thiserror::Error;
use url::Url;

use super::{
    address::{CheckedNames, Guarded},
    roots,
    salesforce::host,
};
use crate::ports::{BoxFuture, Cause, Transport, TransportError};

/// Most bytes of an answer of Salesforce, after decompression.
pub const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Most time to make a connection, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The HTTP client could not be made: usually the machine has no root certificates.
#[derive(Debug, Error)]
#[error("the HTTP client cannot be made")]
pub struct HttpSetupError(#[source] reqwest::Error);

/// The answer is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the answer has more than {most} bytes")]
pub struct BodyTooLong {
    /// What is read at most.
    pub most: usize,
}

/// A process that calls no org was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this process calls no org")]
pub struct CallsNoOrg;

/// The transport to Salesforce.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    /// None: nobody is called.
    client: Option<Client>,
    allowed_hosts: Vec<String>,
}

/// The HTTP client of a process. Cloning it shares its connections. Names of Salesforce that are not among `allowed_hosts` lead to public
/// addresses only; AWS may be anywhere.
pub fn client(allowed_hosts: &[String]) -> Result<Client, HttpSetupError> {
    let names = CheckedNames::new(Guarded::Salesforce, allowed_hosts);
    builder().dns_resolver(Arc::new(names)).build().map_err(HttpSetupError)
}

/// What all clients have in common.
pub(super) fn builder() -> ClientBuilder {
    let client = Client::builder()
        .user_agent(concat!("passerelle/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        // A proxy of the environment would choose the address in our place.
        .no_proxy();
    match roots::tls() {
        Some(tls) => client.tls_backend_preconfigured(tls),
        None => client,
    }
}

impl HttpTransport {
    /// Calls Salesforce's hosts, and those that the operator allows besides (`Settings::allowed_hosts`).
    pub fn new(client: Client, allowed_hosts: &[String]) -> Self {
        Self { client: Some(client), allowed_hosts: allowed_hosts.to_vec() }
    }

    /// Calls nobody.
    #[must_use]
    pub const fn silent() -> Self {
        Self { client: None, allowed_hosts: Vec::new() }
    }

    async fn exchange(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, TransportError> {
        exchange(request, timeout, MAX_BODY_BYTES, |url| {
            host::check(url, &self.allowed_hosts)?;
            Ok(self.client.clone().ok_or(CallsNoOrg)?)
        })
        .await
    }
}

/// Sends a request by the client that `choose` has for its address, unless that may not be called, and reads `most` bytes of the answer.
pub(super) async fn exchange(
    request: Request<Bytes>,
    timeout: Duration,
    most: usize,
    choose: impl FnOnce(&Url) -> Result<Client, Cause>,
) -> Result<Response<Bytes>, TransportError> {
    let host = request.uri().authority().map(|a| a.host().to_owned()).unwrap_or_default();
    let not_sent = |source: Cause| TransportError::NotSent { host: host.clone(), source };
    let url = Url::parse(&request.uri().to_string()).map_err(|e| not_sent(e.into()))?;
    let client = choose(&url).map_err(not_sent)?;
    let mut request = reqwest::Request::try_from(request).map_err(|e| not_sent(e.into()))?;
    *request.timeout_mut() = Some(timeout);
    match client.execute(request).await {
        Ok(answer) => read(answer, most).await.map_err(|source| TransportError::MaybeSent { host, source }),
        Err(error) if error.is_connect() || error.is_builder() => Err(not_sent(error.without_url().into())),
        Err(error) => Err(TransportError::MaybeSent { host, source: error.without_url().into() }),
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(self.exchange(request, timeout))
    }
}

async fn read(mut answer: reqwest::Response, most: usize) -> Result<Response<Bytes>, Cause> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > most {
            return Err(BodyTooLong { most }.into());
        }
        body.extend_from_slice(&chunk);
    }
    *response.body_mut() = body.freeze();
    Ok(response)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    //! Against real sockets, because the split is a property of the HTTP stack.

    use super::*;
    use crate::adapters::address::{
        PrivateAddress,
        tests::{NOT_PUBLIC, refused},
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        task::JoinHandle,
    };

    const LONG: Duration = Duration::from_secs(30);

    async fn listener() -> (TcpListener, HttpTransport, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let transport = HttpTransport::new(client(&[]).unwrap(), std::slice::from_ref(&host));
        (listener, transport, format!("http://{host}/services/data"))
    }

    fn post(url: &str) -> Request<Bytes> {
        Request::post(url).body(Bytes::from_static(b"{}")).unwrap()
    }

    /// Accepts one connection and reads the request's head and its two bytes.
    async fn accept(listener: &TcpListener) -> (TcpStream, String) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n{}") {
            let mut chunk = [0; 1024];
            let n = stream.read(&mut chunk).await.unwrap();
            assert!(n > 0, "the client hung up early");
            seen.extend_from_slice(chunk.get(..n).unwrap());
        }
        (stream, String::from_utf8(seen).unwrap())
    }

    /// Answers one request with the given bytes and closes.
    fn serve(listener: TcpListener, answer: Vec<u8>) -> JoinHandle<String> {
        tokio::spawn(async move {
            let (mut stream, seen) = accept(&listener).await;
            // The client may hang up before it has all.
            let _ = stream.write_all(&answer).await;
            seen
        })
    }

    #[tokio::test]
    async fn a_refused_port_means_not_sent() {
        let (listener, transport, url) = listener().await;
        drop(listener);
        assert!(matches!(transport.send(post(&url), LONG).await, Err(TransportError::NotSent { host, .. }) if host == "127.0.0.1"));
    }

    #[tokio::test]
    async fn a_host_that_is_not_allowed_means_not_sent() {
        let (_listener, transport, _) = listener().await;
        for url in ["http://127.0.0.1:1/", "https://example.org/", "http://login.salesforce.com/"] {
            let error = transport.send(post(url), LONG).await.unwrap_err();
            let TransportError::NotSent { source, .. } = error else { unreachable!("{url}") };
            assert!(source.downcast_ref::<host::HostRefused>().is_some(), "{url}");
        }
    }

    /// The client as functions have it, over the system's names but for those of the test.
    #[tokio::test]
    async fn a_name_of_salesforce_that_leads_to_no_public_address_means_not_sent() {
        let transport = HttpTransport::new(client(&[]).unwrap(), &[]);
        for label in NOT_PUBLIC {
            let host = format!("{label}.my.salesforce.com");
            let error = transport.send(post(&format!("https://{host}/services/data")), LONG).await.unwrap_err();
            let TransportError::NotSent { source, .. } = error else { unreachable!("{host}") };
            assert_eq!(refused(source.as_ref()), Some(&PrivateAddress(host)));
        }
    }

    /// The witness of the test above: the same name leads to this machine where the operator allows it.
    #[tokio::test]
    async fn a_name_that_the_operator_allows_leads_to_this_machine() {
        let (listener, _, _) = listener().await;
        let host = format!("ip-127-0-0-1.my.salesforce.com:{}", listener.local_addr().unwrap().port());
        let allowed = [format!("http://{host}")];
        let transport = HttpTransport::new(client(&allowed).unwrap(), &allowed);
        let server = serve(listener, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]".to_vec());
        assert_eq!(transport.send(post(&format!("http://{host}/")), LONG).await.unwrap().status().as_u16(), 200);
        assert!(server.await.unwrap().contains(&host));
    }

    #[tokio::test]
    async fn a_server_that_reads_and_closes_may_have_acted() {
        let (listener, transport, url) = listener().await;
        let server = serve(listener, Vec::new());
        assert!(matches!(transport.send(post(&url), LONG).await, Err(TransportError::MaybeSent { .. })));
        assert!(server.await.unwrap().starts_with("POST /services/data HTTP/1.1\r\n"));
    }

    #[tokio::test]
    async fn a_server_that_reads_and_is_silent_may_have_acted() {
        let (listener, transport, url) = listener().await;
        let server = tokio::spawn(async move { accept(&listener).await });
        let error = transport.send(post(&url), Duration::from_millis(300)).await.unwrap_err();
        assert!(matches!(error, TransportError::MaybeSent { .. }), "{error:?}");
        // The connection is kept open until here.
        drop(server.await.unwrap());
    }

    #[tokio::test]
    async fn an_answer_cut_off_may_have_been_an_action() {
        let (listener, transport, url) = listener().await;
        let server = serve(listener, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}".to_vec());
        assert!(matches!(transport.send(post(&url), LONG).await, Err(TransportError::MaybeSent { .. })));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn answers_are_handed_on_and_redirects_not_followed() {
        let (listener, transport, url) = listener().await;
        let head = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\nsforce-limit-info: api-usage=1/5\r\ncontent-length: 2\r\n\r\n[]";
        let server = serve(listener, head.as_bytes().to_vec());
        let answer = transport.send(post(&url), LONG).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (302, b"[]".as_slice()));
        assert_eq!(answer.headers().get("Sforce-Limit-Info").unwrap(), "api-usage=1/5");
        let seen = server.await.unwrap().to_lowercase();
        assert!(seen.contains(concat!("user-agent: passerelle/", env!("CARGO_PKG_VERSION"))), "{seen}");
    }

    #[tokio::test]
    async fn an_endless_answer_is_given_up() {
        let (listener, transport, url) = listener().await;
        let mut answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
        answer.resize(answer.len() + MAX_BODY_BYTES + 1, b' ');
        let server = serve(listener, answer);
        let error = transport.send(post(&url), LONG).await.unwrap_err();
        let TransportError::MaybeSent { source, .. } = error else { unreachable!() };
        assert!(source.downcast_ref::<BodyTooLong>().is_some(), "{source}");
        server.await.unwrap();
    }
}
