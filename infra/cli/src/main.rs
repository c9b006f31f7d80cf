//! `passerelle`: the local stack and the demonstration, and the commands of those who run an installation.

mod attributes;
mod certificate;
mod connection;
mod demo;
mod explain;
mod fields;
mod function;
mod local;
mod operate;
mod people;
mod problems;
mod progress;
mod runs;
mod sync;
mod target;
mod trial;
mod verify;
mod webhook_key;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use passerelle_core::{domain::ids::ConnectionId, shell::telemetry};

use self::target::Target;

#[derive(Parser)]
#[command(version, about = "Brings people and what they did into Salesforce, and explains what it did.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    target: Target,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole stack on this machine: HTTP API, table, stream, schedules and a simulated org.
    Local(Local),
    /// Run the demonstration once, print what it did, and end.
    Demo {
        /// Print one JSON object instead of sentences.
        #[arg(long)]
        json: bool,
    },
    /// Store a configuration document (YAML or JSON). The consumer secret is read from PASSERELLE_CONSUMER_SECRET, a key that the platform made
    /// for its webhook from PASSERELLE_WEBHOOK_KEY, and what signs in to the platform's API from PASSERELLE_PLATFORM_SECRET.
    Apply {
        /// The document.
        file: PathBuf,
        /// Print one JSON object, with warnings in both languages.
        #[arg(long)]
        json: bool,
    },
    /// Print the section `platform.attributes` of a document brought up to date by the platform's own list: attributes in JSON or
    /// YAML, or the answer of Mautic's `/api/fields/contact`, which `--connection` asks for. What rules name that is not there is told.
    Attributes(attributes::Options),
    /// Show what an example body of the platform becomes under a document, without storing or sending anything.
    Try {
        /// The document.
        file: PathBuf,
        /// The body, as the platform sends it.
        body: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Connect a Salesforce org in the way that the configuration names: print the link for its administrator, which works once, for ten
    /// minutes; sign in at once (JWT bearer, client credentials); or show a code to type in (device).
    Connect(connection::Connect),
    /// Test a connection that there is.
    #[command(subcommand)]
    Connection(connection::Command),
    /// Revoke a connection's grant at Salesforce, or end its stored session where there is none, and delete its Salesforce secret. Its events wait, and its people keep their records.
    Disconnect {
        /// The connection.
        connection: ConnectionId,
    },
    /// Replace the key that a connection's webhook is signed with, in two steps.
    #[command(subcommand)]
    WebhookKey(webhook_key::Command),
    /// Print the certificate that the app in Salesforce needs for the JWT bearer flow. The key to it is made with the first call, and kept in
    /// the connection's secret only.
    Certificate(certificate::Options),
    /// Check a connection's configuration against its org, and tell what is wrong and what cures it.
    Verify {
        /// The connection.
        connection: ConnectionId,
        /// Print one JSON object, with both languages.
        #[arg(long)]
        json: bool,
        /// The language of the findings.
        #[arg(long, default_value = "en")]
        language: verify::Tongue,
    },
    /// List the custom fields that a connection needs and its org lacks, or make them.
    Fields(fields::Options),
    /// Let a connected connection work.
    Activate {
        /// The connection.
        connection: ConnectionId,
    },
    /// Stop a connection; its events wait.
    Pause {
        /// The connection.
        connection: ConnectionId,
    },
    /// Tell where every connection stands, or what became of one event.
    Status {
        /// The connection; without one, all.
        connection: Option<ConnectionId>,
        /// The event, by its platform's id.
        event: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell what waits, grouped by cause, with what cures it; `problems resume CONNECTION` sets it going again.
    #[command(args_conflicts_with_subcommands = true)]
    Problems(problems::Options),
    /// Work an event again that has ended or is parked. What it has done already is not done twice.
    Replay {
        /// The connection.
        connection: ConnectionId,
        /// The event, by its platform's id.
        event: String,
    },
    /// Give the timeline the activities of the last seven days; what is there already stays one.
    Backfill {
        /// The connection.
        connection: ConnectionId,
    },
    /// Tell of the last days how many events came, and what became of them. Fails where any is missing.
    Ledger {
        /// The connection.
        connection: ConnectionId,
        /// How many days.
        #[arg(long, default_value_t = 7)]
        days: u8,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell what the last hourly runs have read and done. Fails where one does not balance.
    Runs {
        /// The connection.
        connection: ConnectionId,
        /// How many runs.
        #[arg(long, default_value_t = 24)]
        last: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Synchronise everybody, a project, or the people of a file now. Repeated, it goes on where it was.
    Sync(sync::Options),
    /// Tell how many people are synchronised.
    People {
        /// The connection.
        connection: ConnectionId,
        /// Tell as well how many were synchronised last at this time or later, for example 2026-03-01 or 2026-03-01T08:00:00Z.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Or before this time.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the configuration document.
    Schema,
}

/// Options of the local stack.
#[derive(Args, Clone, Default)]
pub struct Local {
    /// Keep database, secrets and the simulated org in this directory across starts.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Speak to this org instead of a simulated one, for example https://login.salesforce.com.
    #[arg(long, value_name = "URL")]
    salesforce: Option<String>,
    /// Start without the demonstration.
    #[arg(long)]
    empty: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // Lines of a log would stand between the sentences that a person reads, so they come only where they are asked for.
    if std::env::var_os("PASSERELLE_LOG").is_some() {
        telemetry::start(std::io::stderr);
    }
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => local::run(Local::default(), cli.target.ports()).await,
        Some(Command::Local(options)) => local::run(options, cli.target.ports()).await,
        Some(Command::Demo { json }) => demo::run_once(json).await,
        Some(Command::Apply { file, json }) => operate::apply(&cli.target, &file, json).await,
        Some(Command::Attributes(options)) => attributes::run(&cli.target, options).await,
        Some(Command::Try { file, body, json }) => trial::run(&file, &body, json),
        Some(Command::Connect(options)) => connection::connect(&cli.target, options).await,
        Some(Command::Connection(command)) => connection::run(&cli.target, command).await,
        Some(Command::Disconnect { connection }) => connection::disconnect(&cli.target, &connection).await,
        Some(Command::WebhookKey(command)) => webhook_key::run(&cli.target, command).await,
        Some(Command::Certificate(options)) => certificate::run(&cli.target, options).await,
        Some(Command::Verify { connection, json, language }) => verify::verify(&cli.target, &connection, json, language.into()).await,
        Some(Command::Fields(options)) => fields::run(&cli.target, options).await,
        Some(Command::Activate { connection }) => operate::activate(&cli.target, &connection).await,
        Some(Command::Pause { connection }) => operate::pause(&cli.target, &connection).await,
        Some(Command::Status { connection, event, json }) => operate::status(&cli.target, connection, event, json).await,
        Some(Command::Problems(options)) => problems::run(&cli.target, options).await,
        Some(Command::Replay { connection, event }) => problems::replay(&cli.target, &connection, &event).await,
        Some(Command::Backfill { connection }) => operate::backfill(&cli.target, &connection).await,
        Some(Command::Ledger { connection, days, json }) => problems::ledger(&cli.target, &connection, days, json).await,
        Some(Command::Runs { connection, last, json }) => runs::run(&cli.target, &connection, last, json).await,
        Some(Command::Sync(options)) => sync::run(&cli.target, options).await,
        Some(Command::People { connection, since, until, json }) => {
            people::run(&cli.target, &connection, (since.as_deref(), until.as_deref()), json).await
        }
        Some(Command::Schema) => {
            print!("{}", passerelle_core::domain::config::json_schema());
            Ok(())
        }
    }
}
