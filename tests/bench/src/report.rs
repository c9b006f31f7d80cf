//! Turns samples into rows, for people and for programs.
//!
//! Times are milliseconds, memory and sizes mebibytes in the table and bytes or kibibytes in JSON.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::binaries::{Built, HELLO, UPSERT};
use crate::sample::{Measured, Sample};
use crate::size;
use crate::table::Table;

/// Smallest and middle one of some figures.
#[derive(Clone, Copy, Debug, Serialize)]
struct Spread {
    min: f64,
    median: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Result<Self> {
        figures.sort_by(f64::total_cmp);
        let min = figures.first().copied();
        let upper = figures.get(figures.len() / 2).copied();
        let lower = figures.get(figures.len().saturating_sub(1) / 2).copied();
        match (min, lower, upper) {
            (Some(min), Some(lower), Some(upper)) => Ok(Self { min, median: f64::midpoint(lower, upper) }),
            _ => anyhow::bail!("Nothing was measured."),
        }
    }

    fn times(samples: &[Sample], pick: impl Fn(&Sample) -> Duration) -> Result<Self> {
        Self::of(samples.iter().map(|s| pick(s).as_secs_f64() * 1000.0).collect())
    }

    fn kib(samples: &[Sample], pick: impl Fn(&Sample) -> u64) -> Result<Self> {
        Self::of(samples.iter().map(|s| mib(pick(s) * 1024)).collect())
    }
}

#[expect(clippy::cast_precision_loss, reason = "A printed figure keeps two decimals.")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// The whole picture of each function: start, first answer, size, memory.
///
/// # Errors
/// Nothing was measured, or a binary vanished.
pub fn coldstart(all: &[Measured<'_>]) -> Result<Table> {
    let yardstick = all.iter().find(|m| m.built.subject.name == HELLO).context("The hello function was not measured.")?;
    let hello = Spread::times(&yardstick.samples, |s| s.init)?;
    let mut table = table(["init min ms", "median", "÷ hello", "first answer min ms", "median", "zip MiB", "idle MiB"]);
    for measured in all {
        let init = Spread::times(&measured.samples, |s| s.init)?;
        let answer = Spread::times(&measured.samples, |s| s.first_answer)?;
        let idle = Spread::kib(&measured.samples, |s| s.waiting_kib)?;
        let size = size::of(&measured.built.path)?;
        // Of the shortest times: whatever else runs on the machine can only make a start longer.
        let ratio = init.min / hello.min;
        push(
            &mut table,
            measured.built,
            &[init.min, init.median, ratio, answer.min, answer.median, mib(size.zipped_bytes), idle.median],
            json!({
                "rounds": measured.samples.len(),
                "init_ms": init,
                "init_ratio_to_hello": ratio,
                "first_answer_ms": answer,
                "zipped_bytes": size.zipped_bytes,
                "idle_mib": idle,
            }),
        );
        note_failures(&mut table, measured);
    }
    Ok(table)
}

/// Memory of each function, before and after its first event, and the most that upsert holds for a whole batch, where that
/// was measured.
///
/// # Errors
/// Nothing was measured.
pub fn memory(all: &[Measured<'_>], batch_kib: Option<&[u64]>) -> Result<Table> {
    let mut table = table(["idle MiB", "after one event MiB", "batch of 200 people, peak MiB"]);
    for measured in all {
        let waiting = Spread::kib(&measured.samples, |s| s.waiting_kib)?;
        let answered = Spread::kib(&measured.samples, |s| s.answered_kib)?;
        let batch = batch_kib.filter(|_| measured.built.subject.name == UPSERT);
        let batch = batch.map(|kib| Spread::of(kib.iter().map(|kib| mib(kib * 1024)).collect())).transpose()?;
        let figures: Vec<f64> = [waiting.median, answered.median].into_iter().chain(batch.map(|batch| batch.median)).collect();
        let mut row = json!({ "rounds": measured.samples.len(), "idle_mib": waiting, "answered_mib": answered });
        if let (Some(batch), Some(row)) = (batch, row.as_object_mut()) {
            row.insert("batch_of_200_peak_mib".to_owned(), serde_json::to_value(batch)?);
        }
        push(&mut table, measured.built, &figures, row);
        note_failures(&mut table, measured);
    }
    Ok(table)
}

/// Size of each function.
///
/// # Errors
/// A binary cannot be read.
pub fn sizes(all: &[Built]) -> Result<Table> {
    let mut table = table(["binary MiB", "zip MiB"]);
    for built in all {
        let size = size::of(&built.path)?;
        push(
            &mut table,
            built,
            &[mib(size.binary_bytes), mib(size.zipped_bytes)],
            json!({ "binary_bytes": size.binary_bytes, "zipped_bytes": size.zipped_bytes }),
        );
    }
    Ok(table)
}

fn table<const N: usize>(columns: [&'static str; N]) -> Table {
    Table::with(std::iter::once("function").chain(columns))
}

fn push(table: &mut Table, built: &Built, figures: &[f64], mut row: Value) {
    let name = built.subject.name;
    table.line(std::iter::once(name.to_owned()).chain(figures.iter().map(|figure| format!("{figure:.2}"))).collect());
    if let Some(row) = row.as_object_mut() {
        row.insert("function".to_owned(), name.into());
    }
    table.rows.push(row);
}

/// A failure is quick: the figures of a function that failed must not pass for those of its work.
fn note_failures(table: &mut Table, measured: &Measured<'_>) {
    let mut failures = measured.samples.iter().filter_map(|s| s.failure.as_deref());
    let Some(first) = failures.next() else {
        return;
    };
    let name = measured.built.subject.name;
    let count = failures.count() + 1;
    table.notes.push(format!("{name} answered {count} times with a failure: {first}"));
    if let Some(row) = table.rows.last_mut().and_then(Value::as_object_mut) {
        row.insert("failures".to_owned(), count.into());
    }
}
