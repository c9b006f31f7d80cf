//! How a delivery proves that it comes from whom it says: a signature, or the key itself, in its headers.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use crate::domain::{
    config::{Algorithm, Encoding, HmacSignature, Signature},
    event::hex,
    mac::{HmacSha256, HmacSha512, same, verifies},
};

/// How far a signed time may be off, in seconds, either way.
pub const TOLERANCE_S: i64 = 5 * 60;

/// What a delivery offers as a proof, taken from its headers before any key is read.
#[derive(Debug)]
pub(super) enum Proof<'a> {
    Standard { id: &'a str, timestamp: i64, signatures: &'a str, body: &'a [u8] },
    Hmac { how: &'a HmacSignature, code: Vec<u8>, body: &'a [u8] },
    Key(&'a str),
}

impl<'a> Proof<'a> {
    /// Finds the proof; `Err` is a sentence for the sender. `now` is in seconds since 1970.
    pub(super) fn find(signature: &'a Signature, headers: &'a HeaderMap, body: &'a [u8], now: i64) -> Result<Self, String> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        match signature {
            Signature::StandardWebhooks => {
                let (Some(id), Some(timestamp), Some(signatures)) =
                    (header(HEADER_WEBHOOK_ID), header(HEADER_WEBHOOK_TIMESTAMP), header(HEADER_WEBHOOK_SIGNATURE))
                else {
                    return Err("Sign the delivery: the headers webhook-id, webhook-timestamp and webhook-signature are needed.".to_owned());
                };
                let timestamp: i64 = timestamp.parse().map_err(|_| "The header webhook-timestamp is not a number of seconds.".to_owned())?;
                if now.abs_diff(timestamp) > TOLERANCE_S.unsigned_abs() {
                    return Err("The signature's time is off by more than five minutes. Set the sender's clock, and sign again.".to_owned());
                }
                Ok(Self::Standard { id, timestamp, signatures, body })
            }
            Signature::Hmac(how) => {
                let given = header(&how.header).ok_or_else(|| format!("Sign the delivery: the header {} is needed.", how.header))?;
                let code = given.trim().strip_prefix(&how.prefix).and_then(|code| decode(how.encoding, code));
                let code = code.ok_or_else(|| format!("The header {} is not a signature of the form that this source has.", how.header))?;
                Ok(Self::Hmac { how, code, body })
            }
            Signature::Bearer => {
                let given = header(http::header::AUTHORIZATION.as_str()).and_then(|given| given.split_once(' '));
                let key = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
                key.map(Self::Key).ok_or_else(|| "Send the key: Authorization: Bearer and the key.".to_owned())
            }
            Signature::ApiKey(how) => header(&how.header).map(Self::Key).ok_or_else(|| format!("Send the key in the header {}.", how.header)),
        }
    }

    /// Whether it was made with this key.
    pub(super) fn verifies(&self, key: &SecretString) -> bool {
        let key = key.expose_secret();
        match self {
            Self::Standard { id, timestamp, signatures, body } => {
                let signed = Webhook::new(key).and_then(|webhook| webhook.sign(id, *timestamp, body));
                signed.is_ok_and(|wanted| signatures.split(' ').any(|given| same(given.as_bytes(), wanted.as_bytes())))
            }
            Self::Hmac { how, code, body } => match how.algorithm {
                Algorithm::Sha256 => verifies::<HmacSha256>(key.as_bytes(), body, code),
                Algorithm::Sha512 => verifies::<HmacSha512>(key.as_bytes(), body, code),
            },
            Self::Key(given) => same(given.as_bytes(), key.as_bytes()),
        }
    }
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex => {
            let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
            let bytes: Vec<u8> = digits?.chunks_exact(2).filter_map(|pair| Some((pair.first()? << 4) | pair.last()?)).collect();
            // An odd digit would be lost unseen.
            (hex(&bytes).len() == text.len()).then_some(bytes)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::config::ApiKeySignature;

    const BODY: &[u8] = br#"{"a":1}"#;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn hmac_of(algorithm: Algorithm, encoding: Encoding, prefix: &str) -> Signature {
        Signature::Hmac(HmacSignature { header: "X-Signature".to_owned(), algorithm, encoding, prefix: prefix.to_owned() })
    }

    /// The codes are those of `printf '{"a":1}' | openssl dgst -sha256 -hmac key`, and of its like.
    #[test]
    fn each_kind_of_proof_is_taken_with_the_right_key_only() {
        let hmac = |algorithm, encoding| hmac_of(algorithm, encoding, "v=");
        let table = [
            (hmac(Algorithm::Sha256, Encoding::Hex), "x-signature", "v=88a67f24bbcdaed0e6c997404bb79a743baf44c6bab2f4c27328e3009d22e342"),
            (hmac(Algorithm::Sha256, Encoding::Base64), "x-signature", "v=iKZ/JLvNrtDmyZdAS7eadDuvRMa6svTCcyjjAJ0i40I="),
            (
                hmac(Algorithm::Sha512, Encoding::Hex),
                "x-signature",
                "v=DC7D8A6A7926059E98697EF54A65F745D924FC3E13C1176879DCDC84EAC480BAE377FA06D1EBCC6FAB1375CD9BD611A1899694CC4CA7DC0F629D8B8133C5C83D",
            ),
            (
                hmac(Algorithm::Sha512, Encoding::Base64),
                "x-signature",
                "v=3H2KankmBZ6YaX71SmX3Rdkk/D4TwRdoedzchOrEgLrjd/oG0evMb6sTdc2b1hGhiZaUzEyn3A9inYuBM8XIPQ==",
            ),
            (Signature::Bearer, "authorization", "bearer key"),
            (Signature::ApiKey(ApiKeySignature { header: "X-Api-Key".to_owned() }), "x-api-key", "key"),
        ];
        for (signature, header, value) in &table {
            let headers = headers(&[(header, value)]);
            let proof = Proof::find(signature, &headers, BODY, 0).unwrap();
            assert!(proof.verifies(&"key".to_owned().into()), "{signature:?}");
            assert!(!proof.verifies(&"another key".to_owned().into()), "{signature:?}");
            if matches!(signature, Signature::Hmac(_)) {
                assert!(!Proof::find(signature, &headers, b"{}", 0).unwrap().verifies(&"key".to_owned().into()), "{signature:?}");
            }
        }
    }

    #[test]
    fn what_is_no_proof_is_refused_with_a_sentence() {
        let hex = hmac_of(Algorithm::Sha256, Encoding::Hex, "sha256=");
        let table = [
            (&hex, vec![], "X-Signature is needed"),
            (&hex, vec![("x-signature", "abcd")], "not a signature of the form"),
            (&hex, vec![("x-signature", "sha256=abc")], "not a signature of the form"),
            (&hex, vec![("x-signature", "sha256=zz")], "not a signature of the form"),
            (&Signature::Bearer, vec![("authorization", "Basic abc")], "Bearer"),
            (&Signature::StandardWebhooks, vec![("webhook-id", "1")], "webhook-timestamp"),
        ];
        for (signature, given, sentence) in table {
            let refusal = Proof::find(signature, &headers(&given), BODY, 0).unwrap_err();
            assert!(refusal.contains(sentence), "{given:?}: {refusal}");
        }
    }
}
