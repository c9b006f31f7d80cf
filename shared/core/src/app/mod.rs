//! The use cases: load, call the planner, check and execute the plan, record. Each takes its ports by reference.

mod access;
pub mod alerts;
pub mod backfill;
pub mod check;
pub mod configure;
pub mod connect;
pub mod connections;
pub mod deliver;
pub mod fields;
pub mod intake;
pub mod mautic;
pub mod operator;
pub mod problems;
pub mod reconcile;
mod schemas;
pub mod sync;
pub mod tokens;
mod tracking;
pub mod upsert;
pub mod webhook_keys;
