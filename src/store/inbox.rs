//! What users do with their e-mails (INBOX-2, ACCESS-2): each has a copy of the marks, everybody has the same e-mail.

use anyhow::Result;
use diesel::prelude::*;

use super::email::Place;
use super::raw;
use super::schema::{deletions, email_teams, email_users, emails, folder_teams};
use super::{Database, access, notification, outbox, search};
use crate::decide::access::{Inbox, Permit, Permitted};
use crate::fault::{Class, Fault};
use crate::words::{EmailId, FolderId, GroupPlace, TeamId};

/// What to mark; what is not given stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    pub read: Option<bool>,
    pub important: Option<bool>,
}

impl std::fmt::Display for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = |value: Option<bool>, word: &str| value.map(|is| format!("{}{word}", if is { "" } else { "not " }));
        let words = [word(self.read, "read"), word(self.important, "important")];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// Marks a user's copy; returns false when the user does not have the e-mail.
pub fn mark(db: &mut Database, inbox: &Permitted<'_, Inbox>, email: EmailId, marks: Marks, now: i64) -> Result<bool> {
    let Inbox(user) = *inbox.thing();
    let copy = || email_users::table.find((email, user));
    let mut had = copy().count().get_result::<i64>(db)?;
    if let Some(read) = marks.read {
        had = i64::try_from(
            diesel::update(copy()).set((email_users::is_read.eq(read), email_users::is_marked_by_hand.eq(true))).execute(db)?,
        )?;
        if read {
            notification::heard(db, user, email)?;
        }
    }
    if let Some(important) = marks.important {
        had = i64::try_from(diesel::update(copy()).set(email_users::is_important.eq(important)).execute(db)?)?;
    }
    access::record(db, inbox.permit(), "email mark", &format!("email:{email}"), &marks.to_string(), now)?;
    Ok(had > 0)
}

/// Moves a user's copy; returns false when the user does not have the e-mail. Trash is the user's own, too.
pub fn move_to(
    db: &mut Database,
    inbox: &Permitted<'_, Inbox>,
    email: EmailId,
    (place, told): (Place, &str),
    now: i64,
) -> Result<bool> {
    let Inbox(user) = *inbox.thing();
    let (trashed, archived, folder) = match place {
        Place::Inbox | Place::Anywhere => (false, false, None),
        Place::Archive => (false, true, None),
        Place::Trash => (true, false, None),
        Place::Folder(folder) => (false, false, Some(folder)),
    };
    let copy = diesel::update(email_users::table.find((email, user)));
    // WHY-2: no filter changes what a person chose.
    let by_hand = email_users::is_placed_by_hand.eq(true);
    // From the trash it can go back to where it was.
    let moved = if place == Place::Trash {
        copy.set((email_users::is_trashed.eq(true), by_hand)).execute(db)?
    } else {
        let of = (email_users::is_trashed.eq(trashed), email_users::is_archived.eq(archived), email_users::folder_id.eq(folder));
        copy.set((of, by_hand)).execute(db)?
    };
    access::record(db, inbox.permit(), "email move", &format!("email:{email}"), told, now)?;
    Ok(moved > 0)
}

/// Puts an e-mail into a group folder, whose teams get it (TEAM-1), or takes it out.
pub fn set_group_folder(
    db: &mut Database,
    permit: &Permit<'_>,
    email: EmailId,
    folder: Option<FolderId>,
    now: i64,
) -> Result<()> {
    if let Some(folder) = folder {
        let theirs: Vec<TeamId> =
            folder_teams::table.filter(folder_teams::folder_id.eq(folder)).select(folder_teams::team_id).load(db)?;
        let have: Vec<TeamId> =
            email_teams::table.filter(email_teams::email_id.eq(email)).select(email_teams::team_id).load(db)?;
        for team in theirs.iter().filter(|team| !have.contains(team)) {
            diesel::insert_into(email_teams::table)
                .values((email_teams::email_id.eq(email), email_teams::team_id.eq(team)))
                .execute(db)?;
        }
    }
    let place = (emails::folder_id.eq(folder), emails::filed_by_hand.eq(true), emails::group_place.eq(None::<GroupPlace>));
    diesel::update(emails::table.find(email)).set(place).execute(db)?;
    let told = folder.map_or_else(|| "no group folder".to_string(), |folder| format!("group folder {folder}"));
    access::record(db, permit, "email move", &format!("email:{email}"), &told, now)
}

/// Puts an e-mail into the archive or the trash of its group folder, for everybody (INBOX-2).
pub fn set_group_place(db: &mut Database, permit: &Permit<'_>, email: EmailId, place: GroupPlace, now: i64) -> Result<()> {
    let in_folder = emails::table.find(email).filter(emails::folder_id.is_not_null());
    if diesel::update(in_folder).set((emails::group_place.eq(place), emails::filed_by_hand.eq(true))).execute(db)? == 0 {
        return Err(Fault::new(Class::Data, format!("e-mail {email} is in no group folder"))
            .hint(format!("try: espomail email move {email} --group-folder FOLDER"))
            .into());
    }
    access::record(db, permit, "email move", &format!("email:{email}"), &format!("{place} of its group folder"), now)
}

/// Deletes an e-mail for everybody. Its fates stay, so that it does not come back (FETCH-2); its Message-ID stays known to its
/// thread, so that answers find it.
pub fn delete(db: &mut Database, permit: &Permit<'_>, email: EmailId, now: i64) -> Result<()> {
    super::lock(db)?;
    outbox::must_not_wait(db, email)?;
    let (message_id, digest): (String, Vec<u8>) =
        emails::table.find(email).select((emails::message_id, emails::content_digest)).first(db)?;
    let raws = raw::all_of(db, email)?;
    let known = deletions::table.find((&message_id, &digest));
    if known.count().get_result::<i64>(db)? == 0 {
        diesel::insert_into(deletions::table)
            .values((deletions::message_id.eq(&message_id), deletions::content_digest.eq(&digest), deletions::deleted_at.eq(now)))
            .execute(db)?;
    }
    search::forget(db, email)?;
    diesel::delete(emails::table.find(email)).execute(db)?;
    raws.into_iter().try_for_each(|raw| raw::drop_unused(db, raw))?;
    access::record(db, permit, "email delete", &format!("email:{email}"), &message_id, now)
}
