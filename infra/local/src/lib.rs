//! Passerelle on one machine: the same functions over an embedded DynamoDB, an embedded Secrets Manager, an HTTP API
//! that speaks API Gateway's events, the table's stream, the schedules and a simulated org.
//!
//! The functions cannot tell it from AWS: they are reached through the same events, and reach the world through the
//! same SDK clients over sockets. This crate owns the surroundings and knows nothing of what the functions do.

pub mod browser;
pub mod clients;
pub mod data;
pub mod dynamo;
mod files;
pub mod functions;
pub mod gateway;
pub mod handler;
pub mod lambda;
pub mod mail;
pub mod schedule;
pub mod secrets;
mod served;
pub mod stack;
pub mod stream;

pub use functions::Functions;
pub use served::{ServeError, Stop, Stopper};
pub use stack::{Addresses, Installation, PLATFORM_HOSTS, SECRET_PREFIX, SalesforceTarget, Stack, StackError, StackOptions, Switch, TABLE};

/// The region that the embedded services pretend to be in.
pub const REGION: &str = "eu-west-3";

/// The account that the embedded services pretend to be in.
pub const ACCOUNT: &str = "000000000000";
