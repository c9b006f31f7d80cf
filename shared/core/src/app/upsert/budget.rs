//! What the calls of a shift cost, held against what the connection may spend.

use jiff::{SignedDuration, Timestamp};

use super::shift::Shift;
use crate::{
    adapters::{
        salesforce::{Class, SalesforceError},
        state::StateError,
    },
    app::access::Access,
    domain::{
        budget::{LOOK_AGAIN, OrgUsage, Purpose, Spent, Wait, verdict},
        engine::Engine,
        ids::ConnectionId,
    },
    ports::Ports,
};

/// What a batch has spent and is not stored yet.
#[derive(Debug, Default)]
pub(super) struct Spending {
    pub calls: u32,
    org: Option<OrgUsage>,
    refused_until: Option<Timestamp>,
}

impl Spending {
    /// Notes that the org takes no more calls before that time.
    pub fn refuse(&mut self, until: Option<Timestamp>) {
        self.refused_until = self.refused_until.max(until);
    }
}

/// Until when to leave an org alone that refused a call for its daily limit; `None` for any other refusal.
pub(super) fn refused_until(error: &SalesforceError, now: Timestamp) -> Option<Timestamp> {
    let SalesforceError::Refused { retry_after, .. } = error else { return None };
    let wait = retry_after.and_then(|wait| SignedDuration::try_from(wait).ok()).unwrap_or(LOOK_AGAIN);
    (error.class() == Class::Pause).then(|| now.saturating_add(wait).ok()).flatten()
}

/// Whether the connection may spend calls on live events.
pub(super) async fn has_budget(ports: Ports<'_>, engine: &Engine) -> Result<bool, StateError> {
    let now = ports.clock.now();
    let spent = ports.table.load_spent(&engine.document.connection.id, now).await?;
    may_go_on(ports, engine, &spent).await
}

/// Whether it may, having spent so much; that it may not is noted for whoever asks what its events wait for.
async fn may_go_on(ports: Ports<'_>, engine: &Engine, spent: &Spent) -> Result<bool, StateError> {
    let (c, now) = (&engine.document.connection.id, ports.clock.now());
    let Some(wait) = verdict(&engine.document.salesforce.api_calls, spent, Purpose::Live, now).wait() else { return Ok(true) };
    if spent.waits != Some(wait) {
        ports.table.note_wait(c, &wait, now).await?;
    }
    warn(c, &wait);
    Ok(false)
}

/// Logs that a connection's work waits.
pub(super) fn warn(c: &ConnectionId, wait: &Wait) {
    tracing::warn!(connection.id = %c, code = wait.code.name(), until = %wait.until, "no API calls left; its events wait");
}

impl Shift<'_> {
    /// Takes the calls made since the last time into account.
    pub fn count(&mut self, access: &mut Access<'_>) {
        let calls = access.take_calls();
        self.worked.api_calls += calls;
        self.spending.calls += calls;
        self.spending.org = access.usage().or(self.spending.org);
    }

    /// Stores what the batch has spent, and answers whether the next one may be begun.
    pub async fn settle_spending(&mut self) -> Result<bool, StateError> {
        let Spending { calls, org, refused_until } = std::mem::take(&mut self.spending);
        if calls == 0 && refused_until.is_none() {
            return Ok(true);
        }
        let now = self.ports.clock.now();
        let spent = self.ports.table.add_spent(self.c, calls, org, refused_until, now).await?;
        may_go_on(self.ports, self.engine, &spent).await
    }
}
