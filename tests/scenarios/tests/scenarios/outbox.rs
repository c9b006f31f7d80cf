//! What the platform is told: signed, in order, until it has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use jiff::SignedDuration;
use passerelle_core::{
    adapters::{
        secrets::SecretKind,
        state::{deliveries::StoredDelivery, people::Recording},
    },
    app::{
        configure::{self, ConfigureError},
        connections,
        deliver::MAX_TRIES,
        problems::{self, Matter},
    },
    domain::{
        delivery::{About, Delivery, Kind, SalesforceRecord, Subject},
        ids::{ConnectionId, PersonKey, RecordId},
        person::Person,
    },
    ports::{Clock, Ports},
    shell::settings::Settings,
};
use passerelle_scenarios::{Scene, capture, logs, person};
use salesforce_sim::{Effect, Matcher};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const KEYS: [&str; 2] = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
/// Appears nowhere else, so that it can be looked for in the log.
const ADDRESS: &str = "ada.of.the.outbox@example.org";

/// A request as the platform got it.
#[derive(Debug, Clone, PartialEq)]
struct Received {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Received {
    fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// What the platform does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    Status(u16),
    Cut,
}

/// A platform's webhook. What it does is decided by the delivery's id and by how often that came before.
struct Platform {
    url: String,
    inbox: Arc<Mutex<Vec<Received>>>,
    replies: Arc<Mutex<Replies>>,
}

type Replies = Box<dyn Fn(&str, usize) -> Reply + Send>;

impl Platform {
    async fn start(replies: impl Fn(&str, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/salesforce", listener.local_addr().unwrap());
        let (inbox, replies) = (Arc::default(), Arc::new(Mutex::new(Box::new(replies) as Replies)));
        let (into, by) = (Arc::clone(&inbox), Arc::clone(&replies));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&into), Arc::clone(&by)));
            }
        });
        Self { url, inbox, replies }
    }

    fn answer_by(&self, replies: impl Fn(&str, usize) -> Reply + Send + 'static) {
        *self.replies.lock().unwrap() = Box::new(replies);
    }

    /// What has come since this was asked last.
    fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.inbox.lock().unwrap())
    }

    fn take_ids(&self) -> Vec<String> {
        self.take().iter().map(|received| received.id().to_owned()).collect()
    }
}

async fn serve(mut stream: TcpStream, inbox: Arc<Mutex<Vec<Received>>>, replies: Arc<Mutex<Replies>>) {
    static TRIES: Mutex<BTreeMap<(u16, String), usize>> = Mutex::new(BTreeMap::new());
    let Some(received) = read(&mut stream).await else { return };
    let port = stream.local_addr().unwrap().port();
    let nth = {
        let mut tries = TRIES.lock().unwrap();
        let tries = tries.entry((port, received.id().to_owned())).or_default();
        *tries += 1;
        *tries
    };
    let reply = replies.lock().unwrap()(received.id(), nth);
    inbox.lock().unwrap().push(received);
    if let Reply::Status(status) = reply {
        let answer = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("POST /hooks/salesforce HTTP/1.1\r\n"), "{head}");
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<String, String> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        if body.len() >= headers["content-length"].parse().unwrap() {
            return Some(Received { headers, body: body.to_owned() });
        }
    }
}

/// A scene whose connection is connected and not active, with two webhook keys and the platform's webhook.
async fn scene(platform: &Platform) -> (Scene, ConnectionId) {
    let scene = Scene::new().await;
    let kayo = scene.connect("kayo").await;
    tell(&scene, Some(platform)).await;
    let keys = json!({"keys": KEYS}).to_string();
    scene.stack.ports().secrets.store(&kayo, SecretKind::Webhook, &"7".repeat(64), &keys.into()).await.unwrap();
    (scene, kayo)
}

async fn tell(scene: &Scene, platform: Option<&Platform>) {
    let webhook = platform.map(|platform| json!({"url": platform.url}));
    scene.apply(&scene.document("kayo", |document| document["platform"]["webhook"] = webhook.clone().unwrap_or_default())).await;
}

fn delivery(id: &str) -> Delivery {
    Delivery {
        id: id.to_owned(),
        kind: Kind::Updated,
        occurred_at: "2026-09-01T07:00:00Z".parse().unwrap(),
        subject: Subject::Person(About { ids: vec!["p-5".to_owned()], email: Some(ADDRESS.to_owned()) }),
        salesforce: SalesforceRecord {
            object: "Lead".parse().unwrap(),
            id: RecordId::parse("00Q5g00000AbCdE").unwrap(),
            synced_at: "2026-09-01T08:00:00Z".parse().unwrap(),
        },
        changes: [("person.job_title".to_owned(), json!("Directrice")), ("person.phone".to_owned(), Value::Null)].into(),
    }
}

/// Records a person's next version with these deliveries.
async fn record(scene: &Scene, c: &ConnectionId, key: &str, before: u64, ids: &[&str]) {
    let ports = scene.stack.ports();
    let deliveries: Vec<Delivery> = ids.iter().map(|id| delivery(id)).collect();
    let (now, plan) = (scene.clock.now(), ports.ids.fresh());
    let recording = Recording {
        before,
        organization: None,
        person: Some(&Person::new(key.parse().unwrap())),
        claims: &BTreeMap::new(),
        events: &[],
        told: &[],
        deliveries: &deliveries,
        why: None,
        retry_at: now,
        now,
        plan: &plan,
    };
    ports.table.record(c, recording).await.unwrap();
}

/// What is still to be sent of a person.
async fn open(scene: &Scene, c: &ConnectionId, person: &str) -> Vec<StoredDelivery> {
    let person: PersonKey = person.parse().unwrap();
    scene.stack.ports().table.open_deliveries(c, &person).await.unwrap().into_iter().map(|(_, delivery)| delivery).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_comes_again_signed_and_in_order_and_holds_up_nobody_else() {
    let platform = Platform::start(|id, nth| match (id, nth) {
        ("a1", 1) => Reply::Status(500),
        ("a1", 2) => Reply::Cut,
        _ => Reply::Status(204),
    })
    .await;
    let (scene, kayo) = scene(&platform).await;
    record(&scene, &kayo, "a", 0, &["a1", "a2"]).await;
    record(&scene, &kayo, "a", 1, &["a3"]).await;
    record(&scene, &kayo, "b", 0, &["b1"]).await;
    let mut bodies = BTreeSet::new();
    for want in [vec!["a1", "b1"], vec!["a1"], vec!["a1", "a2", "a3"], vec![], vec![]] {
        scene.sweep().await;
        let mut received = platform.take();
        let now = scene.clock.now_s();
        for received in &received {
            let signed = |key| Webhook::new(key).unwrap().sign(received.id(), now, received.body.as_bytes()).unwrap();
            assert_eq!(received.headers["webhook-signature"], KEYS.map(signed).join(" "), "both keys sign what was sent, at this time");
            assert_eq!(received.headers["webhook-timestamp"], now.to_string());
            assert_eq!(received.headers["content-type"], "application/json");
            if received.id() == "a1" {
                bodies.insert(received.body.clone());
            }
        }
        if want.contains(&"b1") {
            // Two people's deliveries have no order among them.
            received.sort_by_key(|received| received.id().to_owned());
        }
        assert_eq!(received.iter().map(Received::id).collect::<Vec<_>>(), want);
    }
    assert_eq!(bodies.len(), 1, "the same bytes with every try");
    let body: Value = serde_json::from_str(bodies.first().unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"id": "a1", "type": "person.updated", "occurred_at": "2026-09-01T07:00:00Z",
               "person": {"ids": ["p-5"], "email": ADDRESS}, "salesforce": {"object": "Lead", "id": "00Q5g00000AbCdEEAV", "synced_at": "2026-09-01T08:00:00Z"},
               "changes": {"person.job_title": "Directrice", "person.phone": null}})
    );
    assert_eq!((open(&scene, &kayo, "a").await, open(&scene, &kayo, "b").await), (vec![], vec![]));
    assert!(logs::kept().contains("\"delivery.id\":\"a1\""));
    assert!(!logs::kept().contains(ADDRESS), "no line of the log tells whom it is about");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_earlier_delivery_is_found_again_with_that_one_only() {
    let platform = Platform::start(|_, _| Reply::Status(500)).await;
    let (scene, kayo) = scene(&platform).await;
    record(&scene, &kayo, "a", 0, &["a1", "a2"]).await;
    scene.sweep().await;
    let before = open(&scene, &kayo, "a").await;
    assert_eq!((before[0].attempts, before[1].attempts), (1, 0));
    assert!(before[0].due_at.as_ref().unwrap() > &scene.clock.now().to_string());
    assert_eq!(before[0].due_at, before[1].due_at);
    // One that comes meanwhile waits as well.
    record(&scene, &kayo, "a", 1, &["a3"]).await;
    scene.stack.invoke_upsert(json!({"sweep": {}})).await.unwrap();
    assert_eq!(platform.take_ids(), ["a1"]);
    assert!(open(&scene, &kayo, "a").await.iter().all(|delivery| delivery.due_at == before[0].due_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_given_up_after_the_tries_that_the_documents_state_and_the_next_one_goes_on() {
    let platform = Platform::start(|id, _| Reply::Status(if id == "a1" { 410 } else { 200 })).await;
    let (scene, kayo) = scene(&platform).await;
    record(&scene, &kayo, "a", 0, &["a1"]).await;
    record(&scene, &kayo, "a", 1, &["a2"]).await;
    for _ in 1..MAX_TRIES {
        scene.sweep().await;
        scene.clock.advance(SignedDuration::from_hours(1));
    }
    assert_eq!(open(&scene, &kayo, "a").await.len(), 2);
    assert_eq!(platform.take_ids(), vec!["a1"; 59]);
    for _ in 0..3 {
        scene.sweep().await;
        scene.clock.advance(SignedDuration::from_hours(1));
    }
    assert_eq!(platform.take_ids(), ["a1", "a2"]);
    let dead = scene.stack.ports().table.undelivered(&kayo, jiff::Timestamp::UNIX_EPOCH, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    let dead = &dead[0].1;
    assert_eq!((dead.id.as_str(), dead.attempts, dead.cause.as_deref()), ("a1", 60, Some("delivery_refused")));
    assert!(dead.body.contains("person.job_title"), "it is kept whole");
    assert!(logs::kept().contains("\"code\":\"delivery_dead\""));
}

/// Nobody looks into the table: who supports a customer asks for the problems, and the customer reads mails.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_told_by_its_cause_for_as_long_as_it_is_kept_and_by_mail_once() {
    let platform = Platform::start(|id, _| Reply::Status(if id.starts_with('z') { 200 } else { 410 })).await;
    let (scene, kayo) = scene(&platform).await;
    scene
        .apply(&scene.document("kayo", |document| {
            document["connection"]["contacts"] = json!(["admin@customer.example"]);
            document["platform"]["webhook"] = json!({"url": platform.url});
        }))
        .await;
    connections::activate(scene.stack.ports(), &kayo).await.unwrap();
    record(&scene, &kayo, "a", 0, &["a1"]).await;
    record(&scene, &kayo, "b", 0, &["b1"]).await;
    record(&scene, &kayo, "z", 0, &["z1"]).await;
    let groups = async || problems::list(scene.stack.ports(), &kayo).await.unwrap().groups;
    let letters =
        || scene.stack.mailbox().letters().into_iter().map(|letter| letter.text).filter(|text| text.contains("plateforme")).collect::<Vec<_>>();
    let mut tries = 0;
    while groups().await.iter().map(|group| group.count).sum::<usize>() < 2 {
        scene.sweep().await;
        scene.clock.advance(SignedDuration::from_mins(61));
        tries += 1;
        assert!(tries <= MAX_TRIES, "{:?}", groups().await);
    }
    let [told] = groups().await.try_into().unwrap();
    assert_eq!((told.matter, told.code.as_str(), told.status.as_str(), told.count), (Matter::Deliveries, "delivery_refused", "dead", 2));
    let cure = told.cure.clone().unwrap();
    assert!(cure.en.contains("refuses") && cure.fr.contains("refuse"), "{cure:?}");
    assert!(told.examples.contains(&"a1".to_owned()) && told.since <= scene.clock.now(), "{told:?}");
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!((&json["matter"], &json["count"]), (&json!("deliveries"), &json!(2)));
    assert!(!json.to_string().contains(ADDRESS), "{json}");

    let minutes = async |minutes: i64| {
        for _ in 0..minutes {
            scene.clock.advance(SignedDuration::from_mins(1));
            scene.stack.invoke_upsert(json!({"sweep": {}})).await.unwrap();
        }
    };
    minutes(70).await;
    let text = letters().pop().unwrap();
    assert!(text.contains("Envoi(s) vers la plateforme abandonné(s) : 2, pour `delivery_refused`.") && text.contains(&cure.fr), "{text}");
    assert!(!text.contains(ADDRESS) && !text.contains("a1"), "{text}");
    // Nobody can do anything about them a day later; they stay listed.
    scene.clock.advance(SignedDuration::from_hours(25));
    let before = letters().len();
    minutes(10).await;
    assert_eq!((letters().len(), groups().await[0].count), (before, 2));
}

/// An org that is out of order, or a connection that is stopped, says nothing about the platform.
#[tokio::test(flavor = "multi_thread")]
async fn what_stops_the_way_to_salesforce_does_not_stop_the_way_back() {
    let platform = Platform::start(|_, _| Reply::Status(200)).await;
    let (scene, kayo) = scene(&platform).await;
    connections::activate(scene.stack.ports(), &kayo).await.unwrap();
    scene.org().control().fault(Matcher::default(), Effect::Html { status: 503 });
    scene.accept("kayo", &capture("e1", person(1))).await;
    record(&scene, &kayo, "a", 0, &["a1"]).await;
    scene.sweep().await;
    assert_eq!((scene.event(&kayo, "e1").await.status.as_str(), platform.take_ids()), ("open", vec!["a1".to_owned()]));
    connections::pause(scene.stack.ports(), &kayo).await.unwrap();
    record(&scene, &kayo, "a", 1, &["a2"]).await;
    scene.sweep().await;
    assert_eq!(platform.take_ids(), ["a2"]);
    connections::mark_broken(scene.stack.ports(), &kayo, "invalid_grant").await.unwrap();
    record(&scene, &kayo, "a", 2, &["a3"]).await;
    scene.sweep().await;
    assert_eq!(platform.take_ids(), ["a3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_waits_for_a_webhook_that_the_document_lost() {
    let platform = Platform::start(|_, _| Reply::Status(200)).await;
    let (scene, kayo) = scene(&platform).await;
    tell(&scene, None).await;
    record(&scene, &kayo, "a", 0, &["a1"]).await;
    scene.sweep().await;
    let waiting = open(&scene, &kayo, "a").await;
    assert_eq!((waiting[0].attempts, waiting[0].cause.as_deref()), (1, Some("delivery_without_webhook")));
    tell(&scene, Some(&platform)).await;
    scene.sweep().await;
    assert_eq!(platform.take_ids(), ["a1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_gives_no_answer_is_left_alone_until_the_next_sweep() {
    let platform = Platform::start(|_, _| Reply::Cut).await;
    let (scene, kayo) = scene(&platform).await;
    let people: Vec<String> = (0..60).map(|n| format!("n{n}")).collect();
    for person in &people {
        record(&scene, &kayo, person, 0, &[person]).await;
    }
    scene.sweep().await;
    let tried = platform.take().len();
    assert!((16..40).contains(&tried), "{tried}");
    let mut untried = 0;
    for person in &people {
        untried += usize::from(open(&scene, &kayo, person).await[0].attempts == 0);
    }
    assert_eq!(untried, 60 - tried, "what was not sent counts no try");
    platform.answer_by(|_, _| Reply::Status(200));
    scene.sweep().await;
    assert_eq!(platform.take_ids().into_iter().collect::<BTreeSet<_>>(), people.into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_that_overlap_send_nothing_twice_and_nothing_out_of_order() {
    let platform = Platform::start(|_, _| Reply::Status(200)).await;
    let (scene, kayo) = scene(&platform).await;
    let mut all = BTreeSet::new();
    for person in 0..20 {
        let ids: Vec<String> = (0..3).map(|n| format!("p{person:02}-{n}")).collect();
        record(&scene, &kayo, &format!("p{person}"), 0, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
        all.extend(ids);
    }
    let sweeps = (0..4).map(|_| scene.stack.invoke_upsert(json!({"sweep": {}})));
    futures::future::join_all(sweeps).await;
    scene.sweep().await;
    let received = platform.take_ids();
    assert_eq!((received.len(), received.iter().cloned().collect::<BTreeSet<_>>()), (60, all));
    for person in 0..20 {
        let theirs: Vec<&String> = received.iter().filter(|id| id.starts_with(&format!("p{person:02}-"))).collect();
        assert!(theirs.is_sorted(), "{theirs:?}");
    }
}

/// A deployed installation calls public hosts only; a local one calls a platform on the same machine, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_may_not_be_called_is_refused_with_its_place_in_the_customers_language() {
    let scene = Scene::new().await;
    let deployed = Settings { platform_hosts: Vec::new(), ..scene.stack.ports().settings.clone() };
    let deployed = Ports { settings: &deployed, ..scene.stack.ports() };
    for (ports, url, language, refusal) in [
        (scene.stack.ports(), "http://localhost:9000/hook", "en", None),
        (scene.stack.ports(), "https://platform.example.com/hook", "en", None),
        (deployed, "https://platform.example.com/hook", "en", None),
        (deployed, "https://localhost/hook", "en", Some("public hosts only")),
        (deployed, "http://127.0.0.1:9000/hook", "fr", Some("hôtes publics")),
        (deployed, "http://platform.example.com/hook", "en", Some("by https")),
        (scene.stack.ports(), "http://platform.example.com/hook", "fr", Some("en https")),
        (scene.stack.ports(), "https://10.0.0.7/hook", "fr", Some("adresse IP")),
        (scene.stack.ports(), "platform.example.com", "fr", Some("l'adresse d'un webhook")),
    ] {
        let document = scene.document("kayo", |document| {
            document["connection"]["language"] = json!(language);
            document["platform"]["webhook"] = json!({"url": url});
        });
        match (configure::apply(ports, &document).await, refusal) {
            (Ok(_), None) => {}
            (Err(ConfigureError::Invalid(faults)), Some(part)) => {
                assert_eq!(faults.len(), 1, "{faults:?}");
                assert!(faults[0].place == "platform.webhook.url" && faults[0].message.contains(part), "{url}: {faults:?}");
            }
            (other, _) => panic!("{url}: {other:?}"),
        }
    }
}
