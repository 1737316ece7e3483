//! The places that the configuration names. A process has one configuration, and what reads raw bytes is everywhere.

use std::sync::OnceLock;

use anyhow::Result;

use super::place::Depot;
use crate::fault::{Class, Fault};

/// What the configuration says.
#[derive(Default)]
pub struct Known {
    /// Where new bytes go, if not into the database, then all others that bytes may still lie in.
    pub depots: Vec<Depot>,
    pub has_current: bool,
}

static KNOWN: OnceLock<Known> = OnceLock::new();

/// From now on these are known.
pub fn learn(known: Known) {
    KNOWN.get_or_init(|| known);
}

/// Where new bytes go; none for the database.
pub fn current() -> Option<&'static Depot> {
    KNOWN.get().filter(|known| known.has_current).and_then(|known| known.depots.first())
}

/// Finds a place by what the database calls it.
pub fn at(url: &str) -> Result<&'static Depot> {
    let found = KNOWN.get().and_then(|known| known.depots.iter().find(|depot| depot.url == url));
    found.ok_or_else(|| {
        Fault::new(Class::Config, format!("raw bytes lie in {url}, which the configuration does not name"))
            .hint(format!(
                "add it: as url of [storage], or of [[storage.also]] where new ones go elsewhere; see espomail.toml(5). Where it has \
                 another URL by now: espomail storage rename {url} NEW-URL"
            ))
            .into()
    })
}
