//! A filter sorts a user's copy that is there (WHY-2).

use anyhow::Result;
use diesel::prelude::*;

use crate::decide::{Place, Sorter};
use crate::store::schema::email_users;
use crate::store::{Database, notification};
use crate::words::{EmailId, UserId};

/// Where a user's copy is from now on, and whether it is read; what is not given stays.
pub(super) struct Sorted {
    pub email: EmailId,
    pub user: UserId,
    pub place: Option<Place>,
    pub read: Option<bool>,
    pub by: Sorter,
}

impl Sorted {
    pub(super) fn write(&self, db: &mut Database, now: i64) -> Result<()> {
        let copy = || diesel::update(email_users::table.find((self.email, self.user)));
        if let Some(Place { trashed, folder }) = self.place {
            let since = email_users::trashed_at.eq(trashed.then_some(now));
            copy().set((email_users::is_trashed.eq(trashed), since, email_users::folder_id.eq(folder))).execute(db)?;
        }
        if let Some(read) = self.read {
            copy().set(email_users::is_read.eq(read)).execute(db)?;
            if read {
                notification::heard(db, self.user, self.email)?;
            }
        }
        match self.by {
            Sorter::Own(filter) => copy().set(email_users::sorted_by.eq(filter)).execute(db)?,
            Sorter::Import(filter) => copy().set(email_users::read_by.eq(filter)).execute(db)?,
        };
        Ok(())
    }
}
