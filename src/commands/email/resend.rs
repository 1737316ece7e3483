//! `espomail email resend`.

use anyhow::Result;

use crate::commands::rehearsal::Rehearsal;
use crate::commands::{outbox as messages, right};
use crate::context::Context;
use crate::fault::{Class, Fault};
use crate::output::shown_line;
use crate::store::{Store, outbox, raw};
use crate::words::RoleAction;

/// Send a letter once more, as it was
///
/// For whom a letter did not reach though a server took it, and after an "outbox mark-sent" that was wrong. It goes out in the same bytes, with
/// the same Message-ID and through the same account, by the next "espomail send" that finds it due; until then "outbox drop" takes that back.
/// Whoever has it already gets it twice, unless their server knows it again. To somebody else it goes by "email forward"; what was refused
/// or may have been sent is tried again by "outbox retry".
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: espomail email resend 12 --to dora@example.org")]
pub struct Resend {
    /// Number or Message-ID
    email: String,
    /// Only to this one of those whom it went to; may be given several times [default: all of them]
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Resend {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        self.rehearsal.over(context, store, |store| self.resend(context, store))
    }

    fn resend(&self, context: &Context, store: &mut Store) -> Result<()> {
        let (email, _) = right::email(store.connection(), context.actor_ref(), &self.email, RoleAction::Read)?;
        let Some(message) = outbox::of_email(store.connection(), email)? else {
            let what = format!("e-mail {email} did not go out from here");
            return Err(Fault::new(Class::Data, what).hint(format!("try: espomail email forward {email}")).into());
        };
        // Before anybody waits for us: they may lie outside the database, or be pruned.
        raw::raw_of(store.connection(), email)?;
        let due_at = context.now() + context.loaded.config.send.delay;
        let to = store.alone(|db| {
            let message = messages::find(context, db, message.0)?;
            outbox::resend(db, &message, &self.to, due_at, context.now())
        })?;
        let to = to.iter().map(|address| shown_line(address)).collect::<Vec<_>>().join(", ");
        context.out.say(&format!("E-mail {email} goes out once more to {to} (message {message} of the outbox): espomail send"));
        Ok(())
    }
}
