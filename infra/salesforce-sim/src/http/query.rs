//! Queries and their cursors. Owns paging; refuses to know SOQL.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::context::Context;
use super::headers;
use super::reply::{Failure, Outcome, Reply};
use super::request::Call;
use crate::doubts::LostCursor;
use crate::id::{Id, KeyPrefix};
use crate::org::{Cursor, QueryScope};
use crate::soql::{Continued, Left};

/// Life of a cursor. Source: REST API Developer Guide, "Query".
const LIFE: SignedDuration = SignedDuration::from_hours(48);
/// Cursors a user may have open; one more closes the oldest.
const MAX_OPEN: usize = 10;
/// Longest SOQL text, in characters.
const MAX_SOQL: usize = 100_000;
const LOCATOR: KeyPrefix = KeyPrefix::of(b"01g");

struct Open {
    user: Id,
    cursor: Cursor,
    number: u64,
    since: Timestamp,
}

/// All open cursors.
#[derive(Default)]
pub struct Cursors {
    open: HashMap<String, Open>,
    next: u64,
}

impl Cursors {
    fn add(&mut self, user: Id, cursor: Cursor, now: Timestamp) -> String {
        self.open.retain(|_, open| now.duration_since(open.since) < LIFE);
        let mut own: Vec<(u64, String)> =
            self.open.iter().filter(|(_, open)| open.user == user).map(|(name, open)| (open.number, name.clone())).collect();
        own.sort_unstable();
        let surplus = (own.len() + 1).saturating_sub(MAX_OPEN);
        for (_, name) in own.into_iter().take(surplus) {
            self.open.remove(&name);
        }
        self.next += 1;
        let locator = Id::generate(LOCATOR, self.next).to_string();
        self.open.insert(locator.clone(), Open { user, cursor, number: self.next, since: now });
        locator
    }

    fn get(&self, locator: &str, user: Id, now: Timestamp) -> Option<&Cursor> {
        let open = self.open.get(locator)?;
        (open.user == user && now.duration_since(open.since) < LIFE).then_some(&open.cursor)
    }

    /// Forgets all cursors.
    pub fn clear(&mut self) {
        self.open.clear();
    }
}

/// `GET /query?q=` and `/queryAll?q=`; with `explain=` how the query would be answered.
pub fn query(context: &mut Context<'_>, call: &Call, scope: QueryScope) -> Outcome {
    let explained = call.param("explain");
    let soql = explained.or_else(|| call.param("q")).unwrap_or_default();
    if soql.trim().is_empty() {
        return Err(Failure::one(400, "MALFORMED_QUERY", "A query string has to be specified"));
    }
    if soql.chars().count() > MAX_SOQL {
        return Err(Failure::one(400, "MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters."));
    }
    context.world.org.refresh_catalogue(&context.session, soql);
    if explained.is_some() {
        return Ok(Reply::json(200, context.world.org.explain(&context.session, soql)?));
    }
    let cursor = context.world.org.open_query(&context.session, soql, scope)?;
    let fit = context.world.org.fit(&context.session, &cursor, 0, headers::batch_size(&call.headers));
    let continued = keep(context, fit.left);
    let records = context.world.org.page_text(&context.session, &cursor, 0, fit.count, &continued);
    let (total, length) = (cursor.total(), cursor.len());
    let next = (length > fit.count).then(|| {
        let (user, now) = (context.session.user, context.session.now);
        (context.world.cursors.add(user, cursor, now), fit.count)
    });
    Ok(page(context, total, records, next))
}

/// Keeps what is left of a record's children, each under a locator of its own.
fn keep(context: &mut Context<'_>, left: Vec<Left>) -> Vec<Continued> {
    let (user, now, base) = (context.session.user, context.session.now, context.base());
    let one = |left: Left| {
        let locator = context.world.cursors.add(user, left.cursor, now);
        Continued { next: format!("{base}/query/{locator}-{}", left.kept), name: left.name, kept: left.kept }
    };
    left.into_iter().map(one).collect()
}

/// `GET /query/01g…-2000`.
pub fn more(context: &mut Context<'_>, call: &Call, locator: &str) -> Outcome {
    let status = match context.world.org.doubts().lost_cursor {
        LostCursor::BadRequest => 400,
        LostCursor::NotFound => 404,
    };
    let invalid = || Failure::one(status, "INVALID_QUERY_LOCATOR", "invalid query locator");
    let (name, from) = locator.rsplit_once('-').ok_or_else(invalid)?;
    let from: usize = from.parse().map_err(|_| invalid())?;
    let (user, now) = (context.session.user, context.session.now);
    let cursor = context.world.cursors.get(name, user, now).ok_or_else(invalid)?;
    if from > cursor.len() {
        return Err(invalid());
    }
    let fit = context.world.org.fit(&context.session, cursor, from, headers::batch_size(&call.headers));
    let continued = keep(context, fit.left);
    let cursor = context.world.cursors.get(name, user, now).ok_or_else(invalid)?;
    let records = context.world.org.page_text(&context.session, cursor, from, fit.count, &continued);
    let next = (cursor.len() > from + fit.count).then(|| (name.to_owned(), from + fit.count));
    let total = cursor.total();
    Ok(page(context, total, records, next))
}

/// `records` is JSON already.
fn page(context: &Context<'_>, total: usize, mut records: Vec<u8>, next: Option<(String, usize)>) -> Reply {
    let done = next.is_none();
    let next = next.map(|(locator, from)| format!("\"nextRecordsUrl\":\"{}/query/{locator}-{from}\",", context.base())).unwrap_or_default();
    let mut body = format!("{{\"totalSize\":{total},\"done\":{done},{next}\"records\":").into_bytes();
    body.append(&mut records);
    body.push(b'}');
    Reply::written(200, body)
}
