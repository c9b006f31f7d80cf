//! One field rule, ready for use.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{
    AttributeType, CodecError, codec,
    merge::{self, Direction, Policy, Strategy},
    preflight::{Misfit, Overflow},
    transform::Chain,
};
use crate::domain::{
    config::{PeopleSection, Project, Toggle},
    event::is_blank,
    ids::FieldName,
    schema::Field,
};

/// The standard field that says that somebody must not get e-mails. Whatever a rule for it says, the latest statement wins.
pub const OPT_OUT: &str = "HasOptedOutOfEmail";

/// A compiled field rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The field.
    pub to: FieldName,
    /// The external id by which the value finds the record that the field refers to.
    pub by: Option<FieldName>,
    /// Whether the value is the e-mail address of the user who owns the record.
    pub owner: bool,
    /// Where the value comes from.
    pub source: Source,
    /// The declared type of the attribute.
    pub kind: Option<AttributeType>,
    /// What happens to the value on its way.
    pub chain: Chain,
    /// The strategy as written.
    pub strategy: Strategy,
    /// Which way values may go.
    pub direction: Direction,
    /// Whether a blank on either side is filled whatever the strategy.
    pub update_blanks: bool,
    /// Whether taking a value away is a statement.
    pub clears: bool,
    /// What is done with a value that does not fit.
    pub overflow: Overflow,
    /// Whether the person waits until there is a value.
    pub required: bool,
    /// Where the rule stands in the document.
    pub place: String,
}

/// Where a field's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// An attribute, by its path.
    Attribute(String),
    /// The configuration.
    Fixed(Value),
    /// The moment of the write. It goes along with other changes, and is none by itself.
    SyncedAt,
}

/// A strategy, and the place of the document that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Effective {
    /// Never [`Strategy::Inherit`].
    pub strategy: Strategy,
    /// Who says so.
    pub by: By,
}

/// Who decided about a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The rule itself.
    Rule,
    /// The project's `overwrite`.
    Project,
    /// The connection's `people.overwrite`, whose factory setting is off.
    Connection,
}

impl Rule {
    /// The attribute's path; `None` for a value that the configuration sets.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        match &self.source {
            Source::Attribute(path) => Some(path),
            Source::Fixed(_) | Source::SyncedAt => None,
        }
    }

    /// The strategy that holds: field → project → connection → factory (fill if blank).
    #[must_use]
    pub fn strategy(&self, project: Option<&Project>, people: &PeopleSection) -> Effective {
        let (overwrite, by) = match project.and_then(|project| project.overwrite) {
            Some(overwrite) => (overwrite, By::Project),
            None => (people.overwrite, By::Connection),
        };
        match (self.strategy, overwrite) {
            (Strategy::Inherit, Toggle::On) => Effective { strategy: Strategy::AlwaysPlatform, by },
            (Strategy::Inherit, Toggle::Off) => Effective { strategy: Strategy::FillIfBlank, by },
            (own, _) => Effective { strategy: own, by: By::Rule },
        }
    }

    /// Whether the field says that somebody wants no e-mails.
    #[must_use]
    pub fn is_opt_out(&self) -> bool {
        self.to.as_str() == OPT_OUT
    }

    /// Whether the field gets the moment of each write.
    #[must_use]
    pub fn is_stamp(&self) -> bool {
        self.source == Source::SyncedAt
    }

    /// Whether the value is one of the company, and not of a person.
    #[must_use]
    pub fn is_of_company(&self) -> bool {
        self.from().is_some_and(|path| path.starts_with("company."))
    }

    /// Whether the platform's value may be held against the time of Salesforce's. No other strategy ever resolves to the most recent.
    #[must_use]
    pub fn goes_by_time(&self) -> bool {
        self.is_opt_out() || self.strategy == Strategy::MostRecent
    }

    /// What the merge goes by.
    #[must_use]
    pub fn policy(&self, project: Option<&Project>, people: &PeopleSection) -> Policy {
        Policy {
            strategy: self.strategy(project, people).strategy,
            direction: self.direction,
            update_blanks: self.update_blanks,
            clears: self.clears,
            do_not_contact: self.is_opt_out(),
        }
    }

    /// Whether a decision may need Salesforce's present value.
    #[must_use]
    pub fn reads(&self, project: Option<&Project>, people: &PeopleSection) -> bool {
        merge::reads(&self.policy(project, people))
    }

    /// The platform's value in the form of the field; null for a blank. `field` is `None` where the org's description is not
    /// known: then values go as they are, lists joined.
    ///
    /// # Errors
    /// A value that has no form for the field.
    pub fn to_salesforce<'v>(
        &self,
        value: &'v Value,
        other: &dyn Fn(&str) -> Option<&'v Value>,
        field: Option<&Field>,
        zone: &TimeZone,
    ) -> Result<Value, Misfit> {
        let value = self.chain.run(value, other, zone)?;
        match field {
            Some(field) => Ok(codec::encode(&value, self.chain.output(), field, zone)?.unwrap_or(Value::Null)),
            None if value.is_array() || value.is_object() => Ok(codec::encode(&value, None, &Field::default(), zone)?.unwrap_or(Value::Null)),
            None if is_blank(&value) => Ok(Value::Null),
            None => Ok(value.into_owned()),
        }
    }

    /// Salesforce's value in the form of the attribute; null for a blank. An attribute that is not declared takes the value as
    /// it is.
    ///
    /// # Errors
    /// A value that has no form for the attribute.
    pub fn to_platform(&self, value: &Value, field: &Field, zone: &TimeZone) -> Result<Value, CodecError> {
        let value = self.chain.back(value.clone());
        match self.kind {
            Some(kind) => Ok(codec::decode(&value, field, kind, zone)?.unwrap_or(Value::Null)),
            None => Ok(value),
        }
    }
}
