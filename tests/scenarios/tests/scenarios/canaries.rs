//! Secrets are planted, and looked for wherever none may be: log at its most talkative, table with the documents in it, answers and
//! pages, mail, reports, debug output.

use std::{collections::BTreeSet, fmt::Write as _};

use passerelle_core::{
    adapters::{salesforce::oauth::code_challenge, secrets::SecretKind},
    app::{
        check, configure, connect, problems,
        tokens::{self, SessionCache, SigningKey, load_session},
    },
    domain::ids::ConnectionId,
};
use passerelle_local::{TABLE, browser};
use passerelle_scenarios::{Scene, capture, logs, person};
use salesforce_sim::{Seed, seed::AppSeed};
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

    /// No canary is in any place.
    fn judge(&self, scene: &Scene) {
        let table = scene.stack.database().scan(serde_json::from_value(json!({"TableName": TABLE})).unwrap()).unwrap();
        let table = serde_json::to_value(table).unwrap();
        assert!(table["LastEvaluatedKey"].is_null(), "the whole table is looked at");
        let letters = format!("{:?}", scene.stack.mailbox().letters());
        let places = [("the log", logs::kept()), ("the table", table.to_string()), ("what was answered", self.seen.clone()), ("a mail", letters)];
        assert!(self.canaries.len() > 20, "{}", self.canaries.len());
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
    watch.judge(&scene);
    // It would be found where it is allowed to be.
    let kept = ports.secrets.read_current(&kayo, SecretKind::Platform).await.unwrap();
    assert!(watch.canaries.iter().any(|canary| kept.text.expose_secret().contains(canary.as_str())));
}
