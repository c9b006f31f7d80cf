//! The signed assertion of the JWT bearer flow (RFC 7523): RS256 over issuer, user, audience and expiry.
//!
//! Signs with a key that is handed in; refuses to know where keys are made and kept.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::OAuthError;

/// How long an assertion holds, in seconds. Salesforce takes three minutes at most (help, "OAuth 2.0 JWT Bearer Flow").
const LIFE_S: i64 = 180;

/// What an assertion says.
#[derive(Debug, Clone, Copy)]
pub struct Claims<'a> {
    /// The app's consumer key.
    pub client_id: &'a str,
    /// The name with which the user signs in.
    pub username: &'a str,
    /// Where they do.
    pub audience: &'a str,
}

/// Signs the claims as of `now`. `private_key` is PKCS#8 in base64, of an RSA key of 2048 bits or more.
pub fn sign(private_key: &SecretString, claims: Claims<'_>, now: Timestamp) -> Result<SecretString, OAuthError> {
    let key = STANDARD.decode(private_key.expose_secret()).map_err(|_| OAuthError::SigningKey)?;
    let key = RsaKeyPair::from_pkcs8(&key).map_err(|_| OAuthError::SigningKey)?;
    let body = json!({"iss": claims.client_id, "sub": claims.username, "aud": claims.audience, "exp": now.as_second() + LIFE_S});
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(body.to_string()));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(|_| OAuthError::SigningKey)?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use aws_lc_rs::{
        encoding::AsDer,
        rsa::KeySize,
        signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
    };
    use serde_json::Value;

    use super::*;

    const CLAIMS: Claims<'static> = Claims { client_id: "3MVG9", username: "u@acme.com", audience: "https://login.salesforce.com" };

    #[test]
    fn what_is_signed_verifies_with_the_public_key_and_says_what_it_should() {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private_key = STANDARD.encode(key.as_der().unwrap().as_ref()).into();
        let token = sign(&private_key, CLAIMS, Timestamp::from_second(1_000).unwrap()).unwrap();
        let (signed, signature) = token.expose_secret().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
        assert!(public.verify(signed.as_bytes(), &signature).is_ok());
        let decoded = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (header, body) = signed.split_once('.').unwrap();
        assert_eq!(decoded(header), json!({"alg": "RS256"}));
        assert_eq!(decoded(body), json!({"iss": "3MVG9", "sub": "u@acme.com", "aud": "https://login.salesforce.com", "exp": 1_180}));
    }

    #[test]
    fn what_is_no_key_signs_nothing_and_is_not_shown() {
        for text in ["no base64!", "bm8ga2V5"] {
            let error = sign(&text.into(), CLAIMS, Timestamp::UNIX_EPOCH).unwrap_err();
            assert_eq!((error.code(), format!("{error:?}").contains(text)), ("signing_key_unusable", false));
        }
    }
}
