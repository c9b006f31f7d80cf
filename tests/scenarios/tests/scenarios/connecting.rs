//! Connecting an org by the web server flow.

use passerelle_core::{
    app::{configure, connect, connections, tokens},
    domain::ids::ConnectionId,
};
use passerelle_local::{SalesforceTarget, Stack, StackOptions, Switch, browser, functions};
use passerelle_scenarios::Scene;
use salesforce_sim::{Options, Seed, Sim};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_link_works_once() {
    let scene = Scene::new().await;
    let kayo = scene.connect("kayo").await;
    let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("ready"));
    assert!(meta.organization.is_some());

    let path = connect::issue_ticket(scene.stack.ports(), &kayo).await.unwrap();
    let link = format!("{}{path}", scene.stack.addresses().gateway);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let first = client.get(&link).send().await.unwrap();
    assert!(first.status().is_redirection(), "{first:?}");
    let second = client.get(&link).send().await.unwrap();
    assert!(second.status().is_client_error(), "{second:?}");
}

/// The org is somebody else's: the stack knows its address only, and what the administrator types in.
#[tokio::test(flavor = "multi_thread")]
async fn an_org_outside_the_stack_is_connected_by_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (login_url, instance_url) = (format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}"));
    let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut seed = Seed::demo();
    seed.apps[0].callback_urls.push(format!("http://localhost:{gateway}/oauth/kayo/callback"));
    let (app, user) = (seed.apps[0].clone(), seed.users[0].clone());
    let org = Sim::new(seed, Options { login_url: login_url.clone(), instance_url, ..Options::default() }).unwrap();
    let serving = tokio::spawn({
        let org = org.clone();
        async move { org.serve(listener).await }
    });

    let salesforce = SalesforceTarget::Real(login_url.clone());
    let options = StackOptions { gateway_port: gateway, salesforce, stream: Switch::Off, sweep_interval: None, ..StackOptions::default() };
    let stack = Stack::start(options, functions::wire).await.unwrap();
    let mut document: Value = serde_norway::from_str(passerelle_scenarios::KAYO).unwrap();
    document["salesforce"]["host"] = json!({"url": login_url});
    document["salesforce"]["auth"]["web_server"]["client_id"] = json!(app.client_id);
    let kayo: ConnectionId = "kayo".parse().unwrap();
    configure::apply(stack.ports(), &document).await.unwrap();
    tokens::set_client_secret(stack.ports(), &kayo, app.secret.unwrap().into()).await.unwrap();
    let path = connect::issue_ticket(stack.ports(), &kayo).await.unwrap();
    browser::approve(&format!("{}{path}", stack.addresses().gateway), &user.username, &user.password).await.unwrap();
    connections::activate(stack.ports(), &kayo).await.unwrap();
    let meta = stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("active"));
    assert!(org.control().counters().api_calls > 0, "the first call went to the org outside");
    stack.shutdown().await;
    serving.abort();
}
