//! Everything Passerelle thinks: the domain, the use cases and the adapters they speak through.
//!
//! Three floors, arrows point down only: [`app`] (use cases) → [`domain`] (pure) ; [`adapters`] implement [`ports`].
//! `domain` knows no clock, no randomness, no network, no storage.

pub mod adapters;
pub mod app;
pub mod domain;
pub mod planted;
pub mod ports;
pub mod shell;
