//! Answers a plan: finds the records, sorts them, counts them, puts them into groups.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::dates::{self, Present};
use super::narrow::{self, Access};
use super::plan::{Plan, PlanKind, Sort};
use super::shape::Shape;
use super::test::Test;
use super::value::{Reader, Subject};
use crate::org::{Cell, Org, OwnedCell, QueryScope, RECYCLE_BIN_MILLIS, Row, Session, Slot, Table};
use crate::schema::{FieldNo, FieldType, ObjectNo};

fn indexed_until(org: &Org, now: jiff::Timestamp) -> i64 {
    match org.doubts().index_lag_seconds {
        0 => i64::MAX,
        seconds => now.as_millisecond().saturating_sub(i64::from(seconds) * 1_000),
    }
}

/// Answers queries for one user at one instant.
pub(super) struct Runner<'a> {
    pub(super) org: &'a Org,
    pub(super) reader: Reader<'a>,
    present: Present,
    scope: QueryScope,
    /// Records made after this instant are not in the indexes yet.
    indexed_until: i64,
    /// Records deleted before this instant have left the recycle bin.
    purged_until: i64,
}

impl<'a> Runner<'a> {
    pub(super) fn new(org: &'a Org, s: &Session, scope: QueryScope) -> Self {
        let zone = org.zone(s);
        let locale = org.user(&s.user).map_or("", |user| &user.locale);
        Self {
            org,
            present: Present { today: s.now.to_zoned(zone.clone()).date(), week_start: dates::week_start(locale) },
            reader: Reader { org, zone, user: Some(s.user) },
            scope,
            indexed_until: indexed_until(org, s.now),
            purged_until: s.now.as_millisecond().saturating_sub(RECYCLE_BIN_MILLIS),
        }
    }

    /// The plan with its date literals and semi-joins resolved.
    pub(super) fn resolve(&self, mut plan: Plan) -> Plan {
        plan.test = plan.test.map(|test| self.resolve_test(test));
        match &mut plan.kind {
            PlanKind::Groups(grouping) => {
                let having = grouping.having().cloned();
                grouping.set_having(having.map(|test| self.resolve_test(test)));
            }
            PlanKind::Records(shape) => self.resolve_children(shape),
            PlanKind::Count => {}
        }
        plan
    }

    fn resolve_children(&self, shape: &mut Shape) {
        for children in &mut shape.children {
            let plan = children.plan.clone();
            children.plan = self.resolve(plan);
        }
    }

    pub(super) fn resolve_test(&self, test: Test) -> Test {
        let each = |all: Vec<Test>| all.into_iter().map(|test| self.resolve_test(test)).collect();
        match test {
            Test::All(all) => Test::All(each(all)),
            Test::Any(all) => Test::Any(each(all)),
            Test::Not(inner) => Test::Not(Box::new(self.resolve_test(*inner))),
            Test::Span { left, op, word, count } => match self.span(&word, count, left.kind()) {
                Some((from, to)) => Test::Within { left, op, from, to },
                None => Test::Any(Vec::new()),
            },
            Test::Join { left, negated, plan } => Test::Ids { left, negated, ids: self.ids(*plan) },
            other => other,
        }
    }

    fn span(&self, word: &str, count: Option<i64>, kind: FieldType) -> Option<(OwnedCell, OwnedCell)> {
        let days = dates::days(word, count, &self.present)?;
        if kind == FieldType::Date {
            return Some((Cell::day(days.start), Cell::day(days.end)));
        }
        let (from, to) = days.millis(&self.reader.zone);
        Some((Cell::Instant(from), Cell::Instant(to)))
    }

    fn ids(&self, plan: Plan) -> HashSet<crate::id::Id> {
        let plan = self.resolve(plan);
        let Some(operand) = &plan.single else {
            return HashSet::new();
        };
        let table = self.org.table(plan.object);
        self.slots(&plan)
            .into_iter()
            .filter_map(|slot| table?.get(slot))
            .filter_map(|row| self.reader.read(operand, subject(plan.object, row)).as_id())
            .collect()
    }

    /// Whether a record may appear at all: not from the recycle bin or the archive unless asked, nor hidden or late.
    pub(super) fn is_visible(&self, plan: &Plan, table: &Table, slot: Slot, row: &Row) -> bool {
        let object = plan.object;
        let in_scope = if self.scope == QueryScope::All || plan.all_rows {
            !(table.is_deleted(slot) && self.is_purged(object, row))
        } else {
            !table.is_deleted(slot) && !self.is_archived(object, row)
        };
        in_scope && !self.is_late(object, row) && self.reader.sees(row)
    }

    /// Whether being live is all it takes to appear: then no record need be opened to know which do.
    fn sees_all_live(&self, plan: &Plan) -> bool {
        let live = self.scope == QueryScope::Live && !plan.all_rows;
        let archives = self.org.object(plan.object).is_some_and(|def| def.known.is_archived.is_some());
        live && !archives && self.indexed_until == i64::MAX && !self.org.hides_any()
    }

    fn is_archived(&self, object: ObjectNo, row: &Row) -> bool {
        self.org.object(object).and_then(|def| def.known.is_archived).is_some_and(|field| row.get(field).is_true())
    }

    fn is_purged(&self, object: ObjectNo, row: &Row) -> bool {
        let stamp = self.org.object(object).and_then(|def| def.known.modstamp).and_then(|field| row.get(field).as_millis());
        stamp.is_some_and(|at| at < self.purged_until)
    }

    fn is_late(&self, object: ObjectNo, row: &Row) -> bool {
        if self.indexed_until == i64::MAX {
            return false;
        }
        let made = self.org.object(object).and_then(|def| def.known.created_date).and_then(|field| row.get(field).as_millis());
        made.is_some_and(|at| at > self.indexed_until)
    }

    fn fits(&self, plan: &Plan, table: &'a Table, slot: Slot) -> bool {
        table.get(slot).is_some_and(|row| {
            self.is_visible(plan, table, slot, row) && plan.test.as_ref().is_none_or(|test| self.reader.holds(test, subject(plan.object, row)))
        })
    }

    /// The records that answer a resolved plan, in their order.
    pub(super) fn slots(&self, plan: &Plan) -> Vec<Slot> {
        let Some(table) = self.org.table(plan.object) else {
            return Vec::new();
        };
        let access = plan.test.as_ref().and_then(|test| narrow::choose(test, table));
        if let Some(slots) = self.walked(plan, table, access.as_ref()) {
            return slots;
        }
        let enough = plan.limit.unwrap_or(usize::MAX).saturating_add(plan.offset);
        let enough = if plan.order.is_empty() { enough } else { usize::MAX };
        let fits = |slot: &Slot| self.fits(plan, table, *slot);
        let found: Vec<Slot> = match &access {
            Some(access) => {
                let slots = narrow::slots(access, table).into_iter();
                slots.filter(fits).take(enough).collect()
            }
            None if plan.test.is_none() && self.sees_all_live(plan) => table.live_slots().take(enough).collect(),
            None => table.slots().filter(fits).take(enough).collect(),
        };
        let mut found = found;
        self.sort(plan, table, &mut found);
        cut(found, plan)
    }

    /// ORDER BY an indexed time, then by id: the index has that order already, and a LIMIT ends
    /// the walk early.
    fn walked(&self, plan: &Plan, table: &'a Table, access: Option<&Access>) -> Option<Vec<Slot>> {
        let (first, rest) = plan.order.split_first()?;
        let by_id = match rest {
            [] => true,
            [next] => next.is_id(),
            _ => false,
        };
        let field = first.operand.direct().filter(|_| !first.descending && by_id)?;
        let known = self.org.object(plan.object)?.known;
        let timed = [known.modstamp, known.created_date].contains(&Some(field));
        if !timed || !table.is_in_order() {
            return None;
        }
        let (from, to) = match access {
            None => (i64::MIN, i64::MAX),
            Some(Access::Between(own, from, to)) if *own == field => (*from, *to),
            Some(_) => return None,
        };
        let enough = plan.limit.unwrap_or(usize::MAX).saturating_add(plan.offset);
        let found = table.walk(field, from, to)?.filter(|slot| self.fits(plan, table, *slot)).take(enough).collect();
        Some(cut(found, plan))
    }

    fn sort(&self, plan: &Plan, table: &'a Table, slots: &mut Vec<Slot>) {
        if plan.order.is_empty() {
            return;
        }
        let mut keyed: Vec<(Vec<Cell<'a>>, Slot)> = slots
            .iter()
            .filter_map(|slot| {
                let subject = subject(plan.object, table.get(*slot)?);
                let keys = plan.order.iter().map(|sort| self.reader.read(&sort.operand, subject));
                Some((keys.collect(), *slot))
            })
            .collect();
        keyed.sort_by(|(a, at), (b, other)| order(&plan.order, a, b).then(at.cmp(other)));
        *slots = keyed.into_iter().map(|(_, slot)| slot).collect();
    }

    /// The records that refer to a record through a field, as a resolved plan wants them.
    pub(super) fn children(&self, plan: &Plan, link: FieldNo, id: crate::id::Id) -> Vec<Slot> {
        let Some(table) = self.org.table(plan.object) else {
            return Vec::new();
        };
        let mut slots = table.candidates(link, &Cell::Id(id)).unwrap_or_default();
        slots.retain(|slot| table.get(*slot).is_some_and(|row| row.get(link) == Cell::Id(id)) && self.fits(plan, table, *slot));
        self.sort(plan, table, &mut slots);
        cut(slots, plan)
    }

    /// The results of the groups of a resolved plan, in their order.
    pub(super) fn groups(&self, plan: &Plan, grouping: &super::groups::Grouping) -> Vec<Vec<OwnedCell>> {
        let Some(table) = self.org.table(plan.object) else {
            return Vec::new();
        };
        // LIMIT and ORDER BY are about the groups, not about the records in them.
        let records = Plan { order: Vec::new(), limit: None, offset: 0, ..plan.clone() };
        let slots = self.slots(&records);
        let rows = slots.iter().filter_map(|slot| table.get(*slot));
        let all = grouping.results(&self.reader, plan.object, rows);
        if all.is_empty() {
            return grouping.nothing().into_iter().collect();
        }
        let kept = all.into_iter().filter(|(results, row)| {
            let subject = Subject { object: plan.object, row, results: &[] };
            grouping.having().is_none_or(|test| self.holds_for_group(test, subject, results))
        });
        let mut kept: Vec<Vec<OwnedCell>> = kept.map(|(results, _)| results).collect();
        kept.sort_by(|a, b| {
            let keys = |results: &[OwnedCell]| -> Vec<OwnedCell> {
                let number = |sort: &Sort| match sort.operand {
                    super::value::Operand::Result { number, .. } => results.get(number).cloned(),
                    _ => None,
                };
                plan.order.iter().map(|sort| number(sort).unwrap_or(Cell::Null)).collect()
            };
            order(&plan.order, &keys(a), &keys(b))
        });
        cut(kept, plan)
    }

    fn holds_for_group(&self, test: &Test, subject: Subject<'a>, results: &[OwnedCell]) -> bool {
        // Results live shorter than records, so they are compared by a reader of their own.
        let reader = Reader { org: self.org, zone: self.reader.zone.clone(), user: self.reader.user };
        reader.holds(test, Subject { object: subject.object, row: subject.row, results })
    }
}

pub(super) const fn subject(object: ObjectNo, row: &Row) -> Subject<'_> {
    Subject { object, row, results: &[] }
}

fn cut<T>(all: Vec<T>, plan: &Plan) -> Vec<T> {
    if plan.offset == 0 && plan.limit.is_none() {
        return all;
    }
    let limit = plan.limit.unwrap_or(usize::MAX);
    all.into_iter().skip(plan.offset).take(limit).collect()
}

fn order(sorts: &[Sort], a: &[Cell<'_>], b: &[Cell<'_>]) -> Ordering {
    for (sort, (a, b)) in sorts.iter().zip(a.iter().zip(b)) {
        let order = match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if sort.nulls_last => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, true) if sort.nulls_last => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) if sort.descending => b.order(a),
            (false, false) => a.order(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}
