//! The outbox: sends what it holds to the platforms, each person's deliveries in their order.
//!
//! A delivery is claimed for a minute, sent, and then settled. Whoever dies in between leaves it due, so it may be sent again, under the same
//! id; what arrived and was noted is not. Nothing of a person is sent before what came earlier arrived or was given up. `webhook` and `mautic`
//! own how it is sent.

mod mautic;
mod webhook;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use self::{mautic::ToMautic, webhook::ToWebhook};
use super::configure;
use crate::{
    adapters::{
        secrets::SecretError,
        state::{
            Key, StateError,
            deliveries::{StoredDelivery, Tried},
            events::sortable,
        },
    },
    domain::{
        backoff::backoff,
        config::Document,
        ids::{ConnectionId, PersonKey},
        person::turn,
    },
    planted::{self, Bug},
    ports::Ports,
};

/// No try is begun with less time than a webhook may take, and what is noted of it.
const TRY_TIME: SignedDuration = SignedDuration::from_secs(18);
/// Likewise for a batch of the platform's API.
const BATCH_TIME: SignedDuration = SignedDuration::from_secs(40);
/// How many platforms are told at the same time.
const CONNECTIONS_AT_ONCE: usize = 8;
/// How many deliveries are asked for at a time.
const ASKED_FOR: i32 = 500;
/// After so many tries a delivery is given up; it is kept for ninety days.
pub const MAX_TRIES: u32 = 60;
/// After so many tries running to which the platform gave no answer at all, it is left alone until the next sweep. What is not tried is
/// still due, and counts no try.
const MOST_SILENCE: u32 = 16;

/// What became of a connection's deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Those that arrived.
    pub arrived: usize,
    /// Tries that failed and come again.
    pub failed: usize,
    /// Those that were given up.
    pub dead: usize,
}

/// A failure that is ours or our neighbours' in AWS. What could not be sent is still due.
#[derive(Debug, Error)]
pub enum DeliverError {
    /// The state table.
    #[error("the state table failed")]
    State(#[from] StateError),
    /// The signing keys.
    #[error("the webhook's signing keys could not be read")]
    Secret(#[from] SecretError),
}

/// Tells the platforms of all connections what is due, whatever the connections' status is. One that cannot be told keeps no other from it.
///
/// # Errors
/// The connections cannot be listed.
pub async fn deliver_all(ports: Ports<'_>, deadline: Timestamp) -> Result<Vec<(ConnectionId, Result<Delivered, DeliverError>)>, StateError> {
    let mut connections = ports.table.all_connections().await?;
    // In another order each minute: where platforms are slow, none is always the last.
    let now = ports.clock.now();
    connections.sort_by_cached_key(|connection| turn(connection, now));
    let tells: Vec<_> = connections.into_iter().map(|connection| deliver_one(ports, connection, deadline)).collect();
    let told: Vec<Option<_>> = stream::iter(tells).buffer_unordered(CONNECTIONS_AT_ONCE).collect().await;
    Ok(told.into_iter().flatten().collect())
}

/// Tells the platform of one connection; `None` where nothing is due.
async fn deliver_one(ports: Ports<'_>, c: ConnectionId, deadline: Timestamp) -> Option<(ConnectionId, Result<Delivered, DeliverError>)> {
    let delivered = deliver_by_document(ports, &c, deadline).await.transpose()?;
    match &delivered {
        Ok(Delivered { arrived, failed, dead }) => tracing::info!(connection.id = %c, arrived, failed, dead, "platform told"),
        Err(error) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(connection.id = %c, error = %error, cause, code = "platform_not_told", "platform not told");
        }
    }
    Some((c, delivered))
}

async fn deliver_by_document(ports: Ports<'_>, c: &ConnectionId, deadline: Timestamp) -> Result<Option<Delivered>, DeliverError> {
    if ports.table.due_deliveries(c, ports.clock.now(), 1).await?.is_empty() {
        return Ok(None);
    }
    match configure::load_current(ports, c).await? {
        Some((_, document)) => deliver_due(ports, &document, deadline).await.map(Some),
        None => Ok(None),
    }
}

/// Sends what is due of a connection, until nothing is or `deadline` is near. `document` is its current one.
pub async fn deliver_due(ports: Ports<'_>, document: &Document, deadline: Timestamp) -> Result<Delivered, DeliverError> {
    let c = &document.connection.id;
    let api = document.platform.mautic.is_some();
    let round = Round { ports, c, deadline, try_time: if api { BATCH_TIME } else { TRY_TIME }, count: &Count::default() };
    let mut seen = BTreeSet::new();
    let mut way = Way::of(ports, document).await?;
    while round.may_go_on() {
        let mut people = ports.table.due_deliveries(c, ports.clock.now(), ASKED_FOR).await?;
        people.retain(|person| seen.insert(person.clone()));
        if people.is_empty() {
            break;
        }
        match &mut way {
            Way::Webhook(webhook) => webhook.deliver(round, &people).await?,
            Way::Mautic(mautic) => mautic.deliver(round, &people).await?,
        }
    }
    if let Way::Mautic(mautic) = way {
        mautic.end(round).await?;
    }
    Ok(round.count.so_far())
}

/// How a platform is told.
enum Way<'a> {
    Webhook(ToWebhook<'a>),
    Mautic(Box<ToMautic<'a>>),
}

impl<'a> Way<'a> {
    async fn of(ports: Ports<'a>, document: &'a Document) -> Result<Self, DeliverError> {
        if document.platform.mautic.is_some() {
            return Ok(Self::Mautic(Box::new(ToMautic::open(ports, document).await)));
        }
        let keys = configure::webhook_keys(ports, &document.connection.id).await?;
        Ok(Self::Webhook(ToWebhook { webhook: document.platform.webhook.as_ref(), keys }))
    }
}

/// What sending needs to know, the same for everybody.
#[derive(Clone, Copy)]
struct Round<'a> {
    ports: Ports<'a>,
    c: &'a ConnectionId,
    deadline: Timestamp,
    try_time: SignedDuration,
    count: &'a Count,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Count {
    arrived: AtomicUsize,
    failed: AtomicUsize,
    dead: AtomicUsize,
    /// Tries running without an answer.
    silence: AtomicU32,
}

impl Count {
    fn so_far(&self) -> Delivered {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        Delivered { arrived: of(&self.arrived), failed: of(&self.failed), dead: of(&self.dead) }
    }
}

/// A person's deliveries that are still to be sent, the first first.
struct Queue {
    person: PersonKey,
    open: VecDeque<(Key, StoredDelivery)>,
}

/// A delivery that is ours for one try.
struct Claimed {
    key: Key,
    delivery: StoredDelivery,
}

/// What the platform made of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It has it.
    Arrived { status: Option<u16> },
    /// It does not, and may have it with another try.
    Failed { cause: &'static str, status: Option<u16> },
    /// No answer came.
    Silent { cause: &'static str },
    /// It will never have it.
    Impossible { cause: &'static str },
}

impl Answer {
    const fn failed(cause: &'static str) -> Self {
        Self::Failed { cause, status: None }
    }
}

/// Whoever made the last try did not live to note what became of it.
const UNNOTED: &str = "delivery_silent";

impl Round<'_> {
    /// Whether there is time for another try, and a platform that answers.
    fn may_go_on(&self) -> bool {
        let enough = self.ports.clock.now().saturating_add(self.try_time).is_ok_and(|end| end <= self.deadline);
        enough && self.count.silence.load(Ordering::Relaxed) < MOST_SILENCE
    }

    /// What is to be sent of a person; nothing where there is no time.
    async fn queue(self, person: &PersonKey) -> Result<Queue, StateError> {
        let open = if self.may_go_on() { self.ports.table.open_deliveries(self.c, person).await? } else { Vec::new() };
        Ok(Queue { person: person.clone(), open: open.into() })
    }

    /// Claims the first of a person's deliveries; `None` where none may be sent now.
    async fn next(self, queue: &mut Queue) -> Result<Option<Claimed>, StateError> {
        let Self { ports, c, .. } = self;
        while let Some((key, delivery)) = queue.open.pop_front() {
            if !self.may_go_on() {
                return Ok(None);
            }
            let now = ports.clock.now();
            if !delivery.is_due(now) {
                self.defer(queue, delivery.due_at.as_deref()).await?;
                return Ok(None);
            }
            if delivery.attempts >= MAX_TRIES {
                self.give_up(&queue.person, &delivery, UNNOTED);
                if !ports.table.settle_delivery(c, &key, delivery.attempts, Tried::Dead { cause: UNNOTED }, now).await? {
                    return Ok(None);
                }
                self.count.dead.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            return Ok(ports.table.claim_delivery(&key, &delivery, now).await?.map(|delivery| Claimed { key, delivery }));
        }
        Ok(None)
    }

    /// Notes what became of a try. Where the next one may not go yet, there is none in the queue then.
    async fn note(self, queue: &mut Queue, claimed: &Claimed, begun: Timestamp, answer: Answer) -> Result<(), StateError> {
        let tried = self.tell(&queue.person, &claimed.delivery, begun, answer);
        if !self.ports.table.settle_delivery(self.c, &claimed.key, claimed.delivery.attempts, tried, self.ports.clock.now()).await? {
            queue.open.clear();
            return Ok(());
        }
        let (count, again) = match tried {
            Tried::Arrived => (&self.count.arrived, None),
            Tried::Again { at, .. } => (&self.count.failed, Some(at)),
            Tried::Dead { .. } => (&self.count.dead, None),
        };
        count.fetch_add(1, Ordering::Relaxed);
        match again {
            Some(at) => self.defer(queue, Some(&sortable(at))).await,
            None => Ok(()),
        }
    }

    /// Lets what is due wait for the one before it. Otherwise it would be found with every sweep, and in the way of others.
    async fn defer(&self, queue: &mut Queue, at: Option<&str>) -> Result<(), StateError> {
        let later = std::mem::take(&mut queue.open);
        let Some(at) = at else { return Ok(()) };
        for (key, delivery) in later.iter().filter(|(_, delivery)| delivery.due_at.as_deref() < Some(at)) {
            self.ports.table.defer_delivery(key, delivery, at).await?;
        }
        Ok(())
    }

    /// Tells the log of a try, and answers what comes of it.
    fn tell(&self, person: &PersonKey, delivery: &StoredDelivery, begun: Timestamp, answer: Answer) -> Tried {
        match answer {
            Answer::Silent { .. } => _ = self.count.silence.fetch_add(1, Ordering::Relaxed),
            _ => self.count.silence.store(0, Ordering::Relaxed),
        }
        let now = self.ports.clock.now();
        let (c, id, attempt, duration_ms) = (self.c, &delivery.id, delivery.attempts, now.duration_since(begun).as_millis());
        let (cause, status) = match answer {
            Answer::Silent { .. } | Answer::Failed { .. } if planted::is(Bug::SilenceIsArrival) => return Tried::Arrived,
            Answer::Arrived { status } => {
                tracing::info!(connection.id = %c, person.key = %person, delivery.id = id, attempt, http.status = status, duration_ms, "delivered");
                return Tried::Arrived;
            }
            Answer::Failed { cause, status } => (cause, status),
            Answer::Silent { cause } => (cause, None),
            Answer::Impossible { cause } => {
                tracing::warn!(connection.id = %c, person.key = %person, delivery.id = id, attempt, code = cause, "not delivered, and never will be");
                return Tried::Dead { cause };
            }
        };
        if attempt >= MAX_TRIES {
            self.give_up(person, delivery, cause);
            return Tried::Dead { cause };
        }
        tracing::warn!(connection.id = %c, person.key = %person, delivery.id = id, attempt, http.status = status, duration_ms, code = cause, "not delivered");
        let at = now.saturating_add(backoff(attempt.saturating_sub(1), person.as_str())).unwrap_or(now);
        Tried::Again { at, cause }
    }

    fn give_up(&self, person: &PersonKey, delivery: &StoredDelivery, cause: &str) {
        let (c, id, attempt) = (self.c, &delivery.id, delivery.attempts);
        tracing::error!(connection.id = %c, person.key = %person, delivery.id = id, attempt, cause, code = "delivery_dead", "delivery given up");
    }
}
