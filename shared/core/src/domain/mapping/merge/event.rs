//! The same decision on the way of an event: Salesforce may not have been read, or not know the person yet.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, Bases, Decision, Direction, Policy, Reason, Sighting, Strategy, base, merge};
use crate::domain::event::is_blank;

/// Salesforce's value of one field.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// There is no record yet.
    NoRecord,
    /// The record was not read.
    Unread,
    /// The record was read.
    Value {
        /// Its value.
        value: &'a Value,
        /// The value when it was last seen.
        base: Option<&'a Value>,
        /// How late that is, as far as known.
        at: Option<SeenAt>,
    },
}

/// How late Salesforce's value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenAt {
    /// By the field's history.
    Field(Timestamp),
    /// By the record's last modification: the field no later than that, and perhaps long before.
    Record(Timestamp),
}

impl SeenAt {
    /// The time.
    #[must_use]
    pub const fn time(self) -> Timestamp {
        match self {
            Self::Field(at) | Self::Record(at) => at,
        }
    }
}

/// What an event does to one field of Salesforce.
#[derive(Debug, Clone, PartialEq)]
pub struct EventDecision {
    /// The value to write; null takes the value away.
    pub write: Option<Value>,
    /// Why, or why not.
    pub reason: Reason,
    /// The bases from now on, once it is written; `None` = as they were. What is to go to the platform is left for the run
    /// that takes it there, so its bases stay behind.
    pub bases: Option<Bases>,
    /// Whether both sides had changed and nothing could tell whose value is right.
    pub conflict: bool,
}

impl EventDecision {
    const fn keep(reason: Reason) -> Self {
        Self { write: None, reason, bases: None, conflict: false }
    }
}

/// Whether a decision under this policy needs Salesforce's present value.
#[must_use]
pub const fn reads(policy: &Policy) -> bool {
    let settled = match policy.strategy {
        Strategy::AlwaysPlatform => true,
        Strategy::AlwaysSalesforce => !policy.update_blanks,
        Strategy::FillIfBlank | Strategy::MostRecent | Strategy::Inherit => false,
    };
    !matches!(policy.direction, Direction::ToPlatform) && (policy.do_not_contact || !settled)
}

/// Decides what an event writes.
#[must_use]
pub fn decide_event(policy: &Policy, platform: Sighting<'_>, seen: Seen<'_>, same: &dyn Fn(&Value, &Value) -> bool) -> EventDecision {
    if policy.direction == Direction::ToPlatform {
        return EventDecision::keep(Reason::DirectionForbids);
    }
    match seen {
        Seen::NoRecord if is_blank(platform.value) => EventDecision::keep(Reason::PlatformBlank),
        Seen::NoRecord => EventDecision { write: Some(platform.value.clone()), ..EventDecision::keep(Reason::NewRecord) },
        Seen::Unread => unread(policy, platform, same),
        Seen::Value { value, base, at } => {
            let decision = decide_both_ways(policy, platform, (value, base, at), same);
            let blank = is_blank(platform.value) && !matches!(decision.action, Action::ToSalesforce(_));
            let reason = if blank { Reason::PlatformBlank } else { decision.reason };
            let (write, bases) = match decision.action {
                Action::ToSalesforce(value) => (Some(value), decision.bases),
                Action::Nothing => (None, decision.bases),
                Action::ToPlatform(_) => (None, None),
            };
            EventDecision { write, reason, bases, conflict: decision.conflict }
        }
    }
}

/// Decides what a run does, which carries values both ways. Salesforce's side comes as its value, the value when it was last seen, and
/// how late it is.
#[must_use]
pub fn decide_both_ways(
    policy: &Policy,
    platform: Sighting<'_>,
    (value, base, at): (&Value, Option<&Value>, Option<SeenAt>),
    same: &dyn Fn(&Value, &Value) -> bool,
) -> Decision {
    let at = match at {
        Some(SeenAt::Record(at)) if policy.do_not_contact => surely_earlier(at, platform.at),
        at => at.map(SeenAt::time),
    };
    merge(policy, platform, Sighting { value, base, at }, same)
}

/// The record's time, where it proves that Salesforce's statement came before the platform's. That it came after, it never
/// proves: somebody may have edited another field. For most fields that is good enough; whoever said no must not be written to.
fn surely_earlier(salesforce: Timestamp, platform: Option<Timestamp>) -> Option<Timestamp> {
    platform.filter(|ours| salesforce < *ours).and(Some(salesforce))
}

/// Without a look at the record only "always platform" may write, and only what it has not sent before.
fn unread(policy: &Policy, platform: Sighting<'_>, same: &dyn Fn(&Value, &Value) -> bool) -> EventDecision {
    if reads(policy) || policy.strategy != Strategy::AlwaysPlatform {
        return EventDecision::keep(Reason::SalesforceWins);
    }
    let had = platform.base.is_some_and(|base| !is_blank(base));
    match is_blank(platform.value) {
        true if policy.clears && had => EventDecision { write: Some(Value::Null), ..EventDecision::keep(Reason::PlatformCleared) },
        true => EventDecision::keep(Reason::PlatformBlank),
        false if platform.base.is_some_and(|sent| base::holds(sent, platform.value, same)) => EventDecision::keep(Reason::SentBefore),
        false => EventDecision { write: Some(platform.value.clone()), ..EventDecision::keep(Reason::PlatformWins) },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    fn policy(strategy: Strategy) -> Policy {
        Policy { strategy, direction: Direction::ToSalesforce, update_blanks: false, clears: false, do_not_contact: false }
    }

    fn same(a: &Value, b: &Value) -> bool {
        crate::domain::mapping::codec::same(None, a, b)
    }

    #[test]
    fn every_strategy_against_every_state_of_a_record_never_seen_before() {
        let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-03-01T00:00:00Z"));
        let (blank, other, equal) = (json!(null), json!("B"), json!(" A "));
        let value = |value, at: Option<Timestamp>| Seen::Value { value, base: None, at: at.map(SeenAt::Record) };
        use Strategy::{AlwaysPlatform, AlwaysSalesforce, FillIfBlank, MostRecent};
        let table = [
            (AlwaysPlatform, Seen::NoRecord, true, Reason::NewRecord),
            (AlwaysPlatform, value(&blank, early), true, Reason::PlatformWins),
            (AlwaysPlatform, value(&other, late), true, Reason::PlatformWins),
            (AlwaysPlatform, value(&equal, late), false, Reason::Same),
            (AlwaysPlatform, Seen::Unread, true, Reason::PlatformWins),
            (AlwaysSalesforce, Seen::NoRecord, true, Reason::NewRecord),
            (AlwaysSalesforce, value(&blank, early), false, Reason::SalesforceWins),
            (AlwaysSalesforce, value(&other, early), false, Reason::DirectionForbids),
            (AlwaysSalesforce, Seen::Unread, false, Reason::SalesforceWins),
            (FillIfBlank, Seen::NoRecord, true, Reason::NewRecord),
            (FillIfBlank, value(&blank, None), true, Reason::BlankFilled),
            (FillIfBlank, value(&other, None), false, Reason::BothFilled),
            (FillIfBlank, Seen::Unread, false, Reason::SalesforceWins),
            (MostRecent, Seen::NoRecord, true, Reason::NewRecord),
            (MostRecent, value(&blank, late), true, Reason::BlankFilled),
            (MostRecent, value(&other, early), true, Reason::PlatformIsLater),
            (MostRecent, value(&other, late), false, Reason::DirectionForbids),
            (MostRecent, value(&other, None), false, Reason::Undecided),
            (MostRecent, Seen::Unread, false, Reason::SalesforceWins),
        ];
        for (strategy, seen, writes, reason) in table {
            let value = json!("A");
            let platform = Sighting { value: &value, base: None, at: at("2026-02-01T00:00:00Z") };
            let decision = decide_event(&policy(strategy), platform, seen, &same);
            assert_eq!((decision.write.is_some(), decision.reason), (writes, reason), "{strategy:?} {seen:?}");
            // A blank platform value is never written, whatever the strategy.
            let silent = Sighting { value: &blank, ..platform };
            assert_eq!(decide_event(&policy(strategy), silent, seen, &same).write, None, "{strategy:?} {seen:?}");
        }
    }

    #[test]
    fn what_was_sent_before_is_not_sent_again_unread() {
        let value = json!("A");
        let platform = Sighting { value: &value, base: Some(&value), at: None };
        let always = policy(Strategy::AlwaysPlatform);
        assert_eq!(decide_event(&always, platform, Seen::Unread, &same), EventDecision::keep(Reason::SentBefore));
        let cleared = Sighting { value: &Value::Null, ..platform };
        assert_eq!(decide_event(&always, cleared, Seen::Unread, &same), EventDecision::keep(Reason::PlatformBlank));
        let decision = decide_event(&Policy { clears: true, ..always }, cleared, Seen::Unread, &same);
        assert_eq!((decision.write, decision.reason), (Some(Value::Null), Reason::PlatformCleared));
    }

    #[test]
    fn what_belongs_to_the_platform_waits_for_the_run_that_takes_it_there() {
        let (ours, theirs, base) = (json!("A"), json!("B"), json!("A"));
        let platform = Sighting { value: &ours, base: Some(&base), at: None };
        let seen = Seen::Value { value: &theirs, base: Some(&base), at: None };
        let both = Policy { direction: Direction::Both, ..policy(Strategy::MostRecent) };
        assert_eq!(decide_event(&both, platform, seen, &same), EventDecision::keep(Reason::SalesforceChanged));
    }
}
