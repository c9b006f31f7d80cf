//! "Check configuration": asks the org what the document needs to know, in two calls at most, and tells what it found.

mod gather;

use std::time::Duration;

use jiff::ToSpan;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    access::{Access, AccessError},
    configure,
    mautic::{self, PlatformError},
    schemas,
    tokens::SessionCache,
};
use crate::{
    adapters::state::StateError,
    domain::{
        budget::day,
        check::{Unreached, check_platform, evaluate, unasked_platform, unreached},
        engine::{Engine, EngineError},
        finding::{Finding, Severity},
        ids::ConnectionId,
        mapping::FieldMaps,
    },
    ports::Ports,
};

/// Why nothing could be checked.
#[derive(Debug, Error)]
pub enum CheckError {
    /// There is no such connection.
    #[error("There is no connection called {0}. Apply its configuration first.")]
    Unknown(ConnectionId),
    /// The stored configuration.
    #[error("the stored configuration cannot be used")]
    Engine(#[from] EngineError),
    /// The state table failed.
    #[error("the state table failed")]
    State(#[from] StateError),
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The configuration version that was checked.
    pub version: u64,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// API calls that it cost.
    pub api_calls: u32,
}

impl Report {
    /// Whether anything will fail.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Checks a connection's current document against its org, and against the Mautic that it names. What was described is cached and held against the lock on the way.
pub async fn verify(ports: Ports<'_>, sessions: &SessionCache, c: &ConnectionId) -> Result<Report, CheckError> {
    let engine = load_engine(ports, c).await?;
    let version = engine.version;
    let (gathered, api_calls) = match Access::open(ports, sessions, &engine).await {
        Ok(mut access) => {
            let gathered = gather::gather(&mut access, &engine).await;
            (gathered, access.spend().await?)
        }
        Err(error) => (Err(error), 0),
    };
    let (maps, of_platform) = platform(ports, &engine).await;
    let gathered = match gathered {
        Ok(gathered) => gathered,
        Err(error) => {
            let mut findings: Vec<Finding> = [unreached(&why(error)?)].into_iter().chain(of_platform).collect();
            findings.sort_by_key(|finding| finding.severity);
            return Ok(Report { version, findings, api_calls });
        }
    };
    let drift = schemas::keep(ports, &engine.document, version, engine.maps(), &gathered.described).await?;
    let mut findings = evaluate(&engine.document, &maps, &gathered.facts);
    findings.extend(of_platform);
    // What fails now is told once, whether or not it was otherwise before.
    let told: Vec<String> = findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.place.clone()).collect();
    findings.splice(0..0, drift.into_iter().filter(|problem| !told.contains(&problem.place)));
    findings.extend(ledger(ports, c).await?);
    findings.sort_by_key(|finding| finding.severity);
    tracing::info!(connection.id = %c, config.version = version, findings = findings.len(), api_calls, "configuration checked");
    Ok(Report { version, findings, api_calls })
}

/// The rules with the types that a Mautic itself tells of its fields, and what is to be said of those.
async fn platform(ports: Ports<'_>, engine: &Engine) -> (FieldMaps, Vec<Finding>) {
    let (document, maps) = (&engine.document, engine.maps());
    match mautic::attributes(ports, document).await {
        Ok(attributes) => (maps.typed(&attributes), check_platform(document, maps, &attributes)),
        Err(PlatformError::None) => (maps.clone(), Vec::new()),
        Err(error) => (maps.clone(), vec![unasked_platform(error.code())]),
    }
}

/// The days whose ledger is checked.
const LEDGER_DAYS: i64 = 3;
/// An index follows its table by less than this; what seems to be missing is counted again after it.
const INDEX_LAG: Duration = Duration::from_secs(2);

/// What is missing from the ledger of the last days.
async fn ledger(ports: Ports<'_>, c: &ConnectionId) -> Result<Vec<Finding>, StateError> {
    let mut findings = Vec::new();
    for ago in 0..LEDGER_DAYS {
        let day = day(ports.clock.now()).saturating_sub(ago.days());
        let mut found = ports.table.load_ledger(c, day).await?;
        if found.missing() > 0 {
            ports.clock.sleep(INDEX_LAG).await;
            found = ports.table.load_ledger(c, day).await?;
        }
        findings.extend(found.finding());
    }
    Ok(findings)
}

/// The connection's current document, ready for use.
pub(super) async fn load_engine(ports: Ports<'_>, c: &ConnectionId) -> Result<Engine, CheckError> {
    let (version, document) = configure::load_current(ports, c).await?.ok_or_else(|| CheckError::Unknown(c.clone()))?;
    Ok(Engine::new(document, version)?)
}

/// Why the org could not be asked; a failure of our own storage is none of its business.
pub(super) fn why(error: AccessError) -> Result<Unreached, StateError> {
    match error {
        AccessError::State(error) => Err(error),
        AccessError::Broken { code } => Ok(Unreached { code, reauthorise: true }),
        AccessError::Unavailable { code } => Ok(Unreached { code, reauthorise: false }),
        AccessError::Waits(wait) => Ok(Unreached { code: wait.code.name().to_owned(), reauthorise: false }),
        AccessError::Salesforce(error) => Ok(Unreached { code: error.code().to_owned(), reauthorise: false }),
    }
}
