//! Mautic's REST API. Owns paths, queries, statuses and signing in; refuses to know people.
//!
//! Source: Mautic 5, `ApiBundle` and `LeadBundle/Controller/Api`. Only [`Mautic::send`] sends.

mod error;
mod query;

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

pub use self::{
    error::MauticError,
    query::{Column, Query, moment},
};
use super::platform::MostBytes;
use crate::ports::Transport;

/// The most contacts or companies of one call (`api_batch_max_limit`), and of a page.
pub const BATCH: usize = 200;
/// How long a call may take: Mautic needs some tenths of a second for each contact that it writes.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an answer: a page of contacts, each with all fields described.
const MOST_BYTES: MostBytes = MostBytes(16 * 1024 * 1024);

/// How to sign in.
pub enum SignIn {
    /// OAuth 2 client credentials.
    ClientCredentials {
        /// The public key.
        client_id: String,
        /// The secret.
        secret: SecretString,
    },
    /// Basic authentication.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// A Mautic and the right to call it. The access token is asked for with the first call, and once more where it has run out.
pub struct Mautic<'a> {
    transport: &'a dyn Transport,
    base: String,
    sign_in: SignIn,
    timeout: Duration,
    token: Mutex<Option<SecretString>>,
    calls: AtomicU32,
}

impl fmt::Debug for Mautic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mautic").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What became of one item of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its status, as a call of its own would have had it.
    pub status: u16,
    /// The contact or the company as it is now, where there is one.
    pub entity: Value,
}

impl<'a> Mautic<'a> {
    /// The Mautic at an address.
    #[must_use]
    pub fn new(transport: &'a dyn Transport, url: &Url, sign_in: SignIn) -> Self {
        Self {
            transport,
            base: url.as_str().trim_end_matches('/').to_owned(),
            sign_in,
            timeout: TIMEOUT,
            token: Mutex::default(),
            calls: AtomicU32::default(),
        }
    }

    /// The same, of which no call takes longer than this.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How many requests were sent, those for tokens among them.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The contacts of a page.
    ///
    /// # Errors
    /// See [`MauticError`].
    pub async fn contacts(&self, query: &Query) -> Result<Vec<Value>, MauticError> {
        self.page("contacts", query).await
    }

    /// The companies of a page.
    ///
    /// # Errors
    /// See [`MauticError`].
    pub async fn companies(&self, query: &Query) -> Result<Vec<Value>, MauticError> {
        self.page("companies", query).await
    }

    async fn page(&self, what: &str, query: &Query) -> Result<Vec<Value>, MauticError> {
        listed(&self.send(Method::GET, &format!("{what}?{}", query.text()), None).await?, what)
    }

    /// One contact.
    ///
    /// # Errors
    /// [`MauticError::NotFound`] where it is not there; see [`MauticError`].
    pub async fn contact(&self, id: u64) -> Result<Value, MauticError> {
        let mut answer = self.send(Method::GET, &format!("contacts/{id}"), None).await?;
        Ok(answer.get_mut("contact").map(Value::take).unwrap_or_default())
    }

    /// Changes contacts by PATCH, [`BATCH`] at most; each names its `id`.
    ///
    /// # Errors
    /// See [`MauticError`]; what becomes of each is told by its item.
    pub async fn patch(&self, contacts: Vec<Map<String, Value>>) -> Result<Vec<Item>, MauticError> {
        self.batch(Method::PATCH, ("contacts", "edit"), contacts).await
    }

    /// Changes companies by PATCH, [`BATCH`] at most; each names its `id`.
    ///
    /// # Errors
    /// As [`Mautic::patch`].
    pub async fn patch_companies(&self, companies: Vec<Map<String, Value>>) -> Result<Vec<Item>, MauticError> {
        self.batch(Method::PATCH, ("companies", "edit"), companies).await
    }

    /// Makes contacts, [`BATCH`] at most; who has the address already is changed instead.
    ///
    /// # Errors
    /// As [`Mautic::patch`].
    pub async fn create(&self, contacts: Vec<Map<String, Value>>) -> Result<Vec<Item>, MauticError> {
        self.batch(Method::POST, ("contacts", "new"), contacts).await
    }

    async fn batch(&self, method: Method, (what, how): (&str, &str), items: Vec<Map<String, Value>>) -> Result<Vec<Item>, MauticError> {
        let asked = items.len();
        let answer = self.send(method, &format!("{what}/batch/{how}"), Some(&json!(items))).await?;
        let statuses = answer.get("statusCodes").and_then(Value::as_array).ok_or(MauticError::Unreadable)?;
        let status = |value: &Value| value.as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
        let entity = |n: usize| answer.get(what).and_then(|entities| entities.get(n)).cloned().unwrap_or_default();
        let items: Vec<Item> = statuses.iter().enumerate().map(|(n, value)| Item { status: status(value), entity: entity(n) }).collect();
        if items.len() == asked { Ok(items) } else { Err(MauticError::Unreadable) }
    }

    /// Gives a contact all its fields by PUT.
    ///
    /// # Errors
    /// See [`MauticError`].
    pub async fn put(&self, id: u64, fields: &Map<String, Value>) -> Result<(), MauticError> {
        self.send(Method::PUT, &format!("contacts/{id}/edit"), Some(&json!(fields))).await.map(drop)
    }

    /// Notes that a contact is not to be contacted by a channel any more, or that it may be again.
    ///
    /// # Errors
    /// See [`MauticError`].
    pub async fn do_not_contact(&self, id: u64, channel: &str, yes: bool) -> Result<(), MauticError> {
        let (how, body) = if yes { ("add", json!({"reason": UNSUBSCRIBED, "comments": "Salesforce"})) } else { ("remove", json!({})) };
        self.send(Method::POST, &format!("contacts/{id}/dnc/{channel}/{how}"), Some(&body)).await.map(drop)
    }

    /// All users.
    ///
    /// # Errors
    /// [`MauticError::Forbidden`] where the role does not permit to view users; see [`MauticError`].
    pub async fn users(&self) -> Result<Vec<Value>, MauticError> {
        listed(&self.send(Method::GET, "users?limit=0", None).await?, "users")
    }

    /// The fields of contacts, as `passerelle attributes` reads them.
    ///
    /// # Errors
    /// See [`MauticError`].
    pub async fn contact_fields(&self) -> Result<Value, MauticError> {
        self.send(Method::GET, "fields/contact?limit=0", None).await
    }

    /// The fields of companies, likewise.
    ///
    /// # Errors
    /// See [`MauticError`].
    pub async fn company_fields(&self) -> Result<Value, MauticError> {
        self.send(Method::GET, "fields/company?limit=0", None).await
    }

    /// Sends one call. Where the token has run out, once more with another.
    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, MauticError> {
        let held = self.held();
        let had_token = held.is_some();
        let authorization = self.authorization(held).await?;
        match self.call(&method, path, body, &authorization).await {
            Err(MauticError::Credentials) if had_token => {
                let fresh = self.authorization(None).await?;
                self.call(&method, path, body, &fresh).await
            }
            other => other,
        }
    }

    fn held(&self) -> Option<SecretString> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The header by which a call signs in, with the token that is held or another one.
    async fn authorization(&self, held: Option<SecretString>) -> Result<String, MauticError> {
        let token = match (&self.sign_in, held) {
            (SignIn::Basic { user, password }, _) => {
                return Ok(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret()))));
            }
            (SignIn::ClientCredentials { .. }, Some(token)) => token,
            (SignIn::ClientCredentials { client_id, secret }, None) => {
                let token = self.token(client_id, secret).await?;
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
                token
            }
        };
        Ok(format!("Bearer {}", token.expose_secret()))
    }

    async fn token(&self, client_id: &str, secret: &SecretString) -> Result<SecretString, MauticError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", client_id)
            .append_pair("client_secret", secret.expose_secret())
            .finish();
        let request = Request::post(format!("{}/oauth/v2/token", self.base)).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = match self.exchange(request, Bytes::from(form)).await {
            // Whatever a request for a token is refused for, it is what it was asked with.
            Err(MauticError::Refused { .. } | MauticError::Forbidden) => Err(MauticError::Credentials),
            other => other,
        }?;
        answer.get("access_token").and_then(Value::as_str).map(SecretString::from).ok_or(MauticError::Unreadable)
    }

    async fn call(&self, method: &Method, path: &str, body: Option<&Value>, authorization: &str) -> Result<Value, MauticError> {
        let request = Request::builder().method(method).uri(format!("{}/api/{path}", self.base)).header(header::AUTHORIZATION, authorization);
        let request = request.header(header::ACCEPT, "application/json").header(header::CONTENT_TYPE, "application/json");
        self.exchange(request, body.map(|body| Bytes::from(body.to_string())).unwrap_or_default()).await
    }

    async fn exchange(&self, request: http::request::Builder, body: Bytes) -> Result<Value, MauticError> {
        let request = request.extension(MOST_BYTES).body(body).map_err(|_| MauticError::Unreadable)?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = self.transport.send(request, self.timeout).await?;
        let status = answer.status();
        let json: Option<Value> = serde_json::from_slice(answer.body()).ok();
        if status.is_success() { json.ok_or(MauticError::Unreadable) } else { Err(MauticError::refused(status, json.as_ref())) }
    }
}

/// What an answer lists: an object by ids, or an array.
fn listed(answer: &Value, what: &str) -> Result<Vec<Value>, MauticError> {
    match answer.get(what) {
        Some(Value::Object(items)) => Ok(items.values().cloned().collect()),
        Some(Value::Array(items)) => Ok(items.clone()),
        _ => Err(MauticError::Unreadable),
    }
}

/// The reason of a contact who wants no more e-mails.
const UNSUBSCRIBED: u8 = 1;
