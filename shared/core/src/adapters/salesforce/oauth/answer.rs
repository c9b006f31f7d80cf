//! A token answer: parsed, then believed only after its signature, its identity and its host were checked.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::OAuthError;
use crate::{
    adapters::salesforce::host,
    domain::{
        ids::RecordId,
        mac::{HmacSha256, verifies},
    },
};

/// What Salesforce answered, unverified.
#[derive(Debug, Deserialize)]
pub struct TokenAnswer {
    access_token: SecretString,
    #[serde(default)]
    refresh_token: Option<SecretString>,
    instance_url: String,
    id: String,
    #[serde(default)]
    issued_at: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    scope: Option<String>,
}

/// Tokens whose origin is verified.
#[derive(Clone)]
pub struct Grant {
    /// The right to call the org.
    pub access_token: SecretString,
    /// The right to ask for more access tokens; absent when refreshed without rotation.
    pub refresh_token: Option<SecretString>,
    /// Where the org is: an origin, checked.
    pub instance_url: String,
    /// The identity address as Salesforce gave it.
    pub identity: String,
    /// The org.
    pub organization_id: RecordId,
    /// The user who approved.
    pub user_id: RecordId,
    /// When the token was issued, where Salesforce says it; the JWT bearer flow does not.
    pub issued_at: Option<Timestamp>,
    /// The scopes granted, separated by spaces.
    pub scope: Option<String>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("instance_url", &self.instance_url).field("organization_id", &self.organization_id).finish_non_exhaustive()
    }
}

/// What an answer must be signed with.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// The consumer secret, always: the web server flow and its refreshes.
    Always(&'a SecretString),
    /// The consumer secret, if the answer is signed at all: the flows of which no documentation says it.
    IfAtAll(&'a SecretString),
    /// Nothing that we could check: an app without a secret, or a flow that is not asked for it.
    Unchecked,
}

/// Reads an answer.
pub fn parse_token(status: u16, body: &[u8]) -> Result<TokenAnswer, OAuthError> {
    if !(200..300).contains(&status) {
        return Err(OAuthError::refused(status, body));
    }
    // A parser's message may quote the body, and with it a token.
    serde_json::from_slice(body).map_err(|_| OAuthError::Unreadable { status, source: "the body is no token answer".into() })
}

impl TokenAnswer {
    /// Believes the answer if its signature is made with the consumer secret, its identity names an org and a user, and
    /// its hosts are of Salesforce or allowed. The signature covers identity and time only, never tokens or host.
    pub fn accept(self, signed: Signed<'_>, allowed_hosts: &[String]) -> Result<Grant, OAuthError> {
        match signed {
            Signed::Always(secret) => self.verify(secret)?,
            Signed::IfAtAll(secret) if self.signature.is_some() => self.verify(secret)?,
            Signed::IfAtAll(_) | Signed::Unchecked => {}
        }
        let (organization_id, user_id) = parse_identity(&self.id, allowed_hosts)?;
        let issued_at = self.issued_at.as_deref().map(parse_time).transpose()?;
        let instance_url = host::parse_origin(&self.instance_url, allowed_hosts).map_err(OAuthError::Host)?;
        Ok(Grant {
            access_token: self.access_token,
            refresh_token: self.refresh_token,
            instance_url,
            identity: self.id,
            organization_id,
            user_id,
            issued_at,
            scope: self.scope,
        })
    }

    fn verify(&self, secret: &SecretString) -> Result<(), OAuthError> {
        let signature = self.signature.as_deref().and_then(|s| STANDARD.decode(s).ok()).ok_or(OAuthError::Signature)?;
        let message = format!("{}{}", self.id, self.issued_at.as_deref().unwrap_or_default());
        let good = verifies::<HmacSha256>(secret.expose_secret().as_bytes(), message.as_bytes(), &signature);
        if good { Ok(()) } else { Err(OAuthError::Signature) }
    }
}

fn parse_time(milliseconds: &str) -> Result<Timestamp, OAuthError> {
    let milliseconds = milliseconds.parse::<i64>().map_err(|e| OAuthError::Identity(e.into()))?;
    Timestamp::from_millisecond(milliseconds).map_err(|e| OAuthError::Identity(e.into()))
}

/// What the id of an org begins with. Source: Salesforce's list of standard field record id prefixes, as the next one.
const ORGANIZATION: &str = "00D";
/// What the id of a user begins with.
const USER: &str = "005";

/// Organization and user of `https://login.salesforce.com/id/{organization}/{user}`, an address under the same rule as the org's own.
fn parse_identity(id: &str, allowed_hosts: &[String]) -> Result<(RecordId, RecordId), OAuthError> {
    let url = Url::parse(id).map_err(|e| OAuthError::Identity(e.into()))?;
    host::check(&url, allowed_hosts).map_err(|e| OAuthError::Identity(e.into()))?;
    let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    let ["id", organization, user] = segments.as_slice() else {
        return Err(OAuthError::Identity("the path is not /id/organization/user".into()));
    };
    let parse = |text: &str, prefix: &str| {
        let id = RecordId::parse(text).map_err(|e| OAuthError::Identity(e.into()))?;
        if id.as_str().starts_with(prefix) { Ok(id) } else { Err(OAuthError::Identity("an id is of another kind".into())) }
    };
    Ok((parse(organization, ORGANIZATION)?, parse(user, USER)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use hmac::{KeyInit, Mac};
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "https://login.salesforce.com/id/00DB0000000TfcRMAS/005B0000005Bk90IAC";

    fn sign(secret: &str, id: &str, issued_at: &str) -> String {
        let mac = HmacSha256::new_from_slice(secret.as_bytes()).unwrap().chain_update(format!("{id}{issued_at}"));
        STANDARD.encode(mac.finalize().into_bytes())
    }

    fn answer(change: impl FnOnce(&mut Value)) -> Result<Grant, OAuthError> {
        answer_signed(Signed::Always(&SecretString::from("secret")), change)
    }

    fn answer_signed(signed: Signed<'_>, change: impl FnOnce(&mut Value)) -> Result<Grant, OAuthError> {
        let mut body = json!({"access_token": "00DB!AQQ", "refresh_token": "5Aep861", "scope": "refresh_token api",
            "instance_url": "https://acme.my.salesforce.com/", "id": ID, "token_type": "Bearer", "issued_at": "1558553873237",
            "signature": sign("secret", ID, "1558553873237")});
        change(&mut body);
        parse_token(200, body.to_string().as_bytes())?.accept(signed, &[])
    }

    #[test]
    fn a_signature_is_checked_where_there_can_be_one() {
        let (ours, other) = (SecretString::from("secret"), SecretString::from("other"));
        let bare = |b: &mut Value| b.as_object_mut().unwrap().retain(|name, _| name != "signature" && name != "issued_at");
        for (name, signed, is_bare, good) in [
            ("signed with ours", Signed::IfAtAll(&ours), false, true),
            ("signed with another", Signed::IfAtAll(&other), false, false),
            ("not signed, not needed", Signed::IfAtAll(&ours), true, true),
            ("not signed, needed", Signed::Always(&ours), true, false),
            ("nothing to check with", Signed::Unchecked, false, true),
            ("as the JWT bearer flow answers", Signed::Unchecked, true, true),
        ] {
            let answer = answer_signed(signed, |b| {
                if is_bare {
                    bare(b)
                }
            });
            assert_eq!(answer.is_ok(), good, "{name}");
            assert!(answer.is_err() || answer.unwrap().issued_at.is_none() == is_bare, "{name}");
        }
        assert_eq!(answer_signed(Signed::Unchecked, |b| b["id"] = json!("https://x/id/1")).unwrap_err().code(), "identity_wrong");
    }

    #[test]
    fn a_signed_answer_is_believed() {
        let grant = answer(|_| ()).unwrap();
        assert_eq!(grant.instance_url, "https://acme.my.salesforce.com");
        assert_eq!((grant.organization_id.as_str(), grant.user_id.as_str()), ("00DB0000000TfcRMAS", "005B0000005Bk90IAC"));
        assert_eq!(grant.issued_at.unwrap().as_millisecond(), 1_558_553_873_237);
        assert_eq!((grant.access_token.expose_secret(), grant.refresh_token.unwrap().expose_secret()), ("00DB!AQQ", "5Aep861"));
        assert!(
            answer(|b| {
                b.as_object_mut().unwrap().remove("refresh_token");
            })
            .unwrap()
            .refresh_token
            .is_none()
        );
    }

    #[test]
    fn anything_else_is_not() {
        let code = |result: Result<Grant, OAuthError>| result.unwrap_err().code().to_owned();
        assert_eq!(code(answer(|b| b["signature"] = json!(sign("other", ID, "1558553873237")))), "signature_wrong");
        assert_eq!(code(answer(|b| b["signature"] = json!("not base64!"))), "signature_wrong");
        assert_eq!(
            code(answer(|b| {
                b.as_object_mut().unwrap().remove("signature");
            })),
            "signature_wrong"
        );
        assert_eq!(code(answer(|b| b["issued_at"] = json!("1558553873238"))), "signature_wrong");
        assert_eq!(code(answer(|b| b["instance_url"] = json!("https://evil.example"))), "host_refused");
        assert_eq!(
            code(answer(|b| {
                b.as_object_mut().unwrap().remove("access_token");
            })),
            "salesforce_unreadable"
        );
        assert_eq!(parse_token(200, b"<html>").unwrap_err().code(), "salesforce_unreadable");
        assert_eq!(parse_token(400, br#"{"error":"invalid_grant"}"#).unwrap_err().code(), "invalid_grant");
    }

    /// An answer of the JWT bearer flow has no signature, so nothing else speaks for these.
    #[test]
    fn an_identity_is_of_an_org_and_a_user_at_a_host_of_salesforce() {
        let (organization, user) = ("00DB0000000TfcRMAS", "005B0000005Bk90IAC");
        for (origin, path, good) in [
            ("https://login.salesforce.com", format!("/id/{organization}/{user}"), true),
            ("https://test.salesforce.com", format!("/id/{organization}/{user}"), true),
            ("https://acme--dev.sandbox.my.salesforce.com", format!("/id/{organization}/{user}"), true),
            ("https://login.salesforce.com", "/id/00DB0000000TfcR/005B0000005Bk90".to_owned(), true),
            ("http://localhost:8080", format!("/id/{organization}/{user}"), true),
            ("http://login.salesforce.com", format!("/id/{organization}/{user}"), false),
            ("https://evil.example", format!("/id/{organization}/{user}"), false),
            ("https://login.salesforce.com.evil.example", format!("/id/{organization}/{user}"), false),
            ("https://169.254.169.254", format!("/id/{organization}/{user}"), false),
            ("http://localhost:8081", format!("/id/{organization}/{user}"), false),
            ("https://login.salesforce.com", format!("/id/{user}/{organization}"), false),
            ("https://login.salesforce.com", format!("/id/{organization}/{organization}"), false),
            ("https://login.salesforce.com", format!("/id/{organization}/00QB0000005Bk90"), false),
            ("https://login.salesforce.com", format!("/id/{organization}"), false),
            ("https://login.salesforce.com", format!("/id/{organization}/{user}/more"), false),
            ("https://login.salesforce.com", format!("/other/{organization}/{user}"), false),
            ("https://login.salesforce.com", "/id/x/y".to_owned(), false),
            ("", String::new(), false),
        ] {
            let id = format!("{origin}{path}");
            let body = json!({"access_token": "00DB!AQQ", "instance_url": "https://acme.my.salesforce.com", "id": id});
            let answer = parse_token(200, body.to_string().as_bytes()).unwrap();
            let accepted = answer.accept(Signed::Unchecked, &["localhost:8080".to_owned()]);
            assert_eq!(accepted.as_ref().map_err(OAuthError::code).err(), (!good).then_some("identity_wrong"), "{id}");
        }
    }

    #[test]
    fn no_error_shows_a_token() {
        let error = parse_token(200, br#"{"access_token":"00DB!AQQ","instance_url":7}"#).unwrap_err();
        assert!(!format!("{error:?}").contains("AQQ"));
    }
}
