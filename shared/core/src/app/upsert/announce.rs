//! Each call is announced before it is sent, so that the next writer knows what may have happened unseen.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    CALL_TIME, MARGIN, budget,
    execute::Caller,
    pace::{Ended, Pace, Together},
};
use crate::{
    adapters::{
        salesforce::{
            SalesforceError,
            collections::Alone,
            composite::{Composite, CompositeAnswer},
        },
        state::writer::{Intent, Lease},
    },
    app::{
        access::{Access, AccessError},
        tokens::Renewals,
    },
    domain::{
        budget::Wait,
        ids::{ConnectionId, EventId, ObjectName},
        plan::{Plan, WriteId},
    },
    ports::Ports,
};

/// How long others get for what they have in hand.
const REST: std::time::Duration = std::time::Duration::from_millis(500);

/// Announces each call before it is sent.
pub(super) struct Announcing<'s, 'a, 'b> {
    pub ports: Ports<'s>,
    pub c: &'s ConnectionId,
    pub lease: &'s Lease,
    pub access: &'b mut Access<'a>,
    pub pace: Pace,
    pub deadline: Timestamp,
    /// The events that earlier calls of the batch touched: nothing of them is recorded yet.
    pub touched: BTreeSet<EventId>,
    pub met: Met,
}

/// What stood in the way of calls.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// Whether the time was up before everything was sent.
    pub late: bool,
    /// Whether the writer was somebody else's.
    pub lost: bool,
    /// Whether a call was left without an answer: it may still be done.
    pub unanswered: bool,
    /// Until when calls have to wait, where the budget was spent before everything was sent.
    pub waits: Option<Wait>,
    /// Why the org cannot be worked with, where a call told.
    pub failed: Option<AccessError>,
    /// Until when the org takes no more calls, where one was refused for its limit.
    pub refused_until: Option<Timestamp>,
}

impl Caller for Announcing<'_, '_, '_> {
    fn most(&self) -> usize {
        self.pace.records()
    }

    fn most_together(&self, object: &ObjectName) -> usize {
        self.pace.together(object)
    }

    fn learn(&mut self, object: &ObjectName, records: usize, ended: Together) {
        self.pace.learn_list(object, records, ended);
    }

    async fn rest(&self) {
        self.ports.clock.sleep(REST).await;
    }

    async fn call(&mut self, plan: &Plan, writes: &BTreeSet<WriteId>, call: &Composite) -> Result<CompositeAnswer, Option<SalesforceError>> {
        match self.announced(plan, writes, &Call::Together(call)).await? {
            Answered::Together(answer) => Ok(answer),
            Answered::Alone => Err(None),
        }
    }

    async fn alone(&mut self, plan: &Plan, write: WriteId, call: &Alone) -> Result<(), Option<SalesforceError>> {
        self.announced(plan, &BTreeSet::from([write]), &Call::Alone(call)).await.map(|_| ())
    }
}

/// What is sent.
enum Call<'c> {
    Together(&'c Composite),
    Alone(&'c Alone),
}

/// What comes back.
enum Answered {
    Together(CompositeAnswer),
    Alone,
}

impl Announcing<'_, '_, '_> {
    async fn announced(&mut self, plan: &Plan, writes: &BTreeSet<WriteId>, call: &Call<'_>) -> Result<Answered, Option<SalesforceError>> {
        if self.ports.clock.now().saturating_add(CALL_TIME + MARGIN).unwrap_or(self.deadline) > self.deadline {
            self.met.late = true;
            return Err(None);
        }
        self.touched.extend(plan.waiting_for(writes).cloned());
        let intent = Intent { at: self.ports.clock.now(), events: self.touched.iter().cloned().collect() };
        let mut renewals = Renewals::default();
        // A renewed session takes time, so its call is announced anew.
        loop {
            self.met.waits = self.access.must_wait();
            if self.met.waits.is_some() {
                return Err(None);
            }
            self.announce(&intent).await?;
            match self.timed(writes.len(), call).await {
                Err(error) if self.access.may_renew(&mut renewals, &error) => {
                    if let Err(error) = self.access.renew().await {
                        self.met.failed = Some(error);
                        return Err(None);
                    }
                }
                other => {
                    self.met.unanswered |= other.as_ref().is_err_and(SalesforceError::in_doubt);
                    return other.map_err(Some);
                }
            }
        }
    }

    /// Sends one call, and learns from how long it takes how big the next may be.
    async fn timed(&mut self, records: usize, call: &Call<'_>) -> Result<Answered, SalesforceError> {
        let begun = self.ports.clock.now();
        let answer = match call {
            Call::Together(call) => self.access.composite_once(call).await.map(Answered::Together),
            Call::Alone(call) => self.access.write_alone_once(call).await.map(|()| Answered::Alone),
        };
        let ended = if answer.as_ref().is_err_and(SalesforceError::in_doubt) { Ended::InDoubt } else { Ended::Answered };
        if let Err(error) = &answer {
            self.met.refused_until = self.met.refused_until.max(budget::refused_until(error, self.ports.clock.now()));
        }
        self.pace.learn(records, self.ports.clock.now().duration_since(begun), ended);
        answer
    }

    /// Extends the lease and notes the call. `Err` where nothing may be sent.
    async fn announce(&mut self, intent: &Intent) -> Result<(), Option<SalesforceError>> {
        let intent = Intent { at: self.ports.clock.now(), ..intent.clone() };
        match self.ports.table.announce(self.c, self.lease, &intent).await {
            Ok(true) => return Ok(()),
            Ok(false) => self.met.lost = true,
            Err(error) => self.met.failed = Some(AccessError::State(error)),
        }
        Err(None)
    }
}
