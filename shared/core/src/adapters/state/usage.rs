//! The API calls of a connection, day by day.

use jiff::Timestamp;

use super::{Expression, Key, StateError, Table, after_days};
use crate::domain::{
    budget::{OrgUsage, Spent, Wait, day},
    ids::ConnectionId,
};

/// How long a day's calls are kept.
const KEPT_DAYS: i64 = 90;

impl Table {
    /// What was spent on the day of `now`.
    pub async fn load_spent(&self, c: &ConnectionId, now: Timestamp) -> Result<Spent, StateError> {
        Ok(self.get(&Key::usage(c, day(now))).await?.unwrap_or_default())
    }

    /// Notes what work was told that has to wait.
    pub async fn note_wait(&self, c: &ConnectionId, wait: &Wait, now: Timestamp) -> Result<(), StateError> {
        let change = Expression::update("SET waits = :w, #ttl = if_not_exists(#ttl, :ttl)").name("#ttl", "ttl").value(":w", wait)?;
        self.update::<Spent>(&Key::usage(c, day(now)), change.number(":ttl", after_days(now, KEPT_DAYS))).await.map(drop)
    }

    /// Adds calls to those of the day, with what the org told of its own count and until when it refuses; answers what that makes.
    pub async fn add_spent(
        &self,
        c: &ConnectionId,
        calls: u32,
        org: Option<OrgUsage>,
        refused_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Spent, StateError> {
        let mut set = vec!["#ttl = if_not_exists(#ttl, :ttl)"];
        let mut values = Expression::default().name("#ttl", "ttl").number(":ttl", after_days(now, KEPT_DAYS)).number(":n", calls);
        if let Some(org) = &org {
            set.push("org = :org");
            values = values.value(":org", org)?;
        }
        if let Some(until) = &refused_until {
            set.push("refused_until = :until");
            values = values.value(":until", until)?;
        }
        let change = Expression { update: Some(format!("ADD calls :n SET {}", set.join(", "))), ..values };
        self.update(&Key::usage(c, day(now)), change).await
    }
}
