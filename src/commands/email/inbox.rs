//! `email mark`, `move` and `delete`: what users do with their e-mails (INBOX-2, ACCESS-2).

use anyhow::Result;

use crate::commands::right;
use crate::context::Context;
use crate::decide::access::{Permit, keep_own};
use crate::fault::{Class, Fault};
use crate::store::email::Place;
use crate::store::inbox::{self, Marks};
use crate::store::{Database, Store, access as trace, folder, user};
use crate::words::{EmailId, FolderId, RoleAction, UserId};

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
    /// Out of their group folder
    #[arg(long, group = "place", conflicts_with = "user")]
    no_group_folder: bool,
    /// For this user [default: the one who asks]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Numbers or Message-IDs
    #[arg(required = true, value_name = "EMAIL")]
    emails: Vec<String>,
}

/// Finds whose e-mails are meant: a named user's, or those of the one who asks (ACCESS-1).
pub fn user<'a>(context: &'a Context, db: &mut Database, login: Option<&str>) -> Result<(UserId, Permit<'a>)> {
    let actor = context.actor_ref();
    let user = match (login, actor.user) {
        (Some(login), _) => user::find(db, login)?,
        (None, Some(user)) => user,
        (None, None) => {
            return Err(Fault::new(Class::Usage, "the service account has no e-mails of its own").hint("use --user USER").into());
        }
    };
    let permit = keep_own(actor, user).map_err(|_| context.refused("these e-mails are another user's"))?;
    Ok((user, permit))
}

impl Mark {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let pair = |yes: bool, no: bool| if yes { Some(true) } else { no.then_some(false) };
        let marks = Marks { read: pair(self.read, self.unread), important: pair(self.important, self.unimportant) };
        store.transaction(|db| {
            let (user, permit) = user(context, db, self.user.as_deref())?;
            for wanted in &self.emails {
                let (email, _) = right::email(db, context.actor_ref(), wanted, RoleAction::Read)?;
                if !inbox::mark(db, user, email, marks)? {
                    return Err(not_theirs(email, self.user.as_deref()));
                }
                trace::record(db, &permit, "email mark", &format!("email:{email}"), &told(marks), context.now())?;
            }
            Ok(())
        })?;
        context.out.say(&format!("{} now {}.", counted(self.emails.len()), told(marks)));
        Ok(())
    }
}

fn told(marks: Marks) -> String {
    let word = |value: Option<bool>, word: &'static str| value.map(|is| format!("{}{word}", if is { "" } else { "not " }));
    [word(marks.read, "read"), word(marks.important, "important")].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl Move {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let to = store.transaction(|db| match (&self.group_folder, self.no_group_folder) {
            (None, false) => self.move_copies(context, db),
            (name, _) => {
                let folder = name.as_deref().map(|name| folder::find(db, None, name)).transpose()?;
                self.move_for_everybody(context, db, folder.as_ref().map(|folder| folder.id))?;
                Ok(folder.map_or_else(|| "in no group folder".to_string(), |folder| format!("in group folder {}", folder.name)))
            }
        })?;
        context.out.say(&format!("{} now {to}.", counted(self.emails.len())));
        Ok(())
    }

    fn move_copies(&self, context: &Context, db: &mut Database) -> Result<String> {
        let (user, permit) = user(context, db, self.user.as_deref())?;
        let (place, told) = match &self.folder {
            Some(name) => {
                let folder = folder::find(db, Some(user), name)?;
                (Place::Folder(folder.id), format!("in folder {}", folder.name))
            }
            None if self.archive => (Place::Archive, "in the archive".to_string()),
            None if self.trash => (Place::Trash, "in the trash".to_string()),
            None => (Place::Inbox, "in the inbox".to_string()),
        };
        for wanted in &self.emails {
            let (email, _) = right::email(db, context.actor_ref(), wanted, RoleAction::Read)?;
            if !inbox::move_to(db, user, email, place)? {
                return Err(not_theirs(email, self.user.as_deref()));
            }
            trace::record(db, &permit, "email move", &format!("email:{email}"), &told, context.now())?;
        }
        Ok(told)
    }

    fn move_for_everybody(&self, context: &Context, db: &mut Database, folder: Option<FolderId>) -> Result<()> {
        for wanted in &self.emails {
            let (email, permit) = right::email(db, context.actor_ref(), wanted, RoleAction::Edit)?;
            inbox::set_group_folder(db, email, folder)?;
            let detail = folder.map_or_else(|| "no group folder".to_string(), |folder| format!("group folder {folder}"));
            trace::record(db, &permit, "email move", &format!("email:{email}"), &detail, context.now())?;
        }
        Ok(())
    }
}

impl Delete {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        store.transaction(|db| {
            for wanted in &self.emails {
                let (email, permit) = right::email(db, context.actor_ref(), wanted, RoleAction::Delete)?;
                let message_id = inbox::delete(db, email, context.now())?;
                trace::record(db, &permit, "email delete", &format!("email:{email}"), &message_id, context.now())?;
            }
            Ok(())
        })?;
        context.out.say(&format!("{} deleted for everybody.", counted(self.emails.len())));
        Ok(())
    }
}

fn counted(emails: usize) -> String {
    if emails == 1 { "1 e-mail is".to_string() } else { format!("{emails} e-mails are") }
}

fn not_theirs(email: EmailId, login: Option<&str>) -> anyhow::Error {
    let whose = login.map_or_else(|| "your".to_string(), |login| format!("{login}'s"));
    Fault::new(Class::Data, format!("e-mail {email} is not among {whose} e-mails"))
        .hint("try: espomail email list --user USER")
        .into()
}
