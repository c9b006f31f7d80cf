//! A synchronisation that somebody asks for: of everybody, of a project, or of people in a list.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    configure, intake, problems,
    upsert::{self, Stopped, WorkError, Workbench},
};
use crate::{
    adapters::state::{StateError, connections::Status, events::Stored, people::Whom},
    domain::{
        budget::{Purpose, Wait},
        config::Document,
        event::Event,
        ids::{ConnectionId, EventId, ProjectId},
        place::Place,
        run::Asked,
    },
    ports::Ports,
};

/// Why nothing could be asked for.
#[derive(Debug, Error)]
pub enum SyncError {
    /// There is no such connection, or it does not work.
    #[error("{0} is not active. Connect and activate it first: `passerelle status {0}` tells where it stands")]
    NotActive(ConnectionId),
    /// The document does not know the project.
    #[error("the configuration of {connection} has no project {project}, and takes no events of projects that are not listed")]
    NoProject {
        /// The connection.
        connection: ConnectionId,
        /// The project.
        project: ProjectId,
    },
    /// Rows of the list were taken before with another content.
    #[error("{} rows of the list were taken before with another content, the first of them {}", .0.len(), .0.first().map_or("", |id| id.as_str()))]
    Contradicted(Vec<EventId>),
    /// The state table.
    #[error("the state table failed")]
    State(#[from] StateError),
    /// The work itself.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// What became of a part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// How many of its rows have their outcome, or are parked.
    pub settled: usize,
    /// Why the others wait.
    pub stopped: Option<Stopped>,
}

/// Asks for everybody of a connection, or of a project; the next step of its runs begins with it, in the order of their last changes.
/// Answers what was asked, and how many people and companies the connection knows.
pub async fn ask(ports: Ports<'_>, c: &ConnectionId, project: Option<ProjectId>) -> Result<(Asked, u64), SyncError> {
    let document = active(ports, c).await?;
    if let Some(project) = &project
        && !document.projects.list.contains_key(project)
        && document.projects.unlisted == crate::domain::config::Unlisted::Park
    {
        return Err(SyncError::NoProject { connection: c.clone(), project: project.clone() });
    }
    let asked = Asked { at: ports.clock.now(), project };
    ports.table.ask(c, &asked).await?;
    let known = ports.table.count_people(c, Whom::WithCompanies, &Place::at(Timestamp::UNIX_EPOCH), &Place::at(asked.at)).await?;
    Ok((asked, known))
}

/// Until when lists wait, because the calls that are left are kept for live events.
pub async fn waits(ports: Ports<'_>, c: &ConnectionId) -> Result<Option<Wait>, SyncError> {
    let document = active(ports, c).await?;
    Ok(problems::waits(ports, &document, Purpose::Backfill).await?)
}

/// Stores people of a list as events, each once: whoever repeats it finds them stored.
pub async fn store(ports: Ports<'_>, c: &ConnectionId, events: &[Event]) -> Result<(), SyncError> {
    let document = active(ports, c).await?;
    let mut contradicted = Vec::new();
    for (id, _, stored) in intake::store(ports, &document.source.id, std::slice::from_ref(c), events, ports.clock.now()).await {
        if stored? == Stored::Contradicted {
            contradicted.push(id.clone());
        }
    }
    if contradicted.is_empty() { Ok(()) } else { Err(SyncError::Contradicted(contradicted)) }
}

/// Works people of a list that are stored. Whoever repeats it finds what was done.
pub async fn work(ports: Ports<'_>, bench: &Workbench, c: &ConnectionId, ids: &[EventId], deadline: Timestamp) -> Result<Sent, SyncError> {
    active(ports, c).await?;
    let worked = upsert::work(ports, bench, c, ids, deadline).await?;
    let stored = ports.table.load_events(c, ids).await?;
    let settled = stored.iter().filter(|(_, event)| event.outcome.is_some()).count();
    Ok(Sent { settled, stopped: worked.stopped })
}

async fn active(ports: Ports<'_>, c: &ConnectionId) -> Result<Document, SyncError> {
    let not_active = || SyncError::NotActive(c.clone());
    let meta = ports.table.load_meta(c).await?.filter(|meta| meta.status == Status::Active).ok_or_else(not_active)?;
    configure::load_version(ports, c, meta.config_version).await?.ok_or_else(not_active)
}
