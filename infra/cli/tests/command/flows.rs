//! Every flow as it is typed, on the local stack: `connect`, `connection test`, `disconnect`, and what they say where something is lacking. Whatever
//! any command says is searched for what the connection's secrets held.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use passerelle_core::adapters::{
    http,
    secrets::{SecretKind, Secrets},
};
use passerelle_local::{SECRET_PREFIX, browser, clients};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::local::{Local, wait_for};

const KEY: &str = "3MVG9.Passerelle.Demo.Consumer.Key";
const SECRET: &str = "8F2D0C1B7A6E5943-demo-consumer-secret";
const USER: &str = "integration@kayo.fr";
const PASSWORD: &str = "integration-2026";

/// A stack without the demonstration, and a terminal beside it.
struct Typed {
    local: Local,
    folder: tempfile::TempDir,
    /// Everything that commands have said.
    heard: RefCell<String>,
    /// What they may not say.
    canaries: RefCell<BTreeSet<String>>,
}

/// What a command said.
struct Said {
    success: bool,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { success: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Typed {
    /// KAYO's preset with this section `salesforce` is applied, with the consumer secret where there is one, and the org's app is like that.
    fn new(salesforce: impl Fn(&Local) -> Value, app: Value, secret: Option<&str>) -> Self {
        let local = Local::start(&["local", "--empty"], Stdio::null());
        let typed = Self { folder: tempfile::tempdir().unwrap(), local, heard: RefCell::default(), canaries: RefCell::default() };
        typed.browser(0);
        typed.change_app(app);
        let mut document: Value = serde_norway::from_str(include_str!("../../../presets/kayo.yaml")).unwrap();
        document["connection"]["language"] = json!("en");
        document["salesforce"] = salesforce(&typed.local);
        std::fs::write(typed.file(), document.to_string()).unwrap();
        let said = typed.apply(secret);
        typed.hear_key(&said);
        assert_eq!((said.success, said.out.contains("The consumer secret is stored.")), (true, secret.is_some()), "{}", said.err);
        typed
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("kayo.json")
    }

    fn apply(&self, secret: Option<&str>) -> Said {
        self.canaries.borrow_mut().extend(secret.map(str::to_owned));
        let mut command = self.command(&["apply", self.file().to_str().unwrap()]);
        command.env("PASSERELLE_CONSUMER_SECRET", secret.unwrap_or_default()).output().unwrap().into()
    }

    /// Gives a consumer secret to a document that is applied already.
    fn hear_apply(&self, secret: &str) -> bool {
        let said = self.apply(Some(secret));
        self.heard.borrow_mut().extend([said.out.as_str(), &said.err]);
        said.success
    }

    fn hear(&self, output: Output) -> Said {
        let said = Said::from(output);
        self.heard.borrow_mut().extend([said.out.as_str(), &said.err]);
        said
    }

    /// What a command says besides a key that it shows once.
    fn hear_key(&self, said: &Said) {
        let line = |line: &&str| line.contains("shown this once: whsec_");
        assert_eq!(said.out.lines().filter(line).count(), 1, "{}{}", said.out, said.err);
        let others = said.out.lines().chain(said.err.lines()).filter(|other| !line(other));
        others.for_each(|line| self.heard.borrow_mut().push_str(line));
    }

    /// Notes what the connection's secrets hold now and nobody may see.
    fn remember(&self) {
        let port: u16 = self.local.port.parse().unwrap();
        let texts = wait_for(async {
            let address = |nth: u16| format!("http://127.0.0.1:{}", port + nth);
            let (_, secrets) = clients::connect(&http::client(&[]).unwrap(), &address(1), &address(2));
            let (secrets, kayo) = (Secrets::new(secrets, SECRET_PREFIX), "kayo".parse().unwrap());
            let of = async |kind| secrets.read_current(&kayo, kind).await.unwrap().text.expose_secret().to_owned();
            [of(SecretKind::Salesforce).await, of(SecretKind::Webhook).await]
        });
        let [salesforce, webhook] = texts.map(|text| serde_json::from_str::<Value>(&text).unwrap());
        let keys = salesforce["keys"].as_array().into_iter().flatten().map(|key| &key["private_key"]);
        let tokens = ["client_secret", "access_token", "refresh_token"].map(|name| &salesforce[name]);
        let found = keys.chain(tokens).chain(webhook["keys"].as_array().unwrap()).filter_map(Value::as_str);
        // Of a private key, each line.
        self.canaries.borrow_mut().extend(found.flat_map(str::lines).filter(|line| line.len() > 12 && !line.starts_with("-----")).map(str::to_owned));
    }

    /// Nothing of it was ever said.
    fn nothing_secret_was_said(&self) {
        let (heard, canaries) = (self.heard.borrow(), self.canaries.borrow());
        assert!(heard.len() > 1_000 && canaries.len() > 3, "{} {}", heard.len(), canaries.len());
        for canary in canaries.iter() {
            assert!(!heard.contains(canary), "a command said a secret that begins with {}", &canary[..6]);
        }
    }

    /// A program in the path that stands in for the desktop's browser: it notes what it is to open, and ends with this code.
    fn browser(&self, code: i32) {
        for name in ["xdg-open", "open"] {
            let path = self.folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\nprintf '%s' \"$1\" > '{}'\nexit {code}\n", self.opened_file().display())).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn opened_file(&self) -> PathBuf {
        self.folder.path().join("opened")
    }

    /// What the browser was told to open since this was asked last.
    fn opened(&self) -> Option<String> {
        let opened = std::fs::read_to_string(self.opened_file()).ok();
        let _ = std::fs::remove_file(self.opened_file());
        opened
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_passerelle"));
        let path = std::env::join_paths([self.folder.path(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
        command.args(arguments).args(["--port", &self.local.port]).env("PATH", path).env_remove("PASSERELLE_LOG");
        command.env_remove("PASSERELLE_CONSUMER_SECRET");
        command
    }

    fn say(&self, arguments: &[&str]) -> Said {
        self.hear(self.command(arguments).output().unwrap())
    }

    /// What a command says whose log is at its most talkative.
    fn say_all(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).env("PASSERELLE_LOG", "trace").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// What a command says that succeeds.
    fn done(&self, arguments: &[&str]) -> String {
        let said = self.say(arguments);
        assert!(said.success && said.err.is_empty(), "{arguments:?}: {}{}", said.out, said.err);
        said.out
    }

    /// What a command says that is refused with this code: cause, cure and code.
    fn refused(&self, arguments: &[&str], code: &str) {
        let said = self.say(arguments);
        let lines: Vec<&str> = said.err.lines().collect();
        assert!(!said.success && said.out.is_empty(), "{arguments:?}: {}{}", said.out, said.err);
        assert!(
            matches!(lines[..], [cause, cure, told] if cause.ends_with('.') && cure.starts_with("→ ") && told == format!("({code})")),
            "{}",
            said.err
        );
    }

    fn change_app(&self, change: Value) {
        let url = format!("{}/__control/apps/{KEY}", self.local.printed_after("org "));
        let answer = wait_for(reqwest::Client::new().patch(url).json(&change).send()).unwrap();
        assert!(answer.status().is_success(), "{}", wait_for(answer.text()).unwrap());
    }

    fn stage(&self) -> Value {
        let stands: Value = serde_json::from_str(&self.done(&["status", "kayo", "--json"])).unwrap();
        stands[0]["status"].clone()
    }

    /// What every connected org answers, and what is left when it is taken away, as `ended` tells.
    fn works_until_it_is_taken_away(self, user: &str, ended: &str) {
        assert_eq!(self.stage(), "ready");
        let tested = self.done(&["connection", "test", "kayo"]);
        assert!(tested.starts_with("kayo works.\n") && tested.contains(&format!("  user  {user}\n")), "{tested}");
        let tested: Value = serde_json::from_str(&self.done(&["connection", "test", "kayo", "--json"])).unwrap();
        assert_eq!((&tested["works"], &tested["org"]["user"]), (&json!(true), &json!(user)));
        assert_eq!(self.done(&["activate", "kayo"]).lines().last(), Some("kayo is active."));
        assert_eq!(self.stage(), "active");
        self.remember();
        let file = self.file();
        let file = file.to_str().unwrap();
        for arguments in [
            &["apply", file][..],
            &["apply", file, "--json"],
            &["connection", "test", "kayo"],
            &["connection", "test", "kayo", "--json"],
            &["verify", "kayo", "--json"],
            &["fields", "kayo"],
            &["status"],
            &["status", "--json"],
            &["problems", "--json"],
            &["certificate", "kayo"],
        ] {
            self.hear(self.say_all(arguments));
        }
        for arguments in [&["webhook-key", "rotate", "kayo"][..], &["webhook-key", "rotate", "kayo", "--again"]] {
            self.hear_key(&self.say_all(arguments).into());
            self.remember();
        }
        self.hear(self.say_all(&["webhook-key", "retire", "kayo"]));
        let gone = self.done(&["disconnect", "kayo"]);
        assert!(gone.starts_with(&format!("kayo is disconnected: {ended}")) && gone.contains("\nIts secret is deleted;"), "{gone}");
        let again = self.done(&["disconnect", "kayo"]);
        assert!(again.starts_with("kayo is disconnected: there was no grant to revoke."), "{again}");
        assert_eq!(self.stage(), "draft");
        self.refused(&["connection", "test", "kayo"], "not_connected");
        self.nothing_secret_was_said();
        self.local.end();
    }
}

/// What is told to have ended where a flow leaves a grant, and where it does not.
const GRANT: &str = "its grant is revoked at Salesforce.\n";
const SESSION: &str = "its stored session is ended at Salesforce. Its flow has no grant that could be revoked";

/// The address at which users sign in.
fn login(local: &Local) -> Value {
    json!({"url": local.printed_after("org ").replace("127.0.0.1", "localhost")})
}

/// What is said of an org that is connected at once.
fn is_connected(said: &str) {
    assert!(said.contains("kayo is connected.\n  org   00D") && said.contains(&format!("  user  {USER}\n")), "{said}");
    assert!(said.contains("API calls left of the last 24 hours: "), "{said}");
}

#[test]
fn a_link_is_printed_and_opened() {
    let section = |local: &Local| json!({"host": login(local), "auth": {"web_server": {"client_id": KEY}}});
    let typed = Typed::new(section, json!({}), Some(SECRET));
    let link = |said: &str| said.lines().find(|line| line.contains("/oauth/kayo/connect?ticket=")).unwrap().to_owned();
    let said = typed.done(&["connect", "kayo"]);
    let callback = format!("The app's callback URL, letter by letter: http://localhost:{}/oauth/kayo/callback\n", typed.local.port);
    assert!(said.starts_with(&callback), "{said}");
    assert_eq!(typed.opened(), None, "nobody asked for the browser");

    typed.browser(1);
    let said = typed.say(&["connect", "kayo", "--open"]);
    assert!(said.success && said.err == "No browser could be opened here; open the link yourself.\n", "{}", said.err);
    assert_eq!(typed.opened(), Some(link(&said.out)));
    typed.browser(0);
    let opened = { link(&typed.done(&["connect", "kayo", "--open"])) };
    assert_eq!(typed.opened().as_ref(), Some(&opened));
    wait_for(browser::approve(&opened, "technique@kayo.fr", "valentin-2026")).unwrap();
    typed.works_until_it_is_taken_away("technique@kayo.fr", GRANT);
}

#[test]
fn a_signature_connects_once_its_certificate_is_uploaded() {
    let section = |local: &Local| json!({"host": login(local), "auth": {"jwt_bearer": {"client_id": KEY, "username": USER}}});
    let flows = json!({"web_server": false, "jwt_bearer": true});
    let typed = Typed::new(section, json!({"flows": flows, "pre_authorized": [USER]}), None);
    typed.refused(&["connect", "kayo"], "no_certificate");
    let made = typed.say(&["certificate", "kayo"]);
    assert!(made.success && made.err.contains("Upload it to the app in Salesforce"), "{}", made.err);
    typed.refused(&["connect", "kayo"], "assertion_refused");
    typed.change_app(json!({"certificate_pem": made.out}));
    is_connected(&typed.done(&["connect", "kayo", "--open"]));
    assert_eq!(typed.opened(), None, "there is nothing to open");

    // Another key: told until it is uploaded, then in use, and the former one can go.
    let next = typed.say(&["certificate", "kayo", "--new"]).out;
    assert!(typed.done(&["connection", "test", "kayo"]).contains("does not accept the certificate"));
    typed.change_app(json!({"certificate_pem": next}));
    assert!(!typed.done(&["connection", "test", "kayo"]).contains("does not accept the certificate"));
    assert!(typed.done(&["certificate", "kayo", "--retire"]).contains("is retired"));
    typed.works_until_it_is_taken_away(USER, SESSION);
}

#[test]
fn the_apps_own_secret_connects_at_once() {
    let section = |local: &Local| json!({"host": {"url": local.printed_after("org ")}, "auth": {"client_credentials": {"client_id": KEY}}});
    let flows = json!({"web_server": false, "client_credentials": true});
    let typed = Typed::new(section, json!({"flows": flows, "run_as": USER}), None);
    typed.refused(&["connect", "kayo"], "no_consumer_secret");
    assert!(typed.hear_apply("a-wrong-consumer-secret"));
    typed.refused(&["connect", "kayo"], "invalid_client");
    assert!(typed.hear_apply(SECRET));
    is_connected(&typed.done(&["connect", "kayo"]));
    typed.works_until_it_is_taken_away(USER, SESSION);
}

/// By an app without a secret, so that there is no secret of the connection before.
#[test]
fn a_code_is_shown_until_somebody_has_typed_it_in() {
    let section = |local: &Local| json!({"host": login(local), "auth": {"device": {"client_id": KEY, "enabled": "on"}}});
    let flows = json!({"web_server": false, "device": true});
    let typed = Typed::new(section, json!({"flows": flows, "secret": null, "require_secret": false}), None);
    let mut waiting = typed.command(&["connect", "kayo", "--open"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(waiting.stdout.take().unwrap());
    let (mut line, mut rest) = (String::new(), String::new());
    output.read_line(&mut line).unwrap();
    let (page, code) = line.strip_prefix("Open ").unwrap().trim().split_once(" and type in: ").unwrap();
    output.read_line(&mut rest).unwrap();
    assert_eq!(rest, "Waiting for ten minutes at most …\n");
    let form = [("user_code", code), ("username", USER), ("password", PASSWORD), ("decision", "allow")];
    let answer = wait_for(reqwest::Client::new().post(page).form(&form).send()).unwrap();
    assert!(answer.status().is_success(), "{}", wait_for(answer.text()).unwrap());
    output.read_to_string(&mut rest).unwrap();
    let ended = typed.hear(waiting.wait_with_output().unwrap());
    typed.heard.borrow_mut().push_str(&rest);
    assert!(ended.success && ended.err.is_empty(), "{}", ended.err);
    is_connected(&rest);
    assert_eq!(typed.opened().as_deref(), Some(page));
    typed.works_until_it_is_taken_away(USER, GRANT);
}

#[test]
fn without_a_stack_whoever_connects_is_told_how_to_start_one() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().min(u16::MAX - 5).to_string();
    let said = super::passerelle(&["connect", "kayo", "--port", &port]);
    let said = Said::from(said);
    assert!(!said.success && said.err.starts_with("Is the local stack running? Start it with `cargo run`"), "{}", said.err);
}
