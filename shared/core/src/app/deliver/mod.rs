//! The platform's webhook: sends what the outbox holds, each person's deliveries in their order.
//!
//! A delivery is claimed for a minute, sent, and then settled. Whoever dies in between leaves it due, so it may be sent again, under the same
//! id; what arrived and was noted is not. Nothing of a person is sent before what came earlier arrived or was given up.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, header::CONTENT_TYPE};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, WebhookError};
use thiserror::Error;

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
        config::{Document, Webhook},
        ids::{ConnectionId, PersonKey},
        person::turn,
    },
    ports::{Ports, TransportError},
};

/// How long the platform may take to answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// No try is begun with less time than it may take, and what is noted of it.
const TRY_TIME: SignedDuration = SignedDuration::from_secs(18);
/// How many platforms are told at the same time.
const CONNECTIONS_AT_ONCE: usize = 8;
/// How many people's deliveries are sent at the same time.
const PEOPLE_AT_ONCE: usize = 16;
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
    let keys = configure::webhook_keys(ports, c).await?;
    let webhook = document.platform.webhook.as_ref();
    let round = Round { ports, c, webhook, keys: &keys, deadline, count: &Count::default() };
    let mut seen = BTreeSet::new();
    while round.may_go_on() {
        let mut people = ports.table.due_deliveries(c, ports.clock.now(), ASKED_FOR).await?;
        people.retain(|person| seen.insert(person.clone()));
        if people.is_empty() {
            break;
        }
        // Collected first: a stream over a closure that borrows is not `Send` for every lifetime, as the compiler wants it.
        let sends: Vec<_> = people.iter().map(|person| round.deliver(person)).collect();
        let sent: Vec<Result<(), StateError>> = stream::iter(sends).buffer_unordered(PEOPLE_AT_ONCE).collect().await;
        // Checked when all are through: somebody whose deliveries cannot be read keeps nobody else from theirs.
        sent.into_iter().collect::<Result<(), _>>()?;
    }
    Ok(round.count.so_far())
}

/// What sending needs to know, the same for everybody.
#[derive(Clone, Copy)]
struct Round<'a> {
    ports: Ports<'a>,
    c: &'a ConnectionId,
    webhook: Option<&'a Webhook>,
    keys: &'a [SecretString],
    deadline: Timestamp,
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

impl Round<'_> {
    /// Whether there is time for another try, and a platform that answers.
    fn may_go_on(&self) -> bool {
        let enough = self.ports.clock.now().saturating_add(TRY_TIME).is_ok_and(|end| end <= self.deadline);
        enough && self.count.silence.load(Ordering::Relaxed) < MOST_SILENCE
    }

    /// Sends a person's deliveries, the first first, up to one that fails.
    async fn deliver(self, person: &PersonKey) -> Result<(), StateError> {
        let Self { ports, c, .. } = self;
        if !self.may_go_on() {
            return Ok(());
        }
        let open = ports.table.open_deliveries(c, person).await?;
        for (nth, (key, delivery)) in open.iter().enumerate() {
            if !self.may_go_on() {
                return Ok(());
            }
            let now = ports.clock.now();
            if !delivery.is_due(now) {
                return self.defer(open.get(nth + 1..).unwrap_or_default(), delivery).await;
            }
            if delivery.attempts >= MAX_TRIES {
                // Whoever made the last try did not live to note what became of it.
                self.give_up(person, delivery, SILENT);
                if !ports.table.settle_delivery(c, key, delivery.attempts, Tried::Dead { cause: SILENT }, now).await? {
                    return Ok(());
                }
                self.count.dead.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let Some(claimed) = ports.table.claim_delivery(key, delivery, now).await? else { return Ok(()) };
            let tried = self.attempt(person, &claimed).await;
            if !ports.table.settle_delivery(c, key, claimed.attempts, tried, ports.clock.now()).await? {
                return Ok(());
            }
            let (count, again) = match tried {
                Tried::Arrived => (&self.count.arrived, None),
                Tried::Again { at, .. } => (&self.count.failed, Some(at)),
                Tried::Dead { .. } => (&self.count.dead, None),
            };
            count.fetch_add(1, Ordering::Relaxed);
            if let Some(at) = again {
                let failed = StoredDelivery { due_at: Some(sortable(at)), ..claimed };
                return self.defer(open.get(nth + 1..).unwrap_or_default(), &failed).await;
            }
        }
        Ok(())
    }

    /// Lets what is due wait for the one before it. Otherwise it would be found with every sweep, and in the way of others.
    async fn defer(&self, later: &[(Key, StoredDelivery)], first: &StoredDelivery) -> Result<(), StateError> {
        let Some(at) = &first.due_at else { return Ok(()) };
        for (key, delivery) in later.iter().filter(|(_, delivery)| delivery.due_at.as_ref() < Some(at)) {
            self.ports.table.defer_delivery(key, delivery, at).await?;
        }
        Ok(())
    }

    /// One try, and what comes of it.
    async fn attempt(&self, person: &PersonKey, delivery: &StoredDelivery) -> Tried {
        let begun = self.ports.clock.now();
        let (status, cause) = match self.send(delivery, begun).await {
            Ok(status) if (200..300).contains(&status) => (Some(status), None),
            Ok(status) => (Some(status), Some(REFUSED)),
            Err(cause) => (None, Some(cause)),
        };
        match cause {
            Some(SILENT) => _ = self.count.silence.fetch_add(1, Ordering::Relaxed),
            _ => self.count.silence.store(0, Ordering::Relaxed),
        }
        let now = self.ports.clock.now();
        let (c, id, attempt, duration_ms) = (self.c, &delivery.id, delivery.attempts, now.duration_since(begun).as_millis());
        match cause {
            None => {
                tracing::info!(connection.id = %c, person.key = %person, delivery.id = id, attempt, http.status = status, duration_ms, "delivered");
                Tried::Arrived
            }
            Some(cause) if attempt >= MAX_TRIES => {
                self.give_up(person, delivery, cause);
                Tried::Dead { cause }
            }
            Some(cause) => {
                tracing::warn!(connection.id = %c, person.key = %person, delivery.id = id, attempt, http.status = status, duration_ms, code = cause, "not delivered");
                let at = now.saturating_add(backoff(attempt.saturating_sub(1), person.as_str())).unwrap_or(now);
                Tried::Again { at, cause }
            }
        }
    }

    fn give_up(&self, person: &PersonKey, delivery: &StoredDelivery, cause: &str) {
        let (c, id, attempt) = (self.c, &delivery.id, delivery.attempts);
        tracing::error!(connection.id = %c, person.key = %person, delivery.id = id, attempt, cause, code = "delivery_dead", "delivery given up");
    }

    /// Sends a delivery, and answers the status; `Err` is the code of what kept it from an answer.
    async fn send(&self, delivery: &StoredDelivery, now: Timestamp) -> Result<u16, &'static str> {
        let url = self.webhook.and_then(|webhook| webhook.parse_url().ok()).ok_or(MISSING)?;
        let seconds = now.as_second();
        let signatures = sign(self.keys, &delivery.id, seconds, &delivery.body).map_err(|_| UNSIGNED)?;
        let request = Request::post(url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, &delivery.id)
            .header(HEADER_WEBHOOK_TIMESTAMP, seconds)
            .header(HEADER_WEBHOOK_SIGNATURE, signatures)
            .body(Bytes::from(delivery.body.clone()))
            .map_err(|_| UNSIGNED)?;
        match self.ports.platform.send(request, TIMEOUT).await {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error @ (TransportError::NotSent { .. } | TransportError::MaybeSent { .. })) => {
                let cause = std::iter::successors(std::error::Error::source(&error), |cause| cause.source()).last().map(ToString::to_string);
                tracing::debug!(connection.id = %self.c, delivery.id = delivery.id, error = %error, cause, "no answer");
                Err(SILENT)
            }
        }
    }
}

/// The platform answered with something else than success.
const REFUSED: &str = "delivery_refused";
/// The platform gave no answer, could not be reached, or has an address that may not be called.
const SILENT: &str = "delivery_silent";
/// The connection's document names no webhook any more.
const MISSING: &str = "delivery_without_webhook";
/// There is no key to sign with, or the delivery's id is none that a header may carry.
const UNSIGNED: &str = "delivery_unsigned";

/// The header `webhook-signature`: a signature by each key, so that the platform may change to a new key at any moment.
fn sign(keys: &[SecretString], id: &str, seconds: i64, body: &str) -> Result<String, WebhookError> {
    let signatures = keys.iter().map(|key| {
        let key = key.expose_secret();
        let webhook = standardwebhooks::Webhook::new(key);
        // Sources of other kinds may share a text that is no base64; then its bytes are the key.
        let webhook = webhook.or_else(|_| standardwebhooks::Webhook::from_bytes(key.as_bytes().to_vec()))?;
        webhook.sign(id, seconds, body.as_bytes())
    });
    let signatures: Vec<String> = signatures.collect::<Result<_, _>>()?;
    if signatures.is_empty() { Err(WebhookError::MissingHeader("signature")) } else { Ok(signatures.join(" ")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn each_key_signs_and_any_of_them_verifies() {
        let (new, old) = ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let now = Timestamp::now().as_second();
        let header = sign(&[new.to_owned().into(), old.to_owned().into()], "d1", now, "{}").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HEADER_WEBHOOK_ID, "d1".parse().unwrap());
        headers.insert(HEADER_WEBHOOK_TIMESTAMP, now.into());
        headers.insert(HEADER_WEBHOOK_SIGNATURE, header.parse().unwrap());
        for key in [new, old] {
            let webhook = standardwebhooks::Webhook::new(key).unwrap();
            assert!(webhook.verify(b"{}", &headers).is_ok(), "{key}");
            assert!(webhook.verify(b"{ }", &headers).is_err(), "{key}");
        }
        assert!(standardwebhooks::Webhook::new("whsec_AAAA").unwrap().verify(b"{}", &headers).is_err());
    }

    #[test]
    fn a_key_that_is_any_text_signs_by_its_bytes_and_no_key_signs_nothing() {
        let text = "a text, as Mautic shares one";
        let by_bytes = standardwebhooks::Webhook::from_bytes(text.as_bytes().to_vec()).unwrap().sign("d1", 7, b"{}").unwrap();
        assert_eq!(sign(&[text.to_owned().into()], "d1", 7, "{}").unwrap(), by_bytes);
        assert!(sign(&[], "d1", 7, "{}").is_err());
    }
}
