//! Which events a holder of the writer works, and when others have their turn.

use futures::{StreamExt, TryStreamExt, future, stream};
use jiff::Timestamp;

use super::{Shift, Stopped, WorkError, Workbench};
use crate::{
    adapters::state::{
        StateError,
        connections::Meta,
        events::DOORBELL,
        writer::{Intent, Release, Turn},
    },
    app::{
        schemas,
        upsert::{BATCH, MAY_COMMIT},
    },
    domain::{budget::Purpose, ids::EventId},
    planted::{self, Bug},
};

/// How many parked events are set going at the same time.
const RESUMED_AT_ONCE: usize = 16;

impl<'a> Shift<'a> {
    /// Works until nothing is due any more, and gives the writer back.
    pub async fn run(&mut self, bench: &'a Workbench, meta: &Meta, hint: &[EventId]) -> Result<(), WorkError> {
        let mut ids = self.begin(bench, meta).await?;
        if self.worked.stopped.is_some() {
            return Ok(());
        }
        ids.extend_from_slice(hint);
        self.drain(bench, ids).await
    }

    /// What comes before anything else: what a former holder left. Answers the events that are to be worked first.
    pub async fn begin(&mut self, bench: &'a Workbench, meta: &Meta) -> Result<Vec<EventId>, WorkError> {
        let (ports, c) = (self.ports, self.c);
        let mut ids = Vec::new();
        if let Some(intent) = self.lease.unfinished.take().filter(|_| !planted::is(Bug::ForgetDoubt)) {
            if ports.clock.now() < intent.at.saturating_add(MAY_COMMIT).unwrap_or(intent.at) {
                self.worked.stopped = Some(Stopped::Unsettled);
                return Ok(ids);
            }
            ids = self.doubt(&intent).await?;
            self.inherited.extend(ids.iter().cloned());
        }
        if meta.resumed_version < meta.config_version {
            self.resume_parked(meta).await?;
        }
        if schemas::may_free_parked(ports, c).await? {
            self.worked.stopped = self.look_again(bench).await?;
        }
        Ok(ids)
    }

    /// Works these events and all that are due, and gives the writer back.
    pub async fn drain(&mut self, bench: &'a Workbench, mut ids: Vec<EventId>) -> Result<(), WorkError> {
        let mut horizon = self.ports.clock.now();
        loop {
            ids = self.fresh(ids, horizon).await?;
            if ids.is_empty() {
                match self.ports.table.release_writer(self.c, &self.lease).await? {
                    Release::Released => return Ok(()),
                    Release::Lost => {
                        self.worked.stopped = Some(Stopped::LeaseLost);
                        return Ok(());
                    }
                    Release::Rung => {
                        horizon = self.within_the_minute();
                        continue;
                    }
                }
            }
            self.work(bench, &std::mem::take(&mut ids)).await?;
            if self.worked.stopped.is_some() {
                return Ok(());
            }
        }
    }

    /// These events and those that are due until `horizon`, as far as this shift has not worked them.
    async fn fresh(&mut self, mut ids: Vec<EventId>, horizon: Timestamp) -> Result<Vec<EventId>, StateError> {
        ids.extend(self.ports.table.due_events(self.c, horizon, BATCH).await?);
        ids.retain(|id| self.seen.insert(id.clone()));
        Ok(ids)
    }

    /// Those who ring bring new events, which are not due before their minute is over.
    fn within_the_minute(&self) -> Timestamp {
        let now = self.ports.clock.now();
        now.saturating_add(DOORBELL).unwrap_or(now)
    }

    /// Whether there are new events: a run lets them have their turn after each part.
    pub const fn is_rung_for(&self) -> bool {
        self.wanted.by_events
    }

    /// A batch of these events, of those that are due and of those that somebody rang for, between two parts of what is worked besides.
    pub async fn serve(&mut self, bench: &'a Workbench, ids: Vec<EventId>) -> Result<(), WorkError> {
        let mut horizon = self.ports.clock.now();
        if std::mem::take(&mut self.wanted).by_events {
            if !self.ports.table.answer_bell(self.c, &self.lease).await? {
                self.worked.stopped = Some(Stopped::LeaseLost);
                return Ok(());
            }
            horizon = self.within_the_minute();
        }
        let ids = self.fresh(ids, horizon).await?;
        // There may be more than one question can find.
        self.wanted.by_events = ids.len() >= BATCH;
        self.work(bench, &ids).await
    }

    /// The same, and gives the writer back: the run goes on with its next step.
    pub async fn serve_and_leave(&mut self, bench: &'a Workbench, ids: Vec<EventId>) -> Result<(), WorkError> {
        self.serve(bench, ids).await?;
        if self.worked.stopped.is_none() {
            self.ports.table.abandon_writer(self.c, &self.lease, self.wanted.by_events).await?;
        }
        Ok(())
    }

    /// Works these events, batch by batch.
    pub async fn work(&mut self, bench: &'a Workbench, ids: &[EventId]) -> Result<(), WorkError> {
        for batch in ids.chunks(BATCH) {
            if !self.has_time() {
                self.worked.stopped = Some(Stopped::Deadline);
                return Ok(());
            }
            let stopped = self.batch(bench, batch).await?;
            let stopped = if self.settle_spending().await? { stopped } else { Some(Stopped::Budget) };
            if stopped.is_some() {
                self.worked.stopped = stopped;
                return Ok(());
            }
            if self.wanted.by_run && self.turn == Turn::Events {
                self.worked.stopped = Some(Stopped::Busy);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Has the org described anew: what it was parked for may have changed, and then the next shift takes it up.
    async fn look_again(&mut self, bench: &'a Workbench) -> Result<Option<Stopped>, WorkError> {
        let looked = match self.open(bench, Purpose::Live).await {
            Ok(mut access) => {
                let looked = schemas::load(self.ports, &mut access, self.engine).await;
                self.count(&mut access);
                looked
            }
            Err(error) => Err(error),
        };
        let stopped = match looked {
            Ok(_) => None,
            Err(error) => Some(self.stop(error).await?),
        };
        self.settle_spending().await?;
        Ok(stopped)
    }

    /// The former holder announced a call and did not live to record it: whom it was about is looked for before repeating. Answers
    /// their events, which come first: what they say may be in Salesforce, and nothing older must be written over it.
    async fn doubt(&self, intent: &Intent) -> Result<Vec<EventId>, WorkError> {
        let mut events = self.ports.table.load_events(self.c, &intent.events).await?;
        events.retain(|(_, event)| event.is_open());
        for (id, _) in &events {
            self.ports.table.doubt_event(self.c, id, intent.at, self.ports.clock.now()).await?;
        }
        Ok(events.into_iter().map(|(id, _)| id).collect())
    }

    /// A new configuration may let pass what was parked under the old one.
    async fn resume_parked(&self, meta: &Meta) -> Result<(), WorkError> {
        let (ports, c) = (self.ports, self.c);
        let parked = ports.table.parked_events(c, usize::MAX).await?;
        let resuming: Vec<_> = parked.iter().map(|id| ports.table.resume_event(c, id, ports.clock.now())).collect();
        stream::iter(resuming).buffer_unordered(RESUMED_AT_ONCE).try_for_each(|_| future::ok(())).await?;
        let current = Meta { resumed_version: meta.config_version, ..meta.clone() };
        match ports.table.save_meta(c, Some(meta), &current).await {
            // Somebody changed the connection meanwhile; the next shift resumes again.
            Ok(()) | Err(StateError::Conflict { .. }) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }
}
