//! What surrounds the use cases in every function: settings, clients, API Gateway, problem responses, logs.

pub mod gateway;
pub mod problem;
pub mod runtime;

pub mod settings;
pub mod telemetry;
