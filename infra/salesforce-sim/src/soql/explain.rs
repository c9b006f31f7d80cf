//! How a query would be answered: what `query?explain=` shows.
//!
//! Source: REST API Developer Guide, "Query Performance Feedback"; thresholds: "Index Tables and selectivity".

use serde_json::{Value, json};

use super::bind::Binder;
use super::narrow::{self, Access};
use super::parse;
use super::plan::Plan;
use super::run::Runner;
use crate::error::ApiError;
use crate::org::{Org, QueryScope, Session};
use crate::schema::FieldNo;

/// The share of the first million records that an index may leave, in per cent, and of those beyond.
const SELECTIVE: (usize, usize) = (30, 15);
const MILLION: usize = 1_000_000;

impl Org {
    /// The ways to answer a query, the cheapest first.
    ///
    /// # Errors
    /// As [`Org::query`].
    pub fn explain(&self, s: &Session, soql: &str) -> Result<Value, ApiError> {
        let query = parse::parse(soql)?;
        let binder = Binder { org: self, session: Some(s), query: soql };
        let runner = Runner::new(self, s, QueryScope::Live);
        let plan = runner.resolve(Plan::new(&binder, &query)?);
        let (Some(table), Some(def)) = (self.table(plan.object), self.object(plan.object)) else {
            return Err(ApiError::not_found());
        };
        let total = table.iter().count();
        let one = |kind: &str, fields: Vec<&str>, count: usize| {
            json!({
                "cardinality": count, "fields": fields, "leadingOperationType": kind, "notes": [],
                "relativeCost": cost(count, total), "sobjectCardinality": total, "sobjectType": &*def.name,
            })
        };
        let mut plans = Vec::new();
        if let Some(access) = plan.test.as_ref().and_then(|test| narrow::choose(test, table)) {
            let mut numbers = Vec::new();
            fields(&access, &mut numbers);
            let names = numbers.iter().filter_map(|no| def.field(*no)).map(|field| &*field.name).collect();
            plans.push(one("Index", names, narrow::slots(&access, table).len()));
        }
        plans.push(one("TableScan", Vec::new(), total));
        Ok(json!({"plans": plans, "sourceQuery": soql}))
    }
}

fn fields(access: &Access, found: &mut Vec<FieldNo>) {
    match access {
        Access::Values(field, _) | Access::Between(field, ..) if !found.contains(field) => found.push(*field),
        Access::Values(..) | Access::Between(..) => {}
        Access::Union(all) => all.iter().for_each(|access| fields(access, found)),
    }
}

/// Records to look at against those at which an index stops being worth it; above 1 a query is not selective.
fn cost(count: usize, total: usize) -> f64 {
    let (first, beyond) = SELECTIVE;
    let threshold = (total.min(MILLION) * first + total.saturating_sub(MILLION) * beyond) / 100;
    let thousandths = count.saturating_mul(1_000) / threshold.max(1);
    f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 1_000.0
}
