//! ID tokens: RS256, signed with a key made when the first one is needed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::identity_url;
use crate::http::reply::Reply;
use crate::id::Id;
use crate::service::World;

const KEY_ID: &str = "sim-1";
/// Life of an ID token, in seconds. Source: Salesforce help, "OpenID Connect Token Introspection".
const LIFE: i64 = 120;

/// The signing key, once there is one.
#[derive(Default)]
pub struct Signer {
    key: Option<KeyPair>,
}

impl Signer {
    fn key(&mut self) -> Option<&KeyPair> {
        if self.key.is_none() {
            self.key = KeyPair::generate(KeySize::Rsa2048).ok();
        }
        self.key.as_ref()
    }

    fn sign(&mut self, claims: &Value) -> Option<String> {
        let key = self.key()?;
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID});
        let signed = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What an ID token says.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// App.
    pub client_id: &'a str,
    /// User.
    pub user: Id,
    /// Access token issued with it.
    pub access_token: &'a str,
    /// The request's `nonce`.
    pub nonce: Option<&'a str>,
}

/// The ID token that goes with an access token; `None` if no key can be made.
pub fn issue(world: &mut World, about: About<'_>, now: Timestamp) -> Option<String> {
    let hash = Sha256::digest(about.access_token.as_bytes());
    let user = world.org.user(&about.user)?;
    let mut claims = json!({
        "iss": world.login_url,
        "sub": identity_url(world, about.user),
        "aud": about.client_id,
        "iat": now.as_second(),
        "exp": now.as_second() + LIFE,
        "at_hash": BASE64_URL_SAFE_NO_PAD.encode(hash.get(..16)?),
        "preferred_username": user.username,
        "name": user.name,
        "email": user.email,
    });
    if let (Some(nonce), Some(claims)) = (about.nonce, claims.as_object_mut()) {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    world.signer.sign(&claims)
}

/// `GET /id/keys`.
pub fn keys(world: &mut World) -> Reply {
    let Some(key) = world.signer.key() else {
        return Reply::json(200, json!({"keys": []}));
    };
    let public = key.public_key();
    let modulus = BASE64_URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
    let exponent = BASE64_URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
    let key = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": modulus, "e": exponent});
    Reply::json(200, json!({"keys": [key]}))
}
