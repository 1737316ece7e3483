//! What attackers want, one file a class.

mod bombs;
mod budget;
mod files;
mod terminal;
