//! Asking Salesforce for an access token, in the way that the document names.

use secrecy::SecretString;

use super::{Credentials, TokenError, keys::First};
use crate::{
    adapters::salesforce::oauth::{
        self, App, Grant, OAuthError, Signed,
        assertion::{self, Claims},
    },
    domain::config::{Auth, JwtBearer},
    ports::Ports,
};

/// What there is to ask with. Everything that a flow needs is there.
pub(in crate::app) enum Ask<'a> {
    /// A refresh token, and the consumer secret where the app has one.
    Refresh { token: &'a SecretString, secret: Option<&'a SecretString>, signed: Signed<'a> },
    /// Keys that sign for a user.
    Bearer { flow: &'a JwtBearer, first: First },
    /// The consumer secret.
    Credentials { secret: &'a SecretString },
}

/// What came of it.
pub(in crate::app) struct Asked {
    pub grant: Grant,
    /// The id of the key whose signature was accepted, where one was needed.
    pub key: Option<String>,
}

impl Asked {
    /// The credentials from now on.
    pub fn kept_in(&self, former: &Credentials) -> Credentials {
        let mut credentials = former.with(&self.grant);
        if let Some(key) = &self.key {
            credentials.accepted_key = Some(key.clone());
        }
        credentials
    }
}

impl<'a> Ask<'a> {
    /// Finds it in the connection's secret.
    pub fn of(auth: &'a Auth, held: &'a Credentials, first: First) -> Result<Self, TokenError> {
        let missing = |cause: &str| TokenError::Broken { cause: cause.to_owned() };
        match auth {
            Auth::WebServer(_) | Auth::Device(_) => {
                let token = held.refresh_token.as_ref().ok_or(TokenError::NotConnected)?;
                let secret = held.client_secret.as_ref();
                let signed = match (auth, secret) {
                    (Auth::WebServer(_), Some(secret)) => Signed::Always(secret),
                    (Auth::WebServer(_), None) => return Err(missing("no_consumer_secret")),
                    (_, Some(secret)) => Signed::IfAtAll(secret),
                    (_, None) => Signed::Unchecked,
                };
                Ok(Self::Refresh { token, secret, signed })
            }
            Auth::JwtBearer(_) if held.keys.is_empty() => Err(missing("no_certificate")),
            Auth::JwtBearer(flow) => Ok(Self::Bearer { flow, first }),
            Auth::ClientCredentials(_) => {
                let secret = held.client_secret.as_ref().ok_or_else(|| missing("no_consumer_secret"))?;
                Ok(Self::Credentials { secret })
            }
        }
    }

    /// Asks. With keys, a second one where Salesforce does not accept the first.
    pub async fn send(&self, ports: Ports<'_>, app: &App, held: &Credentials) -> Result<Asked, OAuthError> {
        let allowed = &ports.settings.allowed_hosts;
        match self {
            Self::Refresh { token, secret, signed } => {
                let answer = oauth::send(ports.transport, app.refresh(*secret, token)?).await?;
                Ok(Asked { grant: answer.accept(*signed, allowed)?, key: None })
            }
            Self::Credentials { secret } => {
                let answer = oauth::send(ports.transport, app.client_credentials(secret)?).await?;
                Ok(Asked { grant: answer.accept(Signed::IfAtAll(secret), allowed)?, key: None })
            }
            Self::Bearer { flow, first } => {
                let mut refused = OAuthError::SigningKey;
                for key in held.keys_to_try(*first) {
                    match bearer(ports, app, flow, &key.private_key).await {
                        Ok(grant) => return Ok(Asked { grant, key: Some(key.id.clone()) }),
                        // Everything else has nothing to do with the key.
                        Err(error @ (OAuthError::SigningKey | OAuthError::Refused { .. })) if is_about_the_key(&error) => refused = error,
                        Err(other) => return Err(other),
                    }
                }
                Err(refused)
            }
        }
    }
}

/// Salesforce says no more than `invalid_grant` of a signature that it cannot verify.
fn is_about_the_key(error: &OAuthError) -> bool {
    matches!(error.cause(), "invalid_grant" | "assertion_refused" | "invalid_client" | "signing_key_unusable")
}

async fn bearer(ports: Ports<'_>, app: &App, flow: &JwtBearer, private_key: &SecretString) -> Result<Grant, OAuthError> {
    let audience = app.audience();
    let claims = Claims { client_id: app.client_id(), username: flow.username.trim(), audience: &audience };
    let assertion = assertion::sign(private_key, claims, ports.clock.now())?;
    let answer = oauth::send(ports.transport, app.bearer(&assertion)?).await?;
    answer.accept(Signed::Unchecked, &ports.settings.allowed_hosts)
}
