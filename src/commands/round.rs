//! What every pass begins with.

use anyhow::Result;

use crate::context::Context;
use crate::pass::restored;
use crate::store::hook;
use crate::store::round::{self, Round};

/// Notes that a pass is at work, and which events the configuration has a command for (HOOK-1). SEND-12: says that the database was put back from a copy, and holds what is queued; the pass goes on.
pub fn begin(context: &Context, round: Round) -> Result<()> {
    let mut store = context.store()?;
    round::note(&mut store, round, context.now())?;
    let hooks: Vec<_> = context.loaded.config.hooks.commands().into_keys().collect();
    hook::want(&mut store, &hooks)?;
    let noticed = restored::notice(&mut store, &context.beside(), None, context.now())?;
    noticed.iter().for_each(|fault| context.out.complain(fault));
    Ok(())
}
