//! Refreshing: rotation, revocation, moved orgs.

use bytes::Bytes;
use http::Request;

use crate::common::*;
use crate::oauth::{change, code, exchange};

pub fn refresh<'a>(client: &'a str, secret: &'a str, token: &'a str) -> [(&'a str, &'a str); 4] {
    [("grant_type", "refresh_token"), ("client_id", client), ("client_secret", secret), ("refresh_token", token)]
}

pub async fn first_refresh_token(world: &World, client: &str) -> String {
    let code = code(world, &[("client_id", client)]).await;
    let secret = format!("{client}-secret");
    let pairs = change(change(exchange(&code), "client_id", client), "client_secret", &secret);
    world.token(&pairs).await.json()["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rotation_gives_a_new_token_and_reuse_kills_the_family() {
    let world = world();
    let first = first_refresh_token(&world, "a1").await;
    let body = world.token(&refresh("a1", "a1-secret", &first)).await.json();
    let second = body["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let reuse = world.token(&refresh("a1", "a1-secret", &first)).await;
    assert_eq!(reuse.json(), serde_json::json!({"error": "invalid_grant", "error_description": "expired access/refresh token"}));
    assert_eq!(world.token(&refresh("a1", "a1-secret", &second)).await.code(), "invalid_grant");
}

#[tokio::test]
async fn without_rotation_the_token_stays() {
    let world = world();
    let token = first_refresh_token(&world, "plain").await;
    for _ in 0..2 {
        let body = world.token(&refresh("plain", "plain-secret", &token)).await.json();
        assert!(body.get("refresh_token").is_none() && body["access_token"].is_string() && body["signature"].is_string());
    }
}

#[tokio::test]
async fn family_revocation_can_be_switched_off() {
    let doubts = salesforce_sim::Doubts { family_revocation: false, ..Default::default() };
    let world = world_with(seed(), doubts);
    let first = first_refresh_token(&world, "a1").await;
    let second = world.token(&refresh("a1", "a1-secret", &first)).await.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(world.token(&refresh("a1", "a1-secret", &first)).await.status, 400);
    assert_eq!(world.token(&refresh("a1", "a1-secret", &second)).await.status, 200);
}

#[tokio::test]
async fn revoked_and_inactive_users_are_told_so() {
    let world = world();
    let token = first_refresh_token(&world, "plain").await;
    let user = world.sim.with_org(|org| org.user_by_name("admin@org.example").unwrap().id);
    world.sim.with_org(|org| org.set_user_active(&user, false));
    let inactive = world.token(&refresh("plain", "plain-secret", &token)).await;
    assert_eq!(inactive.json()["error_description"], "inactive user");
    world.sim.with_org(|org| org.set_user_active(&user, true));
    world.sim.control().revoke_refresh_tokens(Some(user));
    let revoked = world.token(&refresh("plain", "plain-secret", &token)).await;
    assert_eq!(revoked.json()["error_description"], "expired access/refresh token");
}

#[tokio::test]
async fn a_moved_org_answers_with_its_new_host_and_is_dead_on_the_old() {
    let world = world();
    let token = first_refresh_token(&world, "plain").await;
    world.sim.control().move_instance("https://new.my.sim.example/");
    let body = world.token(&refresh("plain", "plain-secret", &token)).await.json();
    assert_eq!(body["instance_url"], "https://new.my.sim.example");
    let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
    for (host, want) in [("https://new.my.sim.example", 200), (INSTANCE, 401), (LOGIN, 404)] {
        let request = Request::get(format!("{host}/services/data/v66.0/limits")).header("authorization", &bearer).body(Bytes::new()).unwrap();
        assert_eq!(world.send(request).await.status, want, "{host}");
    }
}

#[tokio::test]
async fn a_public_client_needs_no_secret() {
    let world = world();
    let code = code(&world, &[("client_id", "public")]).await;
    let pairs = change(change(exchange(&code), "client_id", "public"), "client_secret", "");
    assert_eq!(world.token(&pairs).await.status, 200);
}
