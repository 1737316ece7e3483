//! What attackers want, one file a class.

mod clock;
mod server;
