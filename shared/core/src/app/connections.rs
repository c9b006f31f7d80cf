//! A connection's state changes: activated, paused, broken, connected.

use thiserror::Error;

use super::{
    configure,
    schemas::{self, Ask},
};
use crate::{
    adapters::state::{
        StateError, Table,
        connections::{Meta, Status},
    },
    domain::{
        check::{judge_org, unreached},
        engine::{Engine, EngineError},
        finding::Finding,
        ids::ConnectionId,
    },
    ports::Ports,
};

/// Why a connection's state was not changed.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// There is no such connection.
    #[error("There is no connection called {0}. Apply its configuration first.")]
    Unknown(ConnectionId),
    /// It has no org yet.
    #[error("The connection {0} has no Salesforce org yet. Connect it first.")]
    NotConnected(ConnectionId),
    /// Its org's grant is gone.
    #[error("The connection {0} is broken. Connect it again; its work then goes on by itself.")]
    Broken(ConnectionId),
    /// Its org, or its configuration in that org, is none that could work.
    #[error("The connection {connection} was not activated.{}", list(findings))]
    Refused {
        /// The connection.
        connection: ConnectionId,
        /// What stands in the way.
        findings: Vec<Finding>,
    },
    /// The stored configuration.
    #[error("the stored configuration cannot be used")]
    Engine(#[from] EngineError),
    /// The state table failed.
    #[error("the connection's state could not be changed")]
    State(#[from] StateError),
}

impl ConnectionError {
    /// A stable code, listed in the documentation; of several findings the first one's.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unknown(_) => "unknown_connection",
            Self::NotConnected(_) => "not_connected",
            Self::Broken(_) => "connection_broken",
            Self::Refused { findings, .. } => findings.first().map_or("", |finding| finding.code.as_ref()),
            Self::Engine(_) => "configuration_unusable",
            Self::State(_) => "unavailable",
        }
    }
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("\n  {}: {} {} ({})", finding.place, finding.words.en, finding.cure.en, finding.code)).collect()
}

/// Lets a connected connection work, unless its rules cannot go together with its org or the org is one that Passerelle does not
/// support. Answers what may get lost.
pub async fn activate(ports: Ports<'_>, c: &ConnectionId) -> Result<Vec<Finding>, ConnectionError> {
    let meta = ports.table.load_meta(c).await?.ok_or_else(|| ConnectionError::Unknown(c.clone()))?;
    let activated = |meta: &Meta| match meta.status {
        Status::Draft => Err(ConnectionError::NotConnected(c.clone())),
        Status::Broken => Err(ConnectionError::Broken(c.clone())),
        Status::Ready | Status::Paused | Status::Active => Ok(Meta { status: Status::Active, ..meta.clone() }),
    };
    activated(&meta)?;
    let warnings = examine(ports, c).await?;
    change(ports.table, c, activated).await?;
    Ok(warnings)
}

/// Holds the document against its org, which a document that was stored before the org was connected has not been yet.
async fn examine(ports: Ports<'_>, c: &ConnectionId) -> Result<Vec<Finding>, ConnectionError> {
    let (version, document) = configure::load_current(ports, c).await?.ok_or_else(|| ConnectionError::Unknown(c.clone()))?;
    let engine = Engine::new(document, version)?;
    let learnt = schemas::learn(ports, &engine, Ask::Yes).await?;
    let refuse = |findings| Err(ConnectionError::Refused { connection: c.clone(), findings });
    match &learnt.unasked {
        // Nobody knows anything about the org, so nobody can say that this will work.
        Some(why) if learnt.schemas.0.is_empty() => return refuse(vec![unreached(why)]),
        _ => {}
    }
    let verdict = judge_org(&engine.document, engine.maps(), &learnt.schemas);
    if !verdict.refused.is_empty() {
        return refuse(verdict.refused);
    }
    if !learnt.described.is_empty() {
        schemas::keep(ports, &engine.document, version, engine.maps(), &learnt.described).await?;
    }
    Ok(verdict.warnings)
}

/// Stops a connection. Its events are kept and go on when it is activated.
pub async fn pause(ports: Ports<'_>, c: &ConnectionId) -> Result<(), ConnectionError> {
    change(ports.table, c, |meta| match meta.status {
        Status::Active | Status::Paused => Ok(Meta { status: Status::Paused, ..meta.clone() }),
        _ => Ok(meta.clone()),
    })
    .await
}

/// Notes that the org's grant is gone: nothing is sent until somebody reconnects. Only the first to notice changes anything. One that is not at
/// work stays what it is, with the cause.
pub async fn mark_broken(ports: Ports<'_>, c: &ConnectionId, cause: &str) -> Result<(), ConnectionError> {
    change(ports.table, c, |meta| match meta.status {
        Status::Active => Ok(Meta { status: Status::Broken, cause: Some(cause.to_owned()), ..meta.clone() }),
        Status::Ready | Status::Paused if meta.cause.is_none() => Ok(Meta { cause: Some(cause.to_owned()), ..meta.clone() }),
        _ => Ok(meta.clone()),
    })
    .await
}

/// Notes that an org is connected. A connection that was at work before it broke goes on.
pub async fn mark_connected(ports: Ports<'_>, c: &ConnectionId, organization: &str) -> Result<(), ConnectionError> {
    change(ports.table, c, |meta| {
        let status = match meta.status {
            Status::Draft => Status::Ready,
            Status::Broken => Status::Active,
            other => other,
        };
        Ok(Meta { status, cause: None, organization: Some(organization.to_owned()), ..meta.clone() })
    })
    .await
}

/// Notes that the connection has no org any more. Its events wait; the org that it is tied to stays the same.
pub async fn mark_disconnected(ports: Ports<'_>, c: &ConnectionId) -> Result<(), ConnectionError> {
    change(ports.table, c, |meta| Ok(Meta { status: Status::Draft, cause: None, ..meta.clone() })).await
}

/// Ties the connection to another org. Nothing is sent before somebody connects that one.
pub(super) async fn tie(ports: Ports<'_>, c: &ConnectionId, organization: &str) -> Result<(), ConnectionError> {
    change(ports.table, c, |meta| Ok(Meta { organization: Some(organization.to_owned()), ..meta.clone() })).await
}

/// Has the next shift take up everything that is parked.
pub(super) async fn resume_all(ports: Ports<'_>, c: &ConnectionId) -> Result<(), StateError> {
    match change(ports.table, c, |meta| Ok(Meta { resumed_version: 0, ..meta.clone() })).await {
        Err(ConnectionError::State(error)) => Err(error),
        _ => Ok(()),
    }
}

/// Reads, changes and stores the state; tried again where somebody else was quicker.
async fn change(table: &Table, c: &ConnectionId, to: impl Fn(&Meta) -> Result<Meta, ConnectionError>) -> Result<(), ConnectionError> {
    let mut tries = 0;
    loop {
        let Some(former) = table.load_meta(c).await? else { return Err(ConnectionError::Unknown(c.clone())) };
        let meta = to(&former)?;
        if meta == former {
            return Ok(());
        }
        tries += 1;
        match table.save_meta(c, Some(&former), &meta).await {
            Err(StateError::Conflict { .. }) if tries < 5 => {}
            other => return Ok(other?),
        }
    }
}
