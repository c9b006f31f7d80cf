//! Connecting without coming back from a browser: at once by a signature or the app's own secret, or by a code that somebody types in; and
//! the test of a connection that there is.

use std::time::Duration;

use jiff::SignedDuration;

use super::{
    complete::{call, complete, connected},
    load_document,
    page::Connected,
    refusal::{Refusal, Refused},
};
use crate::{
    adapters::salesforce::{
        Class,
        oauth::{self, App, DeviceCode, Signed, parse_device},
    },
    app::{
        connections,
        tokens::{self, Ask, Asked, First, SessionCache, TokenError},
    },
    domain::{
        config::{Auth, Language},
        ids::{ConnectionId, RecordId},
    },
    ports::Ports,
};

/// How long a code can be typed in. Source: Salesforce help, "OAuth 2.0 Device Flow".
const DEVICE_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How much longer to wait where Salesforce says that we ask too often.
const SLOWER: Duration = Duration::from_secs(5);

/// Connects by the JWT bearer or the client credentials flow. Of two keys the newest is tried first.
pub async fn sign_in(ports: Ports<'_>, connection: &ConnectionId) -> Result<Connected, Refused> {
    let mut language = Language::default();
    at_once(ports, connection, &mut language).await.map_err(|refusal| told(connection, &refusal, language))
}

/// Connects by the device flow. `tell` shows somebody the code and the page to type it into; then this waits, ten minutes at most.
pub async fn by_device(ports: Ports<'_>, connection: &ConnectionId, tell: impl FnOnce(&DeviceCode)) -> Result<Connected, Refused> {
    let mut language = Language::default();
    device(ports, connection, tell, &mut language).await.map_err(|refusal| told(connection, &refusal, language))
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

async fn device(ports: Ports<'_>, connection: &ConnectionId, tell: impl FnOnce(&DeviceCode), language: &mut Language) -> Result<Connected, Refusal> {
    let document = load_document(ports, connection, language).await?;
    if !matches!(document.salesforce.auth, Auth::Device(_)) {
        return Err(Refusal::OtherFlow);
    }
    let refuse = |error: oauth::OAuthError| Refusal::sign_in(&error, "");
    let app = App::of(&document.salesforce, &ports.settings.allowed_hosts).map_err(refuse)?;
    let request = app.ask_device().map_err(refuse)?;
    let answer = ports.transport.send(request, oauth::TIMEOUT).await.map_err(|e| refuse(oauth::OAuthError::Unanswered(e)))?;
    let code = parse_device(answer.status().as_u16(), answer.body(), &ports.settings.allowed_hosts).map_err(refuse)?;
    tell(&code);
    let asked = wait_for(ports, connection, &app, &code).await?;
    complete(ports, connection, &document, &app, asked).await
}

async fn wait_for(ports: Ports<'_>, connection: &ConnectionId, app: &App, code: &DeviceCode) -> Result<Asked, Refusal> {
    let secret = tokens::load_credentials(ports, connection).await?.and_then(|held| held.client_secret);
    let signed = secret.as_ref().map_or(Signed::Unchecked, Signed::IfAtAll);
    let (begun, mut interval) = (ports.clock.now(), code.interval);
    while ports.clock.now().duration_since(begun) < DEVICE_LIFE {
        ports.clock.sleep(interval).await;
        let request = app.poll_device(secret.as_ref(), &code.device_code).map_err(|e| Refusal::sign_in(&e, ""))?;
        let answer = oauth::send(ports.transport, request).await.and_then(|answer| answer.accept(signed, &ports.settings.allowed_hosts));
        match answer {
            Ok(grant) if grant.refresh_token.is_none() => return Err(Refusal::NoRefreshToken),
            Ok(grant) => return Ok(Asked { grant, key: None }),
            Err(error) if error.code() == "authorization_pending" => {}
            Err(error) if error.code() == "slow_down" => interval += SLOWER,
            Err(error) if matches!(error.class(), Class::Retry { .. }) => {}
            Err(error) => return Err(Refusal::sign_in(&error, "")),
        }
    }
    Err(Refusal::DeviceExpired)
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
