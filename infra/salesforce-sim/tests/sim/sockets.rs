//! The simulator on a real socket, spoken to byte by byte.

use salesforce_sim::{Effect, Matcher, Options, Sim};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::common::seed;

struct Server {
    sim: Sim,
    port: u16,
}

async fn serve() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options { login_url: format!("http://localhost:{port}"), instance_url: format!("http://127.0.0.1:{port}"), ..Options::default() };
    let sim = Sim::new(seed(), options).unwrap();
    tokio::spawn(sim.clone().serve(listener));
    Server { sim, port }
}

impl Server {
    /// Sends one request and reads until the server closes.
    async fn talk(&self, host: &str, request: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let text =
            format!("{request} HTTP/1.1\r\nHost: {host}:{}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}", self.port, body.len());
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn bearer(&self) -> String {
        let token = self.sim.control().issue_token("admin@org.example", "a1").unwrap();
        format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n")
    }
}

#[tokio::test]
async fn both_hosts_share_a_listener() {
    let server = serve().await;
    let bearer = server.bearer();
    let data = server.talk("127.0.0.1", "GET /services/data/v66.0/limits", &bearer, "").await;
    assert!(data.starts_with("HTTP/1.1 200 OK\r\n") && data.to_lowercase().contains("sforce-limit-info: api-usage=1/"), "{data}");
    let lost = server.talk("localhost", "GET /services/data/v66.0/limits", &bearer, "").await;
    assert!(lost.starts_with("HTTP/1.1 404"), "{lost}");
    let login = server.talk("localhost", "GET /.well-known/openid-configuration", "", "").await;
    assert!(login.contains(&format!("\"issuer\":\"http://localhost:{}\"", server.port)), "{login}");
}

#[tokio::test]
async fn a_cut_closes_the_socket_without_a_byte_and_a_truncation_breaks_off() {
    let server = serve().await;
    let bearer = server.bearer();
    let post = r#"{"LastName":"Lee","Company":"ACME"}"#;
    let control = server.sim.control();
    let cut = control.fault(Matcher::route("sobject"), Effect::CutAfter);
    assert_eq!(server.talk("127.0.0.1", "POST /services/data/v66.0/sobjects/Lead", &bearer, post).await, "");
    control.remove_fault(cut);
    assert_eq!(server.sim.with_org(|org| org.count("Lead").unwrap()), 1);
    control.fault(Matcher::route("limits"), Effect::Truncate { bytes: 12 });
    let short = server.talk("127.0.0.1", "GET /services/data/v66.0/limits", &bearer, "").await;
    let (head, body) = short.split_once("\r\n\r\n").unwrap();
    let promised: usize = head.to_lowercase().split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    assert!(body.len() == 12 && promised > 12, "{short}");
}

#[tokio::test]
async fn a_slow_answer_trickles() {
    let server = serve().await;
    let bearer = server.bearer();
    server.sim.control().fault(Matcher::route("versions"), Effect::Slow { bytes_per_second: 20_000 });
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let request = format!("GET /services/data HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n{bearer}\r\n", server.port);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reads = 0;
    let mut answer = Vec::new();
    while stream.read_buf(&mut answer).await.unwrap() > 0 {
        reads += 1;
    }
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let promised: usize = head.to_lowercase().split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    assert_eq!(body.len(), promised);
    assert!(reads >= 2, "{reads} reads of {promised} bytes");
}
