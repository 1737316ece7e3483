//! Where a user has e-mails (INBOX-2), and whether somebody has few. Those are found by their numbers. Of more than a few every so many of
//! all e-mails is one: a list is read from the newest until it is full, and each is asked for. So neither grows with what there is.

use anyhow::Result;
use diesel::prelude::*;

use crate::decide::access::Sight;
use crate::store::noun::{FEW, few};
use crate::store::schema::{email_accounts, email_teams, email_users};
use crate::store::{Backend, Database};
use crate::words::{AccountId, EmailId, FolderId, UserId};

/// A user's e-mails.
#[derive(Debug, Clone)]
pub struct View {
    pub user: UserId,
    pub place: Place,
    pub unread: bool,
    pub important: bool,
}

/// Where a user has an e-mail (INBOX-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Inbox,
    Archive,
    Trash,
    Folder(FolderId),
    Anywhere,
}

/// What somebody may see, where that is few.
pub fn seen(db: &mut Database, sight: &Sight) -> Result<Option<Vec<EmailId>>> {
    let (user, teams) = match sight {
        Sight::Everything | Sight::All(_) | Sight::Nothing => return Ok(None),
        Sight::Own(user) => (user, &[][..]),
        Sight::Teams(user, teams) => (user, &teams[..]),
    };
    let own = email_users::table.filter(email_users::user_id.eq(user)).limit(FEW + 1);
    let Some(mut found) = few(own.select(email_users::email_id).load(db)?) else { return Ok(None) };
    if !teams.is_empty() {
        let theirs = email_teams::table.filter(email_teams::team_id.eq_any(teams)).limit(FEW + 1);
        found.extend(theirs.select(email_teams::email_id).load::<EmailId>(db)?);
    }
    Ok(few(found))
}

/// What came through an account, where that is few.
pub fn through(db: &mut Database, account: AccountId) -> Result<Option<Vec<EmailId>>> {
    let of = email_accounts::table.filter(email_accounts::account_id.eq(account)).limit(FEW + 1);
    Ok(few(of.select(email_accounts::email_id).load(db)?))
}

/// What a user has in a view, where that is few.
pub fn of_view(db: &mut Database, view: &View) -> Result<Option<Vec<EmailId>>> {
    let mut of = email_users::table.filter(email_users::user_id.eq(view.user)).into_boxed::<Backend>();
    if view.place != Place::Anywhere {
        of = of.filter(email_users::is_trashed.eq(view.place == Place::Trash));
    }
    of = match view.place {
        Place::Anywhere | Place::Trash => of,
        Place::Archive => of.filter(email_users::is_archived.eq(true)),
        Place::Folder(folder) => of.filter(email_users::folder_id.eq(folder)),
        Place::Inbox => of.filter(email_users::is_archived.eq(false)).filter(email_users::folder_id.is_null()),
    };
    if view.unread {
        of = of.filter(email_users::is_read.eq(false));
    }
    if view.important {
        of = of.filter(email_users::is_important.eq(true));
    }
    Ok(few(of.select(email_users::email_id).limit(FEW + 1).load(db)?))
}
