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
    /// Keeps the org in this file: starts from it where it is there, and saves to it while running and at the end.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
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

/// Starts from the kept org, or from the seed where there is none yet.
fn start(arguments: &Arguments, options: Options) -> Result<Sim, String> {
    match arguments.data.as_deref().filter(|path| path.exists()) {
        Some(path) => Sim::load_from(path, options).map_err(|error| format!("{}: {}", path.display(), chain(&error))),
        None => Sim::new(load_seed(arguments)?, options).map_err(|error| error.to_string()),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error} {}", chain(cause)),
        None => error.to_string(),
    }
}

/// Nobody need listen: whoever started the program may have read enough.
fn say(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    // Before anything is said: whoever reads it may tell the program to end at once.
    let stopped = stopped().map_err(failed)?;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = listener.await.map_err(|error| format!("Port {} cannot be opened: {error}", arguments.port))?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let options = Options { login_url: format!("http://localhost:{port}"), instance_url: format!("http://127.0.0.1:{port}"), ..Options::default() };
    say(format_args!("login host     {}", options.login_url));
    say(format_args!("instance host  {}   (open it in a browser to see the org)", options.instance_url));
    let sim = start(&arguments, options)?;
    for user in sim.with_org(|org| org.users().cloned().collect::<Vec<_>>()) {
        say(format_args!("user           {}   password {}", user.username, user.password));
    }
    for app in sim.control().apps() {
        let (secret, callbacks) = (app.secret.as_deref().unwrap_or("none"), app.callback_urls.join(" "));
        say(format_args!("app            {}   secret {secret}   callbacks {callbacks}", app.client_id));
    }
    let keep = async {
        match &arguments.data {
            Some(path) => sim.keep(path).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        served = sim.clone().serve(listener) => served.map_err(failed)?,
        error = keep => return Err(format!("The org cannot be saved: {error}")),
        () = stopped => {}
    }
    match &arguments.data {
        Some(path) => sim.save_to(path).map_err(|error| format!("The org cannot be saved: {error}")),
        None => Ok(()),
    }
}

/// Ctrl-C, or the wish of whoever runs the process that it ends; heard from now on.
#[cfg(unix)]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ctrl-C; heard from now on.
#[cfg(windows)]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut pressed = tokio::signal::windows::ctrl_c()?;
    Ok(async move { drop(pressed.recv().await) })
}
