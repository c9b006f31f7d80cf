//! Connecting an org, and testing that it is connected.

use std::process::{Command as Process, Stdio};

use anyhow::{Context, Error, Result, anyhow, bail};
use clap::{Args, Subcommand};
use passerelle_core::{
    app::{
        configure,
        connect::{self, Connected, DeviceCode, Polled, Revoked},
        operator::{Failure, Request},
        tokens,
    },
    domain::{
        config::Auth,
        ids::{ConnectionId, RecordId},
    },
    ports::Clock,
    shell::runtime::World,
};
use serde_json::json;

use crate::{function::Function, operate, target::Target};

/// Options of `connect`.
#[derive(Args)]
pub struct Connect {
    /// The connection.
    connection: ConnectionId,
    /// Open the link in this machine's browser, too.
    #[arg(long)]
    open: bool,
}

/// What can be done with a connection that there is.
#[derive(Subcommand)]
pub enum Command {
    /// Sign in as the functions do, call the API once, and tell the org, the user and the calls left, or what is wrong and what cures it. A
    /// broken connection that works again goes on with what waited.
    Test {
        /// The connection.
        connection: ConnectionId,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Tie a connection to another org than the one that it was connected to: a sandbox that was refreshed is another org. Connect it
    /// afterwards. Ties of people to records of the former org count no more.
    ConfirmOrg {
        /// The connection.
        connection: ConnectionId,
        /// The org's id, as its setup shows it under "Company Information"; it begins with 00D.
        #[arg(value_parser = RecordId::parse)]
        organization: RecordId,
    },
}

/// Where an org's administrator takes grants away.
const WHERE: &str = "in Setup under \"Connected Apps OAuth Usage\"";

/// What becomes of the sessions of a flow that has no grant. Here nobody uses them any more, as the pointer names nothing.
const SESSIONS: &str = "Its flow has no grant that could be revoked: a session that was given since is used no more, and ends by itself after the time that the org sets.";

/// Connects an org in the way that the document names.
pub async fn connect(target: &Target, options: Connect) -> Result<()> {
    let ((world, function), c) = (target.reach().await?, &options.connection);
    let ports = world.ports();
    let document = configure::load_current(ports, c).await.context(target.hint())?;
    let Some((_, document)) = document else { bail!("There is no connection {c}. Apply its configuration first.") };
    tokens::ensure_secret(ports, c).await?;
    let connected = match document.salesforce.auth {
        Auth::WebServer(_) => {
            let link = operate::connect_link(ports, c).await.context(target.hint())?;
            if let Some(origin) = &ports.settings.public_url {
                println!("The app's callback URL, letter by letter: {}", connect::callback_url(origin, c));
            }
            println!("Send this link to an administrator of the Salesforce org. Its button works once, for ten minutes:\n{link}");
            if options.open && !open(&link) {
                eprintln!("No browser could be opened here; open the link yourself.");
            }
            return Ok(());
        }
        Auth::JwtBearer(_) | Auth::ClientCredentials(_) => function.ask(&Request::SignIn { connection: c.clone() }).await,
        Auth::Device(_) => by_device(&function, ports.clock, c, options.open).await,
    };
    let connected = connected.map_err(explained)?;
    println!("{c} is connected.");
    print!("{}", in_words(&connected));
    Ok(())
}

/// Shows a code, and waits here until somebody has typed it in: each question is a call of its own, so that no function waits.
async fn by_device(function: &Function, clock: &dyn Clock, c: &ConnectionId, opens: bool) -> Result<Connected> {
    let code: DeviceCode = function.ask(&Request::BeginDevice { connection: c.clone() }).await?;
    println!("Open {} and type in: {}\nWaiting for ten minutes at most …", code.verification_url, code.user_code);
    if opens && !open(&code.verification_url) {
        eprintln!("No browser could be opened here; open the page yourself.");
    }
    let poll = async |code: &DeviceCode| function.ask::<Polled>(&Request::PollDevice { connection: c.clone(), code: code.clone() }).await;
    connect::wait_for_device(clock, &code, poll).await
}

/// Hands an address to the desktop's browser.
fn open(address: &str) -> bool {
    let (program, arguments): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("rundll32", &["url.dll,FileProtocolHandler"]),
        _ => ("xdg-open", &[]),
    };
    let opened = Process::new(program).args(arguments).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    opened.is_ok_and(|status| status.success())
}

/// Does what was asked for.
pub async fn run(target: &Target, command: Command) -> Result<()> {
    let (world, function) = target.reach().await?;
    match command {
        Command::Test { connection, json } => {
            let tested = function.ask(&Request::Test { connection: connection.clone() }).await;
            tell(&connection, tested, json)
        }
        Command::ConfirmOrg { connection, organization } => {
            ensure_secret(&world, &connection).await?;
            let request = Request::ConfirmOrganization { connection: connection.clone(), organization };
            let revoked = function.ask(&request).await.map_err(explained)?;
            match revoked {
                Revoked::Yes => println!("The grant of {connection} at the former org is revoked."),
                Revoked::Session => println!("The stored session of {connection} at the former org is ended. {SESSIONS}"),
                Revoked::Nothing => {}
                Revoked::Not { code } => println!("The former org could not be told that its grant is given up ({code}). Revoke it there, {WHERE}."),
            }
            println!("{connection} is tied to the org {organization}. Connect it now: passerelle connect {connection}");
            Ok(())
        }
    }
}

fn tell(c: &ConnectionId, tested: Result<Connected>, as_json: bool) -> Result<()> {
    match tested {
        Ok(connected) if as_json => println!("{}", json!({"connection": c, "works": true, "org": connected})),
        Ok(connected) => print!("{c} works.\n{}", in_words(&connected)),
        Err(error) => match error.downcast_ref::<Failure>() {
            Some(Failure::Refused(refused)) if as_json => {
                println!("{}", json!({"connection": c, "works": false, "refused": refused}));
                bail!("{c} does not work: {}.", refused.code);
            }
            _ => return Err(explained(error)),
        },
    }
    Ok(())
}

/// A refusal as a person reads it.
fn explained(error: Error) -> Error {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Refused(refused)) => anyhow!("{}\n→ {}\n({})", refused.cause, refused.cure, refused.code),
        _ => error,
    }
}

/// Makes the secret of a connection that there is, which the function is about to change or delete.
async fn ensure_secret(world: &World, c: &ConnectionId) -> Result<()> {
    if world.ports().table.load_meta(c).await?.is_some() {
        tokens::ensure_secret(world.ports(), c).await?;
    }
    Ok(())
}

/// Takes the org away.
pub async fn disconnect(target: &Target, c: &ConnectionId) -> Result<()> {
    let (world, function) = target.reach().await?;
    ensure_secret(&world, c).await?;
    match function.ask(&Request::Disconnect { connection: c.clone() }).await.map_err(explained)? {
        Revoked::Yes => println!("{c} is disconnected: its grant is revoked at Salesforce."),
        Revoked::Session => println!("{c} is disconnected: its stored session is ended at Salesforce. {SESSIONS}"),
        Revoked::Nothing => println!("{c} is disconnected: there was no grant to revoke."),
        Revoked::Not { code } => {
            println!("{c} is disconnected here, but Salesforce could not be told ({code}). Revoke the grant there, {WHERE}.");
        }
    }
    println!("Its secret is deleted; events wait. To connect it again, give the app's secret or certificate again.");
    Ok(())
}

fn in_words(connected: &Connected) -> String {
    let mut lines = vec![format!("org   {} at {}", connected.organization, connected.instance_url)];
    lines.extend(connected.user.iter().map(|user| format!("user  {user}")));
    lines.extend(connected.usage.map(|(used, max)| format!("API calls left of the last 24 hours: {} of {max}", max.saturating_sub(used))));
    lines.extend(connected.certificate_not_accepted.iter().map(|id| {
        format!("Salesforce does not accept the certificate {id} yet; the one before was used. Upload it to the app, or wait some ten minutes.")
    }));
    lines.into_iter().map(|line| format!("  {line}\n")).collect()
}
