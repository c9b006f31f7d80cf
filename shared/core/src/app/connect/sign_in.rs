//! Connecting without coming back from a browser: at once by a signature or the app's own secret, or by a code that somebody types in; and
//! the test of a connection that there is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    complete::{call, complete, connected},
    load_document,
    page::Connected,
    refusal::{Refusal, Refused},
};
use crate::{
    adapters::salesforce::{
        Class,
        oauth::{self, App, DeviceCode, OAuthError, Signed, parse_device},
    },
    app::{
        connections,
        tokens::{self, Ask, Asked, First, SessionCache, TokenError},
    },
    domain::{
        config::{Auth, Document, Language},
        ids::{ConnectionId, RecordId},
    },
    ports::{Clock, Ports},
};

/// How much longer to wait where Salesforce says that we ask too often.
const SLOWER: Duration = Duration::from_secs(5);

/// Connects by the JWT bearer or the client credentials flow. Of two keys the newest is tried first.
pub async fn sign_in(ports: Ports<'_>, connection: &ConnectionId) -> Result<Connected, Refused> {
    let mut language = Language::default();
    at_once(ports, connection, &mut language).await.map_err(|refusal| told(connection, &refusal, language))
}

/// Begins the device flow: a code that somebody types in, within ten minutes.
pub async fn begin_device(ports: Ports<'_>, connection: &ConnectionId) -> Result<DeviceCode, Refused> {
    let mut language = Language::default();
    begin(ports, connection, &mut language).await.map_err(|refusal| told(connection, &refusal, language))
}

/// What asking for a code that somebody types in gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polled {
    /// Nobody has typed it in yet.
    Pending,
    /// Likewise, and Salesforce wants to be asked less often.
    Slower,
    /// It was typed in, and the org is connected.
    Connected(Box<Connected>),
}

/// Asks once whether the code was typed in, and connects if it was.
pub async fn poll_device(ports: Ports<'_>, connection: &ConnectionId, code: &DeviceCode) -> Result<Polled, Refused> {
    let mut language = Language::default();
    poll(ports, connection, code, &mut language).await.map_err(|refusal| told(connection, &refusal, language))
}

/// Waits until the code is typed in, and asks by `poll` as often as Salesforce allows. Ends with what refuses, at the latest when the code has
/// run out.
pub async fn wait_for_device<E>(
    clock: &dyn Clock,
    code: &DeviceCode,
    mut poll: impl AsyncFnMut(&DeviceCode) -> Result<Polled, E>,
) -> Result<Connected, E> {
    let mut interval = Duration::from_secs(code.interval_s);
    loop {
        clock.sleep(interval).await;
        match poll(code).await? {
            Polled::Connected(connected) => return Ok(*connected),
            Polled::Pending => {}
            Polled::Slower => interval += SLOWER,
        }
    }
}

/// Signs in as the functions would, and calls the API once. A connection that was broken and works again goes on; of one that is not at work, a
/// cause that was noted is forgotten.
pub async fn test(ports: Ports<'_>, connection: &ConnectionId) -> Result<Connected, Refused> {
    let mut language = Language::default();
    tested(ports, connection, &mut language).await.map_err(|refusal| told(connection, &refusal, language))
}

fn told(connection: &ConnectionId, refusal: &Refusal, language: Language) -> Refused {
    tracing::warn!(connection.id = %connection, code = refusal.code(), "org not connected");
    refusal.told(language)
}

async fn at_once(ports: Ports<'_>, connection: &ConnectionId, language: &mut Language) -> Result<Connected, Refusal> {
    let document = load_document(ports, connection, language).await?;
    if document.salesforce.auth.refreshes() {
        return Err(Refusal::OtherFlow);
    }
    let app = App::of(&document.salesforce, &ports.settings.allowed_hosts).map_err(|e| Refusal::sign_in(&e, ""))?;
    let held = tokens::load_credentials(ports, connection).await?.unwrap_or_default();
    let ask = Ask::of(&document.salesforce.auth, &held, First::Newest)?;
    let asked = ask.send(ports, &app, &held).await.map_err(|e| Refusal::sign_in(&e, ""))?;
    complete(ports, connection, &document, &app, asked).await
}

async fn begin(ports: Ports<'_>, connection: &ConnectionId, language: &mut Language) -> Result<DeviceCode, Refusal> {
    let app = device_app(ports, connection, language).await?.1;
    let request = app.ask_device().map_err(of_sign_in)?;
    let answer = ports.transport.send(request, oauth::TIMEOUT).await.map_err(|e| of_sign_in(OAuthError::Unanswered(e)))?;
    parse_device(answer.status().as_u16(), answer.body(), &ports.settings.allowed_hosts, ports.clock.now()).map_err(of_sign_in)
}

async fn poll(ports: Ports<'_>, connection: &ConnectionId, code: &DeviceCode, language: &mut Language) -> Result<Polled, Refusal> {
    let (document, app) = device_app(ports, connection, language).await?;
    if ports.clock.now() >= code.until {
        return Err(Refusal::DeviceExpired);
    }
    let secret = tokens::load_credentials(ports, connection).await?.and_then(|held| held.client_secret);
    let signed = secret.as_ref().map_or(Signed::Unchecked, Signed::IfAtAll);
    let request = app.poll_device(secret.as_ref(), &code.device_code).map_err(of_sign_in)?;
    let answer = oauth::send(ports.transport, request).await.and_then(|answer| answer.accept(signed, &ports.settings.allowed_hosts));
    let grant = match answer {
        Ok(grant) => grant,
        Err(error) if error.code() == "authorization_pending" => return Ok(Polled::Pending),
        Err(error) if error.code() == "slow_down" => return Ok(Polled::Slower),
        Err(error) if matches!(error.class(), Class::Retry { .. }) => return Ok(Polled::Pending),
        Err(error) => return Err(of_sign_in(error)),
    };
    if grant.refresh_token.is_none() {
        return Err(Refusal::NoRefreshToken);
    }
    let connected = complete(ports, connection, &document, &app, Asked { grant, key: None }).await?;
    Ok(Polled::Connected(Box::new(connected)))
}

/// The document and the app of a connection that signs in by the device flow.
async fn device_app(ports: Ports<'_>, connection: &ConnectionId, language: &mut Language) -> Result<(Document, App), Refusal> {
    let document = load_document(ports, connection, language).await?;
    if !matches!(document.salesforce.auth, Auth::Device(_)) {
        return Err(Refusal::OtherFlow);
    }
    let app = App::of(&document.salesforce, &ports.settings.allowed_hosts).map_err(of_sign_in)?;
    Ok((document, app))
}

fn of_sign_in(error: OAuthError) -> Refusal {
    Refusal::sign_in(&error, "")
}

async fn tested(ports: Ports<'_>, connection: &ConnectionId, language: &mut Language) -> Result<Connected, Refusal> {
    let document = load_document(ports, connection, language).await?;
    let cache = SessionCache::default();
    let stored = tokens::load_session(ports, &cache, &document, connection).await?;
    // Always: what the stored session may still do says nothing of the next one.
    let session = tokens::refresh(ports, &cache, &document, connection, &stored).await?;
    let user = session.user_id().and_then(|id| RecordId::parse(id).ok()).ok_or(TokenError::Unreadable)?;
    let organization = session.organization_id().ok_or(TokenError::Unreadable)?.to_owned();
    let user = call(&session.org, user).await?;
    let held = tokens::load_credentials(ports, connection).await?.unwrap_or_default();
    connections::mark_connected(ports, connection, &organization).await?;
    Ok(connected(&document, organization, user, &session.org, &held))
}
