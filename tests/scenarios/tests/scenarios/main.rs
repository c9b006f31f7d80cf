//! The scenarios, as one test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod actions;
mod bad_input;
mod budget;
mod business_card;
mod calls;
mod check;
mod configuring;
mod connecting;
mod crowd;
mod dated;
mod documents;
mod doubts;
mod drift;
mod external_id;
mod failures;
mod fairness;
mod fields;
mod hooks;
mod identity;
mod intake;
mod inwink;
mod kayo;
mod life;
mod merge;
mod operations;
mod order;
mod outbox;
mod preflight;
mod readme;
mod records;
mod same_email;
mod saving;
mod skeepers;
mod values;
mod webmecanik;
