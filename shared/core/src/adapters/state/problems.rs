//! What stands in a connection's way and waits for somebody: one item for each problem, found again by what it is about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Key, StateError, Table, after_days};
use crate::domain::{event::hex, finding::Finding, ids::ConnectionId};

/// A problem that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProblem {
    /// Who found it, and alone settles it.
    pub source: String,
    /// When it was found first.
    pub found_at: Timestamp,
    /// When it was found last.
    pub seen_at: Timestamp,
    /// Since when it is a problem no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// When DynamoDB may drop it, in seconds since 1970; only once it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// What it is.
    #[serde(flatten)]
    pub finding: Finding,
}

/// How long a settled problem is kept.
const KEPT_DAYS: i64 = 90;
/// Most problems that are kept of one connection and source: beyond that, one more says nothing new.
const MAX: usize = 200;

fn key(c: &ConnectionId, finding: &Finding) -> Key {
    let about = Sha256::digest(format!("{}\n{}", finding.place, finding.words.en));
    Key::problem(c, &finding.code, &hex(&about).chars().take(16).collect::<String>())
}

impl Table {
    /// Every problem of a connection, by code.
    pub async fn load_problems(&self, c: &ConnectionId) -> Result<Vec<StoredProblem>, StateError> {
        Ok(self.problems(c).await?.into_values().filter(|problem| problem.settled_at.is_none()).collect())
    }

    /// Makes these the problems of a source: new ones are stored, known ones keep the time they were found, others are settled.
    pub async fn settle_problems(&self, c: &ConnectionId, source: &str, found: &[Finding], now: Timestamp) -> Result<(), StateError> {
        let mut former = self.problems(c).await?;
        former.retain(|_, problem| problem.source == source && problem.settled_at.is_none());
        for finding in found.iter().take(MAX) {
            let key = key(c, finding);
            let found_at = former.remove(&key).map_or(now, |known| known.found_at);
            let problem = StoredProblem { source: source.to_owned(), found_at, seen_at: now, settled_at: None, ttl: None, finding: finding.clone() };
            self.put(&key, &problem, None).await?;
        }
        // Not taken away: those who work may make and change items, and need no right to delete any.
        for (key, problem) in former {
            let ttl = Some(after_days(now, KEPT_DAYS));
            self.put(&key, &StoredProblem { settled_at: Some(now), ttl, ..problem }, None).await?;
        }
        Ok(())
    }

    async fn problems(&self, c: &ConnectionId) -> Result<BTreeMap<Key, StoredProblem>, StateError> {
        let problems = self.pages(&Key::connection_partition(c), Key::PROBLEMS, usize::MAX).await?;
        Ok(problems.into_iter().collect())
    }
}
