//! `passerelle attributes`: what the platform knows about people now, as the section of the document that declares it.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use passerelle_core::{
    app::{configure, mautic},
    domain::{
        config::{ConfigFault, Document, parse_document},
        ids::ConnectionId,
        mapping::{Attribute, parse_inventory, take_over},
    },
};
use serde_json::{Value, json};

use crate::{operate, target::Target};

/// Where the document and the platform's list are.
#[derive(Args)]
pub struct Options {
    /// The document.
    #[arg(required_unless_present = "connection")]
    file: Option<PathBuf>,
    /// The platform's list.
    #[arg(required_unless_present = "connection")]
    list: Option<PathBuf>,
    /// Take this connection's document, and ask the Mautic that it names.
    #[arg(long, conflicts_with_all = ["file", "list"])]
    connection: Option<ConnectionId>,
}

/// Reads document and list, and prints the new section as YAML. What rules name that the platform has no more is told beside it.
pub async fn run(target: &Target, options: Options) -> Result<()> {
    match options {
        Options { file: Some(file), list: Some(list), .. } => {
            let inventory = parse_inventory(&operate::read_document(&list)?).map_err(|fault| anyhow!("{}: {fault}", list.display()))?;
            show(&operate::load_document(&file)?, inventory)
        }
        Options { connection: Some(connection), .. } => {
            let world = target.world().await?;
            let current = configure::load_current(world.ports(), &connection).await.context(target.hint())?;
            let (_, document) = current.with_context(|| format!("There is no connection called {connection}."))?;
            let attributes = mautic::attributes(world.ports(), &document).await.map_err(|error| match error.problem() {
                Some(found) => anyhow!("{} {}", found.words.en, found.cure.en),
                None => anyhow!(error),
            })?;
            show(&document, attributes)
        }
        _ => bail!("Name a document and a list, or a connection."),
    }
}

fn show(document: &Document, inventory: Vec<Attribute>) -> Result<()> {
    let attributes = take_over(&document.platform.attributes, inventory);
    println!("{}", serde_norway::to_string(&json!({"attributes": attributes}))?.trim_end());
    let mut changed: Value = serde_json::to_value(document)?;
    if let Some(platform) = changed.get_mut("platform").and_then(Value::as_object_mut) {
        platform.insert("attributes".to_owned(), serde_json::to_value(&attributes)?);
    }
    let faults: Vec<ConfigFault> = parse_document(&changed).err().unwrap_or_default();
    if !faults.is_empty() {
        let lines = operate::list_faults(faults.iter().map(|fault| (fault.place.as_str(), fault.message.as_str())));
        eprintln!("With these attributes the document would be refused until its rules are corrected:\n{lines}");
    }
    Ok(())
}
