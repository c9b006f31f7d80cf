//! How many people are synchronised.

use anyhow::{Context, Result};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use passerelle_core::{
    adapters::state::people::Whom,
    domain::{ids::ConnectionId, place::Place},
};
use serde_json::json;

use crate::target::Target;

/// Prints how many have a Salesforce record, and how many of them were synchronised since a time.
pub async fn run(target: &Target, c: &ConnectionId, since: Option<&str>, as_json: bool) -> Result<()> {
    let since = since.map(parse).transpose()?;
    let world = target.world().await?;
    let ports = world.ports();
    let until = Place::at(ports.clock.now().checked_add(jiff::SignedDuration::from_secs(1))?);
    let count = |whom, after: Timestamp| {
        let (until, after) = (until.clone(), Place::at(after));
        async move { ports.table.count_people(c, whom, &after, &until).await }
    };
    let linked = count(Whom::Linked, Timestamp::UNIX_EPOCH).await.context(target.hint())?;
    let known = count(Whom::Everybody, Timestamp::UNIX_EPOCH).await?;
    let lately = match since {
        Some(since) => Some(count(Whom::Linked, since).await?),
        None => None,
    };
    if as_json {
        println!("{}", json!({"connection": c, "known": known, "synchronised": linked, "since": since, "synchronised_since": lately}));
        return Ok(());
    }
    println!("{linked} of the {known} people of {c} have a Salesforce record.");
    if let Some((since, lately)) = since.zip(lately) {
        println!("{lately} of them were synchronised last at {} or later.", since.strftime("%Y-%m-%d %H:%M UTC"));
    }
    Ok(())
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
        assert!(parse("yesterday").is_err_and(|error| error.to_string().contains("2026-03-01")));
    }
}
