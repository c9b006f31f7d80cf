//! What the contacts of a connection are told by mail: once, together, and not too often.

use jiff::SignedDuration;
use passerelle_core::{
    app::{connect, connections, problems, tokens},
    domain::ids::ConnectionId,
};
use passerelle_local::mail::Letter;
use passerelle_scenarios::{Scene, capture, person};
use serde_json::json;

const CONTACT: &str = "admin@customer.example";

async fn scene() -> (Scene, ConnectionId) {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.apply(&scene.document("kayo", |document| document["connection"]["contacts"] = json!([CONTACT]))).await;
    (scene, kayo)
}

/// Minutes pass, with their sweeps. Each connection is looked at in one of five.
async fn minutes(scene: &Scene, minutes: usize) {
    for _ in 0..minutes {
        scene.clock.advance(SignedDuration::from_mins(1));
        scene.stack.invoke_upsert(json!({"sweep": {}})).await.unwrap();
    }
}

fn letters(scene: &Scene) -> Vec<Letter> {
    scene.stack.mailbox().letters()
}

fn elsewhere(id: &str, n: usize) -> serde_json::Value {
    let mut event = capture(id, person(n));
    event["project"]["id"] = json!("nowhere");
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_grant_is_told_once_reminded_of_after_a_day_and_no_more_once_it_is_cured() {
    let (scene, _) = scene().await;
    minutes(&scene, 6).await;
    assert!(letters(&scene).is_empty(), "nothing stands");
    scene.org().control().revoke_refresh_tokens(None);
    scene.org().control().expire_access_tokens();
    scene.accept("kayo", &capture("e1", person(1))).await;
    minutes(&scene, 30).await;
    let [letter] = letters(&scene).try_into().unwrap();
    assert_eq!((letter.to.as_slice(), letter.from.as_str()), ([CONTACT.to_owned()].as_slice(), "passerelle@localhost"));
    assert!(letter.subject.contains("demande une intervention"), "{}", letter.subject);
    assert!(letter.text.contains("Salesforce ne laisse plus entrer Passerelle") && letter.text.contains("Reconnectez"), "{}", letter.text);

    scene.clock.advance(SignedDuration::from_hours(23));
    minutes(&scene, 5).await;
    assert_eq!(letters(&scene).len(), 1, "not before a day is over");
    scene.clock.advance(SignedDuration::from_hours(1));
    minutes(&scene, 5).await;
    assert!(letters(&scene).last().unwrap().text.contains("signalé depuis le 01/09/2026"), "{:?}", letters(&scene));

    scene.authorise("kayo").await;
    scene.clock.advance(SignedDuration::from_hours(30));
    minutes(&scene, 10).await;
    assert_eq!(letters(&scene).len(), 2, "cured");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_told_by_its_causes_in_one_mail_and_what_is_new_after_an_hour() {
    let (scene, _) = scene().await;
    let mut nameless = person(3);
    nameless.as_object_mut().unwrap().remove("company");
    let waiting = json!([elsewhere("e1", 1), elsewhere("e2", 2), capture("e3", nameless)]);
    scene.accept("kayo", &waiting).await;
    minutes(&scene, 8).await;
    let [letter] = letters(&scene).try_into().unwrap();
    for part in ["Événement(s) en attente : 2, pour `unknown_project`", "1, pour `missing_required` (Company)", "Ajoutez le projet"] {
        assert!(letter.text.contains(part), "{part}: {}", letter.text);
    }
    assert!(!letter.text.contains("example.org") && !letter.text.contains("Person"), "no word of the people: {}", letter.text);

    // The same cause once more is no news; another one is, and waits for the hour.
    let mut other = capture("e5", person(5));
    other["person"]["email"] = json!("no address");
    scene.accept("kayo", &json!([elsewhere("e4", 4), other])).await;
    minutes(&scene, 30).await;
    assert_eq!(letters(&scene).len(), 1);
    minutes(&scene, 35).await;
    let [_, second] = letters(&scene).try_into().unwrap();
    assert!(second.text.contains("3, pour `unknown_project`") && second.text.contains("(signalé depuis le"), "{}", second.text);
    minutes(&scene, 70).await;
    assert_eq!(letters(&scene).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_refused_is_sent_with_the_next_look_and_nobody_is_told_where_nobody_is_named() {
    let (scene, kayo) = scene().await;
    scene.stack.mailbox().refuse(2);
    scene.accept("kayo", &elsewhere("e1", 1)).await;
    minutes(&scene, 17).await;
    assert_eq!((letters(&scene).len(), scene.stack.mailbox().refused()), (1, 2));

    scene.apply(&scene.document("kayo", |document| document["connection"]["contacts"] = json!([]))).await;
    scene.clock.advance(SignedDuration::from_hours(48));
    minutes(&scene, 6).await;
    assert_eq!(letters(&scene).len(), 1);
    let told = scene.stack.ports().table.load_alerted(&kayo).await.unwrap();
    assert!(!serde_json::to_string(&told).unwrap().contains(CONTACT), "the table has no address of theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_look_at_once_send_one_mail() {
    let (scene, kayo) = scene().await;
    scene.accept("kayo", &elsewhere("e1", 1)).await;
    scene.sweep().await;
    let before = letters(&scene).len();
    let ports = scene.stack.ports();
    let looks = futures::future::join_all((0..8).map(|_| passerelle_core::app::alerts::alert(ports, &kayo))).await;
    let told = looks.into_iter().filter(|look| matches!(look, Ok(Some(())))).count();
    assert_eq!((before + told, letters(&scene).len()), (1, 1));
}

/// The certificate of the JWT bearer flow: told of from thirty days before its end, on few days by mail, and no more once another one signs.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_is_told_of_thirty_days_before() {
    const USER: &str = "integration@kayo.fr";
    let scene = Scene::new().await;
    let (ports, kayo): (_, ConnectionId) = (scene.stack.ports(), "kayo".parse().unwrap());
    let mut app = scene.org().control().apps().remove(0);
    (app.flows.jwt_bearer, app.pre_authorized) = (true, vec![USER.to_owned()]);
    let auth = json!({"jwt_bearer": {"client_id": app.client_id, "username": USER}});
    scene
        .apply(&scene.document("kayo", |document| {
            document["connection"]["contacts"] = json!([CONTACT]);
            document["salesforce"]["auth"] = auth.clone();
        }))
        .await;
    let renew = async || {
        let made = passerelle_certificate::make("Passerelle", ports.clock.now()).unwrap();
        let mut app = app.clone();
        app.certificate_pem = Some(made.certificate.clone());
        scene.org().control().register_app(app);
        let until = made.expires_at;
        tokens::add_key(ports, &kayo, tokens::SigningKey::new(made.private_key, made.certificate, until)).await.unwrap();
        connect::sign_in(ports, &kayo).await.unwrap();
        until
    };
    let until = renew().await;
    connections::activate(ports, &kayo).await.unwrap();
    let found = async || problems::list(ports, &kayo).await.unwrap().certificate.map(|finding| finding.code);
    let day = SignedDuration::from_hours(24);
    scene.clock.advance(until.duration_since(ports.clock.now()) - day * 31);
    minutes(&scene, 6).await;
    assert_eq!((found().await, letters(&scene).len()), (None, 0));
    scene.clock.advance(day);
    minutes(&scene, 6).await;
    let [letter] = letters(&scene).try_into().unwrap();
    assert!(letter.text.contains(&until.strftime("expire le %Y-%m-%d").to_string()) && letter.text.contains("certificate"), "{}", letter.text);
    assert_eq!(found().await.as_deref(), Some("certificate_expires"));
    for days_left in (14..30).rev() {
        scene.clock.advance(day);
        minutes(&scene, 6).await;
        assert_eq!(letters(&scene).len(), if days_left == 14 { 2 } else { 1 }, "{days_left}");
    }
    // Another one beside it changes nothing until Salesforce has accepted it, and then the old one's end concerns nobody.
    renew().await;
    assert_eq!(found().await, None);
    scene.clock.advance(day * 7);
    minutes(&scene, 6).await;
    assert_eq!(letters(&scene).len(), 2);
}
