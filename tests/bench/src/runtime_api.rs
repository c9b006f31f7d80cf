//! A Lambda Runtime API on the loopback interface, for one process: it hands out events and notes when they
//! were asked for and answered.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. The same port plays the AWS
//! account, see [`crate::empty_account`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// Longest wait for a process to do the next thing, which is also the time that it is given for an event: as much as the
/// template gives upsert.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something that the process did.
#[derive(Debug)]
pub enum Seen {
    /// It asked for an event.
    Asked(Instant),
    /// It answered the event.
    Answered(Instant),
    /// It answered that it had failed, and how.
    Failed(Instant, String),
}

struct Shared {
    seen: mpsc::UnboundedSender<Seen>,
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
}

/// The API of one process; ends when dropped.
pub struct RuntimeApi {
    /// Where it listens.
    pub address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Seen>,
    events: mpsc::UnboundedSender<Value>,
    server: JoinHandle<()>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl RuntimeApi {
    /// Listens on a free port.
    ///
    /// # Errors
    /// The port could not be opened.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (seen_sender, seen) = mpsc::unbounded_channel();
        let (events, events_receiver) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { seen: seen_sender, events: Mutex::new(events_receiver) });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(outcome))
            .route("/", post(aws))
            .with_state(shared);
        let server = tokio::spawn(async move {
            if let Err(cause) = axum::serve(listener, router).await {
                eprintln!("The Runtime API ended: {cause}.");
            }
        });
        Ok(Self { address, seen, events, server })
    }

    /// Gives the process its next event.
    ///
    /// # Errors
    /// The server has ended.
    pub fn hand_out(&self, event: Value) -> Result<()> {
        self.events.send(event).context("The Runtime API has ended.")
    }

    /// The next thing that the process does.
    ///
    /// # Errors
    /// It did nothing for a minute.
    pub async fn observe(&mut self) -> Result<Seen> {
        match tokio::time::timeout(PATIENCE, self.seen.recv()).await {
            Ok(Some(seen)) => Ok(seen),
            Ok(None) => bail!("The Runtime API has ended."),
            Err(_) => bail!("The function did nothing for {} s.", PATIENCE.as_secs()),
        }
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    // The receiver is gone only when nobody is interested any longer; the same holds below.
    let _ = shared.seen.send(Seen::Asked(Instant::now()));
    let Some(event) = shared.events.lock().await.recv().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", &deadline_ms()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-3:000000000000:function:bench"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
        ("content-type", "application/json"),
    ];
    (headers, event.to_string()).into_response()
}

fn deadline_ms() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now + PATIENCE).as_millis().to_string()
}

async fn outcome(State(shared): State<Arc<Shared>>, Path((_, outcome)): Path<(String, String)>, body: Bytes) -> StatusCode {
    let at = Instant::now();
    let seen = if outcome == "response" { Seen::Answered(at) } else { Seen::Failed(at, String::from_utf8_lossy(&body).into_owned()) };
    let _ = shared.seen.send(seen);
    StatusCode::ACCEPTED
}

async fn aws(headers: HeaderMap) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (status, body) = crate::empty_account::answer(target);
    let kind = [("content-type", "application/x-amz-json-1.0")];
    (status, kind, body.to_string()).into_response()
}
