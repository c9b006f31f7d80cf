//! The token broker: sessions with orgs, and one refresh at a time per connection.
//!
//! The table's pointer names the version of the secret that counts; readers ask for that version and never for the current
//! one. Whoever writes the secret holds the pointer's lease. New tokens are stored before they are used.

mod alive;
mod ask;
mod cache;
mod certificate;
mod credentials;
mod keeper;
mod keys;
mod refresh;

use std::{fmt, sync::Arc};

use secrecy::SecretString;
use thiserror::Error;

pub use alive::{QUIET, keep_alive};
pub use cache::SessionCache;
pub use certificate::certificate_until;
pub use credentials::Credentials;
pub use keeper::{give_up, rewrite};
pub use keys::{KeyError, SigningKey, add_key, retire_key};
pub use refresh::{Renewals, refresh};

pub(in crate::app) use self::{
    ask::{Ask, Asked},
    keys::First,
};

use self::cache::Held;
use crate::{
    adapters::{
        salesforce::{ApiVersion, ApiVersionError, Class, Org, client::Meter, oauth::OAuthError},
        secrets::SecretError,
        state::StateError,
    },
    domain::{config::Document, ids::ConnectionId},
    ports::Ports,
};

/// Why there is no session.
#[derive(Debug, Error)]
pub enum TokenError {
    /// Nobody has connected an org yet.
    #[error("the connection has no org yet")]
    NotConnected,
    /// The org's grant is gone: somebody has to connect again. `cause` is Salesforce's code or our name for its text
    /// ([`OAuthError::cause`]), or one of `rotation_lost`, `organization_changed`, `signature_wrong`, `identity_wrong`, `host_refused`,
    /// `no_consumer_secret`, `no_certificate`.
    #[error("the org's grant is gone: {cause}")]
    Broken {
        /// A stable code.
        cause: String,
    },
    /// Somebody else has been refreshing for too long.
    #[error("another refresh of the same connection is under way")]
    Busy,
    /// Secrets Manager does not show the version yet that the table names.
    #[error("the current version of the connection's secret is not visible yet")]
    NotVisible,
    /// The secret is not what Passerelle writes.
    #[error("the connection's secret cannot be read")]
    Unreadable,
    /// The state table.
    #[error("the token's pointer could not be read or written")]
    State(#[from] StateError),
    /// The secret store.
    #[error("the connection's secret could not be read or written")]
    Secret(#[from] SecretError),
    /// Sign-in failed in a way that passes, or that is our fault.
    #[error("sign-in to Salesforce failed")]
    SignIn(#[source] OAuthError),
    /// The document cannot be used.
    #[error("the configuration names no usable API version")]
    ApiVersion(#[from] ApiVersionError),
}

impl TokenError {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NotConnected => "not_connected",
            Self::Broken { cause } => cause,
            Self::Busy => "refresh_busy",
            Self::NotVisible => "secret_not_visible",
            Self::Unreadable => "secret_unreadable",
            Self::State(_) => "state_failed",
            Self::Secret(_) => "secret_store_failed",
            Self::SignIn(error) => error.code(),
            Self::ApiVersion(_) => "api_version_wrong",
        }
    }

    /// What is to be done.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::NotConnected | Self::Broken { .. } | Self::Unreadable => Class::Reauthorise,
            Self::Busy | Self::NotVisible | Self::Secret(_) => Class::Retry { after: None },
            Self::State(StateError::Unavailable { .. } | StateError::Conflict { .. }) => Class::Retry { after: None },
            Self::State(_) => Class::Bug,
            Self::SignIn(error) => error.class(),
            Self::ApiVersion(_) => Class::Park,
        }
    }
}

/// The right to call one org, as of one moment.
pub struct Session<'a> {
    /// The org.
    pub org: Org<'a>,
    generation: u64,
    credentials: Arc<Credentials>,
    origin: Origin,
}

/// Where a session comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// It was there.
    Kept,
    /// Salesforce was just asked for it.
    Asked,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("org", &self.org).field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    fn open(ports: Ports<'a>, document: &Document, held: &Held, meter: Arc<Meter>) -> Result<Self, TokenError> {
        let version = ApiVersion::parse(&document.salesforce.api_version)?;
        let credentials = &held.credentials;
        let (Some(instance), Some(token)) = (credentials.instance_url.as_deref(), credentials.access_token.clone()) else {
            return Err(TokenError::NotConnected);
        };
        let org = Org::new(ports.transport, instance, token, version, meter);
        Ok(Self { org, generation: held.generation, credentials: Arc::clone(credentials), origin: Origin::Kept })
    }

    /// Which stored version of the secret this is, or is a younger access token of.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The id of the user who approved, as text; what Passerelle writes is last modified by them.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.credentials.user_id.as_deref()
    }

    /// The org's id.
    #[must_use]
    pub fn organization_id(&self) -> Option<&str> {
        self.credentials.organization_id.as_deref()
    }
}

/// A session with the connection's org. The token may have run out: then the first call is refused with
/// [`Class::Reauthorise`], and [`refresh`] gives another session, once.
///
/// # Errors
/// See [`TokenError`]; [`TokenError::NotConnected`] where nobody has connected an org.
pub async fn load_session<'a>(
    ports: Ports<'a>,
    cache: &SessionCache,
    document: &Document,
    connection: &ConnectionId,
) -> Result<Session<'a>, TokenError> {
    load(ports, cache, document, connection, Arc::default()).await
}

async fn load<'a>(
    ports: Ports<'a>,
    cache: &SessionCache,
    document: &Document,
    connection: &ConnectionId,
    meter: Arc<Meter>,
) -> Result<Session<'a>, TokenError> {
    let pointer = ports.table.load_token(connection).await?;
    let version = pointer.version.as_deref().ok_or(TokenError::NotConnected)?;
    if let Some(held) = cache.of_generation(connection, pointer.generation) {
        return Session::open(ports, document, &held, meter);
    }
    let credentials = keeper::read_version(ports, connection, version).await?;
    let held = cache.keep_older(connection, Held { generation: pointer.generation, credentials: Arc::new(credentials) });
    Session::open(ports, document, &held, meter)
}

/// Stores the consumer secret that the customer was given with their app; tokens that are there already are kept.
pub async fn set_client_secret(ports: Ports<'_>, connection: &ConnectionId, secret: SecretString) -> Result<(), TokenError> {
    let change = |former: Option<Credentials>| Ok(Credentials { client_secret: Some(secret), ..former.unwrap_or_default() });
    rewrite(ports, connection, change).await.map(|_| ())
}

/// Makes the connection's secret where there is none yet, without a version. Functions have the right to read, store and delete what is there: where
/// nothing is, they are told that they may not, whoever is right, and could not say what is lacking. One
/// that is still being deleted is waited for.
pub async fn ensure_secret(ports: Ports<'_>, connection: &ConnectionId) -> Result<(), TokenError> {
    Ok(keeper::create(ports, connection).await?)
}

/// The connection's credentials as they stand; `None` where neither a consumer secret nor a key was stored.
pub async fn load_credentials(ports: Ports<'_>, connection: &ConnectionId) -> Result<Option<Credentials>, TokenError> {
    let pointer = ports.table.load_token(connection).await?;
    keeper::read_pointed(ports, connection, &pointer).await
}
