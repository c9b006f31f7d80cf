//! What the suite talks to: an org somewhere, or a simulated one that it starts itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use salesforce_sim::{Doubts, Options, Seed, Sim};

/// An org by its addresses.
#[derive(Clone, Debug)]
pub struct Target {
    /// Origin of the login host.
    pub login: String,
    /// Origin of the instance host.
    pub instance: String,
    /// Whether it has the simulator's control plane.
    pub control: bool,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Target {
    /// The org that the environment names, or a simulated one on a free port. The README lists the variables.
    pub async fn find() -> Target {
        match variable("CONFORMANCE_URL") {
            None => Target::start(doubts()).await,
            Some(instance) => {
                let instance = instance.trim_end_matches('/').to_owned();
                let login = variable("CONFORMANCE_LOGIN_URL").unwrap_or_else(|| instance.clone()).trim_end_matches('/').to_owned();
                let answer = reqwest::get(format!("{instance}/__control/counters")).await;
                let control = answer.is_ok_and(|answer| answer.status() == 200);
                Target { login, instance, control }
            }
        }
    }

    /// Starts the conformance org. It lives as long as the test's runtime.
    pub async fn start(doubts: Doubts) -> Target {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Target { login: format!("http://localhost:{port}"), instance: format!("http://127.0.0.1:{port}"), control: true };
        let options = Options { login_url: target.login.clone(), instance_url: target.instance.clone(), ..Options::default() };
        let sim = Sim::new(Seed { doubts, ..Seed::conformance() }, options).unwrap();
        tokio::spawn(sim.serve(listener));
        target
    }

    /// A token that the environment brings for a user.
    pub fn token(user: &str) -> Option<String> {
        variable(&format!("CONFORMANCE_TOKEN_{user}"))
    }
}

/// The open questions as the environment settles them.
fn doubts() -> Doubts {
    variable("CONFORMANCE_DOUBTS").map(|text| serde_norway::from_str(&text).unwrap()).unwrap_or_default()
}

/// Variables of the org that differ from the simulated one's: users, apps, the callback.
pub fn variables() -> BTreeMap<String, String> {
    variable("CONFORMANCE_VARIABLES").map_or_else(BTreeMap::new, |path| crate::case::read(Path::new(&path)))
}

/// The cases to run: all, or those whose id or area the environment names.
pub fn wanted(id: &str, area: &str) -> bool {
    variable("CONFORMANCE_ONLY").is_none_or(|list| list.split(',').any(|name| id.starts_with(name) || name == area))
}
