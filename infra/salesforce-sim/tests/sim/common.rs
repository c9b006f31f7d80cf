//! A small org and a small client for it.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use salesforce_sim::clock::ManualClock;
use salesforce_sim::seed::{AppSeed, CustomField, CustomFieldKind, Flows, UserSeed};
use salesforce_sim::{Doubts, Options, Seed, Sim};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const LOGIN: &str = "https://login.sim.example";
pub const INSTANCE: &str = "https://org.my.sim.example";
pub const CALLBACK: &str = "https://app.example/callback";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A simulator and the clock it goes by.
pub struct World {
    pub sim: Sim,
    pub clock: ManualClock,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The first error's code, of whichever kind of error.
    pub fn code(&self) -> String {
        let json = self.json();
        let code = json.pointer("/0/errorCode").or_else(|| json.get("error"));
        code.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

pub fn seed() -> Seed {
    let user = |name: &str, last: &str| UserSeed {
        username: format!("{name}@org.example"),
        password: format!("{name}-pass"),
        email: format!("{name}@org.example"),
        last_name: last.to_owned(),
        ..UserSeed::default()
    };
    let app = |id: &str| AppSeed {
        name: format!("App {id}"),
        client_id: id.to_owned(),
        secret: Some(format!("{id}-secret")),
        callback_urls: vec![CALLBACK.to_owned()],
        ..AppSeed::default()
    };
    let flows = Flows { web_server: true, jwt_bearer: true, client_credentials: true, device: true };
    Seed {
        users: vec![user("admin", "Admin"), user("integration", "Integration")],
        apps: vec![
            app("a1"),
            AppSeed { secret: None, ..app("public") },
            AppSeed { rotation: false, ..app("plain") },
            AppSeed { flows, run_as: Some("integration@org.example".to_owned()), ..app("server") },
            AppSeed { flows, ..app("nobody") },
        ],
        custom_fields: vec![CustomField {
            sobject: "Lead".to_owned(),
            name: "Ext__c".to_owned(),
            kind: CustomFieldKind::Text { length: 64 },
            external_id: true,
            unique: true,
            ..CustomField::default()
        }],
        ..Seed::default()
    }
}

pub fn world() -> World {
    world_with(seed(), Doubts::default())
}

pub fn world_with(seed: Seed, doubts: Doubts) -> World {
    let clock = ManualClock::new("2026-11-23T08:00:00Z".parse().unwrap());
    let options = Options { clock: Arc::new(clock.clone()), login_url: LOGIN.to_owned(), instance_url: INSTANCE.to_owned(), ..Options::default() };
    World { sim: Sim::new(Seed { doubts, ..seed }, options).unwrap(), clock }
}

/// Percent-encodes everything but letters and digits.
pub fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

pub fn form(pairs: &[(&str, &str)]) -> String {
    let parts: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    parts.join("&")
}

pub fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

impl World {
    pub async fn send(&self, request: Request<Bytes>) -> Answer {
        let response = self.sim.call(request).await.expect("not cut");
        let (parts, body) = response.into_parts();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8_lossy(&body).into_owned() }
    }

    pub async fn get(&self, url: &str) -> Answer {
        self.send(Request::get(url).body(Bytes::new()).unwrap()).await
    }

    pub async fn post_form(&self, url: &str, cookie: &str, pairs: &[(&str, &str)]) -> Answer {
        let request = Request::post(url).header("content-type", "application/x-www-form-urlencoded").header("cookie", cookie);
        self.send(request.body(form(pairs).into()).unwrap()).await
    }

    pub async fn token(&self, pairs: &[(&str, &str)]) -> Answer {
        self.post_form(&format!("{LOGIN}/services/oauth2/token"), "", pairs).await
    }

    /// A client with an access token of the first user.
    pub fn client(&self) -> Client<'_> {
        self.client_of("admin@org.example")
    }

    /// A client with an access token of a user.
    pub fn client_of(&self, username: &str) -> Client<'_> {
        let token = self.sim.control().issue_token(username, "a1").unwrap();
        Client { world: self, token, headers: Vec::new() }
    }

    /// A call of the control plane.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("{INSTANCE}/__control/{path}"));
        self.send(request.body(Bytes::from(if body.is_null() { String::new() } else { body.to_string() })).unwrap()).await
    }
}

/// Talks to the data API of version 66.
pub struct Client<'a> {
    pub world: &'a World,
    pub token: String,
    pub headers: Vec<(&'static str, String)>,
}

impl Client<'_> {
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request<Bytes> {
        let url = if path.starts_with("/services") { format!("{INSTANCE}{path}") } else { format!("{INSTANCE}/services/data/v66.0{path}") };
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(url);
        request = request.header("authorization", format!("Bearer {}", self.token));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let bytes = match body {
            Value::Null => Bytes::new(),
            body => {
                request = request.header("content-type", "application/json");
                Bytes::from(body.to_string())
            }
        };
        request.body(bytes).unwrap()
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, Value::Null).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.world.send(self.request(method, path, &body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, body).await
    }

    /// Makes a lead and returns its id.
    pub async fn lead(&self, last_name: &str) -> String {
        let answer = self.post("/sobjects/Lead", json!({"LastName": last_name, "Company": "ACME"})).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The records of a query.
    pub async fn query(&self, soql: &str) -> Vec<Value> {
        let answer = self.get(&format!("/query?q={}", encode(soql))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["records"].as_array().unwrap().clone()
    }
}
