//! `email link` and `email unlink`: a person says which record an e-mail belongs to (LINK-7).

use anyhow::Result;

use crate::commands::right;
use crate::context::Context;
use crate::store::record::RecordName;
use crate::store::{Store, link};
use crate::words::RoleAction;

#[derive(Debug, clap::Args)]
pub struct Link {
    /// Number or Message-ID
    email: String,
    /// Record it belongs to, such as case:42
    record: RecordName,
}

#[derive(Debug, clap::Args)]
pub struct Unlink {
    /// Number or Message-ID
    email: String,
}

impl Link {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let (email, linked) = store.transaction(|db| {
            let (email, permit) = right::email(db, &actor, &self.email, RoleAction::Edit)?;
            let (record, _) = right::record(db, &actor, self.record, RoleAction::Read)?;
            Ok((email, link::link(db, &permit, email, record, now)?))
        })?;
        let others = match linked.others {
            0 => String::new(),
            1 => ", and so does another of its thread".to_string(),
            others => format!(", and so do {others} others of its thread"),
        };
        context.out.say(&format!("E-mail {email} belongs to {}{others}.", linked.record));
        Ok(())
    }
}

impl Unlink {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let email = store.transaction(|db| {
            let (email, permit) = right::email(db, &actor, &self.email, RoleAction::Edit)?;
            link::unlink(db, &permit, email, now)?;
            Ok(email)
        })?;
        context.out.say(&format!("E-mail {email} belongs to no record."));
        Ok(())
    }
}
