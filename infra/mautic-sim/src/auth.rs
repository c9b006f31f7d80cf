//! Who may speak to the API.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::{
    control::error,
    store::{CLIENT_ID, CLIENT_SECRET, PASSWORD, Store, USER},
};

/// `POST /oauth/v2/token`.
pub(crate) fn token(store: &mut Store, form: &BTreeMap<String, String>) -> (u16, Value) {
    let is = |name: &str, value: &str| form.get(name).is_some_and(|own| own == value);
    if !store.api_enabled {
        return disabled();
    }
    if !is("grant_type", "client_credentials") {
        return (400, error(400, "Invalid grant_type parameter or parameter missing", "invalid_request"));
    }
    if !is("client_id", CLIENT_ID) || !is("client_secret", CLIENT_SECRET) {
        return (400, error(400, "The client credentials are invalid", "invalid_client"));
    }
    let token = format!("token-{}", store.fresh_id());
    store.tokens.insert(token.clone());
    (200, json!({"access_token": token, "expires_in": 3600, "token_type": "bearer", "scope": ""}))
}

/// Refuses whoever may not speak to the API.
pub(crate) fn check(store: &Store, headers: &HeaderMap) -> Result<(), (u16, Value)> {
    if !store.api_enabled {
        return Err(disabled());
    }
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some(token) = header.strip_prefix("Bearer ") {
        let held = store.tokens.contains(token);
        return if held { Ok(()) } else { Err((401, error(401, "The access token provided is invalid.", "invalid_grant"))) };
    }
    let basic = header.strip_prefix("Basic ").and_then(|code| STANDARD.decode(code).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    match basic {
        Some(_) if !store.basic_enabled => Err((401, error(401, "OAuth2 authentication required", "access_denied"))),
        Some(pair) if pair == format!("{USER}:{PASSWORD}") => Ok(()),
        Some(_) => Err((401, error(401, "Invalid credentials.", "access_denied"))),
        None => Err((401, error(401, "API authorization denied.", "access_denied"))),
    }
}

fn disabled() -> (u16, Value) {
    (403, error(403, "API disabled. You need to enable the API in the API settings of Mautic's Configuration.", "api_disabled"))
}
