//! cirrus, unmodified, against the simulated org. The names of the tests are what `tests/clients/run` prints.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bulk;
mod composites;
mod errors;
mod logins;
mod queries;
mod records;
