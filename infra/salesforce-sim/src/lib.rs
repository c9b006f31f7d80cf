#![doc = include_str!("../README.md")]

mod bulk;
pub mod clock;
mod composite;
pub mod control;
pub mod doubts;
pub mod error;
mod http;
pub mod id;
pub mod image;
mod oauth;
pub mod org;
mod page;
pub mod schema;
pub mod seed;
mod serve;
pub mod service;
pub mod soql;
mod sosl;
mod tooling;

pub use clock::{Clock, ManualClock, SystemClock};
pub use control::{Control, Counters, Effect, Fault, FaultId, Matcher, Moment};
pub use doubts::Doubts;
pub use id::Id;
pub use image::ImageError;
pub use org::Org;
pub use seed::{Seed, SeedError};
pub use service::{Cut, Options, Sim};
