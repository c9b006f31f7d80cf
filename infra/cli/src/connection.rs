//! Connecting an org, and testing that it is connected.

use std::process::{Command as Process, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use passerelle_core::{
    app::{
        configure,
        connect::{self, Connected, Refused, Revoked},
    },
    domain::{
        config::Auth,
        ids::{ConnectionId, RecordId},
    },
};
use serde_json::json;

use crate::{operate, target::Target};

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

/// Connects an org in the way that the document names.
pub async fn connect(target: &Target, options: Connect) -> Result<()> {
    let (world, c) = (target.world().await?, &options.connection);
    let ports = world.ports();
    let document = configure::load_current(ports, c).await.context(target.hint())?;
    let Some((_, document)) = document else { bail!("There is no connection {c}. Apply its configuration first.") };
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
        Auth::JwtBearer(_) | Auth::ClientCredentials(_) => connect::sign_in(ports, c).await,
        Auth::Device(_) => {
            let tell = |code: &connect::DeviceCode| {
                println!("Open {} and type in: {}\nWaiting for ten minutes at most …", code.verification_url, code.user_code);
                if options.open {
                    open(&code.verification_url);
                }
            };
            connect::by_device(ports, c, tell).await
        }
    };
    let connected = connected.map_err(explained)?;
    println!("{c} is connected.");
    print!("{}", in_words(&connected));
    Ok(())
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
    let world = target.world().await?;
    match command {
        Command::Test { connection, json } => {
            let tested = connect::test(world.ports(), &connection).await;
            tell(&connection, tested, json)
        }
        Command::ConfirmOrg { connection, organization } => {
            let revoked = connect::confirm_organization(world.ports(), &connection, &organization).await.map_err(explained)?;
            match revoked {
                Revoked::Yes => println!("The grant of {connection} at the former org is revoked."),
                Revoked::Nothing => {}
                Revoked::Not { code } => println!("The former org could not be told that its grant is given up ({code}). Revoke it there, {WHERE}."),
            }
            println!("{connection} is tied to the org {organization}. Connect it now: passerelle connect {connection}");
            Ok(())
        }
    }
}

fn tell(c: &ConnectionId, tested: Result<Connected, Refused>, as_json: bool) -> Result<()> {
    match (&tested, as_json) {
        (Ok(connected), true) => println!("{}", json!({"connection": c, "works": true, "org": connected})),
        (Ok(connected), false) => print!("{c} works.\n{}", in_words(connected)),
        (Err(refused), true) => println!("{}", json!({"connection": c, "works": false, "refused": refused})),
        (Err(_), false) => {}
    }
    match tested {
        Ok(_) => Ok(()),
        Err(refused) if as_json => bail!("{c} does not work: {}.", refused.code),
        Err(refused) => Err(explained(refused)),
    }
}

/// A refusal as a person reads it.
fn explained(refused: Refused) -> anyhow::Error {
    anyhow!("{}\n→ {}\n({})", refused.cause, refused.cure, refused.code)
}

/// Takes the org away.
pub async fn disconnect(target: &Target, c: &ConnectionId) -> Result<()> {
    let world = target.world().await?;
    match connect::disconnect(world.ports(), c).await.map_err(explained)? {
        Revoked::Yes => println!("{c} is disconnected: its grant is revoked at Salesforce."),
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
