//! What stands on the left of a comparison or behind SELECT: fields, the way to them, functions.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::org::{Cell, Org, Row};
use crate::schema::{FieldNo, FieldType, ID_FIELD, ObjectNo};

/// A field for each kind of record that may stand at its place.
pub(super) type Fields = Vec<(ObjectNo, FieldNo)>;

/// The way from a record to a value: over references, to a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Way {
    /// The references followed, one after the other.
    pub(super) hops: Vec<Fields>,
    pub(super) leaf: Leaf,
    pub(super) kind: FieldType,
    /// Whether comparisons tell upper from lower case.
    pub(super) case: bool,
    /// The name of the last field, as the schema writes it.
    pub(super) name: String,
}

/// The end of a way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Leaf {
    Fields(Fields),
    /// The name of the object: `Owner.Type`.
    Type,
}

impl Way {
    /// The field, where it is one of the record itself.
    pub(super) fn direct(&self) -> Option<FieldNo> {
        match (&self.leaf, self.hops.is_empty()) {
            (Leaf::Fields(fields), true) => fields.first().map(|(_, field)| *field),
            _ => None,
        }
    }
}

/// A function of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    CalendarYear,
    CalendarQuarter,
    CalendarMonth,
    WeekInYear,
    WeekInMonth,
    DayInYear,
    DayInMonth,
    DayInWeek,
    HourInDay,
    DayOnly,
    /// Lets the other functions read an instant in the user's time zone.
    ConvertTimezone,
    /// The label of a picklist value.
    ToLabel,
}

impl Function {
    pub(super) fn parse(name: &str) -> Option<Self> {
        const NAMES: &[(&str, Function)] = &[
            ("CALENDAR_YEAR", Function::CalendarYear),
            ("FISCAL_YEAR", Function::CalendarYear),
            ("CALENDAR_QUARTER", Function::CalendarQuarter),
            ("FISCAL_QUARTER", Function::CalendarQuarter),
            ("CALENDAR_MONTH", Function::CalendarMonth),
            ("FISCAL_MONTH", Function::CalendarMonth),
            ("WEEK_IN_YEAR", Function::WeekInYear),
            ("WEEK_IN_MONTH", Function::WeekInMonth),
            ("DAY_IN_YEAR", Function::DayInYear),
            ("DAY_IN_MONTH", Function::DayInMonth),
            ("DAY_IN_WEEK", Function::DayInWeek),
            ("HOUR_IN_DAY", Function::HourInDay),
            ("DAY_ONLY", Function::DayOnly),
            ("CONVERTTIMEZONE", Function::ConvertTimezone),
            ("TOLABEL", Function::ToLabel),
        ];
        NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, function)| *function)
    }

    /// The type of the result, given that of the argument; `None` when it takes no such argument.
    pub(super) fn kind(self, argument: FieldType) -> Option<FieldType> {
        let timed = argument == FieldType::DateTime;
        match self {
            Self::ToLabel => argument.is_text().then_some(FieldType::String),
            Self::ConvertTimezone => timed.then_some(FieldType::DateTime),
            Self::DayOnly => timed.then_some(FieldType::Date),
            Self::HourInDay => timed.then_some(FieldType::Int),
            _ => (timed || argument == FieldType::Date).then_some(FieldType::Int),
        }
    }
}

/// A value to be worked out for a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Way(Way),
    Call {
        function: Function,
        argument: Box<Operand>,
        kind: FieldType,
    },
    /// A result of the group, by its number. Only behind GROUP BY.
    Result {
        number: usize,
        kind: FieldType,
    },
}

impl Operand {
    pub(super) fn kind(&self) -> FieldType {
        match self {
            Self::Way(way) => way.kind,
            Self::Call { kind, .. } | Self::Result { kind, .. } => *kind,
        }
    }

    pub(super) fn case(&self) -> bool {
        matches!(self, Self::Way(way) if way.case)
    }

    pub(super) fn direct(&self) -> Option<FieldNo> {
        match self {
            Self::Way(way) => way.direct(),
            _ => None,
        }
    }
}

/// A record or a group while a query is answered.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) object: ObjectNo,
    pub(super) row: &'a Row,
    /// The results of the group, if it is one.
    pub(super) results: &'a [Cell<'static>],
}

/// Works out values for one user.
pub(super) struct Reader<'a> {
    pub(super) org: &'a Org,
    /// The user's time zone.
    pub(super) zone: TimeZone,
    /// Who asks; the org's own rules see everything.
    pub(super) user: Option<crate::id::Id>,
}

impl<'a> Reader<'a> {
    pub(super) fn read(&self, operand: &Operand, subject: Subject<'a>) -> Cell<'a> {
        match operand {
            Operand::Way(way) => self.follow(way, subject),
            Operand::Result { number, .. } => subject.results.get(*number).cloned().unwrap_or(Cell::Null),
            Operand::Call { function, argument, .. } => self.call(*function, argument, subject),
        }
    }

    fn follow(&self, way: &Way, subject: Subject<'a>) -> Cell<'a> {
        let mut at = (subject.object, subject.row);
        for hop in &way.hops {
            match self.step(hop, at) {
                Some(next) => at = next,
                None => return Cell::Null,
            }
        }
        let (object, row) = at;
        match &way.leaf {
            Leaf::Type => self.kind_of(object, row),
            Leaf::Fields(fields) => match field_for(fields, object) {
                Some(ID_FIELD) => row.id().map_or(Cell::Null, Cell::Id),
                Some(field) => self.org.value(object, row, field),
                None => Cell::Null,
            },
        }
    }

    /// What kind of record this is: its object's name, but `Queue` for a group that is one.
    pub(super) fn kind_of(&self, object: ObjectNo, row: &'a Row) -> Cell<'a> {
        let name = self.org.object(object).map_or("", |def| &def.name);
        if name == "Group" {
            return self.org.named(object, row, "Type");
        }
        Cell::text(name)
    }

    /// The record that a reference points to.
    pub(super) fn step(&self, hop: &Fields, (object, row): (ObjectNo, &'a Row)) -> Option<(ObjectNo, &'a Row)> {
        let field = field_for(hop, object)?;
        let id = self.org.value(object, row, field).as_id()?;
        let (object, _, row) = self.org.find(&id)?;
        self.sees(row).then_some((object, row))
    }

    /// Whether sharing shows the record to who asks.
    pub(super) fn sees(&self, row: &Row) -> bool {
        !self.org.hides_any() || self.user.is_none_or(|user| !row.id().is_some_and(|id| self.org.is_hidden(user, &id)))
    }

    fn call(&self, function: Function, argument: &Operand, subject: Subject<'a>) -> Cell<'a> {
        if function == Function::ToLabel {
            return self.label(argument, subject);
        }
        let converts = |operand: &Operand| matches!(operand, Operand::Call { function: Function::ConvertTimezone, .. });
        let cell = self.read(argument, subject);
        if function == Function::ConvertTimezone {
            return cell;
        }
        let zone = if converts(argument) { self.zone.clone() } else { TimeZone::UTC };
        let at = match &cell {
            Cell::Instant(millis) => Timestamp::from_millisecond(*millis).ok().map(|at| at.to_zoned(zone).datetime()),
            cell => cell.as_date().map(|date| date.at(0, 0, 0, 0)),
        };
        let Some(at) = at else { return Cell::Null };
        if function == Function::DayOnly {
            return Cell::day(at.date());
        }
        Cell::whole(part(function, at.date(), at.hour()))
    }

    fn label(&self, argument: &Operand, subject: Subject<'a>) -> Cell<'a> {
        let cell = self.read(argument, subject);
        let Operand::Way(way) = argument else {
            return cell;
        };
        let Leaf::Fields(fields) = &way.leaf else {
            return cell;
        };
        let label = fields.iter().find_map(|(object, field)| {
            let def = self.org.object(*object)?.field(*field)?;
            let text = cell.as_text()?;
            let choice = def.picklist.iter().find(|choice| *choice.value == *text)?;
            Some(choice.label.to_string())
        });
        label.map_or(cell, Cell::text)
    }
}

fn field_for(fields: &Fields, object: ObjectNo) -> Option<FieldNo> {
    fields.iter().find(|(own, _)| *own == object).map(|(_, field)| *field)
}

/// Weeks begin on the first of January, and on the first of the month.
fn part(function: Function, date: Date, hour: i8) -> i64 {
    match function {
        Function::CalendarYear => i64::from(date.year()),
        Function::CalendarQuarter => i64::from((date.month() - 1) / 3 + 1),
        Function::CalendarMonth => i64::from(date.month()),
        Function::WeekInYear => i64::from((date.day_of_year() - 1) / 7 + 1),
        Function::WeekInMonth => i64::from((date.day() - 1) / 7 + 1),
        Function::DayInYear => i64::from(date.day_of_year()),
        Function::DayInMonth => i64::from(date.day()),
        Function::DayInWeek => i64::from(date.weekday().to_sunday_one_offset()),
        Function::HourInDay => i64::from(hour),
        Function::DayOnly | Function::ConvertTimezone | Function::ToLabel => 0,
    }
}
