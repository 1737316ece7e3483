//! `email mark`, `move` and `delete`: what users do with their e-mails (INBOX-2, ACCESS-2).

use anyhow::Result;

use crate::commands::rehearsal::Rehearsal;
use crate::commands::right;
use crate::context::Context;
use crate::decide::access::{Inbox, Permit, Permitted};
use crate::decide::{Marks, Plan, Policy, Spot};
use crate::fault::{Class, Fault};
use crate::pass::hand::{self, Said};
use crate::plural::doing;
use crate::store::{Database, Store, folder};
use crate::words::{EmailId, GroupPlace, RoleAction};

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("mark").required(true).multiple(true)))]
pub struct Mark {
    /// Numbers or Message-IDs
    #[arg(required = true, value_name = "EMAIL")]
    emails: Vec<String>,
    /// They are read
    #[arg(long, group = "mark")]
    read: bool,
    /// They are not read
    #[arg(long, group = "mark", conflicts_with = "read")]
    unread: bool,
    /// They are important
    #[arg(long, group = "mark")]
    important: bool,
    /// They are not important
    #[arg(long, group = "mark", conflicts_with = "important")]
    unimportant: bool,
    /// For this user [default: the one who asks]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("place").required(true)))]
pub struct Move {
    /// Numbers or Message-IDs
    #[arg(required = true, value_name = "EMAIL")]
    emails: Vec<String>,
    /// To this folder of the user
    #[arg(long, value_name = "FOLDER", group = "place")]
    folder: Option<String>,
    /// To the user's inbox
    #[arg(long, group = "place")]
    inbox: bool,
    /// To the user's archive
    #[arg(long, group = "place")]
    archive: bool,
    /// To the user's trash; everybody else keeps them
    #[arg(long, group = "place")]
    trash: bool,
    /// To this group folder, for everybody; its teams get them
    #[arg(long, value_name = "FOLDER", group = "place", conflicts_with = "user")]
    group_folder: Option<String>,
    /// To the archive of their group folder, for everybody
    #[arg(long, group = "place", conflicts_with = "user")]
    group_archive: bool,
    /// To the trash of their group folder, for everybody
    #[arg(long, group = "place", conflicts_with = "user")]
    group_trash: bool,
    /// Out of their group folder
    #[arg(long, group = "place", conflicts_with = "user")]
    no_group_folder: bool,
    /// For this user [default: the one who asks]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Numbers or Message-IDs
    #[arg(required = true, value_name = "EMAIL")]
    emails: Vec<String>,
    #[command(flatten)]
    rehearsal: Rehearsal,
}

/// Finds whose e-mails are meant.
pub fn inbox<'a>(context: &'a Context, db: &mut Database, login: Option<&str>) -> Result<Permitted<'a, Inbox>> {
    right::inbox(context, db, login, ("the service account has no e-mails of its own", "these e-mails are another user's"))
}

impl Mark {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let pair = |yes: bool, no: bool| if yes { Some(true) } else { no.then_some(false) };
        let marks = Marks { read: pair(self.read, self.unread), important: pair(self.important, self.unimportant) };
        let done = self.rehearsal.act(context, store, |db, policy| {
            let inbox = inbox(context, db, self.user.as_deref())?;
            let (emails, _) = found(context, db, &self.emails, RoleAction::Read)?;
            let said = Said { permit: inbox.permit(), policy, now: context.now() };
            Ok((emails.len(), hand::mark(db, &said, &inbox, &emails, marks)?))
        })?;
        if let Some(count) = done {
            context.out.say(&format!("{} now {}.", doing(count, "e-mail", "is", "are"), marks));
        }
        Ok(())
    }
}

impl Move {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let place = if self.group_archive { Some(GroupPlace::Archive) } else { self.group_trash.then_some(GroupPlace::Trash) };
        let done = self.rehearsal.act(context, store, |db, policy| match (place, &self.group_folder, self.no_group_folder) {
            (Some(place), ..) => self.file_away(context, db, policy, place),
            (None, None, false) => self.move_copies(context, db, policy),
            (None, name, _) => self.move_for_everybody(context, db, policy, name.as_deref()),
        })?;
        if let Some((to, count)) = done {
            context.out.say(&format!("{} now {to}.", doing(count, "e-mail", "is", "are")));
        }
        Ok(())
    }

    fn move_copies(&self, context: &Context, db: &mut Database, policy: &Policy) -> Result<Moved> {
        let inbox = inbox(context, db, self.user.as_deref())?;
        let (place, told) = match &self.folder {
            Some(name) => {
                let folder = folder::find(db, Some(inbox.thing().0), name)?;
                (Spot::Folder(folder.id), format!("in folder {}", folder.name))
            }
            None if self.archive => (Spot::Archive, "in the archive".to_string()),
            None if self.trash => (Spot::Trash, "in the trash".to_string()),
            None => (Spot::Inbox, "in the inbox".to_string()),
        };
        let (emails, _) = found(context, db, &self.emails, RoleAction::Read)?;
        let said = Said { permit: inbox.permit(), policy, now: context.now() };
        let plans = hand::put(db, &said, &inbox, &emails, (place, &told))?;
        Ok(((told, emails.len()), plans))
    }

    fn file_away(&self, context: &Context, db: &mut Database, policy: &Policy, place: GroupPlace) -> Result<Moved> {
        let (emails, permit) = found(context, db, &self.emails, RoleAction::Edit)?;
        let plans = hand::file_away(db, &Said { permit: &permit, policy, now: context.now() }, &emails, place)?;
        Ok(((format!("in the {place} of their group folder"), emails.len()), plans))
    }

    fn move_for_everybody(&self, context: &Context, db: &mut Database, policy: &Policy, name: Option<&str>) -> Result<Moved> {
        let folder = name.map(|name| folder::find(db, None, name)).transpose()?;
        let (emails, permit) = found(context, db, &self.emails, RoleAction::Edit)?;
        let said = Said { permit: &permit, policy, now: context.now() };
        let plans = hand::file(db, &said, &emails, folder.as_ref().map(|folder| folder.id))?;
        let told = folder.map_or_else(|| "in no group folder".to_string(), |folder| format!("in group folder {}", folder.name));
        Ok(((told, emails.len()), plans))
    }
}

/// Where e-mails are now, how many, and by which plans.
type Moved = ((String, usize), Vec<Plan>);

/// Finds e-mails that the one who asks may do something with; one that is named twice counts once.
fn found<'a>(
    context: &'a Context,
    db: &mut Database,
    wanted: &[String],
    action: RoleAction,
) -> Result<(Vec<EmailId>, Permit<'a>)> {
    let (mut emails, mut last) = (Vec::new(), None);
    for wanted in wanted {
        let (email, permit) = right::email(db, context.actor_ref(), wanted, action)?;
        last = Some(permit);
        if !emails.contains(&email) {
            emails.push(email);
        }
    }
    let permit = last.ok_or_else(|| Fault::new(Class::Usage, "no e-mail is named"))?;
    Ok((emails, permit))
}

impl Delete {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let done = self.rehearsal.act(context, store, |db, policy| {
            let (emails, permit) = found(context, db, &self.emails, RoleAction::Delete)?;
            Ok((emails.len(), hand::delete(db, &Said { permit: &permit, policy, now: context.now() }, &emails)?))
        })?;
        if let Some(count) = done {
            context.out.say(&format!("{} deleted for everybody.", doing(count, "e-mail", "is", "are")));
        }
        Ok(())
    }
}
