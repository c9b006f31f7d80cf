//! The signing key of a webhook, replaced in two steps.

use anyhow::{Context, Result};
use clap::Subcommand;
use passerelle_core::{
    app::webhook_keys::{self, Again},
    domain::ids::ConnectionId,
};
use secrecy::ExposeSecret;

use crate::target::Target;

/// What is done with the keys.
#[derive(Subcommand)]
pub enum Command {
    /// Make a new key beside the one that there is, and show it this once. Both are good until the old one is retired.
    Rotate {
        /// The connection.
        connection: ConnectionId,
        /// Where there are two already: make another one in the place of the newer, which nobody has noted down.
        #[arg(long)]
        again: bool,
    },
    /// Take the old key away, when the platform signs with the new one.
    Retire {
        /// The connection.
        connection: ConnectionId,
    },
}

/// Does what was asked for.
pub async fn run(target: &Target, command: Command) -> Result<()> {
    let world = target.world().await?;
    match command {
        Command::Rotate { connection, again } => {
            let again = if again { Again::Yes } else { Again::No };
            let key = webhook_keys::rotate(world.ports(), &connection, again).await.context(target.hint())?;
            println!("The webhook's new signing key, shown this once: {}", key.expose_secret());
            println!("The old one is still good. When the platform signs with the new one: passerelle webhook-key retire {connection}");
        }
        Command::Retire { connection } => {
            let retired = webhook_keys::retire(world.ports(), &connection).await.context(target.hint())?;
            println!(
                "The old key of {connection} is retired{}.",
                if retired > 1 { ", and with it that of the source's other connections" } else { "" }
            );
        }
    }
    Ok(())
}
