//! What the use cases ask of the world. One trait per need; the adapters and the tests implement them.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use thiserror::Error;

/// The present moment.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;

    /// Waits; simulated clocks need not really wait.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// Fresh identifiers and randomness.
pub trait Ids: Send + Sync {
    /// A new unique id: 1 to 64 visible ASCII characters, sortable by time of creation where possible.
    fn fresh(&self) -> String;

    /// 32 bytes nobody can guess, for states, verifiers and tickets.
    fn secret_bytes(&self) -> [u8; 32];
}

/// A future behind a pointer, so that ports can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one HTTP request. Follows no redirect and repeats nothing.
pub trait Transport: Send + Sync {
    /// Guarantee: `NotSent` means that the server cannot have acted on the request.
    fn send(&self, request: http::Request<Bytes>, timeout: Duration) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>>;
}

/// Why an HTTP request got no answer. The split decides whether a repeat must look first.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The connection could not be made, or the address is not allowed: nothing has reached the server.
    #[error("the request could not be sent to {host}")]
    NotSent {
        /// The host that was called.
        host: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The connection broke or the time ran out after sending began: the server may or may not have acted.
    #[error("the answer of {host} did not arrive")]
    MaybeSent {
        /// The host that was called.
        host: String,
        /// The cause.
        #[source]
        source: Cause,
    },
}

/// A cause of any type, kept for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error with all the causes behind it, in one line.
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(error.source(), |cause| cause.source());
    chain.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A mail to people.
#[derive(Clone)]
pub struct Mail {
    /// Their addresses.
    pub to: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("to", &self.to.len()).finish_non_exhaustive()
    }
}

/// Sends mail.
pub trait Mailer: Send + Sync {
    /// Sends one mail to all of its addresses. It may have been sent where this fails with [`MailError::Unavailable`].
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), MailError>>;
}

/// Why a mail was not sent.
#[derive(Debug, Error)]
pub enum MailError {
    /// The operator has named no address that mail is sent from.
    #[error("no sender of alerts is set")]
    NoSender,
    /// The service refuses the mail.
    #[error("the mail was refused: {code}")]
    Refused {
        /// The service's code.
        code: String,
    },
    /// The service cannot be reached.
    #[error("the mail service cannot be reached")]
    Unavailable {
        /// The cause.
        #[source]
        source: Cause,
    },
}

/// Everything a use case may touch, handed in by reference.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The present moment.
    pub clock: &'a dyn Clock,
    /// Fresh ids and randomness.
    pub ids: &'a dyn Ids,
    /// The state table.
    pub table: &'a crate::adapters::state::Table,
    /// The secret store.
    pub secrets: &'a crate::adapters::secrets::Secrets,
    /// HTTP to Salesforce.
    pub transport: &'a dyn Transport,
    /// HTTP to the platform, whose address a document names.
    pub platform: &'a dyn Transport,
    /// Mail to the contacts of connections.
    pub mail: &'a dyn Mailer,
    /// What the operator set for this installation.
    pub settings: &'a crate::shell::settings::Settings,
}

impl fmt::Debug for Ports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ports")
    }
}
