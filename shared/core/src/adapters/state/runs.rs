//! Hourly runs: how far a connection is, and the reports of those that ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Expression, Key, StateError, Table, Write, after_days, events::sortable};
use crate::domain::{
    ids::ConnectionId,
    run::{Asked, Run},
};

/// How long a report is kept.
const KEPT_DAYS: i64 = 90;

/// How far a connection's runs are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Raised with each change.
    pub version: u64,
    /// When the next run is due; absent = now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// When the last run that came to its end had begun, by our clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// What somebody has asked for, and no run has begun with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// When the last run that has read the platform's contacts to their end had begun, by our clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_at: Option<Timestamp>,
    /// Likewise of its companies; absent = they were never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companies_at: Option<Timestamp>,
    /// The run under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

impl Cursor {
    /// Whether a run is under way or due, where there are hourly runs (`hourly`), or was asked for.
    #[must_use]
    pub fn is_due(&self, hourly: bool, now: Timestamp) -> bool {
        self.run.is_some() || self.asked.is_some() || hourly && self.next_at.is_none_or(|at| at <= now)
    }
}

impl Table {
    /// How far the runs are; the beginning, where there was none.
    pub async fn load_cursor(&self, c: &ConnectionId) -> Result<Cursor, StateError> {
        Ok(self.get(&Key::cursor(c)).await?.unwrap_or_default())
    }

    /// Moves the cursor on, with the report of a run that has ended. [`StateError::Conflict`] means that somebody else has moved it.
    pub async fn move_cursor(&self, c: &ConnectionId, cursor: &Cursor, ended: Option<&Run>) -> Result<Cursor, StateError> {
        let next = Cursor { version: cursor.version + 1, ..cursor.clone() };
        let mut writes = vec![Write::put(Key::cursor(c), &next, Some(Expression::unchanged_since(cursor.version)))?];
        if let Some(run) = ended {
            let report = Report { run: run.clone(), ttl: after_days(run.started_at, KEPT_DAYS) };
            writes.push(Write::put(Key::run(c, &sortable(run.started_at), &run.id), &report, None)?);
        }
        let token = crate::domain::person::short_hash(&format!("{c}/{}/{}", next.version, next.run.as_ref().map_or("", |run| &run.id)));
        self.transact(writes, &token).await?;
        Ok(next)
    }

    /// Asks for everybody. It takes the place of what was asked before and not begun.
    pub async fn ask(&self, c: &ConnectionId, asked: &Asked) -> Result<Cursor, StateError> {
        loop {
            let cursor = self.load_cursor(c).await?;
            match self.move_cursor(c, &Cursor { asked: Some(asked.clone()), ..cursor }, None).await {
                // A run has moved on.
                Err(StateError::Conflict { .. }) => {}
                other => return other,
            }
        }
    }

    /// The reports of the runs that ended, oldest first, `most` at most.
    pub async fn load_runs(&self, c: &ConnectionId, most: usize) -> Result<Vec<Run>, StateError> {
        let found = self.pages::<Report>(&Key::connection_partition(c), Key::RUNS, usize::MAX).await?;
        let skipped = found.len().saturating_sub(most);
        Ok(found.into_iter().skip(skipped).map(|(_, report)| report.run).collect())
    }
}

#[derive(Serialize, Deserialize)]
struct Report {
    run: Run,
    ttl: i64,
}
