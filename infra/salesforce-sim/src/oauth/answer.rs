//! The token endpoint's answer and its signature.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::authorize::form_pair;
use super::store::Issued;
use crate::http::html::escape;
use crate::http::reply::Reply;
use crate::id::Id;
use crate::service::World;

/// base64(HMAC-SHA256(secret, id + issued_at)). Source: Salesforce help, "OAuth 2.0 Web Server Flow".
pub fn signature(secret: &str, id: &str, issued_at: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(id.as_bytes());
    mac.update(issued_at.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// The identity URL of a user.
pub fn identity_url(world: &World, user: Id) -> String {
    format!("{}/id/{}/{user}", world.login_url, world.org.organization_id())
}

/// Which keys beyond the common ones an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// `signature` and `issued_at`.
    Signed,
    /// Neither, as the JWT bearer flow is documented.
    Plain,
}

/// The fields of a token answer.
pub fn fields(
    world: &World,
    secret: Option<&str>,
    user: Id,
    scopes: &[String],
    issued: &Issued,
    detail: Detail,
    now: Timestamp,
) -> Map<String, Value> {
    let id = identity_url(world, user);
    let mut fields = Map::new();
    let mut put = |name: &str, value: String| fields.insert(name.to_owned(), json!(value));
    put("access_token", issued.access.clone());
    if let Some(refresh) = &issued.refresh {
        put("refresh_token", refresh.clone());
    }
    if detail == Detail::Signed {
        let issued_at = now.as_millisecond().to_string();
        put("signature", signature(secret.unwrap_or_default(), &id, &issued_at));
        put("issued_at", issued_at);
    }
    put("scope", scopes.join(" "));
    let slash = if world.org.doubts().slash_after_instance_url { "/" } else { "" };
    put("instance_url", format!("{}{slash}", world.instance_url));
    put("id", id);
    put("token_type", "Bearer".to_owned());
    fields
}

/// The answer in the format asked for: JSON, XML or a form.
pub fn render(fields: Map<String, Value>, format: Option<&str>) -> Reply {
    let pairs = || fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
    let reply = match format {
        Some("urlencoded") => {
            let text: Vec<String> = pairs().map(|(name, value)| form_pair(name, value)).collect();
            Reply::text(200, "application/x-www-form-urlencoded", text.join("&"))
        }
        Some("xml") => {
            let text: String = pairs().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
            Reply::text(200, "application/xml;charset=UTF-8", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><OAuth>{text}</OAuth>"))
        }
        _ => Reply::json(200, Value::Object(fields)),
    };
    reply.with(http::header::CACHE_CONTROL, "no-cache, no-store")
}
