//! `email mark`, `move` and `delete`: what users do with their e-mails (INBOX-2, ACCESS-2).

use anyhow::Result;

use crate::commands::right;
use crate::context::Context;
use crate::decide::access::{Inbox, Permitted, keep};
use crate::fault::{Class, Fault};
use crate::store::email::Place;
use crate::store::inbox::Marks;
use crate::store::{self, Database, Store, folder, user};
use crate::words::{EmailId, FolderId, GroupPlace, RoleAction};

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
}

#[derive(Debug, clap::Args)]
pub struct Delete {
    /// Numbers or Message-IDs
    #[arg(required = true, value_name = "EMAIL")]
    emails: Vec<String>,
}

/// Finds whose e-mails are meant: a named user's, or those of the one who asks (ACCESS-1).
pub fn inbox<'a>(context: &'a Context, db: &mut Database, login: Option<&str>) -> Result<Permitted<'a, Inbox>> {
    let actor = context.actor_ref();
    let user = match (login, actor.user) {
        (Some(login), _) => user::find(db, login)?,
        (None, Some(user)) => user,
        (None, None) => {
            return Err(Fault::new(Class::Usage, "the service account has no e-mails of its own").hint("use --user USER").into());
        }
    };
    keep(actor, Inbox(user)).map_err(|_| context.refused("these e-mails are another user's"))
}

impl Mark {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let pair = |yes: bool, no: bool| if yes { Some(true) } else { no.then_some(false) };
        let marks = Marks { read: pair(self.read, self.unread), important: pair(self.important, self.unimportant) };
        store.transaction(|db| {
            let inbox = inbox(context, db, self.user.as_deref())?;
            for wanted in &self.emails {
                let (email, _) = right::email(db, context.actor_ref(), wanted, RoleAction::Read)?;
                if !store::inbox::mark(db, &inbox, email, marks, context.now())? {
                    return Err(not_theirs(email, self.user.as_deref()));
                }
            }
            Ok(())
        })?;
        context.out.say(&format!("{} now {}.", counted(self.emails.len()), marks));
        Ok(())
    }
}

impl Move {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        let place = if self.group_archive { Some(GroupPlace::Archive) } else { self.group_trash.then_some(GroupPlace::Trash) };
        if let Some(place) = place {
            store.transaction(|db| {
                for wanted in &self.emails {
                    let (email, permit) = right::email(db, context.actor_ref(), wanted, RoleAction::Edit)?;
                    store::inbox::set_group_place(db, &permit, email, place, context.now())?;
                }
                Ok(())
            })?;
            context.out.say(&format!("{} now in the {place} of their group folder.", counted(self.emails.len())));
            return Ok(());
        }
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
        let inbox = inbox(context, db, self.user.as_deref())?;
        let (place, told) = match &self.folder {
            Some(name) => {
                let folder = folder::find(db, Some(inbox.thing().0), name)?;
                (Place::Folder(folder.id), format!("in folder {}", folder.name))
            }
            None if self.archive => (Place::Archive, "in the archive".to_string()),
            None if self.trash => (Place::Trash, "in the trash".to_string()),
            None => (Place::Inbox, "in the inbox".to_string()),
        };
        for wanted in &self.emails {
            let (email, _) = right::email(db, context.actor_ref(), wanted, RoleAction::Read)?;
            if !store::inbox::move_to(db, &inbox, email, (place, &told), context.now())? {
                return Err(not_theirs(email, self.user.as_deref()));
            }
        }
        Ok(told)
    }

    fn move_for_everybody(&self, context: &Context, db: &mut Database, folder: Option<FolderId>) -> Result<()> {
        for wanted in &self.emails {
            let (email, permit) = right::email(db, context.actor_ref(), wanted, RoleAction::Edit)?;
            store::inbox::set_group_folder(db, &permit, email, folder, context.now())?;
        }
        Ok(())
    }
}

impl Delete {
    pub fn run(self, context: &Context, store: &mut Store) -> Result<()> {
        store.transaction(|db| {
            for wanted in &self.emails {
                let (email, permit) = right::email(db, context.actor_ref(), wanted, RoleAction::Delete)?;
                store::inbox::delete(db, &permit, email, context.now())?;
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
