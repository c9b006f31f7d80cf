//! A connection's state changes: activated, paused, broken, connected.

use thiserror::Error;

use crate::{
    adapters::state::{
        StateError, Table,
        connections::{Meta, Status},
    },
    domain::ids::ConnectionId,
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
    /// The state table failed.
    #[error("the connection's state could not be changed")]
    State(#[from] StateError),
}

/// Lets a connected connection work.
pub async fn activate(ports: Ports<'_>, c: &ConnectionId) -> Result<(), ConnectionError> {
    change(ports.table, c, |meta| match meta.status {
        Status::Draft => Err(ConnectionError::NotConnected(c.clone())),
        Status::Broken => Err(ConnectionError::Broken(c.clone())),
        Status::Ready | Status::Paused | Status::Active => Ok(Meta { status: Status::Active, ..meta.clone() }),
    })
    .await
}

/// Stops a connection. Its events are kept and go on when it is activated.
pub async fn pause(ports: Ports<'_>, c: &ConnectionId) -> Result<(), ConnectionError> {
    change(ports.table, c, |meta| match meta.status {
        Status::Active | Status::Paused => Ok(Meta { status: Status::Paused, ..meta.clone() }),
        _ => Ok(meta.clone()),
    })
    .await
}

/// Notes that the org's grant is gone: nothing is sent until somebody reconnects. Only the first to notice changes anything.
pub async fn mark_broken(ports: Ports<'_>, c: &ConnectionId, cause: &str) -> Result<(), ConnectionError> {
    change(ports.table, c, |meta| match meta.status {
        Status::Active => Ok(Meta { status: Status::Broken, cause: Some(cause.to_owned()), ..meta.clone() }),
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
