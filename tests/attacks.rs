//! What attackers want, one file a class.

mod disk;
mod locks;
mod outage;
