//! An org on a port of its own for each test, with an app for each way in that cirrus knows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::missing_panics_doc)]

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cirrus::auth::{AuthResult, ClientCredentialsAuth, JwtAuth, StaticTokenAuth, WebServerFlow};
use cirrus::{Cirrus, CirrusError, reqwest};
use salesforce_sim::seed::{AppSeed, CustomField, CustomFieldKind, Flows, RecordSeed};
use salesforce_sim::{Options, Seed, Sim};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The administrator, with whom every test logs in.
pub const USERNAME: &str = "admin@org.example";
/// The secret of every app.
pub const SECRET: &str = "5A7EE3C0D1-cirrus";
/// Where the web server flow leads back to.
pub const CALLBACK: &str = "https://client.example/callback";
/// Rows to page through: two whole pages of a query and a part of a third.
pub const ROWS: usize = 4500;

/// A simulated org that serves on sockets.
pub struct Org {
    /// The org from inside, with its control plane.
    pub sim: Sim,
    /// The login host.
    pub login: String,
    /// The instance host.
    pub instance: String,
    key: KeyPair,
}

impl Org {
    /// An org without records.
    pub async fn start() -> Org {
        Org::with(Vec::new()).await
    }

    /// An org whose contacts have the numbers 0, 1, 2 … in `Row__c`.
    pub async fn with_rows() -> Org {
        // As in a seed's file, where everything but these two may be left out.
        let row = |row: usize| -> RecordSeed {
            let fields = json!({"LastName": format!("Row {row}"), "Row__c": row});
            serde_json::from_value(json!({"sobject": "Contact", "fields": fields})).unwrap()
        };
        Org::with((0..ROWS).map(row).collect()).await
    }

    async fn with(records: Vec<RecordSeed>) -> Org {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (login, instance) = (format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}"));
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let seed = Seed { apps: apps(&pem("RSA PUBLIC KEY", key.public_key().as_ref())), custom_fields: custom_fields(), records, ..Seed::default() };
        let options = Options { login_url: login.clone(), instance_url: instance.clone(), ..Options::default() };
        let sim = Sim::new(seed, options).unwrap();
        tokio::spawn(sim.clone().serve(listener));
        Org { sim, login, instance, key }
    }

    /// The JWT bearer flow for a user.
    pub fn bearer(&self, username: &str) -> JwtAuth {
        let private: Pkcs8V1Der<'_> = self.key.as_der().unwrap();
        let key = pem("PRIVATE KEY", private.as_ref());
        let builder = JwtAuth::builder().consumer_key("bearer").username(username).private_key_pem_bytes(key.as_bytes()).unwrap();
        builder.login_url(&self.login).instance_url(&self.instance).build().unwrap()
    }

    /// The client credentials flow with a secret.
    pub fn credentials(&self, secret: &str) -> AuthResult<ClientCredentialsAuth> {
        let builder = ClientCredentialsAuth::builder().consumer_key("credentials").consumer_secret(secret);
        builder.login_url(&self.instance).instance_url(&self.instance).build()
    }

    /// The web server flow, with PKCE and rotation.
    pub fn web(&self) -> WebServerFlow {
        let builder = WebServerFlow::builder().consumer_key("web").consumer_secret(SECRET).redirect_uri(CALLBACK);
        builder.login_url(&self.login).scopes(["api", "refresh_token"]).build().unwrap()
    }

    /// A client that logs in with signed assertions, and may do so again whenever it must.
    pub fn client(&self) -> Cirrus {
        Cirrus::builder().auth(Arc::new(self.bearer(USERNAME))).build().unwrap()
    }

    /// A client with a token that it cannot renew.
    pub fn lent_client(&self) -> Cirrus {
        let token = self.sim.control().issue_token(USERNAME, "bearer").unwrap();
        Cirrus::builder().auth(Arc::new(StaticTokenAuth::new(token, &self.instance))).build().unwrap()
    }

    /// Signs in at an authorisation page as a browser does, and tells the code and the state it is sent back with.
    pub async fn sign_in(&self, url: &str) -> (String, String) {
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let page = browser.get(url).send().await.unwrap().text().await.unwrap();
        let (_, rest) = page.split_once("name=\"request\" value=\"").expect("the login form");
        let (request, _) = rest.split_once('"').unwrap();
        let form = [("request", request), ("username", USERNAME), ("password", "password")];
        let answer = browser.post(format!("{}/login", self.login)).form(&form).send().await.unwrap();
        let back = reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let pair = |wanted: &str| back.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
        (pair("code").expect("a code"), pair("state").expect("a state"))
    }
}

/// The number of rows a query matches.
pub async fn count(client: &Cirrus, soql: &str) -> i64 {
    client.query(soql).await.unwrap().total_size
}

/// The status and the first code of an error of the API.
pub fn refusal(error: CirrusError) -> (u16, String) {
    match error {
        CirrusError::Api { status, errors, .. } if !errors.is_empty() => (status, errors[0].error_code.clone()),
        other => panic!("not an error of the API: {other:?}"),
    }
}

/// Whether these numbers are those of the seed, each once.
pub fn complete(mut numbers: Vec<usize>) -> bool {
    numbers.sort_unstable();
    numbers.into_iter().eq(0..ROWS)
}

/// A contact's number.
pub fn number(record: &Value) -> usize {
    record["Row__c"].as_f64().map_or(usize::MAX, |number| number as usize)
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

fn apps(public_key: &str) -> Vec<AppSeed> {
    let none = Flows { web_server: false, jwt_bearer: false, client_credentials: false, device: false };
    let app = |id: &str, flows: Flows| AppSeed {
        name: id.to_owned(),
        client_id: id.to_owned(),
        secret: Some(SECRET.to_owned()),
        flows,
        pre_authorized: vec![USERNAME.to_owned()],
        ..AppSeed::default()
    };
    let bearer = AppSeed { certificate_pem: Some(public_key.to_owned()), ..app("bearer", Flows { jwt_bearer: true, ..none }) };
    let credentials = AppSeed { run_as: Some(USERNAME.to_owned()), ..app("credentials", Flows { client_credentials: true, ..none }) };
    let web = AppSeed { callback_urls: vec![CALLBACK.to_owned()], rotation: true, ..app("web", Flows { web_server: true, ..none }) };
    vec![bearer, credentials, web]
}

fn custom_fields() -> Vec<CustomField> {
    let external_id = |name: &str, unique: bool| CustomField {
        sobject: "Lead".to_owned(),
        name: name.to_owned(),
        kind: CustomFieldKind::Text { length: 64 },
        external_id: true,
        unique,
        ..CustomField::default()
    };
    let row = CustomField {
        sobject: "Contact".to_owned(),
        name: "Row__c".to_owned(),
        kind: CustomFieldKind::Number { precision: 18, scale: 0 },
        ..CustomField::default()
    };
    vec![external_id("Ext__c", true), external_id("Group__c", false), row]
}
