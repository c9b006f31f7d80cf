//! What a function's process owns: clients made once, before the first event.

use thiserror::Error;

use super::settings::{Settings, SettingsError};
use crate::{
    adapters::{
        aws::Account,
        http::{self, HttpSetupError, HttpTransport},
        mail::Ses,
        platform::PlatformTransport,
        secrets::Secrets,
        state::Table,
        system::{RandomIds, SystemClock},
    },
    ports::Ports,
};

/// The real world, ready for use.
#[derive(Debug)]
pub struct World {
    clock: SystemClock,
    ids: RandomIds,
    table: Table,
    secrets: Secrets,
    transport: HttpTransport,
    platform: PlatformTransport,
    mail: Ses,
    settings: Settings,
}

/// A process that cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
}

impl World {
    /// Reads the environment, starts logging, makes the clients.
    pub fn start() -> Result<Self, StartError> {
        super::telemetry::start(std::io::stdout);
        let settings = Settings::from_env()?;
        let http = http::client(&settings.allowed_hosts)?;
        let account = Account::read(|name| std::env::var(name).ok());
        let mail = Ses::new(account.clone(), http.clone(), settings.alert_sender.clone());
        let (dynamodb, secretsmanager) = account.connect(&http);
        Ok(Self { mail, ..Self::new(settings, http, dynamodb, secretsmanager) })
    }

    /// The world behind these clients, which sends no mail.
    pub fn new(
        settings: Settings,
        http: reqwest::Client,
        dynamodb: aws_sdk_dynamodb::Client,
        secretsmanager: aws_sdk_secretsmanager::Client,
    ) -> Self {
        Self {
            clock: SystemClock,
            ids: RandomIds,
            table: Table::new(dynamodb, &settings.table),
            secrets: Secrets::new(secretsmanager, &settings.secret_prefix).sealed_with(settings.secrets_key.clone()),
            transport: HttpTransport::new(http, &settings.allowed_hosts),
            platform: PlatformTransport::new(&settings.platform_hosts),
            mail: Ses::silent(),
            settings,
        }
    }

    /// The same, which calls no org: whoever lives in it has a function do that.
    #[must_use]
    pub fn calling_no_org(self) -> Self {
        Self { transport: HttpTransport::silent(), ..self }
    }

    /// The ports of this world.
    #[must_use]
    pub fn ports(&self) -> Ports<'_> {
        Ports {
            clock: &self.clock,
            ids: &self.ids,
            table: &self.table,
            secrets: &self.secrets,
            transport: &self.transport,
            platform: &self.platform,
            mail: &self.mail,
            settings: &self.settings,
        }
    }
}
