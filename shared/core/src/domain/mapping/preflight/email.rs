//! E-mail addresses as Salesforce takes them. Source: Salesforce help, "Guidelines for Valid Email Addresses".

/// Whether Salesforce takes the text as an address: ASCII, one `@`, a local part of 64 characters at most without dots at
/// its ends or in a row, and a domain of several labels.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    is_local(local) && domain.contains('.') && domain.split('.').all(is_label)
}

fn is_local(local: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    (1..=64).contains(&local.len()) && local.split('.').all(|part| !part.is_empty() && part.bytes().all(sign))
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b.example", "x.y+z@sub.domain.example", "o'neil@x.example", "a@xn--caf.fr"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in
            ["", "a", "a@b", "@b.fr", "a@@b.fr", "a b@c.fr", "é@b.fr", ".a@b.fr", "a.@b.fr", "a..b@c.fr", "a@-b.fr", "a@b-.fr", "a@b..fr", "a@b.fr."]
        {
            assert!(!is_valid(bad), "{bad}");
        }
        assert!(is_valid(&format!("{}@b.fr", "a".repeat(64))) && !is_valid(&format!("{}@b.fr", "a".repeat(65))));
    }
}
