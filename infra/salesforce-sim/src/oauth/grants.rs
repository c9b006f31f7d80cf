//! `POST /services/oauth2/token`: the grants. A form body only, errors as `{"error","error_description"}`.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::answer::{self, Detail};
use super::client::{Proof, authenticate};
use super::id_token::{self, About};
use super::store::Code;
use super::{OAuthError, authorize, device, jwt, login};
use crate::doubts::{InactiveUser, PkceMismatch, RefusedAssertion};
use crate::http::reply::{Failure, Reply};
use crate::http::request::{Call, HostRole, field};
use crate::id::Id;
use crate::seed::AppSeed;
use crate::service::World;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Grants of a real org that are not built. Source: Salesforce help, "OAuth Authorization Flows".
const ELSEWHERE: &[&str] = &[
    "password",
    "assertion",
    "hybrid_refresh",
    "hybrid_token",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];

/// Characters of a code verifier: at least RFC 7636's 43, at most 128 random bytes in base64url, which is what Salesforce's
/// documentation proposes and jsforce sends. RFC 7636 itself ends at 128 characters.
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=171;

type Granted = Result<Map<String, Value>, OAuthError>;

/// Answers a token request.
pub fn token(world: &mut World, call: &Call, now: Timestamp) -> Reply {
    if call.method != Method::POST {
        return OAuthError::new("invalid_request", "must use HTTP POST").into_reply();
    }
    let form = call.form().unwrap_or_default();
    let format = field(&form, "format").map(str::to_owned);
    let granted = match field(&form, "grant_type") {
        Some("authorization_code") => code(world, call, &form, now),
        Some("refresh_token") => refresh(world, call, &form, now),
        Some(JWT_BEARER) => bearer(world, &form, now),
        Some("client_credentials") => client_credentials(world, call, &form, now),
        Some("device") => poll_device(world, &form, now),
        None if field(&form, "response_type") == Some("device_code") => start_device(world, &form, now),
        Some(other) if ELSEWHERE.contains(&other) => return Failure::not_built(&format!("grant_type={other}")).into_reply(),
        _ => Err(OAuthError::new("unsupported_grant_type", "grant type not supported")),
    };
    match granted {
        Ok(fields) => answer::render(fields, format.as_deref()),
        Err(error) => error.into_reply(),
    }
}

fn grant_error(text: &str) -> OAuthError {
    OAuthError::new("invalid_grant", text)
}

/// Refuses an app that may not act here, and everybody where the org is suspended. Source: wire facts of recorded refusals; the code of a
/// blocked app is that of Salesforce's mobile SDK.
fn admitted(world: &World, app: &AppSeed) -> Result<(), OAuthError> {
    if world.org.organization().locked {
        return Err(grant_error("inactive organization"));
    }
    if app.blocked {
        return Err(OAuthError::new("app_blocked", "this app is blocked by admin"));
    }
    if app.ip_restricted {
        return Err(grant_error("ip restricted"));
    }
    Ok(())
}

/// Refuses users who may not act, in the words of the token endpoint.
fn active(world: &World, user: Id) -> Result<(), OAuthError> {
    match world.org.user(&user) {
        Some(user) if user.active => Ok(()),
        _ => Err(OAuthError::new(
            match world.org.doubts().inactive_user {
                InactiveUser::InactiveUser => "inactive_user",
                InactiveUser::InvalidGrant => "invalid_grant",
            },
            "inactive user",
        )),
    }
}

fn code(world: &mut World, call: &Call, form: &[(String, String)], now: Timestamp) -> Granted {
    let app = authenticate(world, call, form, Proof::AsConfigured, now)?;
    admitted(world, &app)?;
    let given = field(form, "code").ok_or_else(|| grant_error("invalid authorization code"))?;
    let code = world.oauth.take_code(given, &app.client_id, now).map_err(|dead| grant_error(dead.0))?;
    if field(form, "redirect_uri") != Some(code.redirect_uri.as_str()) {
        return Err(OAuthError::new("redirect_uri_mismatch", "redirect_uri must match configuration"));
    }
    if let Err(refused) = check_verifier(&code, field(form, "code_verifier"), world.org.doubts().pkce_mismatch) {
        if !world.org.doubts().wrong_verifier_burns_code {
            world.oauth.put_back_code(given);
        }
        return Err(refused);
    }
    active(world, code.user)?;
    let issued = world.oauth.issue(&app, code.user, &code.scopes, true, now);
    let mut fields = answer::fields(world, app.secret.as_deref(), code.user, &code.scopes, &issued, Detail::Signed, now);
    let about = About { client_id: &app.client_id, user: code.user, access_token: &issued.access, nonce: code.nonce.as_deref() };
    add_id_token(world, &mut fields, &code.scopes, about, now);
    Ok(fields)
}

/// `id_token`, where the scope `openid` was granted.
fn add_id_token(world: &mut World, fields: &mut Map<String, Value>, scopes: &[String], about: About<'_>, now: Timestamp) {
    if scopes.iter().any(|scope| scope == "openid")
        && let Some(token) = id_token::issue(world, about, now)
    {
        fields.insert("id_token".to_owned(), json!(token));
    }
}

fn check_verifier(code: &Code, verifier: Option<&str>, mismatch: PkceMismatch) -> Result<(), OAuthError> {
    let Some(challenge) = &code.challenge else {
        return Ok(());
    };
    let verifier = verifier.ok_or_else(|| grant_error("missing required code verifier"))?;
    let computed = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    if VERIFIER.contains(&verifier.len()) && computed == *challenge {
        return Ok(());
    }
    let error = match mismatch {
        PkceMismatch::InvalidRequest => "invalid_request",
        PkceMismatch::InvalidGrant => "invalid_grant",
    };
    Err(OAuthError::new(error, "invalid code verifier"))
}

fn refresh(world: &mut World, call: &Call, form: &[(String, String)], now: Timestamp) -> Granted {
    let app = authenticate(world, call, form, Proof::AsConfigured, now)?;
    admitted(world, &app)?;
    let token = field(form, "refresh_token").unwrap_or_default();
    if let Some(owner) = world.oauth.refresh_owner(token) {
        active(world, owner)?;
    }
    let (family, issued) = world.oauth.refresh(token, &app, world.org.doubts().family_revocation, now).map_err(|dead| grant_error(dead.0))?;
    Ok(answer::fields(world, app.secret.as_deref(), family.user, &family.scopes, &issued, Detail::Signed, now))
}

fn bearer(world: &mut World, form: &[(String, String)], now: Timestamp) -> Granted {
    let text = field(form, "assertion").ok_or_else(|| grant_error("invalid assertion"))?;
    let issuer = jwt::parse(text).map(|token| token.claims.iss).ok_or_else(|| grant_error("invalid assertion"))?;
    let app = world.oauth.known_app(&issuer, now).cloned().ok_or_else(|| OAuthError::new("invalid_client_id", "client identifier invalid"))?;
    if !app.flows.jwt_bearer {
        return Err(grant_error("invalid assertion"));
    }
    admitted(world, &app)?;
    if !app.installed {
        return Err(OAuthError::new("invalid_client", "app must be installed into org"));
    }
    let public = jwt::public_login_host(world.org.organization().sandbox).to_owned();
    let audiences = [world.login_url.clone(), world.instance_url.clone(), public];
    let claims = jwt::verify(&app, text, &audiences, now).map_err(|own| match world.org.doubts().refused_assertion {
        RefusedAssertion::Own => grant_error(own),
        RefusedAssertion::InvalidAssertion => grant_error("invalid assertion"),
    })?;
    let user = world.org.user_by_name(&claims.sub).map(|user| user.id);
    let user = user.ok_or_else(|| grant_error("user hasn't approved this consumer"))?;
    active(world, user)?;
    if !login::needs_no_approval(world, &app, user) {
        return Err(if app.pre_authorized.is_empty() {
            grant_error("user hasn't approved this consumer")
        } else {
            OAuthError::new("invalid_app_access", "user is not admin approved to access this app")
        });
    }
    let scopes: Vec<String> = all_scopes(&app)?;
    let issued = world.oauth.issue(&app, user, &scopes, false, now);
    Ok(answer::fields(world, None, user, &scopes, &issued, Detail::Plain, now))
}

/// The app's scopes without the one for refresh tokens: these flows never hand one out.
fn all_scopes(app: &AppSeed) -> Result<Vec<String>, OAuthError> {
    let scopes = authorize::scopes(app, None).map_err(|text| OAuthError::new("invalid_scope", text))?;
    Ok(scopes.into_iter().filter(|scope| scope != "refresh_token").collect())
}

fn client_credentials(world: &mut World, call: &Call, form: &[(String, String)], now: Timestamp) -> Granted {
    if call.host == HostRole::Login && !world.org.doubts().credentials_on_login_host {
        return Err(grant_error("request not supported on this domain"));
    }
    let app = authenticate(world, call, form, Proof::Secret, now)?;
    admitted(world, &app)?;
    let run_as = app.run_as.as_deref().filter(|_| app.flows.client_credentials);
    let user = run_as.and_then(|name| world.org.user_by_name(name)).map(|user| user.id);
    let user = user.ok_or_else(|| grant_error("no client credentials user enabled"))?;
    active(world, user)?;
    let scopes = all_scopes(&app)?;
    let issued = world.oauth.issue(&app, user, &scopes, false, now);
    Ok(answer::fields(world, app.secret.as_deref(), user, &scopes, &issued, Detail::Signed, now))
}

fn start_device(world: &mut World, form: &[(String, String)], now: Timestamp) -> Granted {
    let app = field(form, "client_id")
        .and_then(|id| world.oauth.known_app(id, now))
        .cloned()
        .ok_or_else(|| OAuthError::new("invalid_client_id", "client identifier invalid"))?;
    if !app.flows.device || !app.installed {
        return Err(OAuthError::new("oauth_flow_disabled", "device flow is not enabled for this app"));
    }
    let scopes = authorize::scopes(&app, field(form, "scope")).map_err(|text| OAuthError::new("invalid_scope", text))?;
    let (device_code, user_code) = (world.oauth.random(64), world.oauth.random(8).to_ascii_uppercase());
    world.oauth.devices.add(device_code.clone(), &app.client_id, scopes, user_code.clone(), now);
    let answer = json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": format!("{}/setup/connect", world.login_url),
        "interval": device::INTERVAL_SECONDS,
    });
    Ok(answer.as_object().cloned().unwrap_or_default())
}

fn poll_device(world: &mut World, form: &[(String, String)], now: Timestamp) -> Granted {
    let app = field(form, "client_id")
        .and_then(|id| world.oauth.known_app(id, now))
        .cloned()
        .ok_or_else(|| OAuthError::new("invalid_client_id", "client identifier invalid"))?;
    admitted(world, &app)?;
    let code = field(form, "code").unwrap_or_default();
    let (user, scopes) = world.oauth.devices.poll(code, &app.client_id, now).map_err(|(error, text)| OAuthError::new(error, text))?;
    active(world, user)?;
    let issued = world.oauth.issue(&app, user, &scopes, true, now);
    Ok(answer::fields(world, app.secret.as_deref(), user, &scopes, &issued, Detail::Signed, now))
}
