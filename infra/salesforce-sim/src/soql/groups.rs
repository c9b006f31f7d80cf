//! Aggregates: COUNT, SUM and their like, GROUP BY and HAVING.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::ast::{Item, Name, Query, Term};
use super::bind::{Binder, Ground};
use super::filter::Sides;
use super::message;
use super::plan::Sort;
use super::test::{Key, Test};
use super::value::{Operand, Reader, Subject};
use crate::error::ApiError;
use crate::org::{Cell, Decimal, OwnedCell, Row};
use crate::schema::{FieldType, Flag, ObjectNo};

/// A function of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    CountDistinct,
    Sum,
    Avg,
    Min,
    Max,
}

impl Function {
    fn parse(name: &str) -> Option<Self> {
        const NAMES: &[(&str, Function)] = &[
            ("COUNT", Function::Count),
            ("COUNT_DISTINCT", Function::CountDistinct),
            ("SUM", Function::Sum),
            ("AVG", Function::Avg),
            ("MIN", Function::Min),
            ("MAX", Function::Max),
        ];
        NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, function)| *function)
    }

    fn kind(self, argument: FieldType) -> Option<FieldType> {
        match self {
            Self::Count | Self::CountDistinct => Some(FieldType::Int),
            Self::Sum => argument.is_number().then_some(argument),
            Self::Avg => argument.is_number().then_some(FieldType::Double),
            Self::Min | Self::Max => (argument != FieldType::Boolean).then_some(argument),
        }
    }
}

/// What is asked of each group. The results of a group are its keys, then its functions.
#[derive(Clone, Debug)]
pub(super) struct Grouping {
    keys: Vec<(Term, Operand)>,
    functions: Vec<(Function, Operand)>,
    columns: Vec<(String, usize, FieldType)>,
    having: Option<Test>,
}

/// One group while its records are read.
struct Group<'a> {
    keys: Vec<OwnedCell>,
    row: &'a Row,
    states: Vec<State>,
}

#[derive(Clone, Default)]
struct State {
    count: u64,
    sum: Option<Decimal>,
    best: Option<OwnedCell>,
    seen: HashSet<Key>,
}

impl Grouping {
    /// Whether a query asks for results of groups.
    pub(super) fn is_wanted(query: &Query) -> bool {
        let aggregate = |item: &Item| match item {
            Item::Term { term: Term::Call { name, .. }, .. } => Function::parse(&name.text).is_some(),
            _ => false,
        };
        !query.group.is_empty() || query.select.iter().any(aggregate)
    }

    pub(super) fn new(binder: &Binder<'_>, ground: &Ground, query: &Query) -> Result<Self, ApiError> {
        let mut keys = Vec::new();
        for term in &query.group {
            let operand = binder.operand(ground, term)?;
            binder.check_flag(&operand, term.at(), Flag::GROUP, "grouped")?;
            keys.push((term.clone(), operand));
        }
        let mut grouping = Self { keys, functions: Vec::new(), columns: Vec::new(), having: None };
        let mut unnamed = 0;
        for item in &query.select {
            let Item::Term { term, alias } = item else {
                let text = "Only fields and aggregates can be selected with GROUP BY";
                return Err(binder.malformed(query.from.at, text));
            };
            let operand = grouping.result(binder, ground, term)?;
            let Operand::Result { number, kind } = operand else {
                continue;
            };
            let name = grouping.column_name(term, alias.as_ref(), number, &mut unnamed);
            grouping.columns.push((name, number, kind));
        }
        if let Some(having) = &query.having {
            let (test, functions) = {
                let sides = GroupSides { binder, ground, grouping: std::cell::RefCell::new(grouping.clone()) };
                let test = binder.test(having, &sides)?;
                (test, sides.grouping.into_inner().functions)
            };
            grouping.functions = functions;
            grouping.having = Some(test);
        }
        Ok(grouping)
    }

    fn column_name(&self, term: &Term, alias: Option<&Name>, number: usize, unnamed: &mut usize) -> String {
        if let Some(alias) = alias {
            return alias.text.clone();
        }
        match (term, self.keys.get(number)) {
            (Term::Path(_), Some((_, operand))) => super::filter::operand_name(operand),
            _ => {
                *unnamed += 1;
                format!("expr{}", *unnamed - 1)
            }
        }
    }

    /// The result that a term stands for: a key, or a function of the group.
    fn result(&mut self, binder: &Binder<'_>, ground: &Ground, term: &Term) -> Result<Operand, ApiError> {
        if let Term::Call { name, argument } = term
            && let Some(function) = Function::parse(&name.text)
        {
            return self.function(binder, ground, name, function, argument);
        }
        let operand = binder.operand(ground, term)?;
        let key = self.keys.iter().position(|(_, key)| *key == operand);
        match key {
            Some(number) => Ok(Operand::Result { number, kind: operand.kind() }),
            None => {
                let text = format!("Field must be grouped or aggregated: {}", super::filter::operand_name(&operand));
                Err(binder.malformed(term.at(), &text))
            }
        }
    }

    fn function(&mut self, binder: &Binder<'_>, ground: &Ground, name: &Name, function: Function, argument: &Term) -> Result<Operand, ApiError> {
        let operand = binder.operand(ground, argument)?;
        let kind = function.kind(operand.kind()).filter(|_| binder.has_flag(&operand, Flag::AGGREGATE)).ok_or_else(|| {
            let field = super::filter::operand_name(&operand);
            let text = format!("field {field} does not support aggregate operator {}", name.text);
            message::at(binder.query, name.at, "MALFORMED_QUERY", &text)
        })?;
        let wanted = (function, operand);
        let known = self.functions.iter().position(|own| *own == wanted);
        let number = known.unwrap_or_else(|| {
            self.functions.push(wanted);
            self.functions.len() - 1
        });
        Ok(Operand::Result { number: self.keys.len() + number, kind })
    }

    pub(super) fn order(&mut self, binder: &Binder<'_>, ground: &Ground, query: &Query) -> Result<Vec<Sort>, ApiError> {
        let mut sorts = Vec::new();
        for order in &query.order {
            let operand = match self.aliased(&order.term) {
                Some(operand) => operand,
                None => self.result(binder, ground, &order.term)?,
            };
            sorts.push(Sort { operand, descending: order.descending, nulls_last: order.nulls_last });
        }
        Ok(sorts)
    }

    fn aliased(&self, term: &Term) -> Option<Operand> {
        let Term::Path(path) = term else { return None };
        let [name] = path.parts.as_slice() else {
            return None;
        };
        let column = self.columns.iter().find(|(own, ..)| *own == name.text);
        column.map(|(_, number, kind)| Operand::Result { number: *number, kind: *kind })
    }

    pub(super) fn having(&self) -> Option<&Test> {
        self.having.as_ref()
    }

    pub(super) fn set_having(&mut self, test: Option<Test>) {
        self.having = test;
    }

    /// The results of every group, in the order in which the groups were met.
    pub(super) fn results<'a>(&self, reader: &Reader<'a>, object: ObjectNo, rows: impl Iterator<Item = &'a Row>) -> Vec<(Vec<OwnedCell>, &'a Row)> {
        let mut places: HashMap<Vec<Key>, usize> = HashMap::new();
        let mut groups: Vec<Group<'a>> = Vec::new();
        for row in rows {
            let subject = Subject { object, row, results: &[] };
            let cells: Vec<Cell<'_>> = self.keys.iter().map(|(_, operand)| reader.read(operand, subject)).collect();
            let key: Vec<Key> = cells.iter().map(|cell| Key::of(cell, true)).collect();
            let place = *places.entry(key).or_insert_with(|| {
                groups.push(Group {
                    keys: cells.into_iter().map(Cell::into_owned).collect(),
                    row,
                    states: vec![State::default(); self.functions.len()],
                });
                groups.len() - 1
            });
            let Some(group) = groups.get_mut(place) else {
                continue;
            };
            for ((function, operand), state) in self.functions.iter().zip(&mut group.states) {
                state.add(*function, reader.read(operand, subject));
            }
        }
        groups
            .into_iter()
            .map(|group| {
                let ends = self.functions.iter().zip(group.states);
                let functions = ends.map(|((function, _), state)| state.end(*function));
                (group.keys.into_iter().chain(functions).collect(), group.row)
            })
            .collect()
    }

    /// The results of a query without GROUP BY over no records: counts of nothing.
    pub(super) fn nothing(&self) -> Option<Vec<OwnedCell>> {
        let none = |(function, _): &(Function, Operand)| State::default().end(*function);
        self.keys.is_empty().then(|| self.functions.iter().map(none).collect())
    }

    pub(super) fn render(&self, results: &[OwnedCell]) -> Value {
        let mut out = Map::new();
        out.insert("attributes".to_owned(), json!({"type": "AggregateResult"}));
        for (name, number, kind) in &self.columns {
            let cell = results.get(*number).unwrap_or(&Cell::Null);
            out.insert(name.clone(), cell.to_json(*kind));
        }
        Value::Object(out)
    }
}

impl State {
    fn add(&mut self, function: Function, cell: Cell<'_>) {
        if cell.is_null() {
            return;
        }
        self.count += 1;
        match function {
            Function::Count => {}
            Function::CountDistinct => {
                self.seen.insert(Key::of(&cell, true));
            }
            Function::Sum | Function::Avg => {
                if let Some(number) = cell.as_number() {
                    self.sum = Some(self.sum.map_or(number, |sum| sum.plus(number)));
                }
            }
            Function::Min | Function::Max => {
                let better = self.best.as_ref().is_none_or(|best| {
                    let order = cell.order(best);
                    if function == Function::Min { order.is_lt() } else { order.is_gt() }
                });
                if better {
                    self.best = Some(cell.into_owned());
                }
            }
        }
    }

    fn end(self, function: Function) -> OwnedCell {
        let number = |count: u64| Cell::whole(i64::try_from(count).unwrap_or(i64::MAX));
        match function {
            Function::Count => number(self.count),
            Function::CountDistinct => number(self.seen.len() as u64),
            Function::Sum => self.sum.map_or(Cell::Null, Cell::Num),
            Function::Avg => self.sum.map_or(Cell::Null, |sum| Cell::Num(sum.divided_by(self.count))),
            Function::Min | Function::Max => self.best.unwrap_or(Cell::Null),
        }
    }
}

/// The left sides of HAVING: keys and functions of the group.
struct GroupSides<'a, 'b> {
    binder: &'a Binder<'b>,
    ground: &'a Ground,
    grouping: std::cell::RefCell<Grouping>,
}

impl Sides for GroupSides<'_, '_> {
    fn operand(&self, term: &Term) -> Result<Operand, ApiError> {
        self.grouping.borrow_mut().result(self.binder, self.ground, term)
    }
}
