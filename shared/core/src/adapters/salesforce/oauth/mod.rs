//! The OAuth 2.0 flows as Salesforce speaks them: requests built, answers parsed and verified.
//!
//! Refuses to know where tokens are kept and who may refresh them: see `app::tokens`.

mod answer;
pub mod assertion;
mod device;
mod error;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};

pub use answer::{Grant, Signed, TokenAnswer, parse_token};
pub use device::{DeviceCode, parse_device};
pub use error::{OAuthError, cause_of};

use super::host;
use crate::{domain::config::SalesforceSection, ports::Transport};

/// How long a token request may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The customer's External Client App, as its org knows it.
#[derive(Debug, Clone)]
pub struct App {
    login: Url,
    client_id: String,
    scopes: Vec<String>,
}

/// What the browser is sent to Salesforce with.
#[derive(Clone, Copy)]
pub struct Authorization<'a> {
    /// Where it is to come back to; must be registered with the app, letter by letter.
    pub redirect_uri: &'a str,
    /// What it is to bring back.
    pub state: &'a str,
    /// The secret that the code exchange will show: 43 to 128 unreserved characters.
    pub verifier: &'a str,
}

impl std::fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authorization").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

impl App {
    /// The app of a configuration document. The sign-in host must be one of Salesforce, or one that the operator allows.
    pub fn of(section: &SalesforceSection, allowed_hosts: &[String]) -> Result<Self, OAuthError> {
        let origin = host::parse_origin(&section.host.login_url(), allowed_hosts).map_err(OAuthError::Host)?;
        let login = Url::parse(&origin).map_err(|e| OAuthError::Unsendable(e.into()))?;
        Ok(Self { login, client_id: section.auth.client_id().to_owned(), scopes: section.auth.scopes().to_vec() })
    }

    /// The consumer key.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Where the org's users sign in, without a slash at the end: whom an assertion is meant for.
    #[must_use]
    pub fn audience(&self) -> String {
        self.login.origin().ascii_serialization()
    }

    /// The address that asks a user for approval; always with PKCE S256.
    #[must_use]
    pub fn authorize_url(&self, authorization: Authorization<'_>) -> Url {
        let mut url = self.login.clone();
        url.set_path("/services/oauth2/authorize");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", authorization.redirect_uri)
            .append_pair("scope", &self.scopes.join(" "))
            .append_pair("state", authorization.state)
            .append_pair("code_challenge", &code_challenge(authorization.verifier))
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// Exchanges the code that the browser brought. A code can be exchanged once, within about 15 minutes.
    pub fn exchange(&self, secret: &SecretString, code: &str, verifier: &str, redirect_uri: &str) -> Result<Request<Bytes>, OAuthError> {
        let pairs = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", verifier), ("redirect_uri", redirect_uri)];
        self.form("token", Client::App(Some(secret)), &pairs)
    }

    /// Asks for a new access token. Where the org rotates, the refresh token dies with this. An app of the device flow may have no secret.
    pub fn refresh(&self, secret: Option<&SecretString>, refresh_token: &SecretString) -> Result<Request<Bytes>, OAuthError> {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        self.form("token", Client::App(secret), &pairs)
    }

    /// Asks for an access token for the user whom a signed assertion names.
    pub fn bearer(&self, assertion: &SecretString) -> Result<Request<Bytes>, OAuthError> {
        let pairs = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.expose_secret())];
        self.form("token", Client::Nobody, &pairs)
    }

    /// Asks for an access token for the user whom the app's settings name.
    pub fn client_credentials(&self, secret: &SecretString) -> Result<Request<Bytes>, OAuthError> {
        self.form("token", Client::App(Some(secret)), &[("grant_type", "client_credentials")])
    }

    /// Asks for a code that somebody types in; see [`parse_device`].
    pub fn ask_device(&self) -> Result<Request<Bytes>, OAuthError> {
        self.form("token", Client::App(None), &[("response_type", "device_code"), ("scope", &self.scopes.join(" "))])
    }

    /// Asks whether it was typed in.
    pub fn poll_device(&self, secret: Option<&SecretString>, device_code: &SecretString) -> Result<Request<Bytes>, OAuthError> {
        self.form("token", Client::App(secret), &[("grant_type", "device"), ("code", device_code.expose_secret())])
    }

    /// Gives a token back: a refresh token with all its access tokens, or an access token alone.
    pub fn revoke(&self, token: &SecretString) -> Result<Request<Bytes>, OAuthError> {
        self.form("revoke", Client::Nobody, &[("token", token.expose_secret())])
    }

    fn form(&self, resource: &str, client: Client<'_>, pairs: &[(&str, &str)]) -> Result<Request<Bytes>, OAuthError> {
        let mut url = self.login.clone();
        url.set_path(&format!("/services/oauth2/{resource}"));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        if let Client::App(secret) = client {
            form.append_pair("client_id", &self.client_id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret.expose_secret());
            }
        }
        let request = Request::post(url.as_str()).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.header(header::ACCEPT, "application/json").body(Bytes::from(form.finish()));
        request.map_err(|e| OAuthError::Unsendable(e.into()))
    }
}

/// Who a form says that it comes from.
#[derive(Clone, Copy)]
enum Client<'a> {
    /// Nobody: what it brings says enough.
    Nobody,
    /// The app, with its secret where there is one.
    App(Option<&'a SecretString>),
}

/// Sends a token request and reads its answer; nothing is verified yet (see [`TokenAnswer::accept`]).
pub async fn send(transport: &dyn Transport, request: Request<Bytes>) -> Result<TokenAnswer, OAuthError> {
    let response = transport.send(request, TIMEOUT).await.map_err(OAuthError::Unanswered)?;
    parse_token(response.status().as_u16(), response.body())
}

/// Asks Salesforce whether it would let a browser begin at an address of [`App::authorize_url`]. An app that it does not know, or another
/// callback address, it shows on a page of its own, and the browser never comes back to tell. `None` = nothing speaks against it, or nobody
/// could be asked.
pub async fn refusal_to_begin(transport: &dyn Transport, address: &Url) -> Option<OAuthError> {
    let request = Request::get(address.as_str()).header(header::ACCEPT, "text/html").body(Bytes::new()).ok()?;
    let answer = transport.send(request, TIMEOUT).await.ok()?;
    let location = answer.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    parse_refusal(answer.status().as_u16(), address, location, answer.body())
}

/// A page of errors has the error in its address, or is one itself.
fn parse_refusal(status: u16, address: &Url, location: Option<&str>, body: &[u8]) -> Option<OAuthError> {
    if let Some(target) = location.and_then(|location| address.join(location).ok()) {
        let value = |name: &str| target.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let code = value("error")?;
        return Some(OAuthError::Refused { status, code, description: value("error_description").unwrap_or_default() });
    }
    let refused = (400..500).contains(&status).then(|| OAuthError::refused(status, body))?;
    matches!(refused, OAuthError::Refused { .. }).then_some(refused)
}

/// Sends a revocation.
pub async fn send_revocation(transport: &dyn Transport, request: Request<Bytes>) -> Result<(), OAuthError> {
    let response = transport.send(request, TIMEOUT).await.map_err(OAuthError::Unanswered)?;
    if response.status().is_success() { Ok(()) } else { Err(OAuthError::refused(response.status().as_u16(), response.body())) }
}

/// PKCE S256 (RFC 7636): base64url of the verifier's SHA-256, without padding.
#[must_use]
pub fn code_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn app() -> App {
        let section = json!({"host": {"my_domain": "acme"}, "auth": {"web_server": {"client_id": "3MVG9 key"}}});
        App::of(&serde_json::from_value(section).unwrap(), &[]).unwrap()
    }

    fn body(request: &Request<Bytes>) -> BTreeMap<String, String> {
        form_urlencoded::parse(request.body()).into_owned().collect()
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        assert_eq!(code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn the_browser_is_sent_with_state_and_challenge() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let url = app().authorize_url(Authorization { redirect_uri: "https://p.example/oauth/c/callback", state: "s&1", verifier });
        assert_eq!((url.host_str(), url.path()), (Some("acme.my.salesforce.com"), "/services/oauth2/authorize"));
        let want = map(&[
            ("response_type", "code"),
            ("client_id", "3MVG9 key"),
            ("redirect_uri", "https://p.example/oauth/c/callback"),
            ("scope", "api refresh_token"),
            ("state", "s&1"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ]);
        assert_eq!(url.query_pairs().into_owned().collect::<BTreeMap<_, _>>(), want);
    }

    #[test]
    fn token_requests_are_forms() {
        let secret = SecretString::from("195&5");
        let exchange = app().exchange(&secret, "aPrx==", "v", "https://p.example/cb").unwrap();
        assert_eq!(exchange.uri(), "https://acme.my.salesforce.com/services/oauth2/token");
        let both = [("client_id", "3MVG9 key"), ("client_secret", "195&5")];
        let code = [("grant_type", "authorization_code"), ("code", "aPrx=="), ("code_verifier", "v"), ("redirect_uri", "https://p.example/cb")];
        assert_eq!(body(&exchange), map(&[both.as_slice(), code.as_slice()].concat()));

        let refresh = app().refresh(Some(&secret), &SecretString::from("5Aep861")).unwrap();
        assert_eq!(body(&refresh), map(&[both.as_slice(), &[("grant_type", "refresh_token"), ("refresh_token", "5Aep861")]].concat()));
        let public = app().refresh(None, &SecretString::from("5Aep861")).unwrap();
        let key = [("client_id", "3MVG9 key")];
        assert_eq!(body(&public), map(&[key.as_slice(), &[("grant_type", "refresh_token"), ("refresh_token", "5Aep861")]].concat()));

        let bearer = app().bearer(&SecretString::from("a.b.c")).unwrap();
        assert_eq!(body(&bearer), map(&[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", "a.b.c")]));
        let credentials = app().client_credentials(&secret).unwrap();
        assert_eq!(body(&credentials), map(&[both.as_slice(), &[("grant_type", "client_credentials")]].concat()));
        let poll = app().poll_device(None, &SecretString::from("dc")).unwrap();
        assert_eq!(body(&poll), map(&[key.as_slice(), &[("grant_type", "device"), ("code", "dc")]].concat()));

        let revoke = app().revoke(&SecretString::from("5Aep861")).unwrap();
        assert_eq!(revoke.uri(), "https://acme.my.salesforce.com/services/oauth2/revoke");
        assert_eq!(body(&revoke), map(&[("token", "5Aep861")]));
    }

    #[test]
    fn a_page_of_errors_is_told_from_one_that_lets_sign_in() {
        let address = Url::parse("https://login.salesforce.com/services/oauth2/authorize?client_id=x").unwrap();
        let page = "/setup/secur/RemoteAccessErrorPage.apexp?error=redirect_uri_mismatch&error_description=redirect_uri+must+match+configuration";
        for (name, status, location, body, want) in [
            ("the sign-in page", 200, None, "<html>error=invalid_client_id</html>", None),
            ("sent to sign in", 302, Some("https://login.salesforce.com/?ec=302&startURL=%2Fsetup"), "", None),
            ("sent to a page of errors", 302, Some(page), "", Some("redirect_uri_mismatch")),
            ("sent back to us", 302, Some("https://p.example/cb?error=invalid_scope&state=s"), "", Some("invalid_scope")),
            ("told at once", 400, None, "error=invalid_client_id&error_description=client+identifier+invalid", Some("invalid_client_id")),
            ("a page without a code", 403, None, "<html>Blocked</html>", None),
            ("maintenance", 503, None, "error=server_error", None),
        ] {
            let refusal = parse_refusal(status, &address, location, body.as_bytes());
            assert_eq!(refusal.as_ref().map(OAuthError::code), want, "{name}");
        }
    }

    #[test]
    fn a_sign_in_host_that_is_not_salesforces_is_refused() {
        for host in [json!({"my_domain": "evil.org/#"}), json!({"url": "https://evil.org"}), json!({"url": "http://login.salesforce.com"})] {
            let section = json!({"host": host, "auth": {"web_server": {"client_id": "x"}}});
            let section = serde_json::from_value(section).unwrap();
            assert!(matches!(App::of(&section, &[]), Err(OAuthError::Host(_))), "{host}");
        }
    }
}
