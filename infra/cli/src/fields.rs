//! `passerelle fields`: the custom fields that a document needs, listed, made, or written as a project to deploy.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use passerelle_core::{
    app::{
        fields::{self, FieldsError, Reload},
        tokens::SessionCache,
    },
    domain::{
        config::Language,
        engine::Engine,
        ids::ConnectionId,
        properties::{Property, needed},
        sfdx::{File, project, type_name},
    },
};

use crate::{operate, target::Target, verify::Tongue};

/// What to do about the fields.
#[derive(Args)]
pub struct Options {
    /// The connection.
    #[arg(required_unless_present = "document")]
    connection: Option<ConnectionId>,
    /// Ask the org anew, even if it was described today.
    #[arg(long, conflicts_with = "document")]
    reload: bool,
    /// Make what the org lacks, and give the integration user's permission set the right to it.
    #[arg(long, conflicts_with_all = ["sfdx", "document"])]
    create: bool,
    /// Write what the org lacks as a project for `sf project deploy start`.
    #[arg(long, value_name = "DIR")]
    sfdx: Option<PathBuf>,
    /// Go by this document alone, for an org that has none of its fields yet.
    #[arg(long, value_name = "FILE", conflicts_with = "connection", requires = "sfdx")]
    document: Option<PathBuf>,
    /// The language of messages.
    #[arg(long, default_value = "en")]
    language: Tongue,
}

/// Lists, makes or writes.
pub async fn run(target: &Target, options: Options) -> Result<()> {
    if let (Some(document), Some(folder)) = (&options.document, &options.sfdx) {
        return write(folder, &from_document(document)?);
    }
    let Some(connection) = &options.connection else { bail!("Name a connection, or a document.") };
    let (world, sessions, language) = (target.world().await?, SessionCache::default(), options.language.into());
    if options.create {
        let made = fields::create(world.ports(), &sessions, connection).await;
        let (made, after) = made.map_err(|error| explain(error, language))?;
        made.iter().for_each(|property| println!("made     {}", line(property)));
        after.lacking.iter().for_each(|property| println!("hidden   {}", line(property)));
        if !after.lacking.is_empty() {
            bail!("The org still does not show everything.");
        }
        println!("{connection}: the org has all {} fields.", after.needed.len());
        return Ok(());
    }
    let reload = if options.reload { Reload::Yes } else { Reload::No };
    let found = fields::list(world.ports(), &sessions, connection, reload).await;
    let found = found.map_err(|error| explain(error, language))?;
    if let Some(folder) = &options.sfdx {
        return write(folder, &found.project);
    }
    for property in &found.needed {
        let state = if found.lacking.contains(property) { "missing" } else { "there" };
        println!("{state:<8} {}", line(property));
    }
    println!("{connection}: the org lacks {} of {} fields.", found.lacking.len(), found.needed.len());
    if !found.lacking.is_empty() {
        println!("Make them with --create, or write a project to deploy with --sfdx DIR.");
    }
    Ok(())
}

fn line(property: &Property) -> String {
    format!("{}.{}  {}  {}", property.object, property.name, type_name(property.kind), property.label)
}

fn explain(error: FieldsError, language: Language) -> anyhow::Error {
    match error {
        FieldsError::Unreached(finding) => anyhow!("{} {}", finding.words.to(language), finding.cure.to(language)),
        other => anyhow!(other),
    }
}

/// The project of a document for an org that has nothing of it.
fn from_document(file: &Path) -> Result<Vec<File>> {
    let engine = Engine::new(operate::load_document(file)?, 0)?;
    let (document, maps) = (&engine.document, engine.maps());
    let needed = needed(document, maps);
    Ok(project(document, maps, &needed, &needed))
}

fn write(folder: &Path, files: &[File]) -> Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        let parent = path.parent().context("The folder has no name.")?;
        std::fs::create_dir_all(parent).with_context(|| format!("{} cannot be made.", parent.display()))?;
        std::fs::write(&path, &file.text).with_context(|| format!("{} cannot be written.", path.display()))?;
        println!("{}", path.display());
    }
    println!("Deploy it with: sf project deploy start, inside {}. Then assign the permission set to the integration user.", folder.display());
    Ok(())
}
