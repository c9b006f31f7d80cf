//! Taking an org away, giving it up for another one, and replacing the key of a webhook.

use jiff::SignedDuration;
use passerelle_core::{
    adapters::secrets::{SecretError, SecretKind},
    app::{
        configure, connect, connections,
        tokens::{self, TokenError},
        webhook_keys::{self, Again, WebhookKeyError},
    },
    domain::ids::{ConnectionId, RecordId},
    ports::Clock,
};
use passerelle_scenarios::{Scene, capture, person, record};
use salesforce_sim::{Effect, Matcher, Options, Seed, Sim};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

async fn status(scene: &Scene, c: &ConnectionId) -> Value {
    let meta = scene.stack.ports().table.load_meta(c).await.unwrap().unwrap();
    serde_json::to_value(meta.status).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_revokes_the_grant_deletes_the_secret_and_loses_no_event() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let ports = scene.stack.ports();
    let held = tokens::load_credentials(ports, &kayo).await.unwrap().unwrap();
    assert_eq!(connect::disconnect(ports, &kayo).await.unwrap(), connect::Revoked::Yes);
    assert_eq!(status(&scene, &kayo).await, "draft");
    assert!(tokens::load_credentials(ports, &kayo).await.unwrap().is_none(), "neither tokens nor the consumer secret are left");
    // The org itself accepts neither token any more.
    let journal = || scene.org().control().journal().into_iter().filter(|entry| entry.route == "oauth.token").count();
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "3MVG9.Passerelle.Demo.Consumer.Key"),
        ("client_secret", held.client_secret.as_ref().unwrap().expose_secret()),
        ("refresh_token", held.refresh_token.as_ref().unwrap().expose_secret()),
    ];
    let token = format!("{}/services/oauth2/token", scene.stack.addresses().salesforce.login);
    assert_eq!(reqwest::Client::new().post(token).form(&form).send().await.unwrap().status(), 400);
    let limits = format!("{}/services/data/v66.0/limits", held.instance_url.as_deref().unwrap());
    let access = held.access_token.as_ref().unwrap().expose_secret();
    assert_eq!(reqwest::Client::new().get(limits).bearer_auth(access).send().await.unwrap().status(), 401);

    let asked = journal();
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    assert_eq!((scene.event(&kayo, "e1").await.status.as_str(), journal()), ("open", asked), "nobody has tried to sign in");
    // Once more does no harm.
    assert_eq!(connect::disconnect(ports, &kayo).await.unwrap(), connect::Revoked::Nothing);
    // Nor does another org, for which nobody makes a secret.
    let (other, pinned) = (RecordId::parse(&OTHER[..15]).unwrap(), RecordId::parse(held.organization_id.as_deref().unwrap()).unwrap());
    for organization in [other, pinned] {
        assert_eq!(connect::confirm_organization(ports, &kayo, &organization).await.unwrap(), connect::Revoked::Nothing);
    }
    assert!(matches!(ports.secrets.read_current(&kayo, SecretKind::Salesforce).await, Err(SecretError::Absent { .. })));

    scene.authorise("kayo").await;
    connections::activate(ports, &kayo).await.unwrap();
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
}

/// Secrets Manager deletes behind its answer, and gives the name away again when it is done.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_disconnected_is_connected_again_at_once() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let ports = scene.stack.ports();
    for (refusals, is_made) in [(3, true), (1_000, false), (0, true)] {
        scene.stack.secrets_manager().linger(refusals);
        assert_eq!(connect::disconnect(ports, &kayo).await.unwrap(), connect::Revoked::Yes);
        let made = tokens::ensure_secret(ports, &kayo).await;
        if !is_made {
            assert!(matches!(made, Err(TokenError::Secret(SecretError::BeingDeleted { .. }))), "who waits gives up some day: {made:?}");
            scene.stack.secrets_manager().linger(0);
        }
        assert_eq!(made.is_ok(), is_made, "{refusals}: {made:?}");
        scene.authorise("kayo").await;
        connect::test(ports, &kayo).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_forgets_the_grant_also_where_salesforce_cannot_be_told() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let ports = scene.stack.ports();
    scene.org().control().fault(Matcher::route("oauth.revoke"), Effect::Html { status: 503 });
    let code = "salesforce_unreadable".to_owned();
    assert_eq!(connect::disconnect(ports, &kayo).await.unwrap(), connect::Revoked::Not { code });
    assert!(tokens::load_credentials(ports, &kayo).await.unwrap().is_none());
    assert_eq!(status(&scene, &kayo).await, "draft");
}

/// Puts a refreshed sandbox in the place of the org: another org at the same addresses, with the same app and users, and records of its own.
fn refresh(scene: &Scene, organization: &str, records: Vec<(&str, Value)>) {
    let addresses = &scene.stack.addresses().salesforce;
    let mut seed = Seed::demo();
    seed.organization.id = Some(organization.to_owned());
    seed.organization.created = Some(scene.clock.now());
    seed.records.extend(records.into_iter().map(|(object, fields)| record(object, fields)));
    let options = Options { login_url: addresses.login.clone(), instance_url: addresses.instance.clone().unwrap(), ..Options::default() };
    let sim = Sim::new(seed, options).unwrap();
    for app in scene.org().control().apps() {
        sim.control().register_app(app);
    }
    let mut image = Vec::new();
    sim.save(&mut image).unwrap();
    scene.org().control().restore(&image).unwrap();
}

const OTHER: &str = "00D7x000000Other";

#[tokio::test(flavor = "multi_thread")]
async fn another_org_waits_for_a_confirmation_and_gets_nothing_of_the_records_of_the_first() {
    let scene = Scene::new().await;
    let kayo = scene.connect("kayo").await;
    let ports = scene.stack.ports();
    connections::activate(ports, &kayo).await.unwrap();
    scene.work(&kayo, &capture("e1", person(1))).await;
    let first = scene.records("Lead")[0]["Id"].as_str().unwrap().to_owned();
    let pinned = ports.table.load_meta(&kayo).await.unwrap().unwrap().organization;

    // In the other org this id is somebody else's.
    let stranger = json!({"Id": first, "LastName": "Stranger", "Company": "Elsewhere", "Email": "p2@example.org"});
    refresh(&scene, &OTHER[..15], vec![("Lead", stranger)]);
    let user = Seed::demo().users.remove(0);
    let link = || async {
        let path = connect::issue_link(ports, &kayo).await.unwrap();
        format!("{}{path}", scene.stack.addresses().gateway)
    };
    let refused = passerelle_local::browser::approve(&link().await, &user.username, &user.password).await.unwrap_err().to_string();
    let other = RecordId::parse(&OTHER[..15]).unwrap();
    assert!(refused.contains("other_organization") && refused.contains("confirm-org") && refused.contains(other.as_str()), "{refused}");
    // What was granted there was given back, and the connection is what it was.
    assert!(scene.org().control().journal().iter().any(|entry| entry.route == "oauth.revoke"));
    assert_eq!(ports.table.load_meta(&kayo).await.unwrap().unwrap().organization, pinned);

    let no_org = RecordId::parse("00Q5g00000AbCdE").unwrap();
    assert_eq!(connect::confirm_organization(ports, &kayo, &no_org).await.unwrap_err().code, "no_organization");
    scene.accept("kayo", &json!([capture("e2", person(1)), capture("e3", person(2))])).await;
    // The sandbox that was refreshed knows nothing of the former grant, so there is nothing left to be revoked.
    assert_eq!(connect::confirm_organization(ports, &kayo, &other).await.unwrap(), connect::Revoked::Yes);
    assert_eq!(connect::confirm_organization(ports, &kayo, &other).await.unwrap(), connect::Revoked::Nothing, "once more does no harm");
    assert_eq!(status(&scene, &kayo).await, "broken");
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e2").await.status, "open", "nothing is sent before it is connected");

    passerelle_local::browser::approve(&link().await, &user.username, &user.password).await.unwrap();
    assert_eq!(status(&scene, &kayo).await, "active");
    scene.sweep().await;
    let outcomes = scene.outcomes(&kayo, &["e2", "e3"]).await;
    assert!(outcomes.values().all(|outcome| outcome == "applied"), "{outcomes:?}");
    let leads = scene.records("Lead");
    let of = |email: &str| leads.iter().find(|lead| lead["Email"] == email).unwrap();
    assert_eq!((leads.len(), of("p2@example.org")["Id"].as_str()), (2, Some(first.as_str())));
    assert_eq!(of("p2@example.org")["LastName"], "Stranger", "the first person's values are not in a record of the same id");
    assert_eq!(of("p1@example.org")["LastName"], "Person 1");

    // Back again there is no way without another confirmation.
    assert_ne!(ports.table.load_meta(&kayo).await.unwrap().unwrap().organization, pinned);
}

/// Where the former org still stands, it is told; where it cannot be, it is given up all the same.
#[tokio::test(flavor = "multi_thread")]
async fn confirming_another_org_revokes_the_grant_of_the_former_one() {
    for silent in [false, true] {
        let scene = Scene::new().await;
        let kayo = scene.active("kayo").await;
        let ports = scene.stack.ports();
        let held = tokens::load_credentials(ports, &kayo).await.unwrap().unwrap();
        if silent {
            scene.org().control().fault(Matcher::route("oauth.revoke"), Effect::Html { status: 503 });
        }
        let revoked = connect::confirm_organization(ports, &kayo, &RecordId::parse(&OTHER[..15]).unwrap()).await.unwrap();
        let left = scene.org().control().revoke_refresh_tokens(None);
        match silent {
            false => assert_eq!((revoked, left), (connect::Revoked::Yes, 0), "no grant is left in the former org"),
            true => assert_eq!((revoked, left), (connect::Revoked::Not { code: "salesforce_unreadable".to_owned() }, 1)),
        }
        let now = tokens::load_credentials(ports, &kayo).await.unwrap().unwrap();
        assert!(held.refresh_token.is_some() && now.refresh_token.is_none() && now.access_token.is_none() && now.client_secret.is_some());
        assert_eq!(connect::test(ports, &kayo).await.unwrap_err().code, "not_connected");
    }
}

/// A sign-in by itself goes on in a sandbox that was refreshed, which is why the org's id is looked at with every renewal.
#[tokio::test(flavor = "multi_thread")]
async fn a_refreshed_sandbox_breaks_a_connection_that_signs_in_by_itself() {
    let scene = Scene::new().await;
    let kayo: ConnectionId = "kayo".parse().unwrap();
    let mut app = scene.org().control().apps().remove(0);
    app.flows.client_credentials = true;
    app.run_as = Some("integration@kayo.fr".to_owned());
    let (client_id, secret) = (app.client_id.clone(), app.secret.clone().unwrap());
    scene.org().control().register_app(app);
    let instance = scene.stack.addresses().salesforce.instance.clone().unwrap();
    let document = scene.document("kayo", |document| {
        document["salesforce"]["auth"] = json!({"client_credentials": {"client_id": client_id}});
        document["salesforce"]["host"] = json!({"url": instance});
    });
    scene.apply(&document).await;
    let ports = scene.stack.ports();
    tokens::set_client_secret(ports, &kayo, secret.into()).await.unwrap();
    connect::sign_in(ports, &kayo).await.unwrap();
    connections::activate(ports, &kayo).await.unwrap();

    refresh(&scene, &OTHER[..15], vec![]);
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    let meta = ports.table.load_meta(&kayo).await.unwrap().unwrap();
    assert_eq!((status(&scene, &kayo).await, meta.cause.as_deref()), (json!("broken"), Some("organization_changed")));
    assert!(scene.records("Lead").is_empty());
    assert_eq!(connect::sign_in(ports, &kayo).await.unwrap_err().code, "other_organization");
    connect::confirm_organization(ports, &kayo, &RecordId::parse(&OTHER[..15]).unwrap()).await.unwrap();
    connect::sign_in(ports, &kayo).await.unwrap();
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
}

/// Sends a delivery signed with this key.
async fn sends(scene: &Scene, source: &str, key: &SecretString, id: &str) -> u16 {
    let body = capture(id, person(1)).to_string();
    let now = scene.clock.now().as_second();
    let signature = Webhook::new(key.expose_secret()).unwrap().sign(id, now, body.as_bytes()).unwrap();
    let headers = [("webhook-id", id), ("webhook-timestamp", &now.to_string()), ("webhook-signature", signature.as_str())];
    scene.post(source, &headers, body).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhooks_key_is_replaced_while_both_are_good() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let ports = scene.stack.ports();
    let old = configure::webhook_keys(ports, &kayo).await.unwrap().remove(0);
    assert!(matches!(webhook_keys::retire(ports, &kayo).await, Err(WebhookKeyError::OneOnly)));

    let unseen = webhook_keys::rotate(ports, &kayo, Again::No).await.unwrap();
    assert!(matches!(webhook_keys::rotate(ports, &kayo, Again::No).await, Err(WebhookKeyError::TwoAlready)));
    let new = webhook_keys::rotate(ports, &kayo, Again::Yes).await.unwrap();
    scene.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(sends(&scene, "kayo", &old, "e1").await, 202);
    assert_eq!(sends(&scene, "kayo", &new, "e2").await, 202);
    assert_eq!(sends(&scene, "kayo", &unseen, "e3").await, 401);
    // Applying the document once more makes no third.
    scene.apply(&scene.document("kayo", |_| {})).await;
    assert_eq!(configure::webhook_keys(ports, &kayo).await.unwrap().len(), 2);

    assert_eq!(webhook_keys::retire(ports, &kayo).await.unwrap(), 1);
    assert_eq!(sends(&scene, "kayo", &old, "e4").await, 401);
    assert_eq!(sends(&scene, "kayo", &new, "e5").await, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_share_a_key_share_the_next_one() {
    let scene = Scene::new().await;
    let connections = ["kayo", "other"];
    for connection in connections {
        scene.apply(&scene.document(connection, |document| document["source"]["id"] = json!("shared"))).await;
    }
    let ports = scene.stack.ports();
    let keys = |connection: &'static str| async move {
        let keys = configure::webhook_keys(ports, &connection.parse().unwrap()).await.unwrap();
        keys.iter().map(|key| key.expose_secret().to_owned()).collect::<Vec<_>>()
    };
    let before = keys("kayo").await;
    assert_eq!(before, keys("other").await);
    let new = webhook_keys::rotate(ports, &"kayo".parse().unwrap(), Again::No).await.unwrap();
    for connection in connections {
        assert_eq!(keys(connection).await, [new.expose_secret(), &before[0]]);
    }
    assert_eq!(webhook_keys::retire(ports, &"other".parse().unwrap()).await.unwrap(), 2);
    for connection in connections {
        assert_eq!(keys(connection).await, [new.expose_secret()]);
    }
}
