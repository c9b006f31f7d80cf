//! The certificate of the JWT bearer flow runs out: from when on that is told, and in which words.

use jiff::{SignedDuration, Timestamp};

use super::finding::{Finding, Sentence, Severity};

/// How long before its end a certificate is told of.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Days before the end on which contacts are told by mail; in between nothing is new. Once it has ended they are reminded daily.
const MAIL_DAYS: [i64; 7] = [30, 14, 7, 3, 2, 1, 0];

/// That a certificate that is valid until then ends soon, or has ended.
#[must_use]
pub fn expiring(until: Timestamp, now: Timestamp) -> Option<Finding> {
    let left = until.duration_since(now);
    if left > SOON {
        return None;
    }
    let (place, day) = ("salesforce.auth.jwt_bearer", until.strftime("%Y-%m-%d"));
    let cure = Sentence::new(
        "Run `passerelle certificate CONNECTION --new`, upload the new certificate to the app in Salesforce, run `passerelle connect`, and retire \
         the old one then. Nothing stands still meanwhile.",
        "Lancez `passerelle certificate CONNEXION --new`, mettez le nouveau certificat dans l'application Salesforce, lancez `passerelle connect`, \
         puis retirez l'ancien. Rien ne s'arrête entre-temps.",
    );
    Some(if left > SignedDuration::ZERO {
        let words = Sentence::new(
            format!("The certificate that Passerelle signs in to Salesforce with ends on {day}."),
            format!("Le certificat avec lequel Passerelle s'identifie auprès de Salesforce expire le {day}."),
        );
        Finding::new(Severity::Warning, "certificate_expires", place, words, cure)
    } else {
        let words = Sentence::new(
            format!("The certificate that Passerelle signs in to Salesforce with has ended on {day}."),
            format!("Le certificat avec lequel Passerelle s'identifie auprès de Salesforce a expiré le {day}."),
        );
        Finding::new(Severity::Error, "certificate_expired", place, words, cure)
    })
}

/// Whether contacts are told of it today.
#[must_use]
pub fn is_mail_day(until: Timestamp, now: Timestamp) -> bool {
    let left = until.duration_since(now);
    // The thirtieth day is the one that begins thirty days before.
    let days = left.as_secs().div_euclid(86_400) + i64::from(left.as_secs().rem_euclid(86_400) > 0);
    left <= SignedDuration::ZERO || MAIL_DAYS.contains(&days)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_of_thirty_days_before_its_end() {
        let until: Timestamp = "2028-09-01T08:00:00Z".parse().unwrap();
        let (hour, day) = (SignedDuration::from_hours(1), 24);
        let days = |days: i64| SignedDuration::from_hours(day * days);
        for (left, code, mail) in [
            (days(30) + hour, None, false),
            (days(30), Some("certificate_expires"), true),
            (days(29) + hour, Some("certificate_expires"), true),
            (days(29), Some("certificate_expires"), false),
            (days(15), Some("certificate_expires"), false),
            (days(14), Some("certificate_expires"), true),
            (days(13), Some("certificate_expires"), false),
            (days(1), Some("certificate_expires"), true),
            (hour, Some("certificate_expires"), true),
            (SignedDuration::ZERO, Some("certificate_expired"), true),
            (-days(40), Some("certificate_expired"), true),
        ] {
            let now = until - left;
            let found = expiring(until, now);
            assert_eq!(found.as_ref().map(|finding| finding.code.as_ref()), code, "{left}");
            assert_eq!(is_mail_day(until, now), mail, "{left}");
            assert!(found.is_none_or(|finding| finding.words.en.contains("2028-09-01") && finding.words.fr.contains("2028-09-01")));
        }
    }
}
