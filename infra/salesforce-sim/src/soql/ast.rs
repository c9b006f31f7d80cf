//! A query as it was written, with the place of every name.

use crate::org::{Cell, Decimal};

/// A name and where it stands, in bytes from the beginning of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As it was written.
    pub text: String,
    /// Its place.
    pub at: usize,
}

/// A field or the way to one: `Owner.Profile.Name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// At least one name.
    pub parts: Vec<Name>,
}

impl Path {
    /// Where the path begins.
    #[must_use]
    pub fn at(&self) -> usize {
        self.parts.first().map_or(0, |part| part.at)
    }
}

/// A query or a sub-query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What is asked for.
    pub select: Vec<Item>,
    /// The object, or in a sub-query the relationship.
    pub from: Name,
    /// In a sub-query the name in front of the relationship, which is one of the outer object's.
    pub within: Option<Name>,
    /// Another name for the object.
    pub alias: Option<Name>,
    /// Names for the ways to other records: `FROM Contact c, c.Account a`.
    pub ways: Vec<(Path, Name)>,
    /// USING SCOPE
    pub scope: Option<Name>,
    /// WHERE
    pub filter: Option<Expr>,
    /// GROUP BY
    pub group: Vec<Term>,
    /// HAVING
    pub having: Option<Expr>,
    /// ORDER BY
    pub order: Vec<Order>,
    /// LIMIT
    pub limit: Option<usize>,
    /// OFFSET, and where it stands.
    pub offset: Option<(usize, usize)>,
    /// ALL ROWS
    pub all_rows: bool,
}

/// One thing asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A field or a function of one.
    Term {
        /// What.
        term: Term,
        /// Its name in the answer.
        alias: Option<Name>,
    },
    /// `COUNT()`
    Count,
    /// `FIELDS(ALL)` and its like.
    Fields {
        /// Which.
        which: FieldSet,
        /// Its place.
        at: usize,
    },
    /// The records that belong to each record.
    Children(Box<Query>),
    /// `TYPEOF Who WHEN Lead THEN Company ELSE Name END`
    TypeOf {
        /// The relationship.
        path: Path,
        /// The fields for each kind of record.
        cases: Vec<(Name, Vec<Path>)>,
        /// The fields for all other kinds.
        otherwise: Vec<Path>,
    },
}

/// The argument of FIELDS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldSet {
    /// All fields.
    All,
    /// Fields that Salesforce made.
    Standard,
    /// Fields that the customer made.
    Custom,
}

/// A field, or a function of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A field.
    Path(Path),
    /// A function.
    Call {
        /// Its name.
        name: Name,
        /// Its argument.
        argument: Box<Term>,
    },
}

impl Term {
    /// Where the term begins.
    #[must_use]
    pub fn at(&self) -> usize {
        match self {
            Self::Path(path) => path.at(),
            Self::Call { name, .. } => name.at,
        }
    }
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// All of them.
    And(Vec<Expr>),
    /// One of them.
    Or(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
    /// A comparison with one value.
    Compare {
        /// The left side.
        left: Term,
        /// How they are compared.
        op: Compare,
        /// The right side.
        right: Literal,
    },
    /// A comparison with several values.
    Among {
        /// The left side.
        left: Term,
        /// How they are compared.
        op: Among,
        /// The values.
        values: Vec<Literal>,
    },
    /// IN and NOT IN with a query.
    Join {
        /// The left side.
        left: Term,
        /// Whether the value must be absent from the query's answer.
        negated: bool,
        /// The query.
        query: Box<Query>,
    },
}

/// A comparison with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `!=` and `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `LIKE`
    Like,
}

/// A comparison with several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// `IN`
    In,
    /// `NOT IN`
    NotIn,
    /// `INCLUDES`
    Includes,
    /// `EXCLUDES`
    Excludes,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// The value.
    pub value: LiteralValue,
    /// Its text.
    pub text: String,
    /// Its place.
    pub at: usize,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub enum LiteralValue {
    /// `'text'`; `pattern` is the same with escaped wildcards still marked, for LIKE.
    Text {
        /// The text meant.
        text: String,
        /// The pattern meant.
        pattern: Vec<PatternPart>,
    },
    /// `12.5`
    Number(Decimal),
    /// `true`, `false`
    Bool(bool),
    /// `null`
    Null,
    /// `2026-01-31`
    Date(jiff::civil::Date),
    /// `2026-01-31T12:00:00Z`, in milliseconds.
    Instant(i64),
    /// `TODAY`, `LAST_N_DAYS:3`
    Span {
        /// The word in upper case.
        word: String,
        /// The number behind the colon.
        count: Option<i64>,
    },
}

impl LiteralValue {
    /// The value, where it is a plain one.
    #[must_use]
    pub fn cell(&self) -> Option<Cell<'static>> {
        match self {
            Self::Text { text, .. } => Some(Cell::text(text.clone())),
            Self::Number(number) => Some(Cell::Num(*number)),
            Self::Bool(value) => Some(Cell::Bool(*value)),
            Self::Null => Some(Cell::Null),
            Self::Date(date) => Some(Cell::day(*date)),
            Self::Instant(millis) => Some(Cell::Instant(*millis)),
            Self::Span { .. } => None,
        }
    }
}

/// A part of a LIKE pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternPart {
    /// This character, letter case aside.
    Letter(char),
    /// Any one character.
    One,
    /// Any characters, or none.
    Any,
}

/// A part of ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What is sorted by.
    pub term: Term,
    /// From the largest down.
    pub descending: bool,
    /// Whether records without a value stand at the end; by default they stand at the beginning.
    pub nulls_last: bool,
}
