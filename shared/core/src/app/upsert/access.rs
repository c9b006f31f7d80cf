//! The org, with a session that is renewed once when Salesforce refuses it.

use thiserror::Error;

use crate::{
    adapters::{
        salesforce::{
            ApiVersion, CallOptions, Class, SalesforceError,
            composite::{Composite, CompositeAnswer},
            soql::QueryPage,
        },
        state::{StateError, writer::CALL_TIMEOUT},
    },
    app::tokens::{Session, SessionCache, TokenError, load_session, refresh},
    domain::engine::Engine,
    ports::Ports,
};

/// Why the org cannot be worked with.
#[derive(Debug, Error)]
pub(super) enum AccessError {
    /// The grant is gone.
    #[error("the org's grant is gone: {code}")]
    Broken { code: String },
    /// No session could be had just now.
    #[error("no session could be had: {code}")]
    Unavailable { code: String },
    /// The state table failed.
    #[error("the state table failed")]
    State(#[from] StateError),
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
pub(super) struct Access<'a> {
    ports: Ports<'a>,
    sessions: &'a SessionCache,
    engine: &'a Engine,
    session: Session<'a>,
    counted: u32,
}

impl<'a> Access<'a> {
    pub async fn open(ports: Ports<'a>, sessions: &'a SessionCache, engine: &'a Engine) -> Result<Self, AccessError> {
        let session = load_session(ports, sessions, &engine.document, &engine.document.connection.id).await?;
        Ok(Self { ports, sessions, engine, session, counted: 0 })
    }

    pub fn version(&self) -> &ApiVersion {
        self.session.org.version()
    }

    pub fn options(&self) -> CallOptions {
        CallOptions::of(&self.engine.document.salesforce)
    }

    /// How many calls were made since this was asked last.
    pub fn take_calls(&mut self) -> u32 {
        let calls = self.session.org.calls();
        let fresh = calls.saturating_sub(self.counted);
        self.counted = calls;
        fresh
    }

    /// Sends one composite call, with a renewed session if the first is refused.
    pub async fn composite(&mut self, call: &Composite) -> Result<CompositeAnswer, AccessError> {
        match self.composite_once(call).await {
            Err(error) if error.class() == Class::Reauthorise => {
                self.renew().await?;
                Ok(self.composite_once(call).await?)
            }
            other => Ok(other?),
        }
    }

    /// Sends one composite call with the session at hand. A refused session refuses before anything is done.
    pub async fn composite_once(&self, call: &Composite) -> Result<CompositeAnswer, SalesforceError> {
        self.session.org.composite(call, CALL_TIMEOUT).await
    }

    /// Gets another session.
    pub async fn renew(&mut self) -> Result<(), AccessError> {
        self.session = refresh(self.ports, self.sessions, &self.engine.document, &self.engine.document.connection.id, &self.session).await?;
        Ok(())
    }

    /// The next page of a query.
    pub async fn more(&mut self, next: &str) -> Result<QueryPage, AccessError> {
        Ok(self.session.org.query_more(next, CALL_TIMEOUT).await?)
    }
}
