//! How many people are synchronised.

use anyhow::{Context, Result};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use passerelle_core::{
    adapters::state::people::Whom,
    domain::{ids::ConnectionId, place::Place},
};
use serde_json::json;

use crate::target::Target;

/// Prints how many have a Salesforce record, and how many of them were synchronised last in a time.
pub async fn run(target: &Target, c: &ConnectionId, (since, until): (Option<&str>, Option<&str>), as_json: bool) -> Result<()> {
    let (since, until) = (since.map(parse).transpose()?, until.map(parse).transpose()?);
    let world = target.world().await?;
    let ports = world.ports();
    let (start, end) = (Place::at(Timestamp::UNIX_EPOCH), Place::at(Timestamp::MAX));
    let linked = ports.table.count_people(c, Whom::Linked, &start, &end).await.context(target.hint())?;
    let known = ports.table.count_people(c, Whom::Everybody, &start, &end).await?;
    let then = if since.is_none() && until.is_none() {
        None
    } else {
        let (from, to) = (since.unwrap_or(Timestamp::UNIX_EPOCH), until.unwrap_or(Timestamp::MAX));
        Some(ports.table.count_synchronised(c, from, to).await?)
    };
    if as_json {
        let told = json!({"connection": c, "known": known, "synchronised": linked, "since": since, "until": until, "synchronised_then": then});
        println!("{told}");
        return Ok(());
    }
    println!("{linked} of the {known} people of {c} have a Salesforce record.");
    if let Some(then) = then {
        println!("{then} of them were synchronised last{}.", span(since, until));
    }
    Ok(())
}

/// When that was, in words.
fn span(since: Option<Timestamp>, until: Option<Timestamp>) -> String {
    let at = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let from = since.map(|since| format!(" at {} or later", at(since)));
    let to = until.map(|until| format!(" before {}", at(until)));
    let both: Vec<String> = from.into_iter().chain(to).collect();
    both.join(" and")
}

/// A time with its offset, or a day in UTC.
fn parse(text: &str) -> Result<Timestamp> {
    let day = || Ok::<_, jiff::Error>(text.parse::<Date>()?.to_zoned(TimeZone::UTC)?.timestamp());
    text.parse().or_else(|_| day()).with_context(|| format!("{text:?} is no time; write one like 2026-03-01 or 2026-03-01T08:00:00Z."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_time() {
        assert_eq!(parse("2026-03-01").unwrap().to_string(), "2026-03-01T00:00:00Z");
        assert_eq!(parse("2026-03-01T01:00:00+01:00").unwrap().to_string(), "2026-03-01T00:00:00Z");
        let (day, next) = (Some(parse("2026-03-01").unwrap()), Some(parse("2026-03-02").unwrap()));
        assert_eq!(span(day, next), " at 2026-03-01 00:00 UTC or later and before 2026-03-02 00:00 UTC");
        assert_eq!((span(day, None), span(None, next)), (" at 2026-03-01 00:00 UTC or later".to_owned(), " before 2026-03-02 00:00 UTC".to_owned()));
        assert!(parse("yesterday").is_err_and(|error| error.to_string().contains("2026-03-01")));
    }
}
