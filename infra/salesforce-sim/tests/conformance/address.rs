//! The target by its address: the program on a port, asked by the same suite as an org anywhere.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The program with the org of the suite, for as long as this lives.
struct Program {
    child: Child,
    /// Kept open: the program goes on speaking after it is ready.
    _said: Lines<BufReader<ChildStdout>>,
    login: String,
    instance: String,
}

impl Program {
    fn start() -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_salesforce-sim"));
        let mut child = command.args(["--port", "0", "--conformance"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut host = |name: &str| {
            let line = lines.next().unwrap().unwrap();
            let rest = line.strip_prefix(name).unwrap_or_else(|| panic!("{line:?} is not the {name}"));
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let (login, instance) = (host("login host"), host("instance host"));
        // The apps are what it says last.
        while !lines.next().unwrap().unwrap().starts_with("app ") {}
        Program { child, _said: lines, login, instance }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This suite, in a process of its own, as somebody runs it who has an address and nothing else.
fn suite(variables: &[(&str, &str)]) -> (Output, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in ["CONFORMANCE_URL", "CONFORMANCE_LOGIN_URL", "CONFORMANCE_TOKEN_U1", "CONFORMANCE_TOKEN_U2", "CONFORMANCE_DOUBTS"] {
        command.env_remove(name);
    }
    let output = command.args(["--exact", "the_org_conforms", "--nocapture"]).envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output, said)
}

#[test]
fn the_suite_asks_the_program_by_its_address() {
    let program = Program::start();
    let (output, said) =
        suite(&[("CONFORMANCE_URL", &program.instance), ("CONFORMANCE_LOGIN_URL", &program.login), ("CONFORMANCE_ONLY", "B02,C01,C11,A22,Q03")]);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("conformance of {}", program.instance)), "{said}");
    let together = said.lines().find(|line| line.starts_with("together")).unwrap_or_default();
    let counts: Vec<&str> = together.split_whitespace().skip(1).collect();
    let [passed, failed, skipped] = counts.as_slice() else { panic!("{said}") };
    assert!(passed.parse::<usize>().unwrap() >= 5 && (*failed, *skipped) == ("0", "0"), "{said}");
}

#[test]
fn an_address_where_nobody_answers_is_no_org_that_conforms() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let (output, said) = suite(&[("CONFORMANCE_URL", &format!("http://{free}")), ("CONFORMANCE_TOKEN_U2", "x"), ("CONFORMANCE_ONLY", "C01,C11")]);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("cases failed"), "{said}");
}
