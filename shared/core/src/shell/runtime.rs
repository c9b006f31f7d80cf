//! What a function's process owns: clients made once, before the first event.

use thiserror::Error;

use super::settings::{Settings, SettingsError};
use crate::{
    adapters::{
        http::HttpTransport,
        secrets::Secrets,
        state::Table,
        system::{RandomIds, SystemClock},
    },
    ports::{Cause, Ports},
};

/// The real world, ready for use.
#[derive(Debug)]
pub struct World {
    clock: SystemClock,
    ids: RandomIds,
    table: Table,
    secrets: Secrets,
    transport: HttpTransport,
    settings: Settings,
}

/// A process that cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The HTTP client.
    #[error("the HTTP client could not be made")]
    Http(#[source] Cause),
}

impl World {
    /// Reads the environment, starts logging, makes the clients.
    pub async fn start() -> Result<Self, StartError> {
        super::telemetry::start(std::io::stdout);
        let settings = Settings::from_env()?;
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        Self::new(settings, aws_sdk_dynamodb::Client::new(&aws), aws_sdk_secretsmanager::Client::new(&aws))
    }

    /// The world behind these clients.
    pub fn new(settings: Settings, dynamodb: aws_sdk_dynamodb::Client, secretsmanager: aws_sdk_secretsmanager::Client) -> Result<Self, StartError> {
        Ok(Self {
            clock: SystemClock,
            ids: RandomIds,
            table: Table::new(dynamodb, &settings.table),
            secrets: Secrets::new(secretsmanager, &settings.secret_prefix),
            transport: HttpTransport::new(&settings.allowed_hosts).map_err(|error| StartError::Http(error.into()))?,
            settings,
        })
    }

    /// The ports of this world.
    #[must_use]
    pub fn ports(&self) -> Ports<'_> {
        Ports { clock: &self.clock, ids: &self.ids, table: &self.table, secrets: &self.secrets, transport: &self.transport, settings: &self.settings }
    }
}
