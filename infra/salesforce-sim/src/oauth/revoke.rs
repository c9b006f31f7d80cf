//! Revocation and introspection.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::OAuthError;
use super::answer::identity_url;
use super::client::{Proof, authenticate};
use crate::doubts::UnknownTokenRevoked;
use crate::http::reply::Reply;
use crate::http::request::{Call, field};
use crate::service::World;

/// `GET ?token=` and `POST token=`: 200 without a body, or 400.
pub fn revoke(world: &mut World, call: &Call) -> Reply {
    let mut fields = call.form().unwrap_or_default();
    fields.extend(call.query.iter().cloned());
    match field(&fields, "token") {
        Some(token) if world.oauth.revoke(token) => Reply::empty(200),
        Some(_) if world.org.doubts().unknown_token_revoked == UnknownTokenRevoked::InvalidToken => {
            OAuthError::new("invalid_token", "invalid token").into_reply()
        }
        _ => OAuthError::new("unsupported_token_type", "this token type is not supported").into_reply(),
    }
}

/// `POST token, client_id, client_secret`: an app may look at its own tokens.
pub fn introspect(world: &mut World, call: &Call, now: Timestamp) -> Reply {
    let form = call.form().unwrap_or_default();
    let app = match authenticate(world, call, &form, Proof::AsConfigured, now) {
        Ok(app) => app,
        Err(error) => return error.into_reply(),
    };
    let token = field(&form, "token").unwrap_or_default();
    Reply::json(200, describe(world, &app.client_id, token, now))
}

fn describe(world: &mut World, client_id: &str, token: &str, now: Timestamp) -> Value {
    let dead = json!({"active": false});
    if let Some(access) = world.oauth.access(token, now, false).filter(|access| access.client_id == client_id).cloned() {
        let Some(user) = world.org.user(&access.user).filter(|user| user.active) else {
            return dead;
        };
        let issued = access.issued.as_second();
        return json!({
            "active": true, "scope": access.scopes.join(" "), "client_id": client_id, "username": user.username,
            "sub": identity_url(world, access.user), "token_type": "access_token",
            "exp": access.expires.as_second(), "iat": issued, "nbf": issued,
        });
    }
    match world.oauth.family(token).filter(|family| family.client_id == client_id) {
        Some(family) => {
            let username = world.org.user(&family.user).map(|user| user.username.clone()).unwrap_or_default();
            json!({
                "active": true, "scope": family.scopes.join(" "), "client_id": client_id, "username": username,
                "sub": identity_url(world, family.user), "token_type": "refresh_token",
            })
        }
        None => dead,
    }
}
