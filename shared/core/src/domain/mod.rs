//! The pure heart: no I/O, no clock, no randomness. Same input, same bytes.

pub mod budget;
pub mod check;
pub mod config;
pub mod cure;
pub mod engine;
pub mod event;
pub mod expression;
pub mod finding;
pub mod hook;
pub mod ids;
pub mod ledger;
pub mod lock;
pub mod mac;
pub mod mapping;
pub mod near;
pub mod person;
pub mod plan;
pub mod planner;
pub mod properties;
pub mod run;
pub mod schema;
pub mod sfdx;
pub mod template;
pub mod uses;
pub mod words;
pub mod workflow;
