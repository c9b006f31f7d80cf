//! Keeping refresh tokens alive: many orgs let one die that nobody has used for thirty days, and a session that is used all the time never
//! needs one.

use jiff::{SignedDuration, Timestamp};

use super::{SessionCache, TokenError, load_session, refresh};
use crate::{
    adapters::{
        salesforce::Class,
        state::connections::{Meta, Status},
    },
    app::{configure, connections},
    domain::{ids::ConnectionId, person::is_turn},
    ports::Ports,
};

/// How long a refresh token may be unused: far below the thirty days of Salesforce's policy for apps ("Secure Your Connected Apps and External
/// Client Apps", packaging guide), so that an outage of some weeks does no harm.
pub const QUIET: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Each connection has a minute of its own in the hour, so that a sweep looks at few of them.
const HOUR_MINUTES: i64 = 60;

/// How long a refresh may take with all its tries to store what came: none is begun with less time, since what is not stored may be lost.
const REFRESH_TIME: SignedDuration = SignedDuration::from_secs(35);

/// Uses the refresh tokens of those of the connections whose minute of the hour it is, where they have been quiet for long. One that fails keeps
/// no other from its own; one for which no time is left has its turn in an hour.
pub async fn keep_alive(ports: Ports<'_>, cache: &SessionCache, connections: &[ConnectionId], deadline: Timestamp) {
    let now = ports.clock.now();
    for c in connections.iter().filter(|c| is_turn(c, now, HOUR_MINUTES)) {
        if deadline.duration_since(ports.clock.now()) < REFRESH_TIME {
            return;
        }
        match refresh_quiet(ports, cache, c).await {
            Ok(false) => {}
            Ok(true) => tracing::info!(connection.id = %c, "a quiet refresh token was used"),
            Err(error) => tracing::warn!(connection.id = %c, code = error.code(), "a quiet refresh token could not be used"),
        }
    }
}

async fn refresh_quiet(ports: Ports<'_>, cache: &SessionCache, c: &ConnectionId) -> Result<bool, TokenError> {
    let pointer = ports.table.load_token(c).await?;
    // With each refresh that is at least ten minutes after another, a version is stored.
    let quiet = SignedDuration::from_millis(ports.clock.now().as_millisecond().saturating_sub(pointer.last_used_ms()));
    if pointer.version.is_none() || quiet < QUIET {
        return Ok(false);
    }
    let Some(meta) = ports.table.load_meta(c).await?.filter(is_connected) else { return Ok(false) };
    let document = configure::load_version(ports, c, meta.config_version).await?;
    let Some(document) = document.filter(|document| document.salesforce.auth.refreshes()) else { return Ok(false) };
    let session = load_session(ports, cache, &document, c).await?;
    match refresh(ports, cache, &document, c, &session).await {
        Ok(_) => Ok(true),
        Err(error) => {
            if error.class() == Class::Reauthorise && connections::mark_broken(ports, c, error.code()).await.is_err() {
                tracing::warn!(connection.id = %c, code = "state_failed", "the broken connection was not marked");
            }
            Err(error)
        }
    }
}

/// Whether there is a grant that nobody has refused yet.
fn is_connected(meta: &Meta) -> bool {
    matches!(meta.status, Status::Ready | Status::Active | Status::Paused) && meta.cause.is_none()
}
