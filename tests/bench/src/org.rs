//! How quick the simulated org is when it is full, and how much memory it takes.
//!
//! Requests go through the simulator's whole path in process (JSON in, JSON out) and not over a socket. Times are
//! milliseconds, memory is resident memory as the system counts it.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Request};
use salesforce_sim::seed::{AppSeed, CustomField, CustomFieldKind};
use salesforce_sim::{Options, Seed, Sim};
use serde::Serialize;
use serde_json::{Value, json};

/// Records of one collections request, the most there may be.
const BATCH: usize = 200;
/// Rows of one page, the most there may be.
const PAGE: usize = 2_000;
/// Collections requests that are timed, of either kind.
const BATCHES: usize = 100;
/// Pages that are timed, of each kind.
const PAGES: usize = 20;
const ROWS: &str = "SELECT Id, FirstName, LastName, Company, Email, SystemModstamp FROM Lead";
const HOST: &str = "https://org.my.sim.example";

/// What is wanted of the simulated org on the machine of its developers.
const WANTED_RECORDS_PER_S: f64 = 5_000.0;
const WANTED_PAGE_MS: f64 = 20.0;

/// The figures.
#[derive(Debug, Serialize)]
pub struct Figures {
    leads: usize,
    load_records_per_s: f64,
    upsert_new_records_per_s: f64,
    upsert_existing_records_per_s: f64,
    first_page_ms: Spread,
    next_page_ms: Spread,
    changed_page_ms: Spread,
    idle_mib: Option<f64>,
    loaded_mib: Option<f64>,
    bytes_per_lead: Option<f64>,
}

/// The smallest, the middle and the largest of some times, in milliseconds. On a busy machine the smallest says most.
#[derive(Clone, Copy, Debug, Serialize)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

/// Fills an org with leads and times what a client does with a full one.
///
/// # Errors
/// The org refuses a request, which it should not.
pub fn measure(leads: usize) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(Bench::new()?.run(leads.max(PAGE)))
}

struct Bench {
    sim: Sim,
    token: String,
}

impl Bench {
    fn new() -> Result<Self> {
        let seed = Seed {
            apps: vec![AppSeed { client_id: "bench".to_owned(), ..AppSeed::default() }],
            custom_fields: vec![CustomField {
                sobject: "Lead".to_owned(),
                name: "Key__c".to_owned(),
                kind: CustomFieldKind::Text { length: 64 },
                external_id: true,
                unique: true,
                ..CustomField::default()
            }],
            organization: salesforce_sim::seed::OrganizationSeed { daily_api_limit: u64::MAX, ..Default::default() },
            ..Seed::default()
        };
        let user = seed.users.first().context("The seed has no user.")?.username.clone();
        let sim = Sim::new(seed, Options { instance_url: HOST.to_owned(), ..Options::default() })?;
        let token = sim.control().issue_token(&user, "bench").context("The org gives no token.")?;
        Ok(Self { sim, token })
    }

    async fn run(self, leads: usize) -> Result<Figures> {
        let idle = resident_kib();
        let load = self.upsert(0..leads).await?;
        let loaded = resident_kib();
        let fresh = self.upsert(leads..leads + BATCHES * BATCH).await?;
        // From all over the org, so that no cache helps.
        let step = leads / (BATCHES * BATCH).min(leads);
        let existing = self.upsert((0..leads).step_by(step.max(1)).take(BATCHES * BATCH)).await?;
        let (first, next) = self.pages(ROWS).await?;
        let changed = format!("{ROWS} WHERE SystemModstamp >= 2020-01-01T00:00:00Z ORDER BY SystemModstamp, Id LIMIT {PAGE}");
        let (changed, _) = self.pages(&changed).await?;
        let grown = idle.zip(loaded).map(|(idle, loaded)| float(loaded.saturating_sub(idle)) * 1024.0 / float(leads as u64));
        Ok(Figures {
            leads,
            load_records_per_s: load,
            upsert_new_records_per_s: fresh,
            upsert_existing_records_per_s: existing,
            first_page_ms: first,
            next_page_ms: next,
            changed_page_ms: changed,
            idle_mib: idle.map(|kib| float(kib) / 1024.0),
            loaded_mib: loaded.map(|kib| float(kib) / 1024.0),
            bytes_per_lead: grown,
        })
    }

    /// Upserts leads by key, 200 a request, and answers records a second. Making the requests is not timed.
    async fn upsert(&self, numbers: impl Iterator<Item = usize>) -> Result<f64> {
        let numbers: Vec<usize> = numbers.collect();
        let mut spent = Duration::ZERO;
        for batch in numbers.chunks(BATCH) {
            let body = json!({"allOrNone": false, "records": batch.iter().map(|n| lead(*n)).collect::<Vec<_>>()}).to_string();
            let (answer, time) = self.timed(Method::PATCH, "/services/data/v66.0/composite/sobjects/Lead/Key__c", body).await?;
            let written = answer.as_array().into_iter().flatten().filter(|item| item.get("success") == Some(&Value::Bool(true))).count();
            ensure!(written == batch.len(), "The org refuses a lead: {answer}");
            spent += time;
        }
        Ok(float(numbers.len() as u64) / spent.as_secs_f64())
    }

    /// Times the first pages of a query, and those that follow one of them.
    async fn pages(&self, soql: &str) -> Result<(Spread, Spread)> {
        let path = format!("/services/data/v66.0/query?q={}", soql.replace(' ', "+").replace(">=", "%3E%3D"));
        let (mut first, mut next) = (Vec::new(), Vec::new());
        let mut more = None;
        for _ in 0..PAGES {
            let (answer, time) = self.timed(Method::GET, &path, String::new()).await?;
            ensure!(rows(&answer) == PAGE, "The page has {} rows.", rows(&answer));
            first.push(time);
            more = answer.get("nextRecordsUrl").and_then(Value::as_str).map(str::to_owned);
        }
        while let Some(path) = more.take().filter(|_| next.len() < PAGES) {
            let (answer, time) = self.timed(Method::GET, &path, String::new()).await?;
            next.push(time);
            more = answer.get("nextRecordsUrl").and_then(Value::as_str).map(str::to_owned);
        }
        Ok((Spread::of(first), Spread::of(next)))
    }

    /// One request, and the time until its answer is there as bytes.
    async fn timed(&self, method: Method, path: &str, body: String) -> Result<(Value, Duration)> {
        let request = Request::builder().method(method).uri(format!("{HOST}{path}")).header("authorization", format!("Bearer {}", self.token));
        let request = request.header("content-type", "application/json").body(Bytes::from(body))?;
        let begun = Instant::now();
        let answer = self.sim.call(request).await?;
        let time = begun.elapsed();
        ensure!(answer.status().is_success(), "The org answers {}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
        Ok((serde_json::from_slice(answer.body())?, time))
    }
}

fn lead(n: usize) -> Value {
    json!({
        "attributes": {"type": "Lead"}, "Key__c": format!("key-{n}"), "FirstName": format!("Camille {}", n % 997), "LastName": format!("Martin {n}"),
        "Company": format!("Company {}", n % 50_021), "Email": format!("camille.martin.{n}@example.org"), "Title": "Purchasing",
        "Phone": "+33 6 12 34 56 78", "City": "Lyon", "LeadSource": "Trade Show",
    })
}

fn rows(answer: &Value) -> usize {
    answer.get("records").and_then(Value::as_array).map_or(0, Vec::len)
}

impl Spread {
    /// Of no times at all, nothing.
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
        Self { min: ms(times.first()), median: ms(times.get(times.len() / 2)), max: ms(times.last()) }
    }
}

/// Resident memory of this process, where the system tells it.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "A printed figure keeps two decimals.")]
fn float(number: u64) -> f64 {
    number as f64
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |rate: f64| format!("{rate:.0} records/s");
        let wanted = format!("{WANTED_RECORDS_PER_S:.0} or more");
        let page = |spread: Spread| format!("{:.1} ms ({:.1} to {:.1})", spread.median, spread.min, spread.max);
        let quick = format!("{WANTED_PAGE_MS:.0} ms or less");
        let mib = |mib: Option<f64>| mib.map_or_else(|| "unknown".to_owned(), |mib| format!("{mib:.0} MiB"));
        let lines = [
            ("leads loaded", self.leads.to_string(), ""),
            ("loading, by collection upsert", rate(self.load_records_per_s), &*wanted),
            ("collection upsert of new leads", rate(self.upsert_new_records_per_s), &*wanted),
            ("collection upsert of existing leads", rate(self.upsert_existing_records_per_s), &*wanted),
            ("first page of all leads, 2,000 rows", page(self.first_page_ms), &*quick),
            ("next page, 2,000 rows", page(self.next_page_ms), &*quick),
            ("page of the least recently changed, 2,000 rows", page(self.changed_page_ms), &*quick),
            ("memory, empty", mib(self.idle_mib), ""),
            ("memory, loaded", mib(self.loaded_mib), ""),
            ("memory per lead", self.bytes_per_lead.map_or_else(|| "unknown".to_owned(), |bytes| format!("{bytes:.0} bytes")), ""),
        ];
        for (name, figure, target) in lines {
            writeln!(f, "{name:<48}  {figure:>24}  {target}")?;
        }
        Ok(())
    }
}
