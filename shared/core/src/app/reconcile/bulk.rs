//! Where very much has changed, Salesforce lists it: a job of the Bulk API 2.0 for each object, whose results are fetched several pages at
//! a time.
//!
//! A job's rows are as they were when it ran, and the writer was given back since. So each is held against the record's present
//! `SystemModstamp` first; what has been changed meanwhile is left to the next run, which begins before this one did.

use std::collections::BTreeMap;

use http::Method;
use jiff::{SignedDuration, Timestamp};

use super::{
    page::{Page, rest},
    stepper::Stepper,
};
use crate::{
    adapters::salesforce::{
        Class, SalesforceError,
        bulk::{self, JobState, ResultPage},
        collections::{self, MAX_READ},
        composite::Composite,
        soql::Row,
    },
    app::{
        access::{Access, AccessError},
        schemas,
        upsert::{Shift, Stopped, WorkError, Workbench, our_user},
    },
    domain::{
        budget::Purpose,
        ids::{FieldName, ObjectName, RecordId},
        mapping::FieldType,
        run::{Listing, Position, Run},
        schema::Schemas,
    },
};

/// How many pages a page of results has: one call looks at as many records.
const PAGES: usize = 5;
/// How long a job may take.
const PATIENCE: SignedDuration = SignedDuration::from_hours(2);
/// The code of a job that failed, or took longer.
const FAILED: &str = "bulk_job_failed";

impl<'a> Stepper<'a> {
    /// The next step with what Salesforce lists: to have it listed, to ask whether it is, or some pages of it. Answers whether the run
    /// has moved on. Where Salesforce refuses, the run goes on as before.
    pub(super) async fn listed(
        &mut self,
        shift: &mut Shift<'a>,
        bench: &'a Workbench,
        mut access: Access<'a>,
        run: &mut Run,
        open: &[ObjectName],
    ) -> Result<bool, WorkError> {
        let of = |object: &ObjectName| run.positions.get(object).and_then(|position| position.listing.clone());
        let ready = open.iter().find_map(|object| of(object).filter(|listing| listing.ready).map(|listing| (object.clone(), listing)));
        if let Some((object, listing)) = ready {
            let read = async {
                let schemas = schemas::load(self.ports, &mut access, self.engine).await?;
                let page = results(&mut access, &schemas, &object, &listing, PAGES * bench.page(self.engine)).await?;
                let present = present(&mut access, &object, &page).await?;
                Ok::<_, AccessError>((schemas, page, present))
            };
            let read = read.await;
            shift.count(&mut access);
            return match read {
                Ok((schemas, page, present)) => self.take_listed(shift, bench, run, (&object, listing, &schemas), (page, &present)).await,
                Err(error) => self.give_up(shift, run, error).await,
            };
        }
        let (us, now) = (our_user(&access), self.ports.clock.now());
        let asked = async {
            let schemas = schemas::load(self.ports, &mut access, self.engine).await?;
            let mut listings = BTreeMap::new();
            for object in open {
                let listing = match of(object) {
                    None => made(&mut access, &rest(self.engine, &schemas, object.as_str(), run, us), now).await?,
                    Some(listing) if listing.ready => listing,
                    Some(listing) => match looked_at(&mut access, &listing).await? {
                        JobState::Complete => Listing { ready: true, ..listing },
                        JobState::Underway if now.duration_since(listing.at) < PATIENCE => listing,
                        JobState::Underway | JobState::Failed => return Ok(None),
                    },
                };
                listings.insert(object.clone(), listing);
            }
            Ok::<_, AccessError>(Some(listings))
        };
        let asked = asked.await;
        shift.count(&mut access);
        let listings = match asked {
            Ok(Some(listings)) => listings,
            Ok(None) => return self.go_on_by_pages(shift, run, FAILED).await,
            Err(error) => return self.give_up(shift, run, error).await,
        };
        if listings.values().all(|listing| !listing.ready) {
            self.step.stopped = Some(Stopped::Listing);
        }
        for (object, listing) in listings {
            keep_listing(run, &object, listing);
        }
        if !shift.settle_spending().await? {
            shift.worked.stopped = Some(Stopped::Budget);
        }
        Ok(true)
    }

    /// Carries the people of a page of results, as many at a time as of any page.
    async fn take_listed(
        &self,
        shift: &mut Shift<'a>,
        bench: &'a Workbench,
        run: &mut Run,
        (object, mut listing, schemas): (&ObjectName, Listing, &Schemas),
        (page, present): (ResultPage, &BTreeMap<RecordId, Timestamp>),
    ) -> Result<bool, WorkError> {
        let mut rows = page.rows().skip(listing.worked).peekable();
        let mut moved = false;
        while rows.peek().is_some() && shift.has_time() {
            let chunk = match rows.by_ref().take(bench.part(self.engine)).collect::<Result<Vec<Row>, _>>() {
                Ok(chunk) => chunk,
                Err(error) => return self.give_up(shift, run, error.into()).await,
            };
            let access = match shift.open(bench, Purpose::Backfill).await {
                Ok(access) => access,
                Err(error) => {
                    keep_listing(run, object, listing);
                    return self.stop(shift, error).await.map(|_| moved);
                }
            };
            let (before, read) = (run.sheet.clone(), chunk.len());
            let chunk: Vec<Row> = chunk.into_iter().filter(|row| is_true(row, present)).collect();
            let changed = (read - chunk.len()) as u64;
            (run.sheet.read, run.sheet.later) = (run.sheet.read + changed, run.sheet.later + changed);
            if !self.take(shift, access, schemas, &Page::of(object, chunk), run).await? {
                run.sheet = before;
                keep_listing(run, object, listing);
                return Ok(moved);
            }
            if run.stopped.is_some() {
                return Ok(true);
            }
            listing.worked += read;
            moved = true;
            if shift.worked.stopped.is_some() || shift.is_rung_for() {
                break;
            }
        }
        let is_end = rows.peek().is_none();
        drop(rows);
        if is_end {
            let done = page.next.is_none();
            let position = run.positions.entry(object.clone()).or_default();
            let next = Listing { locator: page.next, worked: 0, ..listing };
            *position = Position { done, listing: (!done).then_some(next), ..position.clone() };
            return Ok(true);
        }
        if !shift.has_time() {
            shift.worked.stopped = Some(Stopped::Deadline);
        }
        keep_listing(run, object, listing);
        Ok(moved)
    }

    /// The rest is read page by page, from where that was left: a job is a shorter way, and no more than that.
    async fn give_up(&self, shift: &mut Shift<'a>, run: &mut Run, error: AccessError) -> Result<bool, WorkError> {
        match error {
            AccessError::Salesforce(error) if error.class() != Class::Pause => self.go_on_by_pages(shift, run, error.code()).await,
            other => self.stop(shift, other).await,
        }
    }

    async fn go_on_by_pages(&self, shift: &mut Shift<'a>, run: &mut Run, code: &str) -> Result<bool, WorkError> {
        tracing::warn!(connection.id = %self.engine.document.connection.id, code, "what has changed could not be listed");
        run.bulk_refused = Some(code.to_owned());
        run.positions.values_mut().for_each(|position| position.listing = None);
        if !shift.settle_spending().await? {
            shift.worked.stopped = Some(Stopped::Budget);
        }
        Ok(true)
    }
}

fn keep_listing(run: &mut Run, object: &ObjectName, listing: Listing) {
    run.positions.entry(object.clone()).or_default().listing = Some(listing);
}

/// Has the rows of a query listed.
async fn made(access: &mut Access<'_>, soql: &str, at: Timestamp) -> Result<Listing, AccessError> {
    let made = access.ask(Method::POST, &bulk::jobs(access.version()), Some(&bulk::query_with_deleted(soql))).await?;
    Ok(Listing { job: bulk::parse_id(&made)?, at, ready: false, locator: None, worked: 0 })
}

async fn looked_at(access: &mut Access<'_>, listing: &Listing) -> Result<JobState, AccessError> {
    Ok(bulk::parse_state(&access.ask(Method::GET, &bulk::job(access.version(), &listing.job), None).await?))
}

/// A page of results.
async fn results(access: &mut Access<'_>, schemas: &Schemas, object: &ObjectName, listing: &Listing, most: usize) -> Result<ResultPage, AccessError> {
    let path = bulk::results(access.version(), &listing.job, listing.locator.as_deref(), most.min(PAGES * MAX_READ));
    let (headers, body) = access.csv(&path).await?;
    let schema = schemas.object(object.as_str());
    let kind = |name: &str| match name {
        "IsDeleted" | "IsConverted" => FieldType::Boolean,
        _ => schema.and_then(|schema| schema.fields.get(&FieldName::parse(name).ok()?)).map(|field| field.kind.clone()).unwrap_or_default(),
    };
    Ok(bulk::parse_results(object.as_str(), &headers, body, kind)?)
}

/// When each record that is there was changed last, by a look of this moment.
async fn present(access: &mut Access<'_>, object: &ObjectName, page: &ResultPage) -> Result<BTreeMap<RecordId, Timestamp>, AccessError> {
    let ids = page.rows().filter(|row| row.as_ref().map_or(true, |row| !is_deleted(row)));
    let ids = ids.filter_map(|row| row.map(|row| row.id("Id")).transpose()).collect::<Result<Vec<RecordId>, _>>()?;
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let fields = ["Id", "SystemModstamp"].map(FieldName::known);
    let name = |i: usize| format!("s{i}");
    let looks = ids.chunks(MAX_READ).enumerate();
    let subs = looks.map(|(i, ids)| collections::retrieve(access.version(), &name(i), object, ids, &fields)).collect::<Result<Vec<_>, _>>();
    let answer = access.composite(&Composite::new(subs.map_err(SalesforceError::from)?)).await?;
    let mut found = BTreeMap::new();
    for (i, ids) in ids.chunks(MAX_READ).enumerate() {
        let records = collections::parse_retrieved(answer.get(&name(i))?, ids.len())?;
        let records = records.into_iter().flatten().map(Row::of);
        found.extend(records.filter_map(|row| row.id("Id").zip(row.time("SystemModstamp"))));
    }
    Ok(found)
}

fn is_deleted(row: &Row) -> bool {
    row.get("IsDeleted").and_then(serde_json::Value::as_bool) == Some(true)
}

/// Whether a listed row is as its record is now. A deleted one is not looked at: what restores it changes it.
fn is_true(row: &Row, present: &BTreeMap<RecordId, Timestamp>) -> bool {
    is_deleted(row) || row.id("Id").is_some_and(|id| present.get(&id).copied() == row.time("SystemModstamp"))
}
