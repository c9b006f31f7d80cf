use std::sync::{Arc, Mutex};

use cirrus::Cirrus;
use cirrus::auth::refresh::RotationHandler;
use cirrus::auth::{AuthError, AuthResult, AuthSession, CompletedSession, WebServerFlow, async_trait};
use passerelle_clients_cirrus::{Org, SECRET, USERNAME};

/// The code and the words of a refusal by the token endpoint.
fn refusal<T>(result: AuthResult<T>) -> (String, String) {
    match result.err() {
        Some(AuthError::OAuth { error, error_description }) => (error, error_description.unwrap_or_default()),
        other => panic!("no refusal: {other:?}"),
    }
}

/// A flow that a user went through, and the session that it gave.
async fn signed_in(org: &Org) -> (WebServerFlow, CompletedSession) {
    let flow = org.web();
    let (url, pending) = flow.start().unwrap();
    let (code, state) = org.sign_in(&url).await;
    let session = flow.complete(pending, &code, &state).await.unwrap();
    (flow, session)
}

#[tokio::test]
async fn a_signed_assertion_logs_in() {
    let org = Org::start().await;
    assert!(org.client().limits().await.unwrap()["DailyApiRequests"].max > 0);
    let nobody = org.bearer("nobody@org.example");
    let (code, words) = refusal(nobody.access_token().await);
    assert_eq!((code.as_str(), words.as_str()), ("invalid_grant", "user hasn't approved this consumer"));
}

#[tokio::test]
async fn client_credentials_log_in() {
    let org = Org::start().await;
    let client = Cirrus::builder().auth(Arc::new(org.credentials(SECRET).unwrap())).build().unwrap();
    assert!(client.limits().await.unwrap()["DailyApiRequests"].max > 0);
    assert_eq!(refusal(org.credentials("wrong").unwrap().access_token().await).0, "invalid_client");
}

#[tokio::test]
async fn a_code_is_exchanged_with_its_verifier_and_only_once() {
    let org = Org::start().await;
    let flow = org.web();
    let (url, pending) = flow.start().unwrap();
    let (code, state) = org.sign_in(&url).await;
    let session = flow.complete(pending.clone(), &code, &state).await.unwrap();
    assert!(session.instance_url == org.instance && session.refresh_token.is_some() && session.signature.is_some(), "{session:?}");
    assert_eq!(refusal(flow.complete(pending, &code, &state).await).0, "invalid_grant");
}

#[tokio::test]
async fn a_code_is_worth_nothing_with_another_verifier() {
    let org = Org::start().await;
    let flow = org.web();
    let (url, pending) = flow.start().unwrap();
    let (_, other) = flow.start().unwrap();
    let (code, state) = org.sign_in(&url).await;
    assert_eq!(state, pending.state());
    let code = refusal(flow.complete(other.clone(), &code, other.state()).await).0;
    assert!(["invalid_grant", "invalid_request"].contains(&code.as_str()), "{code}");
}

/// Keeps the refresh tokens that replace one another.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

#[async_trait]
impl RotationHandler for Kept {
    async fn on_rotation(&self, new_refresh_token: &str) {
        self.0.lock().unwrap().push(new_refresh_token.to_owned());
    }
}

#[tokio::test]
async fn an_ended_session_is_renewed_and_the_refresh_token_rotates() {
    let org = Org::start().await;
    let (flow, session) = signed_in(&org).await;
    let first = session.refresh_token.clone().unwrap();
    let kept = Arc::new(Kept::default());
    let auth = Arc::new(flow.refresh_auth(&session).unwrap().on_rotation(kept.clone()).build().unwrap());
    let client = Cirrus::builder().auth(auth.clone()).build().unwrap();
    client.limits().await.unwrap();
    for renewals in 1..=2 {
        org.sim.control().expire_access_tokens();
        client.limits().await.unwrap();
        assert_eq!(kept.0.lock().unwrap().len(), renewals);
    }
    let tokens = kept.0.lock().unwrap().clone();
    assert!(tokens[0] != tokens[1] && tokens[0] != first);
    auth.revoke().await.unwrap();
    assert_eq!(refusal(auth.access_token().await).0, "invalid_grant");
}

#[tokio::test]
async fn the_reuse_of_a_rotated_refresh_token_ends_the_family() {
    let org = Org::start().await;
    let (flow, session) = signed_in(&org).await;
    let owner = flow.refresh_auth(&session).unwrap().build().unwrap();
    let thief = flow.refresh_auth(&session).unwrap().build().unwrap();
    owner.invalidate(&session.access_token).await;
    let live = owner.access_token().await.unwrap().into_owned();
    thief.invalidate(&session.access_token).await;
    let refused = refusal(thief.access_token().await);
    assert_eq!(refused, ("invalid_grant".to_owned(), "expired access/refresh token".to_owned()));
    owner.invalidate(&live).await;
    assert_eq!(refusal(owner.access_token().await).0, "invalid_grant");
}

#[tokio::test]
async fn a_session_that_ends_is_replaced_by_a_new_assertion() {
    let org = Org::start().await;
    let auth = Arc::new(org.bearer(USERNAME));
    let client = Cirrus::builder().auth(auth.clone()).build().unwrap();
    client.limits().await.unwrap();
    let before = auth.access_token().await.unwrap().into_owned();
    org.sim.control().expire_access_tokens();
    client.limits().await.unwrap();
    assert_ne!(auth.access_token().await.unwrap(), before);
}
