//! Message authentication (HMAC, RFC 2104), and comparison without a clue from its duration.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};

/// HMAC with SHA-256.
pub type HmacSha256 = Hmac<Sha256>;
/// HMAC with SHA-512.
pub type HmacSha512 = Hmac<Sha512>;

/// Whether `code` is the authentication code of `message` under `key`.
#[must_use]
pub fn verifies<M: Mac + KeyInit>(key: &[u8], message: &[u8], code: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(message).verify_slice(code).is_ok())
}

/// Whether both are the same bytes.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::event::hex;

    #[test]
    fn the_vectors_of_the_rfc() {
        // RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
        let cases: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, want) in cases {
            let code = HmacSha256::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes();
            assert_eq!(hex(&code), want);
            assert!(verifies::<HmacSha256>(key, message, &code));
            assert!(!verifies::<HmacSha256>(key, b"another message", &code) && !verifies::<HmacSha256>(key, message, &[]));
        }
    }

    #[test]
    fn comparison() {
        for (a, b, want) in [("", "", true), ("ab", "ab", true), ("ab", "ac", false), ("ab", "abc", false), ("b", "", false)] {
            assert_eq!(same(a.as_bytes(), b.as_bytes()), want, "{a} {b}");
        }
    }
}
