//! `passerelle verify`: what the check of a configuration found, in the reader's language.

use anyhow::{Error, Result, bail};
use clap::ValueEnum;
use passerelle_core::{
    app::{
        check::Report,
        operator::{Failure, Request},
    },
    domain::{
        config::Language,
        finding::{Finding, Severity},
        ids::ConnectionId,
    },
};
use serde_json::json;

use crate::target::Target;

/// A language to print in.
#[derive(Clone, Copy, ValueEnum)]
pub enum Tongue {
    /// French.
    Fr,
    /// English.
    En,
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Self {
        match tongue {
            Tongue::Fr => Self::Fr,
            Tongue::En => Self::En,
        }
    }
}

/// Checks, prints, and fails where anything will fail.
pub async fn verify(target: &Target, connection: &ConnectionId, as_json: bool, language: Language) -> Result<()> {
    let (_, function) = target.reach().await?;
    // Whoever does not reach the function has been told where to look.
    let hinted = |error: Error| if error.is::<Failure>() { error.context(target.hint()) } else { error };
    let report: Report = function.ask(&Request::Verify { connection: connection.clone() }).await.map_err(hinted)?;
    if as_json {
        let report = json!({"connection": connection, "configuration": report.version, "api_calls": report.api_calls, "findings": report.findings});
        println!("{report}");
    } else {
        report.findings.iter().for_each(|finding| print!("{}", text(finding, language)));
    }
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if report.has_errors() {
        bail!("{connection}, configuration {}: {errors} of {} findings will make something fail.", report.version, report.findings.len());
    }
    if !as_json {
        println!("{connection}, configuration {}: nothing stands in the way.", report.version);
    }
    Ok(())
}

/// A finding as a paragraph.
pub fn text(finding: &Finding, language: Language) -> String {
    let weight = match (finding.severity, language) {
        (Severity::Error, Language::En) => "error",
        (Severity::Error, Language::Fr) => "erreur",
        (Severity::Warning, Language::En) => "warning",
        (Severity::Warning, Language::Fr) => "attention",
        (Severity::Info, Language::En) => "note",
        (Severity::Info, Language::Fr) => "info",
    };
    let (words, cure) = (finding.words.to(language), finding.cure.to(language));
    format!("{weight}  {}  {}\n    {words}\n    → {cure}\n\n", finding.place, finding.code)
}
