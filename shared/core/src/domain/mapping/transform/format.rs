//! Dates and numbers in the forms that people write.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    fmt::strtime::{self, BrokenDownTime},
    tz::TimeZone,
};
use rust_decimal::Decimal;

use super::{DateFormat, NumberFormat, run::TransformError};
use crate::domain::mapping::codec::number::round;

/// A date in either form, as it was written: a day, a wall clock's reading, or a moment.
enum Written {
    Day(Date),
    Clock(DateTime),
    Moment(Timestamp),
}

/// Refuses a format that cannot be written.
pub(super) fn check_date_format(format: &str) -> Result<(), String> {
    let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    match strtime::format(format, &sample) {
        Ok(written) if written != format => Ok(()),
        Ok(_) => Err("Nothing of the date would be written; use marks like %d, %m and %Y.".to_owned()),
        Err(error) => Err(format!("The format cannot be read: {error}")),
    }
}

/// The date in the wanted form.
pub(super) fn date(text: &str, format: &DateFormat, zone: &TimeZone) -> Result<String, TransformError> {
    let written = match &format.from {
        Some(from) => BrokenDownTime::parse(from, text).ok().and_then(|parts| read_parts(&parts)),
        None => read_iso(text),
    };
    let written = written.ok_or(TransformError::DateFormat)?;
    let Some(to) = &format.to else {
        return Ok(match written {
            Written::Day(day) => day.to_string(),
            Written::Clock(clock) => clock.to_string(),
            Written::Moment(moment) => moment.to_string(),
        });
    };
    let shown = match written {
        // A day is written without looking at any zone.
        Written::Day(day) => strtime::format(to, day),
        Written::Clock(clock) => strtime::format(to, clock),
        Written::Moment(moment) => strtime::format(to, &moment.to_zoned(zone.clone())),
    };
    shown.map_err(|_| TransformError::DateFormat)
}

fn read_parts(parts: &BrokenDownTime) -> Option<Written> {
    if parts.offset().is_some() {
        return parts.to_timestamp().ok().map(Written::Moment);
    }
    if parts.hour().is_some() {
        return parts.to_datetime().ok().map(Written::Clock);
    }
    parts.to_date().ok().map(Written::Day)
}

fn read_iso(text: &str) -> Option<Written> {
    if text.len() == 10 {
        return text.parse().ok().map(Written::Day);
    }
    let salesforce = || Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok();
    match text.parse::<Timestamp>().ok().or_else(salesforce) {
        Some(moment) => Some(Written::Moment(moment)),
        None => text.parse().ok().map(Written::Clock),
    }
}

/// The number in the wanted form.
pub(super) fn number(number: Decimal, format: &NumberFormat) -> String {
    let mut number = round(number, format.decimals);
    number.rescale(format.decimals);
    let text = number.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::with_capacity(text.len() + 8);
    if number.is_sign_negative() && !number.is_zero() {
        out.push('-');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push_str(&format.thousands);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push_str(&format.point);
        out.push_str(fraction);
    }
    out
}
