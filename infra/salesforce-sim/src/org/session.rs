//! In whose name, in which API version and with which request headers something is done.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::id::Id;

/// The fields of a record as a request brings them.
pub type Fields = Map<String, Value>;

/// The REST API version of a request, without the `.0`: 66 for `v66.0`.
pub type ApiVersion = u16;

/// In whose name something is done, and how.
#[derive(Clone, Debug)]
pub struct Session {
    /// The running user.
    pub user: Id,
    /// The API version of the path.
    pub version: ApiVersion,
    /// `client` of `Sforce-Call-Options`.
    pub client: Option<String>,
    /// `Sforce-Auto-Assign`: whether assignment rules choose the owner. Default true.
    pub auto_assign: bool,
    /// `Sforce-Duplicate-Rule-Header`.
    pub duplicates: DuplicateHeader,
    /// The instant of the request: every stamp it leaves is this one. It may lie back: then the
    /// records look like those of a transaction that committed late.
    pub now: Timestamp,
}

impl Session {
    /// A session of `user` at `now` with no header set, in API version 66.
    #[must_use]
    pub fn new(user: Id, now: Timestamp) -> Self {
        Self { user, version: 66, client: None, auto_assign: true, duplicates: DuplicateHeader::default(), now }
    }
}

/// The settings of `Sforce-Duplicate-Rule-Header`, all false by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DuplicateHeader {
    /// Save although a rule with the action "alert" fires.
    pub allow_save: bool,
    /// Bring the fields of the matching records, not only their ids.
    pub include_details: bool,
    /// Match only what the running user can see.
    pub run_as_current: bool,
}

/// Which records a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryScope {
    /// `query`: live records.
    Live,
    /// `queryAll`: deleted, merged and archived ones too.
    All,
}

/// What became of an upsert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upserted {
    /// The record.
    pub id: Id,
    /// Whether it was made by this call.
    pub created: bool,
}

/// Why an upsert, or a look-up by key, came to nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum UpsertError {
    /// Several records have the key: the answer is status 300 with their URLs.
    Many(Vec<Id>),
    /// Anything else.
    Errors(Vec<crate::error::ApiError>),
}

impl From<crate::error::ApiError> for UpsertError {
    fn from(error: crate::error::ApiError) -> Self {
        Self::Errors(vec![error])
    }
}

impl From<Vec<crate::error::ApiError>> for UpsertError {
    fn from(errors: Vec<crate::error::ApiError>) -> Self {
        Self::Errors(errors)
    }
}

/// The whole answer of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How many records there are; for `COUNT()` the number counted, with no records.
    pub total: usize,
    /// The records with their `attributes`.
    pub records: Vec<Value>,
}
