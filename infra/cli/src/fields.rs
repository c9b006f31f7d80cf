//! `passerelle fields`: the custom fields that a document needs, listed, made, or written as a project to deploy.

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail};
use clap::Args;
use passerelle_core::{
    app::{
        fields::Reload,
        operator::{Failure, Field, Made, Request, Told},
    },
    domain::{
        config::Language,
        engine::Engine,
        ids::ConnectionId,
        properties::needed,
        sfdx::{File, project},
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
    let ((_, function), language) = (target.reach().await?, options.language.into());
    if options.create {
        let made = function.ask(&Request::CreateFields { connection: connection.clone() }).await;
        let Made { made, after } = made.map_err(|error| explain(error, language))?;
        made.iter().for_each(|field| println!("made     {}", line(field)));
        lacking(&after).for_each(|field| println!("hidden   {}", line(field)));
        if lacking(&after).next().is_some() {
            bail!("The org still does not show everything.");
        }
        println!("{connection}: the org has all {} fields.", after.fields.len());
        return Ok(());
    }
    let reload = if options.reload { Reload::Yes } else { Reload::No };
    let found = function.ask(&Request::ListFields { connection: connection.clone(), reload }).await;
    let found: Told = found.map_err(|error| explain(error, language))?;
    if let Some(folder) = &options.sfdx {
        return write(folder, &found.project);
    }
    for field in &found.fields {
        println!("{:<8} {}", if field.is_there { "there" } else { "missing" }, line(field));
    }
    let lacks = lacking(&found).count();
    println!("{connection}: the org lacks {lacks} of {} fields.", found.fields.len());
    if lacks > 0 {
        println!("Make them with --create, or write a project to deploy with --sfdx DIR.");
    }
    Ok(())
}

fn lacking(told: &Told) -> impl Iterator<Item = &Field> {
    told.fields.iter().filter(|field| !field.is_there)
}

fn line(field: &Field) -> String {
    format!("{}.{}  {}  {}", field.object, field.name, field.kind, field.label)
}

fn explain(error: Error, language: Language) -> Error {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Unreached(finding)) => anyhow!("{} {}", finding.words.to(language), finding.cure.to(language)),
        _ => error,
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
