//! Versions of the secret that were stored by a process which died before they counted. Whoever comes next has them count first.

use std::time::Duration;

use axum::{Router, extract::Request, middleware};
use jiff::SignedDuration;
use passerelle_core::{
    adapters::{
        http,
        secrets::{SecretKind, Secrets},
        state::tokens::Leased,
    },
    app::{
        connect,
        tokens::{self, Credentials, TokenError},
    },
    domain::ids::ConnectionId,
    ports::{Clock, Ports},
};
use passerelle_local::{SECRET_PREFIX, clients};
use passerelle_scenarios::Scene;
use salesforce_sim::Seed;
use secrecy::{ExposeSecret, SecretString};

use crate::broker::renew;

fn consumer_secret() -> SecretString {
    Seed::demo().apps[0].secret.clone().unwrap().into()
}

/// A connection whose grant is gone at the org, and what an administrator is given who approves once more: by another connection of the same app
/// and user, so that nothing of it is the first one's yet.
async fn gone_and_granted() -> (Scene, ConnectionId, Credentials) {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.org().control().revoke_refresh_tokens(None);
    let other = scene.connect("other").await;
    let granted = tokens::load_credentials(scene.stack.ports(), &other).await.unwrap().unwrap();
    (scene, kayo, granted)
}

/// What a callback does that dies when the tokens are stored, and before they count. Its lease has run out afterwards.
async fn die_after_storing(scene: &Scene, c: &ConnectionId, granted: &Credentials) {
    let ports = scene.stack.ports();
    let pointer = ports.table.load_token(c).await.unwrap();
    assert!(matches!(ports.table.lease_token(c, pointer.generation, "dead", scene.clock.now()).await.unwrap(), Leased::Ours(_)));
    let version = "d".repeat(64);
    assert!(ports.table.announce_token(c, "dead", &version, scene.clock.now()).await.unwrap());
    ports.secrets.store(c, SecretKind::Salesforce, &version, &granted.to_text()).await.unwrap();
    scene.clock.advance(SignedDuration::from_mins(5));
}

/// The connection works with the tokens that were granted, and nothing is known against them.
async fn works(ports: Ports<'_>, c: &ConnectionId, case: &str) {
    renew(ports, c).await.unwrap_or_else(|error| panic!("{case}: {error:?}"));
    let pointer = ports.table.load_token(c).await.unwrap();
    assert_eq!((pointer.doubts(), pointer.refused), (false, None), "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_tokens_that_did_not_count_yet_revive_a_refused_grant() {
    for case in ["a renewal", "a consumer secret", "a test"] {
        let (scene, kayo, granted) = gone_and_granted().await;
        let ports = scene.stack.ports();
        assert_eq!(renew(ports, &kayo).await.unwrap_err().code(), "token_expired");
        assert_eq!(ports.table.load_token(&kayo).await.unwrap().refused.as_deref(), Some("token_expired"));
        die_after_storing(&scene, &kayo, &granted).await;
        let refused = scene.org().control().counters().by_status.get(&400).copied();
        match case {
            "a consumer secret" => tokens::set_client_secret(ports, &kayo, consumer_secret()).await.unwrap(),
            "a test" => drop(connect::test(ports, &kayo).await.unwrap()),
            _ => {}
        }
        works(ports, &kayo, case).await;
        assert_eq!(scene.org().control().counters().by_status.get(&400).copied(), refused, "{case}: nobody has tried the dead grant");
    }
}

/// The secrets of a process that dies when it stores: it reads, and never hears of a version that it wants to store.
async fn dying_at_store(scene: &Scene) -> Secrets {
    let dies = |request: Request, next: middleware::Next| async move {
        if request.headers()["x-amz-target"].as_bytes().ends_with(b".PutSecretValue") {
            std::future::pending::<()>().await;
        }
        next.run(request).await
    };
    let router: Router = scene.stack.secrets_manager().router().layer(middleware::from_fn(dies));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (_, client) = clients::connect(&http::client(&[]).unwrap(), &scene.stack.addresses().dynamodb, &address);
    Secrets::new(client, SECRET_PREFIX)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_before_storing_loses_nothing_of_who_died_after() {
    let (scene, kayo, granted) = gone_and_granted().await;
    let ports = scene.stack.ports();
    die_after_storing(&scene, &kayo, &granted).await;
    let secrets = dying_at_store(&scene).await;
    let dying = tokens::set_client_secret(Ports { secrets: &secrets, ..ports }, &kayo, consumer_secret());
    assert!(tokio::time::timeout(Duration::from_secs(2), dying).await.is_err());
    assert!(ports.table.load_token(&kayo).await.unwrap().pending.is_some_and(|version| version != "d".repeat(64)), "it had announced its own");
    scene.clock.advance(SignedDuration::from_mins(5));
    works(ports, &kayo, "two deaths").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_visible_yet_is_waited_for_before_it_is_taken_for_lost() {
    for case in ["a renewal", "a consumer secret"] {
        let (scene, kayo, granted) = gone_and_granted().await;
        let (ports, service) = (scene.stack.ports(), scene.stack.secrets_manager());
        // Every second read is answered by who has not heard of the stored version; a renewal reads what counts before it looks for it.
        service.be_stale(2);
        die_after_storing(&scene, &kayo, &granted).await;
        if case == "a consumer secret" {
            tokens::load_credentials(ports, &kayo).await.unwrap();
            tokens::set_client_secret(ports, &kayo, consumer_secret()).await.unwrap();
        } else {
            renew(ports, &kayo).await.unwrap();
        }
        assert!(service.stale_reads() > 0, "{case}");
        service.be_stale(0);
        works(ports, &kayo, case).await;
    }
}

/// The access token may be the same one for as long as it lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_refresh_token_beside_the_same_access_token_is_new() {
    let (scene, kayo, granted) = gone_and_granted().await;
    let ports = scene.stack.ports();
    assert_eq!(renew(ports, &kayo).await.unwrap_err().code(), "token_expired");
    let same_access = |former: Option<Credentials>| {
        let former = former.unwrap();
        assert_ne!(former.refresh_token.as_ref().unwrap().expose_secret(), granted.refresh_token.as_ref().unwrap().expose_secret());
        Ok::<_, TokenError>(Credentials { refresh_token: granted.refresh_token, ..former })
    };
    tokens::rewrite(ports, &kayo, same_access).await.unwrap();
    works(ports, &kayo, "the same access token").await;
}
