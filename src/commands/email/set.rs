//! `email set`: a person says which teams an e-mail is of, whose it is, and who has it, too (ACCESS-2).

use anyhow::Result;
use clap::ArgAction;

use crate::commands::rehearsal::Rehearsal;
use crate::commands::{argument, right};
use crate::context::Context;
use crate::decide::hand::EmailChanges;
use crate::pass::hand::{self, Said};
use crate::store::{Database, Store, team, user};
use crate::words::RoleAction;

/// Say which teams e-mails are of, whose they are to look after, who has them, too, and whether they are important
///
/// What a person says here stays, whatever "reprocess" would make of it.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
pub struct Set {
    /// Numbers or Message-IDs
    #[arg(required = true, value_name = "EMAIL")]
    emails: Vec<String>,
    /// Team that they are of, in place of those there are; may be given several times, an empty name clears them
    #[arg(long = "team", value_name = "TEAM", group = "change")]
    teams: Vec<String>,
    /// User who is to look after them, and gets them into the inbox; an empty name forgets it
    #[arg(long, value_name = "USER", group = "change")]
    assigned_user: Option<String>,
    /// User who gets them into the inbox, too; may be given several times
    #[arg(long = "user", value_name = "USER", group = "change")]
    users: Vec<String>,
    /// Whether they are important to everybody who has them ("email mark" says it for one)
    #[arg(long, action = ArgAction::Set, value_name = "BOOL", group = "change")]
    important: Option<bool>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

impl Set {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let (actor, now) = (context.actor(), context.now());
        let changes = self.changes(store.connection())?;
        let done = self.rehearsal.act(context, store, |db, policy| {
            let mut plans = Vec::new();
            for wanted in &self.emails {
                let (email, permit) = right::email(db, &actor, wanted, RoleAction::Edit)?;
                plans.push(hand::change_email(db, &Said { permit: &permit, policy, now }, email, &changes)?);
            }
            Ok((plans.iter().filter(|plan| !plan.steps().is_empty()).count(), plans))
        })?;
        if let Some(changed) = done {
            let what = match (self.emails.len(), changed) {
                (1, 0) => "The e-mail stays as it is.".to_string(),
                (1, _) => "1 e-mail changed.".to_string(),
                (all, changed) => format!("{changed} of {all} e-mails changed."),
            };
            context.out.say(&what);
        }
        Ok(())
    }

    fn changes(&self, db: &mut Database) -> Result<EmailChanges> {
        let teams = argument::list(&self.teams).map(|names| team::find_all(db, &names));
        let teams = teams.transpose()?;
        let find = |login| argument::or_none(login, |login| user::find(db, login));
        let assigned = self.assigned_user.as_deref().map(find);
        Ok(EmailChanges {
            teams,
            assigned_user: assigned.transpose()?,
            users: user::find_all(db, &self.users)?,
            important: self.important,
        })
    }
}
