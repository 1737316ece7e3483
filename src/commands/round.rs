//! What every pass begins with.

use anyhow::Result;

use crate::context::Context;
use crate::fault::{Class, class_of};
use crate::pass::restored;
use crate::store::round::{self, Round};
use crate::store::{Store, hook};

/// Hears that a kind of pass can begin its work, or cannot: that is said at once and then hourly; `doctor` and `status` tell of it meanwhile.
pub fn begun<T>(context: &Context, store: &mut Store, round: Round, work: Result<T>) -> Result<Option<T>> {
    match work {
        Ok(done) => round::works(store, round).map(|()| Some(done)),
        Err(error) if class_of(&error) == Class::Config => {
            if round::fails(store, round, &format!("{error:#}"), context.now())? || context.out.talkative {
                return Err(error);
            }
            context.out.remember(Class::Config);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

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
