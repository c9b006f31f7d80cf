//! Which side's value one field keeps: the three-way merge against the two bases, for both directions.
//!
//! Each side has changed when it differs from its own base. A blank is "unknown" and not a value, unless the rule says
//! `clears` and the base had a value: then it is a statement like any other. The decision is symmetrical: nothing but the
//! undecidable conflict, which Salesforce wins, tells the sides apart.

mod base;
mod event;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use base::{holds, remember};
pub use event::{EventDecision, Seen, SeenAt, decide_both_ways, decide_event, reads};

use super::Reason;
use crate::domain::event::is_blank;
use crate::planted::{self, Bug};

/// Which side's value a field keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The platform's value replaces Salesforce's.
    AlwaysPlatform,
    /// Salesforce's value stays; the platform's is used for new records only.
    AlwaysSalesforce,
    /// A value is written where the other side has none.
    FillIfBlank,
    /// The later of the two statements stays.
    MostRecent,
    /// As the project says, else as the connection says.
    #[default]
    Inherit,
}

/// Which way a field's values may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the platform to Salesforce only.
    #[default]
    ToSalesforce,
    /// From Salesforce to the platform only.
    ToPlatform,
    /// Both ways.
    Both,
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The product that meets people.
    Platform,
    /// The org.
    Salesforce,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Platform => Self::Salesforce,
            Self::Salesforce => Self::Platform,
        }
    }
}

/// What a rule says about conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// An effective strategy; [`Strategy::Inherit`] counts as fill if blank.
    pub strategy: Strategy,
    /// Which way values may go.
    pub direction: Direction,
    /// Whether a blank on either side is filled whatever the strategy.
    pub update_blanks: bool,
    /// Whether taking a value away is a statement.
    pub clears: bool,
    /// Whether the field says that somebody must not be contacted: then the latest statement wins, whatever the strategy.
    pub do_not_contact: bool,
}

/// One side of a field.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// The value now, in Salesforce's form.
    pub value: &'a Value,
    /// The value when the sides were last compared; `None` = never.
    pub base: Option<&'a Value>,
    /// Since when the value holds, as far as known.
    pub at: Option<Timestamp>,
}

/// What is to be done with one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Both sides stay as they are.
    Nothing,
    /// Salesforce gets this value; null takes its value away.
    ToSalesforce(Value),
    /// The platform gets this value; null takes its value away.
    ToPlatform(Value),
}

/// A decision about one field, with its reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Whether both sides had changed and nothing could tell whose value is right.
    pub conflict: bool,
    /// The bases from now on, once the action is done; `None` = as they were.
    pub bases: Option<Bases>,
}

/// The two bases of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Bases {
    /// The platform's.
    pub platform: Value,
    /// Salesforce's.
    pub salesforce: Value,
}

/// What a side says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A value.
    Known { moved: bool },
    /// That there is no value any more.
    Cleared,
    /// Nothing; `moved` if it had a value before.
    Unknown { moved: bool },
}

impl Word {
    fn of(side: Sighting<'_>, clears: bool, same: &dyn Fn(&Value, &Value) -> bool) -> Self {
        let had = side.base.is_some_and(|base| !is_blank(base));
        match is_blank(side.value) {
            false => Self::Known { moved: planted::is(Bug::SkipBase) || side.base.is_none_or(|base| !base::holds(base, side.value, same)) },
            true if had && clears => Self::Cleared,
            true => Self::Unknown { moved: had },
        }
    }
}

/// The side whose value stands, or nobody's.
type Verdict = (Option<Side>, Reason);

/// Decides one field. `same` tells whether two values of the field say the same.
#[must_use]
pub fn merge(policy: &Policy, platform: Sighting<'_>, salesforce: Sighting<'_>, same: &dyn Fn(&Value, &Value) -> bool) -> Decision {
    let (winner, reason) = if same(platform.value, salesforce.value) {
        (None, Reason::Same)
    } else if policy.do_not_contact {
        do_not_contact(platform, salesforce, same)
    } else {
        let words = (Word::of(platform, policy.clears, same), Word::of(salesforce, policy.clears, same));
        judge(policy, words, later(platform, salesforce))
    };
    let open = winner.is_none_or(|side| allows(policy.direction, side));
    let conflict = reason == Reason::Undecided;
    let (action, reason) = match winner.filter(|_| open) {
        Some(Side::Platform) => (Action::ToSalesforce(told(platform.value)), reason),
        Some(Side::Salesforce) => (Action::ToPlatform(told(salesforce.value)), reason),
        None if open => (Action::Nothing, reason),
        // That nobody could tell who is right is worth more than which way it could not go.
        None => (Action::Nothing, if conflict { reason } else { Reason::DirectionForbids }),
    };
    let bases = match &action {
        Action::ToPlatform(value) => Some(value),
        Action::ToSalesforce(_) => Some(platform.value),
        Action::Nothing => (reason == Reason::Same || settles(policy, platform, salesforce, same)).then_some(platform.value),
    };
    let bases = bases.map(|ours| Bases { platform: remember(ours), salesforce: remember(salesforce.value) });
    Decision { action, reason, conflict, bases }
}

/// Whether two values that differ and both stay have been compared for good. Only time does that: what a rule leaves as it
/// is, is decided anew once the rule is another. A clear that could not be passed on still stands, too: were the bases to
/// move, a later run would mistake the blank for one that nobody made and fill it.
fn settles(policy: &Policy, platform: Sighting<'_>, salesforce: Sighting<'_>, same: &dyn Fn(&Value, &Value) -> bool) -> bool {
    let by_time = policy.do_not_contact || policy.strategy == Strategy::MostRecent;
    by_time && [platform, salesforce].into_iter().all(|side| Word::of(side, policy.clears, same) != Word::Cleared)
}

/// A blank is sent as null, whatever it was written as.
fn told(value: &Value) -> Value {
    if is_blank(value) { Value::Null } else { value.clone() }
}

/// Whether the direction lets this side's value through to the other.
fn allows(direction: Direction, from: Side) -> bool {
    match from {
        Side::Platform => direction != Direction::ToPlatform,
        Side::Salesforce => direction != Direction::ToSalesforce,
    }
}

/// Whose statement is the later one, where both are dated and differ in time.
fn later(platform: Sighting<'_>, salesforce: Sighting<'_>) -> Option<Side> {
    let (platform, salesforce) = platform.at.zip(salesforce.at)?;
    match platform.cmp(&salesforce) {
        std::cmp::Ordering::Greater => Some(Side::Platform),
        std::cmp::Ordering::Less => Some(Side::Salesforce),
        std::cmp::Ordering::Equal => None,
    }
}

fn judge(policy: &Policy, (platform, salesforce): (Word, Word), later: Option<Side>) -> Verdict {
    use Side::{Platform, Salesforce};
    use Word::{Cleared, Known, Unknown};
    match (platform, salesforce) {
        (Known { moved: p }, Known { moved: s }) => both_known(policy.strategy, p, s, later),
        (Known { moved }, Cleared) => one_cleared(policy.strategy, Platform, moved, later),
        (Cleared, Known { moved }) => one_cleared(policy.strategy, Salesforce, moved, later),
        (Known { moved }, Unknown { moved: lost }) => one_unknown(policy, Platform, moved, lost),
        (Unknown { moved: lost }, Known { moved }) => one_unknown(policy, Salesforce, moved, lost),
        (Cleared | Unknown { .. }, Cleared | Unknown { .. }) => (None, Reason::Same),
    }
}

/// Two values that differ.
fn both_known(strategy: Strategy, platform: bool, salesforce: bool, later: Option<Side>) -> Verdict {
    match (platform, salesforce) {
        (false, false) => (None, Reason::Unchanged),
        (true, false) => one_moved(strategy, Side::Platform),
        (false, true) => one_moved(strategy, Side::Salesforce),
        (true, true) => match strategy {
            Strategy::FillIfBlank | Strategy::Inherit => (None, Reason::BothFilled),
            _ => by_strategy(strategy, later),
        },
    }
}

fn one_moved(strategy: Strategy, moved: Side) -> Verdict {
    match always(strategy) {
        Some(side) => (Some(side), wins(side)),
        None if strategy == Strategy::MostRecent => (Some(moved), changed(moved)),
        None => (None, Reason::BothFilled),
    }
}

/// One side has a value, the other one's was taken away.
fn one_cleared(strategy: Strategy, known: Side, moved: bool, later: Option<Side>) -> Verdict {
    match (strategy, moved) {
        (Strategy::FillIfBlank | Strategy::Inherit, true) => (Some(known), Reason::BlankFilled),
        (_, true) => by_strategy(strategy, later),
        (_, false) if always(strategy) == Some(known) => (Some(known), wins(known)),
        (_, false) => (Some(known.other()), cleared(known.other())),
    }
}

/// One side has a value, the other says nothing.
fn one_unknown(policy: &Policy, known: Side, moved: bool, lost: bool) -> Verdict {
    let fills = policy.update_blanks || matches!(policy.strategy, Strategy::FillIfBlank | Strategy::Inherit);
    match always(policy.strategy) {
        _ if fills => (Some(known), Reason::BlankFilled),
        Some(side) if side != known => (None, if moved { wins(side) } else { Reason::Unchanged }),
        Some(_) if moved || lost => (Some(known), wins(known)),
        None if moved => (Some(known), Reason::BlankFilled),
        _ => (None, Reason::Unchanged),
    }
}

/// Both sides have stated something, and differently.
fn by_strategy(strategy: Strategy, later: Option<Side>) -> Verdict {
    match (always(strategy), later) {
        (Some(side), _) => (Some(side), wins(side)),
        (None, Some(Side::Platform)) => (Some(Side::Platform), Reason::PlatformIsLater),
        (None, Some(Side::Salesforce)) => (Some(Side::Salesforce), Reason::SalesforceIsLater),
        (None, None) => (Some(Side::Salesforce), Reason::Undecided),
    }
}

/// The latest statement wins: the later of the two, else the only new one; what cannot be told leaves people alone.
fn do_not_contact(platform: Sighting<'_>, salesforce: Sighting<'_>, same: &dyn Fn(&Value, &Value) -> bool) -> Verdict {
    let word = |side| Word::of(side, false, same);
    match (word(platform), word(salesforce)) {
        // That somebody has not said no is what every new record has, and nobody's statement: taken for one it would be later than a no
        // that comes late.
        (Word::Known { .. }, Word::Unknown { .. }) if platform.value == &Value::Bool(false) => (None, Reason::Unchanged),
        (Word::Unknown { .. }, Word::Known { .. }) if salesforce.value == &Value::Bool(false) => (None, Reason::Unchanged),
        (Word::Known { .. }, Word::Unknown { .. }) => (Some(Side::Platform), Reason::BlankFilled),
        (Word::Unknown { .. }, Word::Known { .. }) => (Some(Side::Salesforce), Reason::BlankFilled),
        // Who says again what they had said before has said it later, so times go before changes.
        (Word::Known { moved: platform_moved }, Word::Known { moved: salesforce_moved }) => match later(platform, salesforce) {
            Some(Side::Platform) => (Some(Side::Platform), Reason::PlatformIsLater),
            Some(Side::Salesforce) => (Some(Side::Salesforce), Reason::SalesforceIsLater),
            None => match (platform_moved, salesforce_moved) {
                (true, false) => (Some(Side::Platform), Reason::PlatformChanged),
                (false, true) => (Some(Side::Salesforce), Reason::SalesforceChanged),
                (false, false) => (None, Reason::Unchanged),
                (true, true) if platform.value == &Value::Bool(true) && !planted::is(Bug::TieForgetsOptOut) => {
                    (Some(Side::Platform), Reason::OptOutWins)
                }
                (true, true) => (Some(Side::Salesforce), Reason::OptOutWins),
            },
        },
        _ => (None, Reason::Same),
    }
}

const fn always(strategy: Strategy) -> Option<Side> {
    match strategy {
        Strategy::AlwaysPlatform => Some(Side::Platform),
        Strategy::AlwaysSalesforce => Some(Side::Salesforce),
        Strategy::FillIfBlank | Strategy::MostRecent | Strategy::Inherit => None,
    }
}

const fn wins(side: Side) -> Reason {
    match side {
        Side::Platform => Reason::PlatformWins,
        Side::Salesforce => Reason::SalesforceWins,
    }
}

const fn changed(side: Side) -> Reason {
    match side {
        Side::Platform => Reason::PlatformChanged,
        Side::Salesforce => Reason::SalesforceChanged,
    }
}

const fn cleared(side: Side) -> Reason {
    match side {
        Side::Platform => Reason::PlatformCleared,
        Side::Salesforce => Reason::SalesforceCleared,
    }
}
