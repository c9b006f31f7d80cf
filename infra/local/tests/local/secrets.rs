//! AWS's SDK and the core's secret store against the embedded Secrets Manager.

use std::sync::Arc;

use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::{Filter, FilterNameStringType, SortOrderType},
};
use jiff::SignedDuration;
use passerelle_core::{
    adapters::secrets::{SecretError, SecretKind},
    domain::ids::ConnectionId,
};
use passerelle_local::{Stack, StackOptions};
use secrecy::{ExposeSecret, SecretString};

use crate::support::{StandingClock, no_functions, quiet, quiet_stack};

fn token(number: usize) -> String {
    format!("{number:032}")
}

/// The code of a refused request.
fn code<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(answer: Result<T, SdkError<E>>) -> String {
    answer.unwrap_err().as_service_error().expect("the service refused").code().expect("with a code").to_owned()
}

async fn create(client: &Client, name: &str, value: &str) -> String {
    let made = client.create_secret().name(name).secret_string(value).client_request_token(token(1)).send().await.unwrap();
    made.arn.unwrap()
}

async fn current(client: &Client, id: &str) -> String {
    client.get_secret_value().secret_id(id).send().await.unwrap().secret_string.unwrap()
}

#[tokio::test]
async fn a_secret_is_found_by_name_and_by_arn() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let client = stack.installation().secrets_manager();
    let arn = create(client, "p/acme/webhook", "one").await;
    assert!(arn.starts_with("arn:aws:secretsmanager:eu-west-3:000000000000:secret:p/acme/webhook-"), "{arn}");
    let partial = arn.rsplit_once('-').unwrap().0;
    for id in ["p/acme/webhook", &arn, partial] {
        assert_eq!(current(client, id).await, "one", "{id}");
    }
    assert_eq!(code(client.get_secret_value().secret_id("p/other").send().await), "ResourceNotFoundException");
}

#[tokio::test]
async fn versions_are_read_by_id_and_by_label() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let client = stack.installation().secrets_manager();
    create(client, "s", "one").await;
    let put = client.put_secret_value().secret_id("s").client_request_token(token(2)).secret_string("two").send().await.unwrap();
    assert_eq!((put.version_id.as_deref(), put.version_stages), (Some(&*token(2)), Some(vec!["AWSCURRENT".to_owned()])));
    let read = |id: Option<String>, stage: Option<&str>| {
        client.get_secret_value().secret_id("s").set_version_id(id).set_version_stage(stage.map(str::to_owned)).send()
    };
    for (id, stage, want) in [
        (None, None, "two"),
        (None, Some("AWSCURRENT"), "two"),
        (None, Some("AWSPREVIOUS"), "one"),
        (Some(token(1)), None, "one"),
        (Some(token(1)), Some("AWSPREVIOUS"), "one"),
    ] {
        assert_eq!(read(id.clone(), stage).await.unwrap().secret_string.as_deref(), Some(want), "{id:?} {stage:?}");
    }
    assert_eq!(code(read(Some(token(9)), None).await), "ResourceNotFoundException");
    assert_eq!(code(read(None, Some("AWSPENDING")).await), "ResourceNotFoundException");
    assert_eq!(code(read(Some(token(1)), Some("AWSCURRENT")).await), "InvalidRequestException");
}

#[tokio::test]
async fn a_token_makes_a_repeat_harmless() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let client = stack.installation().secrets_manager();
    create(client, "s", "one").await;
    let put = |number, value: &str| client.put_secret_value().secret_id("s").client_request_token(token(number)).secret_string(value).send();
    put(2, "two").await.unwrap();
    put(3, "three").await.unwrap();
    // A late repeat of an older put is answered and moves no label.
    assert_eq!(put(2, "two").await.unwrap().version_id, Some(token(2)));
    assert_eq!(current(client, "s").await, "three");
    assert_eq!(code(put(2, "other").await), "ResourceExistsException");
    let again = |value: &str| client.create_secret().name("s").client_request_token(token(1)).secret_string(value).send();
    assert_eq!(again("one").await.unwrap().version_id, Some(token(1)));
    assert_eq!(code(again("other").await), "ResourceExistsException");
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let client = stack.installation().secrets_manager();
    create(client, "s", "one").await;
    let put = || client.put_secret_value().secret_id("s");
    assert_eq!(code(put().client_request_token("short").secret_string("x").send().await), "InvalidParameterException");
    assert_eq!(code(put().client_request_token("t".repeat(65)).secret_string("x").send().await), "InvalidParameterException");
    assert_eq!(code(put().send().await), "InvalidRequestException");
    let both = put().secret_string("x").secret_binary(Blob::new(b"x"));
    assert_eq!(code(both.send().await), "InvalidParameterException");
    assert_eq!(code(client.create_secret().name("with blank").secret_string("x").send().await), "ValidationException");
    assert_eq!(code(client.rotate_secret().secret_id("s").send().await), "UnknownOperationException");
}

#[tokio::test]
async fn bytes_come_back_as_they_went() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let client = stack.installation().secrets_manager();
    client.create_secret().name("s").secret_binary(Blob::new([0, 255, 7])).send().await.unwrap();
    let read = client.get_secret_value().secret_id("s").send().await.unwrap();
    assert_eq!((read.secret_binary.unwrap().as_ref(), read.secret_string), ([0, 255, 7].as_slice(), None));
}

#[tokio::test]
async fn a_deleted_secret_can_be_restored_until_its_window_is_over() {
    let clock = StandingClock::new();
    let stack = quiet_stack(&clock).await;
    let client = stack.installation().secrets_manager();
    create(client, "s", "one").await;
    let delete = || client.delete_secret().secret_id("s");
    assert_eq!(code(delete().recovery_window_in_days(6).send().await), "InvalidParameterException");
    let both = delete().recovery_window_in_days(7).force_delete_without_recovery(true);
    assert_eq!(code(both.send().await), "InvalidParameterException");
    let due = delete().recovery_window_in_days(7).send().await.unwrap().deletion_date.unwrap().secs();
    assert_eq!(due, (crate::support::start() + SignedDuration::from_hours(7 * 24)).as_second());
    assert_eq!(code(client.get_secret_value().secret_id("s").send().await), "InvalidRequestException");
    assert_eq!(code(client.put_secret_value().secret_id("s").secret_string("x").send().await), "InvalidRequestException");
    assert_eq!(code(client.create_secret().name("s").secret_string("x").send().await), "InvalidRequestException");
    assert!(client.describe_secret().secret_id("s").send().await.unwrap().deleted_date.is_some());
    client.restore_secret().secret_id("s").send().await.unwrap();
    assert_eq!(current(client, "s").await, "one");
    delete().recovery_window_in_days(7).send().await.unwrap();
    clock.advance(SignedDuration::from_hours(7 * 24));
    assert_eq!(code(client.restore_secret().secret_id("s").send().await), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_secret_deleted_at_once_is_gone_and_made_anew_is_another() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let client = stack.installation().secrets_manager();
    let arn = create(client, "s", "one").await;
    client.delete_secret().secret_id("s").force_delete_without_recovery(true).send().await.unwrap();
    assert_eq!(code(client.describe_secret().secret_id("s").send().await), "ResourceNotFoundException");
    assert_ne!(create(client, "s", "two").await, arn);
    // Nothing to delete is no error.
    client.delete_secret().secret_id("never").force_delete_without_recovery(true).send().await.unwrap();
}

#[tokio::test]
async fn descriptions_tell_the_labels_and_lists_come_in_pages() {
    let clock = StandingClock::new();
    let stack = quiet_stack(&clock).await;
    let client = stack.installation().secrets_manager();
    for name in ["p/a/salesforce", "p/b/salesforce", "q/a/salesforce"] {
        create(client, name, "one").await;
        clock.advance(SignedDuration::from_secs(1));
    }
    client.update_secret().secret_id("p/a/salesforce").description("Acme").client_request_token(token(2)).secret_string("two").send().await.unwrap();
    client.put_secret_value().secret_id("p/a/salesforce").client_request_token(token(3)).secret_string("three").send().await.unwrap();
    let described = client.describe_secret().secret_id("p/a/salesforce").send().await.unwrap();
    assert_eq!(described.description.as_deref(), Some("Acme"));
    let stages = described.version_ids_to_stages.unwrap();
    assert_eq!((stages.len(), &stages[&token(2)], &stages[&token(3)]), (2, &vec!["AWSPREVIOUS".to_owned()], &vec!["AWSCURRENT".to_owned()]));
    let versions = |all| client.list_secret_version_ids().secret_id("p/a/salesforce").include_deprecated(all).send();
    assert_eq!(versions(false).await.unwrap().versions.unwrap().len(), 2);
    assert_eq!(versions(true).await.unwrap().versions.unwrap().len(), 3);

    let filter = Filter::builder().key(FilterNameStringType::Name).values("p/").build();
    let pages = client.list_secrets().filters(filter).sort_order(SortOrderType::Asc).max_results(1).into_paginator().send();
    let pages: Vec<_> = pages.try_collect().await.unwrap();
    let names: Vec<_> = pages.into_iter().flat_map(|page| page.secret_list.unwrap()).map(|secret| secret.name.unwrap()).collect();
    assert_eq!(names, ["p/a/salesforce", "p/b/salesforce"]);
}

#[tokio::test]
async fn the_core_stores_and_reads_by_version() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let (secrets, acme) = (stack.ports().secrets, ConnectionId::parse("acme").unwrap());
    let text = |text: &str| SecretString::from(text.to_owned());
    let kind = SecretKind::Salesforce;
    assert!(matches!(secrets.read_current(&acme, kind).await, Err(SecretError::Absent { .. })));
    secrets.store(&acme, kind, &token(1), &text("one")).await.unwrap();
    secrets.store(&acme, kind, &token(2), &text("two")).await.unwrap();
    secrets.store(&acme, kind, &token(1), &text("one")).await.unwrap();
    let current = secrets.read_current(&acme, kind).await.unwrap();
    assert_eq!((current.text.expose_secret(), current.version), ("two", token(2)));
    assert_eq!(secrets.read_version(&acme, kind, &token(1)).await.unwrap().text.expose_secret(), "one");
    assert!(matches!(secrets.read_version(&acme, kind, &token(3)).await, Err(SecretError::Absent { .. })));
    assert!(matches!(secrets.store(&acme, kind, &token(1), &text("other")).await, Err(SecretError::Unavailable { .. })));
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let request = reqwest::Client::new().post(&stack.addresses().secrets).header("x-amz-target", "secretsmanager.ListSecrets").body("{}");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["__type"], "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn secrets_survive_in_their_file() {
    let directory = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let options = || StackOptions { data: Some(directory.path().to_owned()), ..quiet(&clock) };
    let stack = Stack::start(options(), |_| no_functions()).await.unwrap();
    let arn = create(stack.installation().secrets_manager(), "s", "one").await;
    stack.shutdown().await;
    let stack = Stack::start(options(), |_| no_functions()).await.unwrap();
    assert_eq!(current(stack.installation().secrets_manager(), &arn).await, "one");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(directory.path().join("secrets.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_written_has_not_happened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gone").join("secrets.json");
    let clock = Arc::new(StandingClock::new());
    let ids = Arc::new(passerelle_core::adapters::system::RandomIds);
    let service = passerelle_local::secrets::SecretsManager::open(&path, clock, ids).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, service.router()).await });
    let call = |operation: &str, body: &'static str| {
        let request = reqwest::Client::new().post(&url).header("authorization", "AWS4-HMAC-SHA256 x");
        request.header("x-amz-target", format!("secretsmanager.{operation}")).body(body).send()
    };
    assert_eq!(call("CreateSecret", r#"{"Name":"s"}"#).await.unwrap().status(), 500);
    std::fs::create_dir(directory.path().join("gone")).unwrap();
    assert_eq!(call("DescribeSecret", r#"{"SecretId":"s"}"#).await.unwrap().status(), 400);
    assert_eq!(call("CreateSecret", r#"{"Name":"s"}"#).await.unwrap().status(), 200);
    assert_eq!(call("DescribeSecret", r#"{"SecretId":"s"}"#).await.unwrap().status(), 200);
}

/// Where a test asks for it, a read is answered as before the last change, and counted where that makes a difference.
#[tokio::test]
async fn a_stale_read_sees_what_was_before_the_last_change() {
    let (clock, ids) = (Arc::new(StandingClock::new()), Arc::new(passerelle_core::adapters::system::RandomIds));
    let service = passerelle_local::secrets::SecretsManager::memory(clock, ids);
    let versions = ["0".repeat(32), "1".repeat(32)];
    let put = |operation: &str, name: &str, version: &str| {
        let body = serde_json::json!({name: "s", "SecretString": version, "ClientRequestToken": version}).to_string();
        assert_eq!(service.call(operation, body.as_bytes()).0, 200);
    };
    let read = |body: serde_json::Value| {
        let (status, answer) = service.call("GetSecretValue", body.to_string().as_bytes());
        (status.as_u16(), answer["VersionId"].as_str().map(str::to_owned))
    };
    put("CreateSecret", "Name", &versions[0]);
    service.be_stale(2);
    put("PutSecretValue", "SecretId", &versions[1]);
    let by_id = serde_json::json!({"SecretId": "s", "VersionId": versions[1]});
    let (new, former) = (Some(versions[1].clone()), Some(versions[0].clone()));
    assert_eq!([read(by_id.clone()), read(by_id.clone())], [(200, new.clone()), (400, None)]);
    assert_eq!([read(serde_json::json!({"SecretId": "s"})), read(serde_json::json!({"SecretId": "s"}))], [(200, new.clone()), (200, former.clone())]);
    let old = serde_json::json!({"SecretId": "s", "VersionId": versions[0]});
    assert_eq!([read(old.clone()), read(old)], [(200, former.clone()), (200, former)]);
    assert_eq!(service.stale_reads(), 3, "the labels of the old version have changed as well");
    service.be_stale(0);
    assert_eq!([read(by_id.clone()), read(by_id)], [(200, new.clone()), (200, new)]);
    assert_eq!(service.stale_reads(), 0);
}
