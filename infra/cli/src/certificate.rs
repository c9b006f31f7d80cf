//! The certificate of the JWT bearer flow: made, printed, replaced.

use anyhow::{Context, Result, bail};
use clap::Args;
use passerelle_core::{
    app::{
        configure,
        tokens::{self, SigningKey},
    },
    domain::{config::Auth, ids::ConnectionId},
    ports::Ports,
};

use crate::target::Target;

/// Options of `certificate`.
#[derive(Args)]
pub struct Options {
    /// The connection.
    connection: ConnectionId,
    /// Make a new key beside the one that there is, and print its certificate. The old one signs until Salesforce accepts the new one.
    #[arg(long)]
    new: bool,
    /// Take the old key away, once Salesforce has accepted the new one.
    #[arg(long, conflicts_with = "new")]
    retire: bool,
}

/// Prints the newest certificate, so that it can be written to a file; everything else goes to the other output.
pub async fn run(target: &Target, options: Options) -> Result<()> {
    let (world, c) = (target.world().await?, &options.connection);
    let ports = world.ports();
    let document = configure::load_current(ports, c).await.context(target.hint())?;
    let Some((_, document)) = document else { bail!("There is no connection {c}. Apply its configuration first.") };
    if options.retire {
        let gone = tokens::retire_key(ports, c).await?;
        println!("The certificate {gone} is retired. {c} signs with the new one only.");
        return Ok(());
    }
    let held = tokens::load_credentials(ports, c).await?.unwrap_or_default();
    let key = match held.keys.first() {
        Some(key) if !options.new => key.clone(),
        _ => make(ports, c).await?,
    };
    print!("{}", key.certificate);
    eprintln!("The certificate {} of {c} is valid until {}.", key.id, key.expires_at.strftime("%Y-%m-%d"));
    if !matches!(document.salesforce.auth, Auth::JwtBearer(_)) {
        eprintln!("It is used when the configuration says `salesforce.auth: jwt_bearer`.");
    }
    if held.accepted_key.as_ref() != Some(&key.id) {
        eprintln!("Upload it to the app in Salesforce (OAuth settings, JWT bearer flow), then run `passerelle connect {c}`.");
    }
    Ok(())
}

/// Makes a key and stores it.
pub async fn make(ports: Ports<'_>, c: &ConnectionId) -> Result<SigningKey> {
    let made = passerelle_certificate::make(&format!("Passerelle {c}"), ports.clock.now())?;
    let key = SigningKey::new(made.private_key, made.certificate, made.expires_at);
    tokens::add_key(ports, c, key.clone()).await?;
    Ok(key)
}
