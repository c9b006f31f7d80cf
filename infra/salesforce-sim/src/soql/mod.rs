//! SOQL: reading and answering queries.
//!
//! A query is cut into tokens (`lex`), read into a tree (`parse`, `conditions`), given its meaning
//! for a user (`bind`, `shape`, `filter`, `groups`, all in a `plan`), and answered (`narrow`,
//! `run`). Knows the records only through [`Org`], and nothing of paging tokens or HTTP.

mod ast;
mod bind;
mod conditions;
mod dates;
mod escapes;
mod explain;
mod filter;
mod groups;
mod joins;
mod lex;
mod message;
mod narrow;
mod paging;
mod parse;
mod plan;
mod render;
mod run;
mod shape;
mod test;
mod unbuilt;
mod value;

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::ApiError;
use crate::org::{Answer, Org, QueryScope, Row, Session, Slot};
use crate::schema::ObjectNo;

use bind::Binder;
use filter::RecordSides;
pub(crate) use paging::{Continued, Left};
use plan::{Plan, PlanKind};
use render::Records;
use run::{Runner, subject};
use test::Test;

/// The records that answer a query, in their order. Which records they are is fixed when the query
/// is opened; what is in them is read when a page is rendered.
#[derive(Clone, Debug)]
pub struct Cursor {
    plan: Arc<Plan>,
    scope: QueryScope,
    rows: Rows,
}

#[derive(Clone, Debug)]
enum Rows {
    Records(Vec<Slot>),
    Groups(Vec<Value>),
    Count(usize),
}

impl Cursor {
    /// `totalSize` of the answer.
    #[must_use]
    pub fn total(&self) -> usize {
        match &self.rows {
            Rows::Records(slots) => slots.len(),
            Rows::Groups(groups) => groups.len(),
            Rows::Count(count) => *count,
        }
    }

    /// How many records there are to page through; 0 for `COUNT()`.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Count(_) => 0,
            _ => self.total(),
        }
    }

    /// Whether there is nothing to page through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Org {
    /// Runs a query and renders every record. For paging use [`Org::open_query`].
    ///
    /// # Errors
    /// `MALFORMED_QUERY`, `INVALID_FIELD`, `INVALID_TYPE` and the like, with their position.
    pub fn query(&self, s: &Session, soql: &str, scope: QueryScope) -> Result<Answer, ApiError> {
        let cursor = self.open_query(s, soql, scope)?;
        Ok(Answer { total: cursor.total(), records: self.page(s, &cursor, 0, cursor.len()) })
    }

    /// Runs a query and keeps which records answer it; [`Org::page`] renders them.
    ///
    /// # Errors
    /// As [`Org::query`].
    pub fn open_query(&self, s: &Session, soql: &str, scope: QueryScope) -> Result<Cursor, ApiError> {
        let query = parse::parse(soql)?;
        let binder = Binder { org: self, session: Some(s), query: soql };
        let runner = Runner::new(self, s, scope);
        let plan = runner.resolve(Plan::new(&binder, &query)?);
        let rows = match &plan.kind {
            PlanKind::Records(_) => Rows::Records(runner.slots(&plan)),
            PlanKind::Count => Rows::Count(runner.slots(&plan).len()),
            PlanKind::Groups(grouping) => {
                let groups = runner.groups(&plan, grouping);
                Rows::Groups(groups.iter().map(|results| grouping.render(results)).collect())
            }
        };
        Ok(Cursor { plan: Arc::new(plan), scope, rows })
    }

    /// Renders `count` records of an open query from number `from` on, as they are now: a record
    /// deleted since is left out.
    #[must_use]
    pub fn page(&self, s: &Session, cursor: &Cursor, from: usize, count: usize) -> Vec<Value> {
        match serde_json::to_value(Page { org: self, s, cursor, from, count, continued: &[] }) {
            Ok(Value::Array(records)) => records,
            _ => Vec::new(),
        }
    }

    /// The same as JSON text; of the children that go on with another page only those of this one.
    #[must_use]
    pub(crate) fn page_text(&self, s: &Session, cursor: &Cursor, from: usize, count: usize, continued: &[Continued]) -> Vec<u8> {
        // Nothing in a page can fail to be written.
        serde_json::to_vec(&Page { org: self, s, cursor, from, count, continued }).unwrap_or_default()
    }
}

/// Some records of an open query.
struct Page<'a> {
    org: &'a Org,
    s: &'a Session,
    cursor: &'a Cursor,
    from: usize,
    count: usize,
    continued: &'a [Continued],
}

impl Serialize for Page<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.cursor.rows {
            Rows::Groups(groups) => groups.get(window(groups.len(), self.from, self.count)).unwrap_or_default().serialize(serializer),
            Rows::Records(slots) => {
                let runner = Runner::new(self.org, self.s, self.cursor.scope);
                let slots = slots.get(window(slots.len(), self.from, self.count)).unwrap_or_default();
                Records { runner: &runner, session: self.s, plan: &self.cursor.plan, slots, continued: self.continued }.serialize(serializer)
            }
            Rows::Count(_) => [(); 0].serialize(serializer),
        }
    }
}

fn window(length: usize, from: usize, count: usize) -> std::ops::Range<usize> {
    let from = from.min(length);
    from..from.saturating_add(count).min(length)
}

/// A condition on the records of one object, written as a WHERE clause, in the rules of an org.
#[derive(Clone, Debug)]
pub(crate) struct Condition(Test);

impl Condition {
    /// Reads a condition.
    pub(crate) fn compile(org: &Org, object: ObjectNo, text: &str) -> Result<Self, ApiError> {
        let expr = parse::parse_condition(text)?;
        let binder = Binder { org, session: None, query: text };
        let ground = binder.ground_of(object, None);
        let sides = RecordSides { binder: &binder, ground: &ground };
        Ok(Self(binder.test(&expr, &sides)?))
    }

    /// Whether a record, stored or about to be, fulfils the condition.
    pub(crate) fn holds(&self, org: &Org, s: &Session, object: ObjectNo, row: &Row) -> bool {
        let runner = Runner::new(org, s, QueryScope::Live);
        let test = runner.resolve_test(self.0.clone());
        // The row may be on its way into the store, so it lives shorter than the org.
        let reader = value::Reader { org, zone: org.zone(s), user: None };
        reader.holds(&test, subject(object, row))
    }
}

/// The grammar for those who answer queries from elsewhere than the records.
pub(crate) mod tooling {
    use super::ast::LiteralValue;
    pub(crate) use super::ast::{Among, Compare, Expr, Item, Literal, Name, Query, Term};
    use super::test;
    pub(crate) use super::{message::no_column, parse::parse};

    impl Literal {
        /// The value as text; `None` for null.
        pub(crate) fn plain(&self) -> Option<String> {
            match &self.value {
                LiteralValue::Null => None,
                LiteralValue::Text { text, .. } => Some(text.clone()),
                _ => Some(self.text.clone()),
            }
        }
    }

    /// Whether a text fits the pattern of LIKE.
    pub(crate) fn like(text: &str, pattern: &Literal) -> bool {
        matches!(&pattern.value, LiteralValue::Text { pattern, .. } if test::like(text, pattern))
    }
}

#[cfg(test)]
mod tests;
