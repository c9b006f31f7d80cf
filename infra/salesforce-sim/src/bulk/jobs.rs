//! Jobs and their states. A finished job shows `InProgress` once before it shows its end, because a client
//! that does not poll again must be found out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::http::clock::wire;
use crate::id::{Id, KeyPrefix};

const JOB: KeyPrefix = KeyPrefix::of(b"750");

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes data.
    Open,
    /// Has all its data and waits.
    UploadComplete,
    /// At work.
    InProgress,
    /// Done.
    JobComplete,
    /// Could not be worked on at all.
    Failed,
    /// Given up by the client.
    Aborted,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Open => "Open",
            State::UploadComplete => "UploadComplete",
            State::InProgress => "InProgress",
            State::JobComplete => "JobComplete",
            State::Failed => "Failed",
            State::Aborted => "Aborted",
        }
    }
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Writes records.
    Ingest,
    /// Reads records.
    Query,
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: Id,
    /// What it does.
    pub kind: Kind,
    /// `insert`, `upsert`, `query` and so on.
    pub operation: String,
    /// Object.
    pub object: String,
    /// Key field of an upsert.
    pub external_id: Option<String>,
    /// Who made it.
    pub user: Id,
    /// API version.
    pub version: u16,
    /// When it was made.
    pub created: Timestamp,
    /// Name of the delimiter.
    pub delimiter: String,
    /// `LF` or `CRLF`.
    pub ending: String,
    /// Where it stands.
    pub state: State,
    /// The uploaded text.
    pub data: String,
    /// Rows written, as CSV with a head.
    pub successes: String,
    /// Rows refused, as CSV with a head.
    pub failures: String,
    /// Head and rows of a query's answer.
    pub rows: Vec<Vec<String>>,
    /// Rows worked on.
    pub processed: usize,
    /// Rows refused.
    pub failed: usize,
    /// Why the job as a whole failed.
    pub error: Option<String>,
}

impl Job {
    /// The delimiter's character.
    pub fn separator(&self) -> char {
        super::csv::delimiter(&self.delimiter).unwrap_or(',')
    }

    /// The end of a line.
    pub fn line_end(&self) -> &'static str {
        if self.ending == "CRLF" { "\r\n" } else { "\n" }
    }

    /// The job as answers show it.
    pub fn to_json(&self) -> Value {
        let mut value = json!({
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user,
            "createdDate": wire(self.created),
            "systemModstamp": wire(self.created),
            "state": self.state.name(),
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": f64::from(self.version),
            "lineEnding": self.ending,
            "columnDelimiter": self.delimiter,
        });
        let mut put = |name: &str, field: Value| {
            if let Some(object) = value.as_object_mut() {
                object.insert(name.to_owned(), field);
            }
        };
        if self.kind == Kind::Ingest {
            let url = format!("services/data/v{}.0/jobs/ingest/{}/batches", self.version, self.id);
            put("contentUrl", json!(url));
            if let Some(field) = &self.external_id {
                put("externalIdFieldName", json!(field));
            }
        }
        if let Some(error) = &self.error {
            put("errorMessage", json!(error));
        }
        value
    }

    /// The job with its figures, as a look at it alone shows it.
    pub fn to_full_json(&self) -> Value {
        let mut value = self.to_json();
        let shown = self.state == State::JobComplete || self.state == State::Failed;
        let figure = |count: usize| if shown { count } else { 0 };
        let kind = if self.kind == Kind::Ingest { "V2Ingest" } else { "V2Query" };
        if let Some(object) = value.as_object_mut() {
            object.insert("jobType".to_owned(), json!(kind));
            object.insert("numberRecordsProcessed".to_owned(), json!(figure(self.processed)));
            if self.kind == Kind::Ingest {
                object.insert("numberRecordsFailed".to_owned(), json!(figure(self.failed)));
            }
            object.insert("retries".to_owned(), json!(0));
            if self.kind == Kind::Ingest {
                object.insert("apiActiveProcessingTime".to_owned(), json!(figure(self.processed)));
                object.insert("apexProcessingTime".to_owned(), json!(0));
            }
            object.insert("totalProcessingTime".to_owned(), json!(figure(self.processed)));
        }
        value
    }

    /// Looks at the job and lets it go on.
    pub fn poll(&mut self) {
        self.state = match self.state {
            State::UploadComplete => State::InProgress,
            State::InProgress if self.error.is_some() => State::Failed,
            State::InProgress => State::JobComplete,
            other => other,
        };
    }
}

/// All jobs.
#[derive(Debug, Default)]
pub struct Jobs {
    jobs: BTreeMap<Id, Job>,
    next: u64,
}

impl Jobs {
    /// An id for a new job.
    pub fn next_id(&mut self) -> Id {
        self.next += 1;
        Id::generate(JOB, self.next)
    }

    /// Keeps a job.
    pub fn put(&mut self, job: Job) {
        self.jobs.insert(job.id, job);
    }

    /// Finds a job of a kind.
    pub fn get(&mut self, id: &str, kind: Kind) -> Option<&mut Job> {
        let id = Id::parse(id).ok()?;
        self.jobs.get_mut(&id).filter(|job| job.kind == kind)
    }

    /// Drops a job; whether it was there.
    pub fn remove(&mut self, id: Id) -> bool {
        self.jobs.remove(&id).is_some()
    }

    /// The jobs of a kind, oldest first.
    pub fn list(&self, kind: Kind) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter(move |job| job.kind == kind)
    }
}
