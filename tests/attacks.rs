//! What attackers want, one file a class.

mod duplicate;
mod reading;
