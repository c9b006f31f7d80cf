//! The grants without a browser, and what can be asked about a token.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::common::*;

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn pem(key: &KeyPair) -> String {
    format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", BASE64_STANDARD.encode(key.public_key().as_ref()))
}

fn assertion(key: &KeyPair, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "RS256"})), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_signed_assertion_of_an_approved_user_is_a_token() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let other = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut seed = seed();
    seed.apps[3].certificate_pem = Some(pem(&key));
    seed.apps[3].pre_authorized = vec!["integration@org.example".to_owned()];
    let world = world_with(seed, Default::default());
    let now = 1_795_420_800;
    let good = json!({"iss": "server", "sub": "integration@org.example", "aud": LOGIN, "exp": now + 180});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let cases = [
        (&key, good.clone(), ""),
        (&key, with("aud", json!(INSTANCE)), ""),
        (&other, good.clone(), "invalid_grant"),
        (&key, with("aud", json!("https://test.salesforce.com")), "invalid_grant"),
        (&key, with("exp", json!(now - 1)), "invalid_grant"),
        (&key, with("exp", json!(now + 3600)), "invalid_grant"),
        (&key, with("iss", json!("nope")), "invalid_client_id"),
        (&key, with("sub", json!("admin@org.example")), "invalid_app_access"),
        (&key, with("sub", json!("ghost@org.example")), "invalid_grant"),
    ];
    for (key, claims, want) in cases {
        let assertion = assertion(key, &claims);
        let answer = world.token(&[("grant_type", BEARER), ("assertion", &assertion)]).await;
        assert_eq!(answer.json().get("error").and_then(Value::as_str).unwrap_or_default(), want, "{claims}");
        if want.is_empty() {
            assert!(answer.json().get("refresh_token").is_none() && answer.json()["instance_url"] == INSTANCE);
        }
    }
}

#[tokio::test]
async fn client_credentials_work_on_the_own_domain_for_the_run_as_user() {
    let world = world();
    let ask = async |host: &str, client: &str| {
        let secret = format!("{client}-secret");
        let pairs = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret.as_str())];
        world.post_form(&format!("{host}/services/oauth2/token"), "", &pairs).await
    };
    let good = ask(INSTANCE, "server").await;
    assert!(good.status == 200 && good.json().get("refresh_token").is_none(), "{good:?}");
    assert_eq!(ask(LOGIN, "server").await.json()["error_description"], "request not supported on this domain");
    assert_eq!(ask(INSTANCE, "nobody").await.json()["error_description"], "no client credentials user enabled");
}

#[tokio::test]
async fn a_device_waits_for_its_person() {
    let world = world();
    let start = world.token(&[("response_type", "device_code"), ("client_id", "server"), ("scope", "api")]).await.json();
    let code = start["device_code"].as_str().unwrap().to_owned();
    let poll = async || world.token(&[("grant_type", "device"), ("client_id", "server"), ("code", &code)]).await;
    assert_eq!(poll().await.code(), "authorization_pending");
    assert_eq!(poll().await.code(), "slow_down");
    let user_code = start["user_code"].as_str().unwrap();
    let pairs = [("user_code", user_code), ("username", "admin@org.example"), ("password", "admin-pass"), ("decision", "allow")];
    let page = world.post_form(&format!("{LOGIN}/setup/connect"), "", &pairs).await;
    assert!(page.text.contains("connected"));
    world.clock.advance(jiff::SignedDuration::from_secs(6));
    assert_eq!(poll().await.status, 200);
    assert_eq!(poll().await.code(), "invalid_grant");
}

#[tokio::test]
async fn a_device_whose_person_refuses_or_never_comes_gets_nothing() {
    let world = world();
    let start = async || world.token(&[("response_type", "device_code"), ("client_id", "server"), ("scope", "api")]).await.json();
    let poll = async |device: &serde_json::Value| {
        let code = device["device_code"].as_str().unwrap();
        world.token(&[("grant_type", "device"), ("client_id", "server"), ("code", code)]).await
    };
    let refused = start().await;
    let pairs = [("user_code", refused["user_code"].as_str().unwrap()), ("username", "admin@org.example"), ("password", "admin-pass")];
    let denied = [&pairs[..], &[("decision", "deny")]].concat();
    world.post_form(&format!("{LOGIN}/setup/connect"), "", &denied).await;
    assert_eq!(poll(&refused).await.code(), "access_denied");
    assert_eq!(poll(&refused).await.code(), "invalid_grant", "the refusal is told once");
    let forgotten = start().await;
    world.clock.advance(jiff::SignedDuration::from_mins(10));
    assert_eq!(poll(&forgotten).await.code(), "invalid_grant");
}

#[tokio::test]
async fn a_token_can_be_looked_at_and_revoked() {
    let world = world();
    let client = world.client();
    let look = async || {
        let pairs = [("token", client.token.as_str()), ("client_id", "a1"), ("client_secret", "a1-secret")];
        world.post_form(&format!("{LOGIN}/services/oauth2/introspect"), "", &pairs).await.json()
    };
    let alive = look().await;
    assert!(alive["active"] == true && alive["username"] == "admin@org.example" && alive["exp"] == 1_795_420_800 + 7200, "{alive}");
    let revoke = async |token: &str| world.post_form(&format!("{LOGIN}/services/oauth2/revoke"), "", &[("token", token)]).await;
    let revoked = revoke(&client.token).await;
    assert_eq!((revoked.status, revoked.text.as_str()), (200, ""));
    assert_eq!(look().await, json!({"active": false}));
    assert_eq!(revoke("unknown").await.status, 400);
    let refused = client.get("/limits").await;
    assert_eq!(refused.json(), json!([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]));
}

#[tokio::test]
async fn identity_tells_whose_token_it_is() {
    let world = world();
    let client = world.client();
    let bearer = |token: &str, url: &str| Request::get(url).header("authorization", format!("Bearer {token}")).body(Bytes::new()).unwrap();
    let info_url = format!("{LOGIN}/services/oauth2/userinfo");
    let info = world.send(bearer(&client.token, &info_url)).await.json();
    assert_eq!(info["preferred_username"], "admin@org.example");
    assert!(info["urls"]["rest"].as_str().unwrap().contains("v{version}"));
    let id = info["sub"].as_str().unwrap();
    let identity = world.send(bearer(&client.token, id)).await.json();
    assert!(identity["asserted_user"] == true && identity["id"] == id && identity["username"] == "admin@org.example");
    let dead = world.send(bearer("nope", &info_url)).await;
    assert_eq!((dead.status, dead.text.as_str()), (403, "Bad_OAuth_Token"));
    assert_eq!(world.get(&info_url).await.text, "Missing_OAuth_Token");
    let wrong = id.replace("/00D", "/00E");
    assert_eq!(world.send(bearer(&client.token, &wrong)).await.text, "Wrong_Org");
}
