//! Who the client of a token request is: body pair, Basic header or signed assertion.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use super::{OAuthError, jwt};
use crate::doubts::WrongSecret;
use crate::http::request::{Call, field};
use crate::seed::AppSeed;
use crate::service::World;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How much a grant asks of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The secret always.
    Secret,
    /// The secret where the app requires it; a wrong one is refused in any case.
    AsConfigured,
}

/// Finds and authenticates the client.
///
/// # Errors
/// `invalid_client_id` for an unknown client, `invalid_client` for a wrong or missing proof.
pub fn authenticate(world: &World, call: &Call, form: &[(String, String)], proof: Proof, now: Timestamp) -> Result<AppSeed, OAuthError> {
    let basic = basic_pair(call);
    let body_id = field(form, "client_id").filter(|id| !id.is_empty());
    let (id, secret) = match (body_id, basic) {
        (Some(id), _) => (id.to_owned(), field(form, "client_secret").map(str::to_owned)),
        (None, Some((id, secret))) => (id, Some(secret)),
        (None, None) => (assertion_issuer(form).unwrap_or_default(), None),
    };
    let app = world.oauth.known_app(&id, now).cloned().ok_or_else(|| OAuthError::new("invalid_client_id", "client identifier invalid"))?;
    if let Some(assertion) = field(form, "client_assertion") {
        return check_assertion(world, app, assertion, form, now);
    }
    let wrong = || wrong_secret(world);
    match (app.secret.as_deref(), secret.as_deref().filter(|secret| !secret.is_empty())) {
        (Some(own), Some(given)) if own == given => Ok(app),
        (_, Some(_)) => Err(wrong()),
        (None, None) if proof == Proof::AsConfigured => Ok(app),
        (Some(_), None) if proof == Proof::AsConfigured && !app.require_secret => Ok(app),
        (_, None) => Err(wrong()),
    }
}

/// The refusal of a client that does not prove who it is.
fn wrong_secret(world: &World) -> OAuthError {
    let status = match world.org.doubts().wrong_secret {
        WrongSecret::BadRequest => 400,
        WrongSecret::Unauthorized => 401,
    };
    OAuthError { status, ..OAuthError::new("invalid_client", "invalid client credentials") }
}

fn basic_pair(call: &Call) -> Option<(String, String)> {
    let (scheme, value) = call.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    Some((decode(id), decode(secret)))
}

fn assertion_issuer(form: &[(String, String)]) -> Option<String> {
    jwt::parse(field(form, "client_assertion")?).map(|token| token.claims.iss)
}

fn check_assertion(world: &World, app: AppSeed, assertion: &str, form: &[(String, String)], now: Timestamp) -> Result<AppSeed, OAuthError> {
    if field(form, "client_assertion_type") != Some(ASSERTION) {
        return Err(OAuthError::new("invalid_assertion_type", "client assertion type is not supported"));
    }
    let audience = |host: &str| format!("{host}/services/oauth2/token");
    let public = jwt::public_login_host(world.org.organization().sandbox);
    let audiences = [&world.login_url, &world.instance_url, public].map(audience);
    match jwt::verify(&app, assertion, &audiences, now) {
        Ok(claims) if claims.sub == app.client_id => Ok(app),
        _ => Err(wrong_secret(world)),
    }
}
