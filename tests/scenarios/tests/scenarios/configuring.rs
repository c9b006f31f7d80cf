//! A configuration is stored version by version.

use passerelle_core::{
    app::configure::{self, ConfigureError},
    domain::ids::ConnectionId,
};
use passerelle_scenarios::Scene;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_makes_a_new_version_and_the_former_ones_stay_readable() {
    let scene = Scene::new().await;
    let kayo: ConnectionId = "kayo".parse().unwrap();
    let ports = scene.stack.ports();
    let first = scene.document("kayo", |_| {});
    let second = scene.document("kayo", |document| document["connection"]["name"] = json!("KAYO, renamed"));

    let applied = configure::apply(ports, &first).await.unwrap();
    assert_eq!((applied.version, applied.changed, applied.new_webhook_key.is_some()), (1, true, true));
    let applied = configure::apply(ports, &second).await.unwrap();
    assert_eq!((applied.version, applied.changed, applied.new_webhook_key.is_some()), (2, true, false));
    let applied = configure::apply(ports, &second).await.unwrap();
    assert_eq!((applied.version, applied.changed), (2, false), "the same document again makes no version");

    // A document with faults is refused whole.
    let broken = scene.document("kayo", |document| document["people"]["lead_mapping"] = json!("nowhere"));
    let refused = configure::apply(ports, &broken).await;
    assert!(matches!(&refused, Err(ConfigureError::Invalid(faults)) if faults[0].place == "people.lead_mapping"), "{refused:?}");

    let name = async |version| configure::load_version(ports, &kayo, version).await.unwrap().map(|document| document.connection.name);
    assert_eq!(name(1).await.as_deref(), Some("KAYO"));
    assert_eq!(name(2).await.as_deref(), Some("KAYO, renamed"));
    assert_eq!(name(3).await, None);
    assert_eq!(ports.table.load_meta(&kayo).await.unwrap().unwrap().config_version, 2);
}
