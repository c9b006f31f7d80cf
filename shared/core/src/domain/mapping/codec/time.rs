//! Days, moments and times of day. Days never pass through a time zone; moments carry their offset or take the connection's
//! zone.

use jiff::{Timestamp, civil, tz::TimeZone};

use super::CodecError;

/// Years that Salesforce's dates can have. Source: SOQL and SOSL Reference, "Date Formats".
const YEARS: std::ops::RangeInclusive<i16> = 1700..=4000;

/// A day as written. Of a moment, the day that its text names.
pub(super) fn parse_date(text: &str) -> Result<civil::Date, CodecError> {
    let text = text.trim();
    let (day, rest) = text.split_at_checked(10).ok_or(CodecError::NotDate)?;
    let separated = rest.is_empty() || (rest.starts_with(['T', 't', ' ']) && rest.len() >= 6);
    let digits = day.bytes().enumerate().all(|(i, byte)| if i == 4 || i == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let date: civil::Date = if separated && digits { day.parse().map_err(|_| CodecError::NotDate)? } else { return Err(CodecError::NotDate) };
    in_range(date.year()).map(|()| date)
}

/// A moment: with its offset, or on the wall clock of the connection's zone; a day alone is its midnight there.
pub(super) fn parse_datetime(text: &str, zone: &TimeZone) -> Result<Timestamp, CodecError> {
    let text = text.trim();
    let date = parse_date(text).map_err(|error| if error == CodecError::NotDate { CodecError::NotDateTime } else { error })?;
    if text.len() == 10 {
        return midnight(date, zone);
    }
    let moment = Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).or_else(|_| text.parse::<Timestamp>());
    let moment = match moment {
        Ok(moment) => moment,
        Err(_) => local(text.parse().map_err(|_| CodecError::NotDateTime)?, zone)?,
    };
    // What Salesforce checks is the year in its own zone.
    in_range(moment.to_zoned(TimeZone::UTC).year()).map(|()| moment)
}

/// Midnight of a day, or the first moment of the day where a clock change leaves midnight out.
pub(super) fn midnight(date: civil::Date, zone: &TimeZone) -> Result<Timestamp, CodecError> {
    local(date.to_datetime(civil::Time::midnight()), zone)
}

fn local(datetime: civil::DateTime, zone: &TimeZone) -> Result<Timestamp, CodecError> {
    datetime.to_zoned(zone.clone()).map(|zoned| zoned.timestamp()).map_err(|_| CodecError::NotDateTime)
}

fn in_range(year: i16) -> Result<(), CodecError> {
    if YEARS.contains(&year) { Ok(()) } else { Err(CodecError::YearOutOfRange) }
}

/// A time of day, with or without seconds; Salesforce's own ends with a `Z` that means no zone.
pub(super) fn parse_time(text: &str) -> Result<civil::Time, CodecError> {
    let text = text.trim();
    let plain = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let shaped = plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.') && plain.get(2..3) == Some(":");
    if !shaped {
        return Err(CodecError::NotTime);
    }
    plain.parse().map_err(|_| CodecError::NotTime)
}

/// A moment as Salesforce writes it. It keeps whole seconds.
#[must_use]
pub fn salesforce_datetime(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// A time of day as Salesforce writes it, in milliseconds.
pub(super) fn salesforce_time(time: civil::Time) -> String {
    format!("{}.{:03}Z", time.strftime("%H:%M:%S"), time.millisecond())
}

/// A moment as the platform gets it.
pub(super) fn platform_datetime(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time of day as the platform gets it.
pub(super) fn platform_time(time: civil::Time) -> String {
    time.strftime("%H:%M:%S%.f").to_string()
}
