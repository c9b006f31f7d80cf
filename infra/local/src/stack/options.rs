//! What can be chosen about a stack, with the defaults of an interactive one.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use passerelle_core::{
    adapters::system::{RandomIds, SystemClock},
    ports::{Clock, Ids},
};
use salesforce_sim::Seed;

use crate::stream::StreamOptions;

/// How often expired items are removed. DynamoDB itself takes up to days.
pub(super) const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// The org that the stack speaks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalesforceTarget {
    /// A simulated one, started with the stack.
    Simulated {
        /// Its port; 0 takes a free one.
        port: u16,
    },
    /// One that runs elsewhere.
    Real(String),
}

/// Makes the simulated org's data, given the public address of the HTTP API (for the callback URLs of its apps).
pub type MakeSeed = Arc<dyn Fn(&str) -> Seed + Send + Sync>;

/// What can be chosen about a stack.
#[derive(Clone)]
pub struct StackOptions {
    /// The directory that keeps the state. Default: none, and all is forgotten at the end.
    pub data: Option<PathBuf>,
    /// Port of the HTTP API. Default: 8000. For this and the other ports, 0 takes a free one.
    pub gateway_port: u16,
    /// Port of the embedded DynamoDB. Default: 0.
    pub dynamodb_port: u16,
    /// Port of the embedded Secrets Manager. Default: 0.
    pub secrets_port: u16,
    /// Port of the embedded SES. Default: 0.
    pub mail_port: u16,
    /// Port of the embedded Lambda. Default: 0.
    pub lambda_port: u16,
    /// Base address of the HTTP API as browsers see it. Default: `http://localhost:PORT`.
    pub public_url: Option<String>,
    /// The org. Default: a simulated one on port 8080.
    pub salesforce: SalesforceTarget,
    /// The simulated org's data. Default: the demonstration org. Where the data directory keeps an org, that one is
    /// started from instead, and only the apps are taken from here.
    pub seed: MakeSeed,
    /// Whether the table's stream calls upsert. Default: on. Without it the sweep alone finds new events.
    pub stream: Switch,
    /// How the stream is read. Default: a window of 50 ms, else as `template.yaml` has it. The checkpoint is set by the
    /// data directory.
    pub stream_options: StreamOptions,
    /// Time between two sweeps. Default: a minute. None: no sweeps.
    pub sweep_interval: Option<Duration>,
    /// Time between two calls of reconcile. Default: an hour. None: no calls.
    pub reconcile_interval: Option<Duration>,
    /// The present moment. Default: the machine's clock.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids. Default: random ones.
    pub ids: Arc<dyn Ids>,
}

impl Default for StackOptions {
    fn default() -> Self {
        let stream_options =
            StreamOptions { window: Duration::from_millis(50), poll_interval: Duration::from_millis(100), ..StreamOptions::default() };
        Self {
            data: None,
            gateway_port: 8000,
            dynamodb_port: 0,
            secrets_port: 0,
            mail_port: 0,
            lambda_port: 0,
            public_url: None,
            salesforce: SalesforceTarget::Simulated { port: 8080 },
            seed: Arc::new(|_| Seed::demo()),
            stream: Switch::On,
            stream_options,
            sweep_interval: Some(Duration::from_secs(60)),
            reconcile_interval: Some(Duration::from_secs(300)),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        }
    }
}

impl fmt::Debug for StackOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackOptions").field("data", &self.data).field("salesforce", &self.salesforce).finish_non_exhaustive()
    }
}
