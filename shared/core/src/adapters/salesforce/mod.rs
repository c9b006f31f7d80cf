//! Salesforce's REST API: requests built and answers parsed by pure functions; sending is [`client::Org::send`] alone.
//!
//! Owns paths, headers, limits and error codes. Refuses to know people, mappings and plans.

pub mod bulk;
pub mod client;
mod codes;
pub mod collections;
pub mod composite;
pub mod describe;
pub mod error;
pub mod host;
pub mod oauth;
pub mod soql;
pub mod tooling;

use std::{collections::BTreeMap, fmt};

use thiserror::Error;

use crate::domain::config::{Duplicates, SalesforceSection, Toggle};

pub use client::{Org, Usage};
pub use composite::{Composite, CompositeAnswer, Sub, SubAnswer};
pub use error::{Class, RecordError, SalesforceError};

/// A version of the REST API, for example `66.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiVersion(String);

/// A text that is no version of the REST API.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no version of Salesforce's REST API; write one like 66.0")]
pub struct ApiVersionError(String);

impl ApiVersion {
    /// Two or three digits, then `.0`.
    pub fn parse(text: &str) -> Result<Self, ApiVersionError> {
        let digits = text.strip_suffix(".0").filter(|d| (2..=3).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()));
        digits.map(|_| Self(text.to_owned())).ok_or_else(|| ApiVersionError(text.chars().take(20).collect()))
    }

    /// The path of a resource, for example `/services/data/v66.0/composite` of `composite`.
    #[must_use]
    pub fn path(&self, resource: &str) -> String {
        format!("/services/data/v{}/{resource}", self.0)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name that our writes carry in the org's change events.
pub const CLIENT_NAME: &str = "client=passerelle";

/// How the org is to treat what we write: headers that each sub-request of a composite call must repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallOptions {
    /// Whether the org's assignment rules may choose owners. Salesforce's own default is that they do, on updates too.
    pub assignment_rules: Toggle,
    /// What happens when a duplicate rule objects.
    pub duplicates: Duplicates,
}

impl CallOptions {
    /// As the configuration document says.
    #[must_use]
    pub fn of(section: &SalesforceSection) -> Self {
        Self { assignment_rules: section.assignment_rules, duplicates: section.duplicates }
    }

    /// The headers of a sub-request that writes.
    ///
    /// Record details are never asked for: the answer to a duplicate names the records' ids without them.
    #[must_use]
    pub fn write_headers(self) -> BTreeMap<String, String> {
        let mut headers = read_headers();
        if self.assignment_rules == Toggle::Off {
            headers.insert("Sforce-Auto-Assign".to_owned(), "FALSE".to_owned());
        }
        let save = match self.duplicates {
            Duplicates::Park => "allowSave=false",
            Duplicates::Save => "allowSave=true",
        };
        headers.insert("Sforce-Duplicate-Rule-Header".to_owned(), format!("{save}; includeRecordDetails=false; runAsCurrentUser=true"));
        headers
    }
}

/// The headers of a sub-request that reads.
#[must_use]
pub fn read_headers() -> BTreeMap<String, String> {
    BTreeMap::from([("Sforce-Call-Options".to_owned(), CLIENT_NAME.to_owned())])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn api_versions() {
        for (text, fine) in
            [("66.0", true), ("100.0", true), ("66", false), ("66.1", false), ("v66.0", false), ("6.0", false), ("6a.0", false), ("", false)]
        {
            assert_eq!(ApiVersion::parse(text).is_ok(), fine, "{text}");
        }
        assert_eq!(ApiVersion::parse("66.0").unwrap().path("limits"), "/services/data/v66.0/limits");
    }

    #[test]
    fn owners_stay_ours_unless_the_orgs_rules_are_wanted() {
        let off = CallOptions { assignment_rules: Toggle::Off, duplicates: Duplicates::Park }.write_headers();
        assert_eq!(off.get("Sforce-Auto-Assign").unwrap(), "FALSE");
        assert!(off.get("Sforce-Duplicate-Rule-Header").unwrap().starts_with("allowSave=false;"));
        assert_eq!(off.get("Sforce-Call-Options").unwrap(), "client=passerelle");
        let on = CallOptions { assignment_rules: Toggle::On, duplicates: Duplicates::Save }.write_headers();
        assert_eq!(on.get("Sforce-Auto-Assign"), None);
        assert!(on.get("Sforce-Duplicate-Rule-Header").unwrap().starts_with("allowSave=true;"));
    }
}
