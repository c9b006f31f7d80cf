//! Signing assertions with a key of the day, so that no private key lies in the repository.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The app's key and one that nobody registered.
pub struct Keys {
    own: KeyPair,
    foreign: KeyPair,
}

impl Keys {
    pub fn new() -> Keys {
        let make = || KeyPair::generate(KeySize::Rsa2048).unwrap();
        Keys { own: make(), foreign: make() }
    }

    /// The public key as PEM.
    pub fn public_pem(&self) -> String {
        let body = BASE64_STANDARD.encode(self.own.public_key().as_ref());
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// An RS256 token with these claims.
    pub fn sign(&self, claims: &Value, wrong_key: bool) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({"alg": "RS256"})), part(claims));
        let key = if wrong_key { &self.foreign } else { &self.own };
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A text as a Basic header has it.
pub fn base64(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

/// base64(HMAC-SHA256(secret, text))
pub fn hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}
