//! The web server flow as a browser and a client walk it.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use sha2::Sha256;

use crate::common::*;

/// The value of a hidden field.
fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let start = page.find(&format!("name=\"{name}\" value=\"")).expect("the field") + name.len() + 15;
    page[start..].split('"').next().unwrap()
}

fn query_value(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
    Some(percent_encoding::percent_decode_str(&value.replace('+', " ")).decode_utf8().unwrap().into_owned())
}

fn authorize_url(changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", "a1"),
        ("redirect_uri", CALLBACK),
        ("scope", "api refresh_token"),
        ("state", "s/1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    format!("{LOGIN}/services/oauth2/authorize?{}", form(&pairs))
}

/// Logs in and decides; returns where the browser is sent in the end, and its cookie.
async fn walk(world: &World, url: &str, decision: &str) -> (String, String) {
    let page = world.get(url).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let request = hidden(&page.text, "request").to_owned();
    let pairs = [("request", request.as_str()), ("username", "admin@org.example"), ("password", "admin-pass")];
    let login = world.post_form(&format!("{LOGIN}/login"), "", &pairs).await;
    assert_eq!(login.status, 302, "{}", login.text);
    let cookie = login.header("set-cookie").split(';').next().unwrap().to_owned();
    let location = login.header("location").to_owned();
    if location.starts_with("https://app.example") {
        return (location, cookie);
    }
    let approval = format!("{LOGIN}{location}");
    let page = world.send(Request::get(&approval).header("cookie", &cookie).body(Bytes::new()).unwrap()).await;
    assert!(page.text.contains("Allow Access?"), "{}", page.text);
    let request = hidden(&page.text, "request").to_owned();
    let pairs = [("request", request.as_str()), ("decision", decision)];
    let done = world.post_form(approval.split('?').next().unwrap(), &cookie, &pairs).await;
    assert_eq!(done.status, 302, "{}", done.text);
    (done.header("location").to_owned(), cookie)
}

pub async fn code(world: &World, changes: &[(&str, &str)]) -> String {
    let (location, _) = walk(world, &authorize_url(changes), "allow").await;
    query_value(&location, "code").expect("a code")
}

pub fn exchange(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "a1"),
        ("client_secret", "a1-secret"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub fn change<'a>(mut pairs: Vec<(&'a str, &'a str)>, name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    pairs.retain(|(known, _)| *known != name);
    if !value.is_empty() {
        pairs.push((name, value));
    }
    pairs
}

#[tokio::test]
async fn a_person_approves_and_the_client_gets_signed_tokens() {
    let world = world();
    let (location, _) = walk(&world, &authorize_url(&[]), "allow").await;
    assert!(location.starts_with(&format!("{CALLBACK}?")), "{location}");
    assert_eq!(query_value(&location, "state").as_deref(), Some("s/1"));
    assert!(!location.contains("token"));
    let code = query_value(&location, "code").unwrap();
    let answer = world.token(&exchange(&code)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    assert_eq!((text("instance_url"), text("token_type"), text("scope")), (INSTANCE.into(), "Bearer".into(), "api refresh_token".into()));
    assert!(text("id").starts_with(&format!("{LOGIN}/id/00D")));
    assert_eq!(text("issued_at"), "1795420800000");
    assert!(body.get("expires_in").is_none());
    let mut mac = Hmac::<Sha256>::new_from_slice(b"a1-secret").unwrap();
    mac.update(format!("{}{}", text("id"), text("issued_at")).as_bytes());
    assert_eq!(text("signature"), BASE64_STANDARD.encode(mac.finalize().into_bytes()));
}

#[tokio::test]
async fn denial_goes_back_in_the_documented_words() {
    let world = world();
    let (location, _) = walk(&world, &authorize_url(&[]), "deny").await;
    assert_eq!(location, format!("{CALLBACK}?error=access_denied&error_description=end-user+denied+authorization&state=s%2F1"));
}

#[tokio::test]
async fn a_browser_that_approved_before_is_sent_straight_back() {
    let world = world();
    let (_, cookie) = walk(&world, &authorize_url(&[]), "allow").await;
    for (changes, straight) in [(vec![], true), (vec![("immediate", "true")], true), (vec![("prompt", "login")], false)] {
        let request = Request::get(authorize_url(&changes)).header("cookie", &cookie).body(Bytes::new()).unwrap();
        let answer = world.send(request).await;
        assert_eq!(answer.header("location").contains("code="), straight, "{changes:?}: {answer:?}");
    }
    let silent = world.get(&authorize_url(&[("immediate", "true")])).await;
    assert_eq!(silent.header("location"), format!("{CALLBACK}?error=immediate_unsuccessful&state=s%2F1"));
}

#[tokio::test]
async fn what_is_wrong_with_the_app_never_reaches_the_redirect_uri() {
    let world = world();
    let cases = [
        (("redirect_uri", "https://app.example/callback/"), "redirect_uri_mismatch"),
        (("redirect_uri", "https://APP.example/callback"), "redirect_uri_mismatch"),
        (("redirect_uri", "https://app.example/callback?x=1"), "redirect_uri_mismatch"),
        (("client_id", "nope"), "invalid_client_id"),
    ];
    for (change, want) in cases {
        let answer = world.get(&authorize_url(&[change])).await;
        let location = answer.header("location");
        assert!(answer.status == 302 && location.starts_with("/setup/secur/RemoteAccessErrorPage.apexp?"), "{answer:?}");
        assert_eq!(query_value(location, "error").as_deref(), Some(want));
        let page = world.get(&format!("{LOGIN}{location}")).await;
        assert!(page.status == 200 && page.text.contains(&format!("error={want}")));
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_request_does() {
    let world = world();
    let cases = [
        (("code_challenge", ""), "invalid_request"),
        (("response_type", "foo"), "unsupported_response_type"),
        (("scope", "api everything"), "invalid_scope"),
        (("code_challenge_method", "plain"), "invalid_request"),
    ];
    for (change, want) in cases {
        let answer = world.get(&authorize_url(&[change])).await;
        assert!(answer.header("location").starts_with(CALLBACK), "{answer:?}");
        assert_eq!(query_value(answer.header("location"), "error").as_deref(), Some(want), "{change:?}");
    }
}

#[tokio::test]
async fn an_app_that_is_not_installed_ends_on_the_error_page() {
    let mut seed = seed();
    seed.apps[0].installed = false;
    seed.users[0].permissions.approve_uninstalled_apps = false;
    let world = world_with(seed, Default::default());
    let page = world.get(&authorize_url(&[])).await;
    let request = hidden(&page.text, "request").to_owned();
    let pairs = [("request", request.as_str()), ("username", "admin@org.example"), ("password", "admin-pass")];
    let answer = world.post_form(&format!("{LOGIN}/login"), "", &pairs).await;
    assert_eq!(query_value(answer.header("location"), "error").as_deref(), Some("OAUTH_APPROVAL_ERROR_GENERIC"));
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let world = world();
    let page = world.get(&authorize_url(&[("login_hint", "<x>")])).await;
    assert!(page.text.contains("&lt;x&gt;") && !page.text.contains("<x>"));
    let request = hidden(&page.text, "request").to_owned();
    let pairs = [("request", request.as_str()), ("username", "admin@org.example"), ("password", "wrong")];
    let again = world.post_form(&format!("{LOGIN}/login"), "", &pairs).await;
    assert!(again.status == 200 && again.text.contains("check your username and password") && again.headers.get("set-cookie").is_none());
    assert_eq!(hidden(&again.text, "request"), request);
}

#[tokio::test]
async fn exchanges_are_refused_for_the_right_reason() {
    let cases: &[(&str, &str, &str)] = &[
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX", "invalid_request"),
        ("code_verifier", "", "invalid_grant"),
        ("redirect_uri", "https://app.example/other", "redirect_uri_mismatch"),
        ("client_secret", "wrong", "invalid_client"),
        ("client_secret", "", "invalid_client"),
        ("client_id", "nope", "invalid_client_id"),
        ("grant_type", "foo", "unsupported_grant_type"),
        ("code", "aPrxunknown", "invalid_grant"),
    ];
    for (name, value, want) in cases {
        let world = world();
        let code = code(&world, &[]).await;
        let answer = world.token(&change(exchange(&code), name, value)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, *want), "{name}={value}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_for_fifteen_minutes() {
    let world = world();
    let first = code(&world, &[]).await;
    assert_eq!(world.token(&exchange(&first)).await.status, 200);
    let again = world.token(&exchange(&first)).await;
    assert_eq!(again.code(), "invalid_grant");
    assert!(again.text.contains("authorization code"));
    let late = code(&world, &[]).await;
    world.clock.advance(jiff::SignedDuration::from_mins(15));
    assert!(world.token(&exchange(&late)).await.text.contains("expired authorization code"));
}

#[tokio::test]
async fn tokens_are_for_forms_only() {
    let world = world();
    let code = code(&world, &[]).await;
    let url = format!("{LOGIN}/services/oauth2/token");
    assert_eq!(world.get(&format!("{url}?{}", form(&exchange(&code)))).await.status, 400);
    let body = serde_json::json!({"grant_type": "authorization_code", "code": code}).to_string();
    let request = Request::post(&url).header("content-type", "application/json").body(body.into()).unwrap();
    assert_eq!(world.send(request).await.code(), "unsupported_grant_type");
}

#[tokio::test]
async fn tokens_come_in_the_format_that_is_asked_for() {
    let world = world();
    let token = async |format: &'static str| {
        let code = code(&world, &[]).await;
        let pairs: Vec<_> =
            exchange(&code).into_iter().chain([("format", format)]).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        world.token(&pairs).await
    };
    let json = token("json").await;
    assert!(json.header("content-type").starts_with("application/json"), "{}", json.text);
    assert!(json.json()["access_token"].is_string());
    let form = token("urlencoded").await;
    assert_eq!((form.status, form.header("content-type")), (200, "application/x-www-form-urlencoded"));
    let url = reqwest::Url::parse(&format!("https://x.example/?{}", form.text)).unwrap();
    let field = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!((field("instance_url").as_deref(), field("token_type").as_deref()), (Some(INSTANCE), Some("Bearer")));
    let access = field("access_token").unwrap();
    let limits = Request::get(format!("{INSTANCE}/services/data/v66.0/limits")).header("authorization", format!("Bearer {access}"));
    assert_eq!(world.send(limits.body(Bytes::new()).unwrap()).await.status, 200, "what was encoded is the token");
    let xml = token("xml").await;
    assert!(xml.header("content-type").starts_with("application/xml"), "{}", xml.text);
    assert!(xml.text.contains("<OAuth><access_token>00D") && xml.text.contains(&format!("<instance_url>{INSTANCE}</instance_url>")), "{}", xml.text);
}

#[tokio::test]
async fn the_client_may_use_basic_and_the_body_wins() {
    let world = world();
    let url = format!("{LOGIN}/services/oauth2/token");
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
    for (header, keep_body, want) in [("a1:a1-secret", false, 200), ("a1:wrong", false, 400), ("a1:wrong", true, 200)] {
        let code = code(&world, &[]).await;
        let mut pairs = exchange(&code);
        if !keep_body {
            pairs.retain(|(name, _)| !name.starts_with("client"));
        }
        let request = Request::post(&url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", basic(header))
            .body(form(&pairs).into())
            .unwrap();
        assert_eq!(world.send(request).await.status, want, "{header} {keep_body}");
    }
}

#[tokio::test]
async fn without_the_scope_there_is_no_refresh_token() {
    let world = world();
    let code = code(&world, &[("scope", "api")]).await;
    let body = world.token(&exchange(&code)).await.json();
    assert!(body.get("refresh_token").is_none() && body["scope"] == "api");
}

#[tokio::test]
async fn an_id_token_verifies_with_the_published_key() {
    let world = world();
    let code = code(&world, &[("scope", "api openid"), ("nonce", "n-1")]).await;
    let token = world.token(&exchange(&code)).await.json()["id_token"].as_str().unwrap().to_owned();
    let keys = world.get(&format!("{LOGIN}/id/keys")).await.json();
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let part = |name: &str| decode(keys["keys"][0][name].as_str().unwrap());
    let public = RsaPublicKeyComponents { n: part("n"), e: part("e") };
    let (signed, signature) = token.rsplit_once('.').unwrap();
    public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decode(signature)).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&decode(signed.split('.').nth(1).unwrap())).unwrap();
    assert!(claims["aud"] == "a1" && claims["nonce"] == "n-1" && claims["iss"] == LOGIN, "{claims}");
}
