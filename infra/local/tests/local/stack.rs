//! The whole stack: what survives a restart, who is refused, and that events find their function.

use std::{sync::Arc, time::Duration};

use passerelle_core::{
    adapters::state::Key,
    domain::ids::{ConnectionId, EventId},
};
use passerelle_local::{Functions, SalesforceTarget, Stack, StackError, StackOptions, Switch};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use reqwest::{Client, StatusCode};

use crate::support::{StandingClock, event, no_functions, quiet};

fn key(id: &str) -> Key {
    Key::event(&ConnectionId::parse("acme").unwrap(), &EventId::parse(id).unwrap())
}

/// Functions whose upsert passes on what it is sent.
fn passing_on() -> (Functions, mpsc::UnboundedReceiver<Value>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let upsert = event(move |event| {
        sender.send(event).unwrap();
        Ok(Value::Null)
    });
    (Functions { upsert, ..no_functions() }, receiver)
}

#[tokio::test]
async fn a_new_event_in_the_table_calls_upsert() {
    let (functions, mut sent) = passing_on();
    let options = StackOptions { stream: Switch::On, clock: StackOptions::default().clock, ..quiet(&StandingClock::new()) };
    let stack = Stack::start(options, |_| functions).await.unwrap();
    stack.ports().table.put(&key("e1"), &json!({ "a": 1 }), None).await.unwrap();
    let event = sent.recv().await.unwrap();
    assert_eq!(event["Records"][0]["dynamodb"]["Keys"], json!({ "pk": { "S": "CONN#acme#EVENT#e1" }, "sk": { "S": "EVENT" } }));
    stack.shutdown().await;
}

#[tokio::test]
async fn the_sweep_calls_upsert_without_the_stream() {
    let (functions, mut sent) = passing_on();
    let options = StackOptions { sweep_interval: Some(Duration::from_millis(5)), ..quiet(&StandingClock::new()) };
    let stack = Stack::start(options, |_| functions).await.unwrap();
    assert_eq!(sent.recv().await.unwrap(), json!({ "sweep": { "from": 0, "to": 255 } }));
    stack.shutdown().await;
}

#[tokio::test]
async fn the_hour_calls_reconcile() {
    let (Functions { upsert: passing, .. }, mut sent) = passing_on();
    let functions = Functions { reconcile: passing, ..no_functions() };
    let options = StackOptions { reconcile_interval: Some(Duration::from_millis(5)), ..quiet(&StandingClock::new()) };
    let stack = Stack::start(options, |_| functions).await.unwrap();
    assert_eq!(sent.recv().await.unwrap(), json!({ "due": true }));
    stack.shutdown().await;
}

#[tokio::test]
async fn what_stands_in_the_directory_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let options = || StackOptions { data: Some(directory.path().join("state")), stream: Switch::On, ..quiet(&clock) };
    let (functions, mut sent) = passing_on();
    let stack = Stack::start(StackOptions { clock: StackOptions::default().clock, ..options() }, |_| functions).await.unwrap();
    stack.ports().table.put(&key("e1"), &json!({ "a": 1 }), None).await.unwrap();
    sent.recv().await.unwrap();
    stack.shutdown().await;

    let (functions, mut sent) = passing_on();
    let stack = Stack::start(StackOptions { clock: StackOptions::default().clock, ..options() }, |_| functions).await.unwrap();
    let found: Option<Value> = stack.ports().table.get(&key("e1")).await.unwrap();
    assert_eq!(found.unwrap()["a"], 1);
    stack.ports().table.put(&key("e2"), &json!({ "a": 2 }), None).await.unwrap();
    // The first event is not sent again.
    let event = sent.recv().await.unwrap();
    assert_eq!(event["Records"].as_array().unwrap().len(), 1);
    assert_eq!(event["Records"][0]["dynamodb"]["Keys"]["pk"]["S"], "CONN#acme#EVENT#e2");
    stack.shutdown().await;
}

#[tokio::test]
async fn the_simulated_org_survives_a_restart_and_its_apps_follow_the_stack() {
    let directory = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let seed = StackOptions::default().seed;
    let options = || {
        let seed = Arc::clone(&seed);
        StackOptions {
            data: Some(directory.path().to_owned()),
            salesforce: SalesforceTarget::Simulated { port: 0 },
            seed: Arc::new(move |url| {
                let mut seed = seed(url);
                seed.apps[0].callback_urls = vec![format!("{url}/oauth/acme/callback")];
                seed
            }),
            ..quiet(&clock)
        }
    };
    let lead = serde_json::from_value(json!({ "LastName": "Dupont", "Company": "ACME" })).unwrap();
    let first = Stack::start(options(), |_| no_functions()).await.unwrap();
    first.org().unwrap().with_org(|org| {
        let user = org.users().next().unwrap().id;
        let session = org.edit_as(user);
        org.create(&session, "Lead", &lead).unwrap();
    });
    first.shutdown().await;

    let second = Stack::start(options(), |_| no_functions()).await.unwrap();
    let control = second.org().unwrap().control().clone();
    let leads = control.records("Lead", salesforce_sim::org::QueryScope::Live).unwrap();
    assert_eq!(leads.iter().map(|lead| lead["LastName"].clone()).collect::<Vec<_>>(), [json!("Dupont")]);
    let apps = control.apps();
    assert_eq!(apps.len(), StackOptions::default().seed.as_ref()("").apps.len());
    assert_eq!(apps[0].callback_urls, [format!("{}/oauth/acme/callback", second.addresses().gateway)]);
    second.shutdown().await;

    std::fs::write(directory.path().join("org.jsonl"), "nonsense").unwrap();
    let refusal = Stack::start(options(), |_| no_functions()).await.unwrap_err();
    assert!(matches!(refusal, StackError::KeptOrg { .. }), "{refusal}");
    assert!(refusal.to_string().contains("Move the file away to begin with a new org."), "{refusal}");
}

#[tokio::test]
async fn a_directory_serves_one_stack_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let options = || StackOptions { data: Some(directory.path().to_owned()), ..quiet(&clock) };
    let first = Stack::start(options(), |_| no_functions()).await.unwrap();
    let refusal = Stack::start(options(), |_| no_functions()).await.unwrap_err();
    assert!(refusal.to_string().contains("is in use by another Passerelle (process "), "{refusal}");
    first.shutdown().await;
    Stack::start(options(), |_| no_functions()).await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = StackOptions { gateway_port: port, ..quiet(&StandingClock::new()) };
    let refusal = Stack::start(options, |_| no_functions()).await.unwrap_err();
    assert!(matches!(refusal, StackError::Serve(_)));
    assert!(refusal.to_string().starts_with(&format!("Port {port} of this machine cannot be opened for the HTTP API.")), "{refusal}");
}

#[tokio::test]
async fn the_settings_are_those_of_the_stack() {
    let stack = Stack::start(quiet(&StandingClock::new()), |_| no_functions()).await.unwrap();
    let settings = stack.installation().settings();
    assert_eq!(settings.public_url.as_ref(), Some(&stack.addresses().gateway));
    assert!(stack.addresses().gateway.starts_with("http://localhost:"));
    assert_eq!(settings.allowed_hosts, [] as [String; 0]);
}

#[tokio::test]
async fn the_simulated_org_has_two_names_and_both_may_be_called() {
    let options = StackOptions { salesforce: SalesforceTarget::Simulated { port: 0 }, ..quiet(&StandingClock::new()) };
    let public = Arc::new(std::sync::Mutex::new(String::new()));
    let noted = Arc::clone(&public);
    let seed = StackOptions::default().seed;
    let options = StackOptions {
        seed: Arc::new(move |url| {
            *noted.lock().unwrap() = url.to_owned();
            seed(url)
        }),
        ..options
    };
    let stack = Stack::start(options, |_| no_functions()).await.unwrap();
    assert_eq!(*public.lock().unwrap(), stack.addresses().gateway);
    let org = stack.addresses().salesforce.clone();
    let instance = org.instance.unwrap();
    let port = instance.rsplit_once(':').unwrap().1;
    assert_eq!((org.login.as_str(), instance.as_str()), (&*format!("http://localhost:{port}"), &*format!("http://127.0.0.1:{port}")));
    assert_eq!(stack.installation().settings().allowed_hosts, [format!("localhost:{port}"), format!("127.0.0.1:{port}")]);
    // Through the functions' own transport, which would refuse any other host.
    let versions = http::Request::get(format!("{instance}/services/data/")).body(bytes::Bytes::new()).unwrap();
    let answer = stack.ports().transport.send(versions, Duration::from_secs(5)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let versions: Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(versions.as_array().is_some_and(|list| !list.is_empty()), "{versions}");
    stack.shutdown().await;
}

#[tokio::test]
async fn the_functions_are_wired_to_their_routes_and_events() {
    let stack = Stack::start(quiet(&StandingClock::new()), passerelle_local::functions::wire).await.unwrap();
    let gateway = &stack.addresses().gateway;
    let page = Client::new().get(gateway).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let hook = Client::new().post(format!("{gateway}/v1/hooks/nobody")).header("Content-Type", "application/json").body("{}").send();
    let (hook, start) = (hook.await.unwrap(), Client::new().post(format!("{gateway}/oauth/nobody/start?ticket=x")).send().await.unwrap());
    for refusal in [hook, start] {
        assert!(refusal.status().is_client_error(), "{} {}", refusal.url(), refusal.status());
    }
    assert!(stack.invoke_upsert(json!({ "sweep": { "from": 0, "to": 255 } })).await.unwrap().is_object());
    assert_eq!(stack.invoke_upsert(json!({ "Records": [] })).await.unwrap(), json!({ "batchItemFailures": [] }));
    assert!(stack.invoke_reconcile(json!({ "due": true })).await.unwrap().is_object());
    stack.shutdown().await;
}
