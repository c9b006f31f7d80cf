//! Connecting an org by the web server flow.

use passerelle_core::app::connect;
use passerelle_scenarios::Scene;
use serde_json::json;

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
