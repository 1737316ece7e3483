//! All integration tests, in one binary.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[macro_use]
mod support;

mod access;
mod answers;
mod attacks;
mod circle;
mod dkim;
mod doctor;
mod events;
mod fetch;
mod floors;
mod guarantees;
mod heard;
mod hooks;
mod keep;
mod lines;
mod mailbox;
mod manual;
mod moving;
mod notify;
mod oauth;
mod person;
mod prune;
mod readme;
mod reconcile;
mod schema;
mod send;
mod sent;
mod servers;
mod shell;
mod shown;
mod storage;
mod store;
mod templates;
mod torture;
mod traces;
mod transfer;
mod writing;
