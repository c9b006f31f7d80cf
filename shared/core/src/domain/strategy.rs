//! Which side's value a field keeps, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    config::{FieldRule, PeopleSection, Project, Strategy, Toggle},
    event::is_blank,
};

/// What is known about one field on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The platform's value; blank says nothing.
    pub platform: &'a Value,
    /// Since when the platform has it.
    pub platform_at: Timestamp,
    /// The platform's value when it was last sent.
    pub sent: Option<&'a Value>,
    /// What Salesforce has.
    pub salesforce: Seen<'a>,
}

/// Salesforce's value of one field.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// There is no record yet.
    NoRecord,
    /// The record was not read.
    Unread,
    /// The record was read; its value, and when the record was last modified.
    Value(&'a Value, Option<Timestamp>),
}

/// The rule that decided about one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A new record takes what the platform knows.
    NewRecord,
    /// The platform's value replaces Salesforce's.
    PlatformWins,
    /// Salesforce had no value.
    BlankFilled,
    /// The platform's statement is the later one.
    PlatformIsLater,
    /// The platform says nothing.
    PlatformBlank,
    /// Both sides have the same value.
    Same,
    /// This value was sent before, and the platform has not changed it since.
    SentBefore,
    /// Salesforce's value stays.
    SalesforceWins,
    /// Salesforce's statement is the later one.
    SalesforceIsLater,
}

/// Whether the platform's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is written.
    Write(Reason),
    /// Salesforce stays as it is.
    Keep(Reason),
}

/// The strategy that holds for a rule: field → project → connection → factory (fill if blank).
#[must_use]
pub fn effective(rule: &FieldRule, project: Option<&Project>, people: &PeopleSection) -> Strategy {
    let overwrite = project.and_then(|project| project.overwrite).unwrap_or(people.overwrite);
    match (rule.strategy, overwrite) {
        (Strategy::Inherit, Toggle::On) => Strategy::AlwaysPlatform,
        (Strategy::Inherit, Toggle::Off) => Strategy::FillIfBlank,
        (own, _) => own,
    }
}

/// Whether a decision under this strategy needs Salesforce's present value.
#[must_use]
pub fn reads(strategy: Strategy) -> bool {
    !matches!(strategy, Strategy::AlwaysPlatform | Strategy::AlwaysSalesforce)
}

/// Decides one field. `strategy` is an effective one; [`Strategy::Inherit`] counts as fill if blank.
#[must_use]
pub fn decide(strategy: Strategy, facts: Facts<'_>) -> Decision {
    use Decision::{Keep, Write};
    if is_blank(facts.platform) {
        return Keep(Reason::PlatformBlank);
    }
    let (value, modified) = match facts.salesforce {
        Seen::NoRecord => return Write(Reason::NewRecord),
        Seen::Unread => return unread(strategy, facts),
        Seen::Value(value, modified) => (value, modified),
    };
    if same(facts.platform, value) {
        return Keep(Reason::Same);
    }
    match strategy {
        Strategy::AlwaysPlatform => Write(Reason::PlatformWins),
        Strategy::AlwaysSalesforce => Keep(Reason::SalesforceWins),
        Strategy::FillIfBlank | Strategy::Inherit if is_blank(value) => Write(Reason::BlankFilled),
        Strategy::FillIfBlank | Strategy::Inherit => Keep(Reason::SalesforceWins),
        Strategy::MostRecent if is_blank(value) => Write(Reason::BlankFilled),
        Strategy::MostRecent if modified.is_some_and(|modified| facts.platform_at > modified) => Write(Reason::PlatformIsLater),
        Strategy::MostRecent => Keep(Reason::SalesforceIsLater),
    }
}

/// Without a look at the record only "always platform" may write, and only what it has not sent before.
fn unread(strategy: Strategy, facts: Facts<'_>) -> Decision {
    if strategy != Strategy::AlwaysPlatform {
        return Decision::Keep(Reason::SalesforceWins);
    }
    match facts.sent {
        Some(sent) if same(sent, facts.platform) => Decision::Keep(Reason::SentBefore),
        _ => Decision::Write(Reason::PlatformWins),
    }
}

/// Equal for our purposes: texts after trimming, e-mail addresses without regard to case (Salesforce keeps them in lower
/// case), numbers by value.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => {
            let (a, b) = (a.trim(), b.trim());
            a == b || (a.contains('@') && b.contains('@') && a.to_lowercase() == b.to_lowercase())
        }
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use Decision::{Keep, Write};
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn every_strategy_against_every_state_of_salesforce() {
        let early = at("2026-01-01T00:00:00Z");
        let late = at("2026-03-01T00:00:00Z");
        let (blank, other, same) = (json!(null), json!("B"), json!(" A "));
        use Strategy::{AlwaysPlatform, AlwaysSalesforce, FillIfBlank, MostRecent};
        let table = [
            (AlwaysPlatform, Seen::NoRecord, Write(Reason::NewRecord)),
            (AlwaysPlatform, Seen::Value(&blank, Some(early)), Write(Reason::PlatformWins)),
            (AlwaysPlatform, Seen::Value(&other, Some(late)), Write(Reason::PlatformWins)),
            (AlwaysPlatform, Seen::Value(&same, Some(late)), Keep(Reason::Same)),
            (AlwaysPlatform, Seen::Unread, Write(Reason::PlatformWins)),
            (AlwaysSalesforce, Seen::NoRecord, Write(Reason::NewRecord)),
            (AlwaysSalesforce, Seen::Value(&blank, Some(early)), Keep(Reason::SalesforceWins)),
            (AlwaysSalesforce, Seen::Value(&other, Some(early)), Keep(Reason::SalesforceWins)),
            (AlwaysSalesforce, Seen::Unread, Keep(Reason::SalesforceWins)),
            (FillIfBlank, Seen::NoRecord, Write(Reason::NewRecord)),
            (FillIfBlank, Seen::Value(&blank, None), Write(Reason::BlankFilled)),
            (FillIfBlank, Seen::Value(&other, None), Keep(Reason::SalesforceWins)),
            (FillIfBlank, Seen::Unread, Keep(Reason::SalesforceWins)),
            (MostRecent, Seen::NoRecord, Write(Reason::NewRecord)),
            (MostRecent, Seen::Value(&blank, Some(late)), Write(Reason::BlankFilled)),
            (MostRecent, Seen::Value(&other, Some(early)), Write(Reason::PlatformIsLater)),
            (MostRecent, Seen::Value(&other, Some(late)), Keep(Reason::SalesforceIsLater)),
            (MostRecent, Seen::Value(&other, None), Keep(Reason::SalesforceIsLater)),
            (MostRecent, Seen::Unread, Keep(Reason::SalesforceWins)),
        ];
        for (strategy, salesforce, want) in table {
            let value = json!("A");
            let facts = Facts { platform: &value, platform_at: at("2026-02-01T00:00:00Z"), sent: None, salesforce };
            assert_eq!(decide(strategy, facts), want, "{strategy:?} {salesforce:?}");
            // A blank platform value is never written, whatever the strategy.
            let facts = Facts { platform: &blank, ..facts };
            assert_eq!(decide(strategy, facts), Keep(Reason::PlatformBlank), "{strategy:?} {salesforce:?}");
        }
    }

    #[test]
    fn what_was_sent_before_is_not_sent_again_unread() {
        let (value, at) = (json!("A"), at("2026-02-01T00:00:00Z"));
        let facts = Facts { platform: &value, platform_at: at, sent: Some(&value), salesforce: Seen::Unread };
        assert_eq!(decide(Strategy::AlwaysPlatform, facts), Keep(Reason::SentBefore));
    }

    #[test]
    fn inheritance_goes_field_project_connection() {
        let rule = |strategy| FieldRule { from: "person.x".into(), to: "X".parse().unwrap(), strategy, values: Default::default() };
        let project = |overwrite| Project { name: "P".into(), integration: Toggle::On, overwrite };
        let people = |overwrite| PeopleSection { overwrite, ..PeopleSection::default() };
        for (own, project_says, connection_says, want) in [
            (Strategy::MostRecent, Some(Toggle::On), Toggle::On, Strategy::MostRecent),
            (Strategy::Inherit, Some(Toggle::On), Toggle::Off, Strategy::AlwaysPlatform),
            (Strategy::Inherit, Some(Toggle::Off), Toggle::On, Strategy::FillIfBlank),
            (Strategy::Inherit, None, Toggle::On, Strategy::AlwaysPlatform),
            (Strategy::Inherit, None, Toggle::Off, Strategy::FillIfBlank),
        ] {
            assert_eq!(effective(&rule(own), Some(&project(project_says)), &people(connection_says)), want);
        }
    }
}
