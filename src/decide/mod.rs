//! The rules. Pure: values in, a [`Plan`] out, every change with its reason. This file is the door of the room; inside nobody
//! goes through it, and imports go one way (`tests/floors.rs`). `road.rs` reads from top to bottom like the manual.

pub mod access;
pub mod account;
mod actor;
mod afterwards;
mod again;
mod along;
mod answer;
mod author;
mod bounce;
pub mod budget;
pub mod caller;
mod case;
mod choices;
pub mod deflate;
pub mod delivery;
mod desk;
pub mod digest;
mod distribute;
mod duplicate;
pub mod event;
mod facts;
pub mod failure;
pub mod fields;
pub mod filter;
mod gate;
pub mod hand;
pub mod health;
pub mod hearsay;
pub mod host;
mod merge;
mod note;
mod notify;
mod occasion;
pub mod outgoing;
mod parent;
mod people;
mod plan;
pub mod reason;
mod road;
pub mod sender;
mod spend;
mod thread;
mod twin;

#[cfg(test)]
mod tests;

pub use again::{Done, Stored, again, again_elsewhere};
pub use along::{Brought, Owners};
pub use author::authors;
pub use distribute::works_on_cases;
pub use duplicate::{LONG_ON_ITS_WAY, answers_to};
pub use facts::*;
pub use hand::{NextCase, Word, next_turn, release};
pub use plan::*;
pub use road::decide;
