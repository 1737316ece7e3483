//! What attackers want, one file a class.

mod bombs;
mod budget;
mod bytes;
mod files;
mod terminal;
