//! How long an event takes from its 202 to the record in Salesforce: one at a time, through the local stack, whose stream calls
//! upsert as the template has it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use passerelle_scenarios::{Scene, capture, person};
use salesforce_sim::Seed;
use serde_json::json;

use crate::table::Table;

const CONNECTION: &str = "kayo";
/// How often the org is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// An event that takes longer has not come through the stream.
const MOST: Duration = Duration::from_secs(30);

/// Sends so many events, each about somebody new, and times each.
///
/// # Errors
/// An event that does not become a record, or not in half a minute.
pub fn measure(events: usize) -> Result<Table> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut times = runtime.block_on(series(events))?;
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().context("No event was timed.");
    let (min, median, max) = (at(0)?, at(times.len() / 2)?, at(times.len() - 1)?);
    let ms = |time: Duration| format!("{:.0} ms", time.as_secs_f64() * 1000.0);
    let mut table = Table::with(["from 202 to the record", "events", "min", "median", "max"]);
    table.line(vec!["a lead and its activity".to_owned(), events.to_string(), ms(min), ms(median), ms(max)]);
    table.notes.push("The stream collects for a second before it calls the function, as in AWS; the org answers at once.".to_owned());
    let figure = |time: Duration| time.as_secs_f64() * 1000.0;
    table.rows.push(json!({"events": events, "min_ms": figure(min), "median_ms": figure(median), "max_ms": figure(max)}));
    Ok(table)
}

async fn series(events: usize) -> Result<Vec<Duration>> {
    let scene = Scene::live(Seed::demo()).await;
    scene.active(CONNECTION).await;
    let mut times = Vec::new();
    // The first one also describes the org, once a day.
    for n in 0..=events {
        let answer = scene.send(CONNECTION, &capture(&format!("e{n}"), person(n))).await;
        ensure!(answer.status == 202, "The delivery was answered with {}: {}", answer.status, answer.body);
        let begun = Instant::now();
        while scene.org().with_org(|org| org.count("Event"))? <= n {
            if begun.elapsed() > MOST {
                bail!("Event {n} is not in Salesforce after {} seconds.", MOST.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
        if n > 0 {
            times.push(begun.elapsed());
        }
    }
    Ok(times)
}
