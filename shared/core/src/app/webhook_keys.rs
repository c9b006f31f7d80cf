//! The signing keys of a connection's webhook: one at rest, two while the platform changes over.
//!
//! Intake takes what is signed with either, and deliveries are signed with both, so nobody has to change at the same moment.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::configure::{WebhookKeys, fresh_version, webhook_keys};
use crate::{
    adapters::{
        secrets::{SecretError, SecretKind},
        state::StateError,
    },
    domain::ids::ConnectionId,
    ports::Ports,
};

/// Why keys were left as they are.
#[derive(Debug, Error)]
pub enum WebhookKeyError {
    /// There is no such connection.
    #[error("There is no connection called {0}. Apply its configuration first.")]
    Unknown(ConnectionId),
    /// There are two already.
    #[error("There are two keys already. Retire the old one when the platform signs with the new one; if nobody has the new one, make it again.")]
    TwoAlready,
    /// There is one only.
    #[error("There is one key only, so none is to be retired. Rotate first.")]
    OneOnly,
    /// The state table.
    #[error("the connection could not be read")]
    State(#[from] StateError),
    /// The secret store.
    #[error("the webhook's keys could not be read or stored")]
    Secret(#[from] SecretError),
}

impl WebhookKeyError {
    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown_connection",
            Self::TwoAlready => "two_webhook_keys",
            Self::OneOnly => "one_webhook_key",
            Self::State(_) => "state_failed",
            Self::Secret(_) => "secret_store_failed",
        }
    }
}

/// What to do where there are two keys already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// The newer one is in use somewhere: nothing.
    No,
    /// Nobody has noted the newer one down: another takes its place.
    Yes,
}

/// Makes a key beside the one that there is, and answers it; it is shown this once. Connections of the same source that share the present key
/// get the new one as well, since one signature serves them all.
pub async fn rotate(ports: Ports<'_>, connection: &ConnectionId, again: Again) -> Result<SecretString, WebhookKeyError> {
    let keys = webhook_keys(ports, connection).await?;
    let present = match (keys.as_slice(), again) {
        ([present], _) | ([_, present, ..], Again::Yes) => present.expose_secret().to_owned(),
        ([], _) => return Err(WebhookKeyError::OneOnly),
        (_, Again::No) => return Err(WebhookKeyError::TwoAlready),
    };
    let new = fresh(ports);
    let next = WebhookKeys { keys: vec![new.expose_secret().to_owned(), present.clone()] };
    for sharing in sharing(ports, connection, &present).await? {
        store(ports, &sharing, &next).await?;
    }
    // Last: whoever died before begins anew, with whatever the others have.
    store(ports, connection, &next).await?;
    tracing::info!(connection.id = %connection, "webhook key rotated");
    Ok(new)
}

/// Takes the old key away, here and wherever both are shared. Answers how many connections it is gone from.
pub async fn retire(ports: Ports<'_>, connection: &ConnectionId) -> Result<usize, WebhookKeyError> {
    let keys = webhook_keys(ports, connection).await?;
    let [newest, _, ..] = keys.as_slice() else { return Err(WebhookKeyError::OneOnly) };
    let next = WebhookKeys { keys: vec![newest.expose_secret().to_owned()] };
    let mut all = sharing(ports, connection, newest.expose_secret()).await?;
    all.push(connection.clone());
    for sharing in &all {
        store(ports, sharing, &next).await?;
    }
    tracing::info!(connection.id = %connection, "webhook key retired");
    Ok(all.len())
}

/// A key that nobody can guess, as Standard Webhooks writes them.
pub(super) fn fresh(ports: Ports<'_>) -> SecretString {
    format!("whsec_{}", STANDARD.encode(ports.ids.secret_bytes())).into()
}

/// The other connections of the same source that have this key.
async fn sharing(ports: Ports<'_>, connection: &ConnectionId, key: &str) -> Result<Vec<ConnectionId>, WebhookKeyError> {
    let meta = ports.table.load_meta(connection).await?.ok_or_else(|| WebhookKeyError::Unknown(connection.clone()))?;
    let source = ports.table.load_source(&meta.source).await?.unwrap_or_default();
    let mut found = Vec::new();
    for other in source.connections.into_iter().filter(|other| other != connection) {
        if webhook_keys(ports, &other).await?.iter().any(|theirs| theirs.expose_secret() == key) {
            found.push(other);
        }
    }
    Ok(found)
}

async fn store(ports: Ports<'_>, connection: &ConnectionId, keys: &WebhookKeys) -> Result<(), SecretError> {
    let text: SecretString = serde_json::to_string(keys).unwrap_or_default().into();
    ports.secrets.store(connection, SecretKind::Webhook, &fresh_version(ports), &text).await
}
