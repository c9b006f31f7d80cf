//! What the hourly runs of a connection have read and done.

use anyhow::{Context, Result};
use passerelle_core::domain::{
    ids::ConnectionId,
    mautic::problem,
    run::{Run, Tally},
};
use serde_json::json;

use crate::target::Target;

/// Prints the last runs, oldest first, and fails where one does not balance.
pub async fn run(target: &Target, connection: &ConnectionId, last: usize, as_json: bool) -> Result<()> {
    let world = target.world().await?;
    let ports = world.ports();
    let runs = ports.table.load_runs(connection, last).await.context(target.hint())?;
    let cursor = ports.table.load_cursor(connection).await.context(target.hint())?;
    if as_json {
        let runs: Vec<_> = runs.iter().map(|run| json!({"run": run, "balances": run.balances()})).collect();
        println!("{}", json!({"runs": runs, "under_way": cursor.run, "next_at": cursor.next_at}));
    } else if runs.is_empty() && cursor.run.is_none() {
        println!("{connection} has had no run. `reconciliation.push` and `reconciliation.pull` of its document switch them on.");
    } else {
        runs.iter().for_each(|run| println!("{}", in_words(run)));
        if let Some(run) = &cursor.run {
            println!("A run has been under way since {}.", run.started_at.strftime("%Y-%m-%d %H:%M UTC"));
        } else if let Some(next) = cursor.next_at {
            println!("The next run is due at {}.", next.strftime("%Y-%m-%d %H:%M UTC"));
        }
    }
    let wrong = runs.iter().filter(|run| !run.balances()).count();
    anyhow::ensure!(wrong == 0, "{wrong} runs of {connection} do not balance: not all that they read is accounted for.");
    Ok(())
}

pub fn in_words(run: &Run) -> String {
    let sheet = &run.sheet;
    let ended = run.ended_at.unwrap_or(run.started_at);
    let mut lines = vec![format!(
        "{}  {} s, {} API calls, changes since {}{}",
        run.started_at.strftime("%Y-%m-%d %H:%M UTC"),
        ended.duration_since(run.started_at).as_secs(),
        run.api_calls,
        run.since.strftime("%Y-%m-%d %H:%M UTC"),
        if run.balances() { "" } else { "  DOES NOT BALANCE" },
    )];
    let asked = if run.everybody.is_some() { format!(", {} people asked for", sheet.asked) } else { String::new() };
    let accounts = if sheet.accounts > 0 { format!(" ({} of accounts)", sheet.accounts) } else { String::new() };
    lines.push(format!("  {} records read{accounts}, {} people waited{asked}", sheet.read, sheet.waited));
    lines.push(format!(
        "  = {} applied ({} to Salesforce, {} to the platform) + {} unchanged + {} later + {} parked + {} unknown + {} further",
        sheet.applied, sheet.to_salesforce, sheet.to_platform, sheet.unchanged, sheet.later, sheet.parked, sheet.unknown, sheet.further
    ));
    if sheet.deleted + sheet.merged + sheet.converted > 0 {
        lines.push(format!("  {} deleted, {} merged, {} converted", sheet.deleted, sheet.merged, sheet.converted));
    }
    if let Some(platform) = &run.platform {
        let contacts = told("contacts", &platform.contacts);
        lines.push(format!("{contacts}; {} events, {} calls there", platform.events, platform.calls));
        lines.extend(platform.companies.as_ref().map(|companies| told("companies", &companies.tally)));
        if let Some(code) = &platform.problem {
            let cure = problem(code).map_or_else(String::new, |found| format!(" {} {}", found.words.en, found.cure.en));
            lines.push(format!("  the platform could not be read: {code}.{cure}"));
        }
    }
    if let Some(code) = &run.bulk_refused {
        lines.push(format!("  the Bulk API did not list what has changed ({code}); the run went on page by page"));
    }
    if let Some(code) = &run.stopped {
        lines.push(format!("  stopped: {code}. Raise `reconciliation.brake_percent` if this is meant, and the next run goes on."));
    }
    if sheet.conflicts > 0 {
        lines.push(format!("  {} conflicts; Salesforce's value stands:", sheet.conflicts));
        let named = |c: &passerelle_core::domain::run::Conflict| {
            let rule = c.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
            format!("    person {}  {}: {} here, {} there{rule}", c.person, c.field, c.platform, c.salesforce)
        };
        lines.extend(sheet.named.iter().map(named));
    }
    lines.join("\n")
}

/// What was read at the platform, and what became of it.
fn told(what: &str, tally: &Tally) -> String {
    let Tally { read, news, known, unreadable } = tally;
    let unreadable = if *unreadable > 0 { format!(" + {unreadable} unreadable") } else { String::new() };
    format!("  {read} {what} read at the platform = {news} said something new + {known} known{unreadable}")
}

#[cfg(test)]
mod tests {
    use passerelle_core::domain::run::{CompaniesThere, FromPlatform, Sheet};

    use super::*;

    #[test]
    fn a_run_is_told_with_its_balance() {
        let at = "2026-09-01T08:00:00Z".parse().unwrap_or_default();
        let sheet = Sheet { read: 3, applied: 1, unchanged: 1, to_platform: 1, deleted: 1, ..Sheet::default() };
        let run = Run {
            id: "r1".to_owned(),
            started_at: at,
            since: at,
            platform: Some(FromPlatform {
                problem: Some("platform_credentials".to_owned()),
                ..FromPlatform::new(at, Some(CompaniesThere::new(None)))
            }),
            positions: Default::default(),
            pushed: true,
            everybody: None,
            sheet,
            api_calls: 2,
            ended_at: None,
            bulk_refused: None,
            stopped: None,
        };
        let text = in_words(&run);
        for part in [
            "2 API calls",
            "DOES NOT BALANCE",
            "3 records read",
            "1 applied (0 to Salesforce, 1 to the platform)",
            "1 deleted",
            "PASSERELLE_PLATFORM_SECRET",
            "0 companies read at the platform",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let whole = Run { sheet: Sheet { unknown: 1, ..run.sheet.clone() }, ..run };
        assert!(!in_words(&whole).contains("BALANCE"));
        // A contact that was read and lost turns it red as well.
        let contacts = Tally { read: 3, news: 1, known: 1, unreadable: 0 };
        let lost = Run { platform: whole.platform.clone().map(|platform| FromPlatform { contacts, ..platform }), ..whole };
        let text = in_words(&lost);
        assert!(text.contains("DOES NOT BALANCE") && text.contains("3 contacts read at the platform = 1 said something new + 1 known"), "{text}");
    }
}
