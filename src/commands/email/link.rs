//! `email link` and `email unlink`: a person says which record an e-mail belongs to (LINK-7).

use anyhow::Result;

use crate::commands::rehearsal::Rehearsal;
use crate::commands::right;
use crate::context::Context;
use crate::decide::Change;
use crate::pass::hand::{self, Said};
use crate::store::Store;
use crate::store::record::{self, RecordName};
use crate::words::RoleAction;

#[derive(Debug, clap::Args)]
pub struct Link {
    /// Number or Message-ID
    email: String,
    /// Record it belongs to, such as case:42
    record: RecordName,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
pub struct Unlink {
    /// Number or Message-ID
    email: String,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Link {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act(context, store, |db, policy| {
            let (email, permit) = right::email(db, &actor, &self.email, RoleAction::Edit)?;
            let (id, _) = right::record(db, &actor, self.record, RoleAction::Read)?;
            let plan = hand::link(db, &Said { permit: &permit, policy, now }, email, id)?;
            let moved: Vec<_> = plan.steps().iter().filter_map(|step| parent(&step.change)).collect();
            let named = record::name_of(db, moved.first().copied())?.unwrap_or(self.record);
            Ok(((email, named, moved.len().saturating_sub(1)), vec![plan]))
        })?;
        let Some((email, named, others)) = done else { return Ok(()) };
        let others = match others {
            0 => String::new(),
            1 => ", and so does another of its thread".to_string(),
            others => format!(", and so do {others} others of its thread"),
        };
        context.out.say(&format!("E-mail {email} belongs to {named}{others}."));
        Ok(())
    }
}

/// The record that a change gives an e-mail.
const fn parent(change: &Change) -> Option<crate::words::RecordId> {
    if let Change::Relink { parent, .. } = change { *parent } else { None }
}

impl Unlink {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let done = self.rehearsal.act(context, store, |db, policy| {
            let (email, permit) = right::email(db, &actor, &self.email, RoleAction::Edit)?;
            Ok((email, vec![hand::unlink(db, &Said { permit: &permit, policy, now }, email)?]))
        })?;
        if let Some(email) = done {
            context.out.say(&format!("E-mail {email} belongs to no record."));
        }
        Ok(())
    }
}
