//! The program: it starts, says where, keeps its org, ends when told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Program {
    child: Child,
    address: String,
    said: Vec<String>,
}

impl Program {
    fn start(arguments: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_salesforce-sim"));
        let mut child = command.args(["--port", "0"]).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        // The apps are what it says last.
        while !said.iter().any(|line: &String| line.starts_with("app ")) {
            said.push(lines.next().unwrap().unwrap());
        }
        let instance = said.iter().find_map(|line| line.strip_prefix("instance host  http://")).unwrap();
        let address = instance.split_whitespace().next().unwrap().to_owned();
        Program { child, address, said }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", self.address, body.len());
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks the program to end, as a service manager does, and waits for it.
    fn end(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success());
    }
}

fn seed(directory: &Path) -> String {
    let path = directory.join("seed.yaml");
    std::fs::write(
        &path,
        "users: [{username: me@org.example, last_name: Me}]\napps: [{client_id: app}]\nrecords: [{sobject: Account, fields: {Name: Seeded}}]\n",
    )
    .unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
#[cfg(unix)]
fn a_kept_org_goes_on_where_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let (seed, data) = (seed(directory.path()), directory.path().join("org.jsonl"));
    let arguments = ["--seed", &seed, "--data", data.to_str().unwrap()];
    let program = Program::start(&arguments);
    assert!(program.said.iter().any(|line| line.contains("me@org.example")), "{:?}", program.said);
    let lag = program.ask("PATCH", "/__control/doubts", "{\"index_lag_seconds\": 5}");
    assert!(lag.starts_with("HTTP/1.1 200"), "{lag}");
    program.end();
    let program = Program::start(&arguments);
    assert!(program.ask("GET", "/__control/doubts", "").contains("\"index_lag_seconds\":5"));
    // The seed is for the first start: its record is not made a second time.
    let accounts = program.ask("GET", "/__control/records/Account", "");
    assert!(accounts.contains("\"totalSize\":1"), "{accounts}");
    program.end();
}

#[test]
fn what_is_no_saved_org_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("org.jsonl");
    std::fs::write(&data, "nonsense").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_salesforce-sim")).args(["--port", "0", "--data"]).arg(&data).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("org.jsonl: This is no org that this version can start from"), "{said}");
}
