//! The embedded Secrets Manager: AWS's JSON 1.1 protocol over HTTP, in memory or in one file.
//!
//! `store` owns the secrets and what may be done with them, `wire` the shapes of requests, `refusal` the errors, `lag` what may be late.
//! Error codes and messages are Secrets Manager's own, so that code which matches on them is tested for good.

mod lag;
mod refusal;
mod store;
mod version;
mod wire;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse, routing::post};
use http::{HeaderMap, StatusCode, header};
use passerelle_core::ports::{Clock, Ids};
use serde_json::Value;
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    files,
    served::{self, Stop},
};
use lag::{Lag, Lingering};
use refusal::Refusal;
use store::{Moment, Store};

/// A file of secrets that cannot be read.
#[derive(Debug, Error)]
pub enum SecretsFileError {
    /// The file system refuses.
    #[error("The file {} of the embedded Secrets Manager cannot be read.", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// It is not what this service writes.
    #[error("The file {} is not one that the embedded Secrets Manager wrote.", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

/// The embedded Secrets Manager. Clones are the same service.
#[derive(Clone)]
pub struct SecretsManager {
    inner: Arc<Inner>,
}

struct Inner {
    store: Mutex<Store>,
    lag: Mutex<Lag>,
    lingering: Mutex<Lingering>,
    file: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl SecretsManager {
    /// A service without secrets that keeps them in memory.
    #[must_use]
    pub fn memory(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self::of(Store::default(), None, clock, ids)
    }

    /// A service that keeps its secrets in the file `path`, in clear text, readable by the owner alone.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, SecretsFileError> {
        let bytes = files::read_if_there(path).map_err(|source| SecretsFileError::Unreadable { path: path.to_owned(), source })?;
        let store = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        let store = store.map_err(|source| SecretsFileError::Malformed { path: path.to_owned(), source })?.unwrap_or_default();
        Ok(Self::of(store, Some(path.to_owned()), clock, ids))
    }

    fn of(store: Store, file: Option<PathBuf>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { inner: Arc::new(Inner { store: Mutex::new(store), lag: Mutex::default(), lingering: Mutex::default(), file, clock, ids }) }
    }

    /// From now on one in so many reads of a value is stale, as Secrets Manager's may be: it is answered as before the last change of the secret.
    /// 0 = none is, as from the start. For tests.
    pub fn be_stale(&self, one_in: u64) {
        self.lag().be_stale(one_in);
    }

    /// How many reads were answered otherwise than they would have been by what is stored.
    #[must_use]
    pub fn stale_reads(&self) -> u64 {
        self.lag().struck()
    }

    /// From now on the name of a secret that is deleted at once is free again only after so many requests to make another, as Secrets Manager
    /// deletes behind its answer. 0 = it is free at once, as from the start. For tests.
    pub fn linger(&self, refusals: u64) {
        self.lingering().linger(refusals);
    }

    fn lingering(&self) -> MutexGuard<'_, Lingering> {
        self.inner.lingering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lag(&self) -> MutexGuard<'_, Lag> {
        self.inner.lag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The service as an HTTP application.
    pub fn router(&self) -> Router {
        Router::new().route("/", post(answer)).with_state(self.clone())
    }

    /// Answers one request in process, without HTTP around it: the status and the body.
    #[must_use]
    pub fn call(&self, operation: &str, body: &[u8]) -> (StatusCode, Value) {
        told(self.work(operation, body))
    }

    /// Works one request. A change is on the disk before it is answered, or has not happened.
    fn work(&self, operation: &str, body: &[u8]) -> Result<Value, Refusal> {
        let moment = Moment { now: self.inner.clock.now(), chance: self.inner.ids.secret_bytes() };
        let mut standing = self.inner.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = standing.clone();
        let answer = wire::dispatch(&mut next, operation, body, &moment);
        let seen = if operation == READ { self.lag().former() } else { None };
        if let Some(mut former) = seen {
            let stale = wire::dispatch(&mut former, operation, body, &moment);
            self.lag().note(stale != answer);
            return stale;
        }
        let answer = answer?;
        if next == *standing {
            return Ok(answer);
        }
        let made = next.all().find(|secret| standing.any(&secret.name).is_err());
        if made.is_some_and(|secret| self.lingering().refuses(&secret.name)) {
            return Err(Refusal::taken_by_deleted());
        }
        if let Some(path) = &self.inner.file {
            let bytes = serde_json::to_vec_pretty(&next).map_err(std::io::Error::from);
            if let Err(error) = bytes.and_then(|bytes| files::write_private(path, &bytes)) {
                tracing::error!(%error, "the embedded Secrets Manager cannot write its file");
                return Err(Refusal::internal());
            }
        }
        for gone in standing.all().filter(|secret| next.any(&secret.name).is_err()) {
            self.lingering().gone(&gone.name);
        }
        self.lag().keep(std::mem::replace(&mut *standing, next));
        Ok(answer)
    }

    /// Serves the service on `listener` until `stop`.
    pub(crate) fn serve(&self, listener: TcpListener, stop: &Stop) -> JoinHandle<()> {
        served::serve("the embedded Secrets Manager", listener, self.router(), stop)
    }
}

/// The operation that reads a value, and may be stale.
const READ: &str = "GetSecretValue";

const MEDIA_TYPE: &str = "application/x-amz-json-1.1";

async fn answer(State(service): State<SecretsManager>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let request_id = service.inner.ids.fresh();
    // Writing the file blocks.
    let worked = tokio::task::spawn_blocking(move || work_signed(&service, &headers, &body)).await;
    let (status, body) = told(worked.unwrap_or_else(|_| Err(Refusal::internal())));
    (status, [(header::CONTENT_TYPE.as_str(), MEDIA_TYPE.to_owned()), ("x-amzn-requestid", request_id)], body.to_string())
}

fn told(worked: Result<Value, Refusal>) -> (StatusCode, Value) {
    match worked {
        Ok(answer) => (StatusCode::OK, answer),
        Err(refusal) => (refusal.status(), refusal.body()),
    }
}

fn work_signed(service: &SecretsManager, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(operation) = text("x-amz-target").strip_prefix("secretsmanager.") else {
        return Err(Refusal::unknown_operation());
    };
    // That a request is signed at all is worth checking here; by whom is not.
    if !text("authorization").starts_with("AWS4-HMAC-SHA256 ") {
        return Err(Refusal::unsigned());
    }
    service.work(operation, body)
}
