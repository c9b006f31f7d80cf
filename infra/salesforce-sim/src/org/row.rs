//! A stored record: the values that are there, packed into one run of bytes in field order.
//!
//! A million leads have to fit into memory, so an absent value costs nothing and a present one its
//! own size and two or three bytes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::cell::{Cell, OwnedCell};
use super::decimal::Decimal;
use crate::id::Id;
use crate::schema::{FieldNo, ID_FIELD};

/// The values of a record while it is being changed.
pub type Draft = BTreeMap<FieldNo, OwnedCell>;

/// A packed record.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Row(Box<[u8]>);

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const NUM: u8 = 2;
const TEXT: u8 = 3;
const ID: u8 = 4;
const INSTANT: u8 = 5;
const DAY: u8 = 6;

impl Row {
    /// Packs a draft; absent values are left out.
    #[must_use]
    pub fn pack(draft: &Draft) -> Self {
        let mut bytes = Vec::with_capacity(draft.len() * 16);
        for (field, cell) in draft {
            if !cell.is_null() {
                put_number(&mut bytes, u64::from(field.0));
                put_cell(&mut bytes, cell);
            }
        }
        Self(bytes.into_boxed_slice())
    }

    /// Unpacks the row to change it.
    #[must_use]
    pub fn unpack(&self) -> Draft {
        self.iter().map(|(field, cell)| (field, cell.into_owned())).collect()
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: FieldNo) -> Cell<'_> {
        let mut reader = Reader(&self.0);
        // Fields stand in ascending order.
        while let Some(own) = reader.field() {
            match own.cmp(&field) {
                Ordering::Less => drop(reader.skip()),
                Ordering::Equal => return reader.cell().unwrap_or(Cell::Null),
                Ordering::Greater => break,
            }
        }
        Cell::Null
    }

    /// The record's id.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        self.get(ID_FIELD).as_id()
    }

    /// The values that are there.
    pub fn iter(&self) -> impl Iterator<Item = (FieldNo, Cell<'_>)> {
        let mut reader = Reader(&self.0);
        std::iter::from_fn(move || reader.next())
    }
}

fn put_number(bytes: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

fn put_cell(bytes: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Null => {}
        Cell::Bool(value) => bytes.push(u8::from(*value)),
        Cell::Num(number) => {
            let (mantissa, scale) = number.parts();
            bytes.push(NUM);
            bytes.push(scale);
            // Small negative numbers stay small: the sign moves to the lowest bit.
            put_number(bytes, ((mantissa << 1) ^ (mantissa >> 63)) as u64);
        }
        Cell::Text(text) => {
            bytes.push(TEXT);
            put_number(bytes, text.len() as u64);
            bytes.extend_from_slice(text.as_bytes());
        }
        Cell::Id(id) => {
            bytes.push(ID);
            bytes.extend_from_slice(id.as_bytes());
        }
        Cell::Instant(millis) => {
            bytes.push(INSTANT);
            bytes.extend_from_slice(&millis.to_le_bytes());
        }
        Cell::Day(day) => {
            bytes.push(DAY);
            bytes.extend_from_slice(&day.to_le_bytes());
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(FieldNo, Cell<'a>)> {
        Some((self.field()?, self.cell()?))
    }

    fn field(&mut self) -> Option<FieldNo> {
        Some(FieldNo(u16::try_from(self.number()?).ok()?))
    }

    /// Passes over a value without reading it.
    fn skip(&mut self) -> Option<()> {
        let length = match *self.take(1)?.first()? {
            FALSE | TRUE => 0,
            NUM => {
                self.take(1)?;
                self.number()?;
                0
            }
            TEXT => usize::try_from(self.number()?).ok()?,
            ID => 18,
            INSTANT => 8,
            DAY => 4,
            _ => return None,
        };
        self.take(length).map(drop)
    }

    fn cell(&mut self) -> Option<Cell<'a>> {
        let tag = *self.take(1)?.first()?;
        Some(match tag {
            FALSE => Cell::Bool(false),
            TRUE => Cell::Bool(true),
            NUM => {
                let scale = *self.take(1)?.first()?;
                let folded = self.number()?;
                let mantissa = (folded >> 1) as i64 ^ -((folded & 1) as i64);
                Cell::Num(Decimal::new(i128::from(mantissa), u32::from(scale)))
            }
            TEXT => {
                let length = usize::try_from(self.number()?).ok()?;
                Cell::Text(Cow::Borrowed(std::str::from_utf8(self.take(length)?).ok()?))
            }
            ID => Cell::Id(Id::from_bytes(self.take(18)?)?),
            INSTANT => Cell::Instant(i64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            DAY => Cell::Day(i32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        })
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::id::KeyPrefix;

    fn draft() -> Draft {
        let id = Id::generate(KeyPrefix::of(b"00Q"), 12);
        [
            (0, Cell::Id(id)),
            (1, Cell::Bool(false)),
            (2, Cell::Bool(true)),
            (3, Cell::text("naïve 😀")),
            (4, Cell::Null),
            (130, Cell::Num("-12.5".parse().unwrap())),
            (131, Cell::Num("999999999999999999".parse().unwrap())),
            (400, Cell::Instant(-1)),
            (799, Cell::Day(-400)),
        ]
        .map(|(no, cell)| (FieldNo(no), cell))
        .into_iter()
        .collect()
    }

    #[test]
    fn a_row_gives_back_what_was_packed() {
        let mut draft = draft();
        let row = Row::pack(&draft);
        for (field, cell) in &draft {
            assert_eq!(row.get(*field), *cell);
        }
        assert_eq!(row.get(FieldNo(129)), Cell::Null);
        assert_eq!(row.get(FieldNo(800)), Cell::Null);
        draft.retain(|_, cell| !cell.is_null());
        assert_eq!(row.unpack(), draft);
    }

    #[test]
    fn absent_values_take_no_room() {
        let mut draft = draft();
        let before = Row::pack(&draft).0.len();
        for no in 10..100 {
            draft.insert(FieldNo(no), Cell::Null);
        }
        assert_eq!(Row::pack(&draft).0.len(), before);
        assert!(before < 90, "{before} bytes");
    }

    proptest::proptest! {
        #[test]
        fn any_values_survive_packing(texts in proptest::collection::vec(".{0,200}", 0..20), number: i64, scale in 0_u32..18, day: i32, at: i64) {
            let mut draft: Draft = (0..).map(FieldNo).zip(texts.into_iter().map(Cell::text)).filter(|(_, cell)| !cell.is_null()).collect();
            draft.insert(FieldNo(100), Cell::Num(Decimal::new(i128::from(number), scale)));
            draft.insert(FieldNo(200), Cell::Day(day));
            draft.insert(FieldNo(300), Cell::Instant(at));
            proptest::prop_assert_eq!(Row::pack(&draft).unpack(), draft);
        }
    }
}
