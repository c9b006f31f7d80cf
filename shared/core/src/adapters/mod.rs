//! The world behind the ports: DynamoDB, Secrets Manager, HTTP, Salesforce, Mautic.

mod address;
pub mod aws;
pub mod http;
pub mod mail;
pub mod mautic;
pub mod platform;
mod roots;
pub mod salesforce;
pub mod secrets;
pub mod state;
pub mod system;
