//! What every pass begins with.

use anyhow::Result;

use crate::context::Context;
use crate::pass::restored;
use crate::store::round::{self, Round};

/// Notes that a pass is at work. SEND-12: says that the database was put back from a copy, and holds what is queued; the pass goes on.
pub fn begin(context: &Context, round: Round) -> Result<()> {
    let mut store = context.store()?;
    round::note(&mut store, round, context.now())?;
    let noticed = restored::notice(&mut store, &context.beside(), None, context.now())?;
    noticed.iter().for_each(|fault| context.out.complain(fault));
    Ok(())
}
