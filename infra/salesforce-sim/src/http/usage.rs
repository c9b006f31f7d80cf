//! The meter of API calls: how many today, in all, and by whom.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Calls used. The allocation covers a UTC day here; a real org's is a sliding 24 hours.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    day: i64,
    today: u64,
    total: u64,
    by_client: BTreeMap<String, u64>,
    by_route: BTreeMap<String, u64>,
}

fn day(now: Timestamp) -> i64 {
    now.as_second().div_euclid(86_400)
}

impl Usage {
    /// Calls used today.
    pub fn today(&mut self, now: Timestamp) -> u64 {
        if self.day != day(now) {
            self.day = day(now);
            self.today = 0;
        }
        self.today
    }

    /// Counts one call.
    pub fn count(&mut self, client: Option<&str>, route: &str, now: Timestamp) {
        self.today = self.today(now) + 1;
        self.total += 1;
        *self.by_route.entry(route.to_owned()).or_default() += 1;
        *self.by_client.entry(client.unwrap_or_default().to_owned()).or_default() += 1;
    }

    /// Sets today's count.
    pub fn set(&mut self, used: u64, now: Timestamp) {
        self.day = day(now);
        self.today = used;
    }

    /// Calls since the start.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Calls since the start by route kind.
    pub fn by_route(&self) -> &BTreeMap<String, u64> {
        &self.by_route
    }

    /// Calls since the start by client name.
    pub fn by_client(&self) -> &BTreeMap<String, u64> {
        &self.by_client
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_new_day_begins_at_zero() {
        let at = |hour: i64| Timestamp::from_second(86_400 * 20_000 + hour * 3600).unwrap();
        let mut usage = Usage::default();
        usage.count(Some("acme"), "query", at(1));
        usage.count(None, "limits", at(2));
        assert_eq!((usage.today(at(23)), usage.today(at(24)), usage.total()), (2, 0, 2));
    }
}
