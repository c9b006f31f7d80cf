//! Secrets Manager: up to three secrets per connection, read by version where it matters.
//!
//! `{prefix}/{connection}/webhook` is all that intake may read; `{prefix}/{connection}/salesforce` holds the consumer
//! secret and the tokens, `{prefix}/{connection}/platform` what signs in to the platform's API. Secrets Manager is eventually consistent, so whoever needs a certain version asks for it by
//! its id and never for "current".

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata, error::SdkError};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::{domain::ids::ConnectionId, ports::Cause};

/// Which of a connection's secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The signing keys of the webhook.
    Webhook,
    /// Consumer secret and tokens.
    Salesforce,
    /// What signs in to the platform's API.
    Platform,
}

impl SecretKind {
    fn suffix(self) -> &'static str {
        match self {
            SecretKind::Webhook => "webhook",
            SecretKind::Salesforce => "salesforce",
            SecretKind::Platform => "platform",
        }
    }
}

/// A failed call to Secrets Manager.
#[derive(Debug, Error)]
pub enum SecretError {
    /// No such secret, or not that version (yet).
    #[error("the secret {name} is not there")]
    Absent {
        /// Its name.
        name: String,
    },
    /// One of that name is still being deleted: at once, which takes a moment nevertheless, or by somebody who may still restore it.
    #[error("the secret {name} is still being deleted")]
    BeingDeleted {
        /// Its name.
        name: String,
    },
    /// Secrets Manager could not be reached or throttled us.
    #[error("the secret {name} could not be reached")]
    Unavailable {
        /// Its name.
        name: String,
        /// The cause.
        #[source]
        source: Cause,
    },
}

/// One version of a secret's text.
#[derive(Debug, Clone)]
pub struct Secret {
    /// The text, usually JSON.
    pub text: SecretString,
    /// The version's id.
    pub version: String,
}

/// The secret store of this installation. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
    prefix: String,
    key: Option<String>,
}

impl Secrets {
    /// Secrets whose names begin with `prefix`.
    #[must_use]
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, prefix: prefix.to_owned(), key: None }
    }

    /// The same, sealing new secrets with this KMS key instead of the account's own for Secrets Manager.
    #[must_use]
    pub fn sealed_with(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// The name of a connection's secret.
    #[must_use]
    pub fn name(&self, connection: &ConnectionId, kind: SecretKind) -> String {
        format!("{}/{connection}/{}", self.prefix, kind.suffix())
    }

    /// Reads the current version. May be behind a write of the last seconds.
    pub async fn read_current(&self, connection: &ConnectionId, kind: SecretKind) -> Result<Secret, SecretError> {
        self.read(connection, kind, None).await
    }

    /// Reads one version; [`SecretError::Absent`] may also mean "not visible yet".
    pub async fn read_version(&self, connection: &ConnectionId, kind: SecretKind, version: &str) -> Result<Secret, SecretError> {
        self.read(connection, kind, Some(version)).await
    }

    async fn read(&self, connection: &ConnectionId, kind: SecretKind, version: Option<&str>) -> Result<Secret, SecretError> {
        let name = self.name(connection, kind);
        let request = self.client.get_secret_value().secret_id(&name).set_version_id(version.map(str::to_owned));
        let answer = request.send().await.map_err(|e| failure(&name, e))?;
        match (answer.secret_string, answer.version_id) {
            (Some(text), Some(version)) => Ok(Secret { text: text.into(), version }),
            _ => Err(SecretError::Absent { name }),
        }
    }

    /// Stores a new version under the id `version` (32 to 64 characters), creating the secret where there is none.
    /// Repeating the call with the same id and text changes nothing.
    pub async fn store(&self, connection: &ConnectionId, kind: SecretKind, version: &str, text: &SecretString) -> Result<(), SecretError> {
        match self.put(connection, kind, version, text).await {
            Err(SecretError::Absent { .. }) => {
                self.create(connection, kind).await?;
                self.put(connection, kind, version, text).await
            }
            other => other,
        }
    }

    async fn put(&self, connection: &ConnectionId, kind: SecretKind, version: &str, text: &SecretString) -> Result<(), SecretError> {
        let name = self.name(connection, kind);
        let put = self.client.put_secret_value().secret_id(&name).client_request_token(version).secret_string(text.expose_secret());
        put.send().await.map(|_| ()).map_err(|e| failure(&name, e))
    }

    /// Deletes a secret with all its versions, at once and for good. That there is none is as good. For a moment after the answer no other of that
    /// name can be made. Source: `ForceDeleteWithoutRecovery` in the API reference of `DeleteSecret`.
    pub async fn delete(&self, connection: &ConnectionId, kind: SecretKind) -> Result<(), SecretError> {
        let name = self.name(connection, kind);
        match self.client.delete_secret().secret_id(&name).force_delete_without_recovery(true).send().await {
            Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(()),
            other => other.map(|_| ()).map_err(|e| failure(&name, e)),
        }
    }

    /// Creates the secret without a version, so that there is one way only in which a version comes to be. That there is one already is as good;
    /// one that is still being deleted is [`SecretError::BeingDeleted`].
    pub async fn create(&self, connection: &ConnectionId, kind: SecretKind) -> Result<(), SecretError> {
        let name = self.name(connection, kind);
        match self.client.create_secret().name(&name).set_kms_key_id(self.key.clone()).send().await {
            Err(error) if code(&error) == Some("ResourceExistsException") => Ok(()),
            // Of the states that this code stands for, only this one can be a new name's.
            Err(error) if code(&error) == Some("InvalidRequestException") => Err(SecretError::BeingDeleted { name }),
            other => other.map(|_| ()).map_err(|e| failure(&name, e)),
        }
    }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

fn failure<E>(name: &str, error: SdkError<E>) -> SecretError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    if code(&error) == Some("ResourceNotFoundException") {
        return SecretError::Absent { name: name.to_owned() };
    }
    SecretError::Unavailable { name: name.to_owned(), source: Box::new(error) }
}
