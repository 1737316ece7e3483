//! What attackers want, one file a class.

mod files;
