//! Nothing lost, nothing twice: from the webhook to the outcome.

use passerelle_core::app::{configure, connections};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person};
use salesforce_sim::Seed;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_alone_brings_every_event_to_its_outcome() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let events: Vec<_> = (0..30).map(|n| capture(&format!("e{n}"), person(n))).collect();
    scene.accept("kayo", &json!({"events": events})).await;
    assert!(scene.records("Lead").is_empty(), "the stream is off");
    scene.sweep().await;
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (30, 30));
    assert_eq!(scene.event(&kayo, "e29").await.status, "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_brings_events_without_waiting_for_the_sweep() {
    let scene = Scene::with(Seed::demo(), Switch::On).await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("e1", person(1))).await;
    for _ in 0..600 {
        if scene.event(&kayo, "e1").await.status == "applied" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(scene.records("Lead").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_taken_once_and_its_id_never_means_something_else() {
    let scene = Scene::new().await;
    scene.active("kayo").await;
    let first = capture("e1", person(1));
    let answer = scene.send("kayo", &first).await;
    assert_eq!((answer.status, answer.body), (202, json!({"received": 1, "repeated": 0})));
    let answer = scene.send("kayo", &first).await;
    assert_eq!((answer.status, answer.body), (202, json!({"received": 0, "repeated": 1})));
    let answer = scene.send("kayo", &capture("e1", person(2))).await;
    assert_eq!((answer.status, answer.body["code"].as_str()), (409, Some("event_id_reused")));
    scene.sweep().await;
    scene.send("kayo", &first).await;
    scene.sweep().await;
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_with_one_address_become_one_lead() {
    let scene = Scene::new().await;
    scene.active("kayo").await;
    let twin = |id: &str, email: &str| json!({"id": id, "email": email, "last_name": "Twin", "company": "C"});
    let (a, b) = (capture("a", twin("1", "twin@example.org")), capture("b", twin("2", " TWIN@example.org")));
    tokio::join!(scene.accept("kayo", &a), scene.accept("kayo", &b));
    scene.clock.advance(jiff::SignedDuration::from_secs(70));
    let sweep = || scene.stack.invoke_upsert(json!({"sweep": {}}));
    let (one, two, three) = tokio::join!(sweep(), sweep(), sweep());
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    scene.sweep().await;
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_before_activation_and_everything_after() {
    let scene = Scene::new().await;
    let kayo = scene.connect("kayo").await;
    scene.accept("kayo", &capture("e1", person(1))).await;
    let before = scene.api_calls();
    scene.sweep().await;
    assert_eq!((scene.api_calls(), scene.event(&kayo, "e1").await.status.as_str()), (before, "open"));
    connections::activate(scene.stack.ports(), &kayo).await.unwrap();
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_parks_the_event_and_is_mended_by_the_next_one() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("poor", json!({"email": "x@example.org", "last_name": "X"}))).await;
    scene.accept("kayo", &capture("fine", person(1))).await;
    scene.sweep().await;
    let outcomes = scene.outcomes(&kayo, &["poor", "fine"]).await;
    assert_eq!((outcomes["poor"].as_str(), outcomes["fine"].as_str()), ("parked", "applied"));
    let outcome = serde_json::to_value(scene.event(&kayo, "poor").await.outcome).unwrap();
    let problem = json!({"code": "missing_required", "fields": ["Company"],
                         "message": "Une nouvelle fiche Lead exige Company, et rien de ce qui est connu de la personne ne le donne."});
    assert_eq!(outcome["problem"], problem);
    scene.accept("kayo", &capture("rich", json!({"email": "x@example.org", "company": "X SA"}))).await;
    scene.sweep().await;
    let outcomes = scene.outcomes(&kayo, &["poor", "rich"]).await;
    assert_eq!((outcomes["poor"].as_str(), outcomes["rich"].as_str()), ("applied", "applied"));
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_unknown_project_waits_for_the_configuration() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let mut event = capture("e1", person(1));
    event["project"] = json!({"id": "new-show"});
    scene.accept("kayo", &event).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "parked");
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.attempts, 1, "it is not tried over and over");
    scene.apply(&scene.document("kayo", |document| document["projects"]["list"]["new-show"] = json!({"name": "New Show"}))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    assert_eq!(scene.records("Event")[0]["Subject"], json!("[KAYO] Capture sur New Show"));
}

/// The platform learns what became of its event, and the Salesforce ids; nobody else does.
#[tokio::test(flavor = "multi_thread")]
async fn the_platform_is_told_what_became_of_an_event() {
    let scene = Scene::new().await;
    let (kayo, _) = (scene.active("kayo").await, scene.active("other").await);
    let mut incomplete = person(2);
    incomplete.as_object_mut().unwrap().remove("company");
    scene.accept("kayo", &json!([capture("e1", person(1)), capture("e2", incomplete)])).await;
    let key = async |connection: &str| {
        let keys = configure::webhook_keys(scene.stack.ports(), &connection.parse().unwrap()).await.unwrap();
        keys[0].expose_secret().to_owned()
    };
    let (own, others) = (key("kayo").await, key("other").await);
    let ask = async |event: &str, key: Option<&str>| {
        let request = reqwest::Client::new().get(format!("{}/v1/hooks/kayo/events/{event}", scene.stack.addresses().gateway));
        let request = key.into_iter().fold(request, |request, key| request.header("authorization", format!("Bearer {key}")));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(ask("e1", Some(&own)).await.1["connections"][0]["status"], "open");
    scene.sweep().await;
    let (status, told) = ask("e1", Some(&own)).await;
    let records = told["connections"][0]["records"].as_array().unwrap();
    assert_eq!((status, records.len(), told["connections"][0]["status"].as_str()), (200, 2, Some("applied")), "{told}");
    assert!(records.contains(&scene.records("Lead")[0]["Id"]));
    let (_, told) = ask("e2", Some(&own)).await;
    assert_eq!(told["connections"][0]["problem"]["code"], "missing_required", "{told}");
    for (event, key, status, code) in
        [("absent", Some(&own), 404, "unknown_event"), ("e1", Some(&others), 401, "not_signed"), ("e1", None, 401, "not_signed")]
    {
        let (answered, problem) = ask(event, key.map(String::as_str)).await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{event}");
    }
    assert_eq!(kayo.as_str(), "kayo");
}
