//! `mautic-sim`: a simulated Mautic on a local port.

use std::{process::ExitCode, sync::Arc};

use clap::Parser;
use jiff::Timestamp;
use mautic_sim::{CLIENT_ID, CLIENT_SECRET, Mautic, PASSWORD, USER};

/// A simulated Mautic for trying and testing clients.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    port: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mautic = Mautic::new(Arc::new(Timestamp::now));
    match mautic.serve(Arguments::parse().port).await {
        Ok(address) => {
            println!("address  http://{address}\nclient   {CLIENT_ID}   secret {CLIENT_SECRET}\nuser     {USER}   password {PASSWORD}");
            let _ = tokio::signal::ctrl_c().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("The port cannot be opened: {error}");
            ExitCode::FAILURE
        }
    }
}
