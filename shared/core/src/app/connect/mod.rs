//! Connecting an org: a single-use link, Salesforce's sign-in, a verified grant, a first API call.
//!
//! Nothing that a browser brings is believed: the ticket and the state are single-use and stored as hashes, the state is
//! bound to a cookie of the same browser, and the cookie is the PKCE verifier, which the table never sees. Whoever only looks at the link, as
//! mail scanners do, gets a page with a button; the button uses the ticket up.

mod causes;
mod complete;
mod disconnect;
mod page;
mod refusal;
mod sign_in;
mod words;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

pub use crate::adapters::salesforce::oauth::DeviceCode;
pub use disconnect::{Revoked, confirm_organization, disconnect};
pub use page::{Connected, Reply};
pub use refusal::Refused;
pub use sign_in::{Polled, begin_device, poll_device, sign_in, test, wait_for_device};

use self::{complete::complete, refusal::Refusal};
use super::{
    configure,
    tokens::{self, Asked},
};
use crate::{
    adapters::{
        salesforce::oauth::{self, App, Authorization, Signed},
        state::{StateError, connect::OAuthState},
    },
    domain::{
        config::{Auth, Document, Language},
        event::hex,
        ids::ConnectionId,
    },
    ports::Ports,
};

/// How long the browser keeps the cookie, in seconds.
const COOKIE_AGE_S: u32 = 600;

/// What Salesforce sends the browser back with.
#[derive(Clone, Default)]
pub struct CallbackQuery {
    /// What we sent along.
    pub state: Option<String>,
    /// The authorization code.
    pub code: Option<String>,
    /// Salesforce's code, where it refused.
    pub error: Option<String>,
    /// Its text beside that.
    pub error_description: Option<String>,
}

/// Makes a ticket, and answers the path of the link that carries it. It can be used once, within ten minutes: by the button of the link's page,
/// which posts it to `start` beside it.
pub async fn issue_link(ports: Ports<'_>, connection: &ConnectionId) -> Result<String, StateError> {
    let ticket = random_text(ports);
    ports.table.save_ticket(connection, &hash(&ticket), ports.clock.now()).await?;
    Ok(format!("/oauth/{connection}/connect?ticket={ticket}"))
}

/// Where Salesforce sends the browser back to, which the app must name letter by letter. `origin` is where browsers reach the HTTP API.
#[must_use]
pub fn callback_url(origin: &str, connection: &ConnectionId) -> String {
    format!("{origin}/oauth/{connection}/callback")
}

/// The page of a link: what it is for, and a button. Nothing is used up by it, however often it is looked at.
pub async fn offer(ports: Ports<'_>, connection: &ConnectionId, ticket: &str) -> Reply {
    let mut language = Language::default();
    match offered(ports, connection, ticket, &mut language).await {
        Ok(document) => Reply::offer(language, &document.connection.name, ticket),
        Err(refusal) => refused(connection, language, &refusal, None),
    }
}

async fn offered(ports: Ports<'_>, connection: &ConnectionId, ticket: &str, language: &mut Language) -> Result<Document, Refusal> {
    if !ports.table.is_ticket(connection, &hash(ticket), ports.clock.now()).await? {
        return Err(Refusal::TicketExpired);
    }
    load_document(ports, connection, language).await
}

/// Uses the ticket up and sends the browser to Salesforce. `origin` is where browsers reach the HTTP API, for example
/// `https://abc.execute-api.eu-west-3.amazonaws.com`, without a slash at the end.
pub async fn start(ports: Ports<'_>, connection: &ConnectionId, origin: &str, ticket: &str) -> Reply {
    let mut language = Language::default();
    match begin(ports, connection, origin, ticket, &mut language).await {
        Ok((location, cookie)) => Reply::redirect(language, location, cookie),
        Err(refusal) => refused(connection, language, &refusal, None),
    }
}

/// Takes the browser back from Salesforce: checks it, exchanges the code, stores the tokens and calls the API once.
/// `cookies` are the request's, each `name=value`.
pub async fn callback(ports: Ports<'_>, connection: &ConnectionId, query: &CallbackQuery, cookies: &[String]) -> Reply {
    let mut language = Language::default();
    let mut cleared = None;
    match finish(ports, connection, query, cookies, &mut language, &mut cleared).await {
        Ok(connected) => Reply::connected(language, &connected, cleared.unwrap_or_default()),
        Err(refusal) => refused(connection, language, &refusal, cleared),
    }
}

fn refused(connection: &ConnectionId, language: Language, refusal: &Refusal, cookie: Option<String>) -> Reply {
    tracing::warn!(connection.id = %connection, code = refusal.code(), "org not connected");
    Reply::refused(language, refusal, cookie)
}

async fn begin(
    ports: Ports<'_>,
    connection: &ConnectionId,
    origin: &str,
    ticket: &str,
    language: &mut Language,
) -> Result<(String, String), Refusal> {
    let document = load_document(ports, connection, language).await;
    // Whoever has no ticket learns nothing about the connection, not even whether there is one.
    if !ports.table.is_ticket(connection, &hash(ticket), ports.clock.now()).await? {
        return Err(Refusal::TicketExpired);
    }
    let (document, redirect_uri) = (document?, callback_url(origin, connection));
    let app = App::of(&document.salesforce, &ports.settings.allowed_hosts).map_err(|e| Refusal::sign_in(&e, &redirect_uri))?;
    if !matches!(document.salesforce.auth, Auth::WebServer(_)) {
        return Err(Refusal::OtherFlow);
    }
    if tokens::load_credentials(ports, connection).await?.is_none_or(|held| held.client_secret.is_none()) {
        return Err(Refusal::NoConsumerSecret);
    }
    let (state, verifier) = (random_text(ports), random_text(ports));
    let location = app.authorize_url(Authorization { redirect_uri: &redirect_uri, state: &state, verifier: &verifier });
    if let Some(refusal) = oauth::refusal_to_begin(ports.transport, &location).await {
        return Err(Refusal::sign_in(&refusal, &redirect_uri));
    }
    // Last, so that a link is not used up by what has to be mended first.
    if !ports.table.take_ticket(connection, &hash(ticket), ports.clock.now()).await? {
        return Err(Refusal::TicketExpired);
    }
    let stored = OAuthState { browser: hash(&verifier), redirect_uri: redirect_uri.clone() };
    ports.table.save_oauth_state(connection, &hash(&state), &stored, ports.clock.now()).await?;
    Ok((location.into(), Cookie::of(&redirect_uri).set(&verifier)))
}

async fn finish(
    ports: Ports<'_>,
    connection: &ConnectionId,
    query: &CallbackQuery,
    cookies: &[String],
    language: &mut Language,
    cleared: &mut Option<String>,
) -> Result<Connected, Refusal> {
    let document = load_document(ports, connection, language).await;
    let state = hash(query.state.as_deref().unwrap_or_default());
    let stored = ports.table.load_oauth_state(connection, &state, ports.clock.now()).await?.ok_or(Refusal::StateExpired)?;
    let document = document?;
    let cookie = Cookie::of(&stored.redirect_uri);
    let verifier = cookie.find(cookies).filter(|value| hash(value) == stored.browser).ok_or(Refusal::OtherBrowser)?;
    if !ports.table.take_oauth_state(connection, &state, ports.clock.now()).await? {
        return Err(Refusal::StateExpired);
    }
    *cleared = Some(cookie.clear());
    if let Some(code) = &query.error {
        return Err(Refusal::brought(code, query.error_description.as_deref().unwrap_or_default(), stored.redirect_uri));
    }
    let code = query.code.as_deref().filter(|code| !code.is_empty()).ok_or(Refusal::Incomplete)?;
    let app = App::of(&document.salesforce, &ports.settings.allowed_hosts).map_err(|e| Refusal::sign_in(&e, &stored.redirect_uri))?;
    let asked = exchange(ports, connection, &app, &stored.redirect_uri, code, verifier).await?;
    complete(ports, connection, &document, &app, asked).await
}

/// Exchanges the code.
async fn exchange(ports: Ports<'_>, connection: &ConnectionId, app: &App, redirect_uri: &str, code: &str, verifier: &str) -> Result<Asked, Refusal> {
    let refuse = |error: oauth::OAuthError| Refusal::sign_in(&error, redirect_uri);
    let secret = tokens::load_credentials(ports, connection).await?.and_then(|held| held.client_secret).ok_or(Refusal::NoConsumerSecret)?;
    let request = app.exchange(&secret, code, verifier, redirect_uri).map_err(refuse)?;
    let answer = oauth::send(ports.transport, request).await.map_err(refuse)?;
    let grant = answer.accept(Signed::Always(&secret), &ports.settings.allowed_hosts).map_err(refuse)?;
    if grant.refresh_token.is_none() {
        return Err(Refusal::NoRefreshToken);
    }
    Ok(Asked { grant, key: None })
}

async fn load_document(ports: Ports<'_>, connection: &ConnectionId, language: &mut Language) -> Result<Document, Refusal> {
    let (_, document) = configure::load_current(ports, connection).await?.ok_or(Refusal::UnknownConnection)?;
    *language = document.connection.language;
    Ok(document)
}

/// 43 characters that nobody can guess: a ticket, a state, or a PKCE verifier.
fn random_text(ports: Ports<'_>) -> String {
    URL_SAFE_NO_PAD.encode(ports.ids.secret_bytes())
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The cookie that ties a browser to the authorization that it has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cookie {
    secure: bool,
}

impl Cookie {
    /// Where the browser comes by https, only a cookie that this host itself set over https counts.
    fn of(redirect_uri: &str) -> Self {
        Self { secure: redirect_uri.starts_with("https://") }
    }

    fn name(self) -> &'static str {
        if self.secure { "__Host-passerelle" } else { "passerelle" }
    }

    fn header(self, value: &str, age_s: u32) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        // Lax, because Salesforce sends the browser back from another site.
        format!("{}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}", self.name())
    }

    fn set(self, value: &str) -> String {
        self.header(value, COOKIE_AGE_S)
    }

    fn clear(self) -> String {
        self.header("", 0)
    }

    fn find(self, cookies: &[String]) -> Option<&str> {
        cookies.iter().find_map(|cookie| cookie.trim().strip_prefix(self.name())?.strip_prefix('='))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secure_callback_takes_a_secure_cookie_only() {
        let (secure, plain) = (Cookie::of("https://p.example/oauth/c/callback"), Cookie::of("http://127.0.0.1:8080/oauth/c/callback"));
        let cookies = ["a=1".to_owned(), " passerelle=plain".to_owned(), "__Host-passerelle=secure".to_owned(), "passerellex=no".to_owned()];
        assert_eq!((secure.find(&cookies), plain.find(&cookies)), (Some("secure"), Some("plain")));
        assert_eq!(secure.find(&["passerelle=plain".to_owned()]), None);
        assert_eq!(secure.set("v"), "__Host-passerelle=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(plain.set("v"), "passerelle=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax");
        assert_eq!(plain.clear(), "passerelle=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }
}
