//! One writer per connection: a lease, a bell for those who come meanwhile, and the intent of the call that is under way.
//!
//! Guarantee: at any time at most one holder believes that it may write, as long as clocks differ by less than the margin
//! between lease and call. Assumption: a call is given up before its lease ends (see [`CALL_TIMEOUT`]).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Expression, Key, StateError, Table};
use crate::domain::ids::{ConnectionId, EventId};
use crate::planted::{self, Bug};

/// How long a lease holds unless it is extended.
pub const LEASE: SignedDuration = SignedDuration::from_secs(45);
/// How long a call to Salesforce may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The writer of a connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WriterItem {
    /// Who holds the lease; absent = nobody.
    #[serde(default)]
    pub owner: Option<String>,
    /// Raised each time the lease changes hands.
    #[serde(default)]
    pub epoch: u64,
    /// When the lease ends by itself, in milliseconds since 1970.
    #[serde(default)]
    pub until_ms: i64,
    /// Set by those who came and found the lease taken.
    #[serde(default)]
    pub rung: bool,
    /// The call that is under way.
    #[serde(default)]
    pub intent: Option<Intent>,
}

/// A write call that has begun and is not recorded yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When it was sent.
    pub at: Timestamp,
    /// The events whose people it touches.
    pub events: Vec<EventId>,
}

/// A held lease.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// Our token.
    pub owner: String,
    /// The call that the former holder did not live to record.
    pub unfinished: Option<Intent>,
}

/// What became of giving the lease back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// It is free.
    Released,
    /// Somebody rang: it is still ours, and there is more to do.
    Rung,
    /// It was not ours any more.
    Lost,
}

impl Table {
    /// Takes the lease if nobody holds it; otherwise rings, so that the holder goes on after us.
    pub async fn acquire_writer(&self, c: &ConnectionId, owner: &str, now: Timestamp) -> Result<Option<Lease>, StateError> {
        // Twice, because the holder may leave between our try and our ring.
        for _ in 0..2 {
            let change = Expression::update("SET #o = :o, until_ms = :u, rung = :f ADD epoch :one");
            let change = change.only_if("attribute_not_exists(#o) OR until_ms < :now OR #o = :o").name("#o", "owner");
            let change = if planted::is(Bug::DropLease) {
                change.only_if("attribute_not_exists(#o) OR until_ms < :now OR attribute_exists(#o)")
            } else {
                change
            };
            let change = change.text(":o", owner).number(":u", until(now)).number(":now", now.as_millisecond()).flag(":f", false).number(":one", 1);
            match self.update::<WriterItem>(&Key::writer(c), change).await {
                Ok(item) => return Ok(Some(Lease { owner: owner.to_owned(), unfinished: item.intent })),
                Err(StateError::Conflict { .. }) => {}
                Err(other) => return Err(other),
            }
            let ring = Expression::update("SET rung = :t").only_if("attribute_exists(#o) AND until_ms >= :now").name("#o", "owner");
            match self.update::<WriterItem>(&Key::writer(c), ring.flag(":t", true).number(":now", now.as_millisecond())).await {
                Ok(_) => return Ok(None),
                Err(StateError::Conflict { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Extends the lease and notes the call that is about to be sent. `false` = the lease is lost; nothing may be sent.
    pub async fn announce(&self, c: &ConnectionId, lease: &Lease, intent: &Intent) -> Result<bool, StateError> {
        let change = Expression::update("SET intent = :i, until_ms = :u").value(":i", intent)?.number(":u", until(intent.at));
        let ours = self.as_owner(c, lease, change).await?;
        Ok(ours || planted::is(Bug::DropLease) || planted::is(Bug::SweepWithoutLease))
    }

    /// Forgets the intent: what it announced is recorded. `false` = the lease is lost.
    pub async fn clear_intent(&self, c: &ConnectionId, lease: &Lease) -> Result<bool, StateError> {
        self.as_owner(c, lease, Expression::update("REMOVE intent")).await
    }

    /// Gives the lease back, unless somebody rang meanwhile.
    pub async fn release_writer(&self, c: &ConnectionId, lease: &Lease) -> Result<Release, StateError> {
        let change = Expression::update("REMOVE #o, intent SET until_ms = :zero").only_if("#o = :o AND rung = :f").name("#o", "owner");
        match self.update::<WriterItem>(&Key::writer(c), change.text(":o", &lease.owner).flag(":f", false).number(":zero", 0)).await {
            Ok(_) => return Ok(Release::Released),
            Err(StateError::Conflict { .. }) => {}
            Err(other) => return Err(other),
        }
        let rung = self.as_owner(c, lease, Expression::update("SET rung = :f").flag(":f", false)).await?;
        Ok(if rung { Release::Rung } else { Release::Lost })
    }

    /// Gives the lease back although somebody rang: our time is up, and what they brought is due by itself.
    pub async fn abandon_writer(&self, c: &ConnectionId, lease: &Lease) -> Result<(), StateError> {
        self.as_owner(c, lease, Expression::update("REMOVE #o SET until_ms = :zero, rung = :f").flag(":f", false).number(":zero", 0)).await?;
        Ok(())
    }

    async fn as_owner(&self, c: &ConnectionId, lease: &Lease, change: Expression) -> Result<bool, StateError> {
        let change = change.only_if("#o = :o").name("#o", "owner").text(":o", &lease.owner);
        match self.update::<WriterItem>(&Key::writer(c), change).await {
            Ok(_) => Ok(true),
            Err(StateError::Conflict { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

fn until(now: Timestamp) -> i64 {
    now.saturating_add(LEASE).unwrap_or(now).as_millisecond()
}
