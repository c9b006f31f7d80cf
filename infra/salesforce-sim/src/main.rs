//! `salesforce-sim`: a simulated org on a local port.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use salesforce_sim::{Options, Seed, Sim};

/// A simulated Salesforce org for trying and testing clients.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The org as a YAML or JSON document.
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    seed: Option<PathBuf>,
    /// The demonstration org, which is also the default.
    #[arg(long)]
    demo: bool,
    /// The org of the conformance suite instead.
    #[arg(long, conflicts_with_all = ["seed", "demo"])]
    conformance: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn load_seed(arguments: &Arguments) -> Result<Seed, String> {
    let Some(path) = &arguments.seed else {
        return Ok(if arguments.conformance { Seed::conformance() } else { Seed::demo() });
    };
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    serde_norway::from_str(&text).map_err(|error| format!("{} is no seed: {error}", path.display()))
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let seed = load_seed(&arguments)?;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = listener.await.map_err(|error| format!("Port {} cannot be opened: {error}", arguments.port))?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let options = Options { login_url: format!("http://localhost:{port}"), instance_url: format!("http://127.0.0.1:{port}"), ..Options::default() };
    println!("login host     {}", options.login_url);
    println!("instance host  {}   (open it in a browser to see the org)", options.instance_url);
    for user in &seed.users {
        println!("user           {}   password {}", user.username, user.password);
    }
    for app in &seed.apps {
        println!("app            {}   secret {}   callbacks {}", app.client_id, app.secret.as_deref().unwrap_or("none"), app.callback_urls.join(" "));
    }
    let sim = Sim::new(seed, options).map_err(|error| error.to_string())?;
    tokio::select! {
        served = sim.serve(listener) => served.map_err(|error| error.to_string()),
        stopped = tokio::signal::ctrl_c() => stopped.map_err(|error| error.to_string()),
    }
}
