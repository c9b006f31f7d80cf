//! A connection's state: activated, paused, broken, connected; and where it stands, as people are told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
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
        check::{Unreached, judge_org, unreached},
        engine::{Engine, EngineError},
        finding::{Finding, Sentence, Severity},
        ids::{ConnectionId, ObjectName},
        schema::ObjectSchema,
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

/// Where a connection stands, as people are told. Nobody moves it by itself: it follows from the stored status and, before a connection is
/// activated, from what the org says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Configured; no org is connected.
    Draft,
    /// Connected; activating would be refused.
    Incomplete,
    /// Connected; waits to be activated, and can be.
    Ready,
    /// At work.
    Active,
    /// Stopped by a person.
    Paused,
    /// The org's grant is gone; work waits for somebody to reconnect.
    Broken,
}

/// Where a connection stands, and what it lacks to be activated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Where it stands.
    pub stage: Stage,
    /// What it lacks, as activating would say it.
    pub lacks: Vec<Finding>,
}

/// Where a connection with this state stands. One that waits to be activated is held against its org as [`activate`] does it, so that both say
/// the same; that may cost one API call. Nothing is changed by it.
pub async fn standing(ports: Ports<'_>, c: &ConnectionId, meta: &Meta) -> Result<Standing, ConnectionError> {
    let stage = match meta.status {
        Status::Draft => {
            let lacks = vec![unreached(&Unreached { code: "not_connected".to_owned(), reauthorise: false })];
            return Ok(Standing { stage: Stage::Draft, lacks });
        }
        Status::Ready if meta.cause.is_some() => return Ok(Standing { stage: Stage::Incomplete, lacks: gone(meta) }),
        Status::Ready => match examine(ports, c).await {
            Err(ConnectionError::Refused { findings, .. }) => return Ok(Standing { stage: Stage::Incomplete, lacks: findings }),
            Err(ConnectionError::Engine(_)) => return Ok(Standing { stage: Stage::Incomplete, lacks: vec![unusable()] }),
            examined => examined.map(|_| Stage::Ready)?,
        },
        Status::Active => Stage::Active,
        Status::Paused => Stage::Paused,
        Status::Broken => Stage::Broken,
    };
    Ok(Standing { stage, lacks: Vec::new() })
}

/// Lets a connected connection work, unless its rules cannot go together with its org or the org is one that Passerelle does not
/// support. Answers what may get lost.
pub async fn activate(ports: Ports<'_>, c: &ConnectionId) -> Result<Vec<Finding>, ConnectionError> {
    let meta = ports.table.load_meta(c).await?.ok_or_else(|| ConnectionError::Unknown(c.clone()))?;
    let activated = |meta: &Meta| match meta.status {
        Status::Draft => Err(ConnectionError::NotConnected(c.clone())),
        Status::Broken => Err(ConnectionError::Broken(c.clone())),
        Status::Ready | Status::Paused if meta.cause.is_some() => Err(ConnectionError::Refused { connection: c.clone(), findings: gone(meta) }),
        Status::Ready | Status::Paused | Status::Active => Ok(Meta { status: Status::Active, ..meta.clone() }),
    };
    activated(&meta)?;
    let Examined { engine, version, described, warnings } = examine(ports, c).await?;
    if !described.is_empty() {
        schemas::keep(ports, &engine.document, version, engine.maps(), &described).await?;
    }
    change(ports.table, c, activated).await?;
    Ok(warnings)
}

/// The grant of a connection that is not at work was refused since it was connected.
fn gone(meta: &Meta) -> Vec<Finding> {
    meta.cause.iter().map(|cause| unreached(&Unreached { code: cause.clone(), reauthorise: true })).collect()
}

/// The stored document is none that this version can read.
fn unusable() -> Finding {
    Finding::new(
        Severity::Error,
        "configuration_unusable",
        "",
        Sentence::new(
            "The stored configuration was saved by another version of Passerelle.",
            "La configuration enregistrée l'a été par une autre version de Passerelle.",
        ),
        Sentence::new("Apply it again.", "Appliquez-la de nouveau."),
    )
}

/// A document that can be worked with in its org.
struct Examined {
    engine: Engine,
    version: u64,
    /// What the org was described like just now.
    described: BTreeMap<ObjectName, Option<ObjectSchema>>,
    /// What may get lost.
    warnings: Vec<Finding>,
}

/// Holds the document against its org, which a document that was stored before the org was connected has not been yet.
async fn examine(ports: Ports<'_>, c: &ConnectionId) -> Result<Examined, ConnectionError> {
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
    Ok(Examined { engine, version, described: learnt.described, warnings: verdict.warnings })
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
