//! The stack of `passerelle local`, from its start to Ctrl-C, with other commands beside it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::passerelle;

/// A running `passerelle local`.
pub struct Local {
    child: Child,
    output: BufReader<ChildStdout>,
    pub port: String,
    /// What it has printed so far.
    printed: String,
}

/// The first of six free ports, another one at each call.
fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        let first = NEXT.fetch_add(6, Ordering::SeqCst);
        if (first..first + 6).all(free) {
            return first;
        }
    }
}

impl Local {
    /// Starts it and waits until it serves. What it says of its progress goes to `progress`.
    pub fn start(arguments: &[&str], progress: Stdio) -> Self {
        let port = free_ports().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_passerelle"));
        let command = command.args(arguments).args(["--port", &port]).env_remove("PASSERELLE_LOG").stdout(Stdio::piped()).stderr(progress);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut local = Self { child, output, port, printed: String::new() };
        local.read_until("Ctrl-C ends it");
        local
    }

    fn read_until(&mut self, text: &str) {
        while !self.printed.contains(text) {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "it ended after: {}", self.printed);
            self.printed.push_str(&line);
        }
    }

    /// What follows a word at a line's beginning.
    pub fn printed_after(&self, word: &str) -> &str {
        self.printed.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("no {word}: {}", self.printed)).trim()
    }

    /// Types a command in another terminal.
    fn beside(&self, arguments: &[&str]) -> String {
        let output = passerelle(&[arguments, &["--port", &self.port]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says that fails.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = passerelle(&[arguments, &["--port", &self.port]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn event(&self, event: &str) -> Value {
        serde_json::from_str(&self.beside(&["status", "kayo", event, "--json"])).unwrap()
    }

    /// Presses Ctrl-C and waits for the end.
    pub fn end(mut self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.read_until("Ending.");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// The outcome of something that is asynchronous.
pub fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

/// The words of a line as a shell reads them.
fn shell_words(line: &str) -> Vec<String> {
    let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}; {line}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{line}");
    let words = String::from_utf8(output.stdout).unwrap();
    words.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

/// Sends what a `curl` line would send, and answers status and the id of the event in it.
fn send(line: &str) -> (u16, String) {
    let (mut request, mut id) = (None, String::new());
    let client = reqwest::Client::new();
    let mut words = shell_words(line).into_iter();
    while let Some(word) = words.next() {
        request = match word.as_str() {
            "-i" => request,
            "-H" => {
                let header = words.next().unwrap();
                let (name, value) = header.split_once(": ").unwrap();
                request.map(|request: reqwest::RequestBuilder| request.header(name, value))
            }
            "-d" => {
                let body = words.next().unwrap();
                id = serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned();
                request.map(|request| request.body(body))
            }
            url => Some(client.post(url)),
        };
    }
    let answer = wait_for(request.unwrap().send()).unwrap();
    (answer.status().as_u16(), id)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn answers(url: &str) -> bool {
    wait_for(reqwest::get(url)).is_ok_and(|answer| answer.status().is_success())
}

fn json_of(url: &str) -> Value {
    wait_for(async { reqwest::get(url).await.unwrap().json().await.unwrap() })
}

/// KAYO's preset with another name, for the local org.
fn document(folder: &Path, local: &Local, name: &str) -> String {
    let preset = include_str!("../../../presets/kayo.yaml");
    let text = preset
        .replace("name: KAYO", &format!("name: {name}"))
        .replace("host: production", &format!("host: {{ url: \"{}\" }}", local.printed_after("org ")));
    let path = folder.join("kayo.yaml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_stack_serves_takes_the_printed_line_and_keeps_its_data_across_starts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = || Local::start(&["local", "--data", data.to_str().unwrap()], Stdio::null());

    let local = start();
    for address in ["console ", "org "] {
        assert!(answers(local.printed_after(address)), "{address}");
    }
    assert!(local.printed_after("webhook ").ends_with("/v1/hooks/kayo"));
    let line = local.printed.lines().find(|line| line.starts_with("curl ")).unwrap();
    let (status, event) = send(line);
    assert_eq!(status, 202);
    wait_until("the event of the printed line comes to its outcome", || local.event(&event)["status"] == "applied");
    let told = local.event(&event);
    assert_eq!((told["outcome"]["outcome"].as_str(), told["tries"].as_u64()), (Some("applied"), Some(1)));
    assert!(told["why"][0]["changes"].as_array().unwrap().iter().any(|change| change["field"] == "LastName"), "{told}");

    operate(&local, &event);
    connect(&local);

    let file = document(folder.path(), &local, "\"KAYO, renamed\"");
    assert!(local.beside(&["apply", &file]).contains("is stored as version 2"));
    assert!(local.beside(&["apply", &file]).contains("it is still version 2"));
    check(&local, folder.path(), &file);
    leave(&local);
    local.end();

    let again = start();
    assert_eq!(again.event(&event)["received_at"], told["received_at"], "the table is the one of before");
    let leads = json_of(&format!("{}/__control/records/Lead", again.printed_after("org ")));
    assert_eq!(leads["records"].as_array().unwrap().iter().filter(|lead| lead["LastName"] == "Lovelace").count(), 1, "so is the org");
    again.end();
}

/// What a support person types: why events wait, setting them going, and the account of them all.
fn operate(local: &Local, event: &str) {
    let told: Value = serde_json::from_str(&local.beside(&["problems", "kayo", "--json"])).unwrap();
    let groups = told[0]["problems"]["groups"].as_array().unwrap();
    let group = &groups[0];
    let code = group["code"].as_str().unwrap();
    let count: u64 = groups.iter().filter(|group| group["code"] == code).map(|group| group["count"].as_u64().unwrap()).sum();
    let said = local.beside(&["problems", "--language", "fr"]);
    assert!(said.contains(code) && said.contains(group["cure"]["fr"].as_str().unwrap()), "{said}");
    let said = local.beside(&["problems", "resume", "kayo", "--code", code]);
    assert!(said.starts_with(&format!("{count} events of kayo go on")), "{said} {told}");

    let said = local.beside(&["status", "kayo", event]);
    assert!(said.contains("applied after 1 tries") && said.contains("LastName") && said.contains("A new record takes"), "{said}");
    assert!(local.beside(&["replay", "kayo", event]).contains("goes on with the next sweep"));
    let again = passerelle(&["replay", "kayo", "absent", "--port", &local.port]);
    assert_eq!((again.status.code(), String::from_utf8_lossy(&again.stderr).trim()), (Some(1), "kayo has no event absent."));

    let ledger: Value = serde_json::from_str(&local.beside(&["ledger", "kayo", "--days", "2", "--json"])).unwrap();
    let today = &ledger[0];
    let standing: u64 = today["events"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((today["received"].as_u64(), standing > 200), (Some(standing), true), "{ledger}");
    assert!(local.beside(&["ledger", "kayo"]).contains("in flight  missing"));
}

/// What is typed to connect and test an org, and to replace keys.
fn connect(local: &Local) {
    assert!(local.beside(&["connect", "kayo"]).contains(&format!("http://localhost:{}/oauth/kayo/connect?ticket=", local.port)));
    let tested = local.beside(&["connection", "test", "kayo"]);
    assert!(tested.starts_with("kayo works.") && tested.contains("  org   00D") && tested.contains("  user  "), "{tested}");
    assert!(tested.contains("API calls left of the last 24 hours: "), "{tested}");
    let tested: Value = serde_json::from_str(&local.beside(&["connection", "test", "kayo", "--json"])).unwrap();
    assert_eq!((&tested["works"], tested["org"]["user"].is_string()), (&Value::Bool(true), true), "{tested}");

    let first = local.beside(&["certificate", "kayo"]);
    assert!(first.starts_with("-----BEGIN CERTIFICATE-----\n") && first.ends_with("-----END CERTIFICATE-----\n"), "{first}");
    assert_eq!(local.beside(&["certificate", "kayo"]), first, "the key is made once");
    assert_ne!(local.beside(&["certificate", "kayo", "--new"]), first);
    assert!(local.refused(&["certificate", "kayo", "--new"]).contains("two certificates already"));
    assert!(local.refused(&["certificate", "kayo", "--retire"]).contains("not accepted the new certificate yet"));

    assert!(local.beside(&["webhook-key", "rotate", "kayo"]).contains("shown this once: whsec_"));
    assert!(local.refused(&["webhook-key", "rotate", "kayo"]).contains("two keys already"));
    assert!(local.beside(&["webhook-key", "rotate", "kayo", "--again"]).contains("whsec_"));
    assert!(local.beside(&["webhook-key", "retire", "kayo"]).contains("is retired"));

    let said = local.refused(&["connection", "confirm-org", "kayo", "00Q000000000001"]);
    assert!(said.contains("00D") && said.contains("(no_organization)"), "{said}");
}

/// What is typed where a connection does not work, and to leave its org. The document's consumer key is none that the org knows.
fn leave(local: &Local) {
    let said = local.refused(&["connection", "test", "kayo"]);
    assert!(said.contains("clé client") && said.contains("(invalid_client_id)"), "{said}");
    assert!(local.beside(&["disconnect", "kayo"]).contains("revoked at Salesforce"));
    let stands: Value = serde_json::from_str(&local.beside(&["status", "kayo", "--json"])).unwrap();
    assert_eq!((&stands[0]["status"], &stands[0]["lacks"][0]["code"]), (&"draft".into(), &"not_connected".into()), "{stands}");
    assert!(local.beside(&["status", "kayo"]).contains("Run `passerelle connect`"));
    let said = local.refused(&["connection", "test", "kayo"]);
    assert!(said.contains("(not_connected)"), "{said}");
    let output = passerelle(&["connection", "test", "kayo", "--json", "--port", &local.port]);
    let tested: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&tested["works"], &tested["refused"]["code"]), (&Value::Bool(false), &"not_connected".into()), "{tested}");
}

/// `verify` and `fields` on the org of the demonstration, which has all that KAYO needs, and then on a document that asks for more.
fn check(local: &Local, folder: &Path, file: &str) {
    let report: Value = serde_json::from_str(&local.beside(&["verify", "kayo", "--json"])).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["severity"] != "error"), "{report}");
    assert!(local.beside(&["verify", "kayo"]).contains("nothing stands in the way"));
    assert!(local.beside(&["fields", "kayo"]).contains("the org lacks 0 of"));

    let text = std::fs::read_to_string(file).unwrap();
    let more =
        text.replace("{ from: person.company, to: Company }", "{ from: person.company, to: Company }\n      - { from: person.job, to: Badge__c }");
    assert_ne!(more, text);
    let more_file = folder.join("more.yaml");
    std::fs::write(&more_file, more).unwrap();
    let more_file = more_file.to_str().unwrap();
    let said = local.beside(&["apply", more_file]);
    assert!(said.contains("warning  mappings.lead.fields[5].to  field_missing\n    Lead.Badge__c: "), "{said}");
    let report: Value = serde_json::from_str(&local.beside(&["apply", more_file, "--json"])).unwrap();
    assert_eq!((&report["changed"], &report["warnings"][0]["code"]), (&Value::Bool(false), &Value::from("field_missing")), "{report}");
    refused(local, folder, &text);
    let output = passerelle(&["verify", "kayo", "--language", "fr", "--port", &local.port]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("erreur") && said.contains("Badge__c"), "{said}");
    assert!(local.beside(&["fields", "kayo"]).contains("missing  Lead.Badge__c"));
    let project = folder.join("sfdx");
    let written = local.beside(&["fields", "kayo", "--sfdx", project.to_str().unwrap()]);
    assert!(written.contains("Badge__c.field-meta.xml") && project.join("sfdx-project.json").is_file(), "{written}");
    assert!(local.beside(&["fields", "kayo", "--create"]).contains("the org has all"));
    assert!(local.beside(&["verify", "kayo"]).contains("nothing stands in the way"));
}

/// Types that cannot go together are named, both of them, and nothing is stored.
fn refused(local: &Local, folder: &Path, text: &str) {
    let wrong = text
        .replace("{ from: person.company, to: Company }", "{ from: person.company, to: Company }\n      - { from: person.email, to: AnnualRevenue }");
    let file = folder.join("wrong.yaml");
    std::fs::write(&file, wrong).unwrap();
    let output = passerelle(&["apply", file.to_str().unwrap(), "--port", &local.port]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("Nothing was stored.") && said.contains("mappings.lead.fields[5].to: person.email (email) → Lead.AnnualRevenue (currency)"),
        "{said}"
    );
}

#[test]
fn without_a_word_the_command_starts_the_stack_and_tells_what_the_demonstration_did() {
    let folder = tempfile::tempdir().unwrap();
    let progress = folder.path().join("progress");
    let local = Local::start(&[], std::fs::File::create(&progress).unwrap().into());
    let report: Vec<&str> = local.printed.lines().filter(|line| line.contains(" API calls:") || line.contains("in the org: ")).collect();
    let [calls, records] = report.as_slice() else { panic!("{}", local.printed) };
    let number = |text: &str, before: &str| -> u64 { text.split(before).next().unwrap().split(' ').next_back().unwrap().parse().unwrap() };
    assert!(number(calls, " API calls:") > 0 && number(calls, " events about") > 200, "{calls}");
    let leads: u64 = records.split("Lead ").nth(1).unwrap().split(',').next().unwrap().trim().parse().unwrap();
    let found = json_of(&format!("{}/__control/records/Lead", local.printed_after("org ")));
    assert_eq!(found["totalSize"].as_u64(), Some(leads), "what is printed is what is there");
    local.end();
    let progress = std::fs::read_to_string(progress).unwrap();
    assert!(progress.contains("sending: ") && progress.contains("working: "), "{progress}");
}

/// No call leaves this machine: the browser alone would go to Salesforce.
#[test]
fn against_a_real_org_the_link_leads_to_its_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let local = Local::start(&["local", "--salesforce", "https://login.salesforce.com"], Stdio::null());
    let path = folder.path().join("kayo.yaml");
    std::fs::write(&path, include_str!("../../../presets/kayo.yaml").replace("PASTE-THE-CONSUMER-KEY-HERE", "3MVG9.my-key")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_passerelle"))
        .args(["apply", path.to_str().unwrap(), "--port", &local.port])
        .env("PASSERELLE_CONSUMER_SECRET", "my-secret")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("The consumer secret is stored.") && !said.contains("my-secret"), "{said}");
    let said = local.beside(&["connect", "kayo"]);
    let link = said.lines().find(|line| line.starts_with("http://localhost:")).unwrap();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let button = link.replace("/connect?", "/start?");
    assert!(wait_for(client.get(link).send()).unwrap().status().is_success(), "the link shows a page with the button");
    let answer = wait_for(client.post(button).send()).unwrap();
    let target = answer.headers()["location"].to_str().unwrap();
    let url = reqwest::Url::parse(target).unwrap();
    assert_eq!((url.host_str(), url.path()), (Some("login.salesforce.com"), "/services/oauth2/authorize"));
    let query: std::collections::BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!((query["client_id"].as_str(), query["code_challenge_method"].as_str()), ("3MVG9.my-key", "S256"));
    assert_eq!(query["redirect_uri"], format!("http://localhost:{}/oauth/kayo/callback", local.port));
    local.end();
}

#[test]
fn a_port_that_is_taken_is_named_with_the_cure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().min(u16::MAX - 5).to_string();
    let output = passerelle(&["local", "--empty", "--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("six ports from {port} on; --port chooses others.")), "{said}");
}

#[test]
fn people_of_a_file_and_then_everybody_are_synchronised() {
    let local = Local::start(&[], Stdio::null());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    let rows: String = (0..3).map(|n| format!("f{n},f{n}@example.org,File,Firm {n}\n")).collect();
    std::fs::write(&path, format!("id,email,last_name,company\n{rows}")).unwrap();
    let synchronise =
        |arguments: &[&str]| -> Value { serde_json::from_str(&local.beside(&[&["sync", "kayo"], arguments, &["--json"]].concat())).unwrap() };
    let count = || -> Value { serde_json::from_str(&local.beside(&["people", "kayo", "--json"])).unwrap() };
    let (before, file) = (count()["synchronised"].as_u64().unwrap(), path.to_str().unwrap());
    let sent = synchronise(&["--file", file]);
    assert_eq!((&sent["rows"], &sent["outcomes"]["applied"]), (&3.into(), &3.into()), "{sent}");
    assert_eq!(count()["synchronised"].as_u64().unwrap(), before + 3);
    // Typed again, it finds what it has done.
    assert_eq!(synchronise(&["--file", file]), sent);
    std::thread::sleep(Duration::from_secs(2));
    let all = synchronise(&["--all"]);
    assert_eq!((&all["balances"], &all["run"]["sheet"]["asked"]), (&true.into(), &count()["known"]), "{all}");
    let words = local.beside(&["people", "kayo", "--since", "2020-01-01"]);
    assert!(words.contains("have a Salesforce record") && words.contains("2020-01-01"), "{words}");
    let then = |arguments: &[&str]| -> Value { serde_json::from_str(&local.beside(&[&["people", "kayo", "--json"], arguments].concat())).unwrap() };
    assert_eq!(then(&["--since", "2020-01-01"])["synchronised_then"], count()["synchronised"]);
    assert_eq!(then(&["--until", "2020-01-01"])["synchronised_then"], 0);
    // Neither two answers to "whom" nor none.
    for arguments in [vec!["sync", "kayo"], vec!["sync", "kayo", "--all", "--file", file]] {
        assert_eq!(passerelle(&arguments).status.code(), Some(2));
    }
    let said = passerelle(&["sync", "nobody", "--all", "--port", &local.port]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("nobody is not active"), "{}", String::from_utf8_lossy(&said.stderr));
    local.end();
}
