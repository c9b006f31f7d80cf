//! The embedded SES: takes mail over AWS's own protocol, sends none, and shows what it took on a page.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    response::{Html, IntoResponse},
    routing::{get, post},
};
use http::StatusCode;
use passerelle_core::ports::{Clock, Ids};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::served::{self, Stop};

/// How many mails are kept: the last ones.
const KEPT: usize = 200;

/// A mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// When, as text.
    pub at: String,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

#[derive(Debug, Default)]
struct Refusals {
    left: AtomicUsize,
    made: AtomicUsize,
}

/// The embedded SES. Clones are the same service.
#[derive(Clone)]
pub struct Mailbox {
    taken: Arc<Mutex<Vec<Letter>>>,
    refusals: Arc<Refusals>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Mailbox {
    /// An empty one.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { taken: Arc::default(), refusals: Arc::default(), clock, ids }
    }

    /// What was taken, oldest first.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses so many mails from now on.
    pub fn refuse(&self, mails: usize) {
        self.refusals.left.store(mails, Ordering::SeqCst);
    }

    /// How many mails were refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refusals.made.load(Ordering::SeqCst)
    }

    fn refuses(&self) -> bool {
        let refuses = self.refusals.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        self.refusals.made.fetch_add(usize::from(refuses), Ordering::SeqCst);
        refuses
    }

    /// Serves it on `listener` until `stop`.
    pub(crate) fn serve(&self, listener: TcpListener, stop: &Stop) -> JoinHandle<()> {
        let router = Router::new().route("/", get(page)).route("/v2/email/outbound-emails", post(take)).with_state(self.clone());
        served::serve("the embedded SES", listener, router, stop)
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mailbox")
    }
}

/// `SendEmail`, with a simple message. Source: Amazon SES API v2 Reference, "SendEmail".
async fn take(State(mailbox): State<Mailbox>, Json(request): Json<Value>) -> impl IntoResponse {
    if mailbox.refuses() {
        return (StatusCode::BAD_REQUEST, Json(json!({"message": "Email address is not verified."})));
    }
    let text = |pointer: &str| request.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let to = request.pointer("/Destination/ToAddresses").and_then(Value::as_array).cloned().unwrap_or_default();
    let letter = (|| {
        Some(Letter {
            at: mailbox.clock.now().to_string(),
            from: text("/FromEmailAddress")?,
            to: to.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            subject: text("/Content/Simple/Subject/Data")?,
            text: text("/Content/Simple/Body/Text/Data")?,
        })
    })();
    let Some(letter) = letter.filter(|letter| !letter.to.is_empty()) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"message": "A simple message with sender and recipients is expected."})));
    };
    let mut taken = mailbox.taken.lock().unwrap_or_else(PoisonError::into_inner);
    taken.push(letter);
    let over = taken.len().saturating_sub(KEPT);
    taken.drain(..over);
    (StatusCode::OK, Json(json!({"MessageId": mailbox.ids.fresh()})))
}

async fn page(State(mailbox): State<Mailbox>) -> Html<String> {
    let letters = mailbox.letters();
    let shown = letters.iter().rev().map(|letter| {
        let parts = [&letter.subject, &letter.at, &letter.from, &letter.to.join(", "), &letter.text].map(|part| escape(part));
        let [subject, at, from, to, text] = parts;
        format!("<article><h2>{subject}</h2><p>{at}, {from} → {to}</p><pre>{text}</pre></article>")
    });
    let none = if letters.is_empty() { "<p>No mail was sent yet.</p>" } else { "" };
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mail</title><h1>Mail</h1>{none}{}</html>",
        shown.collect::<String>()
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
