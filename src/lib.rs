//! The rooms of espomail, so that the binary, tests, benches and fuzz targets reach the same code.
//! This is not a public interface and may change in any release. What none of them needs is not public, here and in the rooms, so
//! that the compiler sees what is dead.

pub mod clock;
pub mod commands;
pub mod config;
mod context;
mod custody;
pub mod decide;
mod depot;
pub mod fault;
pub mod mail;
pub mod mailbox;
pub mod net;
mod oauth;
pub mod output;
pub mod pass;
mod plural;
pub mod relay;
mod room;
pub mod secret;
mod settings;
pub mod store;
mod whereabouts;
pub mod words;
