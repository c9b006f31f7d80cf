//! A query with everything resolved that does not depend on records.

use super::ast::{Item, Query, Term};
use super::bind::{Binder, Ground};
use super::filter::RecordSides;
use super::groups::Grouping;
use super::message;
use super::shape::{Children, Shape};
use super::test::Test;
use super::value::Operand;
use crate::error::ApiError;
use crate::org::Cell;
use crate::schema::{FieldType, Flag, ID_FIELD, ObjectNo};

/// The largest OFFSET.
const FARTHEST_OFFSET: usize = 2_000;

/// A query with everything resolved that does not depend on records.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) object: ObjectNo,
    pub(super) kind: PlanKind,
    pub(super) test: Option<Test>,
    pub(super) order: Vec<Sort>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
    pub(super) all_rows: bool,
    /// The only thing asked for, where it is one.
    pub(super) single: Option<Operand>,
}

/// What a query brings.
#[derive(Clone, Debug)]
pub(super) enum PlanKind {
    /// Records.
    Records(Shape),
    /// How many there are.
    Count,
    /// Results of groups.
    Groups(Grouping),
}

/// What records are sorted by.
#[derive(Clone, Debug)]
pub(super) struct Sort {
    pub(super) operand: Operand,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

impl Plan {
    pub(super) fn new(binder: &Binder<'_>, query: &Query) -> Result<Self, ApiError> {
        let ground = binder.ground(query)?;
        Self::on(binder, &ground, query)
    }

    /// The plan of a sub-query for the records that refer to those of `parent`.
    pub(super) fn of_children(binder: &Binder<'_>, parent: &Ground, query: &Query) -> Result<Children, ApiError> {
        let wanted = &query.from.text;
        if let Some(within) = query.within.as_ref().filter(|within| !parent.names.iter().any(|name| name.eq_ignore_ascii_case(&within.text))) {
            return Err(message::no_children(binder.query, within.at, &format!("{}.{wanted}", within.text)));
        }
        let def = binder.org.object(parent.object);
        let links = def.map(|def| binder.org.schema().children(def));
        let found = links.into_iter().flatten().find_map(|(object, _, no, field)| {
            let name = field.child.name.as_deref()?;
            let named = name.eq_ignore_ascii_case(wanted);
            (named && binder.sees(object, no, field)).then(|| (object, no, name.to_owned()))
        });
        let Some((object, link, name)) = found else {
            return Err(match crate::schema::is_relationship_elsewhere(wanted) {
                true => ApiError::not_built(&format!("the relationship {wanted}")),
                false => message::no_children(binder.query, query.from.at, wanted),
            });
        };
        let ground = binder.ground_of(object, query.alias.as_ref()).with_ways(binder, &query.ways)?;
        let plan = Self::on(binder, &ground, query)?;
        if !matches!(plan.kind, PlanKind::Records(_)) {
            let text = "Aggregates are not allowed in a nested query";
            return Err(binder.malformed(query.from.at, text));
        }
        Ok(Children { name, link, plan })
    }

    fn on(binder: &Binder<'_>, ground: &Ground, query: &Query) -> Result<Self, ApiError> {
        let offset = checked_offset(binder, query)?;
        let kind = Self::kind_of(binder, ground, query)?;
        binder.check_joins(query)?;
        let sides = RecordSides { binder, ground };
        let mut tests = Vec::new();
        if let Some(filter) = &query.filter {
            tests.push(binder.test(filter, &sides)?);
        }
        tests.extend(scope_test(binder, ground, query)?);
        let (kind, order) = match kind {
            PlanKind::Groups(mut grouping) => {
                let order = grouping.order(binder, ground, query)?;
                (PlanKind::Groups(grouping), order)
            }
            kind => (kind, sorts(binder, ground, query)?),
        };
        let single = match query.select.as_slice() {
            [Item::Term { term, .. }] if query.group.is_empty() => binder.operand(ground, term).ok(),
            _ => None,
        };
        Ok(Self {
            object: ground.object,
            kind,
            test: match tests.len() {
                0 | 1 => tests.pop(),
                _ => Some(Test::All(tests)),
            },
            order,
            limit: query.limit,
            offset,
            all_rows: query.all_rows,
            single,
        })
    }

    fn kind_of(binder: &Binder<'_>, ground: &Ground, query: &Query) -> Result<PlanKind, ApiError> {
        if let [Item::Count] = query.select.as_slice() {
            return match query.group.first() {
                None => Ok(PlanKind::Count),
                Some(term) => Err(binder.malformed(term.at(), "Grouped query cannot use COUNT()")),
            };
        }
        if Grouping::is_wanted(query) {
            return Grouping::new(binder, ground, query).map(PlanKind::Groups);
        }
        if query.having.is_some() {
            let text = "HAVING needs a GROUP BY";
            return Err(binder.malformed(query.from.at, text));
        }
        let shape = binder.shape(ground, &query.select, query.limit)?;
        Ok(PlanKind::Records(shape))
    }

    /// Whether the answer is one column of ids.
    pub(super) fn is_list_of_ids(&self) -> bool {
        matches!(self.kind, PlanKind::Records(_))
            && self.single.as_ref().is_some_and(|operand| matches!(operand.kind(), FieldType::Id | FieldType::Reference))
    }
}

fn checked_offset(binder: &Binder<'_>, query: &Query) -> Result<usize, ApiError> {
    let Some((offset, at)) = query.offset else {
        return Ok(0);
    };
    if offset > FARTHEST_OFFSET {
        let text = "Maximum SOQL offset allowed is 2000";
        return Err(message::at(binder.query, at, "NUMBER_OUTSIDE_VALID_RANGE", text));
    }
    Ok(offset)
}

/// The scopes of the language. Source: SOQL and SOSL Reference, "USING SCOPE".
const SCOPES: &[&str] = &[
    "delegated",
    "everything",
    "mine",
    "mine_and_my_groups",
    "my_territory",
    "my_team_territory",
    "queue_owned",
    "scopingRule",
    "team",
    "user_owned",
];

/// USING SCOPE: `mine` and `everything`; others are not simulated.
fn scope_test(binder: &Binder<'_>, ground: &Ground, query: &Query) -> Result<Option<Test>, ApiError> {
    let Some(scope) = &query.scope else {
        return Ok(None);
    };
    if scope.text.eq_ignore_ascii_case("everything") {
        return Ok(None);
    }
    let owner = binder.org.object(ground.object).and_then(|def| def.known.owner);
    match (owner, binder.session) {
        (Some(_), Some(s)) if scope.text.eq_ignore_ascii_case("mine") => {
            let name = super::ast::Name { text: "OwnerId".to_owned(), at: scope.at };
            let path = super::ast::Path { parts: vec![name] };
            Ok(Some(Test::Compare { left: binder.operand(ground, &Term::Path(path))?, op: super::ast::Compare::Equal, right: Cell::Id(s.user) }))
        }
        _ if SCOPES.iter().any(|own| own.eq_ignore_ascii_case(&scope.text)) => {
            Err(ApiError::not_built(&format!("SOQL with the scope {}", scope.text)))
        }
        _ => Err(message::unexpected(binder.query, scope.at, &scope.text)),
    }
}

fn sorts(binder: &Binder<'_>, ground: &Ground, query: &Query) -> Result<Vec<Sort>, ApiError> {
    query
        .order
        .iter()
        .map(|order| {
            let operand = binder.operand(ground, &order.term)?;
            binder.check_flag(&operand, order.term.at(), Flag::SORT, "sorted")?;
            Ok(Sort { operand, descending: order.descending, nulls_last: order.nulls_last })
        })
        .collect()
}

impl Sort {
    /// Whether records are sorted by their id alone from here on.
    pub(super) fn is_id(&self) -> bool {
        !self.descending && self.operand.direct() == Some(ID_FIELD)
    }
}
