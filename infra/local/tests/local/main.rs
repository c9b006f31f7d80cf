//! The local stack from outside: AWS's SDK, HTTP and the functions' events over sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod dynamodb;
mod gateway;
mod secrets;
mod stack;
mod stream;
mod support;
mod template;
