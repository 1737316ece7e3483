//! All integration tests, in one binary.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[macro_use]
mod support;

mod mailbox;
mod schema;
mod store;
