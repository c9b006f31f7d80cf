//! Secrets are planted, and looked for wherever none may be: log at its most talkative, table with the documents in it, answers and
//! pages, mail, reports, debug output.

use std::{collections::BTreeSet, fmt::Write as _, sync::Mutex, time::Duration};

use passerelle_core::{
    adapters::{salesforce::oauth::code_challenge, secrets::SecretKind},
    app::{
        check, configure, connect,
        operator::{self, Request},
        problems,
        tokens::{self, SessionCache, SigningKey, load_session},
        upsert::Workbench,
    },
    domain::ids::ConnectionId,
    ports::{BoxFuture, Ports, Transport, TransportError},
};
use passerelle_local::{TABLE, browser};
use passerelle_scenarios::{Scene, capture, logs, person};
use salesforce_sim::{
    Seed,
    seed::{AppSeed, Flows},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const KEY: &str = "3MVG9.Canary";
const SECRET: &str = "canary-consumer-secret-5e1d07";
const WRONG: &str = "canary-wrong-secret-93b2aa";
const PLATFORM: &str = "canary-platform-secret-c4410f";

/// Texts that nobody may see, and texts in which they may not be.
#[derive(Default)]
struct Watch {
    canaries: BTreeSet<String>,
    seen: String,
}

impl Watch {
    /// Remembers what the three secrets hold now.
    async fn remember(&mut self, scene: &Scene, c: &ConnectionId) {
        for kind in [SecretKind::Salesforce, SecretKind::Webhook, SecretKind::Platform] {
            let Ok(secret) = scene.stack.ports().secrets.read_current(c, kind).await else { continue };
            let text = secret.text.expose_secret();
            match serde_json::from_str::<Value>(text) {
                Ok(secret) => self.keep(&secret),
                Err(_) => _ = self.canaries.insert(text.to_owned()),
            }
        }
    }

    fn keep(&mut self, secret: &Value) {
        match secret {
            Value::String(text) => _ = self.canaries.insert(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| self.keep(item)),
            // What names the org, its user and the keys is no secret, nor is a certificate.
            Value::Object(members) => members
                .iter()
                .filter(|(name, _)| {
                    !["id", "accepted_key", "identity", "instance_url", "organization_id", "user_id", "issued_at", "certificate"]
                        .contains(&name.as_str())
                })
                .filter(|(name, _)| !name.ends_with("_at"))
                .for_each(|(_, member)| self.keep(member)),
            _ => {}
        }
    }

    fn saw(&mut self, what: impl std::fmt::Debug) {
        let _ = writeln!(self.seen, "{what:?}");
    }

    /// No canary is in any place. There are at least so many.
    fn judge(&self, scene: &Scene, least: usize) {
        let table = scene.stack.database().scan(serde_json::from_value(json!({"TableName": TABLE})).unwrap()).unwrap();
        let table = serde_json::to_value(table).unwrap();
        assert!(table["LastEvaluatedKey"].is_null(), "the whole table is looked at");
        let letters = format!("{:?}", scene.stack.mailbox().letters());
        let places = [("the log", logs::kept()), ("the table", table.to_string()), ("what was answered", self.seen.clone()), ("a mail", letters)];
        assert!(self.canaries.len() >= least, "{}", self.canaries.len());
        for canary in &self.canaries {
            // A line of a private key is enough to be one too many.
            let marks: Vec<&str> = canary.lines().filter(|line| line.len() > 12 && !line.starts_with("-----")).collect();
            assert!(!marks.is_empty(), "a secret of a few characters is none");
            for (place, text) in &places {
                assert!(!marks.iter().any(|mark| text.contains(mark)), "{place} has a secret that begins with {}", &canary[..8]);
            }
        }
    }
}

async fn connected(scene: &Scene, watch: &mut Watch, c: &ConnectionId) -> bool {
    let (user, gateway) = (&Seed::demo().users[0], &scene.stack.addresses().gateway);
    let path = connect::issue_link(scene.stack.ports(), c).await.unwrap();
    watch.canaries.insert(path.split_once("ticket=").unwrap().1.to_owned());
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let button = format!("{gateway}{path}").replace("/connect?", "/start?");
    let begun = plain.post(button).send().await.unwrap();
    let header = |name: &str| begun.headers()[name].to_str().unwrap().to_owned();
    // The state goes to Salesforce by the browser, the verifier stays in it, the code comes back by it: they are nowhere else.
    let (asked, cookie): (reqwest::Url, _) = (header("location").parse().unwrap(), header("set-cookie").split(';').next().unwrap().to_owned());
    let value = |url: &reqwest::Url, name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let verifier = cookie.split_once('=').unwrap().1;
    assert_eq!(value(&asked, "code_challenge"), code_challenge(verifier), "the cookie is the verifier");
    let (_, callback) = browser::authorize(asked.as_str(), &user.username, &user.password).await.unwrap();
    assert_eq!(value(&callback, "state"), value(&asked, "state"));
    watch.canaries.extend([value(&asked, "state"), verifier.to_owned(), value(&callback, "code")]);
    let answer = plain.get(callback).header("cookie", &cookie).send().await.unwrap();
    let approved = answer.status().is_success();
    watch.saw((answer.status(), answer.text().await.unwrap()));
    approved
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_are_nowhere_but_in_the_secret_store() {
    let scene = Scene::new().await;
    let (kayo, mut watch): (ConnectionId, _) = ("kayo".parse().unwrap(), Watch::default());
    let callback = format!("{}/oauth/kayo/callback", scene.stack.addresses().gateway);
    let app = AppSeed { client_id: KEY.to_owned(), secret: Some(SECRET.to_owned()), callback_urls: vec![callback], ..AppSeed::default() };
    scene.org().control().register_app(app);
    let document = scene.document("kayo", |document| {
        document["connection"]["contacts"] = json!(["admin@customer.example"]);
        document["salesforce"]["auth"] = json!({"web_server": {"client_id": KEY}});
    });
    scene.apply(&document).await;
    let ports = scene.stack.ports();
    configure::set_platform_secret(ports, &kayo, &SecretString::from(PLATFORM)).await.unwrap();

    // A secret that is wrong, then the right one, and a key for signatures besides.
    tokens::set_client_secret(ports, &kayo, WRONG.into()).await.unwrap();
    watch.remember(&scene, &kayo).await;
    assert!(!connected(&scene, &mut watch, &kayo).await);
    tokens::set_client_secret(ports, &kayo, SECRET.into()).await.unwrap();
    let made = passerelle_certificate::make("Passerelle", ports.clock.now()).unwrap();
    tokens::add_key(ports, &kayo, SigningKey::new(made.private_key, made.certificate, made.expires_at)).await.unwrap();
    assert!(connected(&scene, &mut watch, &kayo).await);
    watch.remember(&scene, &kayo).await;
    watch.saw(passerelle_core::app::connections::activate(ports, &kayo).await);

    // Work, a refresh, a grant that is taken back, mail about it, and another grant.
    watch.saw(scene.send("kayo", &capture("e1", person(1))).await);
    scene.sweep().await;
    scene.org().control().expire_access_tokens();
    watch.saw(scene.send("kayo", &capture("e2", person(2))).await);
    scene.sweep().await;
    watch.remember(&scene, &kayo).await;
    scene.org().control().revoke_refresh_tokens(None);
    scene.org().control().expire_access_tokens();
    watch.saw(scene.send("kayo", &capture("e3", person(3))).await);
    for _ in 0..5 {
        scene.sweep().await;
    }
    assert_eq!(scene.stack.mailbox().letters().len(), 1);
    watch.saw(connect::test(ports, &kayo).await);
    assert!(connected(&scene, &mut watch, &kayo).await);
    scene.sweep().await;
    watch.remember(&scene, &kayo).await;
    assert_eq!(scene.event(&kayo, "e3").await.status, "applied");

    // Those who come without a key, or with another's; what operators read; what a developer might print.
    watch.saw(scene.post("kayo", &[("webhook-id", "m"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AAAA")], "{}").await);
    for path in ["/", "/v1/hooks/kayo/people", "/v1/hooks/kayo/events/e1"] {
        let answer = reqwest::get(format!("{}{path}", scene.stack.addresses().gateway)).await.unwrap();
        watch.saw((answer.status(), answer.text().await.unwrap()));
    }
    watch.saw(check::verify(ports, &SessionCache::default(), &kayo).await);
    watch.saw(problems::list(ports, &kayo).await);
    watch.saw(connect::test(ports, &kayo).await);
    watch.remember(&scene, &kayo).await;
    watch.saw(tokens::load_credentials(ports, &kayo).await);
    let (_, document) = configure::load_current(ports, &kayo).await.unwrap().unwrap();
    watch.saw(load_session(ports, &SessionCache::default(), &document, &kayo).await);
    watch.saw(configure::webhook_keys(ports, &kayo).await);
    watch.saw((ports, &scene.stack));
    watch.saw(connect::disconnect(ports, &kayo).await);
    watch.judge(&scene, 20);
    // It would be found where it is allowed to be.
    let kept = ports.secrets.read_current(&kayo, SecretKind::Platform).await.unwrap();
    assert!(watch.canaries.iter().any(|canary| kept.text.expose_secret().contains(canary.as_str())));
}

/// The way to the org, which remembers what is secret in what goes there and comes back: assertions, codes, secrets, tokens.
struct Overheard<'a> {
    way: &'a dyn Transport,
    heard: Mutex<Vec<String>>,
}

impl Overheard<'_> {
    fn hear(&self, texts: impl IntoIterator<Item = String>) {
        self.heard.lock().unwrap().extend(texts);
    }
}

impl Transport for Overheard<'_> {
    fn send(&self, request: http::Request<bytes::Bytes>, timeout: Duration) -> BoxFuture<'_, Result<http::Response<bytes::Bytes>, TransportError>> {
        let is_token = request.uri().path().starts_with("/services/oauth2/");
        if is_token {
            let said = url_pairs(request.body());
            self.hear(
                said.into_iter()
                    .filter(|(name, _)| ["assertion", "code", "client_secret", "refresh_token", "token"].contains(&name.as_str()))
                    .map(|(_, value)| value),
            );
        }
        Box::pin(async move {
            let answer = self.way.send(request, timeout).await?;
            if let Some(told) = serde_json::from_slice::<Value>(answer.body()).ok().filter(|_| is_token) {
                self.hear(["access_token", "refresh_token", "device_code"].iter().filter_map(|name| told[name].as_str().map(str::to_owned)));
            }
            Ok(answer)
        })
    }
}

fn url_pairs(body: &[u8]) -> Vec<(String, String)> {
    let url = format!("http://x/?{}", String::from_utf8_lossy(body));
    url.parse::<reqwest::Url>().unwrap().query_pairs().into_owned().collect()
}

const USER: &str = "integration@kayo.fr";

/// The flows without a link, each by what commands ask of the function: its answers and refusals are looked at, too.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_other_flows_keep_secret_is_told() {
    let none = Flows { web_server: false, ..Flows::default() };
    let flows = [
        (json!({"jwt_bearer": {"client_id": KEY, "username": USER}}), Flows { jwt_bearer: true, ..none }),
        (json!({"client_credentials": {"client_id": KEY}}), Flows { client_credentials: true, ..none }),
        (json!({"device": {"client_id": KEY, "enabled": "on"}}), Flows { device: true, ..none }),
    ];
    for (auth, flows) in flows {
        let scene = Scene::new().await;
        let app = AppSeed {
            client_id: KEY.to_owned(),
            secret: Some(SECRET.to_owned()),
            flows,
            run_as: Some(USER.to_owned()),
            pre_authorized: vec![USER.to_owned()],
            ..AppSeed::default()
        };
        let instance = scene.stack.addresses().salesforce.instance.clone().unwrap();
        let document = scene.document("kayo", |document| {
            document["connection"]["contacts"] = json!(["admin@customer.example"]);
            if flows.client_credentials {
                document["salesforce"]["host"] = json!({"url": instance});
            }
            document["salesforce"]["auth"] = auth.clone();
        });
        scene.apply(&document).await;
        flow_without_a_link(&scene, app).await;
    }
}

async fn flow_without_a_link(scene: &Scene, mut app: AppSeed) {
    let (kayo, mut watch): (ConnectionId, _) = ("kayo".parse().unwrap(), Watch::default());
    let overheard = Overheard { way: scene.stack.ports().transport, heard: Mutex::default() };
    let (ports, bench) = (Ports { transport: &overheard, ..scene.stack.ports() }, Workbench::default());
    let c = || kayo.clone();
    let ask = async |request: Request| operator::answer(ports, &bench, request, ports.clock.now() + jiff::SignedDuration::from_secs(90)).await;

    // What is wrong or not accepted first, then what is right.
    let made = passerelle_certificate::make("Passerelle", ports.clock.now()).unwrap();
    let certificate = made.certificate.clone();
    tokens::add_key(ports, &kayo, SigningKey::new(made.private_key, made.certificate, made.expires_at)).await.unwrap();
    tokens::set_client_secret(ports, &kayo, WRONG.into()).await.unwrap();
    watch.remember(scene, &kayo).await;
    scene.org().control().register_app(app.clone());
    let refused = ask(Request::SignIn { connection: c() }).await;
    assert!(refused.is_err());
    watch.saw(refused);
    tokens::set_client_secret(ports, &kayo, SECRET.into()).await.unwrap();
    app.certificate_pem = Some(certificate);
    scene.org().control().register_app(app.clone());
    if app.flows.device {
        type_in(scene, &mut watch, &ask).await;
    } else {
        watch.saw(ask(Request::SignIn { connection: c() }).await.unwrap());
    }
    watch.remember(scene, &kayo).await;
    watch.saw(ask(Request::Activate { connection: c() }).await.unwrap());

    // Work with a session that has run out, and then without any.
    scene.org().control().expire_access_tokens();
    watch.saw(scene.send("kayo", &capture("e1", person(1))).await);
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    watch.remember(scene, &kayo).await;
    let mut blocked = app.clone();
    blocked.blocked = true;
    scene.org().control().register_app(blocked);
    scene.org().control().expire_access_tokens();
    watch.saw(scene.send("kayo", &capture("e2", person(2))).await);
    for _ in 0..5 {
        scene.sweep().await;
    }
    assert_eq!(scene.stack.mailbox().letters().len(), 1);
    let refused = ask(Request::Test { connection: c() }).await;
    assert!(refused.is_err());
    watch.saw((refused, problems::list(ports, &kayo).await));
    scene.org().control().register_app(app);
    watch.saw(ask(Request::Test { connection: c() }).await.unwrap());
    watch.remember(scene, &kayo).await;
    watch.saw((ask(Request::Verify { connection: c() }).await, ask(Request::Standing { connection: c() }).await));
    let (_, document) = configure::load_current(ports, &kayo).await.unwrap().unwrap();
    watch.saw((tokens::load_credentials(ports, &kayo).await, load_session(ports, &SessionCache::default(), &document, &kayo).await));
    watch.saw(ask(Request::Disconnect { connection: c() }).await.unwrap());
    let heard = std::mem::take(&mut *overheard.heard.lock().unwrap());
    assert!(heard.len() > 4, "{}", heard.len());
    watch.canaries.extend(heard);
    watch.judge(scene, 6);
}

/// Somebody types the code in. The code that we ask with goes to the command and back, and is shown to nobody.
async fn type_in(scene: &Scene, watch: &mut Watch, ask: &impl AsyncFn(Request) -> Result<Value, operator::Failure>) {
    let connection: ConnectionId = "kayo".parse().unwrap();
    let begun = ask(Request::BeginDevice { connection: connection.clone() }).await.unwrap();
    let code: connect::DeviceCode = serde_json::from_value(begun).unwrap();
    let request = Request::PollDevice { connection, code: code.clone() };
    watch.saw((&code, &request, ask(request.clone()).await.unwrap()));
    let form = [("user_code", code.user_code.as_str()), ("username", USER), ("password", "integration-2026"), ("decision", "allow")];
    let page = reqwest::Client::new().post(&code.verification_url).form(&form).send().await.unwrap();
    watch.saw(page.text().await.unwrap());
    scene.clock.advance(jiff::SignedDuration::from_secs(10));
    let polled = ask(request).await.unwrap();
    assert!(polled["connected"].is_object(), "{polled}");
    watch.saw(polled);
}
