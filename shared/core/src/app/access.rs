//! The org, with a session that is renewed when Salesforce refuses it.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use thiserror::Error;

use crate::{
    adapters::{
        salesforce::{
            ApiVersion, CallOptions, Class, SalesforceError,
            collections::Alone,
            composite::{Composite, CompositeAnswer},
            soql::QueryPage,
        },
        state::{StateError, writer::CALL_TIMEOUT},
    },
    app::tokens::{Renewals, Session, SessionCache, TokenError, load_session, refresh},
    domain::{
        budget::{OrgUsage, Purpose, Spent, Wait, verdict},
        engine::Engine,
    },
    ports::Ports,
};

/// Answers of a call of `self`'s session, sent again with another one where it is refused. A macro, since what the call borrows of the session
/// cannot be said by a closure's type.
macro_rules! renewing {
    ($access:ident, $call:expr) => {{
        let mut renewals = Renewals::default();
        loop {
            match $call.await {
                Err(error) if renewals.again(&error, &$access.session) => $access.renew().await?,
                other => break other,
            }
        }
    }};
}

/// Why the org cannot be worked with.
#[derive(Debug, Error)]
pub(in crate::app) enum AccessError {
    /// The grant is gone.
    #[error("the org's grant is gone: {code}")]
    Broken { code: String },
    /// No session could be had just now.
    #[error("no session could be had: {code}")]
    Unavailable { code: String },
    /// The state table failed.
    #[error("the state table failed")]
    State(#[from] StateError),
    /// No more calls may be spent for now.
    #[error("no API calls are left")]
    Waits(Wait),
    /// A call failed.
    #[error("a call to Salesforce failed")]
    Salesforce(#[from] SalesforceError),
}

impl From<TokenError> for AccessError {
    fn from(error: TokenError) -> Self {
        let code = error.code().to_owned();
        match error {
            TokenError::State(error) => Self::State(error),
            other if other.class() == Class::Reauthorise => Self::Broken { code },
            _ => Self::Unavailable { code },
        }
    }
}

/// One connection's org.
pub(in crate::app) struct Access<'a> {
    ports: Ports<'a>,
    sessions: &'a SessionCache,
    engine: &'a Engine,
    session: Session<'a>,
    counted: u32,
    /// What the connection had spent when this was opened.
    spent: Spent,
    /// What its calls are for, where each is held against what may be spent; what somebody asks for by hand is not.
    capped: Option<Purpose>,
}

impl<'a> Access<'a> {
    pub async fn open(ports: Ports<'a>, sessions: &'a SessionCache, engine: &'a Engine) -> Result<Self, AccessError> {
        let c = &engine.document.connection.id;
        let session = load_session(ports, sessions, &engine.document, c).await?;
        let spent = ports.table.load_spent(c, ports.clock.now()).await?;
        Ok(Self { ports, sessions, engine, session, counted: 0, spent, capped: None })
    }

    /// The same, each of whose calls is held against what the connection may spend, beside so many that are not stored yet.
    pub fn capped(mut self, unstored: u32, purpose: Purpose) -> Self {
        self.spent.calls += u64::from(unstored);
        self.capped = Some(purpose);
        self
    }

    /// Until when the next call has to wait, if it has to.
    pub fn must_wait(&self) -> Option<Wait> {
        let calls = self.spent.calls + u64::from(self.session.org.calls());
        let spent = Spent { calls, org: self.usage().or(self.spent.org), ..self.spent };
        verdict(&self.engine.document.salesforce.api_calls, &spent, self.capped.unwrap_or(Purpose::Live), self.ports.clock.now()).wait()
    }

    fn may_call(&self) -> Result<(), AccessError> {
        self.must_wait().filter(|_| self.capped.is_some()).map_or(Ok(()), |wait| Err(AccessError::Waits(wait)))
    }

    pub fn version(&self) -> &ApiVersion {
        self.session.org.version()
    }

    pub fn options(&self) -> CallOptions {
        CallOptions::of(&self.engine.document.salesforce)
    }

    /// API calls used in the last 24 hours and allowed, as the last answer told.
    pub fn usage(&self) -> Option<OrgUsage> {
        self.session.org.usage().map(|usage| OrgUsage { used: usage.used, max: usage.max, at: self.ports.clock.now() })
    }

    /// The integration user.
    pub fn user_id(&self) -> Option<&str> {
        self.session.user_id()
    }

    /// How many calls were made since this was asked last.
    pub fn take_calls(&mut self) -> u32 {
        let calls = self.session.org.calls();
        let fresh = calls.saturating_sub(self.counted);
        self.counted = calls;
        fresh
    }

    /// Stores what calls outside a shift have spent, and answers how many they were.
    pub async fn spend(&mut self) -> Result<u32, StateError> {
        let calls = self.take_calls();
        if calls > 0 {
            self.ports.table.add_spent(&self.engine.document.connection.id, calls, self.usage(), None, self.ports.clock.now()).await?;
        }
        Ok(calls)
    }

    /// Sends one composite call, with a renewed session where the one at hand is refused.
    pub async fn composite(&mut self, call: &Composite) -> Result<CompositeAnswer, AccessError> {
        self.may_call()?;
        Ok(renewing!(self, self.composite_once(call))?)
    }

    /// Sends one call of its own, with a renewed session where the one at hand is refused.
    pub async fn send(&mut self, method: Method, path: &str, body: &Value) -> Result<(), AccessError> {
        Ok(renewing!(self, self.session.org.send(method.clone(), path, Some(body), CALL_TIMEOUT)).map(drop)?)
    }

    /// Sends one call that asks for something and may be repeated, with a renewed session where the one at hand is refused.
    pub async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, AccessError> {
        self.may_call()?;
        Ok(renewing!(self, self.session.org.send(method.clone(), path, body, CALL_TIMEOUT))?.body)
    }

    /// Reads CSV, with a renewed session where the one at hand is refused.
    pub async fn csv(&mut self, path: &str) -> Result<(HeaderMap, Bytes), AccessError> {
        self.may_call()?;
        Ok(renewing!(self, self.session.org.csv(path, CALL_TIMEOUT))?)
    }

    /// Sends one composite call with the session at hand. A refused session refuses before anything is done.
    pub async fn composite_once(&self, call: &Composite) -> Result<CompositeAnswer, SalesforceError> {
        self.session.org.composite(call, CALL_TIMEOUT).await
    }

    /// Writes one record by a call of its own, with the session at hand.
    pub async fn write_alone_once(&self, call: &Alone) -> Result<(), SalesforceError> {
        self.session.org.write_alone(call, CALL_TIMEOUT).await
    }

    /// Whether a call that was refused is sent again with another session.
    pub fn may_renew(&self, renewals: &mut Renewals, refused: &SalesforceError) -> bool {
        renewals.again(refused, &self.session)
    }

    /// Gets another session.
    pub async fn renew(&mut self) -> Result<(), AccessError> {
        self.session = refresh(self.ports, self.sessions, &self.engine.document, &self.engine.document.connection.id, &self.session).await?;
        Ok(())
    }

    /// The next page of a query, with a renewed session where the one at hand is refused.
    pub async fn more(&mut self, next: &str) -> Result<QueryPage, AccessError> {
        self.may_call()?;
        Ok(renewing!(self, self.session.org.query_more(next, CALL_TIMEOUT))?)
    }
}
