//! What attackers want, one file a class.

mod budget;
mod files;
mod terminal;
