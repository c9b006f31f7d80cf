//! The functions under seeded faults: one process, one thread, no waiting.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod admin;
pub mod colleague;
pub mod cut;
pub mod document;
pub mod fault;
pub mod history;
pub mod items;
pub mod judge;
pub mod logs;
pub mod many;
pub mod plan;
pub mod report;
pub mod run;
pub mod shrink;
pub mod sides;
pub mod tell;
pub mod told;
pub mod values;
pub mod world;
