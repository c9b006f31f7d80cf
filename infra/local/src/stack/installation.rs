//! What the functions are handed: the owner behind [`Ports`].

use std::{fmt, sync::Arc};

use passerelle_core::{
    adapters::{mail::Ses, secrets::Secrets, state::Table},
    ports::{Clock, Ids, Ports, Transport},
    shell::settings::Settings,
};

/// Everything that [`Ports`] borrows, and the clients under it.
pub struct Installation {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) table: Table,
    pub(super) secrets: Secrets,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) platform: Arc<dyn Transport>,
    pub(super) mail: Ses,
    pub(super) settings: Settings,
    pub(super) dynamodb: aws_sdk_dynamodb::Client,
    pub(super) secrets_manager: aws_sdk_secretsmanager::Client,
}

impl Installation {
    /// The ports of this installation.
    #[must_use]
    pub fn ports(&self) -> Ports<'_> {
        Ports {
            clock: &*self.clock,
            ids: &*self.ids,
            table: &self.table,
            secrets: &self.secrets,
            transport: &*self.transport,
            platform: &*self.platform,
            mail: &self.mail,
            settings: &self.settings,
        }
    }

    /// The installation's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A client of the embedded DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }

    /// A client of the embedded Secrets Manager.
    #[must_use]
    pub fn secrets_manager(&self) -> &aws_sdk_secretsmanager::Client {
        &self.secrets_manager
    }
}

impl fmt::Debug for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Installation")
    }
}
