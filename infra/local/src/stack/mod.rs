//! The local stack: everything started in order, and stopped in the opposite one.
//!
//! `options` owns what can be chosen, `installation` what the functions are handed, `salesforce` the org that they speak
//! to, `callers` what calls the functions by itself.

mod callers;
mod installation;
mod options;
mod salesforce;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use dynoxide::Database;
use passerelle_core::{
    adapters::{
        http::{self, HttpSetupError, HttpTransport},
        platform::PlatformTransport,
        secrets::Secrets,
        state::Table,
    },
    ports::Ports,
    shell::settings::{Settings, SettingsError},
};
use salesforce_sim::{ImageError, SeedError, Sim};
use serde_json::Value;
use thiserror::Error;
use tokio::task::JoinHandle;

use callers::Callers;
pub use installation::Installation;
pub use options::{SalesforceTarget, StackOptions, Switch};
pub use salesforce::OrgAddresses;

use crate::{
    clients,
    data::{DataDirectory, DataError},
    dynamo::{self, DynamoError},
    functions::Functions,
    gateway::Gateway,
    handler::{EventFunction, InvokeError},
    lambda,
    mail::Mailbox,
    secrets::{SecretsFileError, SecretsManager},
    served::{ServeError, Stopper, listen},
    stream::{Discarded, Failures, StreamError},
};

/// Name of the state table.
pub const TABLE: &str = "passerelle-local";
/// What the secrets' names begin with.
pub const SECRET_PREFIX: &str = "passerelle/local";
/// Where a platform that is being built may have its webhook: on this machine, at any port.
pub const PLATFORM_HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];
/// From whom mail to the contacts of connections comes.
const ALERT_SENDER: &str = "passerelle@localhost";
/// How long upsert may take, as `template.yaml` has it.
pub const UPSERT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long reconcile may take, as `template.yaml` has it.
pub const RECONCILE_TIMEOUT: Duration = Duration::from_secs(90);
/// How long stopping waits for calls that have begun, before it breaks them off.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the stack did not start.
#[derive(Debug, Error)]
pub enum StackError {
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A port.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The embedded DynamoDB.
    #[error(transparent)]
    Dynamo(#[from] DynamoError),
    /// The embedded Secrets Manager.
    #[error(transparent)]
    Secrets(#[from] SecretsFileError),
    /// The stream.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The simulated org's data contradict themselves.
    #[error("The simulated org cannot be made.")]
    Seed(#[from] SeedError),
    /// The simulated org that the data directory keeps cannot be started from.
    #[error("The simulated org in {} cannot be used. Move the file away to begin with a new org.", path.display())]
    KeptOrg {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: ImageError,
    },
    /// The address of the org is none.
    #[error("The address {url} of the org is no http or https URL.")]
    SalesforceUrl {
        /// What was given.
        url: String,
    },
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The transport to Salesforce.
    #[error("The connection to Salesforce cannot be set up.")]
    Transport(#[from] HttpSetupError),
}

/// Where everything listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The HTTP API, without a slash at the end.
    pub gateway: String,
    /// The embedded DynamoDB.
    pub dynamodb: String,
    /// The embedded Secrets Manager.
    pub secrets: String,
    /// The embedded SES, whose page shows what was sent.
    pub mail: String,
    /// The embedded Lambda, which commands invoke.
    pub lambda: String,
    /// The org.
    pub salesforce: OrgAddresses,
}

/// A running stack. Dropping it stops it at once; [`Stack::shutdown`] lets calls finish.
pub struct Stack {
    addresses: Addresses,
    installation: Arc<Installation>,
    functions: Functions,
    upsert: EventFunction,
    reconcile: EventFunction,
    database: Database,
    org: Option<Sim>,
    mailbox: Mailbox,
    secrets: SecretsManager,
    failures: Failures,
    stoppers: Stoppers,
    tasks: Tasks,
    // Last, so that everything that writes is gone before the lock is.
    _data: Option<DataDirectory>,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// What calls the functions stops before what they call.
struct Stoppers {
    callers: Stopper,
    services: Stopper,
}

#[derive(Default)]
struct Tasks {
    callers: Vec<JoinHandle<()>>,
    services: Vec<JoinHandle<()>>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.callers.iter().chain(&self.services).for_each(JoinHandle::abort);
    }
}

impl Stack {
    /// Starts everything, on loopback addresses only. `functions` is called once, with what the functions are handed.
    ///
    /// # Errors
    /// When a port is taken, the data directory is in use or cannot be read, or the org cannot be made. Nothing is left
    /// running then.
    pub async fn start(options: StackOptions, functions: impl FnOnce(&Arc<Installation>) -> Functions) -> Result<Self, StackError> {
        let data = options.data.as_deref().map(DataDirectory::open).transpose()?;
        let (callers, calling) = Stopper::new();
        let (services, serving) = Stopper::new();
        let mut tasks = Tasks::default();

        let database = dynamo::open(data.as_ref().map(DataDirectory::database).as_deref())?;
        dynamo::create_table(&database, TABLE)?;
        let secrets_manager = open_secrets(data.as_ref(), &options)?;
        let (listener, address) = listen("the embedded DynamoDB", options.dynamodb_port).await?;
        tasks.services.push(dynamo::serve(listener, database.clone(), &serving));
        let dynamodb = format!("http://{address}");
        let (listener, address) = listen("the embedded Secrets Manager", options.secrets_port).await?;
        tasks.services.push(secrets_manager.serve(listener, &serving));
        let secrets = format!("http://{address}");
        let mailbox = Mailbox::new(Arc::clone(&options.clock), Arc::clone(&options.ids));
        let (listener, address) = listen("the embedded SES", options.mail_port).await?;
        tasks.services.push(mailbox.serve(listener, &serving));
        let mail = format!("http://{address}");
        let (lambda_listener, address) = listen("the embedded Lambda", options.lambda_port).await?;
        let lambda = format!("http://{address}");
        let (gateway_listener, address) = listen("the HTTP API", options.gateway_port).await?;
        // Salesforce allows http for this name alone, so callbacks must use it.
        let gateway = format!("http://localhost:{}", address.port());
        let org = salesforce::start(&options, data.as_ref().map(DataDirectory::org), &gateway, &serving).await?;
        tasks.services.extend(org.task);
        let addresses = Addresses { gateway, dynamodb, secrets, mail, lambda, salesforce: org.addresses };

        let installation = install(&options, &addresses, &org.allowed)?;
        let functions = functions(&installation);
        let function = |handler: &_, timeout| EventFunction::new(Arc::clone(handler), Arc::clone(&options.clock), timeout);
        let upsert = function(&functions.upsert, UPSERT_TIMEOUT);
        let reconcile = function(&functions.reconcile, RECONCILE_TIMEOUT);

        let gateway = Gateway::new(functions.routes.clone(), Arc::clone(&options.clock), Arc::clone(&options.ids));
        tasks.callers.push(gateway.serve(gateway_listener, &calling));
        tasks.callers.push(lambda::serve(lambda_listener, [(lambda::RECONCILE, reconcile.clone())].into(), &calling));
        let calls = Callers { options: &options, database: &database, upsert: &upsert, reconcile: &reconcile, stop: &calling };
        let failures = calls.start_stream(data.as_ref(), &mut tasks.callers)?;
        calls.start_schedules(&mut tasks.callers);
        let stoppers = Stoppers { callers, services };
        let (org, _data) = (org.sim, data);
        let secrets = secrets_manager;
        Ok(Self { addresses, installation, functions, upsert, reconcile, database, org, mailbox, secrets, failures, stoppers, tasks, _data })
    }

    /// Where everything listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What the functions are handed.
    #[must_use]
    pub fn installation(&self) -> &Arc<Installation> {
        &self.installation
    }

    /// The ports of the installation, for use cases called in this process.
    #[must_use]
    pub fn ports(&self) -> Ports<'_> {
        self.installation.ports()
    }

    /// The functions, for calls in this process.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Calls upsert with one event, as a schedule would.
    ///
    /// # Errors
    /// When the function fails.
    pub async fn invoke_upsert(&self, event: Value) -> Result<Value, InvokeError> {
        self.upsert.invoke(event).await
    }

    /// Calls reconcile with one event, as a schedule would.
    ///
    /// # Errors
    /// When the function fails.
    pub async fn invoke_reconcile(&self, event: Value) -> Result<Value, InvokeError> {
        self.reconcile.invoke(event).await
    }

    /// The embedded database itself.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The simulated org, where there is one.
    #[must_use]
    pub fn org(&self) -> Option<&Sim> {
        self.org.as_ref()
    }

    /// The embedded Secrets Manager itself.
    #[must_use]
    pub fn secrets_manager(&self) -> &SecretsManager {
        &self.secrets
    }

    /// The mail that was sent.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// The records of the stream that were given up.
    #[must_use]
    pub fn stream_failures(&self) -> Vec<Discarded> {
        self.failures.list()
    }

    /// Stops everything: first what calls the functions, then what they call. Calls that have begun have five seconds.
    pub async fn shutdown(mut self) {
        self.stoppers.callers.stop();
        finish(&mut self.tasks.callers).await;
        self.stoppers.services.stop();
        finish(&mut self.tasks.services).await;
    }
}

async fn finish(tasks: &mut Vec<JoinHandle<()>>) {
    let end = tokio::time::Instant::now() + PATIENCE;
    for mut task in tasks.drain(..) {
        if tokio::time::timeout_at(end, &mut task).await.is_err() {
            task.abort();
            // So that what the task held is given back before this returns.
            let _ = task.await;
        }
    }
}

fn open_secrets(data: Option<&DataDirectory>, options: &StackOptions) -> Result<SecretsManager, SecretsFileError> {
    let (clock, ids) = (Arc::clone(&options.clock), Arc::clone(&options.ids));
    match data {
        Some(data) => SecretsManager::open(&data.secrets(), clock, ids),
        None => Ok(SecretsManager::memory(clock, ids)),
    }
}

/// The settings come through the variables that the functions read in AWS, so that both are read alike.
fn install(options: &StackOptions, addresses: &Addresses, allowed: &[String]) -> Result<Arc<Installation>, StackError> {
    let allowed = allowed.join(",");
    let settings = Settings::read(|name| match name {
        "PASSERELLE_TABLE" => Some(TABLE.to_owned()),
        "PASSERELLE_SECRET_PREFIX" => Some(SECRET_PREFIX.to_owned()),
        "PASSERELLE_PUBLIC_URL" => Some(options.public_url.clone().unwrap_or_else(|| addresses.gateway.clone())),
        "PASSERELLE_ALLOWED_HOSTS" => Some(allowed.clone()),
        "PASSERELLE_PLATFORM_HOSTS" => Some(PLATFORM_HOSTS.join(",")),
        "PASSERELLE_ALERT_SENDER" => Some(ALERT_SENDER.to_owned()),
        _ => None,
    })?;
    let http = http::client(&settings.allowed_hosts)?;
    let (dynamodb, secrets) = clients::connect(&http, &addresses.dynamodb, &addresses.secrets);
    let mail = clients::mailer(&http, &addresses.mail, settings.alert_sender.clone());
    Ok(Arc::new(Installation {
        clock: Arc::clone(&options.clock),
        ids: Arc::clone(&options.ids),
        table: Table::new(dynamodb.clone(), &settings.table),
        secrets: Secrets::new(secrets.clone(), &settings.secret_prefix),
        transport: Arc::new(HttpTransport::new(http, &settings.allowed_hosts)),
        platform: Arc::new(PlatformTransport::new(&settings.platform_hosts)),
        mail,
        settings,
        dynamodb,
        secrets_manager: secrets,
    }))
}
