//! The certificate authorities that are trusted: the system's, read from its one bundle file.
//!
//! The usual loader reads the directory of some hundred single files beside the bundle too, which say the same once more.
//! Where a system has that directory, this is most of a function's start.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Where systems keep their bundle: Amazon Linux (and so Lambda), Debian and Alpine.
const BUNDLES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// TLS that trusts the bundle named by `SSL_CERT_FILE`, else the system's. `None` where there is none that can be read: then
/// the HTTP client has its own way of asking the system.
pub(super) fn tls() -> Option<ClientConfig> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let pem = named.into_iter().chain(BUNDLES.map(PathBuf::from)).find_map(|path| std::fs::read(path).ok())?;
    trusting(roots(&pem)?)
}

/// The authorities of a bundle. One that cannot be read is left out: it would be none of ours.
fn roots(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
    (!roots.is_empty()).then_some(roots)
}

fn trusting(roots: RootCertStore) -> Option<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(versions.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ISRG Root X2, the smallest of the public roots. Source: <https://letsencrypt.org/certificates/>
    const ROOT: &str = "-----BEGIN CERTIFICATE-----
MIICGzCCAaGgAwIBAgIQQdKd0XLq7qeAwSxs6S+HUjAKBggqhkjOPQQDAzBPMQsw
CQYDVQQGEwJVUzEpMCcGA1UEChMgSW50ZXJuZXQgU2VjdXJpdHkgUmVzZWFyY2gg
R3JvdXAxFTATBgNVBAMTDElTUkcgUm9vdCBYMjAeFw0yMDA5MDQwMDAwMDBaFw00
MDA5MTcxNjAwMDBaME8xCzAJBgNVBAYTAlVTMSkwJwYDVQQKEyBJbnRlcm5ldCBT
ZWN1cml0eSBSZXNlYXJjaCBHcm91cDEVMBMGA1UEAxMMSVNSRyBSb290IFgyMHYw
EAYHKoZIzj0CAQYFK4EEACIDYgAEzZvVn4CDCuwJSvMWSj5cz3es3mcFDR0HttwW
+1qLFNvicWDEukWVEYmO6gbf9yoWHKS5xcUy4APgHoIYOIvXRdgKam7mAHf7AlF9
ItgKbppbd9/w+kHsOdx1ymgHDB/qo0IwQDAOBgNVHQ8BAf8EBAMCAQYwDwYDVR0T
AQH/BAUwAwEB/zAdBgNVHQ4EFgQUfEKWrt5LSDv6kviejM9ti6lyN5UwCgYIKoZI
zj0EAwMDaAAwZQIwe3lORlCEwkSHRhtFcP9Ymd70/aTSVaYgLXTWNLxBo1BfASdW
tL4ndQavEi51mI38AjEAi/V3bNTIZargCyzuFJ0nN6T5U6VR5CmD1/iQMVtCnwr1
/q4AaOeMSQ+2b1tbFfLn
-----END CERTIFICATE-----
";

    #[test]
    fn a_bundle_is_trusted_as_far_as_it_can_be_read() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (name, bundle, want) in [
            ("one", ROOT.to_owned(), Some(1)),
            ("one among words and ruins", format!("# Authorities\n{broken}{ROOT}"), Some(1)),
            ("only ruins", broken.to_owned(), None),
            ("nothing", String::new(), None),
        ] {
            assert_eq!(roots(bundle.as_bytes()).map(|roots| roots.len()), want, "{name}");
        }
        assert!(roots(ROOT.as_bytes()).and_then(trusting).is_some());
    }
}
