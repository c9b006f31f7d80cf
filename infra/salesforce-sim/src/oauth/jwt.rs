//! RS256 assertions: reading, checking signature, issuer, audience and time.
//! Owns just enough of JWT and of X.509 to find a public key; refuses everything but RS256.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::seed::AppSeed;

/// The furthest `exp` may lie ahead, in seconds. Documentation says three minutes; servers take five.
const MAX_AHEAD: i64 = 5 * 60;

/// The claims that matter.
#[derive(Clone, Debug, Deserialize)]
pub struct Claims {
    /// Consumer key.
    pub iss: String,
    /// Username, or the consumer key in a client assertion.
    #[serde(default)]
    pub sub: String,
    /// Login host or token endpoint.
    #[serde(default)]
    pub aud: Audience,
    /// Expiry, in seconds since 1970.
    #[serde(default, deserialize_with = "seconds")]
    pub exp: i64,
}

/// Reads a number of seconds; simple-salesforce sends it as a text, and is let in.
fn seconds<'de, D: Deserializer<'de>>(source: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Number(i64),
        Text(String),
    }
    match Seconds::deserialize(source)? {
        Seconds::Number(number) => Ok(number),
        Seconds::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// The login host that the documentation names for an org of this kind. Clients that know no other put it in `aud`.
pub fn public_login_host(sandbox: bool) -> &'static str {
    if sandbox { "https://test.salesforce.com" } else { "https://login.salesforce.com" }
}

/// `aud` as one text or several.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// Absent.
    #[default]
    None,
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    fn names(&self, wanted: &str) -> bool {
        let same = |text: &String| text.trim_end_matches('/') == wanted.trim_end_matches('/');
        match self {
            Audience::None => false,
            Audience::One(text) => same(text),
            Audience::Many(texts) => texts.iter().any(same),
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// A token taken apart, not yet believed.
#[derive(Debug)]
pub struct Token {
    /// Claims.
    pub claims: Claims,
    signed: String,
    signature: Vec<u8>,
}

/// Takes a token apart; `None` when it is no RS256 token.
pub fn parse(text: &str) -> Option<Token> {
    let (signed, signature) = text.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if header.alg != "RS256" {
        return None;
    }
    let claims = serde_json::from_slice(&decode(claims)?).ok()?;
    Some(Token { claims, signed: signed.to_owned(), signature: decode(signature)? })
}

/// Checks a token of this app.
///
/// # Errors
/// The words of an `invalid_grant`.
pub fn verify(app: &AppSeed, text: &str, audiences: &[String], now: Timestamp) -> Result<Claims, &'static str> {
    let token = parse(text).ok_or("invalid assertion")?;
    if token.claims.iss != app.client_id {
        return Err("invalid assertion");
    }
    if !audiences.iter().any(|audience| token.claims.aud.names(audience)) {
        return Err("audience is invalid");
    }
    let left = token.claims.exp.saturating_sub(now.as_second());
    if left <= 0 {
        return Err("expired assertion");
    }
    if left > MAX_AHEAD {
        return Err("assertion expiry is too far in the future");
    }
    let key = app.certificate_pem.as_deref().and_then(public_key).ok_or("invalid assertion")?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(token.signed.as_bytes(), &token.signature).map_err(|_| "invalid assertion")?;
    Ok(token.claims)
}

/// The public key in a PEM text: a certificate, a `PUBLIC KEY` or an `RSA PUBLIC KEY`.
fn public_key(pem: &str) -> Option<Vec<u8>> {
    let start = pem.find("-----BEGIN ")?;
    let rest = pem.get(start + "-----BEGIN ".len()..)?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let text: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let der = BASE64_STANDARD.decode(text).ok()?;
    match label {
        "CERTIFICATE" => certificate_key(&der).map(<[u8]>::to_vec),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Some(der),
        _ => None,
    }
}

/// The subjectPublicKeyInfo of a certificate: after the optional version it is the sixth element of the first part.
fn certificate_key(der: &[u8]) -> Option<&[u8]> {
    let certificate = element(der)?;
    let mut rest = element(certificate.content)?.content;
    if rest.first() == Some(&0xa0) {
        rest = element(rest)?.rest;
    }
    for _ in 0..5 {
        rest = element(rest)?.rest;
    }
    Some(element(rest)?.whole)
}

struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
    rest: &'a [u8],
}

fn element(der: &[u8]) -> Option<Element<'_>> {
    let first = usize::from(*der.get(1)?);
    let (head, length) = if first < 0x80 {
        (2, first)
    } else {
        let count = first & 0x7f;
        let bytes = der.get(2..2 + count).filter(|_| (1..=4).contains(&count))?;
        (2 + count, bytes.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)))
    };
    let (whole, rest) = der.split_at_checked(head.checked_add(length)?)?;
    Some(Element { whole, content: whole.get(head..)?, rest })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ASSERTION: &str = include_str!("testdata/assertion.txt");
    const KEYS: [&str; 2] = [include_str!("testdata/certificate.pem"), include_str!("testdata/public_key.pem")];
    const EXPIRY: i64 = 1_795_421_000;

    #[test]
    fn an_expiry_is_a_number_or_its_text() {
        for (exp, want) in [("1795421000", Some(EXPIRY)), (r#""1795421000""#, Some(EXPIRY)), (r#""soon""#, None), ("null", None)] {
            let claims: Result<Claims, _> = serde_json::from_str(&format!(r#"{{"iss": "a", "exp": {exp}}}"#));
            assert_eq!(claims.ok().map(|claims| claims.exp), want, "{exp}");
        }
    }

    fn check(pem: &str, text: &str, before_expiry: i64) -> Result<String, &'static str> {
        let app = AppSeed { client_id: "a".to_owned(), certificate_pem: Some(pem.to_owned()), ..AppSeed::default() };
        let now = Timestamp::from_second(EXPIRY - before_expiry).unwrap();
        let audiences = ["https://login.sim.example".to_owned()];
        verify(&app, text.trim(), &audiences, now).map(|claims| claims.sub)
    }

    #[test]
    fn a_certificate_and_a_bare_key_verify_alike() {
        for pem in KEYS {
            assert_eq!(check(pem, ASSERTION, 60).as_deref(), Ok("u@org.example"));
        }
    }

    #[test]
    fn time_signature_and_key_must_fit() {
        let [pem, _] = KEYS;
        let broken = ASSERTION.replacen("eyJpc3MiO", "eyJpc3MgO", 1);
        assert_eq!(check(pem, ASSERTION, 0), Err("expired assertion"));
        assert!(check(pem, ASSERTION, 301).is_err());
        assert!(check(pem, &broken, 60).is_err());
        assert!(check("no key", ASSERTION, 60).is_err());
        assert!(check(pem, "a.b.c", 60).is_err());
    }
}
