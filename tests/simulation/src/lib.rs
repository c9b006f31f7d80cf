//! The functions under seeded faults: one process, one thread, no waiting.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod admin;
pub mod colleague;
pub mod cut;
pub mod document;
pub mod fault;
pub mod history;
pub mod judge;
pub mod logs;
pub mod many;
pub mod plan;
pub mod report;
pub mod run;
pub mod shrink;
pub mod tell;
pub mod world;

/// The bugs that this build can be given.
#[must_use]
pub fn bugs() -> Vec<&'static str> {
    passerelle_core::planted::names()
}

/// Gives the functions a bug. `false` = there is none of that name in this build.
#[must_use]
pub fn plant(bug: &str) -> bool {
    passerelle_core::planted::plant(bug)
}
