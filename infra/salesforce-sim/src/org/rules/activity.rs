//! What is special about tasks and events: whom they are about, and when an event begins and ends.
//!
//! Source: Object Reference, Task and Event. The texts of the refusals are this org's own: none
//! has been recorded.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::doubts::EventWithoutTimes;
use crate::error::ApiError;
use crate::org::cell::Cell;
use crate::org::save::Change;
use crate::org::{Org, Session};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// The longest event.
const LONGEST: i64 = 14 * DAY;

impl Org {
    pub(super) fn task_rules(&self, s: &Session, change: &mut Change) {
        self.about_rules(change);
        // Only "Completed" closes a task in the standard list of statuses.
        let closed = self.got(change, "Status").as_text() == Some("Completed");
        let was_closed = change.before.as_ref().is_some_and(|(_, row)| self.named(change.object, row, "IsClosed").is_true());
        let high = self.got(change, "Priority").as_text() == Some("High");
        self.put(change, "IsClosed", Cell::Bool(closed));
        self.put(change, "IsHighPriority", Cell::Bool(high));
        if closed && !was_closed && !self.is_given(change, "CompletedDateTime") {
            self.put(change, "CompletedDateTime", Cell::instant(s.now));
        } else if !closed {
            self.put(change, "CompletedDateTime", Cell::Null);
        }
    }

    pub(super) fn event_rules(&self, s: &Session, change: &mut Change) {
        self.about_rules(change);
        let all_day = self.got(change, "IsAllDayEvent").is_true();
        let times = if all_day { self.all_day_times(change) } else { self.clock_times(change) };
        match times {
            Ok(Some((start, end))) => self.put_times(s, change, start, end, all_day),
            Ok(None) => {}
            Err(error) if change.forced => drop(error),
            Err(error) => change.errors.push(error),
        }
    }

    /// Whom and what an activity is about.
    fn about_rules(&self, change: &mut Change) {
        self.refuse_converted(change, "WhoId");
        let who = self.target(change, "WhoId");
        let what = self.target(change, "WhatId");
        if self.doubts().lead_excludes_what && who == Some(self.places.lead) && what.is_some() && !change.forced {
            change.errors.push(ApiError::integrity("An activity about a lead cannot be related to another record.", &["WhatId"]));
        }
        let account = if what == Some(self.places.account) {
            self.got(change, "WhatId").clone()
        } else {
            self.got(change, "WhoId")
                .as_id()
                .and_then(|id| self.find(&id))
                .filter(|(object, ..)| *object == self.places.contact)
                .map_or(Cell::Null, |(object, _, row)| self.named(object, row, "AccountId").into_owned())
        };
        self.put(change, "AccountId", account);
    }

    /// Start and end of an event with clock times, in milliseconds. `None` when the change leaves
    /// them alone.
    fn clock_times(&self, change: &Change) -> Result<Option<(i64, i64)>, ApiError> {
        let millis = |name: &str| self.got(change, name).as_millis();
        let given = |name: &str| self.is_given(change, name);
        let start = match (given("StartDateTime"), given("ActivityDateTime")) {
            (true, true) if millis("StartDateTime") != millis("ActivityDateTime") => {
                return Err(ApiError::integrity("StartDateTime and ActivityDateTime must be the same.", &["ActivityDateTime"]));
            }
            (false, true) => millis("ActivityDateTime"),
            _ => millis("StartDateTime"),
        };
        let length =
            self.got(change, "DurationInMinutes").as_number().and_then(|minutes| minutes.to_i64()).map(|minutes| minutes.saturating_mul(MINUTE));
        let end = millis("EndDateTime");
        let by_length = length.filter(|_| given("DurationInMinutes"));
        let by_end = end.filter(|_| given("EndDateTime"));
        let Some(start) = start else {
            return Err(self.missing("ActivityDateTime", by_length.or(by_end).is_none()));
        };
        let end = match (by_length, by_end) {
            (Some(length), Some(end)) if start.saturating_add(length) != end => {
                return Err(ApiError::integrity("DurationInMinutes does not agree with StartDateTime and EndDateTime.", &["DurationInMinutes"]));
            }
            (_, Some(end)) => end,
            (Some(length), None) => start.saturating_add(length),
            // A start that moves alone takes the event along.
            (None, None) => match length {
                Some(length) => start.saturating_add(length),
                None => return Err(self.missing("DurationInMinutes", false)),
            },
        };
        check_span(start, end)?;
        Ok(Some((start, end)))
    }

    /// Start and end of an event of whole days, at midnight UTC.
    fn all_day_times(&self, change: &Change) -> Result<Option<(i64, i64)>, ApiError> {
        let day = |name: &str| self.got(change, name).as_date().map(midnight);
        let millis = |name: &str| self.got(change, name).as_millis();
        let start = day("ActivityDate")
            .filter(|_| self.is_given(change, "ActivityDate"))
            .or_else(|| millis("StartDateTime"))
            .or_else(|| millis("ActivityDateTime"))
            .or_else(|| day("ActivityDate"));
        let Some(start) = start.map(floor_day) else {
            return Err(self.missing("ActivityDate", false));
        };
        let length = self.got(change, "DurationInMinutes").as_number();
        let length = length.and_then(|minutes| minutes.to_i64()).unwrap_or(1_440);
        let end = match millis("EndDateTime").filter(|_| self.is_given(change, "EndDateTime")) {
            Some(end) => floor_day(end),
            None => start.saturating_add((length.max(1) - 1).saturating_mul(MINUTE)),
        };
        check_span(start, end)?;
        Ok(Some((start, floor_day(end))))
    }

    /// The refusal of an event that does not say when it is.
    fn missing(&self, field: &str, also_length: bool) -> ApiError {
        let length = also_length.then_some("DurationInMinutes");
        let fields: Vec<&str> = length.into_iter().chain([field]).collect();
        match self.doubts().event_without_times {
            EventWithoutTimes::RequiredFieldMissing => ApiError::required(&fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>()),
            EventWithoutTimes::FieldIntegrityException => ApiError::integrity("An event needs a start, and an end or a length.", &fields),
        }
    }

    fn put_times(&self, s: &Session, change: &mut Change, start: i64, end: i64, all_day: bool) {
        let minutes = if all_day { (end - start) / MINUTE + 1_440 } else { (end - start) / MINUTE };
        let zone = if all_day { jiff::tz::TimeZone::UTC } else { self.zone(s) };
        let day_of = |millis: i64| -> Cell<'static> {
            let at = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
            Cell::day(at.to_zoned(zone.clone()).date())
        };
        self.put(change, "StartDateTime", Cell::Instant(start));
        self.put(change, "ActivityDateTime", Cell::Instant(start));
        self.put(change, "EndDateTime", Cell::Instant(end));
        self.put(change, "DurationInMinutes", Cell::whole(minutes));
        self.put(change, "ActivityDate", day_of(start));
        self.put(change, "EndDate", day_of(end));
    }
}

fn check_span(start: i64, end: i64) -> Result<(), ApiError> {
    if end < start {
        return Err(ApiError::integrity("The end of an event cannot be before its start.", &["EndDateTime"]));
    }
    if end - start > LONGEST {
        return Err(ApiError::integrity("An event cannot be longer than 14 days.", &["DurationInMinutes"]));
    }
    Ok(())
}

fn midnight(date: Date) -> i64 {
    i64::from(crate::org::cell::day_number(date)) * DAY
}

const fn floor_day(millis: i64) -> i64 {
    millis.div_euclid(DAY) * DAY
}
