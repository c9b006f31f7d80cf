//! The configuration document: all that an admin decides about one connection, as data.
//!
//! Owns the shape and its validation. Refuses to know where documents are stored and whether they came as YAML, JSON or
//! from a form.

mod actions;
mod address;
mod auth;
mod document;
mod mautic;
mod reconciliation;
mod rules;
mod short_form;
mod source;
mod timeline;
mod validate;
mod webhook;

#[cfg(test)]
mod tests;

pub use actions::*;
pub use auth::*;
pub use document::*;
pub use mautic::{Mautic, MauticAuth, RecordFields};
pub use reconciliation::*;
pub use rules::*;
pub use source::*;
pub use timeline::TimelineSection;
pub use validate::{ConfigFault, MAUTIC_URL, WEBHOOK_URL, json_schema, parse_document};
pub use webhook::Webhook;
