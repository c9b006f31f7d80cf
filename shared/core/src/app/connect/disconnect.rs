//! Taking an org away: the grant is revoked at Salesforce, or the session ended where there is none, and the secret deleted. Or giving it up for another one.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    load_document,
    refusal::{Refusal, Refused},
};
use crate::{
    adapters::salesforce::oauth::{self, App},
    app::{
        connections,
        tokens::{self, Credentials},
        upsert::take_writer,
    },
    domain::{
        config::{Document, Language},
        ids::{ConnectionId, RecordId},
    },
    ports::Ports,
};

/// How long to wait for a writer that somebody else holds: longer than a lease.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// What became of the grant at Salesforce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// It is revoked with all its sessions, or was already.
    Yes,
    /// There was none, as of the flows that sign in anew each time: the stored session is ended. One that a function was given since and did not
    /// store is not, and ends by itself.
    Session,
    /// There was none.
    Nothing,
    /// Salesforce could not be told, for this reason.
    Not {
        /// A stable code.
        code: String,
    },
}

/// Takes a connection's org away. Its events wait, its people keep their records, and only the same org can be connected again.
pub async fn disconnect(ports: Ports<'_>, connection: &ConnectionId) -> Result<Revoked, Refused> {
    let mut language = Language::default();
    take_away(ports, connection, &mut language).await.map_err(|refusal| refusal.told(language))
}

async fn take_away(ports: Ports<'_>, connection: &ConnectionId, language: &mut Language) -> Result<Revoked, Refusal> {
    let document = load_document(ports, connection, language).await?;
    // First, so that nothing new is begun with a session that is about to end.
    connections::mark_disconnected(ports, connection).await?;
    let revoked = tokens::give_up(ports, connection, async |held: Option<Credentials>| revoke(ports, &document, held).await).await?;
    tracing::info!(connection.id = %connection, revoked = ?revoked, "org disconnected");
    Ok(revoked)
}

async fn revoke(ports: Ports<'_>, document: &Document, held: Option<Credentials>) -> Revoked {
    let held = held.unwrap_or_default();
    let (token, done): (SecretString, Revoked) = match (held.refresh_token, held.access_token) {
        (Some(refresh), _) => (refresh, Revoked::Yes),
        (None, Some(access)) => (access, Revoked::Session),
        (None, None) => return Revoked::Nothing,
    };
    let app = App::of(&document.salesforce, &ports.settings.allowed_hosts);
    let request = match app.and_then(|app| app.revoke(&token)) {
        Ok(request) => request,
        Err(error) => return Revoked::Not { code: error.code().to_owned() },
    };
    match oauth::send_revocation(ports.transport, request).await {
        Ok(()) => done,
        // Source: what Salesforce answers to a token that is dead already.
        Err(error) if matches!(error.code(), "invalid_token" | "unsupported_token_type") => done,
        Err(error) => Revoked::Not { code: error.code().to_owned() },
    }
}

/// Ties a connection to another org, for example to a sandbox that was refreshed, which is another org under the same name. The next time it is
/// connected, it must be to that one. Records of the former org count no more: every tie to one names its org. Answers what became of the grant
/// there.
pub async fn confirm_organization(ports: Ports<'_>, connection: &ConnectionId, organization: &RecordId) -> Result<Revoked, Refused> {
    let mut language = Language::default();
    confirm(ports, connection, organization, &mut language).await.map_err(|refusal| refusal.told(language))
}

async fn confirm(ports: Ports<'_>, connection: &ConnectionId, organization: &RecordId, language: &mut Language) -> Result<Revoked, Refusal> {
    let document = load_document(ports, connection, language).await?;
    if !organization.as_str().starts_with("00D") {
        return Err(Refusal::NoOrganization);
    }
    let meta = ports.table.load_meta(connection).await?.ok_or(Refusal::UnknownConnection)?;
    if meta.organization.as_deref() == Some(organization.as_str()) {
        return Ok(Revoked::Nothing);
    }
    connections::mark_broken(ports, connection, "organization_changed").await?;
    // Whoever is at work in the former org ends first; nobody begins again.
    let lease = take_writer(ports, connection, PATIENCE).await?.ok_or(Refusal::Unavailable)?;
    let done = change_over(ports, connection, organization).await;
    ports.table.abandon_writer(connection, &lease, false).await?;
    let former = done?;
    // Last, since it is not needed for anything: a refreshed sandbox has forgotten its grants, and an org that is given up may be gone.
    let revoked = revoke(ports, &document, former).await;
    tracing::info!(connection.id = %connection, organization.id = %organization, revoked = ?revoked, "another org confirmed");
    Ok(revoked)
}

/// Answers what signed in to the former org. The tie comes last: whoever dies before it confirms once more.
async fn change_over(ports: Ports<'_>, connection: &ConnectionId, organization: &RecordId) -> Result<Option<Credentials>, Refusal> {
    let mut held = None;
    let sign_out = |former: Option<Credentials>| {
        held.clone_from(&former);
        Ok::<_, tokens::TokenError>(former.unwrap_or_default().signed_out())
    };
    // A connection that has left its org has nothing to sign out with.
    if tokens::load_credentials(ports, connection).await?.is_some() {
        tokens::rewrite(ports, connection, sign_out).await?;
    }
    ports.table.forget_org(connection).await?;
    connections::tie(ports, connection, organization.as_str()).await?;
    Ok(held)
}
