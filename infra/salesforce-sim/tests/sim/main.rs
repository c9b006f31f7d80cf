//! The simulator from outside: requests in, answers out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod behaviour;
mod bulk;
mod catalogue;
mod collections;
mod common;
mod composite;
mod corners;
mod data;
mod doubts;
mod doubts_of_form;
mod elsewhere;
mod faults;
mod grants;
mod images;
mod language;
mod limits;
mod oauth;
mod pages;
mod paging;
mod program;
mod refresh;
mod sockets;
mod tooling;
