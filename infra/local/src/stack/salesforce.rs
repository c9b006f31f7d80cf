//! The org behind the stack: the simulated one on two names of one port, or a real one's address.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use passerelle_core::ports::Clock;
use salesforce_sim::{Options, Seed, Sim};
use tokio::task::JoinHandle;
use url::Url;

use super::{SalesforceTarget, StackError, StackOptions};
use crate::served::{Stop, listen};

/// Where the org is reached, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgAddresses {
    /// The host that authorises.
    pub login: String,
    /// The host of the data, where it is known before connecting.
    pub instance: Option<String>,
}

pub(super) struct Org {
    pub addresses: OrgAddresses,
    /// Hosts that may be called though they are not under a Salesforce domain.
    pub allowed: Vec<String>,
    pub sim: Option<Sim>,
    pub task: Option<JoinHandle<()>>,
}

/// Starts the simulated org, or reads the address of a real one.
pub(super) async fn start(options: &StackOptions, kept: Option<PathBuf>, gateway: &str, stop: &Stop) -> Result<Org, StackError> {
    match &options.salesforce {
        SalesforceTarget::Simulated { port } => simulated(options, *port, kept, gateway, stop).await,
        SalesforceTarget::Real(url) => real(url),
    }
}

async fn simulated(options: &StackOptions, port: u16, kept: Option<PathBuf>, gateway: &str, stop: &Stop) -> Result<Org, StackError> {
    let (listener, address) = listen("the simulated org", port).await?;
    // Two names of the same address, so that the code must keep login host and instance host apart as with a real org.
    let (login, instance) = (format!("localhost:{}", address.port()), address.to_string());
    let addresses = OrgAddresses { login: format!("http://{login}"), instance: Some(format!("http://{instance}")) };
    let public = options.public_url.as_deref().unwrap_or(gateway);
    let setup = Options {
        clock: Arc::new(OrgClock(Arc::clone(&options.clock))),
        login_url: addresses.login.clone(),
        instance_url: format!("http://{instance}"),
        ..Options::default()
    };
    let sim = open(kept.as_deref(), (options.seed)(public), setup)?;
    let (serving, asked) = (sim.clone(), stop.asked());
    let task = tokio::spawn(async move {
        tokio::select! {
            served = serving.clone().serve(listener) => if let Err(error) = served {
                tracing::error!(%error, "the simulated org stopped serving");
            },
            () = keep(&serving, kept.as_deref()) => {}
            () = asked => {}
        }
        if let Some(path) = &kept
            && let Err(error) = serving.save_to(path)
        {
            tracing::error!(%error, "the simulated org cannot be saved");
        }
    });
    Ok(Org { addresses, allowed: vec![login, instance], sim: Some(sim), task: Some(task) })
}

/// Starts from the kept org, or from the seed where there is none. The apps are always the seed's: their callback URLs
/// follow the address of this stack.
fn open(kept: Option<&Path>, seed: Seed, setup: Options) -> Result<Sim, StackError> {
    let Some(path) = kept.filter(|path| path.exists()) else {
        return Ok(Sim::new(seed, setup)?);
    };
    let sim = Sim::load_from(path, setup).map_err(|source| StackError::KeptOrg { path: path.to_owned(), source })?;
    for app in seed.apps {
        sim.control().register_app(app);
    }
    Ok(sim)
}

/// Saves the org again and again. A failure costs what a crash would lose, not the stack.
async fn keep(sim: &Sim, kept: Option<&Path>) {
    if let Some(path) = kept {
        let error = sim.keep(path).await;
        tracing::error!(%error, "the simulated org cannot be saved; it is lost when this process ends");
    }
    std::future::pending().await
}

fn real(given: &str) -> Result<Org, StackError> {
    let malformed = || StackError::SalesforceUrl { url: given.to_owned() };
    let url = Url::parse(given).map_err(|_| malformed())?;
    let host = url.host_str().ok_or_else(malformed)?;
    let allowed = match url.scheme() {
        // Whether the host is Salesforce's is for the transport to judge.
        "https" => Vec::new(),
        // Somebody's own simulated org. One on this machine tells login from instance by the two names of the machine.
        "http" => {
            let names = if host == "localhost" { vec!["localhost", "127.0.0.1"] } else { vec![host] };
            // What is not this machine must be named with its scheme to be called without TLS.
            let named = |name: &str| url.port().map_or_else(|| format!("http://{name}"), |port| format!("http://{name}:{port}"));
            names.into_iter().map(named).collect()
        }
        _ => return Err(malformed()),
    };
    let login = given.trim_end_matches('/').to_owned();
    Ok(Org { addresses: OrgAddresses { login, instance: None }, allowed, sim: None, task: None })
}

/// The stack's clock as the org's, so that both agree in a test that sets the time.
struct OrgClock(Arc<dyn Clock>);

impl salesforce_sim::Clock for OrgClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_plain_http_opens_a_host() {
        type Opened = (&'static str, &'static [&'static str]);
        let cases: &[(&str, Option<Opened>)] = &[
            ("https://login.salesforce.com/", Some(("https://login.salesforce.com", &[]))),
            ("http://localhost:9090", Some(("http://localhost:9090", &["http://localhost:9090", "http://127.0.0.1:9090"]))),
            ("http://org.local/", Some(("http://org.local", &["http://org.local"]))),
            ("login.salesforce.com", None),
            ("ftp://login.salesforce.com", None),
        ];
        for (url, want) in cases {
            let org = real(url).ok();
            let found = org.as_ref().map(|org| (org.addresses.login.as_str(), org.allowed.iter().map(String::as_str).collect::<Vec<_>>()));
            assert_eq!(found, want.map(|(login, allowed)| (login, allowed.to_vec())), "{url}");
        }
    }
}
