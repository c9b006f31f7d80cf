//! The platform as a Mautic: signing in to it, and reading what has changed there.

mod companies;
mod owners;
mod read;

use secrecy::SecretString;
use thiserror::Error;

pub(super) use self::{companies::read_companies, owners::of_events as address_owners, read::read_page};

use super::check::{CheckError, load_engine};
use crate::{
    adapters::{
        mautic::{Mautic, MauticError, SignIn},
        secrets::{SecretError, SecretKind},
        state::StateError,
    },
    domain::{
        check::{check_platform, unasked_platform},
        config::{Document, MauticAuth},
        finding::Finding,
        ids::ConnectionId,
        mapping::{Attribute, parse_inventory},
        mautic::problem,
    },
    ports::Ports,
};

/// Why the platform's API could not be used.
#[derive(Debug, Error)]
pub enum PlatformError {
    /// The platform of the document has no API that is known.
    #[error("the platform has no API")]
    None,
    /// Its secret was never given.
    #[error("no secret signs in to the platform")]
    NoSecret,
    /// The secret store failed.
    #[error("the platform's secret could not be read")]
    Secret(#[source] SecretError),
    /// Mautic did not do it.
    #[error(transparent)]
    Mautic(#[from] MauticError),
    /// The state table failed.
    #[error("the state table failed")]
    State(#[from] StateError),
}

impl PlatformError {
    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::None => "platform_none",
            Self::NoSecret => "platform_secret_missing",
            Self::Secret(_) => "platform_secret_unread",
            Self::Mautic(error) => error.code(),
            Self::State(_) => "platform_state",
        }
    }

    /// What somebody can do about it, where somebody can.
    #[must_use]
    pub fn problem(&self) -> Option<Finding> {
        problem(self.code())
    }
}

/// The Mautic of a document, with the secret that is stored.
///
/// # Errors
/// [`PlatformError::None`] where it has none; [`PlatformError::NoSecret`] and [`PlatformError::Secret`].
pub(super) async fn open<'a>(ports: Ports<'a>, document: &Document) -> Result<Mautic<'a>, PlatformError> {
    if document.platform.mautic.is_none() {
        return Err(PlatformError::None);
    }
    let secret = ports.secrets.read_current(&document.connection.id, SecretKind::Platform).await.map_err(|error| match error {
        SecretError::Absent { .. } => PlatformError::NoSecret,
        other => PlatformError::Secret(other),
    })?;
    open_with(ports, document, secret.text)
}

fn open_with<'a>(ports: Ports<'a>, document: &Document, secret: SecretString) -> Result<Mautic<'a>, PlatformError> {
    let mautic = document.platform.mautic.as_ref().ok_or(PlatformError::None)?;
    let url = mautic.parse_url().map_err(|_| PlatformError::None)?;
    let sign_in = match &mautic.auth {
        MauticAuth::ClientCredentials { client_id } => SignIn::ClientCredentials { client_id: client_id.clone(), secret },
        MauticAuth::Basic { user } => SignIn::Basic { user: user.clone(), password: secret },
    };
    Ok(Mautic::new(ports.platform, &url, sign_in))
}

/// The attributes that a document's Mautic has: its fields of contacts and of companies, and what stands beside them.
///
/// # Errors
/// See [`PlatformError`]; a list that is none is [`MauticError::Unreadable`].
pub async fn attributes(ports: Ports<'_>, document: &Document) -> Result<Vec<Attribute>, PlatformError> {
    inventory(&open(ports, document).await?).await
}

/// What is to be said of the fields that a connection's document names, right after it was applied. `secret` is one that is about to be stored,
/// else the stored one is taken; nothing is said where nobody knows any.
///
/// # Errors
/// See [`CheckError`].
pub async fn findings(ports: Ports<'_>, c: &ConnectionId, secret: Option<SecretString>) -> Result<Vec<Finding>, CheckError> {
    let engine = load_engine(ports, c).await?;
    let (document, maps) = (&engine.document, engine.maps());
    let mautic = match secret {
        Some(secret) => open_with(ports, document, secret),
        None => open(ports, document).await,
    };
    let attributes = match mautic {
        Ok(mautic) => inventory(&mautic).await,
        Err(PlatformError::None | PlatformError::NoSecret) => return Ok(Vec::new()),
        Err(other) => Err(other),
    };
    Ok(attributes.map_or_else(|error| vec![unasked_platform(error.code())], |attributes| check_platform(document, maps, &attributes)))
}

async fn inventory(mautic: &Mautic<'_>) -> Result<Vec<Attribute>, PlatformError> {
    let (contacts, companies) = (mautic.contact_fields().await?, mautic.company_fields().await?);
    let read = |fields| parse_inventory(fields).map_err(|_| PlatformError::Mautic(MauticError::Unreadable));
    Ok([read(&contacts)?, read(&companies)?].concat())
}

/// Who finds the problems of the platform's API.
const SOURCE: &str = "platform";
/// Who finds those of the owners that it is told.
const OWNERS: &str = "owners_of_platform";

/// Notes the problem for `passerelle status`, or that there is none any more.
pub(super) async fn note(ports: Ports<'_>, c: &ConnectionId, problem: Option<Finding>) -> Result<(), StateError> {
    settle(ports, c, SOURCE, problem).await
}

/// The same of the owners that it was told.
pub(super) async fn note_owners(ports: Ports<'_>, c: &ConnectionId, problem: Option<Finding>) -> Result<(), StateError> {
    settle(ports, c, OWNERS, problem).await
}

/// How many of a page could not be read; the log tells of them, as nobody else would.
fn unreadable(document: &Document, page: usize, readable: usize) -> u64 {
    let count = page.saturating_sub(readable);
    if count > 0 {
        tracing::error!(connection.id = %document.connection.id, count, code = "platform_item_unreadable", "contacts or companies cannot be read");
    }
    count as u64
}

async fn settle(ports: Ports<'_>, c: &ConnectionId, source: &str, problem: Option<Finding>) -> Result<(), StateError> {
    let found: Vec<Finding> = problem.into_iter().collect();
    ports.table.settle_problems(c, source, &found, ports.clock.now()).await
}
