//! Makes an RSA key and a certificate for it, signed by itself. The functions only sign with such keys, so that making them is no part of
//! their binaries.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use secrecy::SecretString;
use thiserror::Error;

/// How long a certificate is valid.
const VALID: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);
/// How far the clock of whoever verifies may be behind ours.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// A key with its certificate.
pub struct Made {
    /// PKCS#8 in base64.
    pub private_key: SecretString,
    /// The certificate, as PEM.
    pub certificate: String,
    /// Until when it is valid, at the latest.
    pub expires_at: Timestamp,
}

/// The certificate could not be made.
#[derive(Debug, Error)]
#[error("the certificate cannot be made")]
pub struct CertificateError(#[from] rcgen::Error);

/// Makes an RSA key of 2048 bits. `name` is the certificate's common name, which the app's settings show.
pub fn make(name: &str, now: Timestamp) -> Result<Made, CertificateError> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let end = day(now, VALID);
    let begin = day(now, -BEFORE);
    params.not_before = date_time_ymd(begin.year().into(), begin.month().unsigned_abs(), begin.day().unsigned_abs());
    params.not_after = date_time_ymd(end.year().into(), end.month().unsigned_abs(), end.day().unsigned_abs());
    let certificate = params.self_signed(&key)?.pem();
    let expires_at = end.to_zoned(TimeZone::UTC).map_or(now, |midnight| midnight.timestamp());
    Ok(Made { private_key: STANDARD.encode(key.serialize_der()).into(), certificate, expires_at })
}

fn day(now: Timestamp, later: SignedDuration) -> Date {
    now.saturating_add(later).unwrap_or(now).to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn each_key_is_another_and_its_certificate_lasts_two_years() {
        let now: Timestamp = "2026-09-01T08:00:00Z".parse().unwrap();
        let [one, two] = [(); 2].map(|()| make("Passerelle kayo", now).unwrap());
        assert!(one.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(one.expires_at.to_string(), "2028-08-31T00:00:00Z");
        assert_ne!(one.private_key.expose_secret(), two.private_key.expose_secret());
        assert_ne!(one.certificate, two.certificate);
        // Nothing of the private key is in what is given away.
        assert!(!one.certificate.replace('\n', "").contains(one.private_key.expose_secret()));
    }
}
