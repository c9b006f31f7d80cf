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
/// How long the writer is kept for a run that has found it taken, and asks again before that.
const KEPT: SignedDuration = SignedDuration::from_secs(5);
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
    /// A run has found the lease taken. Until then, in milliseconds since 1970, nobody else takes it.
    #[serde(default)]
    pub kept_until_ms: i64,
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
    /// Whether somebody has rung whom nobody has heard yet.
    pub rung: bool,
}

/// What somebody comes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Events: whoever holds the lease does them as well.
    Events,
    /// A part of a run, or something else that only those who came for it do: the holder makes room after the batch under way.
    Run,
}

/// What the holder is told with each change of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// There are new events.
    pub by_events: bool,
    /// A run waits.
    pub by_run: bool,
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
    /// Who holds the lease, and who wants it.
    pub async fn load_writer(&self, c: &ConnectionId) -> Result<WriterItem, StateError> {
        Ok(self.get(&Key::writer(c)).await?.unwrap_or_default())
    }

    /// Takes the lease if nobody holds it. Otherwise those who come with events ring, so that the holder works them as well, and a run has
    /// the lease kept for it.
    pub async fn acquire_writer(&self, c: &ConnectionId, owner: &str, turn: Turn, now: Timestamp) -> Result<Option<Lease>, StateError> {
        // Twice, because the holder may leave between our try and our ring.
        for _ in 0..2 {
            match self.update::<WriterItem>(&Key::writer(c), taking(owner, turn, now)).await {
                Ok(item) => return Ok(Some(Lease { owner: owner.to_owned(), unfinished: item.intent, rung: item.rung })),
                Err(StateError::Conflict { .. }) => {}
                Err(other) => return Err(other),
            }
            let wish = match turn {
                Turn::Events => Expression::update("SET rung = :t").flag(":t", true),
                Turn::Run => Expression::update("SET kept_until_ms = :k").number(":k", later(now, KEPT)),
            };
            let taken = "attribute_exists(#o) AND until_ms >= :now OR kept_until_ms >= :now";
            match self.update::<WriterItem>(&Key::writer(c), wish.only_if(taken).name("#o", "owner").number(":now", now.as_millisecond())).await {
                Ok(_) => return Ok(None),
                Err(StateError::Conflict { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }

    /// Extends the lease and notes the call that is about to be sent. `false` = the lease is lost; nothing may be sent.
    pub async fn announce(&self, c: &ConnectionId, lease: &Lease, intent: &Intent) -> Result<bool, StateError> {
        let change = Expression::update("SET intent = :i, until_ms = :u").value(":i", intent)?.number(":u", later(intent.at, LEASE));
        let ours = self.as_owner(c, lease, change).await?.is_some();
        Ok(ours || planted::is(Bug::DropLease) || planted::is(Bug::SweepWithoutLease))
    }

    /// Forgets the intent: what it announced is recorded. Answers who wants the lease, by the time `now`; `None` = it is lost.
    pub async fn clear_intent(&self, c: &ConnectionId, lease: &Lease, now: Timestamp) -> Result<Option<Wanted>, StateError> {
        let item = self.as_owner(c, lease, Expression::update("REMOVE intent")).await?;
        Ok(item.map(|item| Wanted { by_events: item.rung, by_run: item.kept_until_ms >= now.as_millisecond() }))
    }

    /// Gives the lease back, unless somebody rang meanwhile.
    pub async fn release_writer(&self, c: &ConnectionId, lease: &Lease) -> Result<Release, StateError> {
        let change = Expression::update("REMOVE #o, intent SET until_ms = :zero").only_if("#o = :o AND rung = :f").name("#o", "owner");
        match self.update::<WriterItem>(&Key::writer(c), change.text(":o", &lease.owner).flag(":f", false).number(":zero", 0)).await {
            Ok(_) => return Ok(Release::Released),
            Err(StateError::Conflict { .. }) => {}
            Err(other) => return Err(other),
        }
        Ok(if self.answer_bell(c, lease).await? { Release::Rung } else { Release::Lost })
    }

    /// Notes that the holder looks for new events now. `false` = the lease is lost.
    pub async fn answer_bell(&self, c: &ConnectionId, lease: &Lease) -> Result<bool, StateError> {
        Ok(self.as_owner(c, lease, Expression::update("SET rung = :f").flag(":f", false)).await?.is_some())
    }

    /// Gives the lease back although there may be more to do: what is left is due by itself. `ring`: a run comes next, and is to look for
    /// new events, too.
    pub async fn abandon_writer(&self, c: &ConnectionId, lease: &Lease, ring: bool) -> Result<(), StateError> {
        let change = if ring {
            Expression::update("REMOVE #o SET until_ms = :zero, rung = :t").flag(":t", true)
        } else {
            Expression::update("REMOVE #o SET until_ms = :zero")
        };
        self.as_owner(c, lease, change.number(":zero", 0)).await?;
        Ok(())
    }

    /// The item after the change; `None` = the lease is lost.
    async fn as_owner(&self, c: &ConnectionId, lease: &Lease, change: Expression) -> Result<Option<WriterItem>, StateError> {
        let change = change.only_if("#o = :o").name("#o", "owner").text(":o", &lease.owner);
        match self.update::<WriterItem>(&Key::writer(c), change).await {
            Ok(item) => Ok(Some(item)),
            Err(StateError::Conflict { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// Taking the lease. A run leaves the bell as it is: it works the new events after its own part.
fn taking(owner: &str, turn: Turn, now: Timestamp) -> Expression {
    let free = if planted::is(Bug::DropLease) { "attribute_exists(#o)" } else { "#o = :o" };
    let free = format!("(attribute_not_exists(#o) OR until_ms < :now OR {free})");
    let change = match turn {
        Turn::Events => Expression::update("SET #o = :o, until_ms = :u, rung = :f ADD epoch :one")
            .only_if(&format!("{free} AND (attribute_not_exists(kept_until_ms) OR kept_until_ms < :now)"))
            .flag(":f", false),
        Turn::Run => Expression::update("SET #o = :o, until_ms = :u REMOVE kept_until_ms ADD epoch :one").only_if(&free),
    };
    let change = change.name("#o", "owner").text(":o", owner).number(":u", later(now, LEASE));
    change.number(":now", now.as_millisecond()).number(":one", 1)
}

fn later(now: Timestamp, by: SignedDuration) -> i64 {
    now.saturating_add(by).unwrap_or(now).as_millisecond()
}
