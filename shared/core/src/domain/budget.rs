//! How many API calls a connection may spend. The org's limit is shared with everybody else who calls it, so a connection has
//! a cap of its own, and the part of it that is kept for live events is not for work that can wait.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::Sentence;
use crate::planted::{self, Bug};

/// What a document says of API calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApiCalls {
    /// The most calls of a day (UTC); without it, as many as the org allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// Per cent of the calls, of the cap and of the org's limit, that are kept for live events.
    #[schemars(range(max = 100))]
    pub reserve_percent: u8,
}

impl Default for ApiCalls {
    fn default() -> Self {
        Self { per_day: None, reserve_percent: 10 }
    }
}

/// What calls are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Events that have just happened.
    Live,
    /// What can wait: it leaves the reserve alone.
    Backfill,
}

/// What was spent on a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Our own calls.
    #[serde(default)]
    pub calls: u64,
    /// Everybody's calls of the last 24 hours and the org's limit, as the org told last.
    #[serde(default)]
    pub org: Option<OrgUsage>,
    /// Until when the org is left alone, since it refused a call for its limit.
    #[serde(default)]
    pub refused_until: Option<Timestamp>,
    /// What work was told last when it had to wait.
    #[serde(default)]
    pub waits: Option<Wait>,
}

/// What the org told of its API calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgUsage {
    /// Calls of the last 24 hours.
    pub used: u64,
    /// The limit.
    pub max: u64,
    /// When it told so.
    pub at: Timestamp,
}

/// Whether calls may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They may.
    Go,
    /// The work waits.
    Wait(Wait),
}

impl Verdict {
    /// Until when the work waits, if it does.
    #[must_use]
    pub const fn wait(self) -> Option<Wait> {
        match self {
            Self::Go => None,
            Self::Wait(wait) => Some(wait),
        }
    }
}

/// Until when work waits, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Until then.
    pub until: Timestamp,
    /// Why.
    pub code: Limit,
}

/// What keeps calls from being spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The connection's own cap.
    DailyCap,
    /// The org's limit, which all who call it share.
    OrgLimit,
}

impl Limit {
    /// Its name, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DailyCap => "daily_cap",
            Self::OrgLimit => "org_limit",
        }
    }
}

impl Wait {
    /// It in words.
    #[must_use]
    pub fn sentence(&self) -> Sentence {
        let until = self.until.strftime("%Y-%m-%d %H:%M UTC");
        match self.code {
            Limit::DailyCap => Sentence::new(
                format!("It waits until {until}, since the API calls that the connection may make in a day are spent."),
                format!("En attente jusqu'au {until} : les appels d'API autorisés par jour à la connexion sont épuisés."),
            ),
            Limit::OrgLimit => Sentence::new(
                format!("It waits until {until}, since the org has no API calls left; it is asked again then."),
                format!("En attente jusqu'au {until} : l'org n'a plus d'appels d'API ; elle sera de nouveau interrogée à ce moment."),
            ),
        }
    }
}

/// The org's window slides, so calls come back little by little: it is asked again after this time.
pub const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// Whether calls may be spent now.
#[must_use]
pub fn verdict(limits: &ApiCalls, spent: &Spent, purpose: Purpose, now: Timestamp) -> Verdict {
    if planted::is(Bug::SpendOn) {
        return Verdict::Go;
    }
    if let Some(until) = spent.refused_until.filter(|until| *until > now) {
        return Verdict::Wait(Wait { until, code: Limit::OrgLimit });
    }
    let share = |all: u64| match purpose {
        Purpose::Live => all,
        Purpose::Backfill => all.saturating_mul(u64::from(100_u8.saturating_sub(limits.reserve_percent))) / 100,
    };
    if limits.per_day.is_some_and(|cap| spent.calls >= share(u64::from(cap))) {
        return Verdict::Wait(Wait { until: midnight(now), code: Limit::DailyCap });
    }
    match spent.org {
        Some(org) if org.used >= share(org.max) => {
            let until = org.at.saturating_add(LOOK_AGAIN).unwrap_or(now);
            if until > now { Verdict::Wait(Wait { until, code: Limit::OrgLimit }) } else { Verdict::Go }
        }
        _ => Verdict::Go,
    }
}

/// When the calls run out today, going on as since midnight; `None` where they do not.
#[must_use]
pub fn forecast(limits: &ApiCalls, spent: &Spent, now: Timestamp) -> Option<Timestamp> {
    let (today, tomorrow) = (day_start(day(now)), midnight(now));
    let gone = now.duration_since(today).as_secs().max(1);
    let of_cap = limits.per_day.map(|cap| u64::from(cap).saturating_sub(spent.calls));
    let left = of_cap.into_iter().chain(spent.org.map(|org| org.max.saturating_sub(org.used))).min()?;
    let seconds = i128::from(left) * i128::from(gone) / i128::from(spent.calls.max(1));
    let at = now.saturating_add(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX / 4))).ok()?;
    (spent.calls > 0 && at < tomorrow).then_some(at)
}

/// The day that a time belongs to, in UTC.
#[must_use]
pub fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

fn day_start(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

fn midnight(now: Timestamp) -> Timestamp {
    day(now).tomorrow().map_or(now, day_start)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-09-01T{text}:00Z").parse().unwrap()
    }

    #[test]
    fn calls_are_spent_until_the_cap_the_orgs_limit_or_its_refusal() {
        let now = at("12:00");
        let capped = |cap| ApiCalls { per_day: Some(cap), ..ApiCalls::default() };
        let org = |used, at| Spent { org: Some(OrgUsage { used, max: 1_000, at }), ..Spent::default() };
        let ours = |calls| Spent { calls, ..Spent::default() };
        let refused = |until| Spent { refused_until: Some(until), ..Spent::default() };
        let wait = |until, code| Verdict::Wait(Wait { until, code });
        let tomorrow = "2026-09-02T00:00:00Z".parse().unwrap();
        use Purpose::{Backfill, Live};
        for (name, limits, spent, purpose, want) in [
            ("nothing spent", ApiCalls::default(), Spent::default(), Live, Verdict::Go),
            ("below the cap", capped(100), ours(99), Live, Verdict::Go),
            ("at the cap", capped(100), ours(100), Live, wait(tomorrow, Limit::DailyCap)),
            ("the reserve is not for what can wait", capped(100), ours(90), Backfill, wait(tomorrow, Limit::DailyCap)),
            ("nor is it touched before", capped(100), ours(89), Backfill, Verdict::Go),
            ("the org has calls left", ApiCalls::default(), org(999, now), Live, Verdict::Go),
            ("the org has none left", ApiCalls::default(), org(1_000, at("11:50")), Live, wait(at("12:05"), Limit::OrgLimit)),
            ("it is asked again", ApiCalls::default(), org(1_000, at("11:45")), Live, Verdict::Go),
            ("its reserve is not for what can wait", ApiCalls::default(), org(900, now), Backfill, wait(at("12:15"), Limit::OrgLimit)),
            ("it refused", ApiCalls::default(), refused(at("12:01")), Live, wait(at("12:01"), Limit::OrgLimit)),
            ("it refused long ago", ApiCalls::default(), refused(at("12:00")), Live, Verdict::Go),
        ] {
            assert_eq!(verdict(&limits, &spent, purpose, now), want, "{name}");
        }
    }

    #[test]
    fn it_is_told_when_calls_run_out() {
        let limits = |per_day| ApiCalls { per_day, ..ApiCalls::default() };
        let spent =
            |calls, org: Option<(u64, u64)>| Spent { calls, org: org.map(|(used, max)| OrgUsage { used, max, at: at("06:00") }), ..Spent::default() };
        for (name, limits, spent, want) in [
            ("nothing was spent", limits(Some(100)), spent(0, None), None),
            ("half by six in the morning", limits(Some(100)), spent(50, None), Some(at("12:00"))),
            ("little enough for the day", limits(Some(100)), spent(20, None), None),
            ("the org runs out before the cap", limits(Some(1_000)), spent(50, Some((900, 950))), Some(at("12:00"))),
            ("no limit is known", limits(None), spent(1_000, None), None),
        ] {
            assert_eq!(forecast(&limits, &spent, at("06:00")), want, "{name}");
        }
    }
}
