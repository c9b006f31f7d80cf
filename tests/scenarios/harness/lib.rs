//! The harness of the scenarios: a stack whose clock, stream and sweeps are in the test's hand, with connections made by the
//! real OAuth flow and deliveries signed as platforms sign them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::missing_panics_doc)]

pub mod logs;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use passerelle_core::{
    adapters::state::events::StoredEvent,
    app::{configure, connect, connections, tokens},
    domain::ids::{ConnectionId, EventId},
    ports::{BoxFuture, Clock},
};
use passerelle_local::{SalesforceTarget, Stack, StackOptions, Switch, browser, functions, stream::StreamOptions};
use salesforce_sim::{
    Doubts, Seed, Sim,
    org::{Org, QueryScope, Session, User},
    seed::{CustomField, CustomFieldKind, RecordSeed},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

/// KAYO's preset, as it is delivered.
pub const KAYO: &str = include_str!("../../../infra/presets/kayo.yaml");

/// A clock that stands still until the test moves it; for measurements it runs as well.
#[derive(Debug)]
pub struct HandClock {
    ms: AtomicI64,
    /// Since when it runs.
    running: Option<Instant>,
}

impl HandClock {
    /// Moves on.
    pub fn advance(&self, by: SignedDuration) {
        self.ms.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        let run = self.running.map_or(Duration::ZERO, |since| since.elapsed());
        Timestamp::from_millisecond(self.ms.load(Ordering::SeqCst)).unwrap() + run
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        if self.running.is_some() {
            return Box::pin(tokio::time::sleep(duration));
        }
        Box::pin(async move {
            let end = self.now() + SignedDuration::try_from(duration).unwrap();
            if duration < LONG {
                return tokio::time::sleep(duration.min(SHORT)).await;
            }
            while self.now() < end {
                tokio::time::sleep(SHORT).await;
            }
        })
    }
}

/// Waits for somebody else are cut short: the other side needs real time, but little of it.
const SHORT: Duration = Duration::from_millis(20);
/// From here on a wait is a schedule's, and lasts until the test has moved the clock.
const LONG: Duration = Duration::from_secs(10);

/// A running stack.
pub struct Scene {
    /// The stack.
    pub stack: Stack,
    /// Its clock, which is the org's too.
    pub clock: Arc<HandClock>,
    http: reqwest::Client,
    deliveries: AtomicU64,
}

/// An answer of the HTTP API.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The media type.
    pub media_type: String,
    /// The body; null where it is no JSON.
    pub body: Value,
}

impl Scene {
    /// A stack with the demonstration org, without connections; events are worked only when the test says so.
    pub async fn new() -> Self {
        Self::with(Seed::demo(), Switch::Off).await
    }

    /// A stack with another org, or with the stream on.
    pub async fn with(seed: Seed, stream: Switch) -> Self {
        logs::keep();
        Self::start(seed, stream, "2026-09-01T08:00:00Z".parse().unwrap(), None).await
    }

    /// A stack whose clock runs, and whose stream calls upsert as the template has it.
    pub async fn live(seed: Seed) -> Self {
        Self::start(seed, Switch::On, Timestamp::now(), Some(Instant::now())).await
    }

    /// A stack with the demonstration org at another time, for those who go by a clock of their own.
    pub async fn at(now: Timestamp) -> Self {
        Self::start(Seed::demo(), Switch::Off, now, None).await
    }

    async fn start(seed: Seed, stream: Switch, now: Timestamp, running: Option<Instant>) -> Self {
        let clock = Arc::new(HandClock { ms: AtomicI64::new(now.as_millisecond()), running });
        let make = move |public: &str| {
            let mut seed = seed.clone();
            for app in &mut seed.apps {
                app.callback_urls.extend(["kayo", "other"].map(|c| format!("{public}/oauth/{c}/callback")));
            }
            seed
        };
        let options = StackOptions {
            gateway_port: 0,
            salesforce: SalesforceTarget::Simulated { port: 0 },
            seed: Arc::new(make),
            stream,
            sweep_interval: None,
            reconcile_interval: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            stream_options: if running.is_some() { StreamOptions::default() } else { StackOptions::default().stream_options },
            ..StackOptions::default()
        };
        let stack = Stack::start(options, functions::wire).await.unwrap();
        Self { stack, clock, http: reqwest::Client::new(), deliveries: AtomicU64::new(0) }
    }

    /// KAYO's preset for a connection of this scene, with changes. It uses references into answers where the org resolves
    /// them.
    pub fn document(&self, connection: &str, change: impl Fn(&mut Value)) -> Value {
        self.document_of(KAYO, connection, change)
    }

    /// Any preset for a connection of this scene, with changes.
    pub fn document_of(&self, preset: &str, connection: &str, change: impl Fn(&mut Value)) -> Value {
        let mut document: Value = serde_norway::from_str(preset).unwrap();
        let app = Seed::demo().apps.remove(0);
        document["connection"]["id"] = json!(connection);
        document["source"]["id"] = json!(connection);
        document["salesforce"]["host"] = json!({"url": self.stack.addresses().salesforce.login});
        document["salesforce"]["auth"] = json!({"web_server": {"client_id": app.client_id}});
        let references = self.org().with_org(|org| org.doubts().references_into_collections);
        document["salesforce"]["references_into_collections"] = json!(if references { "on" } else { "off" });
        change(&mut document);
        document
    }

    /// A scene with a preset at work as the connection `kayo`, in an org with these custom fields and records.
    pub async fn of_preset(preset: &str, custom_fields: Vec<CustomField>, records: Vec<RecordSeed>) -> (Self, ConnectionId) {
        let mut seed = Seed::demo();
        seed.custom_fields.extend(custom_fields);
        seed.records.extend(records);
        let scene = Self::with(seed, Switch::Off).await;
        let connection = scene.active("kayo").await;
        scene.apply(&scene.document_of(preset, "kayo", |_| {})).await;
        (scene, connection)
    }

    /// Applies a document.
    pub async fn apply(&self, document: &Value) {
        configure::apply(self.stack.ports(), document).await.unwrap();
    }

    /// Applies KAYO's preset and connects the org, as an administrator does in the browser.
    pub async fn connect(&self, connection: &str) -> ConnectionId {
        self.apply(&self.document(connection, |_| {})).await;
        self.authorise(connection).await
    }

    /// Connects the org with the document that is there.
    pub async fn authorise(&self, connection: &str) -> ConnectionId {
        let id: ConnectionId = connection.parse().unwrap();
        let seed = Seed::demo();
        let secret = seed.apps[0].secret.clone().unwrap();
        tokens::set_client_secret(self.stack.ports(), &id, secret.into()).await.unwrap();
        let path = connect::issue_link(self.stack.ports(), &id).await.unwrap();
        let link = format!("{}{path}", self.stack.addresses().gateway);
        browser::approve(&link, &seed.users[0].username, &seed.users[0].password).await.unwrap();
        id
    }

    /// Connects and activates.
    pub async fn active(&self, connection: &str) -> ConnectionId {
        let id = self.connect(connection).await;
        connections::activate(self.stack.ports(), &id).await.unwrap();
        id
    }

    /// The simulated org.
    pub fn org(&self) -> &Sim {
        self.stack.org().unwrap()
    }

    /// Does something in the org as its administrator.
    pub fn administer<T>(&self, change: impl FnOnce(&mut Org, &Session) -> T) -> T {
        self.change_as(|_| true, change)
    }

    /// Changes a record as somebody who was not the last to change it.
    pub fn edit(&self, object: &str, record: &Value, fields: &Value) {
        let id = record["Id"].as_str().unwrap();
        let other = |user: &User| record["LastModifiedById"] != user.id.to_string();
        self.change_as(other, |org, session| org.update(session, object, id, fields.as_object().unwrap()).unwrap());
    }

    /// Does something in the org as somebody who is not our user.
    pub fn as_colleague<T>(&self, change: impl FnOnce(&mut Org, &Session) -> T) -> T {
        let ours = Seed::demo().users.remove(0).username;
        self.change_as(|user| user.username != ours, change)
    }

    fn change_as<T>(&self, who: impl Fn(&User) -> bool, change: impl FnOnce(&mut Org, &Session) -> T) -> T {
        self.org().with_org(|org| {
            let user = org.users().find(|user| who(user)).unwrap().id;
            let session = org.edit_as(user);
            change(org, &session)
        })
    }

    /// The org's live records of an object.
    pub fn records(&self, object: &str) -> Vec<Value> {
        self.org().control().records(object, QueryScope::Live).unwrap()
    }

    /// API calls that the org has counted.
    pub fn api_calls(&self) -> u64 {
        self.org().control().counters().api_calls
    }

    /// Sends a delivery to the source that is called as its connection, signed with the key.
    pub async fn send(&self, source: &str, body: &Value) -> Answer {
        self.send_with_key_of(source, source, body).await
    }

    /// Sends a delivery to a source, signed with the key of one of its connections.
    pub async fn send_with_key_of(&self, connection: &str, source: &str, body: &Value) -> Answer {
        let keys = configure::webhook_keys(self.stack.ports(), &connection.parse().unwrap()).await.unwrap();
        let body = body.to_string();
        let (id, now) = (format!("msg_{}", self.deliveries.fetch_add(1, Ordering::SeqCst)), self.clock.now().as_second());
        let signature = Webhook::new(keys[0].expose_secret()).unwrap().sign(&id, now, body.as_bytes()).unwrap();
        self.post(source, &[("webhook-id", &id), ("webhook-timestamp", &now.to_string()), ("webhook-signature", &signature)], body).await
    }

    /// Sends a body with these headers.
    pub async fn post(&self, source: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
        let mut request = self.http.post(format!("{}/v1/hooks/{source}", self.stack.addresses().gateway)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let media_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        Answer { status: answer.status().as_u16(), media_type, body: answer.json().await.unwrap_or_default() }
    }

    /// Sends and expects 202.
    pub async fn accept(&self, source: &str, body: &Value) {
        let answer = self.send(source, body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Lets two minutes pass, so that everything new and the first retries are due, and sweeps.
    pub async fn sweep(&self) -> Value {
        self.clock.advance(SignedDuration::from_secs(125));
        self.stack.invoke_upsert(json!({"sweep": {"from": 0, "to": 255}})).await.unwrap()
    }

    /// Sends an event and works it.
    pub async fn work(&self, connection: &ConnectionId, event: &Value) {
        self.accept(connection.as_str(), event).await;
        self.sweep().await;
        let worked = self.event(connection, event["id"].as_str().unwrap()).await;
        assert_eq!(worked.status, "applied", "{worked:?}");
    }

    /// An event as stored.
    pub async fn event(&self, connection: &ConnectionId, id: &str) -> StoredEvent {
        let ids = [id.parse::<EventId>().unwrap()];
        self.stack.ports().table.load_events(connection, &ids).await.unwrap().remove(0).1
    }

    /// The remarks of all explanations of an event's person, oldest first.
    pub async fn notes(&self, connection: &ConnectionId, id: &str) -> Vec<Value> {
        let event = self.event(connection, id).await;
        let why = self.stack.ports().table.load_why(&event, 100).await.unwrap();
        why.iter().flat_map(|why| why["notes"].as_array().unwrap().clone()).collect()
    }

    /// The names of events' outcomes.
    pub async fn outcomes(&self, connection: &ConnectionId, ids: &[&str]) -> BTreeMap<String, String> {
        let ids: Vec<EventId> = ids.iter().map(|id| id.parse().unwrap()).collect();
        let events = self.stack.ports().table.load_events(connection, &ids).await.unwrap();
        events.into_iter().map(|(id, event)| (id.to_string(), event.status)).collect()
    }
}

/// Gives a mapping of a document this rule, in the place of any other for the field.
pub fn set_rule(document: &mut Value, mapping: &str, rule: &Value) {
    let fields = document["mappings"][mapping]["fields"].as_array_mut().unwrap();
    fields.retain(|field| field["to"] != rule["to"]);
    fields.push(rule.clone());
}

/// The demonstration org with open questions settled so.
#[must_use]
pub fn settled(settle: impl FnOnce(&mut Doubts)) -> Seed {
    let mut seed = Seed::demo();
    settle(&mut seed.doubts);
    seed
}

/// A record that an org has from the start.
#[must_use]
pub fn record(sobject: &str, fields: Value) -> RecordSeed {
    let fields = fields.as_object().unwrap().clone();
    RecordSeed { sobject: sobject.to_owned(), fields, label: None, by: None, hidden_from: Vec::new() }
}

/// A custom field of an org.
#[must_use]
pub fn custom_field(sobject: &str, name: &str, kind: CustomFieldKind) -> CustomField {
    CustomField { sobject: sobject.to_owned(), name: name.to_owned(), kind, ..CustomField::default() }
}

/// A capture of a person with these attributes.
#[must_use]
pub fn capture(id: &str, person: Value) -> Value {
    json!({"id": id, "type": "contact_captured", "occurred_at": "2026-08-30T10:00:00+02:00", "person": person,
           "project": {"id": "salon-du-bourget"}, "collaborator": {"email": "technique@kayo.fr"}, "data": {"documents": 1}})
}

/// What the platform says of Ada at a time.
#[must_use]
pub fn states(id: &str, at: Timestamp, more: &Value) -> Value {
    let mut person = json!({"id": "p1", "email": "ada@example.org", "last_name": "Martin", "company": "ACME"});
    person.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut event = capture(id, person);
    event["occurred_at"] = json!(at);
    event
}

/// A person whom the preset can turn into a lead.
#[must_use]
pub fn person(n: usize) -> Value {
    json!({"id": format!("p{n}"), "email": format!("p{n}@example.org"), "first_name": "P", "last_name": format!("Person {n}"), "company": "Company"})
}

impl HandClock {
    /// Seconds since 1970.
    #[must_use]
    pub fn now_s(&self) -> i64 {
        self.now().as_second()
    }
}
